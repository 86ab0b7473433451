//! The machines of a site as the commands meet them: one fleet, every secret asked for before anything begins.

use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::node::{Machine, RemoteError};
use crate::playbook::nearest;
use crate::site::model::{Hop, Login, Node, Privilege, Route, SecretRef, Site};
use crate::site::secret::{SecretError, Secrets};
use crate::ssh::{Elevation, Fleet, HostKeys, Obstacle, Place, Settings};

/// The way to the machines of one site.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    fleet: Fleet,
    secrets: Arc<Secrets>,
    route: Route,
    hop_privileges: Vec<Privilege>,
    host_keys: HostKeys,
    settings: Settings,
    /// `--timeout`.
    patience: Option<Duration>,
}

impl Cluster {
    /// Prepares the way to `nodes`; nothing is dialled yet, but everything that has to be asked is asked now.
    pub(crate) fn new(context: &Context, site: &Site, secrets: Arc<Secrets>, nodes: &[Node]) -> Result<Self, Failure> {
        for (reference, purpose) in questions(nodes) {
            secrets.resolve(&reference, &purpose).map_err(|error| secret_of_site_failure(error, site))?;
        }
        let mut settings = Settings::new(context.home.clone(), context.user.clone(), context.now);
        settings.agent_socket = std::env::var_os("SSH_AUTH_SOCK").map(Into::into);
        if let Some(timeout) = context.globals.timeout {
            settings = settings.with_patience(timeout);
        }
        let known = if site.known_hosts.is_empty() {
            HostKeys::of_operator(&context.home)
        } else {
            HostKeys::from_files(site.known_hosts.iter().map(|path| site.path(path)).collect())
        };
        let mut route = site.route.clone();
        for hop in &mut route.hops {
            locate(site, &mut hop.login);
        }
        let fleet = Fleet::new(&route, known.clone(), settings.clone(), secrets.clone());
        let hop_privileges = site.hop_privileges.clone();
        Ok(Self { fleet, secrets, route, hop_privileges, host_keys: known, settings, patience: context.globals.timeout })
    }

    /// Logs in to a node.
    pub(crate) async fn connect(&self, node: Node) -> Result<Machine, RemoteError> {
        let session = self.fleet.session(&node.name, &node.login).await?;
        let elevation = match &node.privilege {
            Privilege::Root | Privilege::Sudo => Elevation::Sudo,
            // Asked for already; what is known does not block.
            Privilege::SudoPassword(reference) => Machine::sudo(self.secrets.resolve(reference, &sudo_purpose(&node.name)).ok()),
        };
        let machine = Machine::new(&node.name, session, elevation);
        Ok(match self.patience {
            Some(patience) => machine.patient(patience),
            None => machine,
        })
    }

    /// Logs in to the jumphost at `index` of the route, over the connection that the nodes share.
    pub(crate) async fn connect_hop(&self, index: usize) -> Result<Machine, RemoteError> {
        let sessions = self.fleet.hops().await?;
        let (Some(session), Some(hop)) = (sessions.into_iter().nth(index), self.route.hops.get(index)) else {
            let place = Place { machine: "the route".to_owned(), address: String::new(), through: None };
            return Err(crate::ssh::Error::Unreachable { place: Arc::new(place), obstacle: Obstacle::NoRoute }.into());
        };
        let elevation = match self.hop_privileges.get(index) {
            Some(Privilege::SudoPassword(reference)) => Machine::sudo(self.secrets.resolve(reference, &sudo_purpose(&hop.name)).ok()),
            Some(Privilege::Root | Privilege::Sudo) | None => Elevation::Sudo,
        };
        Ok(Machine::new(&hop.name, session, elevation))
    }

    /// Connections of their own up to the jumphost before `index` of the route: to try what somebody else may do there.
    pub(crate) fn fleet_before_hop(&self, index: usize) -> Fleet {
        let hops = self.route.hops.iter().take(index).cloned().collect();
        Fleet::new(&Route { hops }, self.host_keys.clone(), self.settings.clone(), self.secrets.clone())
    }

