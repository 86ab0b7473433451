//! Every bit of every event of an export, flipped one at a time: none goes unseen, and the class is right.
//!
//! An optimised build (`make fuzz`) flips each bit of each event. A debug build, where that takes minutes, flips every
//! bit of every eighth event and every eighth bit of the others, in turn, so that each place of a line has its turn.

use std::collections::HashSet;

use super::{EVENTS, Ledger, event, ledger};
use crate::ledger::keys::Keys;
use crate::ledger::link::join;
use crate::ledger::transcript::judge_line;

const STRIDE: usize = if cfg!(debug_assertions) { 8 } else { 1 };

/// Flips bits of the lines `which`; gives the bits that were not found, or found as something else.
fn unseen(ledger: &Ledger, which: impl Iterator<Item = usize>) -> Vec<String> {
    let mut unseen = Vec::new();
    for index in which {
        let stride = if index % STRIDE == 0 { 1 } else { STRIDE };
        let mut judged = ledger.judged.clone();
        let mut line = ledger.lines[index].clone();
        // What the whole chain makes of a line depends on its judgement alone: each is joined once.
        let mut known = HashSet::new();
        for bit in (index % stride..line.len() * 8).step_by(stride) {
            // A line break makes two lines of one; `tests/it/ledger` has that.
            line[bit / 8] ^= 1 << (bit % 8);
            if line[bit / 8] != b'\n' {
                judged[index] = judge_line(judged[index].place, &line, &Keys::of(&ledger.identity.key));
                if known.insert(judged[index].clone()) {
                    unseen.extend(misjudged(ledger, &judged, index).map(|found| format!("event {}, bit {bit}: {found}", index + 1)));
                }
            }
            line[bit / 8] ^= 1 << (bit % 8);
        }
    }
    unseen
}

/// What was found, where it is anything but one alteration of the event at `index`.
fn misjudged(ledger: &Ledger, judged: &[crate::ledger::chain::Judged], index: usize) -> Option<String> {
    let findings = join(&ledger.identity, judged, &[&ledger.head]).findings;
    let right = |id: &str| matches!(id, "audit.event.altered" | "audit.signature");
    match findings.as_slice() {
        [one] if right(&one.id) && one.subject == format!("event {}", index + 1) => None,
        other => Some(format!("{other:?}")),
    }
}

#[test]
fn every_flipped_bit_of_two_hundred_events_is_found_as_an_alteration_of_its_own_event() {
    let ledger = ledger((1..=EVENTS).map(event));
    assert_eq!(join(&ledger.identity, &ledger.judged, &[&ledger.head]).findings, []);
    let count = ledger.lines.len();
    let (even, odd) = std::thread::scope(|scope| {
        let even = scope.spawn(|| unseen(&ledger, (0..count / 2).map(|half| half * 2)));
        let odd = scope.spawn(|| unseen(&ledger, (0..count / 2).map(|half| half * 2 + 1)));
        (even.join().unwrap(), odd.join().unwrap())
    });
    assert_eq!([even, odd].concat(), Vec::<String>::new());
}
