//! Closing: revoked, principal away, sessions ended, the machine's own state looked at, and then the window's credentials
//! tried once, so that the refusal is on record with the time it took. What could not be reached is said so.

use std::time::Duration;

use futures_util::future::join_all;

use super::super::history::MachineClosing;
use super::super::window::Window;
use super::door::{DoorError, DoorWork, Shut};
use super::doorway::Doorway;
use super::opening::tell;
use crate::event::{Phase, Sink, State};
use crate::node::{Machine, RemoteError};
use crate::ssh;

/// A list of revoked certificates with the two questions it has to answer rightly before it counts.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// The list.
    pub krl: Vec<u8>,
    /// A certificate that must not pass; empty where none is at hand.
    pub revoked: String,
    /// A key that must pass.
    pub kept: String,
    /// The list's own number: of two lists the higher one is the later.
    pub version: u64,
}

/// What is to be closed.
#[derive(Debug, Clone, Copy)]
pub struct ClosingOrder<'a> {
    /// The window.
    pub window: &'a Window,
    /// What is revoked; `None` where its end has passed.
    pub revocation: Option<&'a Revocation>,
}

/// How a try with the window's credentials ended.
#[derive(Debug)]
pub enum Tried {
    /// It was refused, in the server's words, after so long.
    Refused(String, Duration),
    /// It was let in.
    LetIn,
    /// It could not be tried.
    NotTried(String),
}

impl Tried {
    /// What a login's outcome after so long means.
    pub fn of(login: &Result<(), ssh::Error>, after: Duration) -> Self {
        match login {
            Ok(()) => Self::LetIn,
            Err(error @ ssh::Error::LoginRefused { .. }) => Self::Refused(error.to_string(), after),
            Err(error) => Self::NotTried(error.to_string()),
        }
    }
}

/// Closes `order.window` at each doorway: by `connect`, and by `attempt` the window's own credentials are tried after it.
/// Gives back the machines that were reached as well.
pub async fn close_doors<C, A>(
    order: &ClosingOrder<'_>,
    doorways: Vec<Doorway>,
    connect: impl Fn(Doorway) -> C,
    attempt: impl Fn(Doorway, Machine) -> A,
    sink: &dyn Sink,
) -> Vec<(MachineClosing, Option<Machine>)>
where
    C: Future<Output = Result<Machine, RemoteError>>,
    A: Future<Output = Tried>,
{
    let (connect, attempt) = (&connect, &attempt);
    let one = |doorway: Doorway| async move {
        tell(sink, &doorway.name, Phase::Close, State::Started, None);
        let shut = shut(order, connect(doorway.clone())).await;
        let mut closing =
            MachineClosing { machine: doorway.name.clone(), outcome: "closed", ended: 0, refused: None, detail: None, evidence: None };
        let mut reached = None;
        match shut {
            Ok((Shut { ended, evidence }, machine)) => {
                (closing.ended, reached) = (ended, Some(machine));
                closing.evidence = Some(evidence);
            }
            Err(error) => {
                closing.outcome = if error.is_unreached() { "unreached" } else { "failed" };
                closing.detail = Some(error.to_string());
            }
        }
        if let Some(machine) = reached.clone() {
            match attempt(doorway.clone(), machine).await {
                Tried::Refused(how, after) => {
                    let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                    closing.refused = Some((how, after));
                }
                Tried::LetIn => {
                    closing.outcome = "failed";
                    closing.detail = Some("the window's credentials are still let in".to_owned());
                }
                Tried::NotTried(why) => {
                    closing.outcome = "not-proven";
                    closing.detail = Some(format!("the window's credentials could not be tried: {why}"));
                }
            }
        }
        let state = if closing.is_shut() { State::Done } else { State::Failed };
        tell(sink, &doorway.name, Phase::Close, state, closing.detail.clone());
        (closing, reached)
    };
    join_all(doorways.into_iter().map(one)).await
}

async fn shut(
    order: &ClosingOrder<'_>,
    connecting: impl Future<Output = Result<Machine, RemoteError>>,
) -> Result<(Shut, Machine), DoorError> {
    let work = DoorWork::new(connecting.await?);
    let shut = work.shut(order.window, order.revocation).await?;
    Ok((shut, work.machine().clone()))
}
