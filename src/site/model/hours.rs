//! Hours of the week in which windows may be open, in one time zone. Pure: text and moments in, a verdict out.

use std::fmt;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const MINUTES_OF_A_DAY: i64 = 24 * 60;

/// One line of allowed hours, such as `mon-fri 18:00-06:00`: an end that is not after the start is the next day's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeeklyHours {
    days: Vec<Weekday>,
    /// Minutes after midnight of those days.
    from: i64,
    to: i64,
    text: String,
}

impl WeeklyHours {
    /// Reads `DAYS FROM-TO`: days as `mon`, `mon-fri` or `sat,sun`, or `daily`; times as `18:00`, the end up to `24:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.trim().to_lowercase();
        let (days, times) = plain.split_once(' ')?;
        let (from, to) = times.trim().split_once('-')?;
        let (from, to) = (minute(from).filter(|from| *from < MINUTES_OF_A_DAY)?, minute(to)?);
        let to = if to > from { to } else { to + MINUTES_OF_A_DAY };
        Some(Self { days: days_of(days)?, from, to, text: plain })
    }

    /// The hours that begin on `date`, as moments.
    fn on(&self, date: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        self.days.contains(&date.weekday()).then_some(())?;
        let at = |minutes: i64| {
            let clock = date.at(0, 0, 0, 0).checked_add(Span::new().minutes(minutes)).ok()?;
            // By the clock on the wall: a night in which it is put back is an hour longer.
            Some(clock.to_zoned(zone.clone()).ok()?.timestamp())
        };
        Some((at(self.from)?, at(self.to)?))
    }
}

fn minute(text: &str) -> Option<i64> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let is_plain = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes): (i64, i64) = (is_plain(hours).then(|| hours.parse().ok())??, is_plain(minutes).then(|| minutes.parse().ok())??);
    (minutes < 60 && hours * 60 + minutes <= MINUTES_OF_A_DAY).then_some(hours * 60 + minutes)
}

fn days_of(text: &str) -> Option<Vec<Weekday>> {
    if text == "daily" {
        return Some(DAYS.map(|(_, day)| day).to_vec());
    }
    let place = |name: &str| DAYS.iter().position(|(known, _)| *known == name);
    let mut days = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(first)?, place(last)?);
        let count = (last + DAYS.len() - first) % DAYS.len() + 1;
        days.extend(DAYS.iter().cycle().skip(first).take(count).map(|(_, day)| *day));
    }
    Some(days)
}

/// When windows may be open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHours {
    /// The zone that the hours are meant in.
    pub zone: TimeZone,
    /// The hours; together they are what is allowed.
    pub weekly: Vec<WeeklyHours>,
}

impl AllowedHours {
    /// Whether all of the time from `start` to `end` is allowed.
    pub fn hold(&self, start: Timestamp, end: Timestamp) -> bool {
        let mut reached = start;
        // Hours that began the day before may last until now.
        let mut day = start.to_zoned(self.zone.clone()).date().yesterday().ok();
        let last = end.to_zoned(self.zone.clone()).date();
        while let Some(date) = day.filter(|date| *date <= last) {
            let mut today: Vec<_> = self.weekly.iter().filter_map(|hours| hours.on(date, &self.zone)).collect();
            today.sort_unstable();
            for (from, to) in today {
                if from <= reached {
                    reached = reached.max(to);
                }
            }
            day = date.tomorrow().ok();
        }
        reached >= end
    }

    /// A moment in the zone of the hours.
    pub fn local(&self, moment: Timestamp) -> String {
        moment.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string()
    }
}

