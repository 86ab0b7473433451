//! What can go wrong between here and a machine's shell. Every variant names the machine, the way to it and
//! the moment; `remedy` says what to do next. Errors are cheap to clone: one failed jumphost is shared by all nodes.

mod place;
mod remedy;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::site::secret::SecretError;
use crate::ssh::output::Exit;
pub(crate) use place::printable;
pub use place::{Obstacle, Phase, Place};

/// A host key as a server showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKey {
    /// Such as `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// The line that would make it known: `name ssh-ed25519 AAAA…`.
    pub known_hosts_line: String,
    /// The file that line belongs into.
    pub known_hosts_file: PathBuf,
}

/// A host key that was expected, and where that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedKey {
    /// `SHA256:…`.
    pub fingerprint: String,
    /// `file:line`, or the site file's `host_keys`.
    pub stands_in: String,
}

/// One way of logging in that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Such as `key ~/.ssh/id_ed25519` or `password`.
    pub method: String,
    /// Such as `refused` or why it could not be tried.
    pub outcome: String,
}

/// Why a session could not be had or a command not be run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Its port cannot be reached.
    #[error("{place} cannot be reached: {obstacle}")]
    Unreachable {
        /// The machine.
        place: Arc<Place>,
        /// Why.
        obstacle: Obstacle,
    },
    /// The hop before it does not forward connections (`AllowTcpForwarding no`, `PermitOpen`).
    #[error("{place} cannot be reached: {hop} refuses to forward the connection")]
    ForwardingRefused {
        /// The machine.
        place: Arc<Place>,
        /// The hop that refuses.
        hop: String,
    },
    /// The hop before it carries no more connections, and no further login to it helps.
    #[error("{place} cannot be reached: {hop} carries no more connections")]
    ForwardingExhausted {
        /// The machine.
        place: Arc<Place>,
        /// The hop that refuses.
        hop: String,
    },
    /// What answers at its port is no SSH server.
    #[error("{place} does not speak SSH{}", quoted(.said))]
    Garbage {
        /// The machine.
        place: Arc<Place>,
        /// The first line it sent.
        said: String,
    },
    /// It did not answer in time.
    #[error("{place} did not answer within {} s during {phase}", .after.as_secs_f32())]
    Silent {
        /// The machine.
        place: Arc<Place>,
        /// During what.
        phase: Phase,
        /// After how long it was given up.
        after: Duration,
    },
    /// It offers algorithms of one kind of which none is acceptable; known weak ones are not.
    #[error("{place} offers no acceptable {kind}: {}", .theirs.join(", "))]
    NoCommonAlgorithm {
        /// The machine.
        place: Arc<Place>,
        /// Such as `Kex`.
        kind: String,
        /// What it offers.
        theirs: Vec<String>,
    },
    /// The key exchange failed.
    #[error("{place}: the SSH handshake failed")]
    Handshake {
        /// The machine.
        place: Arc<Place>,
        /// The transport's reason.
        source: Arc<russh::Error>,
    },
    /// Nothing says which host key it has.
    #[error("{place}: its host key is not known: {} {}", .shown.algorithm, .shown.fingerprint)]
    HostKeyUnknown {
        /// The machine.
        place: Arc<Place>,
        /// What it showed.
        shown: Box<ShownKey>,
    },
    /// It showed another host key than the one that is known.
    #[error("{place}: its host key has changed: it showed {} {}, expected {}", .shown.algorithm, .shown.fingerprint, list(.expected))]
    HostKeyChanged {
        /// The machine.
        place: Arc<Place>,
        /// What it showed.
        shown: Box<ShownKey>,
        /// What was expected; never empty.
        expected: Vec<ExpectedKey>,
    },
    /// It showed a host key that is marked `@revoked`.
    #[error("{place}: its host key {} is revoked in {stands_in}", .shown.fingerprint)]
    HostKeyRevoked {
        /// The machine.
        place: Arc<Place>,
        /// What it showed.
        shown: Box<ShownKey>,
        /// `file:line`.
        stands_in: String,
    },
    /// It showed a host certificate that does not hold.
    #[error("{place}: its host certificate is refused: {reason}")]
    HostCertificateRefused {
        /// The machine.
        place: Arc<Place>,
        /// Such as `expired`.
        reason: String,
    },
    /// A `known_hosts` file cannot be used; an unreadable one is never taken for an empty one.
    #[error("cannot use the known hosts file {path}")]
    KnownHostsUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// A `host_keys` entry is neither a fingerprint nor a public key.
    #[error("{place}: `{pin}` in `host_keys` is neither `SHA256:…` nor a public key")]
    PinMalformed {
        /// The machine.
        place: Arc<Place>,
        /// The entry.
        pin: String,
    },
    /// The operator's SSH configuration cannot be evaluated.
    #[error("the SSH configuration for {host} cannot be evaluated: {said}")]
    ClientConfig {
        /// The host it was asked about.
        host: String,
        /// What was said.
        said: String,
    },
    /// No way of logging in was accepted.
    #[error("{place} refuses the login of {user}: {}", attempts(.tried))]
    LoginRefused {
        /// The machine.
        place: Arc<Place>,
        /// The login user.
        user: String,
        /// What was tried, in order.
        tried: Vec<Attempt>,
        /// The methods that the server would still accept.
        accepted: Vec<&'static str>,
    },
    /// A secret that is needed could not be had.
    #[error("{place}: a secret is missing")]
    Secret {
        /// The machine.
        place: Arc<Place>,
        /// Why.
        source: Arc<SecretError>,
    },
    /// The connection to it broke.
    #[error("{place}: the connection was lost during {phase}{}", quoted(.said))]
    ConnectionLost {
        /// The machine.
        place: Arc<Place>,
        /// During what.
        phase: Phase,
        /// What the server said in parting.
        said: String,
    },
    /// The connection to a hop broke, and with it the one to the machine.
    #[error("{place}: the connection to {hop} was lost during {phase}")]
    JumphostLost {
        /// The machine.
        place: Arc<Place>,
        /// The hop.
        hop: String,
        /// During what.
        phase: Phase,
    },
    /// It is logged in to, but opens no session.
    #[error("{place} opens no session: {said}")]
    SessionRefused {
        /// The machine.
        place: Arc<Place>,
        /// What was said.
        said: String,
    },
    /// The login shell ended, or stood still, before it ran the command.
    #[error("{place}: `{label}` was not started: {}{}", ended(.exit), quoted(.said))]
    NotStarted {
        /// The machine.
        place: Arc<Place>,
        /// The command's name.
        label: &'static str,
        /// How the login shell ended.
        exit: Exit,
        /// The last it printed.
        said: String,
    },
    /// The command took too long; it was told to end.
    #[error("{place}: `{label}` {} within {} s{}", did_not(*.begun), .after.as_secs_f32(), quoted(.stderr_tail))]
    CommandTimedOut {
        /// The machine.
        place: Arc<Place>,
        /// The command's name.
        label: &'static str,
        /// Whether the login shell had begun it.
        begun: bool,
        /// How long it was given.
        after: Duration,
        /// The last lines of its standard error, or what the login shell printed in its place.
        stderr_tail: String,
    },
    /// The command printed without end.
    #[error("{place}: `{label}` printed more than {} MiB", .limit / (1 << 20))]
    OutputTooLong {
        /// The machine.
        place: Arc<Place>,
        /// The command's name.
        label: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// There is no `sudo` and the login user is not root.
    #[error("{place}: `{label}` needs root, {user} is not root, and there is no sudo")]
    SudoMissing {
        /// The machine.
        place: Arc<Place>,
        /// The command's name.
        label: &'static str,
        /// The login user.
        user: String,
    },
    /// `sudo` asks for a password and none is given.
    #[error("{place}: sudo asks for a password of {user}")]
    SudoNeedsPassword {
        /// The machine.
        place: Arc<Place>,
        /// The login user.
        user: String,
    },
    /// `sudo` refused the password.
    #[error("{place}: sudo refused the password of {user}")]
    SudoWrongPassword {
        /// The machine.
        place: Arc<Place>,
        /// The login user.
        user: String,
    },
    /// `sudo` does not let this user do it.
    #[error("{place}: sudo is not allowed to {user}{}", quoted(.said))]
    SudoNotAllowed {
        /// The machine.
        place: Arc<Place>,
        /// The login user.
        user: String,
        /// What sudo said.
        said: String,
    },
    /// A password with a line break cannot be given to `sudo`.
    #[error("{place}: the sudo password has a line break in it")]
    SudoPasswordUnusable {
        /// The machine.
        place: Arc<Place>,
    },
}

