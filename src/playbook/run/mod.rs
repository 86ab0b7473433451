//! The second half: carrying plans out, all nodes at once or a few at a time, each as a transaction.

mod confirm;
mod course;
mod verdict;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::timeout;

pub use course::{Course, GateKeeper, NodeResult};
pub use verdict::{Verdict, describe_outcome, help_with};

use self::confirm::{Unconfirmed, longest_wait, with_causes};
use super::survey::{Surveyed, emit};
use crate::event::{Event, Phase, Sink, State};
use crate::node::{Answer, Inquiry, Outcome, Remote, RemoteError, Transaction};
use crate::site::model::Node;

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
    let mut told = Told::default();
    // A run broken off is settled by the machine itself when the next one begins, so there has to be one.
    let verdict = if plan.is_empty() && facts.broken_off().is_none() {
        Verdict::Unchanged
    } else if is_skipped {
        Verdict::Skipped
    } else {
        let transaction = plan.into_transaction(course.run.clone(), course.owner.to_owned());
        let unconfirmed = |left, until| Unconfirmed { node: &node, course, reconnect, left, until };
        let patience = transaction.guard.map_or(Duration::MAX, |guard| longest_wait(guard.within));
        let answer = timeout(patience, tell(&machine, &node, &transaction, &mut told, sink)).await;
        match (answer, transaction.guard.zip(told.armed.take())) {
            (Ok(Ok(Outcome::Done)), _) => pass_gate(&machine, &node, course, sink).await,
            (Ok(Ok(Outcome::Guarded { left, until })), _) => unconfirmed(left, until).come_back(&machine, sink).await,
            (Ok(Ok(outcome)), _) => Verdict::Failed(outcome),
            (Ok(Err(lost)), Some((guard, until))) => unconfirmed(guard.within, until).find_again(&with_causes(&lost), sink).await,
            (Ok(Err(lost)), None) if lost.is_open_ended() => ask_again(&node, course, reconnect, lost).await,
            (Ok(Err(error)), None) => Verdict::NotTold(error),
            (Err(_), armed) => {
                let until = armed.map_or_else(|| "the end of its time".to_owned(), |(_, until)| until);
                unconfirmed(Duration::ZERO, until).find_again("it did not answer within its guard's time", sink).await
            }
        }
    };
    let state = match verdict {
        Verdict::Changed => State::Done,
        Verdict::Unchanged | Verdict::Skipped => State::Unchanged,
        Verdict::Failed(_) | Verdict::Unknown(_) | Verdict::Unheard { .. } | Verdict::NotTold(_) => State::Failed,
    };
    emit(sink, &node, Phase::Commit, state, (!verdict.is_good()).then(|| verdict.describe()));
    NodeResult { node, changes, verdict, recovered: told.recovered, round_trips: machine.round_trips() }
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

/// What a machine tells on the way.
#[derive(Default)]
struct Told {
    /// Earlier runs that it undid first.
    recovered: Vec<String>,
    /// Its timer runs, until then.
    armed: Option<String>,
}

async fn tell<R: Remote>(
    machine: &R,
    node: &Node,
    transaction: &Transaction,
    told: &mut Told,
    sink: &dyn Sink,
) -> Result<Outcome, RemoteError> {
    emit(sink, node, Phase::Stage, State::Started, None);
    let mut on_answer = |answer| match answer {
        Answer::Progress(progress) if progress.step == "stage" => emit(sink, node, Phase::Commit, State::Started, None),
        Answer::Progress(progress) if progress.step == "undo" => emit(sink, node, Phase::Undo, State::Started, None),
        Answer::Progress(progress) if progress.step == "guard" => {
            let detail = format!("the node takes it back at {} unless it is confirmed", progress.detail);
            emit(sink, node, Phase::Commit, State::Started, Some(detail));
            told.armed = Some(progress.detail);
        }
        Answer::Progress(progress) => {
            sink.emit(&Event::Changed { node: node.name.clone(), step: progress.step, subject: progress.detail });
        }
        Answer::Recovered { run, trouble } => {
            told.recovered.push(if trouble.is_empty() { run } else { format!("{run} (left: {trouble})") });
        }
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
