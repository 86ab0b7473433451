//! Machines as they are written: the way to them, how they are logged in to, what they are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Secret, Text};
use crate::site::file::read::Located;
use crate::site::model::{Balance, Role, System};

/// How machines are logged in to, where a machine does not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SshInput {
    /// Login user.
    pub(crate) user: Option<Text>,
    /// Private key files to offer, in order.
    pub(crate) identities: Option<Vec<Text>>,
    /// Passphrase of encrypted key files.
    pub(crate) passphrase: Option<Located<Secret>>,
    /// Whether an ssh-agent's keys are offered. `true` unless given.
    pub(crate) agent: Option<bool>,
    /// Login password.
    pub(crate) password: Option<Located<Secret>>,
    /// Answer to a prompt that is not for the password, such as for a one-time code.
    pub(crate) one_time_code: Option<Located<Secret>>,
    /// The password that sudo asks for on jumphosts and nodes.
    pub(crate) sudo_password: Option<Located<Secret>>,
}

/// The way to the nodes: either `vpn: true` or `hops`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteInput {
    /// The nodes are reached directly, through a VPN or within one network.
    pub(crate) vpn: Option<bool>,
    /// The jumphosts, in the order in which they are passed.
    pub(crate) hops: Option<Vec<HopInput>>,
}

/// One jumphost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HopInput {
    /// Its name, for messages and for `known_hosts`.
    pub(crate) name: Text,
    /// Address or DNS name, as seen from the hop before.
    pub(crate) address: Text,
    /// SSH port. 22 unless given.
    #[schemars(range(min = 1))]
    pub(crate) port: Option<u16>,
    /// Login user. Left to `~/.ssh/config` unless given here or under `ssh`.
    pub(crate) user: Option<Text>,
    /// Private key files to offer, in order.
    pub(crate) identities: Option<Vec<Text>>,
    /// Passphrase of encrypted key files.
    pub(crate) passphrase: Option<Located<Secret>>,
    /// Whether an ssh-agent's keys are offered.
    pub(crate) agent: Option<bool>,
    /// Login password.
    pub(crate) password: Option<Located<Secret>>,
    /// Answer to a prompt that is not for the password, such as for a one-time code.
    pub(crate) one_time_code: Option<Located<Secret>>,
    /// Pinned host keys: `SHA256:…` fingerprints or `ssh-ed25519 AAAA…` lines.
    pub(crate) host_keys: Option<Vec<Text>>,
    /// The password that sudo asks for; windows are opened and closed here too, and that takes root.
    pub(crate) sudo_password: Option<Located<Secret>>,
}

/// One machine of the appliance.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeInput {
    /// Its name, unique in the site; by custom a0-1, a0-2, a0-3.
    pub(crate) name: Text,
    /// Address or DNS name, as seen from the last jumphost.
    pub(crate) address: Text,
    /// SSH port. 22 unless given.
    #[schemars(range(min = 1))]
    pub(crate) port: Option<u16>,
    /// Login user. Left to `~/.ssh/config` unless given here or under `ssh`.
    pub(crate) user: Option<Text>,
    /// What it is in the cluster. `node` unless given.
    pub(crate) role: Option<Located<Role>>,
    /// Private key files to offer, in order.
    pub(crate) identities: Option<Vec<Text>>,
    /// Passphrase of encrypted key files.
    pub(crate) passphrase: Option<Located<Secret>>,
    /// Whether an ssh-agent's keys are offered.
    pub(crate) agent: Option<bool>,
    /// Login password.
    pub(crate) password: Option<Located<Secret>>,
    /// Answer to a prompt that is not for the password, such as for a one-time code.
    pub(crate) one_time_code: Option<Located<Secret>>,
    /// Pinned host keys: `SHA256:…` fingerprints or `ssh-ed25519 AAAA…` lines.
    pub(crate) host_keys: Option<Vec<Text>>,
    /// Whether root is reached by sudo. `true` unless the user is root.
    pub(crate) sudo: Option<Located<bool>>,
    /// The password that sudo asks for.
    pub(crate) sudo_password: Option<Located<Secret>>,
}

