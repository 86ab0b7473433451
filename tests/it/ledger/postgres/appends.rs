//! Several machines append to one ledger, several sites to one database.

use portcullis::ledger::{ExportFormat, LedgerError, LogQuery, OpenOptions, Verdict, VerifyOptions, verify_export};

use super::{Ledger, Machine, PostgresServer, assert_whole, event, fill, location, noon, origin};

const EACH: u64 = 100;

#[test]
fn two_machines_that_append_at_once_make_one_whole_chain_of_two_keys() {
    let server = PostgresServer::start();
    let ada = Machine::new(&server.url());
    let first = ada.ledger();
    assert_eq!(first.append(&event(1)).unwrap().seq, 1);
    let bob = Machine::admitted_by(&first, &server.url());
    let second = bob.ledger();
    std::thread::scope(|scope| {
        for ledger in [&first, &second] {
            scope.spawn(move || (1..=EACH).for_each(|number| assert!(ledger.append(&event(number)).unwrap().seq > 2)));
        }
    });
    for ledger in [&first, &second] {
        assert_whole(ledger, 2 + 2 * EACH);
    }
    let signers = first.verify(&VerifyOptions::default()).unwrap().signers;
    assert_eq!((signers.len(), signers[1].who.as_deref(), signers[1].admitted), (2, Some("bob"), Some(2)));
    // Whoever has nothing but the export comes to the same verdict.
    let mut export = Vec::new();
    assert_eq!(second.export(ExportFormat::Jsonl, &mut export).unwrap(), 2 + 2 * EACH);
    let verdicts = verify_export(&mut export.as_slice(), "export", &VerifyOptions::default()).unwrap();
    assert_eq!((verdicts.findings.as_slice(), verdicts.integrity, verdicts.completeness), (&[][..], Verdict::Ok, Verdict::Ok));
}

#[test]
fn a_machine_whose_key_was_retired_appends_no_more_and_what_it_wrote_stays() {
    let server = PostgresServer::start();
    let ada = Machine::new(&server.url());
    let first = ada.ledger();
    first.append(&event(1)).unwrap();
    let bob = Machine::admitted_by(&first, &server.url());
    bob.ledger().append(&event(3)).unwrap();
    let key = first.verify(&VerifyOptions::default()).unwrap().signers[1].key.clone();
    assert!(matches!(bob.ledger().retire(&origin(), noon(4), &key), Err(LedgerError::OwnKey { .. })));
    assert!(matches!(first.retire(&origin(), noon(4), "SHA256:x"), Err(LedgerError::NoSuchKey { .. })));
    first.retire(&origin(), noon(4), &key).unwrap();
    assert!(matches!(bob.ledger().append(&event(5)), Err(LedgerError::NotAdmitted { .. })));
    assert_whole(&first, 4);
    assert_whole(&bob.ledger(), 4);
}

#[test]
fn sites_of_one_database_know_nothing_of_each_other() {
    let server = PostgresServer::start();
    let folder = tempfile::tempdir().unwrap();
    let open = |site: &str| Ledger::open(&location(&server.url(), site, folder.path()), &OpenOptions::append()).unwrap();
    let (north, south) = (open("north"), open("south"));
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=10).for_each(|number| assert_eq!(north.append(&event(number)).unwrap().seq, number)));
        scope.spawn(|| (1..=10).for_each(|number| assert_eq!(south.append(&event(number)).unwrap().seq, number)));
    });
    assert_ne!(north.id().unwrap(), south.id().unwrap());
    for ledger in [&north, &south] {
        assert_whole(ledger, 10);
    }
    let east = Ledger::open(&location(&server.url(), "east", folder.path()), &OpenOptions::read());
    assert!(matches!(east, Err(LedgerError::Missing { .. })), "looking makes none");
}

#[test]
fn a_ledger_that_several_make_at_once_is_one() {
    let server = PostgresServer::start();
    let machine = Machine::new(&server.url());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert!(machine.ledger().append(&event(1)).unwrap().seq > 0));
        }
    });
    assert_whole(&machine.ledger(), 6);
}

#[test]
fn the_log_gives_what_is_asked_for_as_a_file_does() {
    let server = PostgresServer::start();
    let machine = Machine::new(&server.url());
    let ledger = machine.ledger();
    fill(&ledger, 5);
    ledger.append(&origin().audit_read(noon(6), 5, "all \u{0} and \u{1f511}")).unwrap();
    let numbers = |query: LogQuery| ledger.log(&query).unwrap().iter().map(|logged| logged.seq).collect::<Vec<_>>();
    assert_eq!(numbers(LogQuery::default()), [6, 5, 4, 3, 2, 1]);
    assert_eq!(numbers(LogQuery { limit: Some(2), ..LogQuery::default() }), [6, 5]);
    assert_eq!(numbers(LogQuery { since: Some(noon(4)), until: Some(noon(6)), ..LogQuery::default() }), [5, 4]);
    assert_eq!(numbers(LogQuery { subject: Some("run-3".into()), ..LogQuery::default() }), [3]);
    assert_eq!(numbers(LogQuery { kind: Some("audit.".into()), ..LogQuery::default() }), [6]);
    assert_eq!(numbers(LogQuery { who: Some("ada".into()), seq: Some(2), ..LogQuery::default() }), [2]);
    assert_eq!(numbers(LogQuery { who: Some("eve".into()), ..LogQuery::default() }), [] as [u64; 0]);
    assert_eq!(ledger.log(&LogQuery { subject: Some("run-3".into()), ..LogQuery::default() }).unwrap()[0].event, event(3));
    assert_whole(&ledger, 6);
}