impl fmt::Display for AllowedHours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours: Vec<&str> = self.weekly.iter().map(|hours| hours.text.as_str()).collect();
        write!(formatter, "{} ({})", hours.join("; "), self.zone.iana_name().unwrap_or("UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hours(zone: &str, lines: &[&str]) -> AllowedHours {
        let weekly = lines.iter().map(|line| WeeklyHours::parse(line).unwrap()).collect();
        AllowedHours { zone: TimeZone::get(zone).unwrap(), weekly }
    }

    fn hold(hours: &AllowedHours, start: &str, end: &str) -> bool {
        hours.hold(start.parse().unwrap(), end.parse().unwrap())
    }

    #[test]
    fn a_window_lies_in_the_hours_as_a_whole() {
        let office = hours("UTC", &["mon-fri 08:00-18:00"]);
        // 2026-11-23 is a Monday.
        assert!(hold(&office, "2026-11-23T08:00:00Z", "2026-11-23T18:00:00Z"));
        for (start, end) in [
            ("2026-11-23T07:59:59Z", "2026-11-23T09:00:00Z"),
            ("2026-11-23T17:00:00Z", "2026-11-23T18:00:01Z"),
            ("2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z"),
            ("2026-11-23T09:00:00Z", "2026-11-24T09:00:00Z"),
        ] {
            assert!(!hold(&office, start, end), "{start} to {end}");
        }
    }

    #[test]
    fn hours_reach_over_midnight_and_touch_each_other() {
        let nights = hours("UTC", &["fri 22:00-06:00", "sat,sun 00:00-24:00"]);
        assert!(hold(&nights, "2026-11-20T23:00:00Z", "2026-11-21T05:00:00Z"));
        assert!(hold(&nights, "2026-11-20T22:00:00Z", "2026-11-23T00:00:00Z"), "night and weekend are one");
        assert!(!hold(&nights, "2026-11-20T22:00:00Z", "2026-11-23T00:00:01Z"));
        assert!(hold(&hours("UTC", &["sun-mon 23:00-01:00"]), "2026-11-24T00:00:00Z", "2026-11-24T01:00:00Z"));
    }

    #[test]
    fn the_hours_are_those_of_their_zone_whatever_its_clocks_are_set_to() {
        let zurich = hours("Europe/Zurich", &["daily 08:00-18:00"]);
        assert!(hold(&zurich, "2026-07-01T06:00:00Z", "2026-07-01T16:00:00Z"));
        assert!(!hold(&zurich, "2026-12-01T06:00:00Z", "2026-12-01T07:00:00Z"));
        // The night of 25 October 2026, put back at three: from 22:00 to 06:00 are nine hours.
        let night = hours("Europe/Zurich", &["sat 22:00-06:00"]);
        assert!(hold(&night, "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"));
        assert!(!hold(&night, "2026-10-24T20:00:00Z", "2026-10-25T05:00:01Z"));
        assert_eq!(zurich.to_string(), "daily 08:00-18:00 (Europe/Zurich)");
    }

    #[test]
    fn what_is_no_line_of_hours_is_none() {
        for text in [
            "",
            "mon",
            "mon 8-18",
            "mon 08:00",
            "mon 25:00-26:00",
            "mon 24:00-01:00",
            "xyz 08:00-18:00",
            "mon- 08:00-18:00",
            "mon 08:60-18:00",
        ] {
            assert_eq!(WeeklyHours::parse(text), None, "{text}");
        }
        assert!(WeeklyHours::parse("Mon-Fri 08:00 - 18:00").is_some());
    }

    proptest! {
        #[test]
        fn around_the_clock_is_always_and_no_hours_are_never(start in 0i64..4_000_000_000, length in 1i64..2_000_000) {
            let moment = |second| Timestamp::from_second(second).unwrap();
            let always = hours("Europe/Zurich", &["daily 00:00-24:00"]);
            prop_assert!(always.hold(moment(start), moment(start + length)));
            prop_assert!(!hours("UTC", &[]).hold(moment(start), moment(start + length)));
        }

        #[test]
        fn what_lies_within_what_is_allowed_is_allowed(start in 1_795_000_000i64..1_796_000_000, length in 2i64..200_000, cut in 1i64..100_000) {
            let moment = |second| Timestamp::from_second(second).unwrap();
            let some = hours("Europe/Zurich", &["mon-fri 06:00-20:00", "fri 20:00-06:00", "sat 06:00-12:00"]);
            if some.hold(moment(start), moment(start + length)) {
                prop_assert!(some.hold(moment(start), moment(start + length - cut.min(length - 1))));
                prop_assert!(some.hold(moment(start + cut.min(length - 1)), moment(start + length)));
            }
        }
    }
}
