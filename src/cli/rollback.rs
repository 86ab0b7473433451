//! `portcullis rollback`: put back what a run replaced, on every node that keeps it.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::Instant;

use super::args::duration;
use super::cluster::{Cluster, machines};
use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::interrupt;
use super::outcome::{by_cause, chain};
use super::record::Recorder;
use super::run::back::{Reached, choose, lasting, must_be_possible, to_put_back};
use super::run::{lease, settle::settle};
use crate::event::{Event, Phase, State};
use crate::ledger::event::{FileChange, NodeOutcome};
use crate::node::{Holder, Inquiry, Machine, Outcome, Probe as _, RunId};
use crate::playbook::{Order, PAUSES, Stop, WayBack, describe_outcome, help_with, look};
use crate::report::text::counted;
use crate::site::model::Node;

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The run, or the beginning of its id [default: the last run that the nodes keep]
    pub(crate) run: Option<String>,
    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub(crate) limit: Vec<String>,
    /// Wait for whoever works on the site or a node, for so long at most [without a value: 10m]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "10m", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
}

/// What came of it on one node, run by run.
type PutBack = Vec<(RunId, NodeOutcome)>;

/// Runs `rollback`.
pub(crate) async fn run(args: &RollbackArgs, context: &Context) -> Result<Exit, Failure> {
    let until = args.wait.map(|wait| Instant::now() + wait);
    let site = context.site()?;
    let nodes = machines(&site, "--limit", &args.limit)?;
    let recorder = Recorder::open(context, &site)?;
    let lease = lease::take(&recorder, context, until).await?;
    let cluster = Cluster::new(context, &site, context.secrets(&site.folder), &nodes)?;
    let sink = context.sink_for_query();
    let mut inquiry = Inquiry::standing();
    inquiry.journal();
    let looking = look(&nodes, &inquiry, nodes.len(), |node| cluster.connect(node), sink.as_ref());
    let answers = interrupt::or_stop(looking).await?;
    drop(sink);
    let mut outcomes: Vec<NodeOutcome> = Vec::new();
    let mut help: Option<String> = None;
    let mut reached: Vec<Reached> = Vec::new();
    for (node, answer) in answers {
        match answer {
            Ok((machine, facts)) => reached.push((node, machine, facts)),
            Err(error) => {
                outcomes.push(outcome_of(&node, "unreached", Some(chain(&error)), Vec::new()));
                help = help.or(error.help());
            }
        }
    }
    if reached.is_empty() {
        return Err(not_rolled_back(&outcomes, Exit::Unreachable, help));
    }
    let runs = settle(&recorder, context, reached.iter().map(|(node, _, facts)| (node, facts)))?;
    let run = choose(args.run.as_deref(), &reached, &runs)?;
    let chain = runs.chain(run.as_str());
    must_be_possible(&run, &chain, &reached, &runs)?;
    let stays = lasting(&chain, &reached);
    let keepers = reached.iter().filter(|(_, _, facts)| !to_put_back(&chain, facts).is_empty()).count();
    tell_before(context, &chain, &reached, &stays)?;
    if !context.confirm(&format!("put back what run {run} replaced on {keepers} of {}", counted(nodes.len(), "node")))? {
        return Err(Failure::not_confirmed("changed"));
    }
    let owner = format!("{} (portcullis rollback {run})", context.actor());
    let sink = context.sink_for_query();
    let stop = Stop::default();
    let wait = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
    let way = |node| cluster.connect(node);
    let back = WayBack { way: &way, pauses: &PAUSES, wait, stop: &stop, sink: sink.as_ref() };
    let one = |reached| put_back(reached, &chain, &owner, back);
    let mut machines: Vec<Machine> = reached.iter().map(|(_, machine, _)| machine.clone()).collect();
    let putting = stream::iter(reached).map(one).buffered(50).collect::<Vec<_>>();
    let (done, was_interrupted) = interrupt::let_finish(putting, &stop).await?;
    drop(sink);
    record(&recorder, &run, &outcomes, &done)?;
    outcomes.extend(done.into_iter().map(|(node, runs)| merged(&node, runs)));
    let is_back = |name: &str| outcomes.iter().any(|outcome| outcome.node == name && outcome.outcome == "rolled-back");
    machines.retain(|machine| is_back(machine.name()));
    recorder.leave_head(context, &machines).await?;
    cluster.close().await;
    drop(lease);
    tell(context, &Told { run: &run, outcomes: &outcomes, stays: &stays, was_interrupted }, help)
}

fn tell_before(context: &Context, chain: &[String], reached: &[Reached], stays: &[String]) -> Result<(), Failure> {
    if context.is_json() {
        return Ok(());
    }
    if let [run, earlier @ ..] = chain {
        for earlier in earlier.iter().filter(|id| reached.iter().any(|(_, _, facts)| facts.journal.keeps(id))) {
            context.say(&format!("run {run} took up {earlier}, which is put back with it\n"))?;
        }
    }
    if !stays.is_empty() {
        context.say(&format!("what cannot be put back:\n  {}\n", stays.join("\n  ")))?;
    }
    Ok(())
}

