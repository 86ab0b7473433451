//! What somebody put on a machine by hand is shouted about.

use super::stage::Stage;

#[test]
fn a_principal_made_by_hand_is_found_where_the_machines_are_asked() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "5m", "--node", "a0-1"]);
    stage.json(&["access", "list", "--live"]).assert_code(0);
    stage.sh("a0-1", "echo 'w-20200101-000000' >>/etc/ssh/portcullis/principals/root");
    stage.sh("a0-2", "mkdir -p /etc/ssh/portcullis/principals; echo eve >/etc/ssh/portcullis/principals/admin");
    let found = stage.json(&["access", "list", "--live"]);
    let value = found.assert_code(3).value();
    let findings = value["findings"].as_array().unwrap();
    let told: Vec<_> = findings.iter().map(|finding| (finding["id"].as_str().unwrap(), finding["subject"].as_str().unwrap())).collect();
    assert_eq!(told, [("access.principal.unknown", "a0-1"), ("access.principal.unknown", "a0-2")]);
    stage.sh("a0-1", "rm /etc/ssh/portcullis/principals/root");
    stage.sh("a0-2", "rm /etc/ssh/portcullis/principals/admin");
    // Who is root on a node may disarm a window's closer.
    let timer = format!("portcullis-window-{}.timer", window.id);
    stage.sh("a0-1", &format!("systemctl stop {timer}"));
    let disarmed = stage.json(&["access", "list", "--live"]);
    assert_eq!(disarmed.assert_code(3).value()["findings"][0]["id"], "access.closer.missing");
    stage.sh("a0-1", &format!("systemctl start {timer}"));
    stage.json(&["access", "list", "--live"]).assert_code(0);
    // The window's own principal, taken away behind the ledger's back, is missed.
    stage.sh("a0-1", "rm /etc/ssh/portcullis/principals/admin");
    let missing = stage.json(&["access", "list", "--live"]);
    assert_eq!(missing.assert_code(3).value()["findings"][0]["id"], "access.principal.missing");
    stage.run(&["access", "close", &window.id]).assert_code(0);
    stage.json(&["access", "list", "--live"]).assert_code(0);
}
