//! A machine that is logged in to: scripts run on it, connections made from it.

mod bootstrap;
mod reading;
mod running;
mod shell;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::error::{Error, Place};
use super::fleet::Fleet;
use super::output::Output;
use super::script::Script;
use super::settings::Settings;
use super::transport::{BoxedStream, Connection, Negotiated};
use crate::site::model::Login;
use shell::KeptShell;

/// A logged-in connection to a machine. Cheap to clone; the connection ends with the last clone.
#[derive(Debug, Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connection: RwLock<Arc<Connection>>,
    shell: KeptShell,
    settings: Arc<Settings>,
    origin: Option<Origin>,
    has_ended: AtomicBool,
    place: Arc<Place>,
    user: String,
    server_version: String,
}

/// How a session came about, and can come about again.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) fleet: Fleet,
    pub(crate) name: String,
    pub(crate) login: Login,
}

impl Session {
    /// A session over `connection`; where it has an origin it is made anew when the connection is lost between commands.
    pub(crate) fn new(connection: Arc<Connection>, settings: Arc<Settings>, origin: Option<Origin>) -> Self {
        let (place, user) = (Arc::clone(&connection.place), connection.user.clone());
        let server_version = connection.server_version().to_owned();
        let has_ended = AtomicBool::new(false);
        let (connection, shell) = (RwLock::new(connection), KeptShell::default());
        Self { inner: Arc::new(Inner { connection, shell, settings, origin, has_ended, place, user, server_version }) }
    }

    fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.inner.connection.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `script` and gives back what it left behind; `on_line` is told each line of its standard output as it comes.
    ///
    /// The script's standard input is its payload, to the byte. The payload may end early where the connection broke,
    /// so that a script must know how long it has to be; the script itself runs whole or not at all. Whatever status
    /// it ends with is an [`Output`]; an [`Error`] says that it could not be run, or that its end is not known
    /// ([`Error::command_was_accepted`]). A connection that was lost before the script was accepted is made anew, once.
    pub async fn run(&self, script: &Script, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<Output, Error> {
        self.run_by(None, script, on_line).await
    }

    /// The same in the shell that an earlier call of this left, where it is free, and leaves it to the next one: that spares
    /// the machine a login shell and a sudo, and a sudo password its round trip. For scripts that leave nothing running which
    /// still writes.
    pub async fn run_in_turn(&self, script: &Script, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<Output, Error> {
        self.run_by(Some(&self.inner.shell), script, on_line).await
    }

    async fn run_by(&self, shell: Option<&KeptShell>, script: &Script, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<Output, Error> {
        let connection = self.connection();
        let why = match running::run(&connection, &self.inner.settings, (script, shell), on_line).await {
            Err(why) if is_lost(&why) && !why.command_was_accepted() => why,
            done => return done,
        };
        let Some(origin) =
            self.inner.origin.as_ref().filter(|origin| origin.fleet.is_open() && !self.inner.has_ended.load(Ordering::Acquire))
        else {
            return Err(why);
        };
        tracing::warn!(machine = origin.name, %why, label = script.label, "nothing was begun; connecting anew");
        let connection = origin.fleet.connect(&origin.name, &origin.login).await?;
        *self.inner.connection.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&connection);
        self.inner.shell.forget();
        running::run(&connection, &self.inner.settings, (script, shell), on_line).await
    }

    /// A TCP connection made by this machine to `host` (looked up by it) and `port`.
    pub async fn connect_tcp(&self, host: &str, port: u16) -> Result<BoxedStream, Error> {
        let through = Some(self.inner.place.machine.clone());
        let place = Arc::new(Place { machine: host.to_owned(), address: Place::address(host, port), through });
        Ok(Box::new(self.connection().open_tcp(host, port, &place).await?))
    }

    /// Sequential round trips waited for on this connection so far, those for its tunnel included and those of the
    /// hops before it left out: connecting 1, versions and algorithms 1, key exchange 1, service 1, each refused key
    /// 1, the accepted one 2, a command's channel 1 and a sudo password 1 (but where it finds a shell), each command 1.
    pub fn round_trips(&self) -> u32 {
        self.connection().round_trips()
    }

    /// The server's version line, such as `SSH-2.0-OpenSSH_9.2p1`.
    pub fn server_version(&self) -> &str {
        &self.inner.server_version
    }

    /// What the key exchange agreed on.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.connection().negotiated()
    }

    /// The login user.
    pub fn user(&self) -> &str {
        &self.inner.user
    }

    /// The machine and the way to it.
    pub fn place(&self) -> &Place {
        &self.inner.place
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.connection().is_closed()
    }

    /// The connection as it stands now, to be asked later whether it held.
    pub fn held(&self) -> Held {
        Held(self.connection())
    }

    /// Says goodbye to the server; nothing more is run. Dropping the last clone ends the connection as well, without a word.
    pub async fn close(&self) {
        self.inner.has_ended.store(true, Ordering::Release);
        self.connection().disconnect().await;
    }
}

/// A connection that is watched: another that is made in its place is not it.
#[derive(Debug, Clone)]
pub struct Held(Arc<Connection>);

impl Held {
    /// Whether it still stands, and the other side answers within `patience`.
    pub async fn stands(&self, patience: Duration) -> bool {
        self.0.answers(patience).await
    }
}

fn is_lost(why: &Error) -> bool {
    matches!(why, Error::ConnectionLost { .. } | Error::JumphostLost { .. })
}
