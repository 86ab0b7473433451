//! Waiting for a machine that another run holds.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::stop::Stop;
use crate::event::{Phase, Sink, State};
use crate::node::{Inquiry, Remote};
use crate::playbook::plan::Planner;
use crate::playbook::survey::{SurveyError, Surveyed, emit, tell_plan};
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
    /// Waits for those machines that another run holds, and looks at them and plans anew: that run may have changed them.
    pub async fn look_again<R: Remote>(
        &self,
        answers: Vec<(Node, Result<Surveyed<R>, SurveyError>)>,
        planner: &Planner<'_>,
    ) -> Vec<(Node, Result<Surveyed<R>, SurveyError>)> {
        let one = |(node, answer): (Node, Result<Surveyed<R>, SurveyError>)| async move {
            let answer = match answer {
                Ok(surveyed) if surveyed.facts.lock.is_some() => self.plan_anew(surveyed, planner).await,
                answer => answer,
            };
            (node, answer)
        };
        join_all(answers.into_iter().map(one)).await
    }

    async fn plan_anew<R: Remote>(&self, surveyed: Surveyed<R>, planner: &Planner<'_>) -> Result<Surveyed<R>, SurveyError> {
        let Surveyed { node, machine, .. } = surveyed;
        // Where it is not free in time, the run itself says who holds it.
        self.until_free(&machine, &node).await;
        let facts = machine.look(&planner.inquiry()).await?;
        let plan = planner.plan(&node, &facts)?;
        tell_plan(self.sink, &node, &plan);
        Ok(Surveyed { node, machine, facts, plan })
    }

    /// Waits until no run holds the machine any more; says whether it came to that.
    pub async fn until_free<R: Remote>(&self, machine: &R, node: &Node) -> bool {
        let mut pauses = self.pauses.iter();
        let mut pause = Duration::ZERO;
        let mut told = None;
        while !self.stop.is_raised() && Instant::now() < self.until {
            let Ok(facts) = machine.look(&Inquiry::standing()).await else { return false };
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
