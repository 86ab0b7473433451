//! One site's connections: the chain of hops, made once and shared by all nodes, and a session to each node through it.
//!
//! A hop that cannot be had is tried by one caller; the others get the same answer. What is refused for good is never
//! tried again, and the rest only after a pause that grows.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Mutex, OnceCell, Semaphore};
use tokio::time::{Instant, timeout};

use super::client_config::{self, AgentChoice, ClientConfig};
use super::error::{Error, Obstacle, Place};
use super::host_keys::{Expectation, HostKeys, KnownHosts};
use super::login::{Credentials, Keyring, authenticate};
use super::session::Session;
use super::settings::Settings;
use super::transport::{BoxedStream, Connection};
use crate::site::model::{Login, Route};
use crate::site::secret::Secrets;

/// The first pause before a hop that was lost is tried again; doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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
    way: Mutex<Way>,
    handshakes: Semaphore,
}

/// The state of the chain of hops.
#[derive(Debug, Default)]
enum Way {
    #[default]
    Untried,
    Open(Arc<Connection>),
    Barred {
        why: Error,
        since: Instant,
        pause: Duration,
    },
}

impl Fleet {
    /// The connections of a site that is reached by `route`, under the host keys that `known` names.
    pub fn new(route: &Route, known: HostKeys, settings: Settings, secrets: Arc<Secrets>) -> Self {
        let handshakes = Semaphore::new(settings.handshakes_at_once.max(1));
        Self {
            inner: Arc::new(Inner {
                route: route.clone(),
                host_keys: known,
                settings: Arc::new(settings),
                secrets,
                keyring: Keyring::default(),
                known_hosts: OnceCell::new(),
                way: Mutex::new(Way::Untried),
                handshakes,
            }),
        }
    }

    /// A session on the machine called `name`: through the hops where the route has any, else from here.
    ///
    /// Each call makes a connection of its own to the machine, never one around the hops.
    pub async fn session(&self, name: &str, login: &Login) -> Result<Session, Error> {
        let below = self.last_hop().await?;
        let turn = self.inner.handshakes.acquire().await;
        let connection = self.inner.connect(name, login, below).await;
        drop(turn);
        Ok(Session::new(connection?, Arc::clone(&self.inner.settings)))
    }

    /// A session on the last hop, over the connection that all nodes share; `None` without hops.
    pub async fn jumphost(&self) -> Result<Option<Session>, Error> {
        let hop = self.last_hop().await?;
        Ok(hop.map(|connection| Session::new(connection, Arc::clone(&self.inner.settings))))
    }

    /// A session on each hop, in the route's order, over the connections that all nodes share.
    pub async fn hops(&self) -> Result<Vec<Session>, Error> {
        let mut sessions = Vec::new();
        let mut next = self.last_hop().await?;
        while let Some(connection) = next.take() {
            next.clone_from(&connection.below);
            sessions.push(Session::new(connection, Arc::clone(&self.inner.settings)));
        }
        sessions.reverse();
        Ok(sessions)
    }

    /// A TCP connection to `host` and `port` as the last hop makes it, or from here without hops.
    pub async fn connect_tcp(&self, host: &str, port: u16) -> Result<BoxedStream, Error> {
        if let Some(hop) = self.jumphost().await? {
            return hop.connect_tcp(host, port).await;
        }
        let place = Arc::new(Place { machine: host.to_owned(), address: Place::address(host, port), through: None });
        Ok(Box::new(dial(host, port, &place, self.inner.settings.connect_timeout).await?))
    }

    /// Says goodbye to the hops. Sessions that are still in use end with them; the next call connects anew.
    pub async fn close(&self) {
        let way = std::mem::take(&mut *self.inner.way.lock().await);
        let mut connection = match way {
            Way::Open(last) => Some(last),
            Way::Untried | Way::Barred { .. } => None,
        };
        while let Some(hop) = connection.take() {
            hop.disconnect().await;
            connection.clone_from(&hop.below);
        }
    }

    /// The connection to the last hop, made now or before; `None` without hops.
    async fn last_hop(&self) -> Result<Option<Arc<Connection>>, Error> {
        if self.inner.route.hops.is_empty() {
            return Ok(None);
        }
        // Held while connecting: fifty nodes ask at once, and one login is made.
        let mut way = self.inner.way.lock().await;
        let mut pause = FIRST_PAUSE;
        match &*way {
            Way::Open(last) if is_whole(last) => return Ok(Some(Arc::clone(last))),
            Way::Open(_) | Way::Untried => {}
            Way::Barred { why, since, pause: waited } => {
                if why.is_final() || since.elapsed() < *waited {
                    return Err(why.clone());
                }
                pause = (*waited * 2).min(LONGEST_PAUSE);
            }
        }
        match self.inner.pass_hops().await {
            Ok(last) => {
                *way = Way::Open(Arc::clone(&last));
                Ok(Some(last))
            }
            Err(why) => {
                *way = Way::Barred { why: why.clone(), since: Instant::now(), pause };
                Err(why)
            }
        }
    }
}

/// Whether neither this connection nor one below it has ended.
fn is_whole(connection: &Arc<Connection>) -> bool {
    let mut next = Some(connection);
    while let Some(hop) = next {
        if hop.is_closed() {
            return false;
        }
        next = hop.below.as_ref();
    }
    true
}

