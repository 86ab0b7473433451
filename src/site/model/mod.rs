//! The validated model of a site. What is here has been checked; input with its spans lives in `file`.
//!
//! Requirement sources are named as in the customer's documents: "Security and Access" (certificates,
//! proxies, SMTP, remote access), "AD/LDAP prerequisites", "Operations checklist".

mod access;
mod hours;
mod ledger;
mod references;
mod surroundings;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

pub use access::{AccessPolicy, Signatory};
pub use hours::{AllowedHours, WeeklyHours};
pub use ledger::{Database, Forward, LedgerLocation, SslMode};
pub use surroundings::{
    Balance, BalancerSettings, Connector, LoadBalancer, Maintenance, NextUpdate, Operations, OtherEnvironment, Platform, Surroundings,
    System, Waiver,
};

use super::profile::Profile;

/// What kind of environment a site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// A production cluster.
    Production,
    /// A development or test node.
    Development,
    /// A quality assurance environment.
    Qa,
}

/// What support was agreed. A custom SLA needs access around the clock (Security and Access).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sla {
    /// Windows are opened for agreed time frames.
    Standard,
    /// Access 24 hours a day, 7 days a week.
    Custom,
}

/// A reference to a secret, resolved at use and never written anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file, its last line break left out.
    File(PathBuf),
    /// A command's standard output, its last line break left out.
    Cmd(String),
    /// Asked for at the terminal, never echoed.
    Prompt,
}

/// How a machine is logged in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The address or name; names are resolved by the hop before, not by this machine.
    pub address: String,
    /// The SSH port.
    pub port: u16,
    /// The login user. `None` leaves it to `~/.ssh/config`, then to the operator's own name.
    pub user: Option<String>,
    /// Private key files to offer, in order; agent keys are offered too unless `agent` is off.
    pub identities: Vec<PathBuf>,
    /// Passphrase of encrypted key files.
    pub passphrase: Option<SecretRef>,
    /// Whether an ssh-agent's keys are offered.
    pub agent: bool,
    /// Password, also used to answer a keyboard-interactive password prompt.
    pub password: Option<SecretRef>,
    /// Answer to a keyboard-interactive prompt that is not for the password (a one-time code).
    pub one_time_code: Option<SecretRef>,
    /// Pinned host keys: `SHA256:…` fingerprints or `ssh-ed25519 AAAA…` lines. Empty: `known_hosts` decides.
    pub host_keys: Vec<String>,
}

/// One jumphost on the way to the nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The jumphost's name, for messages and for `known_hosts`.
    pub name: String,
    /// How it is logged in to.
    pub login: Login,
}

/// The hops to a node: none (VPN), one jumphost (the usual case), or more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// In the order in which they are passed.
    pub hops: Vec<Hop>,
}

/// What a machine is in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A node of the appliance.
    Node,
    /// An arbiter without data or services.
    Arbiter,
    /// An AD/LDAP connector server.
    Connector,
    /// A load balancer; it stands under `load_balancer.machines`.
    #[serde(skip)]
    LoadBalancer,
}

/// How root is reached on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Privilege {
    /// The login user is root.
    Root,
    /// `sudo` without a password.
    Sudo,
    /// `sudo` with this password, given on standard input.
    SudoPassword(SecretRef),
}

/// A machine of the appliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name, unique in the site.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// How it is logged in to, through the route.
    pub login: Login,
    /// How root is reached on it.
    pub privilege: Privilege,
}

/// The DNS names of a site (Security and Access; current and future).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Management Dashboard.
    pub dashboard: String,
    /// Configuration tenant (root tenant authority).
    pub configuration: String,
    /// Webtask.
    pub webtask: Option<String>,
    /// App tenants in use.
    pub tenants: Vec<String>,
    /// App tenants to come; the certificate must cover them already.
    pub planned: Vec<String>,
    /// Custom domains, each with a certificate of its own.
    pub custom_domains: Vec<CustomDomain>,
    /// The configuration tenant's name as it was deployed; another one deletes every tenant.
    pub deployed_configuration: Option<String>,
    /// The dedicated webtask domain of extensions (`wt.…`); needs its own wildcard certificate.
    pub extensions: Option<CustomDomain>,
}

impl Names {
    /// Every name that the site's main certificate must cover: current, then planned; no duplicates.
    pub fn required(&self) -> Vec<String> {
        let mut names = Vec::new();
        let all = [&self.dashboard, &self.configuration].into_iter().chain(&self.webtask).chain(&self.tenants).chain(&self.planned);
        for name in all {
            if !name.is_empty() && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// A domain with a certificate of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomDomain {
    /// The DNS name.
    pub domain: String,
    /// Its certificate, where it is at hand already.
    pub certificate: Option<CertificateFiles>,
}

/// What the CA sent, and the key that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateFiles {
    /// Files of any supported shape, in any order.
    pub files: Vec<PathBuf>,
    /// The private key, where it is not in `files`.
    pub key: Option<PathBuf>,
    /// The key's (or an input PFX's) password.
    pub key_password: Option<SecretRef>,
    /// Root certificates of private CAs.
    pub roots: Vec<PathBuf>,
}

/// Where users' TLS connections end. The certificate is installed on the nodes in both cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Termination {
    /// On the appliance's nodes.
    Appliance,
    /// At the load balancer.
    LoadBalancer,
}

