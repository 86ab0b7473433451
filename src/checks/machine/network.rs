//! The cluster's network as a node sees it: its table of addresses, its peers' answers, its segment.

use std::net::IpAddr;

use super::not_seen;
use crate::checks::catalogue::network::{HOSTS, PING, ROUND_TRIP, SEGMENT};
use crate::checks::spec::{CheckSpec, Outcome, Tally};
use crate::finding::Severity;
use crate::node::Facts;
use crate::site::model::{Node, Platform, Role, Site};

static TABLE: &[&CheckSpec] = &[&HOSTS, &PING, &ROUND_TRIP];

/// Judges a node's table of addresses and its peers' answers.
pub fn network(node: &Node, facts: &Facts, site: &Site) -> Vec<Outcome> {
    let mut tally = Tally::of(&node.name);
    let peers: Vec<&Node> = site.nodes.iter().filter(|peer| peer.name != node.name && peer.role != Role::Connector).collect();
    if peers.is_empty() {
        for spec in TABLE {
            tally.not_applicable(spec, "the site has one node");
        }
        return tally.complete(TABLE, "");
    }
    hosts(facts, site, &mut tally);
    for peer in &peers {
        ping(peer, facts, site, &mut tally);
    }
    tally.complete(TABLE, &not_seen(facts))
}

fn hosts(facts: &Facts, site: &Site, tally: &mut Tally) {
    let mut known = 0;
    for line in facts.seen("hosts") {
        let mut words = line.split_whitespace();
        let Some(address) = words.next().and_then(|address| address.parse::<IpAddr>().ok()) else { continue };
        for node in words.filter_map(|name| site.node(name)) {
            let Ok(own) = node.login.address.parse::<IpAddr>() else { continue };
            // Debian writes a machine's own name beside 127.0.1.1.
            if address.is_loopback() {
                continue;
            }
            known += 1;
            if own != address {
                let message = format!("/etc/hosts says that {} is at {address}; the site file says {own}", node.name);
                tally.found(&HOSTS, message, format!("correct /etc/hosts (on the appliance: `re-ip`), or the address of {}", node.name));
            }
        }
    }
    if facts.seen("hosts").next().is_some() {
        tally.passed(&HOSTS, format!("{known} of the site's nodes stand in /etc/hosts"));
    }
}

fn ping(peer: &Node, facts: &Facts, site: &Site, tally: &mut Tally) {
    let answer = facts.seen("ping").filter_map(|line| line.split_once(' ')).find(|(address, _)| *address == peer.login.address);
    let Some((_, answer)) = answer else { return };
    let Ok(millis) = answer.parse::<f64>() else {
        if answer == "none" {
            let fix = "allow ICMP echo between the nodes: the appliance calls its network ill without it";
            tally.found(&PING, format!("{} does not answer its ping", peer.name), fix);
            tally.could_not_run(&ROUND_TRIP, "a peer does not answer the ping that would be timed");
        }
        return;
    };
    tally.passed(&PING, format!("{}: {millis} ms", peer.name));
    let most = site.figures.topology.geo_round_trip_ms;
    #[expect(clippy::cast_precision_loss, reason = "a round trip in milliseconds is a small number")]
    let is_far = millis > most as f64;
    if is_far {
        let message = format!("{} is {millis} ms away; {most} ms are the most", peer.name);
        tally.found_as(
            Severity::Error,
            &ROUND_TRIP,
            message,
            "choose places nearer to each other, or find out what delays the way between them",
        );
    } else {
        tally.passed(&ROUND_TRIP, format!("{}: {millis} ms", peer.name));
    }
}

/// Whether all nodes stand in the segment of this one.
pub fn segment(node: &Node, facts: &Facts, site: &Site) -> Vec<Outcome> {
    let mut tally = Tally::of(&node.name);
    let own = node.login.address.parse::<IpAddr>().ok();
    let networks = facts.seen("address").filter_map(|line| line.split(' ').nth(1)?.parse::<ipnet::IpNet>().ok());
    let network = networks.into_iter().find(|network| Some(network.addr()) == own);
    let machines = site.nodes.iter().filter(|peer| peer.role == Role::Node).count();
    if matches!(site.surroundings.platform, Some(Platform::Aws | Platform::Azure))
        || machines < 2
        || machines > site.figures.topology.production_nodes
    {
        tally.not_applicable(&SEGMENT, "one node, a cloud's zones, or several places need no common segment");
    } else if let Some(network) = network {
        let is_outside = |peer: &&Node| peer.login.address.parse::<IpAddr>().is_ok_and(|address| !network.contains(&address));
        let outside: Vec<&str> =
            site.nodes.iter().filter(|peer| peer.role == Role::Node).filter(is_outside).map(|peer| peer.name.as_str()).collect();
        if outside.is_empty() {
            tally.passed(&SEGMENT, network.trunc().to_string());
        } else {
            let message = format!("{} stand outside its segment {}", outside.join(", "), network.trunc());
            tally.found(&SEGMENT, message, "put all nodes of a cluster into one segment");
        }
    } else if own.is_none() {
        tally.not_applicable(&SEGMENT, "the site file names the node by a name, which tells no segment");
    } else if facts.seen("address").next().is_some() {
        tally.not_applicable(&SEGMENT, "the address of the site file is translated on the way to the node");
    }
    tally.complete(&[&SEGMENT], &not_seen(facts))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, ids, site};
    use super::*;

    #[test]
    fn a_table_that_contradicts_and_peers_that_are_silent_or_far_are_found() {
        let site = site("");
        let judged = |seen: &[(&str, &str)]| ids(&network(&site.nodes[0], &facts(seen), &site));
        let (near, other) = (("ping", "10.0.0.2 0.4"), ("ping", "10.0.0.3 0.5"));
        assert_eq!(judged(&[("hosts", "127.0.1.1 a0-1"), ("hosts", "10.0.0.2 a0-2"), near, other]), Vec::<String>::new());
        assert_eq!(judged(&[("hosts", "10.0.1.2 a0-2"), near, other]), ["cluster.hosts"]);
        assert_eq!(judged(&[("hosts", "10.0.0.2 a0-2"), ("ping", "10.0.0.2 none"), other]), ["cluster.icmp"]);
        assert_eq!(judged(&[("hosts", "10.0.0.2 a0-2"), ("ping", "10.0.0.2 180.5"), other]), ["cluster.rtt"]);
    }

    #[test]
    fn a_node_in_another_segment_is_named() {
        let site = site("");
        let judged = |address: &str| ids(&segment(&site.nodes[0], &facts(&[("address", address)]), &site));
        assert_eq!(judged("ens3 10.0.0.1/24 static"), Vec::<String>::new());
        assert_eq!(judged("ens3 10.0.0.1/31 static"), ["node.segment"]);
    }
}
