//! The second half: carrying plans out, all nodes at once or a few at a time, each as a transaction.
//!
//! A node whose connection is lost is told again only while it has changed nothing; after that its own journal is asked.
//! What is half-done nowhere is the rule of a node; with `all_or_nothing` it is the rule of the run.

mod back;
mod confirm;
mod course;
mod errand;
mod lock;
mod node;
mod settle;
mod stop;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;

pub use back::{Order, WayBack};
pub use course::{Course, GateKeeper, NodeResult, PAUSES, Rolling};
pub use errand::Reconnect;
pub use lock::LockWait;
pub use settle::Journal;
pub use stop::Stop;
pub use verdict::{Verdict, describe_outcome, help_with};

use super::survey::Surveyed;
use crate::event::{Phase, Sink, State};
use crate::node::{Outcome, Remote};
use errand::Errand;
use node::{Ran, as_it_stands, has_work, left_alone, run_on};

/// Carries out the plans, and gives the results in the order of `surveyed`. `stop` keeps nodes from beginning, and lets those
/// that have begun end.
pub async fn carry_out<R, C>(surveyed: Vec<Surveyed<R>>, course: &Course<'_, '_>, way: C, stop: &Stop, sink: &dyn Sink) -> Vec<NodeResult>
where
    R: Remote,
    C: Reconnect<R>,
{
    let errand = Errand { course, way: &way, stop, sink };
    let order: Vec<String> = surveyed.iter().map(|surveyed| surveyed.node.name.clone()).collect();
    let (working, still): (Vec<_>, Vec<_>) = surveyed.into_iter().partition(has_work);
    let still = still.into_iter().map(|surveyed| as_it_stands(errand, surveyed));
    let mut ran: Vec<Ran<R>> = stream::iter(still).buffer_unordered(course.forks.max(1)).collect().await;
    let failed = AtomicBool::new(course.stops_at_a_failure() && ran.iter().any(|ran| !ran.result.verdict.is_good()));
    let mut waiting = working.into_iter().peekable();
    let mut number = 0;
    while waiting.peek().is_some() {
        let size = course.rolling.map_or(usize::MAX, |rolling| rolling.batch(number));
        number += 1;
        let one = |surveyed| async {
            if stop.is_raised() || failed.load(Ordering::SeqCst) {
                return left_alone(errand, surveyed, Verdict::Skipped);
            }
            let ran = run_on(errand, surveyed).await;
            if course.stops_at_a_failure() && !ran.result.verdict.is_good() {
                failed.store(true, Ordering::SeqCst);
            }
            ran
        };
        let at_once = if course.rolling.is_some() { size } else { course.forks.max(1) };
        let batch: Vec<_> = waiting.by_ref().take(size).collect();
        // As they end: what is put back later is put back the newest first.
        ran.extend(stream::iter(batch.into_iter().map(one)).buffer_unordered(at_once).collect::<Vec<_>>().await);
    }
    if course.all_or_nothing && ran.iter().any(|ran| !ran.result.verdict.is_good()) {
        ran = put_all_back(errand, ran).await;
    }
    let mut results: Vec<NodeResult> = ran.into_iter().map(|ran| ran.result).collect();
    results.sort_by_key(|result| order.iter().position(|name| *name == result.node.name));
    results
}

/// Puts back what the run changed, the newest first; the nodes that failed stand as before already.
async fn put_all_back<R, C>(errand: Errand<'_, '_, '_, C>, ran: Vec<Ran<R>>) -> Vec<Ran<R>>
where
    R: Remote,
    C: Reconnect<R>,
{
    let at_once = errand.course.rolling.map_or(errand.course.forks, |rolling| rolling.size).max(1);
    let one = |mut ran: Ran<R>| async move {
        for run in std::mem::take(&mut ran.to_put_back) {
            errand.emit(&ran.result.node, Phase::Undo, State::Started, None);
            let order = Order { run: &run, owner: errand.course.owner };
            let why = match back::put_back(errand, &ran.result.node, &ran.machine, order).await {
                Ok(Outcome::RolledBack) => None,
                Ok(outcome) => Some(describe_outcome(&outcome)),
                Err(error) => Some(error.to_string()),
            };
            let state = if why.is_some() { State::Failed } else { State::Done };
            errand.emit(&ran.result.node, Phase::Undo, state, why.clone());
            let is_left = why.is_some();
            if ran.result.verdict.is_good() {
                ran.result.verdict = why.map_or(Verdict::PutBack, Verdict::LeftChanged);
            }
            if is_left {
                break;
            }
        }
        ran
    };
    stream::iter(ran.into_iter().rev().map(one)).buffered(at_once).collect().await
}
