//! Waiting for a machine that another run holds.

use tokio::time::{Instant, timeout_at};

use std::time::Duration;

use super::stop::Stop;
use crate::event::{Phase, Sink, State};
use crate::node::{Inquiry, Remote};
use crate::playbook::survey::emit;
use crate::site::model::Node;

/// How locks are waited for.
#[derive(Clone, Copy)]
pub struct LockWait<'a> {
    /// Until when.
    pub until: Instant,
    /// Pauses between two looks; the last one is kept to.
    pub pauses: &'a [Duration],
    /// Ends the wait.
    pub stop: &'a Stop,
    /// Is told who holds the lock.
    pub sink: &'a dyn Sink,
}

impl std::fmt::Debug for LockWait<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LockWait").field("until", &self.until).finish_non_exhaustive()
    }
}

impl LockWait<'_> {
    /// Waits until no run holds the machine any more; says whether it came to that.
    pub async fn until_free<R: Remote>(&self, machine: &R, node: &Node) -> bool {
        let mut pauses = self.pauses.iter();
        let mut pause = Duration::ZERO;
        let mut told = None;
        while !self.stop.is_raised() && Instant::now() < self.until {
            let Ok(facts) = machine.look(&Inquiry::machine()).await else { return false };
            let Some(holder) = facts.lock else { return true };
            // Said again when the minute changes, so that whoever waits sees that it goes on.
            let minute = holder.age.map(|age| age.as_secs() / 60);
            let text = holder.to_string();
            if told != Some((holder.owner.clone(), minute)) {
                emit(self.sink, node, Phase::Wait, State::Started, Some(text));
                told = Some((holder.owner, minute));
            }
            pause = pauses.next().copied().unwrap_or(pause);
            let next = (Instant::now() + pause).min(self.until);
            // Ends by its time, or by the wish to stop: both are looked at above.
            drop(timeout_at(next, self.stop.raised()).await);
        }
        false
    }
}
