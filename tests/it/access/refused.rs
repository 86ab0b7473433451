//! What is refused before any machine is touched.

use super::stage::{MACHINES, Stage};

const ASK: [&str; 4] = ["access", "open", "--reason", "test"];

#[test]
fn bad_input_is_told_apart_and_nothing_is_touched() {
    let stage = Stage::set();
    let ask = |arguments: &[&str]| stage.run(&[&ASK[..], arguments].concat());
    let with_key = |arguments: &[&str]| ask(&[&["--who", "ada", "--key", "ada.pub"], arguments].concat());
    with_key(&["--from", "2030-01-02T00:00:00Z", "--to", "2030-01-01T00:00:00Z"]).assert_failed(2, "and it starts at");
    with_key(&["--to", "2020-01-01T00:00:00Z"]).assert_failed(2, "would have ended at 2020-01-01T00:00:00Z");
    with_key(&["--for", "1h", "--from", "2020-01-01T00:00:00Z"]).assert_failed(2, "--from 2020-01-01T00:00:00Z has passed");
    with_key(&["--for", "365d"]).assert_failed(7, "the site allows 8h");
    with_key(&["--for", "1h", "--kind", "standing"]).assert_failed(7, "sla: custom");
    with_key(&["--for", "1h", "--node", "a0-9"]).assert_failed(2, "`a0-9`, which is no node of this site");
    ask(&["--for", "1h", "--who", "ada", "--key", "ada"]).assert_failed(2, "that is a private key");
    ask(&["--for", "1h", "--who", "ada", "--key", "site.yaml"]).assert_failed(2, "no public key");
    ask(&["--for", "1h", "--who", "$(touch /tmp/owned)", "--key", "ada.pub"]).assert_failed(2, "the person's name has '$' in it");
    ask(&["--for", "1h", "--who", "ada"]).assert_failed(2, "whose key");
    with_key(&["--for", "1h", "--ledger", "mysql://somewhere/ledger"]).assert_failed(2, "`mysql:`, which is none that is known");
    with_key(&["--for", "1h", "--ledger", "postgres://ada@127.0.0.1:1/ledger"]).assert_failed(1, "cannot be reached");
    with_key(&["--for", "0s"]).assert_code(2);
    with_key(&["--for", "soon"]).assert_code(2);
    with_key(&[]).assert_code(2);
    let site = stage.site();
    stage.write("site.yaml", &site.replace("access: {", "access: {ticket_pattern: \"CHG[0-9]+\", persons: [bob], "));
    with_key(&["--for", "1h"]).assert_failed(7, "demands a ticket");
    with_key(&["--for", "1h", "--ticket", "CHG1x"]).assert_failed(7, "`CHG1x` does not match");
    with_key(&["--for", "1h", "--ticket", "CHG1"]).assert_failed(7, "ada is not among the persons");
    stage.write("site.yaml", &site.replace("access: {", "access: {zone: Europe/Zurich, hours: [\"mon 03:00-03:30\"], "));
    with_key(&["--for", "1h"]).assert_failed(7, "and the site allows mon 03:00-03:30 (Europe/Zurich)");
    stage.write("site.yaml", &site.lines().filter(|line| !line.starts_with("access:")).collect::<Vec<_>>().join("\n"));
    with_key(&["--for", "1h"]).assert_failed(2, "there is no terminal to ask at");
    for machine in MACHINES {
        assert_eq!(stage.try_sh(machine, "test -e /etc/ssh/portcullis").status.code(), Some(1), "{machine}");
    }
    assert_eq!(stage.json(&["access", "list", "--all"]).value()["windows"], serde_json::json!([]));
}

#[test]
fn a_node_or_a_jumphost_whose_clock_is_five_minutes_off_is_refused() {
    let stage = Stage::set();
    for (machine, off) in [("a0-3", 300), ("jump", -300)] {
        stage.lab.clock(machine, off).unwrap();
        let run = stage.run(&[&ASK[..], &["--who", "ada", "--key", "ada.pub", "--for", "1h"]].concat());
        stage.lab.clock(machine, 0).unwrap();
        run.assert_failed(7, &format!("the clock of {machine} is "));
        assert_eq!(stage.try_sh(machine, "test -e /etc/ssh/portcullis").status.code(), Some(1));
    }
}

#[test]
fn all_nodes_or_none_unless_told_otherwise() {
    let stage = Stage::set();
    stage.lab.cut("a0-2").unwrap();
    let ask = |partial: &[&str]| {
        stage.run(&[&ASK[..], &["--who", "ada", "--key", "ada.pub", "--for", "5m", "--timeout", "3s"], partial].concat())
    };
    let none = ask(&[]);
    let some = ask(&["--partial"]);
    stage.lab.heal("a0-2").unwrap();
    none.assert_failed(1, "no window was opened");
    some.assert_code(5);
    assert!(some.stdout.contains("not opened: a0-2"), "{}", some.stdout);
    let listed = stage.json(&["access", "list"]).value();
    assert_eq!(listed["windows"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["windows"][0]["nodes"], serde_json::json!(["a0-1", "a0-3"]));
    stage.run(&["access", "close", "--all"]).assert_code(0);
}
