//! Several threads and several processes append to one ledger at once.

use std::path::{Path, PathBuf};

use portcullis::ledger::{LogQuery, OpenOptions, SqliteLedger, Verdict, VerifyOptions};

use super::event;

const EACH: u64 = 20;
const LEDGER: &str = "PORTCULLIS_TEST_LEDGER";

fn append_some(path: &Path) {
    let ledger = SqliteLedger::open(path, &OpenOptions::append()).unwrap();
    for number in 1..=EACH {
        ledger.append(&event(number)).unwrap();
    }
}

#[test]
#[ignore = "a process of its own, started by the test below"]
fn a_process_appends() {
    append_some(&PathBuf::from(std::env::var_os(LEDGER).expect("started by hand")));
}

#[expect(clippy::disallowed_methods, reason = "only a process of its own shows that locks hold between processes")]
fn start_process(path: &Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "ledger::appends::a_process_appends"])
        .env(LEDGER, path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn threads_and_processes_that_append_at_once_make_one_whole_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    // The ledger is not there yet: its making is raced for as well.
    let processes: Vec<_> = (0..3).map(|_| start_process(&path)).collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| append_some(&path));
        }
    });
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let ledger = SqliteLedger::open(&path, &OpenOptions::read()).unwrap();
    let verdicts = ledger.verify(&VerifyOptions::default()).unwrap();
    assert_eq!(verdicts.findings, []);
    assert_eq!((verdicts.integrity, verdicts.completeness), (Verdict::Ok, Verdict::Ok));
    assert_eq!(verdicts.events, 6 * EACH);
    assert_eq!(ledger.checkpoint().unwrap().unwrap().checkpoint.seq, 6 * EACH);
    assert_eq!(ledger.log(&LogQuery::default()).unwrap().len(), 120);
}

#[test]
fn one_ledger_value_serves_several_threads() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), &OpenOptions::append()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (1..=5).for_each(|number| assert!(ledger.append(&event(number)).unwrap().seq > 0)));
        }
    });
    assert_eq!(ledger.verify(&VerifyOptions::default()).unwrap().events, 20);
}
