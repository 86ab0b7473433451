//! A forger at the database: what the triggers stop, what the verdicts find when the triggers are gone.

use portcullis::ledger::{LedgerError, Verdict, VerifyOptions};

use super::{Machine, PostgresServer, assert_whole, event, fill};

const UNGUARDED: &str = "ALTER TABLE portcullis.events DISABLE TRIGGER ALL; ALTER TABLE portcullis.meta DISABLE TRIGGER ALL;";

#[test]
fn the_database_itself_refuses_to_change_remove_or_put_in() {
    let server = PostgresServer::start();
    let machine = Machine::new(&server.url());
    let ledger = machine.ledger();
    fill(&ledger, 3);
    for statement in [
        "UPDATE portcullis.events SET body = replace(body, 'ada', 'eve')",
        "DELETE FROM portcullis.events WHERE seq = 3",
        "TRUNCATE portcullis.events",
        "INSERT INTO portcullis.events (site, seq, prev, hash, signature, body) SELECT site, 9, prev, prev, signature, body FROM portcullis.events WHERE seq = 3",
        "UPDATE portcullis.meta SET value = 'x'",
        "DELETE FROM portcullis.meta",
        "UPDATE portcullis.sites SET name = 'south'",
    ] {
        let said = server.refused(statement);
        assert!(said.contains("append-only") || said.contains("at its end alone"), "{statement}: {said}");
    }
    assert_whole(&ledger, 3);
}

#[test]
fn what_psql_alters_removes_puts_in_moves_or_cuts_is_found_with_the_right_verdict() {
    let server = PostgresServer::start();
    let put_in = "INSERT INTO portcullis.events (site, seq, prev, hash, signature, body)
                  SELECT site, 7, prev, decode(repeat('00', 32), 'hex'), signature, body FROM portcullis.events WHERE seq = 3";
    let swap = "UPDATE portcullis.events SET seq = 99 WHERE seq = 2; UPDATE portcullis.events SET seq = 2 WHERE seq = 3;
                UPDATE portcullis.events SET seq = 3 WHERE seq = 99";
    let unsigned = "UPDATE portcullis.events SET signature = decode(repeat('00', 64), 'hex') WHERE seq = 2";
    for (statement, integrity, completeness, id, subject) in [
        (
            "UPDATE portcullis.events SET body = replace(body, 'ada', 'eve') WHERE seq = 4",
            Verdict::Broken,
            Verdict::Ok,
            "audit.event.altered",
            "event 4",
        ),
        (unsigned, Verdict::Broken, Verdict::Ok, "audit.signature", "event 2"),
        ("DELETE FROM portcullis.events WHERE seq IN (3, 4)", Verdict::Ok, Verdict::Broken, "audit.event.missing", "events 3 to 4"),
        ("DELETE FROM portcullis.events WHERE seq > 4", Verdict::Ok, Verdict::Broken, "audit.tail.cut", "events 5 to 6"),
        ("DELETE FROM portcullis.events", Verdict::Ok, Verdict::Broken, "audit.tail.cut", "events 1 to 6"),
        (put_in, Verdict::Broken, Verdict::Ok, "audit.event.inserted", "place 7"),
        (swap, Verdict::Broken, Verdict::Ok, "audit.order", "event 2"),
        ("DELETE FROM portcullis.meta", Verdict::Broken, Verdict::Unproven, "audit.ledger.mismatch", "ledger"),
    ] {
        server.sql("postgres", "DROP DATABASE IF EXISTS ledger WITH (FORCE)");
        server.sql("postgres", "CREATE DATABASE ledger OWNER ada");
        let machine = Machine::new(&server.url());
        let ledger = machine.ledger();
        fill(&ledger, 6);
        server.sql("ledger", &format!("{UNGUARDED}{statement}"));
        let verdicts = ledger.verify(&VerifyOptions::default()).unwrap();
        let found: Vec<_> = verdicts.findings.iter().map(|finding| (finding.id.as_str(), finding.subject.as_str())).collect();
        assert_eq!((found, verdicts.integrity, verdicts.completeness), (vec![(id, subject)], integrity, completeness), "{statement}");
    }
}

#[test]
fn appending_does_not_cover_up_a_cut_tail() {
    let server = PostgresServer::start();
    let machine = Machine::new(&server.url());
    let ledger = machine.ledger();
    fill(&ledger, 4);
    server.sql("ledger", &format!("{UNGUARDED}DELETE FROM portcullis.events WHERE seq = 4"));
    assert!(matches!(ledger.append(&event(5)), Err(LedgerError::Cut { end: 3, known: 4, .. })));
    std::fs::remove_file(machine.folder.path().join("ledger-north.head")).unwrap();
    assert!(matches!(ledger.append(&event(5)), Err(LedgerError::CheckpointMissing { .. })));
}

#[test]
fn a_cut_that_takes_the_admission_of_a_machine_away_is_a_cut_to_that_machine() {
    let server = PostgresServer::start();
    let ada = Machine::new(&server.url());
    ada.ledger().append(&event(1)).unwrap();
    let bob = Machine::admitted_by(&ada.ledger(), &server.url());
    bob.ledger().append(&event(3)).unwrap();
    server.sql("ledger", &format!("{UNGUARDED}DELETE FROM portcullis.events WHERE seq > 1"));
    let verdicts = bob.ledger().verify(&VerifyOptions::default()).unwrap();
    let found: Vec<_> = verdicts.findings.iter().map(|finding| (finding.id.as_str(), finding.subject.as_str())).collect();
    assert_eq!(found, [("audit.tail.cut", "events 2 to 3")]);
}

#[test]
fn a_ledger_made_anew_in_the_place_of_the_one_that_was_there_is_refused() {
    let server = PostgresServer::start();
    let ada = Machine::new(&server.url());
    ada.ledger().append(&event(1)).unwrap();
    let bob = Machine::admitted_by(&ada.ledger(), &server.url());
    bob.ledger().append(&event(3)).unwrap();
    server.sql("postgres", "DROP DATABASE ledger WITH (FORCE)");
    server.sql("postgres", "CREATE DATABASE ledger OWNER ada");
    let eve = Machine::new(&server.url());
    eve.ledger().append(&event(1)).unwrap();
    assert!(matches!(bob.ledger().append(&event(2)), Err(LedgerError::OtherLedger { .. })));
    let verdicts = bob.ledger().verify(&VerifyOptions::default()).unwrap();
    assert_eq!(verdicts.findings[0].id, "audit.key.unknown");
    assert_eq!(verdicts.integrity, Verdict::Broken);
}
