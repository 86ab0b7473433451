//! Which checks the tests really saw find something, and which they saw pass: `tests/provoked.sh` reads it when all tests are
//! done, and fails where a check of the catalogue was never seen to do both.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use portcullis::checks::{Outcome, Verdict};
use serde_json::Value;

/// Ids that were found, and ids that passed.
#[derive(Debug, Default)]
struct Seen(BTreeSet<(&'static str, String)>);

impl Seen {
    fn found(&mut self, id: &str) {
        self.0.insert(("found", id.to_owned()));
    }

    fn passed(&mut self, id: &str) {
        self.0.insert(("passed", id.to_owned()));
    }

    /// Adds them to this process' file; a line each, all of them at once.
    fn keep(self) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("provoked");
        std::fs::create_dir_all(&folder).unwrap();
        let lines = self.0.into_iter().fold(String::new(), |mut lines, (how, id)| {
            writeln!(lines, "{how} {id}").unwrap();
            lines
        });
        let file = std::fs::File::options().create(true).append(true).open(folder.join(std::process::id().to_string()));
        file.unwrap().write_all(lines.as_bytes()).unwrap();
    }
}

/// Notes what outcomes of the library say.
pub(crate) fn in_outcomes(outcomes: &[Outcome]) {
    let mut seen = Seen::default();
    for outcome in outcomes {
        match &outcome.verdict {
            Verdict::Passed => seen.passed(outcome.spec.id),
            Verdict::Found { .. } => seen.found(outcome.spec.id),
            Verdict::CouldNotRun { .. } | Verdict::NotApplicable { .. } => {}
        }
    }
    seen.keep();
}

/// Notes what the events of `check -v` or `verify -v` say. What judges the run itself passes where it finds nothing.
pub(crate) fn in_events(events: &[Value]) {
    let mut seen = Seen::default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let found: BTreeSet<String> = events.iter().filter(|event| event["event"] == "finding").map(|finding| text(finding, "id")).collect();
    for id in &found {
        seen.found(id);
    }
    let Some(checks) = events.last().and_then(|summary| summary["checks"].as_array()) else { return seen.keep() };
    checks.iter().filter(|check| check["verdict"] == "passed").for_each(|check| seen.passed(&text(check, "id")));
    ["check.not-run", "check.waiver"].into_iter().filter(|id| !found.contains(*id)).for_each(|id| seen.passed(id));
    seen.keep();
}

/// Notes rules that found nothing in what is right.
pub(crate) fn passing<'p>(ids: impl IntoIterator<Item = &'p str>) {
    let mut seen = Seen::default();
    ids.into_iter().for_each(|id| seen.passed(id));
    seen.keep();
}

/// Notes what `cert check` found.
pub(crate) fn in_findings<'f>(ids: impl IntoIterator<Item = &'f str>) {
    let mut seen = Seen::default();
    ids.into_iter().for_each(|id| seen.found(id));
    seen.keep();
}
