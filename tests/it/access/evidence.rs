//! What is on record of a window's use: what the machines' sshd logged, collected as the window is closed.

use jiff::Timestamp;
use serde_json::Value;

use super::stage::{Stage, Window, now, wait_for};

fn of<'v>(shown: &'v Value, machine: &str) -> &'v Value {
    let all = shown["evidence"].as_array().unwrap();
    all.iter().find(|one| one["machine"] == machine).unwrap_or_else(|| panic!("nothing of {machine}: {shown:#}"))
}

fn use_it(stage: &Stage, window: &Window) {
    assert_eq!(stage.gets_in(window, "a0-1"), (true, String::new()));
    let as_root = stage.ssh(window, &["-l", "root", "a0-1", "true"]).output().unwrap();
    assert!(!as_root.status.success());
    // sshd writes its line before the client is told; the end of a login is written after.
    stage.wait_until("a0-1", "journalctl -q --no-pager -u ssh | grep -q 'authenticating user root'");
}

#[test]
fn logins_and_refusals_are_collected_from_each_machine_as_a_window_closes() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
    use_it(&stage, &window);
    stage.json(&["access", "close", &window.id]).assert_code(0);
    let shown = stage.json(&["access", "show", &window.id]).value();
    let (jump, node) = (of(&shown, "jump"), of(&shown, "a0-1"));
    assert_eq!((jump["kept_by"].as_str(), jump["logins"].as_array().map(Vec::len)), (Some("journal"), Some(2)), "{shown:#}");
    let login = &node["logins"][0];
    assert_eq!((login["account"].as_str(), login["address"].as_str()), (Some("admin"), Some("10.77.0.2")), "{shown:#}");
    assert!(login["at"].is_string() && login["until"].is_string() && login["serial"].is_string(), "{login}");
    // Others may have been refused there just before: sshd does not log whose certificate it was.
    let refused = node["refused"].as_array().unwrap().iter().find(|refused| refused["account"] == "root");
    let refused = refused.unwrap_or_else(|| panic!("{shown:#}"));
    assert_eq!(refused["why"], "Certificate does not contain an authorized principal");
    let told = stage.run(&["access", "show", &window.id]).stdout;
    // A test before this one may have been refused there just now, too.
    assert!(
        told.contains("a0-1: 1 login, ") && told.contains("refused (by its journal)") && told.contains("login as admin from 10.77.0.2"),
        "{told}"
    );
    // What is tried after it, with the window's own key, is on record too once it is looked for.
    assert!(!stage.gets_in(&window, "a0-1").0);
    stage.json(&["access", "close", &window.id]).assert_code(0);
    let shown = stage.json(&["access", "show", &window.id]).value();
    let refused = of(&shown, "jump")["refused"].as_array().unwrap();
    assert!(refused.iter().any(|refusal| refusal["is_ours"] == true), "{shown:#}");
    let log = stage.json(&["audit", "log", "--kind", "window.evidence"]).value();
    assert_eq!(log["events"].as_array().map(Vec::len), Some(2));
    stage.json(&["audit", "verify"]).assert_code(0);
}

#[test]
fn a_window_that_ended_by_itself_has_its_evidence_collected_later() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "20s", "--node", "a0-1"]);
    use_it(&stage, &window);
    let session = stage.ssh(&window, &["a0-1", "touch /tmp/started; exec sleep 700"]).spawn().unwrap();
    stage.wait_until("a0-1", "test -e /tmp/started && rm /tmp/started");
    wait_for(window.end);
    session.wait_with_output().unwrap();
    stage.wait_until_clean();
    assert!(now() > window.end);
    stage.run(&["access", "close", &window.id]).assert_code(0);
    let shown = stage.json(&["access", "show", &window.id]).value();
    let logins = of(&shown, "a0-1")["logins"].as_array().unwrap();
    assert_eq!(logins.len(), 2, "{shown:#}");
    // What ends a session may be quicker than sshd's last word about it.
    let until: Option<Timestamp> = logins[1]["until"].as_str().map(|until| until.parse().unwrap());
    assert!(until.is_none_or(|until| until >= window.end), "{shown:#}");
}
