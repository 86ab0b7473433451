//! The `guard` of a step or playbook: how long the node waits to be confirmed.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

use crate::node::Guard;
use crate::site::duration::parse_duration;

// Less leaves no time to log in again; more leaves a cluster cut off for longer than anybody waits.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_hours(1);

/// A time from 10 seconds to an hour, such as `60s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuardFile(pub Guard);

impl<'de> Deserialize<'de> for GuardFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let within = parse_duration(&text).ok().and_then(|duration| Duration::try_from(duration).ok());
        match within.filter(|within| (SHORTEST..=LONGEST).contains(within)) {
            Some(within) => Ok(Self(Guard { within })),
            None => Err(D::Error::custom(format!("`{text}` is no time for a guard; write one from 10s to 1h, such as `60s`"))),
        }
    }
}

impl JsonSchema for GuardFile {
    fn schema_name() -> Cow<'static, str> {
        "Guard".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": ["60s", "2m"]})
    }
}

/// Of two guards the one that gives more time; the shorter could end while the other step is still at work.
pub(super) fn longest(one: Option<Guard>, other: Option<Guard>) -> Option<Guard> {
    one.into_iter().chain(other).max_by_key(|guard| guard.within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_a_time_within_reason() {
        let read = |text: &str| serde_saphyr::from_str::<GuardFile>(text).map(|guard| guard.0.within.as_secs());
        assert_eq!((read("60s").unwrap(), read("1m30s").unwrap(), read("1h").unwrap()), (60, 90, 3600));
        for text in ["1s", "2h", "60", "soon", "\"\"", "[]"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_longer_of_two_guards_counts() {
        let of = |seconds| Some(Guard { within: Duration::from_secs(seconds) });
        assert_eq!((longest(of(10), of(60)), longest(None, of(10)), longest(None, None)), (of(60), of(10), None));
    }
}
