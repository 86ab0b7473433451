//! What a site allows: each rule looked at, every refusal told with what, why and what next.

use jiff::{SignedDuration, Timestamp};

use super::window::{Kind, Person, Span};
use crate::site::duration::format_duration;
use crate::site::model::{AccessPolicy, Sla};

/// The most by which a machine's clock may differ: beyond it, nobody can say when a window ends.
pub const LARGEST_SKEW: SignedDuration = SignedDuration::from_secs(30);
/// Access around the clock is renewed in pieces of a day.
const LONGEST_PIECE: SignedDuration = SignedDuration::from_hours(24);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who is to be let in.
    pub who: &'a Person,
    /// What for.
    pub kind: Kind,
    /// From when to when.
    pub span: Span,
    /// The ticket, where one was given.
    pub ticket: Option<&'a str>,
}

/// Why a window is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than the site allows.
    #[error("the window would last {}, and the site allows {}", format_duration(*.asked), format_duration(*.longest))]
    TooLong {
        /// What was asked for.
        asked: SignedDuration,
        /// The site's limit.
        longest: SignedDuration,
    },
    /// Not within the hours that the site allows.
    #[error("the window would be open from {from} to {to}, and the site allows {allowed}")]
    OutsideHours {
        /// Its start, in the zone of the hours.
        from: String,
        /// Its end.
        to: String,
        /// The hours.
        allowed: String,
    },
    /// The site demands a ticket.
    #[error("the site demands a ticket that matches `{pattern}`, and none was given")]
    NoTicket {
        /// The site's pattern.
        pattern: String,
    },
    /// The ticket is none of the site's.
    #[error("the ticket `{ticket}` does not match the site's pattern `{pattern}`")]
    StrangeTicket {
        /// What was given.
        ticket: String,
        /// The site's pattern.
        pattern: String,
    },
    /// The person is not among those who may be let in.
    #[error("{who} is not among the persons whom the site lets in")]
    StrangePerson {
        /// Who.
        who: Person,
    },
    /// Access around the clock without the SLA that goes with it.
    #[error("access around the clock goes with `sla: custom`, and this site has `sla: standard`")]
    StandingWithoutSla,
    /// The site wants other persons' consent.
    #[error("the site wants the approval of {needed} other person(s) for a window, and this one has {given}")]
    NotApproved {
        /// How many.
        needed: u8,
        /// How many there are that count.
        given: usize,
    },
    /// A machine's clock is off.
    #[error("the clock of {machine} is {} {}: more than the {} within which a window's end means anything", format_duration(off.abs()), if off.is_negative() { "behind" } else { "ahead" }, format_duration(LARGEST_SKEW))]
    Skew {
        /// Which machine.
        machine: String,
        /// By how much it is ahead.
        off: SignedDuration,
    },
}

impl Refusal {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::TooLong { longest, .. } => {
                format!("ask for at most {} and extend it when need be; the limit is `access.longest_window`", format_duration(*longest))
            }
            Self::OutsideHours { .. } => "ask for a time within those hours (--from TIME); they stand in `access.hours`".to_owned(),
            Self::NoTicket { .. } | Self::StrangeTicket { .. } => "give the ticket under which this was agreed: --ticket T".to_owned(),
            Self::StrangePerson { .. } => "name a person of `access.persons`, or have the site's owner add this one".to_owned(),
            Self::StandingWithoutSla => "open a window for the agreed time: --kind maintenance --for 4h".to_owned(),
            Self::NotApproved { .. } => {
                "ask for it with `portcullis access request`, have another person run `portcullis access approve ID`, then `portcullis access open --request ID`".to_owned()
            }
            Self::Skew { machine, .. } => {
                format!("set the clock of {machine} right (NTP), or that of this machine; `portcullis check --only clock` tells which")
            }
        })
    }
}

