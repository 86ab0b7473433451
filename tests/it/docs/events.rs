//! Events as scripts read them: every line that a test reads is held against the published schema.

use std::sync::OnceLock;

use serde_json::Value;

fn schema() -> &'static jsonschema::Validator {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/events.schema.json");
        let text = std::fs::read_to_string(file).unwrap();
        jsonschema::draft202012::new(&serde_json::from_str(&text).unwrap()).unwrap()
    })
}

/// The events on a command's standard output; fails where a line is none of those that are published.
#[track_caller]
pub(crate) fn events_of(stdout: &str) -> Vec<Value> {
    let event = |line: &str| -> Value {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let wrong: Vec<String> = schema().iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "not as published: {line}\n{}", wrong.join("\n"));
        value
    };
    stdout.lines().map(event).collect()
}

#[test]
#[should_panic(expected = "not as published")]
fn what_is_not_published_is_noticed() {
    events_of("{\"event\":\"node\",\"node\":\"a0-1\",\"phase\":\"lunch\",\"state\":\"started\"}\n");
}
