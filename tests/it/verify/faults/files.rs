//! Certificates of other environments, custom domains and extensions, tenants to come, and what goes past the proxy: from files alone.

use super::{assert_provoked, turn, with};
use crate::checks::authority::Authority;

#[test]
fn certificates_that_are_shared_or_missing_are_found() {
    let turn = turn();
    let bundle = turn.lab.state_dir().join("tls/bundle.pem").display().to_string();
    let names = turn
        .site
        .replace("names:\n", "names:\n  custom_domains: [{domain: login.brand.example}]\n  extensions: {domain: wt.acme.lab.example}\n");
    // The certificate's wildcard is of another domain then.
    let names = names
        .replace("tenants: [identity.acme.lab.example]\n  planned: [partners.acme.lab.example]", "tenants: [identity.elsewhere.example]");
    assert!(names.contains("extensions:") && names.contains("elsewhere"), "{names}");
    let site = format!("{names}other_environments: [{{name: dev, addresses: [10.99.0.1], certificates: [\"{bundle}\"]}}]\n");
    let ill = turn.events_on(&site, &["check", "--offline", "--only", "cert"]);
    let authority = Authority::new("Brand");
    let issued = |name: &str| {
        let leaf = authority.leaf(&[name]);
        let file = name.replace('*', "any");
        let chain = turn.write(&format!("{file}.pem"), &format!("{}{}{}", leaf.pem, authority.intermediate(), authority.root()));
        let key = turn.write(&format!("{file}.key"), &leaf.key);
        format!("certificate: {{files: [\"{}\"], key: \"{}\"}}", chain.display(), key.display())
    };
    let brand = format!("names:\n  custom_domains: [{{domain: login.brand.example, {}}}]\n", issued("login.brand.example"));
    let both = format!("{brand}  extensions: {{domain: wt.acme.lab.example, {}}}\n", issued("*.wt.acme.lab.example"));
    let theirs = turn.write("dev.pem", &authority.leaf(&["dev.acme.lab.example"]).pem);
    let well = format!(
        "{}other_environments: [{{name: dev, addresses: [10.99.0.1], certificates: [\"{}\"]}}]\n",
        turn.site.replace("names:\n", &both),
        theirs.display()
    );
    let well = turn.events_on(&well, &["check", "--offline", "--only", "cert"]);
    assert_provoked(&["cert.custom.each", "cert.wt", "cert.env.unique", "cert.san.future"], "", &ill, &well);
}

#[test]
fn networks_that_only_some_programs_take_for_an_exception_are_told() {
    let turn = turn();
    let site = turn.site.replace("bypass: [mail.lab.example, .acme.lab.example]", "bypass: [mail.lab.example, 10.77.0.0/24]");
    assert_ne!(site, turn.site);
    let ill = turn.events_on(&site, &["check", "--offline", "--only", "proxy.no-proxy"]);
    let plain = turn.site.replace("bypass: [mail.lab.example, .acme.lab.example]", "bypass: [mail.lab.example]");
    let well = turn.events_on(&plain, &["check", "--offline", "--only", "proxy.no-proxy"]);
    assert_provoked(&["proxy.no-proxy"], "", &ill, &well);
}

#[test]
fn the_restrictions_of_a_site_are_found_where_they_are_made() {
    let turn = turn();
    let site = with(&turn, "internet: {restricted: true}\n");
    let ill = turn.events_on(&site, &["check", "--offline", "--only", "egress"]);
    let well = turn.events(&["check", "--offline", "--only", "egress"]);
    assert_provoked(&["egress.restricted.ack"], "", &ill, &well);
}