    /// The ways of logging in that the last jumphost takes from somebody who offers none; `None` where there is no jumphost.
    pub(crate) async fn jumphost_methods(&self) -> Option<Result<Vec<&'static str>, crate::ssh::Error>> {
        let mut hops = self.route.hops.clone();
        let last = hops.last_mut()?;
        last.login =
            Login { identities: Vec::new(), passphrase: None, agent: false, password: None, one_time_code: None, ..last.login.clone() };
        let fleet = Fleet::new(&Route { hops }, self.host_keys.clone(), self.settings.clone(), self.secrets.clone());
        let asked = fleet.jumphost().await;
        fleet.close().await;
        Some(match asked {
            Err(crate::ssh::Error::LoginRefused { accepted, .. }) => Ok(accepted),
            Err(error) => Err(error),
            // Whoever lets anybody in takes everything.
            Ok(_) => Ok(vec!["none"]),
        })
    }

    /// The jumphosts on the way, their files named from the site's folder.
    pub(crate) fn hops(&self) -> &[Hop] {
        &self.route.hops
    }

    /// Asks now for what has to be asked before a jumphost is worked on.
    pub(crate) fn ask_for_hops(&self) -> Result<(), Failure> {
        for (hop, privilege) in self.route.hops.iter().zip(&self.hop_privileges) {
            if let Privilege::SudoPassword(reference) = privilege {
                self.secrets.resolve(reference, &sudo_purpose(&hop.name)).map_err(secret_failure)?;
            }
        }
        Ok(())
    }

    /// Says goodbye to the hops.
    pub(crate) async fn close(&self) {
        self.fleet.close().await;
    }

    /// The fleet itself, for connections that need no node.
    pub(crate) fn fleet(&self) -> &Fleet {
        &self.fleet
    }
}

fn sudo_purpose(machine: &str) -> String {
    format!("sudo password on {machine}")
}

fn questions(nodes: &[Node]) -> Vec<(SecretRef, String)> {
    let mut questions = Vec::new();
    for node in nodes {
        if let Privilege::SudoPassword(reference) = &node.privilege {
            questions.push((reference.clone(), sudo_purpose(&node.name)));
        }
    }
    questions
}

// A path of the site file starts at its folder, wherever the command runs.
fn locate(site: &Site, login: &mut Login) {
    for identity in &mut login.identities {
        *identity = site.path(identity);
    }
}

/// The same of a site's secret. Where nobody is there to ask, all keys that would have somebody asked are named at once.
pub(crate) fn secret_of_site_failure(error: SecretError, site: &Site) -> Failure {
    let is_asked = |reference: &SecretRef| *reference == SecretRef::Prompt && matches!(error, SecretError::NobodyToAsk { .. });
    let all = site.secret_references();
    let asked: Vec<&str> = all.iter().filter(|(_, reference)| is_asked(reference)).map(|(key, _)| key.as_str()).collect();
    let mut failure = secret_failure(error);
    if let (Some(help), false) = (&mut failure.help, asked.is_empty()) {
        *help = format!("{help}\nhere `prompt` stands at: {}", asked.join(", "));
    }
    failure
}

/// A secret that could not be had: an answer that is missing or wrong.
pub(crate) fn secret_failure(error: SecretError) -> Failure {
    let help = match &error {
        SecretError::EnvMissing { name, .. } => {
            format!("set {name} in the environment, or refer to the secret otherwise (file:, cmd:, prompt)")
        }
        SecretError::FileUnreadable { .. } => "a relative path starts at the site file's folder".to_owned(),
        SecretError::CommandFailed { .. } => "run the command by hand; it has to print the secret and nothing else".to_owned(),
        SecretError::NobodyToAsk { .. } | SecretError::NoAnswer { .. } => {
            "give it by reference in the site file: env:NAME, file:PATH or cmd:COMMAND".to_owned()
        }
    };
    let is_broken_off = matches!(&error, SecretError::NoAnswer { source, .. } if source.kind() == std::io::ErrorKind::Interrupted);
    Failure::new(if is_broken_off { Exit::Interrupted } else { Exit::Usage }, error, Some(help))
}

/// The nodes that `--limit` names, or all of them.
pub(crate) fn limited(site: &Site, limit: &[String]) -> Result<Vec<Node>, Failure> {
    chosen(site, site.nodes.clone(), ("--limit", limit), "node")
}

/// The same of all machines that playbooks can be for: nodes, the load balancer's, connectors' servers; `flag` named them.
pub(crate) fn machines(site: &Site, flag: &str, limit: &[String]) -> Result<Vec<Node>, Failure> {
    let connectors = site.connectors.iter().filter_map(crate::site::model::Connector::server);
    let machines: Vec<Node> = site.machines().cloned().chain(connectors).collect();
    let noun = if machines.len() == site.nodes.len() { "node" } else { "machine" };
    chosen(site, machines, (flag, limit), noun)
}

fn chosen(site: &Site, mut nodes: Vec<Node>, (flag, limit): (&str, &[String]), noun: &str) -> Result<Vec<Node>, Failure> {
    let known: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    for name in limit {
        if !known.contains(name) {
            let near = nearest(name, &known).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            return Err(Failure::usage(
                format!("{flag} names `{name}`, which is no {noun} of this site"),
                format!("{near}{noun}s are: {}", known.join(", ")),
            ));
        }
    }
    nodes.retain(|node| limit.is_empty() || limit.contains(&node.name));
    for node in &mut nodes {
        locate(site, &mut node.login);
    }
    Ok(nodes)
}
