//! The second half: carrying plans out, all nodes at once or a few at a time, each as a transaction.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream;

use super::plan::Change;
use super::survey::{Surveyed, emit};
use crate::event::{Event, Phase, Sink, State};
use crate::node::{Answer, Inquiry, Outcome, Remote, RemoteError, RunId, Transaction};
use crate::site::model::Node;

/// How a run went on one node.
#[derive(Debug)]
pub enum Verdict {
    /// It was as desired already.
    Unchanged,
    /// Everything is in place.
    Changed,
    /// The machine says how it failed.
    Failed(Outcome),
    /// The connection was lost and the machine could not be asked how it ended.
    Unknown(RemoteError),
    /// The machine could not be told at all; it stands as before.
    NotTold(RemoteError),
    /// Its turn did not come.
    Skipped,
}

impl Verdict {
    /// Whether the node is as desired.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Unchanged | Self::Changed)
    }

    /// What happened, for a person and the ledger.
    pub fn describe(&self) -> String {
        match self {
            Self::Unchanged => "unchanged".to_owned(),
            Self::Changed => "changed".to_owned(),
            Self::Skipped => "not begun: the run was stopped before its turn".to_owned(),
            Self::NotTold(error) => format!("stands as before: {error}"),
            Self::Unknown(error) => format!("not known: {error}"),
            Self::Failed(outcome) => describe_outcome(outcome),
        }
    }

    /// What to do next, where this says more than to run the same command again.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unchanged | Self::Changed | Self::Skipped => None,
            Self::NotTold(error) => error.help(),
            Self::Unknown(_) => Some(
                "the machine finishes or undoes by itself what it had accepted; `portcullis status` tells, once it can be reached"
                    .to_owned(),
            ),
            Self::Failed(outcome) => help_with(outcome),
        }
    }

    /// One word for scripts and the ledger.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed | Self::Failed(Outcome::Done | Outcome::RolledBack) => "changed",
            Self::Skipped => "skipped",
            Self::NotTold(_) | Self::Failed(Outcome::NotBegun { .. }) => "failed",
            Self::Unknown(_) => "unknown",
            Self::Failed(Outcome::Undone { .. }) => "undone",
            Self::Failed(Outcome::Broken { .. }) => "broken",
            Self::Failed(Outcome::Locked { .. }) => "locked",
            Self::Failed(Outcome::UnknownRun { .. }) => "unknown-run",
        }
    }
}

/// What a person can do about a machine's outcome.
pub fn help_with(outcome: &Outcome) -> Option<String> {
    let says = |reason: &str, words: &[&str]| words.iter().any(|word| reason.contains(word));
    Some(match outcome {
        Outcome::Locked { .. } => {
            "wait until that run has ended; one whose client is gone gives way after six minutes at the latest".to_owned()
        }
        Outcome::Broken { .. } => {
            "put the files named right by hand; what stood there is kept on the machine below /var/lib/portcullis/runs".to_owned()
        }
        Outcome::NotBegun { reason, .. } | Outcome::Undone { reason, .. } if says(reason, &["No space left on device", "KiB free"]) => {
            "make room there (`df -h`, `df -i`)".to_owned()
        }
        Outcome::NotBegun { reason, .. } | Outcome::Undone { reason, .. } if says(reason, &["Read-only file system"]) => {
            "mount it for writing; a file system that became read-only by itself has a fault (`dmesg`)".to_owned()
        }
        Outcome::Done | Outcome::NotBegun { .. } | Outcome::Undone { .. } | Outcome::RolledBack | Outcome::UnknownRun { .. } => {
            return None;
        }
    })
}

