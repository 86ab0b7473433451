//! Coming back to a node whose run waits to be confirmed: by a new login, through the gate; else it is taken back.
//!
//! The node keeps the time. All that is done here is to spare it and the person the wait, and to say what happened.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::course::Course;
use super::errand::{Errand, Reconnect};
use super::verdict::{Verdict, describe_outcome};
use crate::event::{Phase, State};
use crate::node::{Inquiry, Outcome, Remote, RemoteError, Transaction};
use crate::site::model::Node;

/// For how long a new login is tried: a service that restarts is away for a second or two. Half of what is left where
/// that is less, so that there is time to take the run back.
const PATIENCE: Duration = Duration::from_secs(12);
/// Before the first try: what a service does after it said that it is up (a network's addresses, say) comes within this.
const SETTLING: Duration = Duration::from_secs(1);
/// For how long the connection that was there before may take to revert; where it was cut it never will.
const OLD_WAY: Duration = Duration::from_secs(10);
/// For how long after the node's own time it is tried to hear of it.
const AFTERWARDS: Duration = Duration::from_secs(30);

/// A node's run that waits to be confirmed.
pub(super) struct Unconfirmed<'a, 'c, 'g, C> {
    /// The run, its gate, and the way to the node.
    pub(super) errand: Errand<'a, 'c, 'g, C>,
    /// The node.
    pub(super) node: &'a Node,
    /// What is left of its time.
    pub(super) left: Duration,
    /// When that is over, by the node's clock.
    pub(super) until: String,
}

impl<C> Unconfirmed<'_, '_, '_, C> {
    /// Logs in anew and confirms the run; where that fails, has it taken back, over the connection `old` if that one
    /// still stands.
    pub(super) async fn come_back<R>(&self, old: &R) -> Verdict
    where
        R: Remote,
        C: Reconnect<R>,
    {
        let end = Instant::now() + self.left;
        self.errand.emit(self.node, Phase::Verify, State::Started, Some("logging in anew".to_owned()));
        sleep(SETTLING.min(self.left / 4)).await;
        let why = match self.confirm_until(Instant::now() + PATIENCE.min(self.left / 2)).await {
            Ok(verdict) => return verdict,
            Err(why) => why,
        };
        self.errand.emit(self.node, Phase::Undo, State::Started, Some(why.clone()));
        if let Ok(Ok(verdict)) = timeout(OLD_WAY, self.revert(old, &why)).await {
            return verdict;
        }
        sleep_until(end).await;
        match self.log_in(Instant::now() + self.afterwards()).await {
            Ok(machine) => self.revert(&machine, &why).await.unwrap_or_else(|error| self.unheard(&format!("{why}; {error}"))),
            Err(_) => self.unheard(&why),
        }
    }

    // An answer that was lost may have been a yes: the node is asked again, and answers the same.
    async fn confirm_until<R>(&self, until: Instant) -> Result<Verdict, String>
    where
        R: Remote,
        C: Reconnect<R>,
    {
        let mut unsettled = None;
        loop {
            let machine: R = match self.log_in(until).await {
                Ok(machine) => machine,
                Err(why) => return Err(unsettled.unwrap_or(why)),
            };
            match self.settle(&machine).await {
                Ok(verdict) => return Ok(verdict),
                Err(why) => unsettled = Some(format!("it could not be confirmed: {why}")),
            }
            sleep(self.pause()).await;
        }
    }

    // Between two tries.
    fn pause(&self) -> Duration {
        self.errand.course.pauses.first().copied().unwrap_or(SETTLING)
    }

    fn afterwards(&self) -> Duration {
        AFTERWARDS.min(self.left * 3)
    }

    /// Over a connection made after the run: the gate, then the confirmation.
    async fn settle<R: Remote>(&self, machine: &R) -> Result<Verdict, String> {
        let Course { run, owner, gate, .. } = *self.errand.course;
        if let Some(gate) = gate
            && let Err(why) = gate(self.node.clone()).await
        {
            self.errand.emit(self.node, Phase::Undo, State::Started, Some(why.clone()));
            return self.revert(machine, &format!("step `gate`: {why}")).await;
        }
        verdict(machine.confirm(run, owner).await, None)
    }

    /// Has the node take it back now; or learns that it has done so, which is then told with `why` before it.
    async fn revert<R: Remote>(&self, machine: &R, why: &str) -> Result<Verdict, String> {
        verdict(machine.revert(self.errand.course.run, self.errand.course.owner, why).await, Some(why))
    }

    /// After an answer that did not come (`lost`): learns from the node itself how far it is, until its time is over.
    pub(super) async fn find_again<R>(&self, lost: &str) -> Verdict
    where
        R: Remote,
        C: Reconnect<R>,
    {
        let afterwards = self.afterwards();
        let end = Instant::now() + self.left + afterwards;
        let why = || lost.to_owned();
        self.errand.emit(self.node, Phase::Verify, State::Started, Some(why()));
        while Instant::now() < end {
            sleep(self.pause()).await;
            let Ok(machine) = self.log_in(end).await else {
                // Refused: not asked again before the node has taken back what it is refused for.
                sleep_until((end - afterwards).max(Instant::now() + afterwards / 10)).await;
                continue;
            };
            let Ok(facts) = machine.look(&Inquiry::standing()).await else { continue };
            let step = String::new();
            let state = facts.runs.iter().find(|kept| kept.id == self.errand.course.run.as_str()).map(|kept| kept.state.as_str());
            let told = match state {
                Some("guarded") => self.settle(&machine).await,
                Some("reverted") => self.revert(&machine, lost).await,
                Some("undone") => Ok(Verdict::Failed(Outcome::Undone { step, reason: why() })),
                Some("done") => Ok(Verdict::Changed),
                None if facts.lock.is_none() => Ok(Verdict::Failed(Outcome::NotBegun { step, reason: why() })),
                // Still at work; or broken off, and waiting for its time.
                Some(_) | None => continue,
            };
            if let Ok(verdict) = told {
                return verdict;
            }
        }
        self.unheard(lost)
    }

    /// Confirms it over `machine`, a connection made after the change; else waits for the node to take it back.
    pub(super) async fn settle_or_wait<R>(&self, machine: &R) -> Verdict
    where
        R: Remote,
        C: Reconnect<R>,
    {
        match self.settle(machine).await {
            Ok(verdict) => verdict,
            Err(why) => self.find_again(&why).await,
        }
    }

    async fn log_in<R>(&self, until: Instant) -> Result<R, String>
    where
        C: Reconnect<R>,
    {
        let mut why = "no new login came about in time".to_owned();
        loop {
            match timeout_at(until, self.errand.way.reconnect(self.node)).await {
                Ok(Ok(machine)) => return Ok(machine),
                Ok(Err(error)) => {
                    why = format!("a new login failed: {}", with_causes(&error));
                    if error.is_final() {
                        return Err(why);
                    }
                }
                Err(_) => return Err(why),
            }
            if Instant::now() + self.pause() >= until {
                return Err(why);
            }
            sleep(self.pause()).await;
        }
    }

    fn unheard(&self, why: &str) -> Verdict {
        Verdict::Unheard { why: why.to_owned(), until: self.until.clone() }
    }
}

