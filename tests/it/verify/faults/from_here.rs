//! What is looked up and tried from the operator's machine: here it knows names, as a machine in the customer's network does.

use std::net::TcpListener;

use super::{Fault, assert_provoked, finds, turn, with};
use crate::checks::peers::nginx_in_clear;

const NAMES: &str =
    "manage.acme.lab.example config.acme.lab.example webtask.acme.lab.example identity.acme.lab.example partners.acme.lab.example";

#[test]
fn names_that_are_unknown_lead_elsewhere_or_to_another_environment_are_told_apart() {
    let turn = turn();
    let site = with(&turn, "load_balancer: {address: 10.77.0.11, port: 443}\nother_environments: [{name: dev, addresses: [10.99.0.1]}]\n");
    let ask = ["check", "--only", "dns"];
    let unknown = turn.events_where("127.0.0.1 localhost\n", &site, &ask);
    let right = turn.events_where(&format!("10.77.0.11 {NAMES}\n"), &site, &ask);
    let elsewhere = turn.events_where(&format!("10.88.0.1 {NAMES}\n"), &site, &ask);
    let theirs = turn.events_where(&format!("10.99.0.1 {NAMES}\n"), &site, &ask);
    assert_provoked(&["dns.resolve"], "this machine", &unknown, &right);
    assert_provoked(&["dns.target"], "this machine", &elsewhere, &right);
    assert_provoked(&["dns.env.isolation"], "this machine", &theirs, &right);
    assert!(!finds(&elsewhere, "dns.env.isolation", ""), "{}", elsewhere.stdout);
    assert!(unknown.told("dns.resolve").contains("manage.acme.lab.example"), "{}", unknown.told("dns.resolve"));
}

#[test]
fn what_administrators_browsers_need_is_tried_from_this_machine() {
    let turn = turn();
    // Port 443 of an address of loopback that nobody else has.
    let own = format!("127.88.{}.{}", std::process::id() / 256 % 256, std::process::id() % 256);
    let names = "cdn.auth0.com fonts.googleapis.com s.gravatar.com i2.wp.com fast.fonts.net";
    let (hosts, ask) = (format!("{own} {names}\n"), ["check", "--only", "egress.admin.browser"]);
    let barred = turn.events_where(&hosts, &turn.site, &ask);
    let listener = TcpListener::bind((own.as_str(), 443)).unwrap();
    let open = turn.events_where(&hosts, &turn.site, &ask);
    drop(listener);
    assert_provoked(&["egress.admin.browser"], "this machine", &barred, &open);
    assert!(barred.told("egress.admin.browser").contains("fonts.googleapis.com"), "{}", barred.told("egress.admin.browser"));
}

#[test]
fn a_health_address_that_anybody_reaches_is_found() {
    let turn = turn();
    let health = nginx_in_clear("location /status/ { return 401; } location / { return 404; }");
    // Loopback stands for a node that this machine reaches past the jumphost.
    let site = turn.site.replacen("address: 10.77.0.11", "address: 127.0.0.1", 1);
    let site = site.replace("profile_overrides:\n", &format!("profile_overrides:\n  health: {{plain_port: {}}}\n", health.port));
    let ask = ["check", "--only", "health.9110.exposed"];
    let ill = turn.events_on(&site, &ask);
    drop(health);
    let well = turn.events_on(&site, &ask);
    assert_provoked(&["health.9110.exposed"], "this machine", &ill, &well);
}

#[test]
fn a_node_in_another_segment_than_its_peers_is_told() {
    let turn = turn();
    let link = "$(ip -o -4 addr show to 10.77.0.13 | awk '{print $2; exit}')";
    let make = format!(
        "l={link}; ip addr add 10.77.0.13/31 dev $l; ip route add 10.77.0.0/24 dev $l src 10.77.0.13 metric 5; ip addr del 10.77.0.13/24 dev $l"
    );
    let undo = "l=$(ip -o -4 addr show to 10.77.0.13 | awk '{print $2; exit}'); ip addr add 10.77.0.13/24 dev $l; \
                ip addr del 10.77.0.13/31 dev $l; ip route del 10.77.0.0/24 dev $l metric 5";
    let fault = Fault::on(&turn, "a0-3", &make, undo);
    let ill = turn.events(&["check", "--only", "node.segment"]);
    drop(fault);
    let well = turn.events(&["check", "--only", "node.segment"]);
    assert_provoked(&["node.segment"], "a0-3", &ill, &well);
    assert!(ill.told("node.segment").contains("a0-1") && !finds(&ill, "node.segment", "a0-1"), "{}", ill.stdout);
}
