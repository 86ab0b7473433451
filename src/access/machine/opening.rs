//! Opening: all doors are entered and looked at, and once they trust windows opened, each by a closer that is proven before
//! its principal is put in place. No certificate exists before every door has answered.

use futures_util::future::join_all;
use jiff::Timestamp;

use super::super::policy::Clock;
use super::super::recording::RecordingLimits;
use super::super::window::Window;
use super::door::{DoorError, DoorWork, Look, Opening};
use super::doorway::{Doorway, Usage};
use super::principal::{Door, Recorder, principal_line};
use crate::event::{Event, Phase, Sink, State};
use crate::node::{Machine, RemoteError};

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

impl Entered {
    /// The account that windows log in to, and who uses it.
    pub fn tenant(&self) -> (&str, Usage) {
        (&self.account, self.doorway.usage(self.work.machine().session().user()))
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

/// Opens each door for `window`; gives back by what its closer is kept, or why it is not open.
pub async fn open_doors<'e>(entered: &'e [Entered], window: &Window, sink: &dyn Sink) -> Vec<(&'e Entered, Result<String, DoorError>)> {
    let one = |door: &'e Entered| async move {
        let name = door.doorway.name.as_str();
        tell(sink, name, Phase::Commit, State::Started, None);
        // On a jumphost nothing runs that could be recorded.
        let is_recorded = window.record && door.doorway.door == Door::Node;
        let recorder = is_recorded.then_some(if door.account == "root" { Recorder::ByRoot } else { Recorder::BySudo });
        let opening = Opening {
            window: window.id.clone(),
            account: door.account.clone(),
            span: window.span,
            line: principal_line(&door.doorway.door, &window.id, window.span.end(), recorder),
            usage: door.tenant().1,
            record: recorder.map(|_| RecordingLimits::default()),
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
