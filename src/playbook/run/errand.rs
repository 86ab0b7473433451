//! What every part of a run has at hand: the course, the way back to a machine that was lost, the wish to stop, the events.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::course::Course;
use super::lock::LockWait;
use super::stop::Stop;
use crate::event::{Phase, Sink, State};
use crate::node::{Facts, Inquiry, Remote, RemoteError};
use crate::playbook::survey::emit;
use crate::site::model::Node;

/// Connects to a node anew.
pub trait Reconnect<R>: Sync {
    /// A new connection to `node`.
    fn reconnect(&self, node: &Node) -> impl Future<Output = Result<R, RemoteError>>;
}

impl<R, C, F> Reconnect<R> for C
where
    C: Fn(Node) -> F + Sync,
    F: Future<Output = Result<R, RemoteError>>,
{
    fn reconnect(&self, node: &Node) -> impl Future<Output = Result<R, RemoteError>> {
        self(node.clone())
    }
}

/// What every part of a run has at hand.
pub(super) struct Errand<'a, 'c, 'g, C> {
    pub(super) course: &'a Course<'c, 'g>,
    pub(super) way: &'a C,
    pub(super) stop: &'a Stop,
    pub(super) sink: &'a dyn Sink,
}

impl<C> Clone for Errand<'_, '_, '_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Errand<'_, '_, '_, C> {}

impl<C> Errand<'_, '_, '_, C> {
    /// Waits for locks as the course says, from now on.
    pub(super) fn lock_wait(&self) -> LockWait<'_> {
        LockWait { until: Instant::now() + self.course.wait, pauses: self.course.pauses, stop: self.stop, sink: self.sink }
    }

    pub(super) fn emit(&self, node: &Node, phase: Phase, state: State, detail: Option<String>) {
        emit(self.sink, node, phase, state, detail);
    }

    /// Connects to a node that was lost, with a pause before each try; gives up at once where trying again is of no use.
    pub(super) async fn find_again<R>(&self, node: &Node, lost: RemoteError) -> Result<R, RemoteError>
    where
        C: Reconnect<R>,
    {
        let mut why = lost;
        for pause in self.course.pauses {
            sleep(*pause).await;
            self.emit(node, Phase::Connect, State::Started, Some("the connection was lost; trying again".to_owned()));
            match self.way.reconnect(node).await {
                Ok(machine) => return Ok(machine),
                Err(error) if error.is_final() => return Err(error),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Finds a node again and looks until its facts satisfy `is_enough`; fails when it never came to that, with why nobody is
    /// to try again where that is the reason (another host key). A machine that is there and still at work is given its time.
    pub(super) async fn look_again<R, T>(&self, node: &Node, is_enough: impl Fn(&Facts) -> Option<T>) -> Result<(R, T), Option<RemoteError>>
    where
        R: Remote,
        C: Reconnect<R>,
    {
        let mut pauses = self.course.pauses.iter();
        let until = Instant::now() + LONGEST_RUN;
        let mut found: Option<R> = None;
        while Instant::now() < until {
            let machine = if let Some(machine) = found.take() {
                sleep(self.course.pauses.first().copied().unwrap_or(LONGEST_RUN)).await;
                machine
            } else {
                sleep(*pauses.next().ok_or(None)?).await;
                match self.way.reconnect(node).await {
                    Ok(machine) => machine,
                    Err(error) if error.is_final() => return Err(Some(error)),
                    Err(_) => continue,
                }
            };
            let Ok(facts) = machine.look(&Inquiry::standing()).await else { continue };
            match is_enough(&facts) {
                Some(enough) => return Ok((machine, enough)),
                None => found = Some(machine),
            }
        }
        Err(None)
    }
}

/// How long a machine that was lost sight of may be at work: as long as one that is not.
const LONGEST_RUN: Duration = Duration::from_mins(5);
