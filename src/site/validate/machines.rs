//! Route, nodes, load balancer, connectors: who is reached how.

use std::collections::HashMap;

use super::{Values, rules, some_text};
use crate::site::file::input::machines::{BalancerMachineInput, ConnectorInput, HopInput, NodeInput};
use crate::site::file::input::{Secret, SiteFile, Text};
use crate::site::file::read::Located;
use crate::site::model::{BalancerSettings, Connector, Hop, LoadBalancer, Login, Node, Privilege, Role, Route};

const NO_ROUTE: &str = "write `vpn: true` where the nodes are reached directly, or `hops:` with the jumphosts";

pub(super) fn route(file: &SiteFile, values: &mut Values<'_, '_>) -> Option<Route> {
    let route = file.route.as_ref()?;
    let hops = route.value.hops.as_deref();
    match (hops, route.value.vpn) {
        (Some([_, ..]), Some(true)) => {
            values.problem(
                &route.span,
                "`route` has both `vpn: true` and `hops`",
                "keep the one that is so; a jumphost behind a VPN is a hop",
            );
            None
        }
        (Some(hops @ [_, ..]), _) => {
            refuse_addresses_twice(hops.iter().map(|hop| (&hop.name, &hop.address, hop.port)), "route.hops", values);
            let machines = hops.iter().enumerate();
            let hops = machines.filter_map(|(index, hop)| {
                let path = format!("route.hops[{index}]");
                let name = values.text(&hop.name, &format!("{path}.name"), rules::machine_name);
                let login = login(&hop.parts(), &path, file, values);
                Some(Hop { name: name?, login: login? })
            });
            Some(Route { hops: hops.collect() })
        }
        (_, Some(true)) => Some(Route::default()),
        _ => {
            values.problem(&route.span, "`route` says no way to the nodes", NO_ROUTE);
            None
        }
    }
}

/// How root is reached on each jumphost, in the route's order.
pub(super) fn hop_privileges(file: &SiteFile, values: &mut Values<'_, '_>) -> Vec<Privilege> {
    let hops = file.route.iter().flat_map(|route| route.value.hops.iter().flatten());
    let default = file.ssh.as_ref().and_then(|ssh| ssh.user.as_ref());
    let privilege = |hop: &HopInput| match values.secret(hop.sudo_password.as_ref().or(default_sudo_password(file))) {
        _ if hop.user.as_ref().or(default).is_some_and(|user| user.value == "root") => Privilege::Root,
        Some(password) => Privilege::SudoPassword(password),
        None => Privilege::Sudo,
    };
    hops.map(privilege).collect()
}

fn default_sudo_password(file: &SiteFile) -> Option<&Located<Secret>> {
    file.ssh.as_ref().and_then(|ssh| ssh.sudo_password.as_ref())
}

pub(super) fn nodes(file: &SiteFile, values: &mut Values<'_, '_>) -> Vec<Node> {
    let inputs = file.nodes.as_deref().unwrap_or_default();
    refuse_addresses_twice(inputs.iter().map(|node| (&node.name, &node.address, node.port)), "nodes", values);
    let machines = inputs.iter().enumerate();
    machines.filter_map(|(index, input)| node(input, &format!("nodes[{index}]"), file, values)).collect()
}

fn node(input: &NodeInput, path: &str, file: &SiteFile, values: &mut Values<'_, '_>) -> Option<Node> {
    let role = input.role.as_ref().map_or(Role::Node, |role| role.value);
    machine(
        &Machine { name: &input.name, role, sudo: input.sudo.as_ref(), sudo_password: input.sudo_password.as_ref(), parts: input.parts() },
        path,
        file,
        values,
    )
}

/// What the inputs of all machines that playbooks are for have in common.
struct Machine<'m> {
    name: &'m Text,
    role: Role,
    sudo: Option<&'m Located<bool>>,
    sudo_password: Option<&'m Located<Secret>>,
    parts: Parts<'m>,
}

fn machine(input: &Machine<'_>, path: &str, file: &SiteFile, values: &mut Values<'_, '_>) -> Option<Node> {
    let name = values.text(input.name, &format!("{path}.name"), rules::machine_name);
    let login = login(&input.parts, path, file, values);
    let is_root = login.as_ref().is_some_and(|login| login.user.as_deref() == Some("root"));
    let password = values.secret(input.sudo_password.or(default_sudo_password(file)));
    if let Some(sudo) = input.sudo.filter(|sudo| !sudo.value && !is_root && login.is_some()) {
        values.problem(
            &sudo.span,
            format!("`{path}`: root can be reached neither by login nor by sudo"),
            "set `user: root` or `sudo: true`",
        );
    }
    let privilege = match password {
        _ if is_root => Privilege::Root,
        Some(password) => Privilege::SudoPassword(password),
        None => Privilege::Sudo,
    };
    Some(Node { name: name?, role: input.role, login: login?, privilege })
}