/// What a machine's outcome means, in a sentence.
pub fn describe_outcome(outcome: &Outcome) -> String {
    let step_of = |step: &str| if step.is_empty() { String::new() } else { format!("step `{step}`: ") };
    match outcome {
        Outcome::Done => "changed".to_owned(),
        Outcome::RolledBack => "what the run replaced is back".to_owned(),
        Outcome::NotBegun { step, reason } => format!("stands as before: {}{reason}", step_of(step)),
        Outcome::Undone { step, reason } => format!("rolled back, and stands as before: {}{reason}", step_of(step)),
        Outcome::Broken { step, reason } => format!("NOT as before: {}{reason}", step_of(step)),
        Outcome::Locked { owner } => format!("stands as before: another run holds it: {owner}"),
        Outcome::UnknownRun { reason } => reason.clone(),
    }
}

/// How a run went on a node, and what it was to change.
#[derive(Debug)]
pub struct NodeResult {
    /// The node.
    pub node: Node,
    /// What it was to change.
    pub changes: Vec<Change>,
    /// How it went.
    pub verdict: Verdict,
    /// An earlier run, broken off, that the machine undid first.
    pub recovered: Vec<String>,
    /// Sequential round trips waited for on its connection, those of the hops before it left out.
    pub round_trips: u32,
}

/// Looks from outside whether a node may be left as the run made it; says why not.
pub type GateKeeper<'a> = dyn Fn(Node) -> BoxFuture<'a, Result<(), String>> + Send + Sync + 'a;

/// How a run goes over the nodes.
#[derive(Clone, Copy)]
pub struct Course<'a, 'g> {
    /// The run's id.
    pub run: &'a RunId,
    /// Person, machine and reason; shown to whoever meets the lock.
    pub owner: &'a str,
    /// Nodes at the same time; a batch is finished, and well, before the next begins.
    pub batch: usize,
    /// Whether a failure in one batch keeps the next from beginning.
    pub stop_on_failure: bool,
    /// What each changed node has to pass; where it does not, its run is undone.
    pub gate: Option<&'a GateKeeper<'g>>,
}

impl fmt::Debug for Course<'_, '_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Course").field("run", &self.run).field("batch", &self.batch).field("gated", &self.gate.is_some()).finish()
    }
}

/// Carries out the plans. `interrupted` keeps nodes from beginning, and lets those that have begun end.
pub async fn carry_out<R, C, F>(
    surveyed: Vec<Surveyed<R>>,
    course: &Course<'_, '_>,
    reconnect: C,
    interrupted: &AtomicBool,
    sink: &dyn Sink,
) -> Vec<NodeResult>
where
    R: Remote,
    C: Fn(Node) -> F,
    F: Future<Output = Result<R, RemoteError>>,
{
    let mut results = Vec::with_capacity(surveyed.len());
    let mut waiting = surveyed.into_iter().peekable();
    let mut stopped = false;
    while waiting.peek().is_some() {
        let batch: Vec<_> = waiting.by_ref().take(course.batch.max(1)).collect();
        let is_skipped = stopped;
        let one = |surveyed| carry_out_one(surveyed, course, &reconnect, is_skipped || interrupted.load(Ordering::SeqCst), sink);
        let done: Vec<NodeResult> = stream::iter(batch.into_iter().map(one)).buffered(course.batch.max(1)).collect().await;
        stopped |= course.stop_on_failure && done.iter().any(|result| !result.verdict.is_good());
        results.extend(done);
    }
    results
}

