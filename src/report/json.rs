//! JSON on standard output: one event a line, or one object for a query; and the schema of the events.
//!
//! A reader that goes away ends the output, not the work.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::event::{Event, Sink};

/// Writes one event a line, each at once.
pub struct JsonSink<W> {
    inner: Mutex<(W, io::Result<()>)>,
}

impl<W> fmt::Debug for JsonSink<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JsonSink").finish_non_exhaustive()
    }
}

impl<W: Write + Send> JsonSink<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { inner: Mutex::new((out, Ok(()))) }
    }

    /// How the writing went so far: the first error, unless it was only that nobody reads any more.
    pub fn outcome(&self) -> io::Result<()> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let again = |error: &io::Error| error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
        unless_broken_pipe(inner.1.as_ref().map_err(again).copied())
    }
}

impl<W: Write + Send> Sink for JsonSink<W> {
    fn emit(&self, event: &Event) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (out, outcome) = &mut *inner;
        // What failed once stays silent: half of a later line must not follow half of an earlier one.
        if outcome.is_ok() {
            *outcome = write_line(out, event);
        }
    }
}

fn write_line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    // In one piece, so that a line is whole or not there.
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

/// Writes the one object that answers a query. That nobody reads it is no error.
pub fn write_object(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    unless_broken_pipe(write_line(out, value))
}

/// Forgives that the reader went away, as `… | head -1` does.
pub fn unless_broken_pipe(outcome: io::Result<()>) -> io::Result<()> {
    outcome.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// The JSON Schema (draft 2020-12) of one line of events.
pub fn event_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Event>().to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Phase, State};
    use crate::finding::{Finding, Severity};
    use serde_json::json;

    fn samples() -> Vec<Event> {
        let finding = Finding {
            id: "cert.expired".into(),
            severity: Severity::Error,
            subject: "site.pem".into(),
            message: "expired".into(),
            fix: "ask for another".into(),
            source: "Security and Access".into(),
        };
        let phases = [
            Phase::Connect,
            Phase::Probe,
            Phase::Plan,
            Phase::Wait,
            Phase::Stage,
            Phase::Commit,
            Phase::Verify,
            Phase::Undo,
            Phase::Close,
            Phase::Record,
        ];
        let states = [State::Started, State::Done, State::Unchanged, State::Skipped, State::Failed];
        let mut events = vec![
            Event::Started { command: "apply".into(), site: "north".into(), run: Some("r1".into()), nodes: vec!["a0-1".into()] },
            Event::Started { command: "check".into(), site: "north".into(), run: None, nodes: Vec::new() },
            Event::Changed { node: "a0-1".into(), step: "nginx".into(), subject: "/etc/nginx/nginx.conf".into() },
            Event::Finding { finding },
            Event::Error { message: "no".into(), causes: vec!["why".into()], help: Some("do".into()) },
            Event::Error { message: "no".into(), causes: Vec::new(), help: None },
            Event::Summary { command: "apply".into(), exit_code: 5, results: json!({"changed": 3}).as_object().unwrap().clone() },
        ];
        for phase in phases {
            events.extend(states.map(|state| Event::Node { node: "a0-1".into(), phase, state, detail: None }));
        }
        events
    }

    #[test]
    fn every_event_fits_the_published_schema() {
        let validator = jsonschema::draft202012::new(&event_schema()).unwrap();
        for event in samples() {
            let value = serde_json::to_value(&event).unwrap();
            let problems: Vec<_> = validator.iter_errors(&value).map(|problem| problem.to_string()).collect();
            assert_eq!(problems, Vec::<String>::new(), "{value}");
        }
    }

    #[test]
    fn what_is_no_event_does_not_fit_the_schema() {
        let validator = jsonschema::draft202012::new(&event_schema()).unwrap();
        for value in [
            json!({}),
            json!({"event": "moon"}),
            json!({"event": "node", "node": "a0-1", "phase": "lunch", "state": "started"}),
            json!({"event": "node", "node": "a0-1", "phase": "stage"}),
            json!({"event": "summary", "command": "apply"}),
            json!({"event": "finding", "id": "x", "severity": "fatal", "subject": "", "message": "", "fix": "", "source": ""}),
        ] {
            assert!(!validator.is_valid(&value), "{value}");
        }
    }

    #[test]
    fn each_event_is_a_line_of_its_own() {
        let sink = JsonSink::new(Vec::new());
        for event in samples() {
            sink.emit(&event);
        }
        let (bytes, outcome) = sink.inner.into_inner().unwrap();
        outcome.unwrap();
        let lines: Vec<Value> = String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), samples().len());
        assert_eq!(lines[0], json!({"event": "started", "command": "apply", "site": "north", "run": "r1", "nodes": ["a0-1"]}));
    }

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_error_but_a_full_disk_is() {
        for (kind, fine) in [(io::ErrorKind::BrokenPipe, true), (io::ErrorKind::StorageFull, false)] {
            let sink = JsonSink::new(Failing(kind));
            for event in samples() {
                sink.emit(&event);
            }
            assert_eq!(sink.outcome().is_ok(), fine);
            assert_eq!(write_object(&mut Failing(kind), &json!({})).is_ok(), fine);
        }
    }
}
