//! What a site stands on and beside, and what people attest of it: nothing here is installed, all of it is checked.

use std::path::PathBuf;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Login, Node, Privilege, Role, SecretRef};

/// What the machines run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// `VMware`.
    Vmware,
    /// Amazon's cloud: it gives the time, and load balancers must pass TLS through.
    Aws,
    /// Microsoft's cloud: it gives the time.
    Azure,
    /// Anything else.
    Other,
}

/// How a load balancer chooses a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// One after the other, as the appliance asks for.
    RoundRobin,
    /// The one with the fewest connections.
    LeastConnections,
    /// By the user's address.
    Source,
}

/// How a load balancer is set, as far as its team has said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BalancerSettings {
    /// How it chooses a node.
    pub balance: Option<Balance>,
    /// The path it asks for each node's health.
    pub health_check: Option<String>,
    /// Whether it tells the users' addresses by the PROXY protocol.
    pub proxy_protocol: Option<bool>,
    /// Headers that it adds or keeps where it ends TLS, lower case.
    pub headers: Option<Vec<String>>,
}

/// The load balancer in front of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Its address or name.
    pub address: String,
    /// The port that users reach.
    pub port: u16,
    /// Its machines, where they are managed over SSH; each has the role `LoadBalancer`.
    pub machines: Vec<Node>,
    /// How it is set.
    pub settings: BalancerSettings,
}

/// The operating system of a connector's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Linux.
    Linux,
    /// Windows; Kerberos needs it.
    Windows,
}

/// An AD/LDAP connector (AD/LDAP prerequisites): one for each account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// The account (tenant address) it serves.
    pub tenant: String,
    /// The directory: `ldap://…` or `ldaps://…`.
    pub ldap_url: String,
    /// Proxy for its way out; supported, not recommended.
    pub http_proxy: Option<String>,
    /// Kerberos or client certificates are used, so browsers must reach it on 443.
    pub inbound: bool,
    /// How its server is logged in to, where it is managed over SSH.
    pub login: Option<Login>,
    /// How many servers run it, with one configuration.
    pub instances: Option<u8>,
    /// What its server runs.
    pub system: Option<System>,
    /// The address of the load balancer before several instances that browsers reach.
    pub server_url: Option<String>,
    /// The account that it reads the directory with: a distinguished name, or what the directory takes in its place.
    pub bind_user: Option<String>,
    /// Its password.
    pub bind_password: Option<SecretRef>,
    /// Where in the directory persons are looked for.
    pub base: Option<String>,
    /// Where its groups are looked for; `base` unless given.
    pub base_groups: Option<String>,
    /// CAs of the directory's certificate; the public ones unless given.
    pub ca_certificates: Vec<PathBuf>,
}

impl Connector {
    /// Its server as a machine to log in to; `None` where the site file names no address.
    pub fn server(&self) -> Option<Node> {
        let login = self.login.clone()?;
        let privilege = if login.user.as_deref() == Some("root") { Privilege::Root } else { Privilege::Sudo };
        Some(Node { name: self.name.clone(), role: Role::Connector, login, privilege })
    }
}

/// A check that is known to fail for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The check's id.
    pub check: String,
    /// The machine whose findings alone are meant; `None`: everybody's.
    pub machine: Option<String>,
    /// Why.
    pub reason: String,
    /// The day after which it no longer counts.
    pub until: Date,
}

/// Another environment of the same customer, which this one must not touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherEnvironment {
    /// Its name.
    pub name: String,
    /// Addresses of its machines and load balancer.
    pub addresses: Vec<String>,
    /// Its certificates.
    pub certificates: Vec<PathBuf>,
}

/// The update that is to come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NextUpdate {
    /// The vendor's ticket.
    pub ticket: Option<String>,
    /// To which version.
    pub version: Option<String>,
    /// When, with its time zone.
    pub at: Option<String>,
    /// Whether a conference call was agreed on.
    pub call: Option<bool>,
    /// Whether a snapshot of every node was taken.
    pub snapshots: Option<bool>,
    /// Whether the nodes are updated one after the other.
    pub sequential: Option<bool>,
    /// Since when the development environment runs that version.
    pub development_since: Option<Date>,
}

/// Updates and backups, as people attest them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Maintenance {
    /// The day of the last major update.
    pub last_major_update: Option<Date>,
    /// The one to come.
    pub next: Option<NextUpdate>,
    /// The nodes that have the backup role.
    pub backup_nodes: Option<Vec<String>>,
}

/// The operations checklist, as people attest it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operations {
    /// Who administers the appliance.
    pub admins: Vec<String>,
    /// Who is told of security matters.
    pub security_contact: Option<String>,
    /// The day on which the vendor's security bulletins were read last.
    pub bulletins_read: Option<Date>,
    /// Whether somebody is told of outages of what logins depend on.
    pub status_subscribed: Option<bool>,
}

/// What a site stands on and beside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// What the machines run on.
    pub platform: Option<Platform>,
    /// Whether the site is kept from the internet.
    pub is_restricted: bool,
    /// Who accepts what a site without internet loses.
    pub restriction_accepted_by: Option<String>,
    /// Features in use, by the profile's words; `None`: not said.
    pub features: Option<Vec<String>>,
    /// The customer's other environments.
    pub other_environments: Vec<OtherEnvironment>,
    /// Updates and backups.
    pub maintenance: Option<Maintenance>,
    /// The operations checklist.
    pub operations: Option<Operations>,
    /// The key of the appliance's health service.
    pub health_key: Option<SecretRef>,
}

impl Surroundings {
    /// Whether a feature is in use: where nothing is said, only what the profile calls required is.
    pub fn uses(&self, feature: &str) -> bool {
        self.features.iter().flatten().any(|used| used == feature)
    }

    /// Whether the platform gives its machines the time.
    pub fn gives_time(&self) -> bool {
        matches!(self.platform, Some(Platform::Aws | Platform::Azure))
    }
}
