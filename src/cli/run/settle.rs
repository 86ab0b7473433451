//! How runs ended on nodes that had been lost sight of: learnt from the nodes' own journals, and recorded.

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::record::Recorder;
use crate::ledger::Runs;
use crate::ledger::event::NodeOutcome;
use crate::node::{Facts, RunId};
use crate::playbook::Journal;
use crate::site::model::Node;

/// Records what `facts` tell of runs whose end is not known, and tells a person; gives back what the ledger knows then.
pub(crate) fn settle<'a>(
    recorder: &Recorder,
    context: &Context,
    facts: impl Iterator<Item = (&'a Node, &'a Facts)>,
) -> Result<Runs, Failure> {
    let runs = recorder.runs()?;
    let facts: Vec<_> = facts.collect();
    let mut is_new = false;
    for run in runs.iter() {
        let Ok(id) = RunId::parse(&run.id) else { continue };
        let open = run.unsettled();
        let of_open = facts.iter().filter(|(node, _)| open.contains(&node.name.as_str()));
        let outcomes: Vec<NodeOutcome> = of_open.filter_map(|(node, facts)| learnt(node, facts, &id)).collect();
        if !outcomes.is_empty() {
            recorder.settled(&id, &outcomes)?;
            is_new = true;
            if !context.is_json() {
                let told: Vec<String> = outcomes.iter().map(|outcome| format!("{} {}", outcome.node, outcome.outcome)).collect();
                context.say(&format!("run {id} was not seen to its end; by the nodes' own journals: {}\n", told.join(", ")))?;
            }
        }
    }
    if is_new { recorder.runs() } else { Ok(runs) }
}

fn learnt(node: &Node, facts: &Facts, run: &RunId) -> Option<NodeOutcome> {
    let outcome = match Journal::of(facts, run)? {
        Journal::Done => "changed",
        Journal::Undone => "undone",
        Journal::Forgotten if remembers(facts, run) => "not-begun",
        Journal::Waiting | Journal::Forgotten | Journal::BrokenOff => return None,
    };
    let detail = Some("as the node's journal says".to_owned());
    Some(NodeOutcome { node: node.name.clone(), outcome: outcome.to_owned(), detail, files: Vec::new() })
}

// Ten runs are kept: of an older one that is not there the machine cannot say that it never was.
fn remembers(facts: &Facts, run: &RunId) -> bool {
    facts.runs.len() < 10 || facts.runs.iter().any(|kept| kept.id.as_str() < run.as_str())
}
