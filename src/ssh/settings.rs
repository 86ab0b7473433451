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
    /// How often the other side is asked whether it lives; when it is silent for four times this, it is lost.
    pub keepalive: Duration,
    /// Handshakes with nodes at the same time.
    pub handshakes_at_once: usize,
    /// Attempts a login is given; a stock sshd closes at its sixth failure (`MaxAuthTries`).
    pub login_attempts: usize,
    /// The most a command may print, in bytes.
    pub output_limit: usize,
}

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
            keepalive: Duration::from_secs(15),
            handshakes_at_once: 50,
            login_attempts: 6,
            output_limit: 64 << 20,
        }
    }
}
