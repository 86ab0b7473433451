//! One machine connected to: by which address and key, over which hop, under which host key, as whom.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{Inner, jumps};
use crate::site::model::{Hop, Login};
use crate::ssh::client_config::{self, AgentChoice, ClientConfig};
use crate::ssh::error::{Error, Obstacle, Phase, Place};
use crate::ssh::host_keys::{Expectation, HostKeys, KnownHosts};
use crate::ssh::login::{Credentials, authenticate};
use crate::ssh::transport::Connection;

impl Inner {
    /// Connects to a node by the site's hops; where the site has none, by those of the operator's configuration.
    pub(super) async fn connect_node(&self, name: &str, login: &Login) -> Result<Arc<Connection>, Error> {
        let (hop, config) = if let Some(hop) = self.last_hop().await? {
            (Some(hop), self.config_behind_a_hop())
        } else {
            let config = client_config::query(&login.address, &self.settings).await?;
            match &config.jumps {
                None => (None, config),
                Some(chain) => {
                    let hops = jumps::parse(chain)
                        .ok_or_else(|| Error::ClientConfig { host: login.address.clone(), said: format!("ProxyJump {chain}") })?;
                    (Some(self.last_of(chain, &hops).await?), config)
                }
            }
        };
        // Hops need no turn: each is connected to once, by one caller.
        let turn = self.pacing.turn(&Place::address(&login.address, login.port)).await;
        let connected = self.connect(name, login, hop.clone(), config).await;
        drop(turn);
        match (connected, hop) {
            (Err(why), Some(hop)) => Err(self.blame(why, &hop).await),
            (connected, _) => connected,
        }
    }

    /// A machine that is silent behind a hop that is silent too is not to blame: the hop is named, and tried anew.
    async fn blame(&self, why: Error, hop: &Arc<Connection>) -> Error {
        let (place, phase) = if let Error::Silent { place, phase, .. } = &why {
            (place, *phase)
        } else if let Error::Unreachable { place, obstacle: Obstacle::TimedOut } = &why {
            (place, Phase::Connect)
        } else {
            return why;
        };
        if hop.answers(self.settings.silence_limit / 3).await {
            return why;
        }
        Error::JumphostLost { place: Arc::clone(place), hop: hop.place.machine.clone(), phase }
    }

    /// The operator's own configuration is about machines that are dialled from here; behind a hop of the site, the
    /// same name may well be another machine. Hops that this configuration itself names are evaluated by it, each.
    pub(super) async fn config_of_hop(&self, key: &str, hop: &Hop, is_behind: bool) -> Result<ClientConfig, Error> {
        if key.is_empty() && is_behind {
            return Ok(self.config_behind_a_hop());
        }
        let config = client_config::query(&hop.login.address, &self.settings).await?;
        if let Some(jumps) = &config.jumps
            && key.is_empty()
        {
            tracing::warn!(hop = hop.name, jumps, "the SSH configuration names hops (`ProxyJump`); the site file's route is taken");
        }
        Ok(config)
    }

    fn config_behind_a_hop(&self) -> ClientConfig {
        ClientConfig { identities: client_config::usual_identities(&self.settings.operator_home), ..ClientConfig::default() }
    }

    /// Connects to a machine over `below`, or from here where there is none; checks its key; logs in.
    pub(super) async fn connect(
        &self,
        name: &str,
        login: &Login,
        below: Option<Arc<Connection>>,
        config: ClientConfig,
    ) -> Result<Arc<Connection>, Error> {
        let host = config.host_name.clone().unwrap_or_else(|| login.address.clone());
        let host = bare(&host).to_owned();
        let port = if login.port == 22 { config.port.unwrap_or(22) } else { login.port };
        let through = below.as_ref().map(|hop| hop.place.machine.clone());
        let place = Arc::new(Place { machine: name.to_owned(), address: Place::address(&host, port), through });
        let names = [Some(name.to_owned()), config.host_key_alias.clone(), Some(bare(&login.address).to_owned()), Some(host.clone())];
        let names = (names.into_iter().flatten().collect(), port);
        let known = self.known_hosts(&config).await?;
        let mut expectation = Expectation::new(Arc::clone(&place), &login.host_keys, known, names, self.settings.now)?;
        expectation.is_written_as(config.host_key_alias.as_deref(), &host);
        let (stream, below) = self.open(&host, port, &place, below).await?;
        let mut connection = Connection::establish(stream, expectation, place, &self.settings).await?;
        connection.below = below;
        authenticate(&mut connection, &self.credentials(login, config)).await?;
        let connection = Arc::new(connection);
        connection.watch_over(self.settings.silence_limit);
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

/// A host without the brackets of an IPv6 address; names keep what they have.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// A TCP connection from here. Each of a name's addresses gets its share of the time.
pub(super) async fn dial(host: &str, port: u16, place: &Arc<Place>, patience: Duration) -> Result<TcpStream, Error> {
    let unreachable = |obstacle| Error::Unreachable { place: Arc::clone(place), obstacle };
    let started = Instant::now();
    let addresses: Vec<_> = match timeout(patience, tokio::net::lookup_host((bare(host), port))).await {
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
