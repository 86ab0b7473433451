//! From links looked at one by one to what happened to the chain: altered, missing, put in, put elsewhere, cut.
//!
//! Sound links are what the key signed; each knows its number and what it follows. What is not sound either stands
//! where a sound one should (it was altered) or where none should (it was put in).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::SignedDuration;

use super::chain::{Fault, Hash, Judged, Remark, genesis};
use super::mistake::mistake;
use super::verify::{Identity, KnownHead, Witnessed};
use crate::finding::Finding;

/// Findings that break integrity.
pub(super) const AGAINST_INTEGRITY: [&str; 10] = [
    "audit.event.altered",
    "audit.event.inserted",
    "audit.event.duplicate",
    "audit.order",
    "audit.signature",
    "audit.fork",
    "audit.key.unknown",
    "audit.ledger.mismatch",
    "audit.checkpoint.altered",
    "audit.countersignature",
];
/// Findings that break completeness.
pub(super) const AGAINST_COMPLETENESS: [&str; 4] = ["audit.event.missing", "audit.tail.cut", "audit.fork", "audit.checkpoint.missing"];

/// How far a clock may step back between two events without being worth a word: two processes take their time
/// before they take their turn.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(30);

/// What became of the chain.
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    /// How many events are as they were signed.
    pub(super) events: u64,
    /// The hash of the newest of these.
    pub(super) head: Option<Hash>,
    /// Who countersigned it, and up to which event: the newest of each key.
    pub(super) witnessed: Vec<Witnessed>,
    /// Its checkpoint was lost once, and nobody was asked for a newer one.
    pub(super) is_taken_up_blindly: bool,
}

type Sound<'a> = BTreeMap<u64, &'a Judged>;

/// Joins `judged`, in the order in which they stand, to a chain, and compares it with the heads that are believed.
pub(super) fn join(identity: &Identity, judged: &[Judged], heads: &[&KnownHead]) -> Outcome {
    let mut findings = Vec::new();
    if signed_by_another(judged, heads) {
        let message = format!("no event is signed with the key {}", identity.key.fingerprint());
        let findings = vec![mistake("audit.key.unknown", "ledger", &message)];
        return Outcome { findings, events: 0, head: None, witnessed: Vec::new(), is_taken_up_blindly: false };
    }
    let sound = collect_sound(judged, &mut findings);
    check_order(judged, &mut findings);
    let top = heads.iter().map(|head| head.seq).chain(sound.keys().copied()).max().unwrap_or(0);
    let mut gaps = Gaps::between(sound.keys().copied(), top);
    place_unsound(judged, &mut gaps, heads.is_empty(), &mut findings);
    report_gaps(&gaps, &sound, heads, &mut findings);
    check_links(identity, &sound, &mut findings);
    check_heads(&sound, heads, &mut findings);
    check_clock(&sound, &mut findings);
    let (witnessed, is_taken_up_blindly) = read_remarks(&sound, &mut findings);
    let events = u64::try_from(sound.len()).unwrap_or(u64::MAX);
    Outcome { findings, events, head: sound.last_key_value().and_then(|(_, last)| last.hash), witnessed, is_taken_up_blindly }
}

/// Where nothing at all is signed by the key, the key is wrong rather than every event.
fn signed_by_another(judged: &[Judged], heads: &[&KnownHead]) -> bool {
    let key_is_known = heads.iter().any(|head| head.note.is_some());
    let unsigned = judged.iter().filter(|link| link.fault == Some(Fault::Signature)).count();
    !key_is_known && unsigned > 0 && judged.iter().all(|link| link.fault.is_some())
}

fn event(seq: u64) -> String {
    format!("event {seq}")
}

fn collect_sound<'a>(judged: &'a [Judged], findings: &mut Vec<Finding>) -> Sound<'a> {
    let mut sound = Sound::new();
    for link in judged.iter().filter(|link| link.fault.is_none()) {
        let Some(seq) = link.seq else { continue };
        match sound.get(&seq) {
            None => drop(sound.insert(seq, link)),
            Some(first) if first.hash == link.hash => {
                let message = format!("stands at places {} and {}", first.place, link.place);
                findings.push(mistake("audit.event.duplicate", &event(seq), &message));
            }
            Some(first) => {
                let message = format!("was signed twice with different content (places {} and {})", first.place, link.place);
                findings.push(mistake("audit.fork", &event(seq), &message));
            }
        }
    }
    sound
}

