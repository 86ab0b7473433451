//! The destinations that the profile names: what the way to each has shown, as one verdict a destination.

use crate::checks::catalogue::egress::{APT, CDN, DOCKER, GATEWAY, GITHUB, MAXMIND, OF_NODES, OTHER};
use crate::checks::services::proxy::ProxyReport;
use crate::checks::spec::{CheckSpec, Outcome, Tally, Verdict};
use crate::finding::Severity;
use crate::site::model::{Node, Role, Site};
use crate::site::profile::{Destination, Party};

/// A destination that a node has to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needed {
    pub(super) host: String,
    pub(super) port: u16,
    spec: &'static CheckSpec,
    purpose: String,
    is_required: bool,
}

fn spec_of(destination: &Destination) -> &'static CheckSpec {
    match destination.check.as_deref() {
        Some("apt") => &APT,
        Some("docker") => &DOCKER,
        Some("gateway") => &GATEWAY,
        Some("cdn") => &CDN,
        Some("github") => &GITHUB,
        Some("maxmind") => &MAXMIND,
        Some(_) | None => &OTHER,
    }
}

/// What a node has to reach: nothing of a feature that is not in use, nothing where the site is kept from the internet.
pub(super) fn needed(node: &Node, site: &Site) -> Vec<Needed> {
    if site.surroundings.is_restricted || node.role != Role::Node {
        return Vec::new();
    }
    let is_asked = |destination: &&Destination| {
        let is_used = destination.feature.as_ref().is_none_or(|feature| site.surroundings.uses(feature));
        destination.from.contains(&Party::Nodes) && is_used
    };
    let of_one = |destination: &Destination| {
        let one = |port: &u16| Needed {
            host: destination.host.clone(),
            port: *port,
            spec: spec_of(destination),
            purpose: destination.purpose.clone(),
            is_required: destination.required,
        };
        destination.ports.iter().map(one).collect::<Vec<_>>()
    };
    site.figures.destinations.iter().filter(is_asked).flat_map(of_one).collect()
}

/// The verdict of each destination, from what the way to it has shown; `told`: the proxy's own checks speak of it already.
pub(super) fn judge(node: &Node, site: &Site, needed: &[Needed], seen: &[((&str, u16), &ProxyReport, bool)]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for destination in needed {
        let report = seen.iter().find(|((host, port), ..)| *host == destination.host && *port == destination.port);
        if let Some((_, report, told)) = report {
            let mut tally = Tally::of(&format!("{}:{} from {}", destination.host, destination.port, node.name));
            one(destination, report, *told, &mut tally);
            outcomes.extend(tally.complete(&[destination.spec], "not tried"));
        }
    }
    let why = if site.surroundings.is_restricted { "the site is kept from the internet" } else { "the site does not use it" };
    let mut others = Tally::of(&node.name);
    for spec in OF_NODES.iter().filter(|spec| !needed.iter().any(|one| one.spec.id == spec.id)) {
        others.not_applicable(spec, why);
    }
    outcomes.extend(others.complete(&[], ""));
    outcomes
}

fn one(destination: &Needed, report: &ProxyReport, told: bool, tally: &mut Tally) {
    let place = format!("{}:{}", destination.host, destination.port);
    let findings = report.findings();
    let worst = findings.iter().filter(|finding| finding.severity != Severity::Info).max_by_key(|finding| finding.severity);
    match worst {
        None => {
            let signer = report.issuer.as_ref().map_or_else(String::new, |issuer| format!(", signed by {issuer}"));
            let is_reached = report.outcomes.iter().any(|outcome| outcome.spec.id == "proxy.passed" && outcome.verdict == Verdict::Passed);
            if is_reached {
                tally.passed(destination.spec, format!("{place}{signer}"));
            } else {
                tally.could_not_run(destination.spec, format!("{place}: nothing told whether it was reached"));
            }
        }
        Some(finding) if told && finding.severity == Severity::Error => {
            tally.could_not_run(destination.spec, format!("{} has found why it is not reached", finding.id));
        }
        Some(finding) => {
            let severity = if destination.is_required { finding.severity } else { finding.severity.min(destination.spec.severity) };
            let message = format!("{place} ({}) is not reached as it must be: {}", destination.purpose, finding.message);
            tally.found_as(severity, destination.spec, message, finding.fix.clone());
        }
    }
}
