//! The way out, and what should not be reached from here.

use super::{assert_provoked, finds, turn};

#[test]
fn destinations_that_are_not_reached_past_a_transparent_proxy_are_found_one_by_one() {
    let turn = turn();
    // Without the explicit proxy the nodes have no way out at all.
    let site = turn.site.replace("kind: explicit, url: \"http://proxy.lab.example:3128\"", "kind: transparent");
    assert_ne!(site, turn.site);
    // What is an exception has checks of its own.
    let (before, rest) = site.split_once("exceptions: [").unwrap();
    let site = format!("{before}exceptions: [{}", &rest[rest.find(']').unwrap()..]);
    let ill = turn.events_on(&site, &["check", "--only", "egress", "--timeout", "5s"]);
    let well = turn.events(&["check", "--only", "egress"]);
    for id in ["egress.apt", "egress.docker", "egress.cdn", "egress.gateway"] {
        assert!(finds(&ill, id, ""), "{id}: {}", ill.stdout);
        assert!(!finds(&well, id, ""), "{id}: {}", well.stdout);
    }
}

#[test]
fn ssh_that_answers_past_the_jumphost_is_found() {
    let turn = turn();
    // The jumphost's own door stands for a node that anybody reaches.
    let site = turn.site.replacen("address: 10.77.0.11", &format!("address: {}", turn.lab.jump_address().ip()), 1);
    let ill = turn.events_on(&site, &["check", "--only", "access.allowlist"]);
    let well = turn.events(&["check", "--only", "access.allowlist"]);
    assert_provoked(&["access.allowlist"], "this machine", &ill, &well);
}
