//! The ledger as its users meet it: files on a disk, several processes, forgers.

use std::path::Path;

use jiff::Timestamp;
use portcullis::ledger::event::Actor;
use portcullis::ledger::{Beginning, Ledger, LedgerEvent, OpenOptions, Origin};

mod appends;
mod commands;
mod countersigning;
mod database;
mod desk;
mod export;
mod forwarding;
mod postgres;
mod readers;
mod store;

/// Who acts in these tests.
fn origin() -> Origin {
    let actor = Actor { user: "ada".into(), host: "desk".into(), pid: 42 };
    Origin { site: "north".into(), actor, from: "192.0.2.7".into() }
}

/// A fixed moment, `seconds` after noon.
fn noon(seconds: u64) -> Timestamp {
    Timestamp::from_second(1_795_348_800 + i64::try_from(seconds).unwrap()).unwrap()
}

/// The event that stands as number `number` in the ledgers of these tests.
fn event(number: u64) -> LedgerEvent {
    origin().run_started(noon(number), &format!("run-{number}"), &Beginning::new(&["tls", "smtp"], &["a0-1"]))
}

/// A ledger of `count` events in `folder`.
fn filled(folder: &Path, count: u64) -> Ledger {
    let ledger = Ledger::open_file(&folder.join("ledger.db"), &OpenOptions::append()).unwrap();
    for number in 1..=count {
        assert_eq!(ledger.append(&event(number)).unwrap().seq, number);
    }
    ledger
}
