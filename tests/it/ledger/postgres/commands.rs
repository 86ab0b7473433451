//! A team's ledger as its people meet it: the commands, a second operator, what is handed over.

use serde_json::Value;

use super::super::desk::Desk;
use super::PostgresServer;

fn desk_of(server: &PostgresServer) -> Desk {
    Desk::new(0, &format!("ledger: {{postgres: '{}'}}\n", server.url()))
}

fn verdicts(desk: &Desk) -> Value {
    serde_json::from_str(&desk.done(&["audit", "verify", "--output", "json"])).unwrap()
}

#[test]
fn a_second_operator_is_admitted_and_both_keys_are_verified() {
    let server = PostgresServer::start();
    let (ada, bob) = (desk_of(&server), desk_of(&server));
    assert!(ada.run(&["audit", "log"]).stderr.contains("there is no ledger of north in postgresql://ada@/ledger"));
    assert!(ada.done(&["access", "list"]).contains("no window is open"), "looking makes none");
    ada.make_team_ledger(&server);
    ada.done(&["audit", "log"]);
    let refused = bob.run(&["audit", "log"]);
    assert_eq!(refused.code, 1);
    for part in ["has not admitted this machine's key SHA256:", "ledger-north.operator.pub", "audit admit FILE --who NAME"] {
        assert!(refused.stderr.contains(part), "`{part}` is missing in {}", refused.stderr);
    }
    let verified = bob.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "looking needs no key: {}", verified.stderr);
    assert!(verified.stdout.contains("completeness: unproven") && verified.stderr.contains("is not recorded"), "{}", verified.stdout);
    let key = bob.path("ledger-north.operator.pub");
    let key = key.to_str().unwrap();
    assert_eq!(ada.run(&["audit", "admit", key, "--who", "bob"]).code, 2, "it is asked for");
    let said = ada.done(&["audit", "admit", key, "--who", "bob", "--yes"]);
    assert!(said.starts_with("bob may append to the ledger with the key SHA256:"), "{said}");
    assert!(ada.run(&["audit", "admit", key, "--who", "bob", "--yes"]).stderr.contains("already"));
    bob.done(&["audit", "log"]);
    let found = verdicts(&bob);
    assert_eq!((&found["integrity"], &found["completeness"], &found["findings"]), (&"ok".into(), &"ok".into(), &serde_json::json!([])));
    assert_eq!((found["signers"].as_array().unwrap().len(), &found["signers"][1]["who"]), (2, &"bob".into()));
    assert!(ada.done(&["audit", "verify"]).contains("signed also with SHA256:"));
    let fingerprint = found["signers"][1]["key"].as_str().unwrap();
    ada.done(&["audit", "retire", fingerprint, "--yes"]);
    assert!(bob.run(&["audit", "log"]).stderr.contains("has not admitted"));
    assert_eq!(verdicts(&ada)["integrity"], "ok");
    let log = ada.done(&["audit", "log", "--kind", "key"]);
    assert!(log.contains("key.admitted") && log.contains("key.retired") && log.contains("of bob"), "{log}");
}

#[test]
fn processes_that_append_at_once_wait_for_each_other() {
    let server = PostgresServer::start();
    let desk = desk_of(&server);
    desk.make_team_ledger(&server);
    // Reading is recorded, so that each of these appends an event of its own.
    let processes: Vec<_> = (0..16).map(|_| desk.start(&["audit", "log", "--limit", "1"])).collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let found = verdicts(&desk);
    assert_eq!((&found["integrity"], &found["completeness"], &found["events"]), (&"ok".into(), &"ok".into(), &17.into()));
}

#[test]
fn a_ledger_in_a_file_keeps_its_one_key() {
    let desk = Desk::new(1, "");
    let key = desk.path("ledger.pub");
    let refused = desk.run(&["audit", "admit", key.to_str().unwrap(), "--who", "bob", "--yes"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("is a file and has one key") && refused.stderr.contains("team-ledger"), "{}", refused.stderr);
}

#[test]
fn what_is_handed_over_is_verified_without_the_server() {
    let server = PostgresServer::start();
    let desk = desk_of(&server);
    desk.make_team_ledger(&server);
    desk.done(&["audit", "export", "--out", "export.jsonl"]);
    desk.done(&["audit", "checkpoint", "--out", "head"]);
    desk.done(&["bundle", "--out", "bundle.tar.gz"]);
    let shown = desk.done(&["audit", "show", "1"]);
    assert!(shown.starts_with("event 1 run.started\n"), "{shown}");
    server.stop("INT");
    desk.done(&["audit", "verify", "--export", "export.jsonl", "--key", "ledger-north.pub"]);
    let gone = desk.run(&["audit", "verify"]);
    assert_eq!(gone.code, 1);
    assert!(gone.stderr.contains("cannot be reached") && gone.stderr.contains("help: "), "{}", gone.stderr);
}

#[test]
fn a_lost_checkpoint_is_made_anew_by_a_person_and_told_of_for_ever() {
    let server = PostgresServer::start();
    let desk = desk_of(&server);
    desk.make_team_ledger(&server);
    desk.done(&["audit", "log"]);
    std::fs::remove_file(desk.path("ledger-north.head")).unwrap();
    assert!(desk.run(&["audit", "log"]).stderr.contains("checkpoint"));
    desk.done(&["audit", "resume", "--reason", "the disk died", "--yes"]);
    assert!(desk.done(&["audit", "verify"]).contains("audit.checkpoint.replaced"));
}

#[test]
fn the_shell_completes_runs_from_the_server() {
    let server = PostgresServer::start();
    let desk = desk_of(&server);
    desk.make_team_ledger(&server);
    let said = desk.run_with(&[("COMPLETE", "fish")], &["--", "portcullis", "rollback", ""]);
    assert!(said.stdout.contains("run-1"), "{}", said.stdout);
}