pub(super) fn load_balancer(file: &SiteFile, values: &mut Values<'_, '_>) -> Option<LoadBalancer> {
    let input = file.load_balancer.as_ref()?;
    let address = values.text(&input.address, "load_balancer.address", rules::host);
    let inputs = input.machines.as_deref().unwrap_or_default();
    refuse_addresses_twice(inputs.iter().map(|one| (&one.name, &one.address, one.port)), "load_balancer.machines", values);
    let one = |(index, input): (usize, &BalancerMachineInput)| {
        let (sudo, sudo_password, parts) = (input.sudo.as_ref(), input.sudo_password.as_ref(), input.parts());
        let one = Machine { name: &input.name, role: Role::LoadBalancer, sudo, sudo_password, parts };
        machine(&one, &format!("load_balancer.machines[{index}]"), file, values)
    };
    let machines = inputs.iter().enumerate().filter_map(one).collect();
    let headers = input.headers.as_deref().map(|headers| values.texts(Some(headers), "load_balancer.headers", some_text));
    let settings = BalancerSettings {
        balance: input.balance.as_ref().map(|balance| balance.value),
        health_check: values.optional(input.health_check.as_ref(), "load_balancer.health_check", some_text),
        proxy_protocol: input.proxy_protocol,
        headers: headers.map(|headers| headers.into_iter().map(|header| header.to_lowercase()).collect()),
    };
    Some(LoadBalancer { address: address?, port: input.port.unwrap_or(443), machines, settings })
}

pub(super) fn connectors(file: &SiteFile, values: &mut Values<'_, '_>) -> Vec<Connector> {
    let inputs = file.connectors.as_deref().unwrap_or_default();
    let connector = |(index, input): (usize, &ConnectorInput)| {
        let path = format!("connectors[{index}]");
        let login = input.address.as_ref().map(|address| login(&input.parts(address), &path, file, values));
        if let (None, Some(user)) = (&login, &input.user) {
            values.problem(&user.span, format!("`{path}`: a user without an address"), "add the `address` of the connector's server");
        }
        let name = values.text(&input.name, &format!("{path}.name"), rules::machine_name);
        let tenant = values.text(&input.tenant, &format!("{path}.tenant"), rules::dns_name);
        let ldap_url = values.text(&input.ldap_url, &format!("{path}.ldap_url"), rules::ldap_url);
        let http_proxy = values.optional(input.http_proxy.as_ref(), &format!("{path}.http_proxy"), rules::proxy_url);
        Some(Connector {
            name: name?,
            tenant: tenant?,
            ldap_url: ldap_url?,
            http_proxy,
            inbound: input.inbound.unwrap_or(false),
            login: login.flatten(),
            instances: input.instances,
            system: input.system.as_ref().map(|system| system.value),
            server_url: values.optional(input.server_url.as_ref(), &format!("{path}.server_url"), some_text),
            bind_user: values.optional(input.bind_user.as_ref(), &format!("{path}.bind_user"), some_text),
            bind_password: values.secret(input.bind_password.as_ref()),
            base: values.optional(input.base.as_ref(), &format!("{path}.base"), some_text),
            base_groups: values.optional(input.base_groups.as_ref(), &format!("{path}.base_groups"), some_text),
            ca_certificates: values.paths(input.ca_certificates.as_deref(), &format!("{path}.ca_certificates")),
        })
    };
    inputs.iter().enumerate().filter_map(connector).collect()
}

/// No two machines of a site have one name: messages, limits and records go by it.
pub(super) fn refuse_names_twice(file: &SiteFile, values: &mut Values<'_, '_>) {
    let hops = file.route.iter().flat_map(|route| route.value.hops.iter().flatten()).map(|hop| &hop.name);
    let nodes = file.nodes.iter().flatten().map(|node| &node.name);
    let connectors = file.connectors.iter().flatten().map(|connector| &connector.name);
    let mut first: HashMap<String, usize> = HashMap::new();
    let balancers = file.load_balancer.iter().flat_map(|balancer| balancer.machines.iter().flatten()).map(|machine| &machine.name);
    for name in hops.chain(nodes).chain(balancers).chain(connectors) {
        match first.get(&name.value.to_lowercase()) {
            Some(start) => {
                let line = values.problems.line_of(*start);
                let message = format!("two machines are named {}, the first in line {line}", values.problems.show(&name.span, &name.value));
                values.problem(&name.span, message, "give each machine a name of its own");
            }
            None => drop(first.insert(name.value.to_lowercase(), name.span.start)),
        }
    }
}