async fn carry_out_one<R, C, F>(
    surveyed: Surveyed<R>,
    course: &Course<'_, '_>,
    reconnect: &C,
    is_skipped: bool,
    sink: &dyn Sink,
) -> NodeResult
where
    R: Remote,
    C: Fn(Node) -> F,
    F: Future<Output = Result<R, RemoteError>>,
{
    let Surveyed { node, machine, facts, plan } = surveyed;
    let changes = plan.changes.clone();
    let mut recovered = Vec::new();
    // A run broken off is settled by the machine itself when the next one begins, so there has to be one.
    let verdict = if plan.is_empty() && facts.broken_off().is_none() {
        Verdict::Unchanged
    } else if is_skipped {
        Verdict::Skipped
    } else {
        let transaction = plan.into_transaction(course.run.clone(), course.owner.to_owned());
        match tell(&machine, &node, &transaction, &mut recovered, sink).await {
            Ok(Outcome::Done) => pass_gate(&machine, &node, course, sink).await,
            Ok(outcome) => Verdict::Failed(outcome),
            Err(error) if error.is_open_ended() => ask_again(&node, course, reconnect, error).await,
            Err(error) => Verdict::NotTold(error),
        }
    };
    let state = match verdict {
        Verdict::Changed => State::Done,
        Verdict::Unchanged | Verdict::Skipped => State::Unchanged,
        Verdict::Failed(_) | Verdict::Unknown(_) | Verdict::NotTold(_) => State::Failed,
    };
    emit(sink, &node, Phase::Commit, state, (!verdict.is_good()).then(|| verdict.describe()));
    NodeResult { node, changes, verdict, recovered, round_trips: machine.round_trips() }
}

async fn pass_gate<R: Remote>(machine: &R, node: &Node, course: &Course<'_, '_>, sink: &dyn Sink) -> Verdict {
    let Some(gate) = course.gate else { return Verdict::Changed };
    emit(sink, node, Phase::Verify, State::Started, None);
    let Err(reason) = gate(node.clone()).await else { return Verdict::Changed };
    emit(sink, node, Phase::Undo, State::Started, Some(reason.clone()));
    let step = "gate".to_owned();
    match machine.roll_back(course.run, course.owner).await {
        Ok(Outcome::RolledBack) => Verdict::Failed(Outcome::Undone { step, reason }),
        Ok(outcome) => Verdict::Failed(Outcome::Broken { step, reason: format!("{reason}; {}", describe_outcome(&outcome)) }),
        Err(error) => {
            Verdict::Failed(Outcome::Broken { step, reason: format!("{reason}; it could not be told to put the old state back: {error}") })
        }
    }
}

async fn tell<R: Remote>(
    machine: &R,
    node: &Node,
    transaction: &Transaction,
    recovered: &mut Vec<String>,
    sink: &dyn Sink,
) -> Result<Outcome, RemoteError> {
    emit(sink, node, Phase::Stage, State::Started, None);
    let mut on_answer = |answer| match answer {
        Answer::Progress(progress) if progress.step == "stage" => emit(sink, node, Phase::Commit, State::Started, None),
        Answer::Progress(progress) if progress.step == "undo" => emit(sink, node, Phase::Undo, State::Started, None),
        Answer::Progress(progress) => {
            sink.emit(&Event::Changed { node: node.name.clone(), step: progress.step, subject: progress.detail });
        }
        Answer::Recovered { run, trouble } => recovered.push(if trouble.is_empty() { run } else { format!("{run} (left: {trouble})") }),
        Answer::Ended(_) => {}
    };
    machine.carry_out(transaction, &mut on_answer).await
}

// The machine ends what it accepted without us; its journal tells how, once it can be reached again.
async fn ask_again<R, C, F>(node: &Node, course: &Course<'_, '_>, reconnect: &C, lost: RemoteError) -> Verdict
where
    R: Remote,
    C: Fn(Node) -> F,
    F: Future<Output = Result<R, RemoteError>>,
{
    for wait in [1, 2, 4, 8] {
        tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
        let Ok(machine) = reconnect(node.clone()).await else { continue };
        let Ok(facts) = machine.look(&Inquiry::machine()).await else { continue };
        let kept = facts.runs.iter().find(|run| run.id == course.run.as_str());
        let step = String::new();
        match kept.map(|run| run.state.as_str()) {
            Some("done") => return Verdict::Changed,
            Some("undone") => {
                return Verdict::Failed(Outcome::Undone { step, reason: format!("{lost}; the machine says it undid the run") });
            }
            None if facts.lock.is_none() => return Verdict::NotTold(lost),
            // Still at work, or waiting for the rest of what it will never get.
            _ => {}
        }
    }
    Verdict::Unknown(lost)
}
