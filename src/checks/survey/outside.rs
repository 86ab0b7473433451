//! What is tried from this machine beside the way in: where the names lead, and what should not answer here.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Survey, within};
use crate::checks::catalogue::access::ALLOWLIST;
use crate::checks::catalogue::egress::BROWSER;
use crate::checks::catalogue::network::{CLEAR_HEALTH, ENV_NAMES, LOOKED_UP, RESOLVE, TARGET};
use crate::checks::spec::{CheckSpec, Outcome, Tally};
use crate::site::model::{Node, Site};
use crate::site::profile::Party;

/// Longest wait for what should not answer, or does not have to.
const SHORT: Duration = Duration::from_secs(4);

/// One of the health service's addresses, asked for without its key.
const HEALTH_REQUEST: &[u8] = b"GET /status/memory HTTP/1.0\r\n\r\n";
/// What it answers to that, or to the key: a login is demanded, all is well, all is not, too many at once.
const HEALTH_ANSWERS: [&str; 4] = ["401", "204", "520", "429"];

/// What is tried here and nowhere else.
pub static TABLE: &[&CheckSpec] = &[&ALLOWLIST, &CLEAR_HEALTH, &BROWSER];

/// Tries the nodes' SSH and health ports from here, where they should be silent, and what administrators' browsers need.
pub async fn outside(survey: &Survey<'_>) -> Vec<Outcome> {
    let (nodes, browsers) = futures_util::join!(exposed(survey), browsers(survey));
    [nodes, browsers].concat()
}

async fn exposed(survey: &Survey<'_>) -> Vec<Outcome> {
    let site = survey.site;
    let mut tally = Tally::of("this machine");
    if site.route.hops.is_empty() {
        for spec in [&ALLOWLIST, &CLEAR_HEALTH] {
            tally.not_applicable(spec, "the nodes are reached directly, so that this machine is one of those that may");
        }
        return tally.complete(&[&ALLOWLIST, &CLEAR_HEALTH], "");
    }
    let patience = survey.patience.min(SHORT);
    let mut all: Vec<(&Node, u16, &'static CheckSpec)> = Vec::new();
    for node in &site.nodes {
        all.push((node, node.login.port, &ALLOWLIST));
        all.push((node, site.figures.health.plain_port, &CLEAR_HEALTH));
    }
    let dial = |(node, port, spec): &(&Node, u16, &'static CheckSpec)| {
        let (address, is_ssh) = ((node.login.address.clone(), *port), spec.id == ALLOWLIST.id);
        async move { tokio::time::timeout(patience, speaks(address, is_ssh)).await.unwrap_or_default() }
    };
    let answers = join_all(all.iter().map(dial)).await;
    for ((node, port, spec), answers) in all.into_iter().zip(answers) {
        let place = format!("{} ({}:{port})", node.name, node.login.address);
        if answers {
            let from = "this machine, past the jumphost";
            let fix = format!("ask the firewall team: port {port} of {} may be reached from the addresses that need it alone", node.name);
            tally.found(spec, format!("{place} answers {from}"), fix);
        } else {
            tally.passed(spec, format!("{place} does not answer here"));
        }
    }
    tally.complete(&[&ALLOWLIST, &CLEAR_HEALTH], "not tried")
}

/// Whether SSH, or the health service, speaks there: what accepts connections in a machine's place (a firewall, a proxy) has
/// answers of its own, and says nothing of the machine.
async fn speaks(address: (String, u16), is_ssh: bool) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    if !is_ssh && stream.write_all(HEALTH_REQUEST).await.is_err() {
        return false;
    }
    let mut head = [0; 12];
    let length = if is_ssh { 4 } else { head.len() };
    let Some(head) = head.get_mut(..length) else { return false };
    if stream.read_exact(head).await.is_err() {
        return false;
    }
    let words = String::from_utf8_lossy(head);
    if is_ssh {
        words == "SSH-"
    } else {
        words.split_once(' ').is_some_and(|(version, status)| version.starts_with("HTTP/") && HEALTH_ANSWERS.contains(&status))
    }
}

