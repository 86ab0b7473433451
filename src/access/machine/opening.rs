//! Opening: all doors are entered and looked at, made to trust windows where they do not yet, and then opened, each by a
//! closer that is proven before its principal is put in place. No certificate exists before every door has answered.

use futures_util::future::join_all;
use jiff::Timestamp;

use super::super::policy::Clock;
use super::super::window::Window;
use super::door::{DoorError, DoorWork, Look, Opening};
use super::doorway::Doorway;
use super::principal::principal_line;
use super::trust::{Trust, TrustProblem};
use crate::event::{Event, Phase, Sink, State};
use crate::node::{Machine, Outcome, Remote as _, RemoteError, RunId};

/// A door that we stand before: logged in, looked at.
#[derive(Debug)]
pub struct Entered {
    /// Which machine.
    pub doorway: Doorway,
    /// The account that windows log in to there.
    pub account: String,
    /// What works on it.
    pub work: DoorWork,
    /// How it stands.
    pub look: Look,
    /// What its clock said, and when.
    pub clock: Clock,
}

/// Why a machine does not trust windows.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It may not be made to.
    #[error(transparent)]
    Problem(#[from] TrustProblem),
    /// It could not be prepared.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// It gave no answer.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// It tried and could not; it stands as it stood.
    #[error("{machine}: windows could not be trusted there: {reason}")]
    Failed {
        /// The machine.
        machine: String,
        /// Why, in its words.
        reason: String,
    },
}

impl TrustError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Problem(problem) => problem.help(),
            Self::Door(error) => error.help(),
            Self::Remote(error) => error.help(),
            Self::Failed { machine, .. } => Some(format!("run `sshd -t` on {machine}; nothing was left changed there")),
        }
    }
}

/// Tells of a machine's phase.
pub(super) fn tell(sink: &dyn Sink, node: &str, phase: Phase, state: State, detail: Option<String>) {
    sink.emit(&Event::Node { node: node.to_owned(), phase, state, detail });
}

/// Logs in to each doorway by `connect` and looks at it; `now` is our clock.
pub async fn enter<F>(
    doorways: Vec<Doorway>,
    connect: impl Fn(Doorway) -> F,
    now: &(dyn Fn() -> Timestamp + Sync),
    sink: &dyn Sink,
) -> Vec<(Doorway, Result<Entered, DoorError>)>
where
    F: Future<Output = Result<Machine, RemoteError>>,
{
    let connect = &connect;
    let one = |doorway: Doorway| async move {
        tell(sink, &doorway.name, Phase::Connect, State::Started, None);
        let entered = enter_one(doorway.clone(), connect(doorway.clone()), now).await;
        let (state, detail) = match &entered {
            Ok(_) => (State::Done, None),
            Err(error) => (State::Failed, Some(error.to_string())),
        };
        tell(sink, &doorway.name, Phase::Connect, state, detail);
        (doorway, entered)
    };
    join_all(doorways.into_iter().map(one)).await
}

async fn enter_one(
    doorway: Doorway,
    connecting: impl Future<Output = Result<Machine, RemoteError>>,
    now: &(dyn Fn() -> Timestamp + Sync),
) -> Result<Entered, DoorError> {
    let work = DoorWork::new(connecting.await?);
    let account = doorway.account_or(work.machine().session().user()).to_owned();
    let asked = now();
    let look = work.look(&account).await?;
    let clock = Clock { theirs: look.clock, asked, answered: now() };
    Ok(Entered { doorway, account, work, look, clock })
}

/// Makes each machine trust windows that does not yet; gives back those that were changed.
pub async fn give_trust<'e>(
    entered: &'e [Entered],
    trust: &Trust,
    (run, owner): (&RunId, &str),
    sink: &dyn Sink,
) -> Result<Vec<&'e str>, TrustError> {
    // All of them are asked before the first is touched.
    let mut lacking = Vec::new();
    for door in entered {
        if !trust.stands(&door.doorway.name, &door.look)? {
            lacking.push(door);
        }
    }
    let one = |door: &'e Entered| async move {
        let name = door.doorway.name.as_str();
        tell(sink, name, Phase::Stage, State::Started, Some("sshd is to trust windows".to_owned()));
        // sshd lets nobody in by a key while the list that it is told of is missing.
        door.work.prepare(trust.krl(), trust.authority()).await?;
        let transaction = trust.transaction(run.clone(), owner, &door.look, &door.account);
        let outcome = door.work.machine().carry_out(&transaction, &mut |_| {}).await?;
        let reason = match outcome {
            Outcome::Done => {
                tell(sink, name, Phase::Stage, State::Done, None);
                return Ok(name);
            }
            Outcome::NotBegun { reason, .. } | Outcome::Undone { reason, .. } | Outcome::Broken { reason, .. } => reason,
            Outcome::Locked { holder } => format!("another run is at work: {holder}"),
            Outcome::Guarded { .. } | Outcome::Reverted { .. } | Outcome::RolledBack | Outcome::UnknownRun { .. } => {
                "its answer is that to another question".to_owned()
            }
        };
        tell(sink, name, Phase::Stage, State::Failed, Some(reason.clone()));
        Err(TrustError::Failed { machine: name.to_owned(), reason })
    };
    join_all(lacking.into_iter().map(one)).await.into_iter().collect()
}

/// Opens each door for `window`; gives back by what its closer is kept, or why it is not open.
pub async fn open_doors<'e>(entered: &'e [Entered], window: &Window, sink: &dyn Sink) -> Vec<(&'e Entered, Result<String, DoorError>)> {
    let one = |door: &'e Entered| async move {
        let name = door.doorway.name.as_str();
        tell(sink, name, Phase::Commit, State::Started, None);
        let opening = Opening {
            window: window.id.clone(),
            account: door.account.clone(),
            span: window.span,
            line: principal_line(&door.doorway.door, &window.id, window.span.end()),
        };
        let opened = door.work.open(&opening).await;
        let (state, detail) = match &opened {
            Ok(closer) => (State::Done, format!("closer armed: {closer}")),
            Err(error) => (State::Failed, error.to_string()),
        };
        tell(sink, name, Phase::Commit, state, Some(detail));
        (door, opened)
    };
    join_all(entered.iter().map(one)).await
}
