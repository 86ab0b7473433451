//! The way out: the proxy, and each destination that the appliance or its administrators need.

use super::{CheckSpec, Moment, Team, Vantage};
use crate::finding::Severity;

const SOURCE: &str = "Security and Access: proxies";
const PORTS: &str = "IP address, domain and port list";

const fn spec(id: &'static str, title: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, SOURCE).at(Vantage::Node).ask(Team::Proxy).when(Moment::Always)
}

/// The proxy, or where there is none the destination, can be reached.
pub static UNREACHABLE: CheckSpec = spec("proxy.unreachable", "The proxy accepts the connection")
    .ask(Team::Network)
    .mend("let the nodes connect to the proxy, or where there is none to the destination");
/// No login is demanded.
pub static AUTH: CheckSpec = spec("proxy.auth", "The proxy lets the nodes through without a login")
    .mend("make an exception for the nodes' addresses: the finding holds it for squid, for a PAC file and in words");
/// Nothing else is refused.
pub static REFUSED: CheckSpec = spec("proxy.refused", "The proxy connects to the destination").mend("let the proxy reach the destination");
/// TLS reaches the destination unopened.
pub static INTERCEPTED: CheckSpec =
    spec("proxy.intercepted", "Nobody opens TLS on the way").mend("do not open TLS to this destination for the nodes");
/// The destination answers.
pub static PASSED: CheckSpec =
    spec("proxy.passed", "The destination itself answers, by its name").mend("see who answers in the destination's place");
/// Programs read lists of exceptions differently.
pub static NO_PROXY: CheckSpec = spec("proxy.no-proxy", "Every program on the nodes reads the list of direct hosts alike")
    .of(Severity::Info)
    .at(Vantage::Here)
    .ask(Team::Operator)
    .when(Moment::Before)
    .mend("name hosts and `.domains`; networks are read by few programs");

/// All checks of the way past a proxy, in the order in which they are met.
pub static CHECKS: &[&CheckSpec] = &[&UNREACHABLE, &AUTH, &REFUSED, &INTERCEPTED, &PASSED, &NO_PROXY];
/// Those of one destination.
pub static PASSAGE: &[&CheckSpec] = &[&UNREACHABLE, &AUTH, &REFUSED, &INTERCEPTED, &PASSED];

const fn destination(id: &'static str, title: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, PORTS)
        .at(Vantage::Node)
        .ask(Team::Network)
        .mend("let the nodes reach it on port 443, without a login and without opening its TLS")
}

/// Packages.
pub static APT: CheckSpec = destination("egress.apt", "The nodes reach the package mirror");
/// Container images.
pub static DOCKER: CheckSpec = destination("egress.docker", "The nodes reach the image registry");
/// Telemetry.
pub static GATEWAY: CheckSpec = destination("egress.gateway", "The nodes reach the vendor's gateway");
/// Extensions.
pub static CDN: CheckSpec = destination("egress.cdn", "The nodes reach the content network");
/// Samples.
pub static GITHUB: CheckSpec = destination("egress.github", "The nodes reach GitHub, for sample applications").of(Severity::Info);
/// Places.
pub static MAXMIND: CheckSpec = destination("egress.maxmind", "The nodes reach MaxMind, for places of addresses").of(Severity::Warning);
/// Anything else that a profile names.
pub static OTHER: CheckSpec = destination("egress.other", "The nodes reach the further destinations of the profile").of(Severity::Warning);
/// Administrators' browsers.
pub static BROWSER: CheckSpec = destination("egress.admin.browser", "An administrator's browser reaches what the dashboard shows")
    .of(Severity::Info)
    .at(Vantage::Here)
    .mend("let administrators' machines reach it; the dashboard looks broken otherwise");

/// The destinations.
pub static DESTINATIONS: &[&CheckSpec] = &[&APT, &DOCKER, &GATEWAY, &CDN, &GITHUB, &MAXMIND, &OTHER, &BROWSER];
/// Those that nodes must reach.
pub static OF_NODES: &[&CheckSpec] = &[&APT, &DOCKER, &GATEWAY, &CDN, &GITHUB, &MAXMIND, &OTHER];
