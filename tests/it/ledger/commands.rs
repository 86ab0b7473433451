//! `audit` as a person meets it: the log and its filters, one event, a lost checkpoint, a ledger edited by `sqlite3`.
#![expect(clippy::disallowed_methods, reason = "files are taken away and put back here on purpose")]

use serde_json::Value;

use super::desk::Desk;

fn numbers(desk: &Desk, filters: &[&str]) -> Vec<u64> {
    let stdout = desk.done(&[&["audit", "log", "--output", "json"], filters].concat());
    let log: Value = serde_json::from_str(&stdout).unwrap();
    log["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

#[test]
fn the_log_is_filtered_and_each_reading_of_it_recorded() {
    let desk = Desk::new(5, "");
    assert_eq!(numbers(&desk, &["--run", "run-3"]), [3]);
    assert_eq!(numbers(&desk, &["--since", "2026-11-22T12:00:02Z", "--until", "2026-11-22T12:00:05Z"]), [4, 3, 2]);
    assert_eq!(numbers(&desk, &["--kind", "audit"]), [7, 6]);
    assert_eq!(numbers(&desk, &["--who", "operator", "-L", "1"]), [8]);
    assert_eq!(numbers(&desk, &["--who", "eve"]), [] as [u64; 0]);
    let log = desk.done(&["audit", "log", "--limit", "1"]);
    assert!(log.contains("newest 50 who eve"), "the record says what was asked for: {log}");
    let shown = desk.done(&["audit", "show", "2"]);
    assert!(shown.starts_with("event 2 run.started\n") && shown.contains("\"a0-1\""), "{shown}");
    let missing = desk.run(&["audit", "show", "999"]);
    assert_eq!(missing.code, 2, "{}", missing.stderr);
}

#[test]
fn what_sqlite3_alters_removes_puts_in_or_cuts_is_found_with_the_right_verdict() {
    let free = "DROP TRIGGER events_keep; DROP TRIGGER events_stay; DROP TRIGGER events_follow;";
    let put_in =
        "INSERT INTO events (seq, prev, hash, signature, body) SELECT 9, prev, zeroblob(32), signature, body FROM events WHERE seq = 2;";
    for (statement, integrity, completeness, id) in [
        ("UPDATE events SET body = replace(body, 'ada', 'eve') WHERE seq = 3;", "broken", "ok", "audit.event.altered"),
        ("DELETE FROM events WHERE seq = 3;", "ok", "broken", "audit.event.missing"),
        ("DELETE FROM events WHERE seq > 6;", "ok", "broken", "audit.tail.cut"),
        (put_in, "broken", "ok", "audit.event.inserted"),
    ] {
        let desk = Desk::new(8, "");
        desk.program(&["sqlite3", "ledger.sqlite", &format!("{free}{statement}")]);
        let said = desk.run(&["audit", "verify", "--output", "json"]);
        assert_eq!(said.code, 3, "{statement}: {}", said.stderr);
        let found: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((&found["integrity"], &found["completeness"]), (&integrity.into(), &completeness.into()), "{statement}");
        assert_eq!(found["findings"][0]["id"], id);
    }
    let desk = Desk::new(2, "");
    let refused = std::process::Command::new("sqlite3").arg(desk.path("ledger.sqlite")).arg("DELETE FROM events;").output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("append-only"), "the ledger itself refuses an honest tool");
}

#[test]
fn a_lost_checkpoint_is_made_anew_by_a_person_and_told_of_for_ever() {
    let desk = Desk::new(4, "");
    let kept = desk.read("ledger.head");
    std::fs::remove_file(desk.path("ledger.head")).unwrap();
    let said = desk.run(&["audit", "log"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("portcullis audit resume"), "{}", said.stderr);
    let resume = ["audit", "resume", "--reason", "the disk was lost", "--yes"];
    desk.done(&resume);
    let said = desk.run(&["audit", "verify"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(said.stdout.contains("unproven") && said.stdout.contains("audit.checkpoint.replaced"), "{}", said.stdout);
    desk.done(&["audit", "log"]);
    assert_eq!(desk.run(&resume).code, 1, "a checkpoint that is there is not made anew");
    // Measured by what somebody kept, it is complete again: nobody knew of a newer event.
    std::fs::remove_file(desk.path("ledger.head")).unwrap();
    desk.write("kept", &kept);
    let desk2 = Desk::new(0, "");
    for name in ["ledger.sqlite", "ledger.key", "ledger.pub"] {
        std::fs::copy(desk.path(name), desk2.path(name)).unwrap();
    }
    assert!(
        desk2
            .done(&["audit", "verify", "--head", desk.path("kept").to_str().unwrap(), "--export", &exported(&desk, &resume)])
            .contains("ok")
    );
}

fn exported(desk: &Desk, resume: &[&str]) -> String {
    desk.done(&[resume, &["--head", "kept"]].concat());
    desk.done(&["audit", "export", "--out", "export.jsonl"]);
    desk.path("export.jsonl").display().to_string()
}

#[test]
fn a_cut_tail_is_not_papered_over_by_making_the_checkpoint_anew() {
    let desk = Desk::new(6, "");
    desk.write("kept", &desk.read("ledger.head"));
    desk.program(&["sqlite3", "ledger.sqlite", "DROP TRIGGER events_stay; DELETE FROM events WHERE seq > 4;"]);
    assert_eq!(desk.run(&["audit", "resume", "--reason", "x", "--yes"]).code, 1, "the checkpoint itself knows better");
    std::fs::remove_file(desk.path("ledger.head")).unwrap();
    let said = desk.run(&["audit", "resume", "--reason", "x", "--yes", "--head", "kept"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("cut off"), "{}", said.stderr);
    assert!(!desk.path("ledger.head").exists());
}

/// Without its ledger a site would seem to have no windows.
#[test]
fn a_ledger_that_was_named_or_is_lost_is_missed_and_none_is_made_in_its_place() {
    let desk = Desk::new(0, "");
    let verbs: [&[&str]; 8] = [
        &["access", "list"],
        &["access", "list", "--all"],
        &["access", "show", "w-1"],
        &["access", "close", "--all"],
        &["access", "extend", "w-1", "--for", "1h"],
        &["access", "renew"],
        &["access", "replay", "w-1"],
        &["audit", "log"],
    ];
    for verb in verbs {
        let said = desk.run(&[verb, &["--ledger", "nowhere.sqlite"]].concat());
        assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{verb:?}: {}", said.stderr);
        assert!(
            said.stderr.contains("nowhere.sqlite") && said.stderr.contains("\nhelp: name the ledger with --ledger FILE, or restore"),
            "{}",
            said.stderr
        );
        assert!(!desk.path("nowhere.sqlite").exists(), "{verb:?}");
    }
    // A site that has none yet has no windows; one whose ledger was removed is told so.
    assert!(desk.done(&["access", "list"]).contains("no window is open"));
    let desk = Desk::new(3, "");
    std::fs::remove_file(desk.path("ledger.sqlite")).unwrap();
    let said = desk.run(&["access", "list"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{}", said.stderr);
    assert!(said.stderr.contains("restore it from a backup"), "{}", said.stderr);
}
