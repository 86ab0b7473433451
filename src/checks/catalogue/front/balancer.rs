//! The load balancer, as users meet it once the appliance runs.

use super::{CheckSpec, Moment, Team};
use crate::finding::Severity;

const fn spec(id: &'static str, title: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, "Network: load balancer").ask(Team::LoadBalancer).when(Moment::After)
}

/// Port 443.
pub static TCP: CheckSpec = spec("lb.tcp", "The load balancer accepts users' connections")
    .ask(Team::Network)
    .mend("let users reach the load balancer on its port, and see that it runs");
/// A chain for each name.
pub static HOST: CheckSpec = spec("lb.host", "The load balancer serves every name with its certificate")
    .mend("have it serve the site's certificate, or pass TLS through, for every name");
/// Health.
pub static TESTALL: CheckSpec = spec("lb.testall", "The appliance answers through the load balancer")
    .mend("see the load balancer's view of its nodes: at least one must answer `/testall` with 200");
/// Websockets.
pub static WEBSOCKET: CheckSpec = spec("lb.ws", "Websockets pass the load balancer, for connectors")
    .of(Severity::Warning)
    .mend("have it pass `Upgrade` and `Connection`, over HTTP/1.1");
/// Plain HTTP.
pub static PLAIN_HTTP: CheckSpec =
    spec("lb.plain-http", "Plain HTTP is not served to users, or leads to HTTPS").mend("redirect port 80 to HTTPS, or close it");
/// Old versions.
pub static OLD_VERSIONS: CheckSpec = spec("tls.version", "TLS 1.0 and 1.1 are refused")
    .of(Severity::Warning)
    .mend("switch TLS 1.0 and 1.1 off: `ssl_protocols TLSv1.2 TLSv1.3;`");

/// All checks of this subject.
pub static CHECKS: &[&CheckSpec] = &[&TCP, &HOST, &TESTALL, &WEBSOCKET, &PLAIN_HTTP, &OLD_VERSIONS];
