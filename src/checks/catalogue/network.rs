//! Names and ports: who must find and reach whom.

use super::{CheckSpec, Team, Vantage};
use crate::finding::Severity;

const PORTS: &str = "IP address, domain and port list";

const fn spec(id: &'static str, title: &'static str, source: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, source).at(Vantage::Node).ask(Team::Network)
}

const fn dns(id: &'static str, title: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, "DNS").ask(Team::Dns)
}

/// DNS from here.
pub static RESOLVE: CheckSpec = dns("dns.resolve", "The site's names are known here")
    .of(Severity::Warning)
    .mend("have the names entered; they lead to the load balancer");
/// Where the names lead.
pub static TARGET: CheckSpec = dns("dns.target", "The site's names lead to the load balancer, or to the single node")
    .of(Severity::Warning)
    .mend("have the records point to the load balancer's address");
/// Environments apart.
pub static ENV_NAMES: CheckSpec = dns("dns.env.isolation", "The site's names lead to no machine of another environment")
    .mend("give each environment addresses of its own");
/// DNS from the nodes.
pub static NODE_NAMES: CheckSpec = dns("dns.nodes", "The site's names are known on the nodes, and mean the same there")
    .of(Severity::Warning)
    .at(Vantage::Node)
    .mend("have the nodes' resolvers know the names");
/// The resolvers themselves.
pub static RESOLVERS: CheckSpec = spec("egress.dns", "Every resolver of a node answers", PORTS)
    .ask(Team::Dns)
    .mend("let the nodes reach the resolvers on port 53, UDP and TCP");
/// The nodes' own table.
pub static HOSTS: CheckSpec = spec("cluster.hosts", "The nodes' tables of addresses do not contradict the site", "Nodes' addresses")
    .ask(Team::Machines)
    .mend("correct /etc/hosts: `re-ip` on the appliance");
/// One segment.
pub static SEGMENT: CheckSpec = spec("node.segment", "All nodes stand in one network segment", "Network")
    .of(Severity::Warning)
    .mend("put the nodes into one subnet; on AWS they may be in several availability zones");
/// Ports between nodes.
pub static CLUSTER_PORTS: CheckSpec =
    spec("cluster.ports", "The nodes reach each other on the cluster's ports", PORTS).mend("open the ports between all nodes, both ways");
/// Ping.
pub static PING: CheckSpec =
    spec("cluster.icmp", "The nodes answer each other's ping", PORTS).of(Severity::Warning).mend("allow ICMP echo between the nodes");
/// Round trip.
pub static ROUND_TRIP: CheckSpec =
    spec("cluster.rtt", "The nodes are near enough to each other", "Geo high availability").mend("bring the places nearer to each other");
/// Back in by the front door.
pub static HAIRPIN: CheckSpec = spec("cluster.hairpin", "The nodes reach the load balancer's address", PORTS)
    .mend("permit the nodes to connect to the load balancer (hairpin NAT)");
/// Environments apart.
pub static ENV_PORTS: CheckSpec =
    spec("env.isolation", "The nodes reach no machine of another environment", "Network").mend("keep the environments' networks apart");
/// Health in clear.
pub static CLEAR_HEALTH: CheckSpec = spec("health.9110.exposed", "The health address in clear answers the monitoring alone", PORTS)
    .of(Severity::Warning)
    .at(Vantage::Here)
    .mend("let port 9110 be reached from the monitoring's addresses alone");

/// What each node's own look tells.
pub static SURVEYED: &[&CheckSpec] = &[&NODE_NAMES, &RESOLVERS, &HOSTS, &PING, &ROUND_TRIP];
/// What is tried from each node.
pub static TRIED: &[&CheckSpec] = &[&CLUSTER_PORTS, &HAIRPIN, &ENV_PORTS];
/// What is looked up here.
pub static LOOKED_UP: &[&CheckSpec] = &[&RESOLVE, &TARGET, &ENV_NAMES];
/// All checks of this subject.
pub static CHECKS: &[&CheckSpec] = &[
    &RESOLVE,
    &TARGET,
    &ENV_NAMES,
    &NODE_NAMES,
    &RESOLVERS,
    &HOSTS,
    &SEGMENT,
    &CLUSTER_PORTS,
    &PING,
    &ROUND_TRIP,
    &HAIRPIN,
    &ENV_PORTS,
    &CLEAR_HEALTH,
];
