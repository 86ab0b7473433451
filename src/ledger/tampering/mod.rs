//! A ledger of two hundred events in memory, for whoever alters, removes, puts in and cuts.

mod flips;
mod forgeries;

use super::chain::{Found, Judged, LedgerId, Record, genesis, seal};
use super::event::LedgerEvent;
use super::event::tests::{noon, origin};
use super::export::write_event;
use super::keys::Keys;
use super::runs::Beginning;
use super::sign::SigningKey;
use super::transcript::judge_line;
use super::verify::{Identity, KnownHead};

/// How many events the ledgers here have.
const EVENTS: u64 = 200;

struct Ledger {
    key: SigningKey,
    identity: Identity,
    /// Its events as lines of an export, without line breaks.
    lines: Vec<Vec<u8>>,
    judged: Vec<Judged>,
    head: KnownHead,
}

fn event(seq: u64) -> LedgerEvent {
    origin().run_started(noon(i64::try_from(seq).unwrap()), &format!("r{seq}"), &Beginning::new(&["tls"], &["a0-1"]))
}

fn ledger(events: impl IntoIterator<Item = LedgerEvent>) -> Ledger {
    let key = SigningKey::generate().unwrap();
    let identity = Identity { ledger: LedgerId::made_at(noon(0)), key: key.public().clone() };
    let mut prev = genesis(identity.ledger, &identity.key);
    let mut lines = Vec::new();
    for (seq, event) in (1..).zip(events) {
        let record = seal(prev, event.encode_body(seq).unwrap(), &key).unwrap();
        prev = record.hash;
        lines.push(line_of(&record));
    }
    let judged: Vec<_> = (2..).zip(&lines).map(|(place, line)| judge_line(place, line, &Keys::of(&identity.key))).collect();
    let head = KnownHead::stated("a0-1", u64::try_from(lines.len()).unwrap(), prev);
    Ledger { key, identity, lines, judged, head }
}

fn line_of(record: &Record) -> Vec<u8> {
    let found = Found {
        place: 0,
        prev: record.prev.bytes(),
        hash: record.hash.bytes(),
        signature: &record.signature,
        body: record.body.as_bytes(),
    };
    let mut line = Vec::new();
    write_event(super::ExportFormat::Jsonl, &found, &mut line).unwrap();
    line.pop();
    line
}