/// Looks at every rule of the site; all refusals, the first the one that matters most.
pub fn check_request(request: &Request<'_>, policy: &AccessPolicy, sla: Sla) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    let longest = if request.kind == Kind::Standing { LONGEST_PIECE } else { policy.longest_window };
    let asked = request.span.length();
    if asked > longest {
        refusals.push(Refusal::TooLong { asked, longest });
    }
    if request.kind == Kind::Standing && sla == Sla::Standard {
        refusals.push(Refusal::StandingWithoutSla);
    }
    if let Some(hours) = policy.hours.as_ref().filter(|_| request.kind != Kind::Standing) {
        let (start, end) = (request.span.start(), request.span.end());
        if !hours.hold(start, end) {
            refusals.push(Refusal::OutsideHours { from: hours.local(start), to: hours.local(end), allowed: hours.to_string() });
        }
    }
    if !policy.persons.is_empty() && !policy.persons.iter().any(|name| name == request.who.as_str()) {
        refusals.push(Refusal::StrangePerson { who: request.who.clone() });
    }
    if let Some(pattern) = &policy.ticket_pattern {
        match request.ticket {
            None => refusals.push(Refusal::NoTicket { pattern: pattern.clone() }),
            Some(ticket) if !matches_whole(pattern, ticket) => {
                refusals.push(Refusal::StrangeTicket { ticket: ticket.to_owned(), pattern: pattern.clone() });
            }
            Some(_) => {}
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// Refuses what has fewer approvals than the site wants.
pub fn check_approvals(given: usize, policy: &AccessPolicy) -> Result<(), Refusal> {
    let needed = policy.approvals;
    if given >= usize::from(needed) { Ok(()) } else { Err(Refusal::NotApproved { needed, given }) }
}

// A pattern that cannot be read matches nothing; the site's validation has told of it already.
fn matches_whole(pattern: &str, ticket: &str) -> bool {
    regex::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(ticket))
}

/// What a machine said of its clock, and when by ours it was asked and had answered.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What it said.
    pub theirs: Timestamp,
    /// Before it was asked.
    pub asked: Timestamp,
    /// After it had answered.
    pub answered: Timestamp,
}

/// Refuses a clock that is off by more than half a minute whenever between the two it was read.
pub fn check_skew(machine: &str, clock: Clock) -> Result<(), Refusal> {
    let ahead = clock.theirs.duration_since(clock.answered);
    let behind = clock.theirs.duration_since(clock.asked);
    let off = if ahead > LARGEST_SKEW {
        ahead
    } else if behind < -LARGEST_SKEW {
        behind
    } else {
        return Ok(());
    };
    Err(Refusal::Skew { machine: machine.to_owned(), off: SignedDuration::from_secs(off.as_secs()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_348_800 + second).unwrap()
    }

    fn refusals(hours: i64, kind: Kind, ticket: Option<&str>, policy: &AccessPolicy) -> Vec<Refusal> {
        let who = Person::parse("ada").unwrap();
        let span = Span::lasting(at(0), SignedDuration::from_hours(hours), at(0)).unwrap();
        check_request(&Request { who: &who, kind, span, ticket }, policy, Sla::Standard).err().unwrap_or_default()
    }

    #[test]
    fn a_window_within_the_policy_is_let_through() {
        assert_eq!(refusals(8, Kind::Maintenance, None, &AccessPolicy::default()), []);
    }

    #[test]
    fn each_rule_that_is_broken_is_told_of() {
        let policy =
            AccessPolicy { ticket_pattern: Some("CHG[0-9]+".to_owned()), persons: vec!["bob".to_owned()], ..AccessPolicy::default() };
        let [too_long, no_sla, stranger, no_ticket] = [0, 1, 2, 3];
        let all = refusals(24 * 365, Kind::Standing, None, &policy);
        assert!(matches!(all[too_long], Refusal::TooLong { longest, .. } if longest == LONGEST_PIECE));
        assert!(matches!(all[no_sla], Refusal::StandingWithoutSla));
        assert!(matches!(all[stranger], Refusal::StrangePerson { .. }));
        assert!(matches!(all[no_ticket], Refusal::NoTicket { .. }));
        assert!(all.iter().all(|refusal| refusal.help().is_some()));
    }

    #[test]
    fn a_window_outside_the_sites_hours_is_refused_and_its_zone_is_named() {
        let weekly = vec![crate::site::model::WeeklyHours::parse("daily 18:00-24:00").unwrap()];
        let hours = crate::site::model::AllowedHours { zone: jiff::tz::TimeZone::get("Europe/Zurich").unwrap(), weekly };
        let policy = AccessPolicy { hours: Some(hours), ..AccessPolicy::default() };
        let refused = refusals(1, Kind::Maintenance, None, &policy);
        let said = refused[0].to_string();
        assert!(said.contains("13:00:00 +01:00") && said.contains("daily 18:00-24:00 (Europe/Zurich)"), "{said}");
        assert!(!refusals(1, Kind::Standing, None, &policy).iter().any(|refusal| matches!(refusal, Refusal::OutsideHours { .. })));
    }

    #[test]
    fn what_lacks_an_approval_is_refused() {
        let policy = AccessPolicy { approvals: 2, ..AccessPolicy::default() };
        assert_eq!(check_approvals(1, &policy), Err(Refusal::NotApproved { needed: 2, given: 1 }));
        assert_eq!((check_approvals(2, &policy), check_approvals(0, &AccessPolicy::default())), (Ok(()), Ok(())));
    }

    #[test]
    fn a_ticket_matches_as_a_whole() {
        let policy = AccessPolicy { ticket_pattern: Some("CHG[0-9]+|INC[0-9]+".to_owned()), ..AccessPolicy::default() };
        for (ticket, good) in [("CHG12", true), ("INC7", true), ("xCHG12", false), ("CHG12x", false), ("CHG12\nINC7", false), ("", false)] {
            assert_eq!(refusals(1, Kind::Maintenance, Some(ticket), &policy).is_empty(), good, "{ticket:?}");
        }
    }

    #[test]
    fn a_clock_may_be_off_by_half_a_minute_and_the_way_is_no_skew() {
        let clock = |theirs| Clock { theirs: at(theirs), asked: at(0), answered: at(20) };
        for (theirs, off) in [(-30, None), (-31, Some(-31)), (50, None), (51, Some(31)), (320, Some(300)), (-300, Some(-300))] {
            let off = off.map(|off| Refusal::Skew { machine: "a0-1".to_owned(), off: SignedDuration::from_secs(off) });
            assert_eq!(check_skew("a0-1", clock(theirs)).err(), off, "{theirs}");
        }
    }

    proptest! {
        #[test]
        fn no_window_is_let_through_that_is_longer_than_the_policy(length in 1i64..400_000, longest in 1i64..400_000) {
            let policy = AccessPolicy { longest_window: SignedDuration::from_secs(longest), ..AccessPolicy::default() };
            let who = Person::parse("ada").unwrap();
            let span = Span::lasting(at(0), SignedDuration::from_secs(length), at(0)).unwrap();
            let request = Request { who: &who, kind: Kind::Maintenance, span, ticket: None };
            prop_assert_eq!(check_request(&request, &policy, Sla::Standard).is_ok(), length <= longest);
        }
    }
}
