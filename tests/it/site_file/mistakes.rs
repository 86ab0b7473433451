//! Each mistake is named with file, line, column, the line itself, and what to do.

use std::path::Path;

use portcullis::disk::{Existing, write_atomically};
use portcullis::site::{SiteErrors, load};

use super::{LEAST, least_with, read, said};

/// What is said must hold each of these.
fn assert_said(text: &str, expected: &[&str]) {
    let said = said(text);
    for expected in expected {
        assert!(said.contains(expected), "`{expected}` is missing in:\n{said}");
    }
}

#[test]
fn an_unknown_key_suggests_the_nearest_known_one() {
    let text = LEAST.replace("nodes:", "nodez:");
    let expected = "error: unknown key `nodez`\n --> site.yaml:4:1\n  |\n4 | nodez:\n  | ^^^^^\n  = help: did you mean `nodes`?\n";
    assert_said(&text, &[expected, "`nodes` is missing"]);
}

#[test]
fn an_unknown_key_deep_in_the_file_says_within_what() {
    assert_said(
        &LEAST.replace("address:", "adress:"),
        &["`nodes[0]`: unknown key `adress`", "did you mean `address`?", "site.yaml:5:18", "`nodes[0]`: `address` is missing"],
    );
    assert_said(&least_with("dashboard: manage.corp.example\n"), &["unknown key `dashboard`", "`dashboard` belongs under `names`"]);
    assert_said(&least_with("proxy: {kind: none, frobnicate: 1}\n"), &["unknown key `frobnicate`", "known keys here: kind, url"]);
}

#[test]
fn a_tab_is_called_a_tab() {
    assert_said("site: a\nroute:\n\tvpn: true\n", &["a tab where YAML wants spaces", "site.yaml:3:"]);
    assert_said("site: a\nnodes:\n  - name: x\n\taddress: 10.0.0.1\n", &["a tab where YAML wants spaces", "site.yaml:4:"]);
}

#[test]
fn a_key_twice_names_both_lines() {
    assert_said(
        &format!("{LEAST}site: other\n"),
        &["the key `site` stands here twice, first in line 1", "site.yaml:6:1", "6 | site: other"],
    );
}

#[test]
fn an_address_twice_names_the_machine_that_has_it() {
    let text = least_with("  - {name: a0-2, address: 10.0.0.1}\n");
    assert_said(&text, &["`nodes[1].address`: `10.0.0.1` with port 22 is `a0-1` in line 5 already", "site.yaml:6:27"]);
    read(&least_with("  - {name: a0-2, address: 10.0.0.1, port: 23}\n")).unwrap();
}

#[test]
fn a_name_twice_is_refused_across_hops_and_nodes() {
    let text = LEAST.replace("{vpn: true}", "{hops: [{name: A0-1, address: jump.example}]}");
    assert_said(&text, &["two machines are named `a0-1`, the first in line 3"]);
}

#[test]
fn a_node_without_a_route_is_told_how_to_get_one() {
    assert_said(&LEAST.replace("route: {vpn: true}\n", ""), &["`route` is missing", "vpn: true", "hops"]);
    for route in ["{}", "{vpn: false}", "{hops: []}"] {
        assert_said(&LEAST.replace("{vpn: true}", route), &["`route` says no way to the nodes", "vpn: true", "hops", "site.yaml:3:8"]);
    }
    assert_said(&LEAST.replace("{vpn: true}", ""), &["`route` is empty"]);
    assert_said(&LEAST.replace("{vpn: true}", "{vpn: true, hops: [{name: j, address: j.example}]}"), &["both `vpn: true` and `hops`"]);
}

