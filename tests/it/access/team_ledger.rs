//! A window's whole road with the ledger on PostgreSQL, and a second operator at another machine who closes it.

use serde_json::Value;

use super::stage::{MACHINES, Run, Stage};
use crate::postgres_server::PostgresServer;

fn on_server(stage: &Stage, server: &PostgresServer) {
    let site = stage.site();
    let without: Vec<_> = site.lines().filter(|line| !line.starts_with("ledger:")).collect();
    stage.write("site.yaml", &format!("{}\nledger: {{postgres: '{}'}}\n", without.join("\n"), server.url()));
}

/// The operator at another machine: the same site file in a folder of its own.
fn elsewhere(stage: &Stage, folder: &std::path::Path, arguments: &[&str]) -> Run {
    std::fs::copy(stage.path("site.yaml"), folder.join("site.yaml")).unwrap();
    Run::of(stage.command(arguments).current_dir(folder).env("USER", "bob"))
}

#[test]
fn a_window_is_opened_used_and_closed_by_two_operators_of_one_ledger() {
    let (stage, server, other) = (Stage::set(), PostgresServer::start(), tempfile::tempdir().unwrap());
    on_server(&stage, &server);
    let window = stage.open(&["--for", "30m", "--out", "windows"]);
    assert!(!stage.path("ledger.sqlite").exists());
    let refused = elsewhere(&stage, other.path(), &["access", "close", &window.id]);
    refused.assert_failed(1, "has not admitted this machine's key");
    let key = own_key_in(other.path());
    stage.run(&["audit", "admit", key.to_str().unwrap(), "--who", "bob", "--yes"]).assert_code(0);
    let listed = elsewhere(&stage, other.path(), &["access", "list", "--output", "json"]);
    assert_eq!(listed.assert_code(0).value()["windows"][0]["id"], window.id.as_str());
    elsewhere(&stage, other.path(), &["access", "show", &window.id]).assert_code(0);
    elsewhere(&stage, other.path(), &["status"]).assert_code(0);
    let closed = elsewhere(&stage, other.path(), &["access", "close", &window.id]);
    closed.assert_code(0);
    for machine in MACHINES {
        stage.wait_until_clean_on(machine);
    }
    let verdicts: Value = stage.json(&["audit", "verify", "--live"]).assert_code(0).value();
    assert_eq!((&verdicts["integrity"], &verdicts["completeness"]), (&"ok".into(), &"ok".into()));
    assert_eq!(verdicts["signers"].as_array().unwrap().len(), 2);
    let log = stage.run(&["audit", "log", "--window", &window.id]);
    assert!(log.assert_code(0).stdout.contains("bob@"), "{}", log.stdout);
    assert_eq!(stage.json(&["access", "list", "--all"]).value()["windows"][0]["state"], "closed");
}

fn own_key_in(folder: &std::path::Path) -> std::path::PathBuf {
    let mut paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.to_string_lossy().ends_with(".operator.pub")).unwrap()
}
