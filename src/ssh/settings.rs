//! How patient the transport is, and what it needs to know of the operator. Read once by the command line and passed in.

use std::path::PathBuf;
use std::time::Duration;

/// Where the operator's SSH client configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientConfigSource {
    /// As `ssh` itself reads it: `~/.ssh/config`, then `/etc/ssh/ssh_config`.
    Operator,
    /// This file alone.
    File(PathBuf),
    /// None is read.
    None,
}

/// Everything about connections that is no property of the site.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The operator's home folder, for `~/.ssh`.
    pub operator_home: PathBuf,
    /// The operator's user name: the login user where neither the site nor the client configuration names one.
    pub operator_user: String,
    /// The ssh-agent's socket (`SSH_AUTH_SOCK`), where one runs.
    pub agent_socket: Option<PathBuf>,
    /// Which client configuration applies to machines that are dialled from here.
    pub client_config: ClientConfigSource,
    /// The time at the start of the run: host certificates are judged by it.
    pub now: jiff::Timestamp,
    /// Until a port answers.
    pub connect_timeout: Duration,
    /// Until the key exchange is done; again for each step of a login.
    pub handshake_timeout: Duration,
    /// Until the login shell has started a command.
    pub start_timeout: Duration,
    /// How long the other side may leave questions unanswered before it is lost; a hop a little less, so that it is
    /// the hop that is named.
    pub silence_limit: Duration,
    /// How long a hop that was lost is asked again before it is given up.
    pub reconnect_within: Duration,
    /// Handshakes with nodes at the same time.
    pub handshakes_at_once: usize,
    /// Attempts a login is given; a stock sshd closes at its sixth failure (`MaxAuthTries`).
    pub login_attempts: usize,
    /// The most a command may print, in bytes.
    pub output_limit: usize,
}

/// Below this no silence is taken for an end: a busy machine is not a dead one.
const SHORTEST_SILENCE: Duration = Duration::from_secs(5);

impl Settings {
    /// Settings of an operator, with the usual patience.
    pub fn new(operator_home: PathBuf, operator_user: String, now: jiff::Timestamp) -> Self {
        Self {
            operator_home,
            operator_user,
            agent_socket: None,
            client_config: ClientConfigSource::Operator,
            now,
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(20),
            start_timeout: Duration::from_secs(30),
            silence_limit: Duration::from_secs(45),
            reconnect_within: Duration::from_secs(30),
            handshakes_at_once: 50,
            login_attempts: 6,
            output_limit: 64 << 20,
        }
    }

    /// The same, with `patience` for each wait (`--timeout`): a port, a handshake, a command's start, a silent line.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.connect_timeout = patience;
        self.handshake_timeout = patience;
        self.start_timeout = patience.max(Duration::from_secs(1));
        self.silence_limit = self.silence_limit.min(patience.max(SHORTEST_SILENCE));
        self.reconnect_within = self.reconnect_within.min(patience.max(SHORTEST_SILENCE));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_patience_also_notices_a_cut_line_sooner() {
        let settings = || Settings::new(PathBuf::new(), String::new(), jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(settings().with_patience(Duration::from_secs(10)).silence_limit, Duration::from_secs(10));
        assert_eq!(settings().with_patience(Duration::from_secs(1)).silence_limit, SHORTEST_SILENCE);
        assert_eq!(settings().with_patience(Duration::from_mins(10)).silence_limit, settings().silence_limit);
    }
}