#[test]
fn kinds_of_values_are_named_in_human_words() {
    assert_said(&least_with("ntp: ntp.example\n"), &["`ntp`: expected a list, found the text `ntp.example`", "write `[a, b]`"]);
    assert_said(&LEAST.replace("site: dev", "site: 12"), &["`site`: expected text, found the number `12`", "put it in quotes"]);
    assert_said(&LEAST.replace("{vpn: true}", "{vpn: yes}"), &["`route.vpn`: expected `true` or `false`, found the text `yes`"]);
    assert_said(&LEAST.replace("10.0.0.1}", "10.0.0.1, port: ssh}"), &["`nodes[0].port`: expected a whole number, found the text `ssh`"]);
    assert_said(&LEAST.replace("10.0.0.1}", "10.0.0.1, port: 70000}"), &["`nodes[0].port` must be at most 65535, found 70000"]);
    assert_said(&LEAST.replace("10.0.0.1}", "10.0.0.1, port: 0}"), &["must be at least 1"]);
    assert_said(&LEAST.replace("development", "prod"), &["`environment` is one of `production`, `development`, `qa`, not `prod`"]);
    assert_said(&LEAST.replace("development", "productoin"), &["did you mean `production`?"]);
    assert_said("- site\n", &["the site file: expected a mapping of keys to values, found a list"]);
    assert_said("just words\n", &["the site file: expected a mapping of keys to values, found the text `just words`"]);
}

#[test]
fn several_problems_are_told_at_once_in_the_order_of_the_file() {
    let text = "site: Bad Name\nenvironment: prod\nroute: {vpn: true}\nnodes:\n  - {name: a0-1, address: 10.0.0.300}\n  - {name: a0-2, adress: 10.0.0.2}\nsmtp: {host: m.example, username: a, password: hunter2, from: nobody}\n";
    let error = read(text).unwrap_err();
    let lines: Vec<usize> = error.problems().iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 2, 5, 6, 6, 7], "{}", error.render());
    assert_eq!(error.to_string(), "site.yaml has 6 problems");
    let deep = LEAST.replace("10.0.0.1", "10.0.0.300").replace("dev\n", "DEV\n");
    assert_eq!(read(&deep).unwrap_err().problems().len(), 2, "{}", said(&deep));
}

#[test]
fn what_is_no_yaml_has_its_place_too() {
    for (text, line) in [
        ("site: a\nnodes: [1, 2\n", 2..=3),
        ("site: a\nfrom: b: c\n", 2..=2),
        ("site: \"a\nb\n", 1..=3),
        ("a: *nowhere\n", 1..=1),
        ("a: 1\n---\nb: 2\n", 1..=3),
    ] {
        let error = read(text).unwrap_err();
        let [problem] = error.problems() else { panic!("{}", error.render()) };
        assert!(line.contains(&problem.line), "{text:?}: {}", error.render());
        assert!(problem.help.is_some(), "{}", error.render());
    }
}

#[test]
fn an_empty_file_holds_no_site() {
    for text in ["", "\n\n", "# nothing\n", "---\n", "~\n"] {
        assert_said(text, &["the file holds no site", "portcullis init"]);
    }
}

#[test]
fn files_that_cannot_be_read_say_which_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let missing = load(&folder.path().join("site.yaml"), Path::new("/")).unwrap_err();
    assert!(matches!(missing, SiteErrors::Missing { .. }));
    assert!(missing.help().unwrap().contains("portcullis init"));
    assert!(matches!(load(folder.path(), Path::new("/")), Err(SiteErrors::Unreadable { .. })));
    let latin = folder.path().join("latin.yaml");
    write_atomically(&latin, b"site: a\nfrom: J\xfcrgen\n", 0o644, Existing::Keep).unwrap();
    let error = load(&latin, Path::new("/")).unwrap_err();
    assert_eq!((error.problems()[0].line, error.problems()[0].column), (2, 8), "{}", error.render());
    assert!(error.render().contains("not UTF-8"));
    let large = folder.path().join("large.yaml");
    write_atomically(&large, &vec![b'#'; 2 * 1024 * 1024], 0o644, Existing::Keep).unwrap();
    assert!(matches!(load(&large, Path::new("/")), Err(SiteErrors::TooLarge { .. })));
}

