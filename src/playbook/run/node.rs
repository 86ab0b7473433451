//! A run on one node: told once, told again where that is safe, waited for, asked about, and led through its gate.

use std::time::Duration;

use super::back::{Order, put_back};
use super::confirm::{Unconfirmed, in_time, with_causes};
use super::course::{Course, NodeResult};
use super::errand::{Errand, Reconnect};
use super::settle::{Learnt, ask_again};
use super::verdict::{Verdict, describe_outcome};
use crate::event::{Event, Phase, State};
use crate::node::{Answer, Facts, Outcome, Remote, RemoteError, RunId, Transaction};
use crate::playbook::plan::{NodePlan, PlanError};
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

/// A node on which nothing is to change. Where nobody saw the run that changed it to its end, it has to pass the gate now.
pub(super) async fn as_it_stands<R, C>(errand: Errand<'_, '_, '_, C>, surveyed: Surveyed<R>) -> Ran<R>
where
    R: Remote,
    C: Reconnect<R>,
{
    let course = errand.course;
    if course.gate.is_none() || !course.unseen.contains(&surveyed.node.name) {
        return left_alone(errand, surveyed, Verdict::Unchanged);
    }
    let newest = surveyed.facts.runs.iter().filter(|run| run.state == "done").filter_map(|run| RunId::parse(&run.id).ok()).max();
    let mut ran = left_alone(errand, surveyed, Verdict::Unchanged);
    let Some(run) = newest else { return ran };
    let (machine, verdict) = through_gate(errand, &ran.result.node, ran.machine, &run).await;
    ran.machine = machine;
    // It was changed by that run, and is as it was left.
    if !verdict.is_good() {
        let why = verdict.describe();
        ran.to_put_back.retain(|kept| *kept != run);
        ran.result.verdict = verdict;
        errand.emit(&ran.result.node, Phase::Commit, State::Failed, Some(why));
    }
    ran
}

/// Carries a node's plan out.
pub(super) async fn run_on<R, C>(errand: Errand<'_, '_, '_, C>, surveyed: Surveyed<R>) -> Ran<R>
where
    R: Remote,
    C: Reconnect<R>,
{
    let course = errand.course;
    let Surveyed { node, machine, facts, plan } = surveyed;
    let mut told = Told::default();
    let settled = settle_first(errand, &node, &machine, (&facts, plan), &mut told).await;
    let (changes, (machine, verdict)) = match settled {
        Err(verdict) => (Vec::new(), (machine, verdict)),
        Ok(plan) if plan.is_empty() && !told.recovered.is_empty() => (Vec::new(), (machine, Verdict::Unchanged)),
        Ok(plan) => {
            let changes = plan.changes.clone();
            let transaction = plan.into_transaction(course.run.clone(), course.owner.to_owned());
            (changes, carry_through(errand, &node, machine, &transaction, &mut told).await)
        }
    };
    let mut to_put_back = kept(course.takes_up, &facts);
    if matches!(verdict, Verdict::Changed) {
        to_put_back.insert(0, course.run.clone());
    }
    let state = if verdict.is_good() { State::Done } else { State::Failed };
    errand.emit(&node, Phase::Commit, state, (!verdict.is_good()).then(|| verdict.describe()));
    let round_trips = machine.round_trips();
    Ran { result: NodeResult { node, changes, verdict, recovered: told.recovered, round_trips }, machine, to_put_back }
}

/// Has the node put back what a run broken off left half-done, and plans for what stands then: a plan that was made before
/// takes for desired what is put back under it.
async fn settle_first<R: Remote, C>(
    errand: Errand<'_, '_, '_, C>,
    node: &Node,
    machine: &R,
    (facts, plan): (&Facts, NodePlan),
    told: &mut Told,
) -> Result<NodePlan, Verdict> {
    let Course { run, owner, planner: Some(planner), .. } = *errand.course else { return Ok(plan) };
    let Some(broken) = facts.broken_off() else { return Ok(plan) };
    // Somebody may be at work on it.
    if facts.lock.is_none() {
        errand.emit(node, Phase::Undo, State::Started, Some(format!("run {} was broken off", broken.id)));
    }
    // Whoever takes the lock settles it; of a run that never began nothing else is put back.
    match machine.roll_back(run, owner).await {
        Ok(Outcome::UnknownRun { .. }) => {}
        // Somebody is at work, or it has its time still: waited for, or told, as ever.
        Ok(Outcome::Locked { .. }) => return Ok(plan),
        Ok(outcome) => return Err(Verdict::Failed(outcome)),
        Err(error) => return Err(Verdict::Unknown(error)),
    }
    let facts = machine.look(&planner.inquiry()).await.map_err(Verdict::Unknown)?;
    told.recovered.push(broken.id.clone());
    let not_planned = |error: PlanError| Verdict::Failed(Outcome::NotBegun { step: String::new(), reason: with_causes(&error) });
    planner.plan(node, &facts).map_err(not_planned)
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
    told: &mut Told,
) -> (R, Verdict)
where
    R: Remote,
    C: Reconnect<R>,
{
    let locks = errand.lock_wait();
    let mut tellings = 1;
    let unconfirmed = |left, until| Unconfirmed { errand, node, left, until };
    loop {
        let answer = in_time(transaction, machine.name(), tell(errand, &machine, node, transaction, told)).await;
        let lost = match answer {
            Ok(Outcome::Done) => return through_gate(errand, node, machine, errand.course.run).await,
            Ok(Outcome::Guarded { left, until }) => {
                let verdict = unconfirmed(left, until).come_back(&machine).await;
                return (machine, verdict);
            }
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
        // The node may have cut the way by what it changed: it takes that back, and is asked until then.
        if let (Some(guard), Some(until), Some(lost)) = (transaction.guard, told.armed.take(), &lost) {
            let verdict = unconfirmed(guard.within, until).find_again(&with_causes(lost)).await;
            return (machine, verdict);
        }
        let forgotten = match lost {
            Some(lost) if lost.is_lost() => errand.find_again(node, lost).await.map(|found| (found, None)),
            Some(error) if !error.is_open_ended() => Err(error),
            lost => match ask_again(errand, node, lost).await {
                Learnt::Done(found) => return through_gate(errand, node, found, errand.course.run).await,
                Learnt::Waiting(found) => {
                    let left = transaction.guard.map_or(Duration::ZERO, |guard| guard.within);
                    let verdict = unconfirmed(left, String::from("the end of its time")).settle_or_wait(&found).await;
                    return (found, verdict);
                }
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

/// Has a node that `run` changed pass the gate; where it does not, the run is put back.
async fn through_gate<R, C>(errand: Errand<'_, '_, '_, C>, node: &Node, machine: R, run: &RunId) -> (R, Verdict)
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
    let order = Order { run, owner: course.owner };
    let outcome = match put_back(errand, node, &machine, order).await {
        Ok(Outcome::RolledBack) => Outcome::Undone { step, reason },
        Ok(outcome) => Outcome::Broken { step, reason: format!("{reason}; {}", describe_outcome(&outcome)) },
        Err(error) => Outcome::Broken { step, reason: format!("{reason}; it could not be told to put the old state back: {error}") },
    };
    (machine, Verdict::Failed(outcome))
}

/// What a machine tells on the way.
#[derive(Default)]
struct Told {
    /// Earlier runs that it settled first.
    recovered: Vec<String>,
    /// Its timer runs, until then.
    armed: Option<String>,
}

async fn tell<R: Remote, C>(
    errand: Errand<'_, '_, '_, C>,
    machine: &R,
    node: &Node,
    transaction: &Transaction,
    told: &mut Told,
) -> Result<Outcome, RemoteError> {
    errand.emit(node, Phase::Stage, State::Started, None);
    let sink = errand.sink;
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
