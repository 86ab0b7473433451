//! Nodes, load balancer, mail, proxy, connectors, access: what works on paper and not in the house.

use super::{Found, NETWORK, SECURITY, error, info, warning};
use crate::site::model::{Environment, MailProvider, ProxyKind, Role, Sla, StartTls};
use crate::site::profile::Party;

const REMOTE: &str = "Security and Access: remote access";

pub(super) fn look(found: &mut Found<'_>) {
    nodes(found);
    time(found);
    mail(found);
    proxy(found);
    restricted(found);
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

fn time(found: &mut Found<'_>) {
    if found.site.ntp_servers.is_empty() && !found.site.surroundings.gives_time() {
        let fix = "name the site's NTP servers under `ntp`, or say by `platform: aws` or `azure` that the platform gives the time";
        found.add(&warning("time.ntp.set", "Clock"), "ntp", "no time server is named".to_owned(), fix);
    }
}

fn restricted(found: &mut Found<'_>) {
    let surroundings = &found.site.surroundings;
    if surroundings.is_restricted && surroundings.restriction_accepted_by.is_none() {
        let message = "without internet there are no analytics, API explorers, extensions, hooks, hosted Lock, quickstarts and social logins, \
                       and nobody is named who accepts that";
        let fix = "have the service's owner confirm it, and name the person under `internet.accepted_by`";
        found.add(&error("egress.restricted.ack", "Internet-restricted deployment"), "internet", message.to_owned(), fix);
    }
}

fn mail(found: &mut Found<'_>) {
    let Some(smtp) = &found.site.smtp else {
        let message = "no mail server is named, and the built-in one is for test volumes; its templates cannot be changed".to_owned();
        let fix = "name an authenticated mail server under `smtp` before production";
        found.add(&warning("mail.provider.own", "Operations checklist"), "smtp", message, fix);
        return;
    };
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
    lint(found);
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

/// An exception for a port that nothing uses opens nothing. Wildcards are refused where the site file is read.
fn lint(found: &mut Found<'_>) {
    let site = found.site;
    for exception in &site.proxy.exceptions {
        let (host, port) =
            exception.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?))).unwrap_or((exception, 443));
        let known = site.figures.destinations.iter().find(|destination| destination.host == host);
        let rule = warning("template.proxy.lint", SECURITY);
        if let Some(destination) = known.filter(|destination| !destination.ports.contains(&port)) {
            let ports = destination.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            found.add(&rule, "proxy.exceptions", format!("`{host}` is reached on port {ports}, not {port}"), "name the port of the list");
        }
    }
}

fn access(found: &mut Found<'_>) {
    let site = found.site;
    if site.route.hops.len() > 2 {
        let message = format!("the way in has {} jumphosts; one, two and a VPN are supported", site.route.hops.len());
        found.add(&warning("access.method", REMOTE), "route.hops", message, "shorten the way in to two jumphosts at most");
    }
    if site.access.longest_window > jiff::SignedDuration::from_hours(24) {
        let message = format!("windows of up to {:#} may be opened", site.access.longest_window);
        found.add(&warning("access.window.bound", REMOTE), "access.longest_window", message, "lower it to a day at most");
    }
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
