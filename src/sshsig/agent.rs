//! The ssh-agent's door: a socket, on Windows a named pipe.

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use russh::keys::agent::client::AgentClient;

/// A stream to an agent.
#[cfg(unix)]
pub type AgentStream = tokio::net::UnixStream;
/// A stream to an agent.
#[cfg(windows)]
pub type AgentStream = tokio::net::windows::named_pipe::NamedPipeClient;

/// Connects to the agent behind `door` (`SSH_AUTH_SOCK`).
#[cfg(unix)]
pub async fn connect(door: &Path) -> Result<AgentClient<AgentStream>, russh::keys::Error> {
    AgentClient::connect_uds(door).await
}

/// Connects to the agent behind `door` (`SSH_AUTH_SOCK`).
#[cfg(windows)]
pub async fn connect(door: &Path) -> Result<AgentClient<AgentStream>, russh::keys::Error> {
    AgentClient::connect_named_pipe(door).await
}

/// The same, for one question whose answer is waited for; after `patience` reading it fails.
#[cfg(unix)]
pub fn open(door: &Path, patience: Duration) -> io::Result<impl Read + Write> {
    let stream = std::os::unix::net::UnixStream::connect(door)?;
    stream.set_read_timeout(Some(patience))?;
    Ok(stream)
}

/// The same, for one question whose answer is waited for, as long as it takes.
#[cfg(windows)]
pub fn open(door: &Path, _patience: Duration) -> io::Result<impl Read + Write> {
    std::fs::File::options().read(true).write(true).open(door)
}
