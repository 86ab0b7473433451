//! The lab on paper: which machines there are, where they stand and what they are called.
//! Pure: nothing here touches the host.

pub(crate) mod keys;
pub(crate) mod pki;
pub(crate) mod site;

use std::{fmt::Write as _, net::Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::error::LabError;

/// The domain all names of the lab live under (RFC 2606 keeps `example` out of the real world).
pub(crate) const DOMAIN: &str = "lab.example";
/// What the bridge of the outer network is known as to the relay: the operator's address, as the jumphost sees it.
pub(crate) const OPERATOR: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 1);
/// The jumphost on the outer network.
pub(crate) const JUMP_OUTER: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 2);
/// What the appliance must fetch from the outside, as its profile names it.
pub(crate) const DESTINATIONS: [&str; 4] = ["apt-mirror.it.auth0.com", "docker.it.auth0.com", "cdn.auth0.com", "app-gateway.it.auth0.com"];
/// What it may fetch, and one name that stands for everything else.
pub(crate) const OTHER_DESTINATIONS: [&str; 3] = ["github.com", "www.maxmind.com", "www.example.net"];
/// The appliance's own names, all answered by the first node.
pub(crate) const SITE_NAMES: [&str; 5] = [
    "manage.acme.lab.example",
    "config.acme.lab.example",
    "webtask.acme.lab.example",
    "identity.acme.lab.example",
    "partners.acme.lab.example",
];
const MOST_NODES: usize = 200;

/// What a machine is for; each role is a layer over the base image, made by `roles/<name>.sh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// The only way in: on both networks.
    Jump,
    /// A node of the appliance, logged in to as `admin`.
    Node,
    /// A node logged in to as `deploy`.
    NodeDeploy,
    /// postfix with Dovecot SASL.
    Mail,
    /// squid, explicit, demanding authentication.
    Proxy,
    /// A web server on the outer network that answers for the destinations.
    Internet,
}

impl Role {
    /// All roles, in the order their layers are made.
    pub(crate) const ALL: [Self; 6] = [Self::Jump, Self::Node, Self::NodeDeploy, Self::Mail, Self::Proxy, Self::Internet];

    /// The name of the layer.
    pub(crate) fn layer(self) -> &'static str {
        match self {
            Self::Jump => "jump",
            Self::Node => "node",
            Self::NodeDeploy => "node-deploy",
            Self::Mail => "mail",
            Self::Proxy => "proxy",
            Self::Internet => "internet",
        }
    }

    /// The ports a machine of this role must answer on before the lab counts as ready.
    pub(crate) fn ports(self) -> &'static [u16] {
        match self {
            Self::Jump => &[22],
            Self::Node | Self::NodeDeploy => &[22, 80],
            Self::Mail => &[22, 465, 587],
            Self::Proxy => &[22, 3128],
            Self::Internet => &[443],
        }
    }

    /// The ports it must answer on for itself alone.
    pub(crate) fn own_ports(self) -> &'static [u16] {
        match self {
            // The null client.
            Self::Node | Self::NodeDeploy => &[25],
            Self::Jump | Self::Mail | Self::Proxy | Self::Internet => &[],
        }
    }
}

/// How a node differs from an ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Quirk {
    /// `/bin/sh` is busybox.
    BusyboxShell,
    /// `sudo` asks for the login user's password.
    SudoPassword,
}

/// One machine of the lab.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Its host name, and its name in every command of the lab.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) role: Role,
    /// Its address on the inner network, where it stands there.
    pub(crate) inner: Option<Ipv4Addr>,
    /// Its address on the outer network, where it stands there.
    pub(crate) outer: Option<Ipv4Addr>,
    /// How it differs from others of its role.
    pub(crate) quirk: Option<Quirk>,
}

impl Machine {
    fn inner(name: &str, role: Role, last: u8) -> Self {
        Self { name: name.to_owned(), role, inner: Some(Ipv4Addr::new(10, 77, 0, last)), outer: None, quirk: None }
    }

    /// The user the operator logs in as.
    pub(crate) fn login(&self) -> &'static str {
        match self.role {
            Role::Jump => "ops",
            Role::NodeDeploy => "deploy",
            Role::Node | Role::Mail | Role::Proxy | Role::Internet => "admin",
        }
    }

    /// Whether it is a node of the appliance.
    pub(crate) fn is_node(&self) -> bool {
        matches!(self.role, Role::Node | Role::NodeDeploy)
    }
}

