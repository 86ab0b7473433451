//! What a survey or a run over many nodes means for the exit code and for a person.

use serde_json::{Map, Value, json};

use super::exit::Exit;
use super::failure::{Failure, Sentence};
use crate::node::{Facts, Outcome, began};
use crate::playbook::{Change, ChangeKind, NodePlan, NodeResult, SurveyError, Surveyed, Verdict};
use crate::report;
use crate::site::model::Node;

/// The nodes that were reached and planned for.
pub(crate) fn reached<P>(surveyed: &[(Node, Result<Surveyed<P>, SurveyError>)]) -> impl Iterator<Item = &Surveyed<P>> {
    surveyed.iter().filter_map(|(_, result)| result.as_ref().ok())
}

/// Those that were not, and why.
pub(crate) fn unreached<P>(surveyed: &[(Node, Result<Surveyed<P>, SurveyError>)]) -> Vec<(&Node, &SurveyError)> {
    surveyed.iter().filter_map(|(node, result)| Some((node, result.as_ref().err()?))).collect()
}

/// One error out of many nodes' failures: each cause once, with the nodes it concerns.
pub(crate) fn survey_failure(failed: &[(&Node, &SurveyError)], of: usize) -> Option<Failure> {
    let (_, first) = failed.first()?;
    let none_left = failed.len() == of;
    let exit = match (none_left, failed.iter().all(|(_, error)| error.is_unreachable())) {
        (true, true) => Exit::Unreachable,
        _ if failed.iter().all(|(_, error)| error.is_about_input()) => Exit::Usage,
        (true, false) => Exit::Failed,
        (false, _) => Exit::Partial,
    };
    let lines = by_cause(failed.iter().map(|(node, error)| (node.name.as_str(), chain(error))));
    let head = if none_left {
        "no node could be planned for".to_owned()
    } else {
        format!("{} of {of} nodes could not be planned for", failed.len())
    };
    Some(Failure::new(exit, Sentence(format!("{head}\n  {}", lines.join("\n  "))), first.help()))
}

/// A line for each cause, with the nodes it concerns: fifty nodes behind a dead jumphost have one.
pub(crate) fn by_cause<'a>(nodes: impl IntoIterator<Item = (&'a str, String)>) -> Vec<String> {
    let mut causes: Vec<(String, Vec<&str>)> = Vec::new();
    for (node, why) in nodes {
        // The same cause reads the same whichever node it is told of.
        let why = why.replace(&format!(" on {node}"), "");
        match causes.iter_mut().find(|(known, _)| *known == why) {
            Some((_, nodes)) => nodes.push(node),
            None => causes.push((why, vec![node])),
        }
    }
    causes.iter().map(|(why, nodes)| format!("{}: {why}", nodes.join(", "))).collect()
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// The exit code of a run.
pub(crate) fn run_exit(results: &[NodeResult], failed: &[(&Node, &SurveyError)], all_or_nothing: bool) -> Exit {
    let unreachable = failed.iter().filter(|(_, error)| error.is_unreachable()).count();
    let unreached = failed.len();
    let good = results.iter().filter(|result| result.verdict.is_good()).count();
    let bad = results.len() - good + unreached;
    if bad == 0 {
        return Exit::Done;
    }
    if good > 0 && !all_or_nothing {
        return Exit::Partial;
    }
    if results.is_empty() && unreachable == unreached {
        return Exit::Unreachable;
    }
    let locked = |result: &NodeResult| matches!(result.verdict, Verdict::Failed(Outcome::Locked { .. }));
    if !results.is_empty() && results.iter().all(locked) { Exit::Refused } else { Exit::Failed }
}

/// What the summary says of each node.
pub(crate) fn run_summary(results: &[NodeResult], failed: &[(&Node, &SurveyError)]) -> Map<String, Value> {
    let mut nodes = Map::new();
    for result in results {
        let changes: Vec<Value> = result.changes.iter().map(change_json).collect();
        let verdict = &result.verdict;
        let entry = json!({
            "outcome": verdict.word(), "detail": verdict.describe(), "changes": changes, "recovered": result.recovered,
            "round_trips": result.round_trips,
        });
        nodes.insert(result.node.name.clone(), entry);
    }
    for (node, error) in failed {
        nodes.insert(node.name.clone(), json!({"outcome": "unreached", "detail": chain(error), "changes": []}));
    }
    nodes
}

/// A change as scripts see it.
pub(crate) fn change_json(change: &Change) -> Value {
    json!({
        "step": change.step, "title": change.title, "kind": kind_word(change.kind), "subject": change.subject,
        "note": change.note, "diff": change.diff, "before": change.before, "after": change.after,
    })
}

/// Which run a file came by that a plan would change, and whether it was changed by hand since.
pub(crate) struct FileOrigin {
    run: String,
    by_hand: bool,
}

/// Where the file of a change came from, as far as the node's journal was asked and knows.
pub(crate) fn origin_of(change: &Change, facts: &Facts) -> Option<FileOrigin> {
    let is_file = matches!(change.kind, ChangeKind::Create | ChangeKind::Modify | ChangeKind::Remove);
    let file = facts.journal.file(&change.subject).filter(|_| is_file)?;
    Some(FileOrigin { by_hand: !file.is_as_left, run: file.run })
}

impl FileOrigin {
    fn told(&self) -> String {
        let how = if self.by_hand { "changed by hand since" } else { "came by" };
        format!("{how} run {}", run_told(&self.run))
    }

    /// As scripts see it.
    pub(crate) fn json(&self) -> Value {
        json!({"run": self.run, "at": began(&self.run), "changed_by_hand": self.by_hand})
    }
}

/// A run with the time at which it began.
pub(crate) fn run_told(run: &str) -> String {
    began(run).map_or_else(|| run.to_owned(), |at| format!("{run} of {}", at.strftime("%Y-%m-%d %H:%M UTC")))
}

/// The kind's name in JSON.
pub(crate) fn kind_word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Create => "create",
        ChangeKind::Modify => "modify",
        ChangeKind::Remove => "remove",
        ChangeKind::Folder => "folder",
        ChangeKind::Service => "service",
        ChangeKind::Command => "command",
    }
}

/// A plan as the report prints it.
pub(crate) fn node_diff(plan: &NodePlan, facts: &Facts) -> report::plan::NodeDiff {
    let changes = plan.changes.iter().map(|change| report::plan::Change {
        step: change.step.clone(),
        subject: change.subject.clone(),
        kind: match change.kind {
            ChangeKind::Create => report::plan::ChangeKind::Created,
            ChangeKind::Modify => report::plan::ChangeKind::Modified,
            ChangeKind::Remove => report::plan::ChangeKind::Removed,
            ChangeKind::Folder => report::plan::ChangeKind::Folder,
            ChangeKind::Service => report::plan::ChangeKind::Service,
            ChangeKind::Command => report::plan::ChangeKind::Command,
        },
        diff: change.diff.clone(),
        note: match (change.note.clone(), origin_of(change, facts)) {
            (Some(note), Some(origin)) => Some(format!("{note}; {}", origin.told())),
            (note, origin) => note.or(origin.map(|origin| origin.told())),
        },
    });
    report::plan::NodeDiff { node: plan.node.clone(), address: plan.address.clone(), changes: changes.collect() }
}
