//! What a rollback is about: which run, on which nodes, what stands in its way, and what it cannot take back.

use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Sentence};
use crate::cli::outcome::{by_cause, run_told};
use crate::ledger::{RunRecord, Runs};
use crate::node::{Facts, Machine, RunId};
use crate::site::model::Node;

/// A node that was reached.
pub(crate) type Reached = (Node, Machine, Facts);

/// The newest run that is done on any node, or the one that the beginning of an id names. What made sshd trust windows is
/// put back by name alone: nobody who means the last `apply` means that.
pub(crate) fn choose(wanted: Option<&str>, reached: &[Reached], runs: &Runs) -> Result<RunId, Failure> {
    let mut kept: Vec<&str> = reached
        .iter()
        .flat_map(|(_, _, facts)| &facts.runs)
        .filter(|run| wanted.is_some() || run.state == "done" && !runs.find(&run.id).is_some_and(RunRecord::is_of_windows))
        .map(|run| run.id.as_str())
        .collect();
    kept.sort_unstable();
    kept.dedup();
    let prefix = wanted.unwrap_or_default();
    let fitting: Vec<&str> = kept.iter().copied().filter(|id| id.starts_with(prefix)).collect();
    let known = || if kept.is_empty() { "the nodes keep no run".to_owned() } else { format!("the nodes keep: {}", kept.join(", ")) };
    let chosen = match (wanted, fitting.as_slice()) {
        (None, [.., last]) | (Some(_), [last]) => *last,
        (None, []) => return Err(Failure::new(Exit::Failed, Sentence("there is no run to roll back".to_owned()), Some(known()))),
        (Some(text), []) => return Err(Failure::usage(format!("no node keeps a run {text}"), known())),
        (Some(text), _) => return Err(Failure::usage(format!("several runs begin with {text}"), known())),
    };
    RunId::parse(chosen).map_err(|error| Failure::new(Exit::Failed, error, None))
}

/// What is to be put back on a node, the newest first: those of `chain` that it keeps as done.
pub(crate) fn to_put_back(chain: &[String], facts: &Facts) -> Vec<RunId> {
    // One that waits to be confirmed is in place as well.
    let is_in_place = |id: &&String| facts.runs.iter().any(|kept| kept.id == **id && matches!(kept.state.as_str(), "done" | "guarded"));
    chain.iter().filter(is_in_place).filter_map(|id| RunId::parse(id).ok()).collect()
}

/// Half a cluster put back is worse than none: what would keep one node from going back stops it all, before anything is asked.
pub(crate) fn must_be_possible(run: &RunId, chain: &[String], reached: &[Reached], runs: &Runs) -> Result<(), Failure> {
    if reached.iter().all(|(_, _, facts)| to_put_back(chain, facts).is_empty()) {
        let what = Sentence(format!("run {run} is put back already, or was undone: no node has anything of it to put back"));
        return Err(Failure::new(Exit::Failed, what, Some("`portcullis status --files` shows which runs the files came by".to_owned())));
    }
    let lost: Vec<&str> =
        reached.iter().filter(|(node, _, facts)| has_lost(chain, node, facts, runs)).map(|(node, ..)| node.name.as_str()).collect();
    if !lost.is_empty() {
        let lost_names = lost.join(",");
        let what =
            format!("run {run} cannot be put back everywhere: {lost_names} changed with it and keeps it no longer; nothing was touched");
        let help = format!("put it back where it is kept: portcullis rollback {run} --limit {}", others(chain, reached, &lost));
        return Err(Failure::new(Exit::Failed, Sentence(what), Some(help)));
    }
    let blocked: Vec<(&str, String, Option<String>)> = reached.iter().flat_map(|(node, _, facts)| obstacles(node, chain, facts)).collect();
    if blocked.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = blocked.iter().map(|(node, ..)| *node).collect();
    let lines = by_cause(blocked.iter().map(|(node, what, _)| (*node, what.clone())));
    let free = others(chain, reached, &names);
    let mut help = match blocked.iter().find_map(|(_, _, later)| later.as_deref()) {
        Some(later) => format!("put the later run back first: portcullis rollback {later}"),
        None => "what was changed by hand is not overwritten: look at it with `portcullis plan`, or set it right by hand".to_owned(),
    };
    if !free.is_empty() {
        help = format!("{help}; or only where nothing stands in the way: --limit {free}");
    }
    let what = Sentence(format!("run {run} cannot be put back; nothing was touched\n  {}", lines.join("\n  ")));
    Err(Failure::new(Exit::Failed, what, Some(help)))
}

fn has_lost(chain: &[String], node: &Node, facts: &Facts, runs: &Runs) -> bool {
    let changed = |id: &String| runs.find(id).and_then(|run| run.nodes.get(&node.name)).is_some_and(|outcome| outcome == "changed");
    chain.iter().any(|id| changed(id) && !facts.runs.iter().any(|kept| kept.id == *id))
}

// The nodes that keep it and are not among those.
fn others(chain: &[String], reached: &[Reached], without: &[&str]) -> String {
    let free = reached.iter().filter(|(node, _, facts)| !without.contains(&node.name.as_str()) && !to_put_back(chain, facts).is_empty());
    free.map(|(node, ..)| node.name.as_str()).collect::<Vec<_>>().join(",")
}

// What was changed since, and by which later run; one that goes back before it does not count.
fn obstacles<'a>(node: &'a Node, chain: &[String], facts: &Facts) -> Vec<(&'a str, String, Option<String>)> {
    let going = to_put_back(chain, facts);
    let mut found = Vec::new();
    for run in &going {
        for (path, later) in facts.journal.changed_since(run.as_str()) {
            if later.is_some_and(|later| going.iter().any(|other| other.as_str() == later)) {
                continue;
            }
            let by = later.map_or_else(|| ", by hand".to_owned(), |later| format!(" by run {}", run_told(later)));
            found.push((node.name.as_str(), format!("{path} was changed since run {run}{by}"), later.map(str::to_owned)));
        }
    }
    found
}

/// What the runs did that putting their files back does not take back, each thing once with its nodes.
pub(crate) fn lasting(chain: &[String], reached: &[Reached]) -> Vec<String> {
    let deeds = reached.iter().flat_map(|(node, _, facts)| {
        let going = to_put_back(chain, facts);
        let told = |deed: &crate::node::Deed| format!("the command was run: {} (step `{}`)", deed.value, deed.step);
        let deeds: Vec<String> = going.iter().flat_map(|run| facts.journal.lasting(run.as_str())).map(told).collect();
        deeds.into_iter().map(|deed| (node.name.as_str(), deed))
    });
    by_cause(deeds)
}
