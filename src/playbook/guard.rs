//! The `guard` of a step or playbook: `true`, or how long the node waits to be confirmed.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::node::Guard;
use crate::site::duration::parse_duration;

// Less leaves no time to log in again; more leaves a cluster cut off for longer than anybody waits.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_hours(1);

/// `true` (60 seconds), a time such as `90s` or `2m` (10 seconds to an hour), or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct GuardFile(pub Option<Guard>);

impl<'de> Deserialize<'de> for GuardFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Words)
    }
}

struct Words;

impl Visitor<'_> for Words {
    type Value = GuardFile;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`true`, `false`, or a time from 10s to 1h such as `60s`")
    }

    fn visit_bool<E: Error>(self, is_guarded: bool) -> Result<GuardFile, E> {
        Ok(GuardFile(is_guarded.then_some(Guard::USUAL)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<GuardFile, E> {
        let within = parse_duration(text).ok().and_then(|duration| Duration::try_from(duration).ok());
        match within.filter(|within| (SHORTEST..=LONGEST).contains(within)) {
            Some(within) => Ok(GuardFile(Some(Guard { within }))),
            None => Err(E::custom(format!("`{text}` is no time for a guard; write `true`, or a time from 10s to 1h such as `60s`"))),
        }
    }
}

impl JsonSchema for GuardFile {
    fn schema_name() -> Cow<'static, str> {
        "Guard".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`true` (60 seconds), `false`, or a time from 10s to 1h such as `90s`",
            "anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"}],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_true_false_or_a_time_within_reason() {
        let read = |text: &str| serde_saphyr::from_str::<GuardFile>(text).map(|guard| guard.0.map(|guard| guard.within.as_secs()));
        assert_eq!(read("true").unwrap(), Some(60));
        assert_eq!(read("false").unwrap(), None);
        assert_eq!(read("1m30s").unwrap(), Some(90));
        for text in ["1s", "2h", "60", "soon", "\"\"", "[]"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