#[test]
fn values_are_judged_by_their_rules() {
    assert_said(
        &least_with("names: {dashboard: man_age.corp.example}\n"),
        &["`names.dashboard`: `man_age.corp.example` has '_' in it", "write a dash"],
    );
    assert_said(&least_with("names: {tenants: ['*.corp.example']}\n"), &["is a wildcard"]);
    assert_said(&least_with("names: {dashboard: 10.0.0.1}\n"), &["is an address"]);
    assert_said(&least_with("names: {dashboard: manage}\n"), &["has no domain"]);
    assert_said(&least_with("names: {dashboard: a.b.example, webtask: A.b.example}\n"), &["`a.b.example` stands here twice"]);
    assert_said(&LEAST.replace("10.0.0.1}", "'10.0.0.1:2222'}"), &["the port has a key of its own"]);
    assert_said(&least_with("proxy: {kind: explicit}\n"), &["an explicit proxy needs its `url`"]);
    assert_said(&least_with("proxy: {kind: explicit, url: 'http://p.example/proxy.pac'}\n"), &["configuration script"]);
    assert_said(&least_with("proxy: {kind: none, exceptions: ['*.example']}\n"), &["is a wildcard"]);
    assert_said(&least_with("access: {longest_window: 8 hours}\n"), &["is not a duration", "`90m`"]);
    assert_said(&least_with("access: {hours: [weekdays]}\n"), &["access.hours[0]`", "names no hours of the week", "`mon-fri 18:00-06:00`"]);
    assert_said(&least_with("access: {zone: Europe/Atlantis}\n"), &["is no time zone that this machine knows"]);
    assert_said(&least_with("access: {ticket_pattern: 'CHG['}\n"), &["no regular expression"]);
    assert_said(&least_with("access: {sources: [10.0.0.0/33]}\n"), &["neither an address nor a network"]);
    assert_said(
        &least_with("access: {approvers: [{name: ada, key: ssh-ed25519 AAAA}]}\n"),
        &["approvers[0].key`: that is no public SSH key"],
    );
    assert_said(&least_with("ledger: {file: l.db, forward: {to: 'udp://siem.example'}}\n"), &["`tls://` or `tcp://`"]);
    assert_said(&least_with("ledger: {file: l.db, forward: {to: 'tcp://siem.example', ca_certificates: [a.pem]}}\n"), &["no use for them"]);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqO6g7GH6sVeUj2tG3rHoETJTIpX2esl8/g6uDQyNyS";
    let two = format!("access: {{approvers: [{{name: ada, key: {key}}}], requesters: [{{name: bob, key: {key} x}}]}}\n");
    assert_said(&least_with(&two), &["given for ada and for bob"]);
    assert_said(&least_with("smtp: {host: m.example, username: a, password: prompt, from: Joe}\n"), &["no mail address"]);
    assert_said(
        &least_with("smtp: {provider: ses, username: a, password: prompt, from: a@b.example}\n"),
        &["`host` is missing", "email-smtp"],
    );
    assert_said(&least_with("waivers: [{check: a, reason: b, until: soon}]\n"), &["no day"]);
    assert_said(&least_with("ledger: {}\n"), &["`ledger` says no place"]);
    assert_said(&least_with("profile: psas-appliance\n"), &["there is no profile `psas-appliance`", "did you mean `psaas-appliance`?"]);
    assert_said(&least_with("profile_overrides: {hardware: {ram: 4}}\n"), &["unknown key `ram`"]);
    assert_said(&least_with("connectors: [{name: c, tenant: t.example, ldap_url: dc.example}]\n"), &["`ldap://` or `ldaps://`"]);
    assert_said(&LEAST.replace("10.0.0.1}", "10.0.0.1, user: admin, sudo: false}"), &["neither by login nor by sudo"]);
}
