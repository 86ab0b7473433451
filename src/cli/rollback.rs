//! `portcullis rollback`: put back what a run replaced, on every node that keeps it.

use clap::Args;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::cluster::{Cluster, limited};
use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::interrupt;
use super::outcome::{by_cause, chain};
use super::record::Recorder;
use crate::event::{Event, Phase, Sink, State};
use crate::ledger::event::NodeOutcome;
use crate::node::{Facts, Inquiry, Machine, Outcome, Remote as _, RunId};
use crate::playbook::{describe_outcome, help_with, look};
use crate::site::model::Node;

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The run, or the beginning of its id [default: the last run that the nodes keep]
    pub(crate) run: Option<String>,
    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub(crate) limit: Vec<String>,
}

/// Runs `rollback`.
pub(crate) async fn run(args: &RollbackArgs, context: &Context) -> Result<Exit, Failure> {
    let site = context.site()?;
    let nodes = limited(&site, &args.limit)?;
    let recorder = Recorder::open(context, &site)?;
    let cluster = Cluster::new(context, &site, context.secrets(&site.folder), &nodes)?;
    let sink = context.sink_for_query();
    let inquiry = Inquiry::machine();
    let looking = look(&nodes, &inquiry, nodes.len(), |node| cluster.connect(node), sink.as_ref());
    let answers = interrupt::or_stop(looking).await?;
    let mut outcomes: Vec<NodeOutcome> = Vec::new();
    let mut help: Option<String> = None;
    let mut reached: Vec<(Node, Machine, Facts)> = Vec::new();
    for (node, answer) in answers {
        match answer {
            Ok((machine, facts)) => reached.push((node, machine, facts)),
            Err(error) => {
                outcomes.push(outcome_of(&node, "unreached", Some(chain(&error))));
                help = help.or(error.help());
            }
        }
    }
    if reached.is_empty() {
        return Err(not_rolled_back(&outcomes, Exit::Unreachable, help));
    }
    let run = choose(args.run.as_deref(), &reached)?;
    drop(sink);
    must_be_kept(&run, &reached, &recorder)?;
    if !context.confirm(&format!("put back what run {run} replaced on {} of {} nodes", keepers(&run, &reached), nodes.len()))? {
        return Err(Failure::new(Exit::Failed, Sentence("not confirmed; nothing was changed".to_owned()), None));
    }
    let owner = format!("{} (portcullis rollback {run})", context.actor());
    let sink = context.sink_for_query();
    let one = |(node, machine, facts)| put_back(node, machine, facts, Order { run: &run, owner: &owner, sink: sink.as_ref() });
    outcomes.extend(stream::iter(reached).map(one).buffered(50).collect::<Vec<_>>().await);
    drop(sink);
    recorder.rolled_back(run.as_str(), outcomes.iter().all(is_good), &outcomes)?;
    let is_back = |node: &Node| outcomes.iter().any(|outcome| outcome.node == node.name && outcome.outcome == "rolled-back");
    let back: Vec<Node> = nodes.iter().filter(|node| is_back(node)).cloned().collect();
    recorder.leave_head(context, &cluster, &back).await?;
    tell(context, &run, &outcomes, help)
}

// Half a cluster put back is worse than none: a node that the run changed and that keeps it no longer stops it all.
fn must_be_kept(run: &RunId, reached: &[(Node, Machine, Facts)], recorder: &Recorder) -> Result<(), Failure> {
    let Some(changed) = recorder.changed_by(run)? else { return Ok(()) };
    let keeps = |facts: &Facts| facts.runs.iter().any(|kept| kept.id == run.as_str());
    let names = |kept: bool| {
        let meant = reached.iter().filter(|(node, _, facts)| changed.contains(&node.name) && keeps(facts) == kept);
        meant.map(|(node, _, _)| node.name.as_str()).collect::<Vec<_>>().join(",")
    };
    let lost = names(false);
    if lost.is_empty() {
        return Ok(());
    }
    let what =
        Sentence(format!("run {run} cannot be put back everywhere: {lost} changed with it and keeps it no longer; nothing was touched"));
    Err(Failure::new(Exit::Failed, what, Some(format!("put it back where it is kept: portcullis rollback {run} --limit {}", names(true)))))
}