fn check_order(judged: &[Judged], findings: &mut Vec<Finding>) {
    let mut newest = 0;
    for link in judged.iter().filter(|link| link.fault.is_none()) {
        let Some(seq) = link.seq else { continue };
        if seq < newest {
            let message = format!("stands after event {newest}, at place {}", link.place);
            findings.push(mistake("audit.order", &event(seq), &message));
        }
        newest = newest.max(seq);
    }
}

/// Numbers for which there is no sound link; ranges, since a head may claim any number.
struct Gaps(Vec<RangeInclusive<u64>>);

impl Gaps {
    fn between(present: impl Iterator<Item = u64>, top: u64) -> Self {
        let mut gaps = Vec::new();
        let mut next = 1;
        for seq in present {
            if seq > next {
                gaps.push(next..=seq - 1);
            }
            next = seq.saturating_add(1);
        }
        if top >= next {
            gaps.push(next..=top);
        }
        Self(gaps)
    }

    /// Takes `seq` out, if it is missing.
    fn take(&mut self, seq: u64) -> bool {
        let Some(index) = self.0.iter().position(|gap| gap.contains(&seq)) else { return false };
        let gap = self.0.remove(index);
        let parts = [*gap.start()..=seq.saturating_sub(1), seq.saturating_add(1)..=*gap.end()];
        // A part that ends before it starts is empty; below 1 there is nothing.
        let kept = parts.into_iter().filter(|part| !part.is_empty() && *part.end() > 0 && !part.contains(&seq));
        self.0.splice(index..index, kept);
        true
    }

    /// The first number missing in `window`.
    fn first_in(&self, window: &RangeInclusive<u64>) -> Option<u64> {
        self.0
            .iter()
            .map(|gap| (*gap.start()).max(*window.start())..=(*gap.end()).min(*window.end()))
            .find(|part| !part.is_empty())
            .map(|part| *part.start())
    }
}

/// Says of each unsound link whether it stands for one that is missing, or was put in.
fn place_unsound(judged: &[Judged], gaps: &mut Gaps, tail_is_open: bool, findings: &mut Vec<Finding>) {
    // Those that still tell their number first, so that no other takes their place.
    let mut unplaced = Vec::new();
    for (index, link) in judged.iter().enumerate().filter(|(_, link)| link.fault.is_some()) {
        match link.seq {
            Some(seq) if gaps.take(seq) => findings.push(altered(seq, link)),
            _ => unplaced.push((index, link)),
        }
    }
    for (index, link) in unplaced {
        let after = judged.iter().skip(index + 1).find_map(|next| next.seq.filter(|_| next.fault.is_none()));
        let before = judged.iter().take(index).rev().find_map(|earlier| earlier.seq.filter(|_| earlier.fault.is_none()));
        let window = before.unwrap_or(0).saturating_add(1)..=after.map_or(u64::MAX, |seq| seq.saturating_sub(1));
        match gaps.first_in(&window) {
            Some(seq) => {
                gaps.take(seq);
                findings.push(altered(seq, link));
            }
            // Behind the last sound link, with no head to say how many there were, it may stand for one.
            None if tail_is_open && after.is_none() => findings.push(altered(before.unwrap_or(0).saturating_add(1), link)),
            None => {
                let message = "no event of this ledger belongs here; it was put in";
                findings.push(mistake("audit.event.inserted", &format!("place {}", link.place), message));
            }
        }
    }
}

fn altered(seq: u64, link: &Judged) -> Finding {
    let place = link.place;
    match link.fault {
        Some(Fault::Signature) => mistake("audit.signature", &event(seq), &format!("is not signed by the ledger's key (place {place})")),
        Some(Fault::Form) => {
            mistake("audit.event.altered", &event(seq), &format!("can no longer be read as it was written (place {place})"))
        }
        Some(Fault::Hash) | None => {
            mistake("audit.event.altered", &event(seq), &format!("has another content than the one that was signed (place {place})"))
        }
    }
}

fn report_gaps(gaps: &Gaps, sound: &Sound<'_>, heads: &[&KnownHead], findings: &mut Vec<Finding>) {
    let last = sound.last_key_value().map_or(0, |(seq, _)| *seq);
    for gap in &gaps.0 {
        let subject = if gap.start() == gap.end() { event(*gap.start()) } else { format!("events {} to {}", gap.start(), gap.end()) };
        if *gap.start() > last {
            let sources: Vec<_> = heads.iter().filter(|head| head.seq >= *gap.start()).map(|head| head.source.as_str()).collect();
            let message = format!("cut off: known to {}, but no longer in the ledger", sources.join(", "));
            findings.push(mistake("audit.tail.cut", &subject, &message));
        } else {
            findings.push(mistake("audit.event.missing", &subject, "taken out: the events before and after are there"));
        }
    }
}

