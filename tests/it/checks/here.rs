//! `check --here`: this machine as a connector's server, with a real directory, and as a node; with a site file and without.

#![expect(clippy::disallowed_methods, reason = "the program itself is what is tested, beside a real directory")]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::authority::Authority;
use super::directory::{CLERK, PASSWORD, SERVICE, load};
use super::peers::{slapd, slapd_with};

/// Findings as `(id, severity)`, the counts, and the exit code.
fn check(folder: &Path, arguments: &[&str]) -> (Vec<(String, String)>, Value, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["check", "--here"]).args(arguments).args(["-v", "--output", "json"]).current_dir(folder).env_clear().env("HOME", folder);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // A command line that is wrong is answered with one object over several lines.
    let is_wrong = output.status.code() == Some(2);
    let events = if is_wrong { Vec::new() } else { crate::docs::events_of(&text) };
    crate::seen::in_events(&events);
    let word = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    let findings = events.iter().filter(|event| event["event"] == "finding");
    let counts = events.last().map_or(Value::Null, |last| last["counts"].clone());
    (findings.map(|event| (word(event, "id"), word(event, "severity"))).collect(), counts, output.status.code())
}

fn ids(found: &[(String, String)]) -> Vec<&str> {
    found.iter().map(|(id, _)| id.as_str()).filter(|id| *id != "check.not-run").collect()
}

fn site(folder: &Path, connector: &str, figures: &str) {
    let text = format!(
        "site: prod\nenvironment: production\nroute: {{vpn: true}}\nnodes: [{{name: a0-1, address: 10.0.0.1}}]\n\
         names: {{dashboard: manage.corp.example, configuration: config.corp.example, webtask: webtask.corp.example, tenants: [identity.corp.example]}}\n\
         connectors: [{{name: ad-1, tenant: identity.corp.example, {connector}}}]\n{figures}"
    );
    std::fs::write(folder.join("site.yaml"), text).unwrap();
}

#[test]
fn without_a_site_file_the_profiles_figures_count() {
    let folder = tempfile::tempdir().unwrap();
    let (found, counts, _) = check(folder.path(), &["--role", "connector"]);
    assert!(!found.iter().any(|(id, _)| id.starts_with("access.") || id == "node.ram"), "{found:?}");
    assert!(
        counts["passed"].as_u64().unwrap() >= 4 && counts["not_run"].as_u64().unwrap() >= 6,
        "what nobody said cannot be tried: {counts}"
    );
    let (found, counts, _) = check(folder.path(), &["--role", "development", "--only", "node"]);
    assert!(!found.iter().any(|(id, _)| id.starts_with("egress.")), "{found:?}");
    assert!(counts["passed"].as_u64().unwrap() >= 5, "{counts}");
    assert!(!folder.path().join(".local").exists() || !folder.path().join(".local/share/portcullis/ledger.sqlite").exists());
    let (_, _, code) = check(folder.path(), &[]);
    assert_eq!(code, Some(2), "the role has to be said");
}

#[test]
fn a_machine_that_is_too_small_for_a_connector_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let connector = "ldap_url: 'ldaps://127.0.0.1:9'";
    site(folder.path(), connector, "profile_overrides: {connector: {memory_gib: {minimum: 65536, recommended: 65536}}}\n");
    let (found, _, code) = check(folder.path(), &["--role", "connector", "--only", "conn.hw"]);
    assert_eq!((ids(&found), code), (vec!["conn.hw"], Some(3)));
    site(
        folder.path(),
        connector,
        "profile_overrides: {connector: {cores: {minimum: 1, recommended: 1}, memory_gib: {minimum: 1, recommended: 1}}}\n",
    );
    let (found, _, code) = check(folder.path(), &["--role", "connector", "--only", "conn.hw"]);
    assert_eq!((ids(&found), code), (vec![], Some(0)));
    let (_, _, code) = check(folder.path(), &["--role", "connector", "--limit", "ad-9"]);
    assert_eq!(code, Some(2), "a connector that the site does not know");
}