struct Order<'a> {
    run: &'a RunId,
    owner: &'a str,
    sink: &'a dyn Sink,
}

async fn put_back(node: Node, machine: Machine, facts: Facts, order: Order<'_>) -> NodeOutcome {
    let Order { run, owner, sink } = order;
    if !facts.runs.iter().any(|kept| kept.id == run.as_str()) {
        return outcome_of(&node, "not-concerned", None);
    }
    sink.emit(&Event::Node { node: node.name.clone(), phase: Phase::Undo, state: State::Started, detail: None });
    let (word, detail, state) = match machine.roll_back(run, owner).await {
        Ok(Outcome::RolledBack) => ("rolled-back", None, State::Done),
        Ok(Outcome::Locked { owner }) => ("locked", Some(describe_outcome(&Outcome::Locked { owner })), State::Failed),
        Ok(outcome) => ("failed", Some(describe_outcome(&outcome)), State::Failed),
        Err(error) => ("failed", Some(chain(&error)), State::Failed),
    };
    sink.emit(&Event::Node { node: node.name.clone(), phase: Phase::Undo, state, detail: detail.clone() });
    outcome_of(&node, word, detail)
}

fn is_good(outcome: &NodeOutcome) -> bool {
    matches!(outcome.outcome.as_str(), "rolled-back" | "not-concerned")
}

fn tell(context: &Context, run: &RunId, outcomes: &[NodeOutcome], help: Option<String>) -> Result<Exit, Failure> {
    let count = |word: &str| outcomes.iter().filter(|outcome| outcome.outcome == word).count();
    let (done, locked) = (count("rolled-back"), count("locked"));
    let bad = outcomes.iter().filter(|outcome| !is_good(outcome)).count();
    if context.is_json() {
        context.print_json(&serde_json::json!({"run": run, "nodes": outcomes}))?;
    } else {
        context.print(&format!("run {run} is rolled back on {done} of {} nodes\n", outcomes.len()))?;
    }
    let exit = match (bad, done) {
        (0, _) => return Ok(Exit::Done),
        (_, 0) if bad == locked => Exit::Refused,
        (_, 0) => Exit::Failed,
        _ => Exit::Partial,
    };
    // A script has each node's outcome already.
    if context.is_json() { Ok(exit) } else { Err(not_rolled_back(outcomes, exit, help)) }
}

fn outcome_of(node: &Node, outcome: &str, detail: Option<String>) -> NodeOutcome {
    NodeOutcome { node: node.name.clone(), outcome: outcome.to_owned(), detail, files: Vec::new() }
}

fn keepers(run: &RunId, reached: &[(Node, Machine, Facts)]) -> usize {
    reached.iter().filter(|(_, _, facts)| facts.runs.iter().any(|kept| kept.id == run.as_str())).count()
}

// The newest run that is done on any node, or the one that the beginning of an id names.
fn choose(wanted: Option<&str>, reached: &[(Node, Machine, Facts)]) -> Result<RunId, Failure> {
    let mut kept: Vec<&str> = reached
        .iter()
        .flat_map(|(_, _, facts)| &facts.runs)
        .filter(|run| wanted.is_some() || run.state == "done")
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

fn not_rolled_back(outcomes: &[NodeOutcome], exit: Exit, unreached: Option<String>) -> Failure {
    let bad = outcomes.iter().filter(|outcome| !is_good(outcome));
    let lines = by_cause(bad.map(|outcome| (outcome.node.as_str(), outcome.detail.clone().unwrap_or_else(|| "failed".to_owned()))));
    let has = |word: &str| outcomes.iter().any(|outcome| outcome.outcome == word);
    let help = if has("failed") {
        Some("a file that was changed since is not overwritten: look at it with `portcullis plan`, or set it right by hand".to_owned())
    } else if has("locked") {
        help_with(&Outcome::Locked { owner: String::new() })
    } else {
        unreached
    };
    Failure::new(exit, Sentence(format!("not everything was rolled back\n  {}", lines.join("\n  "))), help)
}
