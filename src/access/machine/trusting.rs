//! Making machines trust windows: a change of sshd, so that each machine takes it back by itself unless we come back by a
//! new login, over a new way, and confirm it (decision 4).

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::door::DoorError;
use super::doorway::Doorway;
use super::opening::{Entered, tell};
use super::trust::{Trust, TrustProblem};
use crate::event::{Phase, Sink, State};
use crate::node::{Machine, Outcome, Remote as _, RemoteError, RunId};

/// For how long a new login is tried: sshd takes a moment to reload.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// How long another one's work on the machine is waited for.
const OTHERS: Duration = Duration::from_secs(30);
/// For how long the old connection may take to have it put back; where it was cut the machine does so by itself.
const OLD_WAY: Duration = Duration::from_secs(10);

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

/// Makes each machine trust windows that does not yet; gives back those that were changed. `log_in_anew` must not use any
/// connection that was there before: what it proves is that the way in still stands.
pub async fn give_trust<'e, F>(
    entered: &'e [Entered],
    trust: &Trust,
    (run, owner): (&RunId, &str),
    log_in_anew: impl Fn(Doorway) -> F,
    sink: &dyn Sink,
) -> Result<Vec<&'e str>, TrustError>
where
    F: Future<Output = Result<Machine, RemoteError>>,
{
    // All of them are asked before the first is touched.
    let mut lacking = Vec::new();
    for door in entered {
        Trust::must_know_ends(&door.doorway.name, door.work.machine().session().server_version())?;
        Trust::must_admit(&door.doorway.name, &door.account, &door.look)?;
        if !trust.stands(&door.doorway.name, &door.look, door.tenant())? {
            lacking.push(door);
        }
    }
    let log_in_anew = &log_in_anew;
    let one = |door: &'e Entered| async move {
        let name = door.doorway.name.as_str();
        tell(sink, name, Phase::Stage, State::Started, Some("sshd is to trust windows".to_owned()));
        let given = give_one(door, trust, (run, owner), log_in_anew).await;
        let detail = given.as_ref().err().map(ToString::to_string);
        tell(sink, name, Phase::Stage, if given.is_ok() { State::Done } else { State::Failed }, detail);
        given.map(|()| name)
    };
    join_all(lacking.into_iter().map(one)).await.into_iter().collect()
}

async fn give_one<F>(
    door: &Entered,
    trust: &Trust,
    (run, owner): (&RunId, &str),
    log_in_anew: impl Fn(Doorway) -> F,
) -> Result<(), TrustError>
where
    F: Future<Output = Result<Machine, RemoteError>>,
{
    let failed = |reason: String| TrustError::Failed { machine: door.doorway.name.clone(), reason };
    // sshd lets nobody in by a key while the list that it is told of is missing.
    door.work.prepare(trust.krl(), trust.authority()).await?;
    let mut transaction = trust.transaction(run.clone(), owner, &door.look, door.tenant());
    let end = Instant::now() + OTHERS;
    let outcome = loop {
        let outcome = door.work.machine().carry_out(&transaction, &mut |_| {}).await?;
        if !matches!(outcome, Outcome::Locked { .. }) || Instant::now() >= end {
            break outcome;
        }
        sleep(PAUSE).await;
        // Another operator was at just this: what is there now is what is replaced, by the same.
        let look = door.work.look(&door.account).await?;
        trust.stands(&door.doorway.name, &look, door.tenant())?;
        transaction = trust.transaction(run.clone(), owner, &look, door.tenant());
    };
    let Outcome::Guarded { until, .. } = outcome else {
        return if outcome == Outcome::Done { Ok(()) } else { Err(failed(reason_of(outcome))) };
    };
    let Err(why) = confirm(door, (run, owner), log_in_anew).await else { return Ok(()) };
    // Where the way in was cut, the old connection often stands still.
    let reverting = door.work.machine().revert(run, owner, &why);
    Err(failed(match timeout(OLD_WAY, reverting).await {
        Ok(Ok(Outcome::Reverted { .. })) => format!("{why}; it was put back"),
        _ => format!("{why}; the machine puts it back by itself at {until}"),
    }))
}

async fn confirm<F>(door: &Entered, (run, owner): (&RunId, &str), log_in_anew: impl Fn(Doorway) -> F) -> Result<(), String>
where
    F: Future<Output = Result<Machine, RemoteError>>,
{
    let end = Instant::now() + PATIENCE;
    let machine = loop {
        match timeout_at(end, log_in_anew(door.doorway.clone())).await {
            Ok(Ok(machine)) => break machine,
            Ok(Err(error)) if error.is_final() || Instant::now() + PAUSE >= end => return Err(format!("a new login failed: {error}")),
            Ok(Err(_)) => sleep(PAUSE).await,
            Err(_) => return Err("no new login came about in time".to_owned()),
        }
    };
    match machine.confirm(run, owner).await {
        Ok(Outcome::Done) => Ok(()),
        Ok(outcome) => Err(reason_of(outcome)),
        Err(error) => Err(format!("it could not be confirmed: {error}")),
    }
}

fn reason_of(outcome: Outcome) -> String {
    match outcome {
        Outcome::NotBegun { reason, .. }
        | Outcome::Undone { reason, .. }
        | Outcome::Broken { reason, .. }
        | Outcome::Reverted { reason }
        | Outcome::UnknownRun { reason } => reason,
        Outcome::Locked { holder } => format!("another run is at work: {holder}"),
        Outcome::Done | Outcome::Guarded { .. } | Outcome::RolledBack => "its answer is that to another question".to_owned(),
    }
}
