//! The two traits that stand between us and a machine, and the machine behind an SSH session.

use std::time::Duration;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::facts::{Facts, FactsError};
use super::inquiry::Inquiry;
use super::outcome::{Answer, Outcome, parse_answer};
use super::run_id::RunId;
use super::transaction::{Transaction, confirm_script, revert_script, rollback_script};
use crate::ssh::{self, BoxedStream, Elevation, Exit, Held, Output, Script, Session};

// Generous: a probe takes a fraction of a second, reloads and health probes some seconds each; what a playbook waits for
// comes on top.
const PROBE_TIME: Duration = Duration::from_mins(1);
const TRANSACTION_TIME: Duration = Duration::from_mins(5);
// A probe runs guards, and asks a mail service for as long as a quarter of a minute.
const SHORTEST_PROBE: Duration = Duration::from_secs(20);

/// Why a machine gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The way to it, or the session, failed.
    #[error(transparent)]
    Ssh(#[from] ssh::Error),
    /// The command ended otherwise than it can.
    #[error("{machine}: `{label}` ended {exit}{said}")]
    Unexpected {
        /// The machine.
        machine: String,
        /// Which command.
        label: &'static str,
        /// How it ended, in words.
        exit: String,
        /// The last it said on standard error.
        said: String,
    },
    /// Its answer is not one of ours.
    #[error("{machine}: its facts cannot be understood")]
    Facts {
        /// The machine.
        machine: String,
        /// Why.
        source: FactsError,
    },
}

impl RemoteError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Ssh(error) => error.help(),
            Self::Unexpected { machine, .. } => Some(format!("run the command again with -vv; look at the system log of {machine}")),
            Self::Facts { machine, .. } => {
                Some(format!("look at what the login shell of {machine} prints and replaces (aliases, wrappers)"))
            }
        }
    }

    /// Whether trying again, with nothing changed, would give the same answer.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Ssh(error) => error.is_final(),
            Self::Unexpected { .. } | Self::Facts { .. } => true,
        }
    }

    /// Whether a connection that stood was lost before the machine took what it was told: telling it again is safe.
    pub fn is_lost(&self) -> bool {
        self.is_connection_lost() && !self.is_open_ended()
    }

    /// Whether the machine took what it was told and did not end in time, so that it would not the next time either.
    pub fn is_about_time(&self) -> bool {
        matches!(self, Self::Ssh(ssh::Error::CommandTimedOut { .. }))
    }

    /// Whether a connection that stood was lost, at whatever moment.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, Self::Ssh(ssh::Error::ConnectionLost { .. } | ssh::Error::JumphostLost { .. }))
    }

    /// Whether it was a hop, and not the machine's own connection, that was lost.
    pub fn is_about_a_hop(&self) -> bool {
        matches!(self, Self::Ssh(ssh::Error::JumphostLost { .. }))
    }

    /// Whether the machine may have begun what it was told, so that only it knows how that ended.
    pub fn is_open_ended(&self) -> bool {
        match self {
            Self::Ssh(error) => error.command_was_accepted(),
            Self::Unexpected { exit, .. } => exit == NO_STATUS,
            Self::Facts { .. } => false,
        }
    }
}

/// Reads a machine and changes nothing on it.
pub trait Probe: Send + Sync {
    /// The machine's name.
    fn name(&self) -> &str;
    /// Gathers facts, in one round trip.
    fn look(&self, inquiry: &Inquiry) -> impl Future<Output = Result<Facts, RemoteError>> + Send;
    /// Opens a TCP connection from the machine to `host:port`.
    fn connect_tcp(&self, host: &str, port: u16) -> impl Future<Output = Result<BoxedStream, RemoteError>> + Send;
    /// Sequential round trips waited for so far.
    fn round_trips(&self) -> u32;
    /// The connection to it as it stands now; `None` where none is needed.
    fn held(&self) -> Option<Held>;
}

/// Changes a machine. Only a run is given one.
pub trait Remote: Probe {
    /// Carries out a transaction, in one round trip; progress is told as it happens.
    fn carry_out(
        &self,
        transaction: &Transaction,
        tell: &mut (dyn FnMut(Answer) + Send),
    ) -> impl Future<Output = Result<Outcome, RemoteError>> + Send;
    /// Puts back what `run` replaced.
    fn roll_back(&self, run: &RunId, owner: &str) -> impl Future<Output = Result<Outcome, RemoteError>> + Send;
    /// Confirms `run`, which answered [`Outcome::Guarded`]: [`Outcome::Done`] where the machine finds itself well too, else
    /// [`Outcome::Reverted`]. Proves something only over a connection that was made after the run.
    fn confirm(&self, run: &RunId, owner: &str) -> impl Future<Output = Result<Outcome, RemoteError>> + Send;
    /// Takes back `run`, which answered [`Outcome::Guarded`], for the reason `why`, without waiting for the machine's timer.
    fn revert(&self, run: &RunId, owner: &str, why: &str) -> impl Future<Output = Result<Outcome, RemoteError>> + Send;
}

