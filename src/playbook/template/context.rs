//! What a template sees: the site, the node, its facts. Secrets are seen by templates marked `secret` alone.

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::node::Facts;
use crate::playbook::material::Material;
use crate::site::model::{Environment, Node, Proxy, ProxyKind, Role, Site, Smtp, StartTls, Termination};

/// The role's name in playbooks and templates.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Node => "node",
        Role::Arbiter => "arbiter",
        Role::Connector => "connector",
        Role::LoadBalancer => "load-balancer",
    }
}

pub(crate) fn proxy_name(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::None => "none",
        ProxyKind::Explicit => "explicit",
        ProxyKind::Transparent => "transparent",
    }
}

pub(crate) fn termination_name(terminates: Termination) -> &'static str {
    match terminates {
        Termination::Appliance => "appliance",
        Termination::LoadBalancer => "load-balancer",
    }
}

pub(crate) fn environment_name(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "production",
        Environment::Development => "development",
        Environment::Qa => "qa",
    }
}

/// The values that templates see on every node alike. With `secret`, keys and passwords too.
pub(crate) fn site_context(site: &Site, material: &Material, secret: bool) -> Map<String, Value> {
    let mut context = shared(site);
    if let Some(tls) = &site.tls {
        let mut values = Map::new();
        values.insert("terminates".into(), termination_name(tls.terminates).into());
        if let Some(from) = &material.tls {
            values.insert("chain_pem".into(), from.chain_pem.clone().into());
            values.insert("root_pem".into(), from.root_pem.clone().into());
            if secret {
                values.insert("key_pem".into(), from.key_pem.as_str().into());
            }
        }
        context.insert("tls".into(), values.into());
    }
    if let Some(smtp) = &site.smtp {
        let mut values = smtp_values(smtp);
        if let Some(from) = &material.smtp {
            values.insert("ca_pem".into(), from.ca_pem.clone().into());
            if secret {
                values.insert("password".into(), from.password.expose_secret().into());
            }
        }
        context.insert("smtp".into(), values.into());
    }
    context
}

/// The values of `node`: its own.
pub(crate) fn node_values(node: &Node) -> Value {
    machine(node)
}

/// The values of `connector`: of the one whose server the machine is; none of them elsewhere.
pub(crate) fn connector_values(site: &Site, node: &Node) -> Value {
    let own = site.connectors.iter().find(|connector| connector.name == node.name);
    json!({
        "tenant": own.map(|connector| &connector.tenant),
        "ldap_url": own.map(|connector| &connector.ldap_url),
        "http_proxy": own.and_then(|connector| connector.http_proxy.as_ref()),
    })
}

/// The values of `facts`: what the probe brought back.
pub(crate) fn fact_values(facts: &Facts) -> Value {
    json!({
        "ipv6": facts.machine.get("ipv6").is_some_and(|answer| answer == "yes"),
        "os": facts.os.as_ref().map(|(id, _)| id),
        "os_version": facts.os.as_ref().map(|(_, version)| version),
        "host": facts.machine.get("host"),
        "init": facts.machine.get("init"),
    })
}

/// The values a handout sees: the site, no node and no secret.
pub fn handout_context(site: &Site) -> Value {
    Value::Object(shared(site))
}

fn machine(node: &Node) -> Value {
    json!({"name": node.name, "role": role_name(node.role), "address": node.login.address, "user": node.login.user})
}

fn shared(site: &Site) -> Map<String, Value> {
    let addresses: Vec<&str> = site.nodes.iter().map(|node| node.login.address.as_str()).collect();
    let balancer = site.load_balancer.as_ref();
    let health = &site.figures.health;
    let values = json!({
        "site": {"name": site.name, "environment": environment_name(site.environment)},
        "nodes": site.nodes.iter().map(machine).collect::<Vec<_>>(),
        "node_addresses": addresses,
        "load_balancer": {
            "address": balancer.map(|balancer| &balancer.address),
            "port": balancer.map(|balancer| balancer.port),
            "machines": balancer.into_iter().flat_map(|balancer| &balancer.machines).map(machine).collect::<Vec<_>>(),
        },
        "names": names(site),
        "proxy": proxy_values(&site.proxy),
        "ntp_servers": site.ntp_servers,
        "health": {"testall": health.testall, "clock": health.clock, "status": health.status, "plain_port": health.plain_port},
    });
    if let Value::Object(values) = values { values } else { Map::new() }
}

fn names(site: &Site) -> Value {
    let names = &site.names;
    let mut served = names.required();
    served.extend(names.custom_domains.iter().map(|custom| custom.domain.clone()));
    let domain = names.dashboard.split_once('.').map_or(names.dashboard.as_str(), |(_, parent)| parent);
    json!({
        "dashboard": names.dashboard, "configuration": names.configuration, "webtask": names.webtask,
        "tenants": names.tenants, "planned": names.planned, "all": served, "domain": domain,
    })
}

fn smtp_values(smtp: &Smtp) -> Map<String, Value> {
    let starttls = match smtp.starttls {
        StartTls::Required => "required",
        StartTls::Optional => "optional",
        StartTls::Off => "off",
    };
    let from_domain = smtp.from.rsplit_once('@').map_or(smtp.from.as_str(), |(_, domain)| domain.trim_end_matches('>'));
    let values = json!({
        "host": smtp.host, "port": smtp.port, "username": smtp.username, "from": smtp.from, "from_domain": from_domain,
        "starttls": starttls, "implicit_tls": smtp.port == 465,
    });
    if let Value::Object(values) = values { values } else { Map::new() }
}