/// TLS of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Where users' connections end.
    pub terminates: Termination,
    /// The certificate, its chain and key.
    pub certificate: CertificateFiles,
    /// Password of the PFX to make; `None`: a random one, kept on the node beside it.
    pub pfx_password: Option<SecretRef>,
    /// PFX profile or target by name (`appliance`, `modern`, `windows-2016` …).
    pub pfx_target: String,
    /// Friendly name in the PFX; the site's name unless given.
    pub friendly_name: Option<String>,
}

/// Who relays the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MailProvider {
    /// Any SMTP server.
    Smtp,
    /// Amazon SES: sender domain must be validated.
    Ses,
    /// `SendGrid`: the user is `apikey`.
    Sendgrid,
    /// Mandrill.
    Mandrill,
}

/// Whether TLS is demanded of the mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StartTls {
    /// No mail without verified TLS.
    Required,
    /// TLS where offered.
    Optional,
    /// No TLS; the password crosses the network in clear.
    Off,
}

/// The authenticated mail server (AUTH PLAIN; Security and Access).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Who relays the mail.
    pub provider: MailProvider,
    /// Server name; it must be in the server's certificate.
    pub host: String,
    /// 587 (STARTTLS), 465 (TLS from the first byte) or 25.
    pub port: u16,
    /// Login.
    pub username: String,
    /// Its password.
    pub password: SecretRef,
    /// Sender address.
    pub from: String,
    /// Whether TLS is demanded; on port 465 it is always on.
    pub starttls: StartTls,
    /// Private CAs that signed the server's certificate.
    pub ca_certificates: Vec<PathBuf>,
}

/// What kind of proxy stands between the nodes and the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyKind {
    /// None.
    None,
    /// Clients are told about it.
    Explicit,
    /// It intercepts unasked.
    Transparent,
}

/// The proxy, and what must pass it without a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What kind.
    pub kind: ProxyKind,
    /// Address of an explicit proxy, such as `http://proxy.corp.example:3128`.
    pub url: Option<String>,
    /// CA certificates with which it signs what it intercepts; go into the nodes' trust store.
    pub ca_certificates: Vec<PathBuf>,
    /// Hosts that the nodes reach directly, past the proxy (`NO_PROXY`).
    pub bypass: Vec<String>,
    /// Destinations (`host` or `host:port`) the proxy must let the nodes reach without a login.
    pub exceptions: Vec<String>,
}

impl Default for Proxy {
    fn default() -> Self {
        Self { kind: ProxyKind::None, url: None, ca_certificates: Vec::new(), bypass: Vec::new(), exceptions: Vec::new() }
    }
}

/// One environment, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name, unique among a customer's sites.
    pub name: String,
    /// The file it was read from.
    pub file: PathBuf,
    /// The folder of that file; relative paths in the site start here.
    pub folder: PathBuf,
    /// What kind of environment.
    pub environment: Environment,
    /// What support was agreed.
    pub sla: Sla,
    /// The profile's name.
    pub profile: String,
    /// What the profile demands, the site's own figures put over it.
    pub figures: Profile,
    /// The way in.
    pub route: Route,
    /// How root is reached on each jumphost, in the route's order.
    pub hop_privileges: Vec<Privilege>,
    /// The machines.
    pub nodes: Vec<Node>,
    /// `known_hosts` files, in order, each of which must be there; none: the operator's own, as far as they are there.
    pub known_hosts: Vec<PathBuf>,
    /// The load balancer, where there is one.
    pub load_balancer: Option<LoadBalancer>,
    /// DNS names.
    pub names: Names,
    /// TLS.
    pub tls: Option<Tls>,
    /// Mail.
    pub smtp: Option<Smtp>,
    /// Proxy.
    pub proxy: Proxy,
    /// Resolvers' or appliance's NTP servers.
    pub ntp_servers: Vec<String>,
    /// Windows.
    pub access: AccessPolicy,
    /// AD/LDAP connectors.
    pub connectors: Vec<Connector>,
    /// The ledger.
    pub ledger: LedgerLocation,
    /// The other party: whose countersignature of a checkpoint counts.
    pub witnesses: Vec<Signatory>,
    /// Where the ledger's events are sent as well.
    pub forward: Option<Forward>,
    /// Checks known to fail.
    pub waivers: Vec<Waiver>,
    /// What the site stands on and beside, and what people attest.
    pub surroundings: Surroundings,
}

impl Site {
    /// A path of the site file, made absolute from the site's folder; `~/` is the operator's home.
    pub fn path(&self, path: &std::path::Path) -> PathBuf {
        self.folder.join(path)
    }

    /// Every machine that a playbook can be for: the nodes, then the load balancer's machines.
    pub fn machines(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().chain(self.load_balancer.iter().flat_map(|balancer| &balancer.machines))
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }
}
