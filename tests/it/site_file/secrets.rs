//! A secret in a site file is refused, and never repeated: a planted one appears nowhere.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{least_with, read, said};

const PLANTED: &str = "hunter2-Planted-Secret";

/// Ways in which people put a secret where it must not stand.
fn plants() -> Vec<String> {
    let places = [
        "smtp: {host: m.example, username: a, password: SECRET, from: a@b.example}\n",
        "smtp: {host: m.example, username: a, pasword: SECRET, from: a@b.example}\n",
        "smtp:\n  host: m.example\n  username: a\n  password: SECRET\n  from: nobody\n",
        "smtp:\n  host: m.example\n  password: |\n    SECRET\n  from: nobody\n",
        "smtp:\n  password: {value: SECRET}\n",
        "smtp:\n  password:\n    - SECRET\n",
        "smtp:\n  password: \"SECRET\n",
        "smtp: {password: SECRET\nnames: x\n",
        "smtp: {host: m.example, password: SECRET, prot: 25}\n",
        "proxy: {kind: explicit, url: 'http://joe:SECRET@proxy.example:3128'}\n",
        "proxy: {kind: explicit, url: 'socks://joe:SECRET@proxy.example:3128'}\n",
        "ledger: {postgres: 'postgresql://joe:SECRET@db.example/ledger'}\n",
        "connectors: [{name: c, tenant: t.example, ldap_url: 'ldap://joe:SECRET@dc.example'}]\n",
        "tls: {certificate: {files: [a.pem], key_password: SECRET}, pfx: {password: SECRET}}\n",
        "ssh: {passphrase: SECRET, one_time_code: SECRET}\n",
        "secret_token: SECRET\n",
        "api-key: SECRET\n",
        "ssh: {identities: ['-----BEGIN OPENSSH PRIVATE KEY-----SECRET-----END']}\nntp: 5\n",
    ];
    places.iter().map(|place| least_with(&place.replace("SECRET", PLANTED))).collect()
}

#[test]
fn a_planted_secret_appears_nowhere() {
    for text in plants() {
        let Err(error) = read(&text) else { panic!("accepted:\n{text}") };
        let mut shown = error.render();
        let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none());
        handler.render_report(&mut shown, &error).unwrap();
        let _ = write!(shown, "{error} {error:?}");
        assert!(!shown.contains(PLANTED), "of\n{text}\nis shown:\n{shown}");
    }
}

#[test]
fn the_search_finds_what_is_shown() {
    // The sister of the test above: what is no secret is shown, so the search would find one.
    assert!(said(&least_with(&format!("ntp: {PLANTED}\n"))).contains(PLANTED));
}

#[test]
fn a_secret_is_told_to_go_where_secrets_are_had() {
    let said = said(&least_with("smtp: {host: m.example, username: a, password: hunter2, from: a@b.example}\n"));
    assert!(said.contains("`smtp.password`: not a reference to a secret"), "{said}");
    assert!(said.contains("`env:NAME`, `file:PATH`, `cmd:COMMAND` or `prompt`"), "{said}");
    assert!(said.contains("password: ********, from"), "{said}");
    assert!(said.contains("site.yaml:6:"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_secret_of_a_sound_yaml_is_ever_shown(secret in "[A-Za-z0-9!%&/()=?+*~#.;^-]{4,24}", key in "(password|passphrase|one_time_code)", quote in "[\"']?") {
        let planted = format!("Zq{secret}qZ");
        let text = least_with(&format!("ssh:\n  {key}: {quote}{planted}{quote}\n  usr: x\nntp: 7\n"));
        if let Err(error) = read(&text) {
            prop_assert!(!error.render().contains(&planted), "{}", error.render());
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(site|environment|route|nodes|names|smtp|password|hops|name|address|: |- |\n|  |\t|\\{|\\}|\\[|\\]|,|\"|'|\\||#|é|10\\.0\\.0\\.1|true|qa|vpn|\\PC){0,60}") {
        if let Err(error) = read(&text) {
            drop(error.render());
        }
    }

    #[test]
    fn no_secret_of_a_broken_yaml_is_ever_shown(before in "(smtp:\n|smtp: \\{|ssh:\n  |tls:\n  pfx: |- |route:\n  hops:\n  - |\n|  |\"|'|\\[|\\{|a: |#|\\|){0,5}",
              key in "(password|pasword|passphrase|passwrod|sudo_password|one_time_code|key_password|Password|PASSPHRASE|\"password\"|'password')",
              sep in "(: |:  |:\t|: \"|: '|: \\|\n      |: >-\n      |:\n      |: \\[|: \\{a: |: !x |: &y |: !!str )",
              after in "(\n|\"|'|\\]|\\}|,| |: |\n  |\nx: y|\n  - b| # c|\t){0,5}") {
        let text = format!("{before}{key}{sep}Zq-PLANTED-qZ{after}\n");
        if let Err(error) = read(&text) {
            let shown = format!("{} {error:?}", error.render());
            prop_assert!(!shown.contains("PLANTED"), "{text:?}\n{}", error.render());
        }
    }
}