fn proxy_values(proxy: &Proxy) -> Value {
    let host_of = |entry: &str| entry.rsplit_once(':').map_or(entry, |(host, _)| host).to_owned();
    let mut exception_hosts: Vec<String> = Vec::new();
    let mut exception_ports: Vec<String> = Vec::new();
    for entry in &proxy.exceptions {
        let host = host_of(entry);
        if !exception_hosts.contains(&host) {
            exception_hosts.push(host);
        }
        let port = entry.rsplit_once(':').map_or("443", |(_, port)| port).to_owned();
        if !exception_ports.contains(&port) {
            exception_ports.push(port);
        }
    }
    let address = proxy.url.as_deref().map(|url| url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/'));
    let bypass_hosts: Vec<&str> =
        proxy.bypass.iter().map(String::as_str).filter(|host| !host.starts_with('.') && !host.contains('/')).collect();
    let mut no_proxy = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    no_proxy.extend(proxy.bypass.iter().cloned());
    json!({
        "kind": proxy_name(proxy.kind), "url": proxy.url, "address": address, "no_proxy": no_proxy.join(","),
        "bypass": proxy.bypass, "bypass_hosts": bypass_hosts, "exceptions": proxy.exceptions,
        "exception_hosts": exception_hosts, "exception_ports": exception_ports,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use secrecy::SecretString;

    use super::*;
    use crate::node::Facts;
    use crate::playbook::material::{CertificateText, SmtpMaterial, TlsMaterial};
    use crate::playbook::template::variable::{Seen, VARIABLES};
    use crate::playbook::{Library, Templates};

    const SITE: &str = "site: shop
environment: development
route: {vpn: true}
nodes:
  - {name: a0-1, address: 10.0.0.11, user: admin}
names: {dashboard: manage.corp.example, configuration: config.corp.example}
proxy: {kind: explicit, url: \"http://proxy.corp.example:3128\", bypass: [mail.corp.example, .in.corp.example], exceptions: [cdn.auth0.com]}
";

    fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(values) => {
                for (key, value) in values {
                    leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => drop(found.insert(path.to_owned())),
        }
    }

    #[test]
    fn the_table_of_variables_is_what_templates_see() {
        let more =
            "tls: {certificate: {files: [a.pem]}}\nsmtp: {host: m.corp.example, username: u, password: prompt, from: a@corp.example}\n";
        let site = crate::site::parse(&format!("{SITE}{more}"), Path::new("site.yaml")).unwrap();
        let text = CertificateText::default();
        let tls = TlsMaterial::new(text, String::new(), None, Box::new(|_| Ok(zeroize::Zeroizing::default())));
        let smtp = SmtpMaterial { password: SecretString::from("p"), ca_pem: String::new() };
        let material = Material { tls: Some(tls), smtp: Some(smtp), ..Material::default() };
        let expected = |is_meant: fn(Seen) -> bool| -> BTreeSet<String> {
            VARIABLES.iter().filter(|variable| is_meant(variable.seen)).map(|variable| variable.name.to_owned()).collect()
        };
        for (secret, is_meant) in [(true, (|_| true) as fn(Seen) -> bool), (false, |seen| seen != Seen::Secret)] {
            let mut context = site_context(&site, &material, secret);
            context.insert("node".into(), node_values(&site.nodes[0]));
            context.insert("facts".into(), fact_values(&Facts::default()));
            context.insert("connector".into(), connector_values(&site, &site.nodes[0]));
            let mut found = BTreeSet::new();
            leaves(&Value::Object(context), "", &mut found);
            assert_eq!(found, expected(is_meant));
        }
        let mut found = BTreeSet::new();
        leaves(&handout_context(&site), "", &mut found);
        assert_eq!(found, expected(|seen| seen == Seen::Always));
    }

    #[test]
    fn the_proxys_administrators_get_the_exceptions_for_squid_and_as_a_pac_file() {
        let site = crate::site::parse(SITE, Path::new("site.yaml")).unwrap();
        let templates = Templates::parse(Library::new(Path::new("/nonexistent")).templates().unwrap()).unwrap();
        let render = |name: &str| templates.render(name, &handout_context(&site)).unwrap();
        let squid = render("proxy/squid-exceptions.conf");
        for line in ["acl portcullis_nodes src 10.0.0.11", "acl portcullis_exceptions dstdomain cdn.auth0.com"] {
            assert!(squid.lines().any(|own| own == line), "{}", *squid);
        }
        assert!(squid.contains("\nhttp_access allow portcullis_nodes portcullis_exceptions"), "{}", *squid);
        let pac = render("proxy/proxy.pac");
        for line in [
            "  if (host === \"mail.corp.example\") return \"DIRECT\";",
            "  if (dnsDomainIs(host, \".in.corp.example\")) return \"DIRECT\";",
            "  return \"PROXY proxy.corp.example:3128\";",
        ] {
            assert!(pac.lines().any(|own| own == line), "{}", *pac);
        }
    }
}