/// The load balancer in front of a cluster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadBalancerInput {
    /// Address or DNS name.
    pub(crate) address: Text,
    /// Port that users reach. 443 unless given.
    #[schemars(range(min = 1))]
    pub(crate) port: Option<u16>,
    /// Its machines, where they are managed over SSH: playbooks such as `load-balancer-haproxy` are for them.
    pub(crate) machines: Option<Vec<BalancerMachineInput>>,
    /// How it chooses a node, as its team says.
    pub(crate) balance: Option<Located<Balance>>,
    /// The path by which it asks for each node's health, as its team says.
    pub(crate) health_check: Option<Text>,
    /// Whether it tells the users' addresses by the PROXY protocol, as its team says.
    pub(crate) proxy_protocol: Option<bool>,
    /// Headers that it adds or keeps where it ends TLS, as its team says.
    pub(crate) headers: Option<Vec<Text>>,
}

/// One machine of the load balancer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BalancerMachineInput {
    /// Its name, unique in the site.
    pub(crate) name: Text,
    /// Address or DNS name, as seen from the last jumphost.
    pub(crate) address: Text,
    /// SSH port. 22 unless given.
    #[schemars(range(min = 1))]
    pub(crate) port: Option<u16>,
    /// Login user. Left to `~/.ssh/config` unless given here or under `ssh`.
    pub(crate) user: Option<Text>,
    /// Private key files to offer, in order.
    pub(crate) identities: Option<Vec<Text>>,
    /// Passphrase of encrypted key files.
    pub(crate) passphrase: Option<Located<Secret>>,
    /// Whether an ssh-agent's keys are offered.
    pub(crate) agent: Option<bool>,
    /// Login password.
    pub(crate) password: Option<Located<Secret>>,
    /// Answer to a prompt that is not for the password, such as for a one-time code.
    pub(crate) one_time_code: Option<Located<Secret>>,
    /// Pinned host keys: `SHA256:…` fingerprints or `ssh-ed25519 AAAA…` lines.
    pub(crate) host_keys: Option<Vec<Text>>,
    /// Whether root is reached by sudo. `true` unless the user is root.
    pub(crate) sudo: Option<Located<bool>>,
    /// The password that sudo asks for.
    pub(crate) sudo_password: Option<Located<Secret>>,
}

/// An AD/LDAP connector.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectorInput {
    /// Its name, unique in the site.
    pub(crate) name: Text,
    /// The account that it serves: the DNS name of its tenant.
    pub(crate) tenant: Text,
    /// The directory: `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`.
    pub(crate) ldap_url: Text,
    /// Proxy for its way out, such as `http://proxy.corp.example:3128`. Works, is not recommended.
    pub(crate) http_proxy: Option<Text>,
    /// Whether browsers must reach it, for Kerberos or client certificates.
    pub(crate) inbound: Option<bool>,
    /// How many servers run it, with one configuration.
    pub(crate) instances: Option<u8>,
    /// What its server runs. Kerberos needs Windows.
    pub(crate) system: Option<Located<System>>,
    /// Address of the load balancer before several instances that browsers reach.
    pub(crate) server_url: Option<Text>,
    /// The account that it reads the directory with, such as `CN=svc-auth,OU=Services,DC=corp,DC=example`.
    pub(crate) bind_user: Option<Text>,
    /// Its password.
    pub(crate) bind_password: Option<Located<Secret>>,
    /// Where in the directory persons are looked for, such as `DC=corp,DC=example`.
    pub(crate) base: Option<Text>,
    /// Where its groups are looked for. `base` unless given.
    pub(crate) base_groups: Option<Text>,
    /// Files with CA certificates that signed the directory's. The public CAs unless given.
    pub(crate) ca_certificates: Option<Vec<Text>>,
    /// Address or DNS name of its server, where it is managed over SSH.
    pub(crate) address: Option<Text>,
    /// SSH port. 22 unless given.
    #[schemars(range(min = 1))]
    pub(crate) port: Option<u16>,
    /// Login user.
    pub(crate) user: Option<Text>,
    /// Private key files to offer, in order.
    pub(crate) identities: Option<Vec<Text>>,
    /// Passphrase of encrypted key files.
    pub(crate) passphrase: Option<Located<Secret>>,
    /// Whether an ssh-agent's keys are offered.
    pub(crate) agent: Option<bool>,
    /// Login password.
    pub(crate) password: Option<Located<Secret>>,
    /// Answer to a prompt that is not for the password, such as for a one-time code.
    pub(crate) one_time_code: Option<Located<Secret>>,
    /// Pinned host keys: `SHA256:…` fingerprints or `ssh-ed25519 AAAA…` lines.
    pub(crate) host_keys: Option<Vec<Text>>,
}
