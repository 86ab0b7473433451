//! A connector's way out and to its directory, from its own server: the third node plays that, the first the tenant.

use super::{Fault, NO_MORE, assert_provoked, serving, turn, with};

fn section(state: &str, ldap_url: &str) -> String {
    format!(
        "connectors: [{{name: ad-1, tenant: identity.acme.lab.example, ldap_url: \"{ldap_url}\", address: 10.77.0.13, port: 22, user: deploy, \
         identities: [\"{state}/id_ed25519\"], agent: false, ca_certificates: [\"{state}/tls/root.pem\"]}}]\n"
    )
}

#[test]
fn a_connectors_way_to_tenant_and_directory_is_tried_from_its_server() {
    let turn = turn();
    let state = turn.lab.state_dir().display().to_string();
    let check = |sections: &str| turn.events_on(&with(&turn, sections), &["check", "--only", "conn"]);
    // The tenant's own TLS is as good a directory's as any, up to the bind.
    let right = section(&state, "ldaps://identity.acme.lab.example:443");
    let good = "location = /test { return 200 '{\"clock\": 0}'; } location = /lo/hub { return 101; }";
    let fault = Fault::on(&turn, "a0-1", &serving(good), NO_MORE);
    let well = check(&right);
    turn.shell("a0-1", &serving("location = /test { return 503; } location = /lo/hub { return 404; }"));
    let ill = check(&right);
    drop(fault);
    assert_provoked(&["conn.out443", "conn.hub"], "ad-1", &ill, &well);

    let closed = check(&section(&state, "ldaps://identity.acme.lab.example:637"));
    assert_provoked(&["conn.ldap.tcp"], "ad-1", &closed, &well);
    assert!(closed.told("conn.ldap.tcp").contains("connection refused"), "{}", closed.told("conn.ldap.tcp"));
    let misnamed = check(&section(&state, "ldaps://10.77.0.11:443"));
    assert_provoked(&["conn.ldaps.trust"], "ad-1", &misnamed, &well);

    turn.lab.clock("a0-3", -90).unwrap();
    let late = check(&right);
    turn.lab.clock("a0-3", 0).unwrap();
    assert_provoked(&["conn.clock"], "ad-1", &late, &well);
    let figures = "profile_overrides:\n  connector: {cores: {minimum: 512, recommended: 512}}\n";
    let site = with(&turn, &right).replace("profile_overrides:\n", figures);
    let small = turn.events_on(&site, &["check", "--only", "conn"]);
    assert_provoked(&["conn.hw"], "ad-1", &small, &well);
    // By a proxy that demands a login of whoever is no exception.
    let proxied = right.replace("address: 10.77.0.13", "http_proxy: \"http://proxy.lab.example:3128\", address: 10.77.0.13");
    let proxied = check(&proxied);
    assert_provoked(&["conn.out443"], "ad-1", &proxied, &well);
    assert!(proxied.told("conn.out443").contains("demands a login"), "{}", proxied.told("conn.out443"));
}
