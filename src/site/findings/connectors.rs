//! AD/LDAP connectors: one for each account, reached as they must be, and never in the way of the load balancer's mode.

use super::{Found, NETWORK, error, warning};
use crate::site::model::{Connector, System, Termination};

const SOURCE: &str = "AD/LDAP prerequisites";

pub(super) fn look(found: &mut Found<'_>) {
    let site = found.site;
    let terminates = site.tls.as_ref().map(|tls| tls.terminates);
    if !site.connectors.is_empty() && terminates == Some(Termination::LoadBalancer) {
        let message = "TLS ends at the load balancer, where the AD/LDAP connector cannot pass".to_owned();
        let fix = "end TLS on the appliance (TCP with PROXY protocol on the load balancer)";
        found.add(&error("lb.mode.connector", NETWORK), "tls.terminates", message, fix);
    }
    for (place, connector) in site.connectors.iter().enumerate() {
        way(connector, found);
        account(place, connector, found);
        browsers(connector, found);
    }
}

fn subject(connector: &Connector) -> String {
    format!("connectors: {}", connector.name)
}

fn way(connector: &Connector, found: &mut Found<'_>) {
    if connector.ldap_url.starts_with("ldap://") {
        let message = format!("`{}` is not encrypted", connector.ldap_url);
        found.add(&warning("conn.url.scheme", SOURCE), &subject(connector), message, "use `ldaps://` where the directory offers it");
    }
    if connector.http_proxy.is_some() {
        let message = "a connector behind a proxy works and is not recommended".to_owned();
        let fix = "let it leave on port 443 directly where that can be had";
        found.add(&warning("conn.proxy", SOURCE), &subject(connector), message, fix);
    }
}

/// One account has one connector; several servers of one connector share its configuration, and are `instances` of it.
fn account(place: usize, connector: &Connector, found: &mut Found<'_>) {
    let names = &found.site.names;
    if ![&names.tenants, &names.planned].iter().any(|tenants| tenants.contains(&connector.tenant)) {
        let message = format!("`{}` is not among the site's tenants", connector.tenant);
        let fix = "name the tenant under `names.tenants`, or mend the connector's `tenant`";
        found.add(&warning("conn.tenant", SOURCE), &subject(connector), message, fix);
    }
    let earlier = found.site.connectors.iter().take(place).find(|other| other.tenant == connector.tenant);
    if let Some(other) = earlier {
        let message = format!("`{}` serves `{}` too", other.name, connector.tenant);
        let fix = "give each account one connector; several servers of one connector are its `instances`";
        found.add(&error("conn.one2one", SOURCE), &subject(connector), message, fix);
    }
    if let Some(address) = connector.login.as_ref().map(|login| &login.address) {
        let others = &found.site.surroundings.other_environments;
        if let Some(other) = others.iter().find(|other| other.addresses.contains(address)) {
            let message = format!("its server {address} is a machine of the environment `{}` too", other.name);
            let fix = "give each environment a connector's server of its own: a connector serves one connection of one tenant";
            found.add(&error("conn.one2one", SOURCE), &subject(connector), message, fix);
        }
    }
    if connector.instances == Some(1) {
        let message = "it runs on one server: while that is down, nobody of the directory logs in".to_owned();
        let fix = "add a second server with the same configuration, profile mapper and certificates";
        found.add(&warning("conn.ha.count", SOURCE), &subject(connector), message, fix);
    }
}

/// Kerberos and client certificates: browsers come to the connector itself.
fn browsers(connector: &Connector, found: &mut Found<'_>) {
    if !connector.inbound {
        return;
    }
    if connector.instances.is_some_and(|count| count > 1) && connector.server_url.is_none() {
        let message = "browsers must reach it, it runs on several servers, and no load balancer is named".to_owned();
        let fix = "put a load balancer (round robin, no stickiness) before them, and name its address under `server_url`";
        found.add(&error("conn.krb.lb", SOURCE), &subject(connector), message, fix);
    }
    if connector.system == Some(System::Linux) {
        let message = "browsers log in at it by Kerberos or client certificates, and it runs Linux".to_owned();
        let fix = "install it on Windows Server, which Kerberos needs, or put a proxy that speaks Kerberos before it";
        found.add(&error("conn.os", SOURCE), &subject(connector), message, fix);
    }
}