async fn browsers(survey: &Survey<'_>) -> Vec<Outcome> {
    let mut tally = Tally::of("this machine");
    let destinations = survey.site.figures.destinations.iter().filter(|one| one.from.contains(&Party::Browsers));
    let hosts: Vec<&str> = destinations.map(|one| one.host.as_str()).collect();
    if hosts.is_empty() || survey.site.surroundings.is_restricted {
        tally.not_applicable(&BROWSER, "the dashboard shows nothing from outside");
        return tally.complete(&[&BROWSER], "");
    }
    let patience = survey.patience.min(SHORT);
    let reached = join_all(hosts.iter().map(|host| async move { within(patience, TcpStream::connect((*host, 443))).await.is_ok() })).await;
    let missed: Vec<&str> = hosts.iter().zip(&reached).filter(|(_, reached)| !**reached).map(|(host, _)| *host).collect();
    if missed.is_empty() {
        tally.passed(&BROWSER, hosts.join(", "));
    } else {
        let message = format!("not reached directly from this machine: {}", missed.join(", "));
        let fix =
            "see that administrators' machines reach them (by their proxy, where they have one): the dashboard looks broken otherwise";
        tally.found(&BROWSER, message, fix);
    }
    tally.complete(&[&BROWSER], "not tried")
}

/// What the site's names were found to mean here, against where they must lead. `known`: each name that resolved.
pub(super) fn targets(site: &Site, known: &[(String, Vec<IpAddr>)], balancer: &[IpAddr], tally: &mut Tally) {
    let single = site.nodes.first().filter(|_| site.nodes.len() == 1).and_then(|node| node.login.address.parse().ok());
    let expected: Vec<IpAddr> = if site.load_balancer.is_some() { balancer.to_vec() } else { single.into_iter().collect() };
    let wanted = site.load_balancer.as_ref().map_or("the node's address", |balancer| balancer.address.as_str());
    if known.is_empty() {
        tally.could_not_run(&TARGET, "none of the names is known here");
    } else if expected.is_empty() {
        tally.not_applicable(&TARGET, "the site file does not say where the names must lead, or not by an address known here");
    }
    for (name, addresses) in known.iter().filter(|_| !expected.is_empty()) {
        let shown = addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
        if addresses.iter().all(|address| expected.contains(address)) {
            tally.passed(&TARGET, format!("{name}: {shown}"));
        } else {
            let message = format!("{name} leads to {shown}, not to {wanted}");
            tally.found(&TARGET, message, format!("ask the DNS team: {name} must lead to {wanted}"));
        }
    }
    other_environments(site, known, tally);
}

fn other_environments(site: &Site, known: &[(String, Vec<IpAddr>)], tally: &mut Tally) {
    let others = &site.surroundings.other_environments;
    if others.iter().all(|other| other.addresses.is_empty()) {
        return tally.not_applicable(&ENV_NAMES, "no address of another environment is named under `other_environments`");
    }
    if known.is_empty() {
        return tally.could_not_run(&ENV_NAMES, "none of the names is known here");
    }
    for (name, addresses) in known {
        let shared = others.iter().find(|other| addresses.iter().any(|address| other.addresses.contains(&address.to_string())));
        match shared {
            Some(other) => {
                let message = format!("{name} leads to a machine of the environment `{}`", other.name);
                tally.found(&ENV_NAMES, message, "give each environment addresses of its own, and correct the record");
            }
            None => tally.passed(&ENV_NAMES, name.clone()),
        }
    }
}

/// The checks of names that are looked up here.
pub(super) fn unresolved(tally: &mut Tally) {
    for spec in LOOKED_UP.iter().filter(|spec| spec.id != RESOLVE.id) {
        tally.not_applicable(spec, "the site file names no DNS name");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::spec::findings;

    fn judged(more: &str, address: &str) -> Vec<String> {
        let text = format!("site: a\nenvironment: qa\nroute: {{vpn: true}}\nnodes: [{{name: a0-1, address: 10.0.0.1}}]\n{more}");
        let site = crate::site::parse(&text, std::path::Path::new("site.yaml")).unwrap();
        let known = [("manage.corp.example".to_owned(), vec![address.parse().unwrap()])];
        let mut tally = Tally::of("this machine");
        targets(&site, &known, &["10.0.0.9".parse().unwrap()], &mut tally);
        findings(&tally.complete(LOOKED_UP, "")).into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn names_lead_to_the_balancer_or_the_single_node_and_nowhere_else() {
        assert_eq!(judged("", "10.0.0.1"), Vec::<String>::new());
        assert_eq!(judged("", "10.0.0.2"), ["dns.target"]);
        assert_eq!(judged("load_balancer: {address: 10.0.0.9}\n", "10.0.0.9"), Vec::<String>::new());
        assert_eq!(judged("load_balancer: {address: 10.0.0.9}\n", "10.0.0.1"), ["dns.target"]);
        let shared = "load_balancer: {address: 10.0.0.9}\nother_environments: [{name: dev, addresses: [10.0.0.9]}]\n";
        assert_eq!(judged(shared, "10.0.0.9"), ["dns.env.isolation"]);
    }
}
