//! What a template sees: the site, the node, its facts. Secrets are seen by templates marked `secret` alone.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::material::Material;
use crate::node::Facts;
use crate::site::model::{Node, Proxy, ProxyKind, Role, Site, Smtp, StartTls, Termination};

/// The role's name in playbooks and templates.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Node => "node",
        Role::Arbiter => "arbiter",
        Role::Connector => "connector",
    }
}

fn proxy_name(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::None => "none",
        ProxyKind::Explicit => "explicit",
        ProxyKind::Transparent => "transparent",
    }
}

/// The values that a step's `when` is compared with.
pub(crate) fn conditions(site: &Site, node: &Node, facts: &Facts) -> BTreeMap<&'static str, String> {
    let present = |is: bool| if is { "present" } else { "absent" }.to_owned();
    BTreeMap::from([
        ("role", role_name(node.role).to_owned()),
        ("proxy", proxy_name(site.proxy.kind).to_owned()),
        ("tls", present(site.tls.is_some())),
        ("smtp", present(site.smtp.is_some())),
        ("smtp-ca", present(site.smtp.as_ref().is_some_and(|smtp| !smtp.ca_certificates.is_empty()))),
        ("os", facts.os.as_ref().map(|(id, _)| id.clone()).unwrap_or_default()),
        ("init", facts.machine.get("init").cloned().unwrap_or_default()),
    ])
}

/// The values a template sees on `node`. With `secret`, keys and passwords too.
pub(crate) fn template_context(site: &Site, node: &Node, facts: &Facts, material: &Material, secret: bool) -> Value {
    let mut context = shared(site);
    context.insert(
        "node".into(),
        json!({"name": node.name, "role": role_name(node.role), "address": node.login.address, "user": node.login.user}),
    );
    context.insert(
        "facts".into(),
        json!({
            "ipv6": facts.machine.get("ipv6").is_some_and(|answer| answer == "yes"),
            "os": facts.os.as_ref().map(|(id, _)| id),
            "os_version": facts.os.as_ref().map(|(_, version)| version),
            "host": facts.machine.get("host"),
            "init": facts.machine.get("init"),
        }),
    );
    if let (Some(tls), Some(from)) = (&site.tls, &material.tls) {
        let mut values = Map::new();
        let at_appliance = tls.terminates == Termination::Appliance;
        values.insert("terminates".into(), if at_appliance { "appliance" } else { "load-balancer" }.into());
        values.insert("chain_pem".into(), from.chain_pem.clone().into());
        if secret {
            values.insert("key_pem".into(), from.key_pem.as_str().into());
        }
        context.insert("tls".into(), values.into());
    }
    if let (Some(smtp), Some(from)) = (&site.smtp, &material.smtp) {
        let mut values = smtp_values(smtp);
        values.insert("ca_pem".into(), from.ca_pem.clone().into());
        if secret {
            values.insert("password".into(), from.password.expose_secret().into());
        }
        context.insert("smtp".into(), values.into());
    }
    Value::Object(context)
}

/// The values a handout sees: the site, no node and no secret.
pub fn handout_context(site: &Site) -> Value {
    Value::Object(shared(site))
}

fn shared(site: &Site) -> Map<String, Value> {
    let nodes: Vec<Value> =
        site.nodes.iter().map(|node| json!({"name": node.name, "role": role_name(node.role), "address": node.login.address})).collect();
    let mut context = Map::new();
    context.insert("site".into(), json!({"name": site.name}));
    let addresses: Vec<&str> = site.nodes.iter().map(|node| node.login.address.as_str()).collect();
    context.insert("nodes".into(), nodes.into());
    context.insert("node_addresses".into(), json!(addresses));
    context.insert("names".into(), names(site));
    context.insert("proxy".into(), proxy_values(&site.proxy));
    context.insert("ntp_servers".into(), json!(site.ntp_servers));
    context
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
    use std::path::Path;

    use super::handout_context;
    use crate::playbook::{Library, Templates};

    const SITE: &str = "site: shop
environment: development
route: {vpn: true}
nodes:
  - {name: a0-1, address: 10.0.0.11, user: admin}
names: {dashboard: manage.corp.example, configuration: config.corp.example}
proxy: {kind: explicit, url: \"http://proxy.corp.example:3128\", bypass: [mail.corp.example, .in.corp.example], exceptions: [cdn.auth0.com]}
";

    #[test]
    fn the_proxys_administrators_get_the_exceptions_for_squid_and_as_a_pac_file() {
        let site = crate::site::parse(SITE, Path::new("site.yaml")).unwrap();
        let templates = Templates::parse(&Library::new(Path::new("/nonexistent")).templates().unwrap()).unwrap();
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
