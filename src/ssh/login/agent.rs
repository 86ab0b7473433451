//! The ssh-agent: which keys it holds, and a connection to it that can sign.

use std::path::Path;
use std::time::Duration;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use tokio::time::timeout;

use crate::ssh::transport::Connection;
use crate::sshsig::{self, agent::AgentStream};

/// A connection to the agent.
pub(super) type Agent = AgentClient<AgentStream>;

/// An agent that hangs must not hang the login; a person may have to confirm a signature, but not a list.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects to the agent and binds it to the session, so that keys limited to certain hosts are usable.
pub(super) async fn connect(socket: &Path, connection: &Connection) -> Result<Agent, String> {
    let connected = timeout(PATIENCE, sshsig::agent::connect(socket)).await;
    let mut agent = connected.map_err(|_elapsed| "the agent does not answer".to_owned())?.map_err(|error| error.to_string())?;
    if let Some(binding) = connection.handle.agent_session_binding() {
        // Agents older than OpenSSH 8.9 do not know this and refuse; their keys have no limits.
        drop(timeout(PATIENCE, agent.bind_session(binding, false)).await);
    }
    Ok(agent)
}

/// The keys that the agent offers.
pub(super) async fn identities(agent: &mut Agent) -> Result<Vec<AgentIdentity>, String> {
    let listed = timeout(PATIENCE, agent.request_identities()).await;
    listed.map_err(|_elapsed| "the agent does not answer".to_owned())?.map_err(|error| error.to_string())
}
