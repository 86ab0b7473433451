//! The parts of a profile. Their texts are the help for `profile_overrides`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A figure that must be reached and one that should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Below it, it does not work.
    pub minimum: u64,
    /// Below it, it works badly.
    pub recommended: u64,
}

/// How many nodes an environment has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Nodes of a production cluster.
    pub production_nodes: usize,
    /// Nodes of any other environment.
    pub other_nodes: usize,
    /// Machines of a cluster in several places, its arbiter included.
    pub geo_nodes: usize,
    /// Longest round trip between the places, in milliseconds.
    pub geo_round_trip_ms: u64,
}

/// Sizes of a node's separate disks, in GB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disks {
    /// The data disk.
    pub data: u64,
    /// The disk of the user search.
    pub search: u64,
    /// The backup disk, on the one node that has it.
    pub backup: u64,
}

/// What a machine must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    /// Memory of a node, in GiB.
    pub memory_gib: Figure,
    /// Processors of a node.
    pub cores: Figure,
    /// Memory of an arbiter, in GiB.
    pub arbiter_memory_gib: Figure,
    /// Processors of an arbiter.
    pub arbiter_cores: Figure,
    /// How many network interfaces a node has, the loopback left out.
    pub network_interfaces: u64,
    /// How much smaller than asked for a disk may be, in percent.
    pub disk_rounding_percent: u64,
    /// The system disk, in GB.
    pub system_disk_gb: Figure,
    /// Further disks of a production node.
    pub production_disks_gb: Disks,
    /// Further disks of a node of any other environment.
    pub other_disks_gb: Disks,
}

/// The transport of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// One end of a connection that must be possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// A node of the appliance.
    Node,
    /// The load balancer.
    LoadBalancer,
    /// The jumphost.
    Jumphost,
    /// A DNS resolver of the site.
    Resolver,
    /// An NTP server.
    TimeServer,
    /// A workstation with the appliance's command line.
    Workstation,
    /// The monitoring.
    Monitoring,
}

/// A port that must, or may have to, be open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The port, or the first of a range.
    pub port: u16,
    /// The last of a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u16>,
    /// Its transport.
    pub protocol: Protocol,
    /// Who connects.
    pub from: End,
    /// To whom.
    pub to: End,
    /// What for.
    pub purpose: String,
    /// Whether nothing works without it.
    pub required: bool,
    /// The feature that needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
}

/// Who must reach a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// The nodes.
    Nodes,
    /// Administrators' browsers.
    Browsers,
}

/// A host outside that must, or may have to, be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Its name.
    pub host: String,
    /// The last part of the check that looks at it, such as `apt` of `egress.apt`; `egress.other` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Its ports.
    pub ports: Vec<u16>,
    /// Who must reach it.
    pub from: Vec<Party>,
    /// What for.
    pub purpose: String,
    /// Whether nothing works without it.
    pub required: bool,
    /// The feature that needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// Its published addresses, for firewalls that know addresses alone.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// Rules for DNS names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Naming {
    /// Fewest letters of a host's own label.
    pub shortest_label: usize,
    /// Fewest parts of a name.
    pub fewest_parts: usize,
    /// Most parts of a name.
    pub most_parts: usize,
    /// The product's name, which a tenant's must not resemble.
    pub product: String,
    /// Smallest Levenshtein distance from the product's name that is allowed.
    pub nearest_to_product: usize,
    /// Names that an environment must not have.
    pub reserved_environments: Vec<String>,
    /// Labels that an app tenant must not have.
    pub reserved_tenants: Vec<String>,
}

/// Days before a certificate's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpiryDays {
    /// Say so.
    pub notice: i64,
    /// Somebody must act.
    pub high: i64,
    /// It is nearly too late.
    pub critical: i64,
}

/// TLS as users meet it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsRules {
    /// Ports on which a node listens.
    pub listen: Vec<u16>,
    /// The lowest version that should be offered.
    pub lowest_version: String,
    /// Fewest bits of an RSA key.
    pub key_bits: u32,
    /// When the end of a certificate is spoken of.
    pub expiry_days: ExpiryDays,
}

/// Mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailRules {
    /// Usual ports.
    pub ports: Vec<u16>,
    /// Ports that work and should not be used.
    pub discouraged_ports: Vec<u16>,
    /// The mechanism that the server must offer.
    pub authentication: String,
}

/// Health addresses and their thresholds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Path that answers 200 while a node works; no login.
    pub testall: String,
    /// Path that answers with the node's clock; no login.
    pub clock: String,
    /// Path before the name of a probe; needs a login.
    pub status: String,
    /// Port of the same in clear.
    pub plain_port: u16,
    /// The login's user.
    pub user: String,
    /// Names of the probes.
    pub probes: Vec<String>,
    /// Most requests a second.
    pub requests_per_second: u32,
    /// Failures in a row that make an outage.
    pub failures: u32,
    /// Memory available, in percent, at which a node is ill.
    pub memory_available_percent: u32,
    /// Volume used, in percent, above which a node is ill.
    pub disk_used_percent: u32,
}

/// Clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Skew from which it is spoken of, in milliseconds.
    pub warn_skew_ms: u64,
    /// Skew with which it does not work, in milliseconds.
    pub fail_skew_ms: u64,
    /// Skew with which a connector stops, in milliseconds.
    pub connector_skew_ms: u64,
    /// Least `minpoll`, as a power of two of seconds.
    pub shortest_poll: u8,
    /// Greatest `maxpoll`, as a power of two of seconds.
    pub longest_poll: u8,
}

/// An AD/LDAP connector's server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectorRules {
    /// Processors.
    pub cores: Figure,
    /// Memory, in GiB.
    pub memory_gib: Figure,
    /// Free disk, in MB.
    pub free_disk_mb: u64,
    /// Port of LDAP.
    pub ldap_port: u16,
    /// Port of LDAP over TLS.
    pub ldaps_port: u16,
    /// Port on which browsers reach it, for Kerberos and client certificates.
    pub inbound_port: u16,
    /// Port on which it listens itself.
    pub own_port: u16,
}

/// How long what people attest holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceRules {
    /// Days within which a major update follows the one before.
    pub major_update_days: i64,
    /// Days for which the development environment runs a version before production does.
    pub development_days: i64,
    /// Days within which security bulletins are read.
    pub bulletin_days: i64,
}
