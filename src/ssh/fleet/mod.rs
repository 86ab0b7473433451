//! One site's connections: the chain of hops, made once and shared by all nodes, and a session to each node through it.
//!
//! What was lost on the way before any command was accepted is tried again after a pause; what is refused for good is
//! never tried again, and a machine that does not answer not either: it costs one time-out, not several.

mod backoff;
mod dialling;
mod jumps;
mod pacing;
mod way;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::error::{Error, Phase, Place};
use super::host_keys::{HostKeys, KnownHosts};
use super::login::Keyring;
use super::session::{Origin, Session};
use super::settings::Settings;
use super::transport::{BoxedStream, Connection};
use crate::site::model::{Login, Route};
use crate::site::secret::Secrets;
use backoff::Backoff;
use pacing::Pacing;
use way::Ways;

/// The pauses before a machine that hung up before the login was done is tried again.
const HUNG_UP: Backoff =
    Backoff { first: Duration::from_millis(300), longest: Duration::from_secs(1), within: Duration::from_millis(2500) };

/// The connections of one site. Cheap to clone; all clones share them. Connects when a session is first asked for.
#[derive(Debug, Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    route: Route,
    host_keys: HostKeys,
    settings: Arc<Settings>,
    secrets: Arc<Secrets>,
    keyring: Keyring,
    known_hosts: OnceCell<Arc<KnownHosts>>,
    ways: Ways,
    pacing: Pacing,
    is_open: AtomicBool,
}

impl Fleet {
    /// The connections of a site that is reached by `route`, under the host keys that `known` names.
    pub fn new(route: &Route, known: HostKeys, settings: Settings, secrets: Arc<Secrets>) -> Self {
        let pacing = Pacing::new(settings.handshakes_at_once);
        Self {
            inner: Arc::new(Inner {
                route: route.clone(),
                host_keys: known,
                settings: Arc::new(settings),
                secrets,
                keyring: Keyring::default(),
                known_hosts: OnceCell::new(),
                ways: Ways::default(),
                pacing,
                is_open: AtomicBool::new(true),
            }),
        }
    }

    /// A session on the machine called `name`: through the hops where the route has any, else as the operator's own
    /// SSH configuration says (`ProxyJump`), else from here.
    ///
    /// Each call makes a connection of its own to the machine, never one around the hops. A hop that was lost is
    /// connected to anew, and a machine that hung up before the login was done is asked again, both for a bounded time.
    pub async fn session(&self, name: &str, login: &Login) -> Result<Session, Error> {
        self.inner.is_open.store(true, Ordering::Release);
        let connection = self.connect(name, login).await?;
        let origin = Origin { fleet: self.clone(), name: name.to_owned(), login: login.clone() };
        Ok(Session::new(connection, Arc::clone(&self.inner.settings), Some(origin)))
    }

    /// A connection of its own to the machine.
    pub(crate) async fn connect(&self, name: &str, login: &Login) -> Result<Arc<Connection>, Error> {
        let mut pauses = HUNG_UP.pauses();
        loop {
            let why = match self.inner.connect_node(name, login).await {
                Ok(connection) => return Ok(connection),
                Err(why) => why,
            };
            let pause = if is_passing(&why) && why.place().is_some_and(|place| place.machine == name) { pauses.next() } else { None };
            let Some(pause) = pause else { return Err(why) };
            tracing::warn!(machine = name, %why, ?pause, "tried again after a pause");
            tokio::time::sleep(pause).await;
        }
    }

    /// A session on the last hop, over the connection that all nodes share; `None` without hops.
    pub async fn jumphost(&self) -> Result<Option<Session>, Error> {
        let hop = self.inner.last_hop().await?;
        Ok(hop.map(|connection| Session::new(connection, Arc::clone(&self.inner.settings), None)))
    }

    /// A session on each hop, in the route's order, over the connections that all nodes share.
    pub async fn hops(&self) -> Result<Vec<Session>, Error> {
        let mut sessions = Vec::new();
        let mut next = self.inner.last_hop().await?;
        while let Some(connection) = next.take() {
            next.clone_from(&connection.below);
            sessions.push(Session::new(connection, Arc::clone(&self.inner.settings), None));
        }
        sessions.reverse();
        Ok(sessions)
    }

    /// A TCP connection to `host` and `port` as the last hop makes it, or from here without hops.
    pub async fn connect_tcp(&self, host: &str, port: u16) -> Result<BoxedStream, Error> {
        let hop = self.inner.last_hop().await?;
        let through = hop.as_ref().map(|hop| hop.place.machine.clone());
        let place = Arc::new(Place { machine: host.to_owned(), address: Place::address(host, port), through });
        self.inner.open(host, port, &place, hop).await.map(|(stream, _)| stream)
    }

    /// How many connections to the last hop stand: one, but where the hop's limits asked for more.
    pub async fn connections_to_jumphost(&self) -> usize {
        self.inner.ways.standing().await
    }

    /// Whether nobody has said goodbye: lost sessions may be made anew.
    pub(crate) fn is_open(&self) -> bool {
        self.inner.is_open.load(Ordering::Acquire)
    }

    /// Says goodbye to the hops. Sessions that are still in use end with them; the next new one connects anew.
    pub async fn close(&self) {
        self.inner.is_open.store(false, Ordering::Release);
        for last in self.inner.ways.take_all().await {
            let mut next = Some(last);
            while let Some(hop) = next.take() {
                if !hop.is_closed() {
                    hop.disconnect().await;
                }
                next.clone_from(&hop.below);
            }
        }
    }
}

/// Whether a machine that failed so may well answer a moment later: it hung up, or its hop was lost, before a login.
///
/// A busy sshd hangs up on some who ask at once (`MaxStartups`); one that is being restarted on all.
fn is_passing(why: &Error) -> bool {
    if let Error::JumphostLost { phase, .. } = why {
        return matches!(phase, Phase::Connect | Phase::Handshake | Phase::HostKey | Phase::Login);
    }
    // Who is barred (`PerSourcePenalties`) is told "Not allowed at this time", and stays so for longer than this.
    matches!(why, Error::ConnectionLost { phase: Phase::Handshake, said, .. } if said.is_empty() || said.contains("MaxStartups"))
}