async fn put_back<C>(reached: Reached, chain: &[String], owner: &str, back: WayBack<'_, C>) -> (Node, PutBack)
where
    C: crate::playbook::Reconnect<crate::node::Machine>,
{
    let (node, machine, facts) = reached;
    let mut done = Vec::new();
    for run in to_put_back(chain, &facts) {
        if back.stop.is_raised() {
            done.push((run, outcome_of(&node, "skipped", Some("not begun: it was stopped before its turn".to_owned()), Vec::new())));
            break;
        }
        let emit = |state, detail| back.sink.emit(&Event::Node { node: node.name.clone(), phase: Phase::Undo, state, detail });
        emit(State::Started, None);
        let (word, detail, state) = match back.put_back(&node, &machine, Order { run: &run, owner }).await {
            Ok(Outcome::RolledBack) => ("rolled-back", None, State::Done),
            Ok(outcome @ Outcome::Locked { .. }) => ("locked", Some(describe_outcome(&outcome)), State::Failed),
            Ok(outcome @ Outcome::Broken { .. }) => ("broken", Some(describe_outcome(&outcome)), State::Failed),
            Ok(outcome) => ("failed", Some(describe_outcome(&outcome)), State::Failed),
            Err(error) if error.is_open_ended() => ("unknown", Some(format!("not known: {}", self::chain(&error))), State::Failed),
            Err(error) => ("failed", Some(self::chain(&error)), State::Failed),
        };
        emit(state, detail.clone());
        // Hashes stay on the node: some are those of secrets.
        let files = facts.journal.files_of(run.as_str()).into_iter();
        let files = files.filter(|_| word == "rolled-back").map(|path| FileChange { path: path.to_owned(), old: None, new: None });
        done.push((run, outcome_of(&node, word, detail, files.collect())));
        if word != "rolled-back" {
            break;
        }
    }
    (node, done)
}

fn record(recorder: &Recorder, run: &RunId, unreached: &[NodeOutcome], done: &[(Node, PutBack)]) -> Result<(), Failure> {
    let mut events: BTreeMap<String, Vec<NodeOutcome>> = BTreeMap::from([(run.to_string(), unreached.to_vec())]);
    for (run, outcome) in done.iter().flat_map(|(_, runs)| runs) {
        events.entry(run.to_string()).or_default().push(outcome.clone());
    }
    for (run, outcomes) in &events {
        recorder.rolled_back(run, outcomes.iter().all(is_good), outcomes)?;
    }
    Ok(())
}

// A node on which several runs were put back says what went wrong, or all that is back.
fn merged(node: &Node, runs: PutBack) -> NodeOutcome {
    runs.into_iter().map(|(_, outcome)| outcome).fold(outcome_of(node, "not-concerned", None, Vec::new()), |whole, mut next| {
        next.files.extend(whole.files);
        next
    })
}

fn is_good(outcome: &NodeOutcome) -> bool {
    matches!(outcome.outcome.as_str(), "rolled-back" | "not-concerned")
}

struct Told<'a> {
    run: &'a RunId,
    outcomes: &'a [NodeOutcome],
    stays: &'a [String],
    was_interrupted: bool,
}

fn tell(context: &Context, told: &Told<'_>, help: Option<String>) -> Result<Exit, Failure> {
    let Told { run, outcomes, stays, was_interrupted } = told;
    let count = |word: &str| outcomes.iter().filter(|outcome| outcome.outcome == word).count();
    let (done, locked) = (count("rolled-back"), count("locked"));
    let bad = outcomes.iter().filter(|outcome| !is_good(outcome)).count();
    if context.is_json() {
        context.print_json(&serde_json::json!({"run": run, "nodes": outcomes, "not_put_back": stays}))?;
    } else {
        let files = outcomes.iter().map(|outcome| outcome.files.len()).sum();
        let (nodes, files) = (counted(outcomes.len(), "node"), counted(files, "file"));
        context.print(&format!("run {run} is rolled back on {done} of {nodes}, {files}\n"))?;
    }
    let exit = match (bad, done) {
        _ if *was_interrupted => Exit::Interrupted,
        (0, _) => return Ok(Exit::Done),
        (_, 0) if bad == locked => Exit::Refused,
        (_, 0) => Exit::Failed,
        _ => Exit::Partial,
    };
    // A script has each node's outcome already.
    if context.is_json() { Ok(exit) } else { Err(not_rolled_back(outcomes, exit, help)) }
}

fn outcome_of(node: &Node, outcome: &str, detail: Option<String>, files: Vec<FileChange>) -> NodeOutcome {
    NodeOutcome { node: node.name.clone(), outcome: outcome.to_owned(), detail, files }
}

fn not_rolled_back(outcomes: &[NodeOutcome], exit: Exit, unreached: Option<String>) -> Failure {
    let bad = outcomes.iter().filter(|outcome| !is_good(outcome));
    let lines = by_cause(bad.map(|outcome| (outcome.node.as_str(), outcome.detail.clone().unwrap_or_else(|| "failed".to_owned()))));
    let has = |word: &str| outcomes.iter().any(|outcome| outcome.outcome == word);
    let help = if has("broken") {
        help_with(&Outcome::Broken { step: String::new(), reason: String::new() })
    } else if has("failed") || has("unknown") || has("skipped") {
        Some("run the same command again: nodes that are put back stay as they are".to_owned())
    } else if has("locked") {
        help_with(&Outcome::Locked { holder: Holder::default() })
    } else {
        unreached
    };
    Failure::new(exit, Sentence(format!("not everything was rolled back\n  {}", lines.join("\n  "))), help)
}
