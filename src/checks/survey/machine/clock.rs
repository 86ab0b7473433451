//! Clocks compared: each reading bears its error, and what cannot be told within it is not held against a machine.
//! The machine that is off is named: the one that stands apart from most of the others, which may be this one.

use jiff::{SignedDuration, Timestamp};

use crate::checks::spec::{Outcome, Tally};
use crate::checks::survey::SKEW;
use crate::finding::Severity;
use crate::site::profile::Clock;

/// What one machine's clock showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The machine.
    pub machine: String,
    /// How far it is ahead of this machine.
    pub ahead: SignedDuration,
    /// How far the reading may be off: half the round trip, and what the clock itself left out.
    pub error: SignedDuration,
}

impl Reading {
    /// A clock that showed `shown` (exact to `precision`), asked at `asked` and answered at `answered` by our own clock.
    pub fn new(machine: &str, shown: (Timestamp, SignedDuration), asked: Timestamp, answered: Timestamp) -> Self {
        let half = answered.duration_since(asked) / 2;
        let (moment, precision) = shown;
        Self { machine: machine.to_owned(), ahead: moment.duration_since(asked) - half, error: half + precision }
    }

    /// This machine itself.
    fn here() -> Self {
        Self { machine: "this machine".to_owned(), ahead: SignedDuration::ZERO, error: SignedDuration::ZERO }
    }
}

/// Judges the clocks of all machines together, this one included.
pub fn clocks(readings: &[Reading], rules: &Clock) -> Vec<Outcome> {
    if readings.is_empty() {
        return Vec::new();
    }
    let all: Vec<Reading> = std::iter::once(Reading::here()).chain(readings.iter().cloned()).collect();
    let middle = middle(&all);
    let reference = if middle == SignedDuration::ZERO { "this machine" } else { "most of the others" };
    all.iter().map(|reading| judge(reading, middle, reference, all.len(), rules)).collect::<Vec<_>>().concat()
}

/// The median; of two the first, which is ours.
fn middle(all: &[Reading]) -> SignedDuration {
    let mut ahead: Vec<SignedDuration> = all.iter().map(|reading| reading.ahead).collect();
    if ahead.len() < 3 {
        return SignedDuration::ZERO;
    }
    ahead.sort();
    let median = ahead.get((ahead.len() - 1) / 2).copied().unwrap_or_default();
    // Nothing is gained by calling ourselves off by less than anybody could read.
    let doubt = all.iter().map(|reading| reading.error).max().unwrap_or_default();
    if median.abs() <= doubt { SignedDuration::ZERO } else { median }
}

fn judge(reading: &Reading, middle: SignedDuration, reference: &str, of: usize, rules: &Clock) -> Vec<Outcome> {
    let mut tally = Tally::of(&reading.machine);
    let skew = reading.ahead - middle;
    let least = skew.abs() - reading.error;
    let seen = format!("{} ± {} against {reference}", signed(skew), seconds(reading.error));
    let limit = |millis: u64| SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    if least <= limit(rules.warn_skew_ms) {
        tally.passed(&SKEW, seen);
        return tally.complete(&[&SKEW], "");
    }
    let direction = if skew > SignedDuration::ZERO { "ahead of" } else { "behind" };
    let either = if of == 2 { "; with two clocks nobody can say which of them is wrong" } else { "" };
    let message = format!("its clock is {} (± {}) {direction} {reference}{either}", seconds(skew.abs()), seconds(reading.error));
    let fix = format!(
        "on {}: `chronyc sources -v` and `chronyc tracking` show its time source; `chronyc makestep` sets it right once that is well",
        reading.machine
    );
    let severity = if least > limit(rules.fail_skew_ms) { Severity::Error } else { Severity::Warning };
    tally.found_as(severity, &SKEW, message, fix);
    tally.evidence(&SKEW, seen);
    tally.complete(&[&SKEW], "")
}

fn seconds(span: SignedDuration) -> String {
    if span.abs() < SignedDuration::from_secs(10) { format!("{} ms", span.as_millis()) } else { format!("{span:#}") }
}

fn signed(span: SignedDuration) -> String {
    if span < SignedDuration::ZERO { format!("−{}", seconds(span.abs())) } else { format!("+{}", seconds(span)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::spec::findings;
    use crate::finding::Finding;
    use crate::site::profile::{DEFAULT, Profile};
    use proptest::prelude::*;

    fn reading(machine: &str, ahead: i64, error: i64) -> Reading {
        Reading { machine: machine.to_owned(), ahead: SignedDuration::from_millis(ahead), error: SignedDuration::from_millis(error) }
    }

    fn found(readings: &[Reading]) -> Vec<Finding> {
        findings(&clocks(readings, &Profile::built_in(DEFAULT).unwrap().clock))
    }

    #[test]
    fn the_machine_that_is_off_is_named_and_no_other() {
        let found = found(&[reading("a0-1", 20, 30), reading("a0-2", -60_000, 30), reading("a0-3", 0, 30)]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].subject.as_str(), found[0].severity), ("a0-2", Severity::Error));
        assert!(found[0].message.contains("1m") && found[0].message.contains("behind"), "{}", found[0].message);
    }

    #[test]
    fn this_machine_is_named_where_all_others_agree() {
        let found = found(&[reading("jump", 90_000, 30), reading("a0-1", 90_010, 30), reading("a0-2", 89_990, 30)]);
        assert_eq!(found.iter().map(|finding| finding.subject.as_str()).collect::<Vec<_>>(), ["this machine"]);
    }

    #[test]
    fn what_a_slow_road_hides_is_not_held_against_a_machine() {
        assert_eq!(found(&[reading("a0-1", 4_000, 3_500), reading("a0-2", 0, 30)]), []);
        let found = found(&[reading("a0-1", 4_000, 500), reading("a0-2", 0, 30)]);
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn a_reading_takes_half_the_round_trip_off() {
        let at = |millis: i64| Timestamp::from_millisecond(millis).unwrap();
        let reading = Reading::new("a0-1", (at(10_100), SignedDuration::ZERO), at(10_000), at(10_200));
        assert_eq!((reading.ahead, reading.error), (SignedDuration::ZERO, SignedDuration::from_millis(100)));
    }

    proptest! {
        #[test]
        fn clocks_that_agree_are_never_found(error in 0i64..1_000, count in 1usize..20) {
            let readings: Vec<Reading> = (0..count).map(|number| reading(&format!("n{number}"), 0, error)).collect();
            prop_assert_eq!(found(&readings), Vec::new());
        }
    }
}