/// Which machines a lab shall have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// How many nodes.
    pub(crate) nodes: usize,
    /// A mail machine.
    pub(crate) mail: bool,
    /// A proxy machine, and the internet it leads to.
    pub(crate) proxy: bool,
}

/// Lays out the machines: the jumphost, the nodes `a0-1`…, mail, proxy and internet.
///
/// `a0-1` has busybox as its shell, `a0-2` wants a sudo password, `a0-3` is logged in to as `deploy`; a lab of fewer nodes has fewer oddities.
pub(crate) fn machines(wanted: Wanted) -> Result<Vec<Machine>, LabError> {
    if wanted.nodes > MOST_NODES {
        return Err(LabError::TooManyNodes(wanted.nodes));
    }
    let mut all = vec![Machine { outer: Some(JUMP_OUTER), ..Machine::inner("jump", Role::Jump, 2) }];
    for (number, last) in (1..=wanted.nodes).zip(11_u8..) {
        let role = if number == 3 { Role::NodeDeploy } else { Role::Node };
        let quirk = match number {
            1 => Some(Quirk::BusyboxShell),
            2 => Some(Quirk::SudoPassword),
            _ => None,
        };
        all.push(Machine { quirk, ..Machine::inner(&format!("a0-{number}"), role, last) });
    }
    if wanted.mail {
        all.push(Machine::inner("mail", Role::Mail, 3));
    }
    if wanted.proxy {
        all.push(Machine { outer: Some(Ipv4Addr::new(10, 76, 0, 4)), ..Machine::inner("proxy", Role::Proxy, 4) });
        let outer = Some(Ipv4Addr::new(10, 76, 0, 80));
        all.push(Machine { name: "internet".to_owned(), role: Role::Internet, inner: None, outer, quirk: None });
    }
    Ok(all)
}

/// The `/etc/hosts` of one machine: its neighbours, and what else it may know.
///
/// Only those on the outer network know the destinations: a node gets there through the proxy or not at all.
pub(crate) fn hosts_file(machine: &Machine, all: &[Machine]) -> String {
    let mut text = format!("127.0.0.1 localhost\n127.0.1.1 {0}.{DOMAIN} {0}\n", machine.name);
    for other in all.iter().filter(|other| other.name != machine.name) {
        let address = if machine.inner.is_some() { other.inner.or(other.outer.filter(|_| machine.outer.is_some())) } else { other.outer };
        if let Some(address) = address {
            _ = writeln!(text, "{address} {0}.{DOMAIN} {0}", other.name);
        }
    }
    if machine.inner.is_some()
        && let Some(node) = all.iter().find(|other| other.is_node()).and_then(|node| node.inner)
    {
        _ = writeln!(text, "{node} {}", SITE_NAMES.join(" "));
    }
    if machine.outer.is_some()
        && machine.role != Role::Jump
        && let Some(internet) = all.iter().find(|other| other.role == Role::Internet).and_then(|internet| internet.outer)
    {
        _ = writeln!(text, "{internet} {} {}", DESTINATIONS.join(" "), OTHER_DESTINATIONS.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(nodes: usize) -> Vec<Machine> {
        machines(Wanted { nodes, mail: true, proxy: true }).unwrap()
    }

    #[test]
    fn nodes_stand_on_the_inner_network_alone() {
        assert!(lab(50).iter().filter(|machine| machine.is_node()).all(|node| node.inner.is_some() && node.outer.is_none()));
    }

    #[test]
    fn no_two_machines_share_an_address() {
        let mut addresses: Vec<_> = lab(200).iter().flat_map(|machine| [machine.inner, machine.outer]).flatten().collect();
        let before = addresses.len();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), before);
    }

    #[test]
    fn a_node_does_not_know_the_destinations_but_the_proxy_does() {
        let all = lab(1);
        let hosts = |name: &str| hosts_file(all.iter().find(|machine| machine.name == name).unwrap(), &all);
        assert!(!hosts("a0-1").contains("cdn.auth0.com"));
        assert!(hosts("proxy").contains("10.76.0.80 apt-mirror.it.auth0.com"));
        assert!(hosts("a0-1").contains("10.77.0.3 mail.lab.example mail"));
    }

    #[test]
    fn too_many_nodes_are_refused() {
        assert!(matches!(machines(Wanted { nodes: 201, mail: false, proxy: false }), Err(LabError::TooManyNodes(201))));
    }
}