/// What the machine's answer means; `cut` is what only this side may know. An error where it settled nothing.
fn verdict(answer: Result<Outcome, RemoteError>, cut: Option<&str>) -> Result<Verdict, String> {
    let whole = |reason: String| match cut {
        Some(cut) if !reason.contains(cut) => format!("{cut}; {reason}"),
        Some(_) | None => reason,
    };
    match answer {
        Ok(Outcome::Done) => Ok(Verdict::Changed),
        Ok(Outcome::Reverted { reason }) => Ok(Verdict::Failed(Outcome::Reverted { reason: whole(reason) })),
        Ok(Outcome::Broken { step, reason }) => Ok(Verdict::Failed(Outcome::Broken { step, reason: whole(reason) })),
        Ok(
            other @ (Outcome::NotBegun { .. }
            | Outcome::Undone { .. }
            | Outcome::Locked { .. }
            | Outcome::RolledBack
            | Outcome::Guarded { .. }
            | Outcome::UnknownRun { .. }),
        ) => Err(describe_outcome(&other)),
        Err(error) => Err(with_causes(&error)),
    }
}

pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

/// The answer to `transaction`, waited for no longer than its guard lasts: past that the node has taken it back.
pub(super) async fn in_time(
    transaction: &Transaction,
    machine: &str,
    telling: impl Future<Output = Result<Outcome, RemoteError>>,
) -> Result<Outcome, RemoteError> {
    let Some(guard) = transaction.guard else { return telling.await };
    let patience = guard.within + Duration::from_secs(10);
    timeout(patience, telling).await.unwrap_or_else(|_| {
        let exit = format!("without an answer within {} s", patience.as_secs());
        Err(RemoteError::Unexpected { machine: machine.to_owned(), label: "apply", exit, said: String::new() })
    })
}