fn check_links(identity: &Identity, sound: &Sound<'_>, findings: &mut Vec<Finding>) {
    let mut before: Option<(u64, Option<Hash>)> = None;
    for (seq, link) in sound {
        let expected = match before {
            _ if *seq == 1 => Some(genesis(identity.ledger, &identity.key)),
            Some((earlier, hash)) if earlier + 1 == *seq => hash,
            Some(_) | None => link.prev,
        };
        if link.prev != expected {
            findings.push(if *seq == 1 {
                mistake("audit.ledger.mismatch", &event(1), &format!("is not the first event of ledger {}", identity.ledger))
            } else {
                mistake("audit.fork", &event(*seq), "follows another event than the one before it: two histories were signed")
            });
        }
        before = Some((*seq, link.hash));
    }
}

fn check_heads(sound: &Sound<'_>, heads: &[&KnownHead], findings: &mut Vec<Finding>) {
    for head in heads {
        if sound.get(&head.seq).is_some_and(|link| link.hash != Some(head.hash)) {
            let message = format!("{} knows it with the hash {}: two histories were signed", head.source, head.hash);
            findings.push(mistake("audit.fork", &event(head.seq), &message));
        }
    }
}

fn check_clock(sound: &Sound<'_>, findings: &mut Vec<Finding>) {
    let mut newest = None;
    for (seq, link) in sound {
        let Some(at) = link.at else { continue };
        if newest.is_some_and(|newest| at < newest && newest.duration_since(at) > CLOCK_TOLERANCE) {
            let message = format!("is dated {at}, before the event before it");
            findings.push(mistake("audit.clock.back", &event(*seq), &message));
        }
        newest = newest.max(Some(at));
    }
}

/// What the events say of checkpoints: countersignatures must hold for what stands here; a lost one is told for ever.
fn read_remarks(sound: &Sound<'_>, findings: &mut Vec<Finding>) -> (Vec<Witnessed>, bool) {
    let (mut witnessed, mut blindly) = (Vec::<Witnessed>::new(), false);
    for (place, link) in sound {
        match &link.remark {
            None | Some(Remark::Admitted { .. } | Remark::Retired { .. }) => {}
            Some(Remark::Replaced { seq, asked }) => {
                blindly |= !asked;
                let known = if *asked { "the heads that others keep knew no newer one" } else { "nobody else was asked for a newer one" };
                let message = format!("the checkpoint was lost and made anew after event {seq}; {known}");
                findings.push(mistake("audit.checkpoint.replaced", &event(*place), &message));
            }
            Some(Remark::Countersigned { key: None, .. }) => {
                findings.push(mistake("audit.countersignature", &event(*place), "holds a countersignature that is none"));
            }
            Some(Remark::Countersigned { witness, key: Some(key), seq, hash }) => {
                if sound.get(seq).is_some_and(|link| link.hash != *hash) {
                    let message = format!("{witness} countersigned it with another content: two histories were signed");
                    findings.push(mistake("audit.fork", &event(*seq), &message));
                }
                witnessed.retain(|other| other.key != *key);
                witnessed.push(Witnessed { witness: witness.clone(), key: key.clone(), event: *seq });
            }
        }
    }
    (witnessed, blindly)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_is_not_there_up_to_the_top() {
        assert_eq!(Gaps::between([2, 3, 6].into_iter(), 8).0, [1..=1, 4..=5, 7..=8]);
        assert_eq!(Gaps::between([1, 2].into_iter(), 2).0, []);
        assert_eq!(Gaps::between(std::iter::empty(), u64::MAX).0, [1..=u64::MAX]);
    }

    #[test]
    fn taking_a_number_splits_its_gap() {
        let mut gaps = Gaps::between([6].into_iter(), 6);
        assert!(gaps.take(3));
        assert!(!gaps.take(3));
        assert_eq!(gaps.0, [1..=2, 4..=5]);
        assert!(gaps.take(1) && gaps.take(2) && gaps.take(5));
        assert_eq!(gaps.0, [4..=4]);
        assert_eq!(gaps.first_in(&(2..=9)), Some(4));
        assert_eq!(gaps.first_in(&(5..=9)), None);
    }
}
