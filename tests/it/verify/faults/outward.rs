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

#[test]
fn destinations_that_are_not_required_are_told_where_the_proxy_bars_them_and_pass_once_it_does_not() {
    let turn = turn();
    let own = "profile_overrides:\n  destinations:\n    - {host: www.example.net, ports: [443], from: [nodes], purpose: own mirror, required: false}\n    \
               - {host: www.maxmind.com, check: maxmind, ports: [443], from: [nodes], purpose: places, required: false, feature: geoip}\n    \
               - {host: github.com, check: github, ports: [443], from: [nodes], purpose: samples, required: false}\n";
    let site = format!("{}features: [geoip]\n", turn.site.replace("profile_overrides:\n", own));
    let ask = ["check", "--only", "egress", "--limit", "a0-1"];
    let ill = turn.events_on(&site, &ask);
    turn.except_also("github.com www.maxmind.com www.example.net");
    let well = turn.events_on(&site, &ask);
    turn.mend_exceptions();
    assert_provoked(&["egress.github"], "github.com:443 from a0-1", &ill, &well);
    assert_provoked(&["egress.maxmind"], "www.maxmind.com:443 from a0-1", &ill, &well);
    assert_provoked(&["egress.other"], "www.example.net:443 from a0-1", &ill, &well);
    assert!(ill.told("egress.other").contains("without authentication"), "{}", ill.told("egress.other"));
}