#[test]
fn the_directory_is_bound_to_and_searched_from_here() {
    let authority = Authority::new("Directory");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), PASSWORD).unwrap();
    std::fs::write(folder.path().join("wrong"), "wr0ng").unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.root()).unwrap();
    let look_as = |user: &str, url: &str, secret: &str, base: &str| {
        let connector =
            format!("ldap_url: '{url}', bind_user: '{user}', bind_password: 'file:{secret}', base: '{base}', ca_certificates: [ca.pem]");
        site(folder.path(), &connector, "");
        let (found, _, _) = check(folder.path(), &["--role", "connector", "--only", "conn.ldap,conn.ldaps"]);
        found.into_iter().map(|(id, _)| id).filter(|id| id != "check.not-run").collect::<Vec<_>>()
    };
    let look = |url: &str, secret: &str, base: &str| look_as(SERVICE, url, secret, base);
    let clear = slapd(&authority.leaf(&["dc.corp.example"]), &authority.intermediate(), false, load);
    let url = format!("ldap://127.0.0.1:{}", clear.port);
    let base = "dc=corp,dc=example";
    assert_eq!(look(&url, "secret", base), Vec::<String>::new());
    assert_eq!(look(&url, "wrong", base), ["conn.ldap.bind"]);
    assert_eq!(look(&url, "secret", "ou=nowhere,dc=corp,dc=example"), ["conn.ldap.search"]);
    // Who may not read a group's members finds persons that are in no group.
    assert_eq!(look_as(CLERK, &url, "secret", base), ["conn.ldap.groups"]);
    assert_eq!(look_as(SERVICE, &url, "secret", "dc=corp,dc=example', base_groups: 'ou=empty,dc=corp,dc=example"), ["conn.ldap.groups"]);
    let port = clear.port;
    drop(clear);
    assert_eq!(look(&format!("ldap://127.0.0.1:{port}"), "secret", base), ["conn.ldap.tcp"]);

    let tls = slapd(&authority.leaf(&["localhost"]), &authority.intermediate(), true, load);
    let url = format!("ldaps://localhost:{}", tls.port);
    assert_eq!(look(&url, "secret", base), Vec::<String>::new());
    std::fs::write(folder.path().join("ca.pem"), Authority::new("Another").root()).unwrap();
    assert_eq!(look(&url, "secret", base), ["conn.ldaps.trust"]);
}

/// The messages and fixes that a look at the directory gives.
fn told_of_the_directory(folder: &Path, url: &str, base: &str) -> Vec<String> {
    let keys =
        format!("ldap_url: '{url}', bind_user: '{SERVICE}', bind_password: 'file:secret', base: '{base}', ca_certificates: [ca.pem]");
    site(folder, &keys, "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["check", "--here", "--role", "connector", "--only", "conn.ldap,conn.ldaps", "--timeout", "5s", "--output", "json"]);
    command.current_dir(folder).env_clear().env("HOME", folder).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let events = crate::docs::events_of(&String::from_utf8(output.stdout).unwrap());
    let findings = events.iter().filter(|event| event["event"] == "finding" && event["id"] != "check.not-run");
    findings.map(|finding| format!("{}: {} → {}", finding["id"].as_str().unwrap(), finding["message"], finding["fix"])).collect()
}

#[test]
fn what_is_wrong_with_a_directory_is_told_so_that_its_team_can_mend_that_and_nothing_else() {
    let authority = Authority::new("Directory");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), PASSWORD).unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.root()).unwrap();
    let base = "dc=corp,dc=example";
    let one = |told: &[String], id: &str, words: &[&str], not: &str| {
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(id) && words.iter().all(|word| told[0].contains(word)) && !told[0].contains(not), "{told:?}");
    };

    let expired = slapd(&authority.leaf_until(&["localhost"], 2025), &authority.intermediate(), true, load);
    let told = told_of_the_directory(folder.path(), &format!("ldaps://localhost:{}", expired.port), base);
    one(&told, "conn.ldaps.trust", &["expired on 2025", "certificate renewed"], "import");

    let other = slapd(&authority.leaf(&["dc1.corp.example"]), &authority.intermediate(), true, load);
    let told = told_of_the_directory(folder.path(), &format!("ldaps://localhost:{}", other.port), base);
    one(&told, "conn.ldaps.trust", &["use the name that the certificate holds (dc1.corp.example)"], "import");

    let clear = slapd(&authority.leaf(&["localhost"]), &authority.intermediate(), false, load);
    let told = told_of_the_directory(folder.path(), &format!("ldaps://localhost:{}", clear.port), base);
    one(&told, "conn.ldaps.trust", &["which port of localhost speaks TLS", "636"], "nginx");
    // A part of the tree that another server holds.
    let told = told_of_the_directory(folder.path(), &format!("ldap://localhost:{}", clear.port), "dc=branch,dc=example");
    one(&told, "conn.ldap.search", &["referral", "name in `ldap_url` the server that does"], "log of this moment");
}

#[test]
fn a_size_limit_is_no_fault_while_somebody_is_found_and_a_bind_in_clear_may_be_refused() {
    let authority = Authority::new("Directory");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), PASSWORD).unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.root()).unwrap();
    let limited = slapd_with("sizelimit 1\n", &authority.leaf(&["localhost"]), &authority.intermediate(), false, load);
    assert_eq!(
        told_of_the_directory(folder.path(), &format!("ldap://localhost:{}", limited.port), "dc=corp,dc=example"),
        Vec::<String>::new()
    );
    let strict = slapd_with("security simple_bind=128\n", &authority.leaf(&["localhost"]), &authority.intermediate(), false, load);
    let told = told_of_the_directory(folder.path(), &format!("ldap://localhost:{}", strict.port), "dc=corp,dc=example");
    assert!(told.len() == 1 && told[0].starts_with("conn.ldap.bind") && told[0].contains("use `ldaps://`"), "{told:?}");
}