impl Inner {
    async fn pass_hops(&self) -> Result<Arc<Connection>, Error> {
        let mut last: Option<Arc<Connection>> = None;
        for hop in &self.route.hops {
            last = Some(self.connect(&hop.name, &hop.login, last).await?);
        }
        last.ok_or_else(|| {
            let place = Place { machine: "the route".to_owned(), address: String::new(), through: None };
            Error::Unreachable { place: Arc::new(place), obstacle: Obstacle::NoRoute }
        })
    }

    /// Connects to a machine over `below`, or from here where there is none; checks its key; logs in.
    async fn connect(&self, name: &str, login: &Login, below: Option<Arc<Connection>>) -> Result<Arc<Connection>, Error> {
        // The operator's own configuration is about machines that are dialled from here; behind a hop, the same name
        // may well be another machine.
        let config = match &below {
            None => client_config::query(&login.address, &self.settings).await?,
            Some(_) => {
                ClientConfig { identities: client_config::usual_identities(&self.settings.operator_home), ..ClientConfig::default() }
            }
        };
        let host = config.host_name.clone().unwrap_or_else(|| login.address.clone());
        let port = if login.port == 22 { config.port.unwrap_or(22) } else { login.port };
        let through = below.as_ref().map(|hop| hop.place.machine.clone());
        let place = Arc::new(Place { machine: name.to_owned(), address: Place::address(&host, port), through });
        let names = [Some(name.to_owned()), config.host_key_alias.clone(), Some(login.address.clone()), Some(host.clone())];
        let names = (names.into_iter().flatten().collect(), port);
        let known = self.known_hosts(&config).await?;
        let expectation = Expectation::new(Arc::clone(&place), &login.host_keys, known, names, self.settings.now)?;
        let stream: BoxedStream = match &below {
            Some(hop) => Box::new(hop.open_tcp(&host, port, &place).await?),
            None => Box::new(dial(&host, port, &place, self.settings.connect_timeout).await?),
        };
        let mut connection = Connection::establish(stream, expectation, place, &self.settings).await?;
        connection.below = below;
        authenticate(&mut connection, &self.credentials(login, config)).await?;
        let connection = Arc::new(connection);
        connection.watch_over(self.settings.keepalive);
        Ok(connection)
    }

    fn credentials<'a>(&'a self, login: &'a Login, config: ClientConfig) -> Credentials<'a> {
        let identities: Vec<(PathBuf, bool)> = if login.identities.is_empty() {
            config.identities.into_iter().map(|path| (path, false)).collect()
        } else {
            login.identities.iter().map(|path| (path.clone(), true)).collect()
        };
        Credentials {
            login,
            user: login.user.clone().or(config.user).unwrap_or_else(|| self.settings.operator_user.clone()),
            identities,
            agent_socket: match config.agent {
                AgentChoice::Environment => self.settings.agent_socket.clone(),
                AgentChoice::Socket(socket) => Some(socket),
                AgentChoice::None => None,
            },
            identities_only: config.identities_only,
            keyring: &self.keyring,
            secrets: &self.secrets,
            settings: &self.settings,
        }
    }

    async fn known_hosts(&self, config: &ClientConfig) -> Result<Arc<KnownHosts>, Error> {
        let read = |host_keys: HostKeys| async move {
            match tokio::task::spawn_blocking(move || host_keys.read()).await {
                Ok(read) => read.map(Arc::new),
                Err(panicked) => {
                    Err(Error::KnownHostsUnreadable { path: PathBuf::new(), source: Arc::new(std::io::Error::other(panicked)) })
                }
            }
        };
        // What the site names wins over the operator's configuration.
        if !config.known_hosts.is_empty() && !self.host_keys.is_explicit() {
            return read(self.host_keys.with_user_files(&config.known_hosts)).await;
        }
        self.known_hosts.get_or_try_init(|| read(self.host_keys.clone())).await.cloned()
    }
}

/// A TCP connection from here. Each of a name's addresses gets its share of the time.
async fn dial(host: &str, port: u16, place: &Arc<Place>, patience: Duration) -> Result<TcpStream, Error> {
    let unreachable = |obstacle| Error::Unreachable { place: Arc::clone(place), obstacle };
    let started = Instant::now();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let addresses: Vec<_> = match timeout(patience, tokio::net::lookup_host((bare, port))).await {
        Err(_elapsed) => return Err(unreachable(Obstacle::TimedOut)),
        Ok(Err(_unknown)) => return Err(unreachable(Obstacle::NameUnknown)),
        Ok(Ok(addresses)) => addresses.collect(),
    };
    let mut last = Obstacle::NameUnknown;
    for (tried, address) in addresses.iter().enumerate() {
        let left = patience.saturating_sub(started.elapsed());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without this each handshake waits twice 40 ms where Nagle meets delayed acknowledgements.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY cannot be set");
                }
                return Ok(stream);
            }
            Ok(Err(error)) => last = Obstacle::from_io(&error),
            Err(_elapsed) => last = Obstacle::TimedOut,
        }
    }
    Err(unreachable(last))
}
