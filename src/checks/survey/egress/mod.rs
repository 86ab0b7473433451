//! The way out of a node: each destination that the site names, through its proxy or past it.

use futures_util::future::join_all;

mod destinations;

use super::{Survey, within};
use crate::checks::services::proxy::{CHECKS, Destination, ProxyReport, examine, examine_direct, unreachable};
use crate::checks::services::reach::Unreached;
use crate::checks::spec::{Outcome, Tally};
use crate::node::Probe;
use crate::site::model::{Node, ProxyKind, Site};

/// One place to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
}

/// Tries every exception of the site and every destination of its profile from the node, all at once.
pub(super) async fn exceptions<P: Probe>(node: &Node, machine: &P, survey: &Survey<'_>, with_destinations: bool) -> Vec<Outcome> {
    let site = survey.site;
    let named: Vec<Place> = site.proxy.exceptions.iter().map(|exception| place(exception)).collect();
    let needed = if with_destinations { destinations::needed(node, site) } else { Vec::new() };
    let mut places = named.clone();
    for destination in &needed {
        let place = Place { host: destination.host.clone(), port: destination.port };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let reports = join_all(places.iter().map(|place| one(place, node, machine, survey))).await;
    let mut outcomes = Vec::new();
    if named.is_empty() {
        let mut tally = Tally::of(&node.name);
        for spec in CHECKS {
            tally.not_applicable(spec, "the site file names no destination under `proxy.exceptions`");
        }
        outcomes.extend(tally.complete(CHECKS, ""));
    }
    for (_, report) in places.iter().zip(&reports).filter(|(place, _)| named.contains(place)) {
        outcomes.extend(report.outcomes.iter().cloned());
    }
    if with_destinations {
        let seen = places.iter().zip(&reports);
        let seen: Vec<_> = seen.map(|(place, report)| ((place.host.as_str(), place.port), report, named.contains(place))).collect();
        outcomes.extend(destinations::judge(node, site, &needed, &seen));
    }
    outcomes
}

async fn one<P: Probe>(place: &Place, node: &Node, machine: &P, survey: &Survey<'_>) -> ProxyReport {
    let site = survey.site;
    let sources: Vec<String> = site.nodes.iter().map(|node| node.login.address.clone()).collect();
    let proxy = explicit_proxy(site);
    let shown = proxy.as_ref().map(|(host, port)| format!("{host}:{port}"));
    let asked = Destination {
        origin: &node.name,
        sources: &sources,
        proxy: shown.as_deref(),
        host: &place.host,
        port: place.port,
        public: &survey.trust.public,
        own_roots: &survey.trust.own,
        proxy_roots: &survey.trust.proxy,
        now: survey.now,
        patience: survey.patience,
    };
    let (to, at) = proxy.as_ref().map_or((place.host.as_str(), place.port), |(host, port)| (host.as_str(), *port));
    match within(survey.patience, machine.connect_tcp(to, at)).await {
        Ok(stream) if proxy.is_some() => examine(stream, &asked).await,
        Ok(stream) => examine_direct(stream, &asked).await,
        Err(Some(error)) => unreachable(&asked, &Unreached::from_remote(&error, to, survey.patience)),
        Err(None) => unreachable(&asked, &Unreached::Filtered { after: survey.patience }),
    }
}

/// The site's explicit proxy.
pub(super) fn explicit_proxy(site: &Site) -> Option<(String, u16)> {
    let proxy = &site.proxy;
    let url = proxy.url.as_deref().filter(|_| proxy.kind == ProxyKind::Explicit)?;
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split('/').next().unwrap_or(rest);
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    Some(host_and_port(address, if scheme == "https" { 443 } else { 80 }))
}

fn place(text: &str) -> Place {
    let (host, port) = host_and_port(text, 443);
    Place { host, port }
}

pub(super) fn host_and_port(text: &str, default: u16) -> (String, u16) {
    let parsed = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    // A colon within brackets belongs to the address.
    let parsed = parsed.filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let (host, port) = parsed.unwrap_or((text, default));
    (host.trim_start_matches('[').trim_end_matches(']').to_owned(), port)
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn a_destination_s_port_is_443_unless_it_is_given() {
        for (text, expected) in [
            ("cdn.example.com", ("cdn.example.com", 443)),
            ("cdn.example.com:8443", ("cdn.example.com", 8443)),
            ("[2001:db8::1]:8443", ("2001:db8::1", 8443)),
            ("2001:db8::1", ("2001:db8::1", 443)),
        ] {
            assert_eq!(host_and_port(text, 443), (expected.0.to_owned(), expected.1));
        }
    }
}
