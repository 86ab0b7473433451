//! A machine that is logged in to: scripts run on it, connections made from it.

mod bootstrap;
mod reading;
mod running;

use std::sync::Arc;

use super::error::{Error, Place};
use super::output::Output;
use super::script::Script;
use super::settings::Settings;
use super::transport::{BoxedStream, Connection, Negotiated};

/// A logged-in connection to a machine. Cheap to clone; the connection ends with the last clone.
#[derive(Debug, Clone)]
pub struct Session {
    connection: Arc<Connection>,
    settings: Arc<Settings>,
}

impl Session {
    pub(crate) fn new(connection: Arc<Connection>, settings: Arc<Settings>) -> Self {
        Self { connection, settings }
    }

    /// Runs `script` and gives back what it left behind; `on_line` is told each line of its standard output as it comes.
    ///
    /// The script's standard input is its payload, to the byte. The payload may end early where the connection broke,
    /// so that a script must know how long it has to be; the script itself runs whole or not at all. Whatever status
    /// it ends with is an [`Output`]; an [`Error`] says that it could not be run, or that its end is not known
    /// ([`Error::command_was_accepted`]).
    pub async fn run(&self, script: &Script, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<Output, Error> {
        running::run(&self.connection, &self.settings, script, on_line).await
    }

    /// A TCP connection made by this machine to `host` (looked up by it) and `port`.
    pub async fn connect_tcp(&self, host: &str, port: u16) -> Result<BoxedStream, Error> {
        let through = Some(self.connection.place.machine.clone());
        let place = Arc::new(Place { machine: host.to_owned(), address: Place::address(host, port), through });
        Ok(Box::new(self.connection.open_tcp(host, port, &place).await?))
    }

    /// Sequential round trips waited for on this connection so far, those for its tunnel included and those of the
    /// hops before it left out: connecting 1, versions and algorithms 1, key exchange 1, service 1, each refused key
    /// 1, the accepted one 2, the first command's channel 1 (the next one's is opened while it runs), each command 1,
    /// a sudo password 1.
    pub fn round_trips(&self) -> u32 {
        self.connection.round_trips()
    }

    /// The server's version line, such as `SSH-2.0-OpenSSH_9.2p1`.
    pub fn server_version(&self) -> &str {
        self.connection.server_version()
    }

    /// What the key exchange agreed on.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.connection.negotiated()
    }

    /// The login user.
    pub fn user(&self) -> &str {
        &self.connection.user
    }

    /// The machine and the way to it.
    pub fn place(&self) -> &Place {
        &self.connection.place
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Says goodbye to the server. Dropping the last clone ends the connection as well, without a word.
    pub async fn close(&self) {
        self.connection.disconnect().await;
    }
}
