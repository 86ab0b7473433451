//! What templates see, by name: one table for the reference page and for the help with a misspelt one.

/// When a variable is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// In templates of steps and in handouts.
    Always,
    /// In templates of steps.
    OnNode,
    /// In templates of steps, where the site has a certificate.
    WithTls,
    /// In templates of steps, where the site has a mail server.
    WithSmtp,
    /// The same, and the step says `secret: true`.
    Secret,
}

/// A variable: its name, what it is, and when it is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variable {
    /// As a template writes it.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) meaning: &'static str,
    /// When it is there.
    pub(crate) seen: Seen,
}

impl Variable {
    /// When it is there, for a person.
    pub(crate) fn condition(&self) -> String {
        let section = self.name.split('.').next().unwrap_or_default();
        match self.seen {
            Seen::Always => "always".to_owned(),
            Seen::OnNode => "not in handouts".to_owned(),
            Seen::WithTls | Seen::WithSmtp => format!("site has `{section}`"),
            Seen::Secret => format!("site has `{section}`, and step says `secret: true`"),
        }
    }
}

const fn variable(name: &'static str, seen: Seen, meaning: &'static str) -> Variable {
    Variable { name, meaning, seen }
}

use Seen::{Always, OnNode, Secret, WithSmtp, WithTls};

/// All of them. A value that the site does not have is `none`, or an empty list.
pub(crate) const VARIABLES: [Variable; 53] = [
    variable("site.name", Always, "the site's name"),
    variable("site.environment", Always, "`production`, `development` or `qa`"),
    variable("nodes", Always, "the machines under `nodes`, each with `name`, `role` and `address`"),
    variable("node_addresses", Always, "their addresses"),
    variable("load_balancer.address", Always, "what users reach"),
    variable("load_balancer.port", Always, "the port that users reach"),
    variable("load_balancer.machines", Always, "the machines under `load_balancer.machines`, each with `name`, `role` and `address`"),
    variable("names.dashboard", Always, "Management Dashboard"),
    variable("names.configuration", Always, "configuration tenant"),
    variable("names.webtask", Always, "Webtask"),
    variable("names.tenants", Always, "app tenants in use"),
    variable("names.planned", Always, "app tenants to come"),
    variable("names.all", Always, "every name that is served, custom domains too"),
    variable("names.domain", Always, "the dashboard's parent domain"),
    variable("proxy.kind", Always, "`none`, `explicit` or `transparent`"),
    variable("proxy.url", Always, "the explicit proxy's URL"),
    variable("proxy.address", Always, "its `host:port`"),
    variable("proxy.no_proxy", Always, "what goes past it, joined by commas, the loopback addresses too"),
    variable("proxy.bypass", Always, "what goes past it, as the site lists it"),
    variable("proxy.bypass_hosts", Always, "of those the hosts, without domains and networks"),
    variable("proxy.exceptions", Always, "what must pass it without a login, as the site lists it"),
    variable("proxy.exception_hosts", Always, "of those the hosts, each once"),
    variable("proxy.exception_ports", Always, "of those the ports, each once"),
    variable("ntp_servers", Always, "the site's NTP servers"),
    variable("health.testall", Always, "path of the appliance's own test of all its parts"),
    variable("health.clock", Always, "path that answers with the time"),
    variable("health.status", Always, "path of the authenticated status, before the probe's name"),
    variable("health.plain_port", Always, "port of the health addresses in clear"),
    variable("node.name", OnNode, "the machine's name"),
    variable("node.role", OnNode, "`node`, `arbiter`, `connector` or `load-balancer`"),
    variable("node.address", OnNode, "its address, as the site names it"),
    variable("node.user", OnNode, "who logs in to it; nothing where the site leaves that to the operator"),
    variable("facts.os", OnNode, "the distribution: `debian` …"),
    variable("facts.os_version", OnNode, "its version"),
    variable("facts.host", OnNode, "the machine's own host name"),
    variable("facts.init", OnNode, "`systemd` or `other`"),
    variable("facts.ipv6", OnNode, "whether it has IPv6: `true` or `false`"),
    variable("connector.tenant", OnNode, "on a connector's server: the tenant's address"),
    variable("connector.ldap_url", OnNode, "there: the directory"),
    variable("connector.http_proxy", OnNode, "there: the proxy of its way out"),
    variable("tls.terminates", WithTls, "`appliance` or `load-balancer`"),
    variable("tls.chain_pem", WithTls, "the certificate and its issuers, leaf first, without the root"),
    variable("tls.root_pem", WithTls, "the root that the chain ends at; empty where it is not known"),
    variable("tls.key_pem", Secret, "the private key"),
    variable("smtp.host", WithSmtp, "the mail server"),
    variable("smtp.port", WithSmtp, "its port"),
    variable("smtp.username", WithSmtp, "the login"),
    variable("smtp.from", WithSmtp, "the sender"),
    variable("smtp.from_domain", WithSmtp, "the sender's domain"),
    variable("smtp.starttls", WithSmtp, "`required`, `optional` or `off`"),
    variable("smtp.implicit_tls", WithSmtp, "whether the port speaks TLS from the first byte: `true` or `false`"),
    variable("smtp.ca_pem", WithSmtp, "certificates of private CAs to trust; empty: the system's"),
    variable("smtp.password", Secret, "the password"),
];

/// What to say of a name that no template sees: the nearest that there is, or all.
pub(crate) fn advice(name: &str) -> String {
    let near = crate::site::file::shape::nearest(name, VARIABLES.iter().map(|variable| variable.name));
    if let Some(own) = VARIABLES.iter().find(|own| own.name == name) {
        return format!("it is there where: {}", own.condition());
    }
    let all = VARIABLES.iter().map(|variable| variable.name).collect::<Vec<_>>().join(", ");
    match near {
        Some(near) => format!("did you mean `{near}`? `portcullis playbook reference` explains all of them"),
        None => format!("templates see {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_gets_the_nearest_a_strange_one_all_of_them() {
        assert!(advice("smtp.hots").starts_with("did you mean `smtp.host`?"));
        assert!(advice("smtp.password").contains("secret: true"));
        assert!(advice("flux_capacitor").contains("site.name, site.environment"));
    }
}