/// A machine behind an SSH session. Cheap to clone; all clones share the session.
#[derive(Debug, Clone)]
pub struct Machine {
    name: String,
    session: Session,
    elevation: Elevation,
    probe_time: Duration,
    run_time: Duration,
}

impl Machine {
    /// The machine `name` at the other end of `session`; root is reached by `elevation`.
    pub fn new(name: &str, session: Session, elevation: Elevation) -> Self {
        Self { name: name.to_owned(), session, elevation, probe_time: PROBE_TIME, run_time: TRANSACTION_TIME }
    }

    /// The same with `patience` for its answers: for a probe, though never less than such a thing needs, and for a run where
    /// that is longer than it has anyway.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.probe_time = patience.max(SHORTEST_PROBE);
        self.run_time = patience.max(TRANSACTION_TIME);
        self
    }

    /// How root is reached for a password or the lack of one.
    pub fn sudo(password: Option<SecretString>) -> Elevation {
        password.map_or(Elevation::Sudo, Elevation::SudoPassword)
    }

    /// The session itself.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// How root is reached on it.
    pub fn elevation(&self) -> &Elevation {
        &self.elevation
    }

    async fn run(&self, script: Script, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<Output, RemoteError> {
        // Nothing that a run or a probe starts is left writing.
        Ok(self.session.run_in_turn(&script, on_line).await?)
    }

    async fn transact(
        &self,
        (label, text): (&'static str, String),
        payload: Zeroizing<Vec<u8>>,
        timeout: Duration,
        tell: &mut (dyn FnMut(Answer) + Send),
    ) -> Result<Outcome, RemoteError> {
        let script = Script { label, text, payload, elevation: self.elevation.clone(), timeout };
        let mut outcome = None;
        let mut on_line = |line: &str| match parse_answer(line) {
            Some(Answer::Ended(ended)) => outcome = Some(ended),
            Some(answer) => tell(answer),
            None => {}
        };
        let output = self.run(script, &mut on_line).await?;
        outcome.ok_or_else(|| self.unexpected(label, &output))
    }

    /// Runs a script that asks for no answers of ours.
    pub(super) async fn run_plain(&self, label: &'static str, text: String) -> Result<Output, RemoteError> {
        let payload = Zeroizing::new(Vec::new());
        let script = Script { label, text, payload, elevation: self.elevation.clone(), timeout: PROBE_TIME };
        self.run(script, &mut |_| {}).await
    }

    pub(super) fn unexpected(&self, label: &'static str, output: &Output) -> RemoteError {
        let exit = match &output.exit {
            Exit::Code(code) => format!("with status {code}"),
            Exit::Signal(signal) => format!("by signal {signal}"),
            Exit::Missing => NO_STATUS.to_owned(),
        };
        let said = output.stderr_tail.trim();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        RemoteError::Unexpected { machine: self.name.clone(), label, exit, said }
    }
}

const NO_STATUS: &str = "without a status";

impl Probe for Machine {
    fn name(&self) -> &str {
        &self.name
    }

    async fn look(&self, inquiry: &Inquiry) -> Result<Facts, RemoteError> {
        let script = Script {
            label: "probe",
            text: inquiry.script(),
            payload: Zeroizing::new(Vec::new()),
            elevation: self.elevation.clone(),
            timeout: self.probe_time,
        };
        let output = self.run(script, &mut |_| {}).await?;
        if !output.is_success() {
            return Err(self.unexpected("probe", &output));
        }
        Facts::parse(&output.stdout, inquiry).map_err(|source| RemoteError::Facts { machine: self.name.clone(), source })
    }

    async fn connect_tcp(&self, host: &str, port: u16) -> Result<BoxedStream, RemoteError> {
        Ok(self.session.connect_tcp(host, port).await?)
    }

    fn round_trips(&self) -> u32 {
        self.session.round_trips()
    }

    fn held(&self) -> Option<Held> {
        Some(self.session.held())
    }
}

impl Remote for Machine {
    async fn carry_out(&self, transaction: &Transaction, tell: &mut (dyn FnMut(Answer) + Send)) -> Result<Outcome, RemoteError> {
        let timeout = self.run_time.saturating_add(transaction.waits());
        self.transact(("apply", transaction.script()), transaction.payload(), timeout, tell).await
    }

    async fn roll_back(&self, run: &RunId, owner: &str) -> Result<Outcome, RemoteError> {
        self.transact(("rollback", rollback_script(run, owner)), Zeroizing::new(Vec::new()), self.run_time, &mut |_| {}).await
    }

    async fn confirm(&self, run: &RunId, owner: &str) -> Result<Outcome, RemoteError> {
        self.transact(("confirm", confirm_script(run, owner)), Zeroizing::new(Vec::new()), self.run_time, &mut |_| {}).await
    }

    async fn revert(&self, run: &RunId, owner: &str, why: &str) -> Result<Outcome, RemoteError> {
        self.transact(("revert", revert_script(run, owner, why)), Zeroizing::new(Vec::new()), self.run_time, &mut |_| {}).await
    }
}
