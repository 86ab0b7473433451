//! The name of a run: sorts by time, readable, and safe as a file name on every machine.

use std::fmt;

use serde::Serialize;

/// One application of a plan. `20261122T061530.250Z-3f9a1c`: when it began (UTC), and a random part. Milliseconds, since
/// the newest of a node's runs is found by its name, and two quick runs of a script fit into one second.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RunId(String);

/// A text that is no run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a run id; one looks like 20261122T061530.250Z-3f9a1c")]
pub struct NotARunId(String);

impl RunId {
    /// The id of a run that begins at `now`; `random` sets apart two that begin at one moment.
    pub fn new(now: jiff::Timestamp, random: u32) -> Self {
        Self(format!("{}-{:06x}", now.strftime("%Y%m%dT%H%M%S.%3fZ"), random & 0x00ff_ffff))
    }

    /// Reads an id, or the beginning of one, as a person types it.
    pub fn parse(text: &str) -> Result<Self, NotARunId> {
        let fits = |c: char| c.is_ascii_digit() || ".TZ-abcdef".contains(c);
        if text.len() >= 4 && text.len() <= 27 && text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(NotARunId(text.to_owned()))
    }

    /// When the run began, as its id says.
    pub fn began(&self) -> Option<jiff::Timestamp> {
        began(&self.0)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// When a run began, as its id says: to the second.
pub fn began(id: &str) -> Option<jiff::Timestamp> {
    let seconds = id.get(..15)?;
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", seconds).ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RunId;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let early = RunId::new("2026-11-22T06:15:30.007Z".parse().unwrap(), 0xffff_ffff);
        let late = RunId::new("2026-11-22T06:15:30.011Z".parse().unwrap(), 0);
        assert!(early < late);
        assert_eq!(early.began(), Some("2026-11-22T06:15:30Z".parse().unwrap()));
        assert_eq!(early.as_str(), "20261122T061530.007Z-ffffff");
        assert_eq!(RunId::parse(early.as_str()), Ok(early));
    }

    #[test]
    fn what_could_leave_the_runs_folder_is_no_id() {
        for text in ["../../etc", "", "2026/1", "2026/..", "x; rm -rf"] {
            assert!(RunId::parse(text).is_err(), "{text}");
        }
    }
}
