//! Putting back what a run replaced on a machine, and asking again where the connection is lost over it.

use std::time::Duration;

use super::course::Course;
use super::errand::{Errand, Reconnect};
use super::settle::Journal;
use super::stop::Stop;
use crate::event::Sink;
use crate::node::{Facts, Outcome, Remote, RemoteError, RunId};
use crate::site::model::Node;

/// What is to be put back, and in whose name.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The run.
    pub run: &'a RunId,
    /// Person, machine and reason; shown to whoever meets the lock.
    pub owner: &'a str,
}

/// What going back needs besides the machine: the way back to it, the pauses, the wish to stop, the events.
#[derive(Clone, Copy)]
pub struct WayBack<'a, C> {
    /// Connects anew.
    pub way: &'a C,
    /// Pauses between tries.
    pub pauses: &'a [Duration],
    /// How long a lock is waited for.
    pub wait: Duration,
    /// The wish to stop.
    pub stop: &'a Stop,
    /// Takes the events.
    pub sink: &'a dyn Sink,
}

impl<C> std::fmt::Debug for WayBack<'_, C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WayBack").field("pauses", &self.pauses).finish_non_exhaustive()
    }
}

impl<C> WayBack<'_, C> {
    /// Puts back what `order.run` replaced on one machine; says how that ended.
    pub async fn put_back<R>(&self, node: &Node, machine: &R, order: Order<'_>) -> Result<Outcome, RemoteError>
    where
        R: Remote,
        C: Reconnect<R>,
    {
        let course = Course {
            run: order.run,
            owner: order.owner,
            forks: 1,
            rolling: None,
            all_or_nothing: false,
            takes_up: &[],
            wait: self.wait,
            pauses: self.pauses,
            planner: None,
            gate: None,
            unseen: &[],
        };
        let errand = Errand { course: &course, way: self.way, stop: self.stop, sink: self.sink };
        put_back(errand, node, machine, order).await
    }
}

/// Puts a run back, waits for the lock where that is wanted, and asks the journal where the connection is lost.
pub(super) async fn put_back<R, C>(
    errand: Errand<'_, '_, '_, C>,
    node: &Node,
    machine: &R,
    order: Order<'_>,
) -> Result<Outcome, RemoteError>
where
    R: Remote,
    C: Reconnect<R>,
{
    let locks = errand.lock_wait();
    let mut found: Option<R> = None;
    for _ in 0..=errand.course.pauses.len() {
        let machine = found.as_ref().unwrap_or(machine);
        let lost = match machine.roll_back(order.run, order.owner).await {
            Ok(outcome @ Outcome::Locked { .. }) => {
                if locks.until_free(machine, node).await {
                    continue;
                }
                return Ok(outcome);
            }
            // A first try that was lost may have done it, or its remains may have been settled by the second.
            Ok(outcome @ Outcome::NotBegun { .. }) if found.is_some() => {
                let facts = machine.look(&crate::node::Inquiry::standing()).await?;
                let is_back = Journal::of(&facts, order.run) == Some(Journal::Undone);
                return Ok(if is_back { Outcome::RolledBack } else { outcome });
            }
            Ok(outcome) => return Ok(outcome),
            Err(error) if error.is_lost() || error.is_open_ended() => error,
            Err(error) => return Err(error),
        };
        let settled = |facts: &Facts| Journal::of(facts, order.run);
        match errand.look_again(node, settled).await {
            Err(why) => return Err(why.unwrap_or(lost)),
            Ok((_, Journal::Undone)) => return Ok(Outcome::RolledBack),
            Ok((again, Journal::Done | Journal::Waiting | Journal::BrokenOff | Journal::Forgotten)) => found = Some(again),
        }
    }
    Ok(Outcome::NotBegun { step: String::new(), reason: "the connection was lost time and again".to_owned() })
}
