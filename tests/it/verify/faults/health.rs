//! What the appliance says of its own health, and the TLS versions that its nodes speak: asked over the lab's real nginx.

use super::{Fault, NO_MORE, assert_provoked, serving, turn, with};

const PROBES: [&str; 8] = [
    "health.memory",
    "health.disk",
    "health.services",
    "health.network",
    "health.internet",
    "health.email",
    "health.db",
    "health.replicaset",
];

#[test]
fn what_the_appliance_finds_wrong_with_itself_is_told_probe_by_probe() {
    let turn = turn();
    let key = turn.write("health.key", "health-key");
    let site = with(&turn, &format!("health_key: \"file:{}\"\n", key.display()));
    let verify = || turn.events_on(&site, &["verify", "--no-mail", "--limit", "a0-1"]);
    let answers = |status: u16, clock: &str| {
        let each = PROBES.map(|probe| format!("location = /health/status/{} {{ return {status}; }}\n", &probe[7..])).concat();
        format!("location = /testall {{ return 200 \"OK\"; }}\nlocation = /test {{ {clock} }}\n{each}")
    };
    let fault = Fault::on(&turn, "a0-1", &serving(&answers(520, "return 200 '{\"clock\": 1500000000000}';")), NO_MORE);
    let ill = verify();
    // nginx knows the time in seconds with a point; the appliance tells milliseconds.
    let right = "if ($msec ~ \"^([0-9]+)[.]([0-9]+)$\") { return 200 '{\"clock\": $1$2}'; }";
    turn.shell("a0-1", &serving(&answers(204, right)));
    let well = verify();
    assert_provoked(&PROBES, "a0-1", &ill, &well);
    assert_provoked(&["health.test"], "a0-1", &ill, &well);
    assert!(ill.told("health.test").contains("clock is off"), "{}", ill.told("health.test"));

    turn.shell("a0-1", &serving("location = /testall { return 200 \"OK\"; } location /health/ { return 401; }"));
    let refused = verify();
    assert_provoked(&["health.auth.key"], "a0-1", &refused, &well);
    turn.shell("a0-1", &serving("location = /testall { return 503; }"));
    let down = verify();
    drop(fault);
    assert_provoked(&["health.testall"], "a0-1", &down, &well);
}

#[test]
fn tls_versions_that_nobody_should_speak_are_found_where_they_are_spoken() {
    let turn = turn();
    let make = "cp -p /etc/nginx/conf.d/portcullis.conf /run/nginx.good; \
                sed -i 's/ssl_protocols .*/ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;/' /etc/nginx/conf.d/portcullis.conf; \
                systemctl reset-failed nginx; systemctl restart nginx";
    let fault = Fault::on(
        &turn,
        "a0-2",
        make,
        "mv /run/nginx.good /etc/nginx/conf.d/portcullis.conf; systemctl reset-failed nginx; systemctl restart nginx",
    );
    let ill = turn.events(&["verify", "--no-mail", "--limit", "a0-2"]);
    drop(fault);
    let well = turn.events(&["verify", "--no-mail", "--limit", "a0-2"]);
    assert_provoked(&["tls.version"], "a0-2", &ill, &well);
    for version in ["TLS 1.0", "TLS 1.1"] {
        let is_told = ill.findings().iter().any(|finding| finding["message"].as_str().unwrap().contains(version));
        assert!(is_told, "{version}: {}", ill.stdout);
    }
}
