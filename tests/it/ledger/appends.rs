//! Several threads and several processes append to one ledger at once.

use std::path::Path;

use portcullis::ledger::{Ledger, LogQuery, OpenOptions, Verdict, VerifyOptions};

use super::desk::Desk;
use super::event;

const EACH: u64 = 20;

fn append_some(path: &Path) {
    let ledger = Ledger::open_file(path, &OpenOptions::append()).unwrap();
    for number in 1..=EACH {
        ledger.append(&event(number)).unwrap();
    }
}

#[test]
fn threads_and_processes_that_append_at_once_make_one_whole_chain() {
    let desk = Desk::new(1, "");
    let path = desk.path("ledger.sqlite");
    // Reading is recorded, so that each of these processes appends an event of its own.
    let processes: Vec<_> = (0..12).map(|_| desk.start(&["audit", "log", "--limit", "1"])).collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| append_some(&path));
        }
    });
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let ledger = Ledger::open_file(&path, &OpenOptions::read()).unwrap();
    let verdicts = ledger.verify(&VerifyOptions::default()).unwrap();
    // The threads' events have a fixed date, the processes' that of today: a word about the clock is right.
    assert!(verdicts.findings.iter().all(|finding| finding.id == "audit.clock.back"), "{:?}", verdicts.findings);
    assert_eq!((verdicts.integrity, verdicts.completeness), (Verdict::Ok, Verdict::Ok));
    assert_eq!(verdicts.events, 1 + 12 + 3 * EACH);
    assert_eq!(ledger.checkpoint().unwrap().unwrap().checkpoint.seq, verdicts.events);
    let read = LogQuery { kind: Some("audit.read".into()), ..LogQuery::default() };
    assert_eq!(ledger.log(&read).unwrap().len(), 12);
}

#[test]
fn a_ledger_that_several_make_at_once_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| append_some(&path));
        }
    });
    let verdicts = Ledger::open_file(&path, &OpenOptions::read()).unwrap().verify(&VerifyOptions::default()).unwrap();
    assert_eq!((verdicts.findings.as_slice(), verdicts.events), (&[][..], 6 * EACH));
}

#[test]
fn one_ledger_value_serves_several_threads() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_file(&folder.path().join("ledger.db"), &OpenOptions::append()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (1..=5).for_each(|number| assert!(ledger.append(&event(number)).unwrap().seq > 0)));
        }
    });
    assert_eq!(ledger.verify(&VerifyOptions::default()).unwrap().events, 20);
}
