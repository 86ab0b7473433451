//! Every bit of every line of an export, flipped one at a time: none goes unseen, and the class is right.

use super::chain::{Judged, LedgerId, Record, genesis, seal};
use super::event::tests::{noon, origin};
use super::link::join;
use super::runs::Beginning;
use super::sign::SigningKey;
use super::transcript::judge_line;
use super::verify::{Identity, KnownHead};

const EVENTS: u64 = 50;

struct Ledger {
    identity: Identity,
    lines: Vec<Vec<u8>>,
    judged: Vec<Judged>,
    head: KnownHead,
}

fn ledger() -> Ledger {
    let key = SigningKey::generate().unwrap();
    let identity = Identity { ledger: LedgerId::made_at(noon(0)), key: key.public().clone() };
    let mut prev = genesis(identity.ledger, &identity.key);
    let mut lines = Vec::new();
    for seq in 1..=EVENTS {
        let event = origin().run_started(noon(i64::try_from(seq).unwrap()), &format!("r{seq}"), &Beginning::new(&["tls"], &["a0-1"]));
        let record = seal(prev, event.encode_body(seq).unwrap(), &key).unwrap();
        prev = record.hash;
        lines.push(line_of(&record));
    }
    let judged: Vec<_> = (2..).zip(&lines).map(|(place, line)| judge_line(place, line, &identity)).collect();
    let head = KnownHead::stated("a0-1", EVENTS, prev);
    Ledger { identity, lines, judged, head }
}

fn line_of(record: &Record) -> Vec<u8> {
    let found = super::chain::Found {
        place: 0,
        prev: record.prev.bytes(),
        hash: record.hash.bytes(),
        signature: &record.signature,
        body: record.body.as_bytes(),
    };
    let mut line = Vec::new();
    super::export::write_event(super::ExportFormat::Jsonl, &found, &mut line).unwrap();
    line.pop();
    line
}

/// Flips every bit of the lines `which`; gives the bits that were not found, or found as something else.
fn unseen(ledger: &Ledger, which: impl Iterator<Item = usize>) -> Vec<String> {
    let mut unseen = Vec::new();
    for index in which {
        let mut judged = ledger.judged.clone();
        let mut line = ledger.lines[index].clone();
        for bit in 0..line.len() * 8 {
            // A line break makes two lines of one; `tests/it/ledger` has that.
            line[bit / 8] ^= 1 << (bit % 8);
            if line[bit / 8] != b'\n' {
                judged[index] = judge_line(judged[index].place, &line, &ledger.identity);
                let findings = join(&ledger.identity, &judged, &[&ledger.head]).findings;
                let right = |id: &str| matches!(id, "audit.event.altered" | "audit.signature");
                match findings.as_slice() {
                    [one] if right(&one.id) && one.subject == format!("event {}", index + 1) => {}
                    other => unseen.push(format!("event {}, bit {bit}: {other:?}", index + 1)),
                }
            }
            line[bit / 8] ^= 1 << (bit % 8);
        }
    }
    unseen
}

#[test]
fn every_flipped_bit_of_fifty_events_is_found_as_an_alteration_of_its_own_event() {
    let ledger = ledger();
    assert_eq!(join(&ledger.identity, &ledger.judged, &[&ledger.head]).findings, []);
    let count = ledger.lines.len();
    let (even, odd) = std::thread::scope(|scope| {
        let even = scope.spawn(|| unseen(&ledger, (0..count).step_by(2)));
        let odd = scope.spawn(|| unseen(&ledger, (1..count).step_by(2)));
        (even.join().unwrap(), odd.join().unwrap())
    });
    assert_eq!([even, odd].concat(), Vec::<String>::new());
}
