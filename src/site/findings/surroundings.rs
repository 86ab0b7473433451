//! Nodes, load balancer, mail, proxy, connectors, access: what works on paper and not in the house.

use super::{Found, NETWORK, SECURITY, error, info, warning};
use crate::site::model::{Environment, MailProvider, ProxyKind, Role, Sla, StartTls, Termination};
use crate::site::profile::Party;

pub(super) fn look(found: &mut Found<'_>) {
    nodes(found);
    mail(found);
    proxy(found);
    connectors(found);
    access(found);
}

fn nodes(found: &mut Found<'_>) {
    let site = found.site;
    let topology = &site.figures.topology;
    let machines = site.nodes.iter().filter(|node| node.role != Role::Connector).count();
    let nodes = site.nodes.iter().filter(|node| node.role == Role::Node).count();
    let expected = match site.environment {
        Environment::Production => vec![topology.production_nodes, topology.geo_nodes],
        Environment::Development | Environment::Qa => vec![topology.other_nodes, topology.production_nodes],
    };
    if !expected.contains(&machines) {
        let shapes = expected.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
        let message = format!("the site has {machines} machines of the appliance; such an environment has {shapes}");
        found.add(
            &warning("node.count", "Infrastructure"),
            &site.name,
            message,
            "see that no node is missing, and that the environment's kind is right",
        );
    }
    if nodes > 1 && site.load_balancer.is_none() {
        let message = format!("{nodes} nodes and no load balancer");
        found.add(&warning("lb.present", NETWORK), &site.name, message, "name the `load_balancer`; a cluster of several nodes needs one");
    }
}

fn mail(found: &mut Found<'_>) {
    let Some(smtp) = &found.site.smtp else { return };
    let subject = format!("smtp: {}:{}", smtp.host, smtp.port);
    if found.site.figures.smtp.discouraged_ports.contains(&smtp.port) {
        found.add(
            &warning("smtp.port25", "Email providers"),
            &subject,
            format!("port {} is often blocked, and meant for servers", smtp.port),
            "use port 587",
        );
    }
    if smtp.starttls == StartTls::Off && smtp.port != 465 {
        let message = "STARTTLS is off, so the password (AUTH PLAIN) crosses the network in clear".to_owned();
        found.add(&warning("smtp.starttls", SECURITY), &subject, message, "set `starttls: required`");
    }
    match smtp.provider {
        MailProvider::Sendgrid if smtp.username != "apikey" => {
            let message = format!("the SMTP user of SendGrid is `apikey`, not `{}`", smtp.username);
            found.add(
                &warning("smtp.provider.user", "Email providers"),
                &subject,
                message,
                "leave `username` out; the API key is the password",
            );
        }
        MailProvider::Ses if !(smtp.host.starts_with("email-smtp") && smtp.host.ends_with(".amazonaws.com")) => {
            let message = format!("`{}` is not a server of Amazon SES", smtp.host);
            found.add(&warning("smtp.provider.host", "Email providers"), &subject, message, "it is `email-smtp.REGION.amazonaws.com`");
        }
        MailProvider::Smtp | MailProvider::Ses | MailProvider::Sendgrid | MailProvider::Mandrill => {}
    }
    if smtp.provider == MailProvider::Ses {
        let domain = smtp.from.rsplit('@').next().unwrap_or_default();
        let message = format!("Amazon SES sends for validated domains only; `{domain}` must be one");
        found.add(&info("smtp.ses.domain", SECURITY), &subject, message, "validate the domain in the SES console");
    }
}

fn proxy(found: &mut Found<'_>) {
    let site = found.site;
    let proxy = &site.proxy;
    if proxy.kind == ProxyKind::None {
        return;
    }
    if proxy.kind == ProxyKind::Explicit {
        let message =
            "the appliance itself knows NAT and transparent proxies only; an explicit one serves the nodes' own software".to_owned();
        found.add(
            &warning("egress.explicit.proxy", NETWORK),
            "proxy",
            message,
            "have the nodes leave by NAT or by a transparent proxy where that can be had",
        );
    }
    let required = site.figures.destinations.iter().filter(|destination| destination.required && destination.from.contains(&Party::Nodes));
    for destination in required {
        let named = |listed: &String| listed.split(':').next() == Some(destination.host.as_str());
        let passed = |listed: &String| {
            destination.host == *listed || listed.strip_prefix('.').is_some_and(|domain| destination.host.ends_with(domain))
        };
        if !proxy.exceptions.iter().any(named) && !proxy.bypass.iter().any(passed) {
            let message = format!("`{}` ({}) is not among the exceptions", destination.host, destination.purpose);
            let fix =
                format!("add `{}` to `proxy.exceptions`, and have the proxy let the nodes reach it without a login", destination.host);
            found.add(&warning("egress.exception.missing", SECURITY), "proxy.exceptions", message, &fix);
        }
    }
}

fn connectors(found: &mut Found<'_>) {
    let site = found.site;
    let terminates = site.tls.as_ref().map(|tls| tls.terminates);
    if !site.connectors.is_empty() && terminates == Some(Termination::LoadBalancer) {
        let message = "TLS ends at the load balancer, where the AD/LDAP connector cannot pass".to_owned();
        found.add(
            &error("lb.mode.connector", NETWORK),
            "tls.terminates",
            message,
            "end TLS on the appliance (TCP with PROXY protocol on the load balancer)",
        );
    }
    for connector in &site.connectors {
        let subject = format!("connectors: {}", connector.name);
        if connector.ldap_url.starts_with("ldap://") {
            let message = format!("`{}` is not encrypted", connector.ldap_url);
            found.add(
                &warning("conn.url.scheme", "AD/LDAP prerequisites"),
                &subject,
                message,
                "use `ldaps://` where the directory offers it",
            );
        }
        if connector.http_proxy.is_some() {
            let message = "a connector behind a proxy works and is not recommended".to_owned();
            found.add(
                &warning("conn.proxy", "AD/LDAP prerequisites"),
                &subject,
                message,
                "let it leave on port 443 directly where that can be had",
            );
        }
        let tenants = [&site.names.tenants, &site.names.planned];
        if !tenants.iter().any(|names| names.contains(&connector.tenant)) {
            let message = format!("`{}` is not among the site's tenants", connector.tenant);
            found.add(
                &warning("conn.tenant", "AD/LDAP prerequisites"),
                &subject,
                message,
                "name the tenant under `names.tenants`, or mend the connector's `tenant`",
            );
        }
    }
}

fn access(found: &mut Found<'_>) {
    let site = found.site;
    let mut approvers: Vec<_> = site.access.approvers.iter().map(|approver| approver.name.to_lowercase()).collect();
    approvers.sort();
    approvers.dedup();
    if approvers.len() < usize::from(site.access.approvals) {
        let message =
            format!("windows need the approval of {}, and {} can give it: no window can be opened", site.access.approvals, approvers.len());
        let fix = "name persons with their public SSH keys under `access.approvers`, or lower `access.approvals`";
        found.add(&warning("access.approvers", SECURITY), "access.approvals", message, fix);
    }
    if site.sla == Sla::Custom && site.access.approvals > 0 {
        let message = "a custom SLA needs access around the clock, and each window waits for an approval".to_owned();
        found.add(&info("access.window.sla", SECURITY), "access.approvals", message, "see that an approver can be had at any hour");
    }
}
