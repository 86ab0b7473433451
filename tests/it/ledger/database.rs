//! A forger at the database: what the triggers stop, what the verdicts find when the triggers are gone.
#![expect(clippy::disallowed_methods, reason = "a forger does not write atomically")]

use std::fs;
use std::path::Path;

use portcullis::ledger::{KnownHead, Ledger, LedgerError, OpenOptions, Verdict, Verdicts, VerifyOptions};
use rusqlite::Connection;

use super::{event, filled};

const UNGUARDED: &str = "DROP TRIGGER events_keep; DROP TRIGGER events_stay; DROP TRIGGER events_follow; DROP TRIGGER meta_keep;
                         DROP TRIGGER meta_stay;";

fn forge(folder: &Path, statements: &str) {
    let connection = Connection::open(folder.join("ledger.db")).unwrap();
    connection.execute_batch(UNGUARDED).unwrap();
    connection.execute_batch(statements).unwrap();
}

fn verdicts(folder: &Path, options: &VerifyOptions) -> Verdicts {
    Ledger::open_file(&folder.join("ledger.db"), &OpenOptions::read()).unwrap().verify(options).unwrap()
}

fn ids(verdicts: &Verdicts) -> Vec<(&str, &str)> {
    verdicts.findings.iter().map(|finding| (finding.id.as_str(), finding.subject.as_str())).collect()
}

/// What is found in a ledger of six events after `statements`.
fn found_after(statements: &str) -> (Verdict, Verdict, Vec<(String, String)>) {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 6));
    forge(folder.path(), statements);
    let verdicts = verdicts(folder.path(), &VerifyOptions::default());
    let ids = ids(&verdicts).into_iter().map(|(id, subject)| (id.to_owned(), subject.to_owned())).collect();
    (verdicts.integrity, verdicts.completeness, ids)
}

fn one(id: &str, subject: &str) -> Vec<(String, String)> {
    vec![(id.to_owned(), subject.to_owned())]
}

#[test]
fn the_database_itself_refuses_to_change_remove_or_put_in() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 3));
    let connection = Connection::open(folder.path().join("ledger.db")).unwrap();
    for statement in [
        "UPDATE events SET body = replace(body, 'ada', 'eve')",
        "DELETE FROM events WHERE seq = 3",
        "INSERT OR REPLACE INTO events (seq, prev, hash, signature, body) SELECT 2, prev, zeroblob(32), signature, body FROM events WHERE seq = 3",
        "INSERT INTO events (seq, prev, hash, signature, body) SELECT 9, prev, zeroblob(32), signature, body FROM events WHERE seq = 3",
        "UPDATE meta SET value = 'x'",
        "DELETE FROM meta",
        "INSERT OR REPLACE INTO meta (name, value) VALUES ('key', 'x')",
    ] {
        assert!(connection.execute_batch(statement).is_err(), "{statement}");
    }
    assert_eq!(verdicts(folder.path(), &VerifyOptions::default()).findings, []);
}

#[test]
fn an_altered_event_breaks_integrity_alone() {
    let found = found_after("UPDATE events SET body = replace(body, 'ada', 'eve') WHERE seq = 4");
    assert_eq!(found, (Verdict::Broken, Verdict::Ok, one("audit.event.altered", "event 4")));
}

#[test]
fn an_event_with_a_forged_hash_lacks_the_signature() {
    let found = found_after("UPDATE events SET signature = zeroblob(64) WHERE seq = 2");
    assert_eq!(found, (Verdict::Broken, Verdict::Ok, one("audit.signature", "event 2")));
}

#[test]
fn a_removed_event_breaks_completeness_alone() {
    let found = found_after("DELETE FROM events WHERE seq IN (3, 4)");
    assert_eq!(found, (Verdict::Ok, Verdict::Broken, one("audit.event.missing", "events 3 to 4")));
}

#[test]
fn the_first_event_removed_is_missing_too() {
    let found = found_after("DELETE FROM events WHERE seq = 1");
    assert_eq!(found, (Verdict::Ok, Verdict::Broken, one("audit.event.missing", "event 1")));
}

#[test]
fn a_cut_tail_breaks_completeness_alone() {
    let found = found_after("DELETE FROM events WHERE seq > 4");
    assert_eq!(found, (Verdict::Ok, Verdict::Broken, one("audit.tail.cut", "events 5 to 6")));
}

