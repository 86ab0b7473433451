//! Closing: revoked, principal away, sessions ended, the machine's own state looked at, and then the window's credentials
//! tried once, so that the refusal is on record with the time it took. What could not be reached is said so.

use std::time::Instant;

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
    /// It was refused, in the server's words.
    Refused(String),
    /// It was let in.
    LetIn,
    /// It could not be tried.
    NotTried(String),
}

impl Tried {
    /// What a login's outcome means.
    pub fn of(login: &Result<(), ssh::Error>) -> Self {
        match login {
            Ok(()) => Self::LetIn,
            Err(error @ ssh::Error::LoginRefused { .. }) => Self::Refused(error.to_string()),
            Err(error) => Self::NotTried(error.to_string()),
        }
    }
}

/// Closes `order.window` at each doorway: by `connect`, and by `attempt` the window's own credentials are tried after it.
pub async fn close_doors<C, A>(
    order: &ClosingOrder<'_>,
    doorways: Vec<Doorway>,
    connect: impl Fn(Doorway) -> C,
    attempt: impl Fn(Doorway) -> A,
    sink: &dyn Sink,
) -> Vec<MachineClosing>
where
    C: Future<Output = Result<Machine, RemoteError>>,
    A: Future<Output = Tried>,
{
    let (connect, attempt) = (&connect, &attempt);
    let one = |doorway: Doorway| async move {
        tell(sink, &doorway.name, Phase::Undo, State::Started, None);
        let shut = shut(order, connect(doorway.clone())).await;
        let mut closing =
            MachineClosing { machine: doorway.name.clone(), outcome: "closed", ended: 0, refused: None, detail: None, evidence: None };
        match shut {
            Ok(Shut { ended, evidence }) => {
                closing.ended = ended;
                closing.evidence = Some(evidence);
            }
            Err(error) => {
                closing.outcome = if error.is_unreached() { "unreached" } else { "failed" };
                closing.detail = Some(error.to_string());
            }
        }
        if closing.outcome == "closed" {
            let began = Instant::now();
            match attempt(doorway.clone()).await {
                Tried::Refused(how) => {
                    let after = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
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
        tell(sink, &doorway.name, Phase::Undo, state, closing.detail.clone());
        closing
    };
    join_all(doorways.into_iter().map(one)).await
}

async fn shut(order: &ClosingOrder<'_>, connecting: impl Future<Output = Result<Machine, RemoteError>>) -> Result<Shut, DoorError> {
    DoorWork::new(connecting.await?).shut(order.window, order.revocation).await
}
