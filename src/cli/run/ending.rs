//! How a run ended, for a person and for a script.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Sentence};
use crate::cli::outcome::{by_cause, chain, run_summary, survey_failure};
use crate::event::{Event, Sink};
use crate::node::RunId;
use crate::playbook::{NodeResult, SurveyError};
use crate::report::text::counted;
use crate::site::model::Node;

/// A run that has ended.
pub(crate) struct Ended<'a> {
    /// Its id.
    pub(crate) run: &'a RunId,
    /// The broken-off runs that it took up, the newest first.
    pub(crate) takes_up: &'a [RunId],
    /// How it went on each node that was planned for.
    pub(crate) results: &'a [NodeResult],
    /// The nodes that could not be planned for.
    pub(crate) failed: &'a [(&'a Node, &'a SurveyError)],
    /// The exit code.
    pub(crate) exit: Exit,
    /// How many nodes it was about.
    pub(crate) of: usize,
    /// Whether there was anything to do, and it was begun.
    pub(crate) was_begun: bool,
}

impl Ended<'_> {
    /// Tells of it; a failure is given back to be told by the command's own end.
    pub(crate) fn tell(&self, context: &Context, sink: Arc<dyn Sink>) -> Result<Exit, Failure> {
        if context.is_json() {
            let takes_up: Vec<Value> = self.takes_up.iter().map(|run| run.to_string().into()).collect();
            let mut results = Map::new();
            results.insert("run".into(), if self.was_begun { self.run.to_string().into() } else { Value::Null });
            results.insert("takes_up".into(), takes_up.into());
            results.insert("nodes".into(), run_summary(self.results, self.failed).into());
            sink.emit(&Event::Summary { command: "apply".into(), exit_code: self.exit.code(), results });
            return Ok(self.exit);
        }
        drop(sink);
        context.print(&self.text())?;
        if self.exit == Exit::Done { Ok(self.exit) } else { Err(self.failure()) }
    }

    fn count(&self, word: &str) -> usize {
        self.results.iter().filter(|result| result.verdict.word() == word).count()
    }

    fn text(&self) -> String {
        if !self.was_begun && self.exit == Exit::Done {
            let stand = if self.of == 1 { "stands" } else { "stand" };
            return format!("nothing to change: {} {stand} as desired\n", counted(self.of, "node"));
        }
        let told = [("changed", "changed"), ("unchanged", "as desired already"), ("rolled-back", "rolled back"), ("skipped", "not begun")];
        let mut parts: Vec<String> = Vec::new();
        let mut rest = self.of;
        for (word, text) in told {
            let count = self.count(word);
            rest -= count;
            if count > 0 || word == "changed" {
                parts.push(format!("{count} {text}"));
            }
        }
        if rest > 0 {
            parts.push(format!("{rest} not done"));
        }
        let mut text = format!("run {}: {}\n", self.run, parts.join(", "));
        for result in self.results.iter().filter(|result| !result.recovered.is_empty()) {
            let (node, runs) = (&result.node.name, result.recovered.join(", "));
            let _infallible = writeln!(text, "{node}: an earlier run that was broken off was undone first: {runs}");
        }
        text
    }

    fn failure(&self) -> Failure {
        let bad: Vec<&NodeResult> = self.results.iter().filter(|result| !result.verdict.is_good()).collect();
        let told = bad.iter().map(|result| (result.node.name.as_str(), result.verdict.describe()));
        let lines = by_cause(told.chain(self.failed.iter().map(|(node, error)| (node.name.as_str(), chain(*error)))));
        let again = "run the same command again: nodes that are done stay as they are";
        let help = match (bad.iter().find_map(|result| result.verdict.help()), survey_failure(self.failed, self.of)) {
            (Some(help), _) => format!("{help}; then {again}"),
            (None, Some(Failure { help: Some(help), .. })) if bad.is_empty() => help,
            (None, _) if self.exit == Exit::Interrupted => "run the same command again: it takes up where this one stopped".to_owned(),
            (None, _) => format!("mend the cause and {again}"),
        };
        let head = if self.exit == Exit::Interrupted {
            "interrupted; what had begun was let finish".to_owned()
        } else {
            let count = bad.len() + self.failed.len();
            format!("{count} of {} {} not as desired", counted(self.of, "node"), if count == 1 { "is" } else { "are" })
        };
        let text = std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n  ");
        Failure::new(self.exit, Sentence(text), Some(help))
    }
}