#[test]
fn a_ledger_emptied_is_a_tail_cut() {
    let found = found_after("DELETE FROM events");
    assert_eq!(found, (Verdict::Ok, Verdict::Broken, one("audit.tail.cut", "events 1 to 6")));
}

#[test]
fn two_events_that_change_places_are_out_of_order() {
    let swap =
        "UPDATE events SET seq = 99 WHERE seq = 2; UPDATE events SET seq = 2 WHERE seq = 3; UPDATE events SET seq = 3 WHERE seq = 99";
    assert_eq!(found_after(swap), (Verdict::Broken, Verdict::Ok, one("audit.order", "event 2")));
}

#[test]
fn an_event_put_in_is_told_from_an_altered_one() {
    let insert = "INSERT INTO events (seq, prev, hash, signature, body)
                  SELECT 7, prev, zeroblob(32), signature, replace(body, 'ada', 'eve') FROM events WHERE seq = 3";
    assert_eq!(found_after(insert), (Verdict::Broken, Verdict::Ok, one("audit.event.inserted", "place 7")));
}

#[test]
fn a_ledger_that_lost_its_name_is_not_believed() {
    let (integrity, completeness, found) = found_after("DELETE FROM meta");
    assert_eq!((integrity, completeness), (Verdict::Broken, Verdict::Unproven));
    assert_eq!(found, one("audit.ledger.mismatch", "ledger"));
}

#[test]
fn a_ledger_written_anew_with_another_key_is_found_by_the_public_key_and_the_checkpoint() {
    let (folder, forged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(filled(folder.path(), 6));
    drop(filled(forged.path(), 5));
    fs::copy(forged.path().join("ledger.db"), folder.path().join("ledger.db")).unwrap();
    let verdicts = verdicts(folder.path(), &VerifyOptions::default());
    assert_eq!(ids(&verdicts)[0], ("audit.key.unknown", "ledger"));
    assert_eq!(ids(&verdicts)[1].0, "audit.checkpoint.altered");
    assert_eq!((verdicts.integrity, verdicts.completeness), (Verdict::Broken, Verdict::Unproven));
}

#[test]
fn a_cut_tail_whose_checkpoint_was_put_back_is_found_by_what_a_node_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path(), 4);
    let older = fs::read(folder.path().join("ledger.head")).unwrap();
    ledger.append(&event(5)).unwrap();
    let kept = KnownHead::signed("a0-1", ledger.checkpoint().unwrap().unwrap());
    drop(ledger);
    forge(folder.path(), "DELETE FROM events WHERE seq = 5");
    fs::write(folder.path().join("ledger.head"), older).unwrap();
    assert_eq!(verdicts(folder.path(), &VerifyOptions::default()).findings, [], "nothing here knows better");
    let seen = verdicts(folder.path(), &VerifyOptions { heads: vec![kept.clone()], ..VerifyOptions::default() });
    assert_eq!(ids(&seen), [("audit.tail.cut", "event 5")]);
    assert!(seen.findings[0].message.contains("a0-1"));
    // The forger, who holds the key too, writes another fifth event.
    let ledger = Ledger::open_file(&folder.path().join("ledger.db"), &OpenOptions::append()).unwrap();
    ledger.append(&event(55)).unwrap();
    let seen = ledger.verify(&VerifyOptions { heads: vec![kept], ..VerifyOptions::default() }).unwrap();
    assert_eq!(ids(&seen), [("audit.fork", "event 5")]);
    assert_eq!((seen.integrity, seen.completeness), (Verdict::Broken, Verdict::Broken));
}

#[test]
fn appending_does_not_cover_up_a_cut_tail() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 4));
    forge(folder.path(), "DELETE FROM events WHERE seq = 4");
    let ledger = Ledger::open_file(&folder.path().join("ledger.db"), &OpenOptions::append()).unwrap();
    assert!(matches!(ledger.append(&event(5)), Err(LedgerError::Cut { end: 3, known: 4, .. })));
    fs::remove_file(folder.path().join("ledger.head")).unwrap();
    assert!(matches!(ledger.append(&event(5)), Err(LedgerError::CheckpointMissing { .. })));
    let verdicts = ledger.verify(&VerifyOptions::default()).unwrap();
    assert_eq!(ids(&verdicts)[0].0, "audit.checkpoint.missing");
    assert_eq!((verdicts.integrity, verdicts.completeness), (Verdict::Ok, Verdict::Broken));
}