fn refuse_addresses_twice<'m>(machines: impl Iterator<Item = (&'m Text, &'m Text, Option<u16>)>, path: &str, values: &mut Values<'_, '_>) {
    let mut first: HashMap<(String, u16), &Text> = HashMap::new();
    for (index, (name, address, port)) in machines.enumerate() {
        // An address that is none is told of elsewhere.
        let Ok(host) = rules::host(&address.value) else { continue };
        let port = port.unwrap_or(22);
        match first.get(&(host.clone(), port)) {
            Some(other) => {
                let line = values.problems.line_of(other.span.start);
                let other = values.problems.show(&other.span, &other.value);
                let message = format!("`{path}[{index}].address`: `{host}` with port {port} is {other} in line {line} already");
                values.problem(&address.span, message, "give each machine its own address, or its own port");
            }
            None => drop(first.insert((host, port), name)),
        }
    }
}

/// What the inputs of all machines have in common.
struct Parts<'m> {
    address: &'m Text,
    port: Option<u16>,
    user: Option<&'m Text>,
    identities: Option<&'m [Text]>,
    passphrase: Option<&'m Located<Secret>>,
    agent: Option<bool>,
    password: Option<&'m Located<Secret>>,
    one_time_code: Option<&'m Located<Secret>>,
    host_keys: Option<&'m [Text]>,
}

macro_rules! parts {
    ($input:expr, $address:expr) => {
        Parts {
            address: $address,
            port: $input.port,
            user: $input.user.as_ref(),
            identities: $input.identities.as_deref(),
            passphrase: $input.passphrase.as_ref(),
            agent: $input.agent,
            password: $input.password.as_ref(),
            one_time_code: $input.one_time_code.as_ref(),
            host_keys: $input.host_keys.as_deref(),
        }
    };
}

impl HopInput {
    fn parts(&self) -> Parts<'_> {
        parts!(self, &self.address)
    }
}

impl NodeInput {
    fn parts(&self) -> Parts<'_> {
        parts!(self, &self.address)
    }
}

impl BalancerMachineInput {
    fn parts(&self) -> Parts<'_> {
        parts!(self, &self.address)
    }
}

impl ConnectorInput {
    fn parts<'m>(&'m self, address: &'m Text) -> Parts<'m> {
        parts!(self, address)
    }
}

/// A machine's login; what it does not say comes from the site's `ssh`.
fn login(parts: &Parts<'_>, path: &str, file: &SiteFile, values: &mut Values<'_, '_>) -> Option<Login> {
    let defaults = file.ssh.as_ref();
    let inherited =
        |own: Option<&'_ Located<Secret>>, ssh: Option<&'_ Located<Secret>>, values: &mut Values<'_, '_>| values.secret(own.or(ssh));
    let address = values.text(parts.address, &format!("{path}.address"), rules::host);
    let user = match parts.user {
        Some(user) => values.text(user, &format!("{path}.user"), rules::user_name),
        None => values.optional(defaults.and_then(|ssh| ssh.user.as_ref()), "ssh.user", rules::user_name),
    };
    let identities = match parts.identities {
        Some(own) => values.paths(Some(own), &format!("{path}.identities")),
        None => values.paths(defaults.and_then(|ssh| ssh.identities.as_deref()), "ssh.identities"),
    };
    let host_keys = values.texts(parts.host_keys, &format!("{path}.host_keys"), rules::host_key);
    Some(Login {
        address: address?,
        port: parts.port.unwrap_or(22),
        user,
        identities,
        passphrase: inherited(parts.passphrase, defaults.and_then(|ssh| ssh.passphrase.as_ref()), values),
        agent: parts.agent.or(defaults.and_then(|ssh| ssh.agent)).unwrap_or(true),
        password: inherited(parts.password, defaults.and_then(|ssh| ssh.password.as_ref()), values),
        one_time_code: inherited(parts.one_time_code, defaults.and_then(|ssh| ssh.one_time_code.as_ref()), values),
        host_keys,
    })
}