impl Error {
    /// Whether the machine may have begun to run what it was given. While `false`, trying again is safe;
    /// once `true`, only the machine itself can say what was done.
    pub fn command_was_accepted(&self) -> bool {
        if let Self::ConnectionLost { phase, .. } | Self::JumphostLost { phase, .. } = self {
            return *phase == Phase::Command;
        }
        matches!(self, Self::CommandTimedOut { .. } | Self::OutputTooLong { .. })
    }

    /// Whether another attempt, with nothing changed, would meet the same answer. Such an attempt is not made:
    /// behind a jumphost all refusals count against one address (`PerSourcePenalties`).
    pub fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::Unreachable { .. }
                | Self::ForwardingExhausted { .. }
                | Self::Silent { .. }
                | Self::Handshake { .. }
                | Self::ConnectionLost { .. }
                | Self::JumphostLost { .. }
                | Self::SessionRefused { .. }
                | Self::NotStarted { .. }
                | Self::CommandTimedOut { .. }
        )
    }

    /// Whether the machine was logged in to, and root could not be reached on it.
    pub fn is_about_sudo(&self) -> bool {
        matches!(
            self,
            Self::SudoMissing { .. }
                | Self::SudoNeedsPassword { .. }
                | Self::SudoWrongPassword { .. }
                | Self::SudoNotAllowed { .. }
                | Self::SudoPasswordUnusable { .. }
        )
    }

    /// The machine it happened on, where it happened on one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::KnownHostsUnreadable { .. } | Self::ClientConfig { .. } => None,
            Self::Unreachable { place, .. }
            | Self::ForwardingRefused { place, .. }
            | Self::ForwardingExhausted { place, .. }
            | Self::Garbage { place, .. }
            | Self::Silent { place, .. }
            | Self::NoCommonAlgorithm { place, .. }
            | Self::Handshake { place, .. }
            | Self::HostKeyUnknown { place, .. }
            | Self::HostKeyChanged { place, .. }
            | Self::HostKeyRevoked { place, .. }
            | Self::HostCertificateRefused { place, .. }
            | Self::PinMalformed { place, .. }
            | Self::LoginRefused { place, .. }
            | Self::Secret { place, .. }
            | Self::ConnectionLost { place, .. }
            | Self::JumphostLost { place, .. }
            | Self::SessionRefused { place, .. }
            | Self::NotStarted { place, .. }
            | Self::CommandTimedOut { place, .. }
            | Self::OutputTooLong { place, .. }
            | Self::SudoMissing { place, .. }
            | Self::SudoNeedsPassword { place, .. }
            | Self::SudoWrongPassword { place, .. }
            | Self::SudoNotAllowed { place, .. }
            | Self::SudoPasswordUnusable { place, .. } => Some(place),
        }
    }
}

fn did_not(begun: bool) -> &'static str {
    if begun { "did not end" } else { "was not begun by the login shell" }
}

fn quoted(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

fn list(expected: &[ExpectedKey]) -> String {
    let keys: Vec<_> = expected.iter().map(|key| format!("{} ({})", key.fingerprint, key.stands_in)).collect();
    keys.join(" or ")
}

fn attempts(tried: &[Attempt]) -> String {
    if tried.is_empty() {
        return "there is nothing to offer: no key, no agent, no password".to_owned();
    }
    let attempts: Vec<_> = tried.iter().map(|attempt| format!("{}: {}", attempt.method, attempt.outcome)).collect();
    attempts.join("; ")
}

fn ended(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("the login shell ended with status {code}"),
        Exit::Signal(signal) => format!("the login shell was ended by SIG{signal}"),
        Exit::Missing => "the login shell ended".to_owned(),
    }
}
