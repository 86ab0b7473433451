//! A run on one node: told once, told again where that is safe, waited for, asked about, and led through its gate.

use super::back::{Order, put_back};
use super::course::NodeResult;
use super::errand::{Errand, Reconnect};
use super::settle::{Learnt, ask_again};
use super::verdict::{Verdict, describe_outcome};
use crate::event::{Event, Phase, State};
use crate::node::{Answer, Facts, Outcome, Remote, RemoteError, RunId, Transaction};
use crate::playbook::survey::{Surveyed, emit};
use crate::site::model::Node;

/// How often a machine is told the same at most, each time because the way to it was lost before it took it.
const TELLINGS: u32 = 4;

/// What a run left of a node.
pub(super) struct Ran<R> {
    pub(super) result: NodeResult,
    pub(super) machine: R,
    /// What going back has to put back on it, newest first.
    pub(super) to_put_back: Vec<RunId>,
}

/// Whether there is anything to do on a node. A run broken off is settled by the machine itself when the next one begins, so
/// there has to be one.
pub(super) fn has_work<R>(surveyed: &Surveyed<R>) -> bool {
    !surveyed.plan.is_empty() || surveyed.facts.broken_off().is_some()
}

/// A node that is not told anything.
pub(super) fn left_alone<R: Remote, C>(errand: Errand<'_, '_, '_, C>, surveyed: Surveyed<R>, verdict: Verdict) -> Ran<R> {
    let Surveyed { node, machine, facts, plan } = surveyed;
    if matches!(verdict, Verdict::Skipped) {
        errand.emit(&node, Phase::Commit, State::Skipped, Some(verdict.describe()));
    }
    let to_put_back = kept(errand.course.takes_up, &facts);
    let round_trips = machine.round_trips();
    Ran { result: NodeResult { node, changes: plan.changes, verdict, recovered: Vec::new(), round_trips }, machine, to_put_back }
}

/// Carries a node's plan out.
pub(super) async fn run_on<R, C>(errand: Errand<'_, '_, '_, C>, surveyed: Surveyed<R>) -> Ran<R>
where
    R: Remote,
    C: Reconnect<R>,
{
    let course = errand.course;
    let Surveyed { node, machine, facts, plan } = surveyed;
    let changes = plan.changes.clone();
    let transaction = plan.into_transaction(course.run.clone(), course.owner.to_owned());
    let mut recovered = Vec::new();
    let (machine, verdict) = carry_through(errand, &node, machine, &transaction, &mut recovered).await;
    let mut to_put_back = kept(course.takes_up, &facts);
    if matches!(verdict, Verdict::Changed) {
        to_put_back.insert(0, course.run.clone());
    }
    let state = if verdict.is_good() { State::Done } else { State::Failed };
    errand.emit(&node, Phase::Commit, state, (!verdict.is_good()).then(|| verdict.describe()));
    let round_trips = machine.round_trips();
    Ran { result: NodeResult { node, changes, verdict, recovered, round_trips }, machine, to_put_back }
}

fn kept(runs: &[RunId], facts: &Facts) -> Vec<RunId> {
    let is_kept = |run: &&RunId| facts.runs.iter().any(|kept| kept.id == run.as_str() && kept.state == "done");
    runs.iter().filter(is_kept).cloned().collect()
}

async fn carry_through<R, C>(
    errand: Errand<'_, '_, '_, C>,
    node: &Node,
    mut machine: R,
    transaction: &Transaction,
    recovered: &mut Vec<String>,
) -> (R, Verdict)
where
    R: Remote,
    C: Reconnect<R>,
{
    let locks = errand.lock_wait();
    let mut tellings = 1;
    loop {
        let lost = match tell(errand, &machine, node, transaction, recovered).await {
            Ok(Outcome::Done) => return through_gate(errand, node, machine).await,
            // Our own, which we lost sight of while it was taking up its work.
            Ok(Outcome::Locked { holder }) if tellings > 1 && holder.owner.contains(errand.course.run.as_str()) => None,
            Ok(Outcome::Locked { holder }) => {
                if locks.until_free(&machine, node).await {
                    continue;
                }
                return (machine, Verdict::Failed(Outcome::Locked { holder }));
            }
            Ok(outcome) => return (machine, Verdict::Failed(outcome)),
            Err(error) => Some(error),
        };
        let forgotten = match lost {
            Some(lost) if lost.is_lost() => errand.find_again(node, lost).await.map(|found| (found, None)),
            Some(error) if !error.is_open_ended() => Err(error),
            lost => match ask_again(errand, node, lost).await {
                Learnt::Done(found) => return through_gate(errand, node, found).await,
                Learnt::Forgotten(found, lost) => Ok((found, lost)),
                Learnt::Ended(verdict) => return (machine, verdict),
            },
        };
        match forgotten {
            Err(error) => return (machine, Verdict::NotTold(error)),
            Ok((found, Some(why))) if tellings >= TELLINGS || errand.stop.is_raised() || why.is_about_time() => {
                return (found, Verdict::NotTold(why));
            }
            Ok((found, _)) => machine = found,
        }
        tellings += 1;
    }
}

async fn through_gate<R, C>(errand: Errand<'_, '_, '_, C>, node: &Node, machine: R) -> (R, Verdict)
where
    R: Remote,
    C: Reconnect<R>,
{
    let course = errand.course;
    let Some(gate) = course.gate else { return (machine, Verdict::Changed) };
    errand.emit(node, Phase::Verify, State::Started, None);
    let Err(reason) = gate(node.clone()).await else { return (machine, Verdict::Changed) };
    errand.emit(node, Phase::Undo, State::Started, Some(reason.clone()));
    let step = "gate".to_owned();
    let order = Order { run: course.run, owner: course.owner };
    let outcome = match put_back(errand, node, &machine, order).await {
        Ok(Outcome::RolledBack) => Outcome::Undone { step, reason },
        Ok(outcome) => Outcome::Broken { step, reason: format!("{reason}; {}", describe_outcome(&outcome)) },
        Err(error) => Outcome::Broken { step, reason: format!("{reason}; it could not be told to put the old state back: {error}") },
    };
    (machine, Verdict::Failed(outcome))
}

async fn tell<R: Remote, C>(
    errand: Errand<'_, '_, '_, C>,
    machine: &R,
    node: &Node,
    transaction: &Transaction,
    recovered: &mut Vec<String>,
) -> Result<Outcome, RemoteError> {
    errand.emit(node, Phase::Stage, State::Started, None);
    let sink = errand.sink;
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
