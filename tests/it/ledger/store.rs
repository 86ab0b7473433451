//! The ledger's files: how they are made, and how each way of being unusable is said.
#![expect(clippy::disallowed_methods, reason = "files are spoilt here on purpose")]

use std::error::Error as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use portcullis::ledger::{Ledger, LedgerError, LogQuery, OpenOptions, Verdict, VerifyOptions};

use super::{event, filled, noon, origin};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn open(path: &Path) -> Result<Ledger, LedgerError> {
    Ledger::open_file(path, &OpenOptions { patience: Duration::from_millis(50), ..OpenOptions::append() })
}

#[test]
fn the_first_event_makes_the_ledger_its_key_and_its_checkpoint_for_the_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/ledger.db");
    let ledger = open(&path).unwrap();
    assert!(!path.with_extension("key").exists(), "no key before the first event");
    assert_eq!(ledger.append(&event(1)).unwrap().seq, 1);
    assert_eq!((mode(&path), mode(&path.with_extension("key"))), (0o600, 0o600));
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert!(fs::read_to_string(path.with_extension("key")).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    assert!(fs::read_to_string(path.with_extension("pub")).unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    drop(ledger);
    let mut names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ledger.db", "ledger.head", "ledger.key", "ledger.pub"]);
}

#[test]
fn the_log_gives_the_newest_first_within_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path(), 5);
    ledger.append(&origin().audit_read(noon(6), 5, "all")).unwrap();
    let numbers = |query: LogQuery| ledger.log(&query).unwrap().iter().map(|logged| logged.seq).collect::<Vec<_>>();
    assert_eq!(numbers(LogQuery::default()), [6, 5, 4, 3, 2, 1]);
    assert_eq!(numbers(LogQuery { limit: Some(2), ..LogQuery::default() }), [6, 5]);
    assert_eq!(numbers(LogQuery { since: Some(noon(4)), ..LogQuery::default() }), [6, 5, 4]);
    assert_eq!(numbers(LogQuery { subject: Some("run-3".into()), ..LogQuery::default() }), [3]);
    assert_eq!(numbers(LogQuery { kind: Some("audit.".into()), ..LogQuery::default() }), [6]);
    assert_eq!(ledger.log(&LogQuery { subject: Some("run-3".into()), ..LogQuery::default() }).unwrap()[0].event, event(3));
}

#[test]
fn a_ledger_goes_on_after_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 2));
    let ledger = open(&folder.path().join("ledger.db")).unwrap();
    assert_eq!(ledger.append(&event(3)).unwrap().seq, 3);
    let verdicts = ledger.verify(&VerifyOptions::default()).unwrap();
    assert_eq!((verdicts.integrity, verdicts.completeness, verdicts.events), (Verdict::Ok, Verdict::Ok, 3));
}

#[test]
fn an_empty_ledger_is_not_called_complete() {
    let folder = tempfile::tempdir().unwrap();
    let verdicts = filled(folder.path(), 0).verify(&VerifyOptions::default()).unwrap();
    assert_eq!((verdicts.integrity, verdicts.completeness), (Verdict::Ok, Verdict::Unproven));
    assert_eq!(verdicts.findings, []);
}

#[test]
fn what_is_no_ledger_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    assert!(matches!(Ledger::open_file(&path, &OpenOptions::read()), Err(LedgerError::Missing { .. })));
    let text = "a shopping list, long enough to be looked at as a database header and then some".repeat(20);
    fs::write(&path, &text).unwrap();
    assert!(matches!(open(&path), Err(LedgerError::NotALedger { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE albums (name TEXT)").unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, LedgerError::NotALedger { .. }));
    assert_eq!(error.to_string(), format!("{} is not a ledger", path.display()));
    assert!(error.help().unwrap().contains("--ledger"));
}

#[test]
fn a_ledger_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 1));
    let path = folder.path().join("ledger.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(open(&path), Err(LedgerError::Newer { found: 99, known: 1, .. })));
    assert!(matches!(Ledger::open_file(&path, &OpenOptions::read()), Err(LedgerError::Newer { .. })));
}

#[test]
fn a_ledger_held_by_another_process_is_said_to_be_held() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 1));
    let path = folder.path().join("ledger.db");
    let holder = rusqlite::Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(open(&path).unwrap().append(&event(2)), Err(LedgerError::Locked { .. })));
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(open(&path).unwrap().append(&event(2)).unwrap().seq, 2);
}

#[test]
fn a_ledger_opened_for_reading_is_never_written() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 1));
    let ledger = Ledger::open_file(&folder.path().join("ledger.db"), &OpenOptions::read()).unwrap();
    assert!(matches!(ledger.append(&event(2)), Err(LedgerError::ReadOnly { .. })));
}

#[test]
fn a_damaged_file_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 60));
    let path = folder.path().join("ledger.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes.iter_mut().skip(4096).for_each(|byte| *byte = 0xa5);
    fs::write(&path, bytes).unwrap();
    let outcome = open(&path).and_then(|ledger| ledger.append(&event(61)).map(drop));
    assert!(matches!(outcome, Err(LedgerError::Corrupt { .. })), "{outcome:?}");
    assert!(outcome.unwrap_err().source().is_some());
}

#[test]
fn a_key_that_is_missing_exposed_or_foreign_stops_the_ledger_from_growing() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path(), 1);
    let key = folder.path().join("ledger.key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let error = ledger.append(&event(2)).unwrap_err();
    assert!(matches!(error, LedgerError::KeyExposed { mode: 0o640, .. }));
    assert_eq!(error.help().unwrap(), format!("chmod 600 {}", key.display()));
    fs::remove_file(&key).unwrap();
    assert!(matches!(ledger.append(&event(2)), Err(LedgerError::KeyMissing { .. })));
    let other = tempfile::tempdir().unwrap();
    drop(filled(other.path(), 1));
    fs::copy(other.path().join("ledger.key"), &key).unwrap();
    assert!(matches!(ledger.append(&event(2)), Err(LedgerError::KeyMismatch { .. })));
    assert_eq!(ledger.verify(&VerifyOptions::default()).unwrap().events, 1, "verifying needs no private key");
}

#[test]
fn a_first_event_that_was_broken_off_leaves_a_key_that_the_next_one_takes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let other = tempfile::tempdir().unwrap();
    drop(filled(other.path(), 1));
    fs::copy(other.path().join("ledger.key"), path.with_extension("key")).unwrap();
    assert_eq!(open(&path).unwrap().append(&event(1)).unwrap().seq, 1);
    assert_eq!(fs::read(path.with_extension("key")).unwrap(), fs::read(other.path().join("ledger.key")).unwrap());
}

#[test]
fn an_event_with_a_private_key_in_it_is_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path(), 1);
    let pem = fs::read_to_string(folder.path().join("ledger.key")).unwrap();
    assert!(matches!(ledger.append(&origin().audit_read(noon(2), 1, &pem)), Err(LedgerError::Event { .. })));
    assert_eq!(ledger.verify(&VerifyOptions::default()).unwrap().events, 1);
}
