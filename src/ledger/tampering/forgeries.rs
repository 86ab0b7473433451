//! Each of two hundred events removed, put elsewhere, doubled, replaced, each tail cut: found, with the right verdict.

use serde_json::json;

use super::{EVENTS, Ledger, event, ledger};
use crate::ledger::chain::Judged;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::event::tests::{noon, origin};
use crate::ledger::export::{write_closing, write_opening};
use crate::ledger::keys::Keys;
use crate::ledger::verify::{Verdict, Verdicts, VerifyOptions, assess};
use crate::ledger::{EventKind, ExportFormat, LedgerEvent, verify_export};

const ALTERED: (Verdict, Verdict) = (Verdict::Broken, Verdict::Ok);
const INCOMPLETE: (Verdict, Verdict) = (Verdict::Ok, Verdict::Broken);

fn two_hundred() -> Ledger {
    ledger((1..=EVENTS).map(event))
}

fn verdicts(ledger: &Ledger, judged: &[Judged]) -> Verdicts {
    let options = VerifyOptions { key: Some(ledger.identity.key.clone()), heads: vec![ledger.head.clone()], own: None };
    assess(&ledger.identity, judged, &options, Vec::new())
}

/// Asserts that `judged` is found to be `id` and nothing else, with these verdicts.
fn assert_found(ledger: &Ledger, judged: &[Judged], id: &str, expected: (Verdict, Verdict), what: &str) {
    let found = verdicts(ledger, judged);
    let ids: Vec<_> = found.findings.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!((ids, (found.integrity, found.completeness)), (vec![id], expected), "{what}");
}

#[test]
fn each_event_removed_is_missing_and_the_newest_is_a_cut_tail() {
    let ledger = two_hundred();
    for index in 0..ledger.judged.len() {
        let mut judged = ledger.judged.clone();
        judged.remove(index);
        let id = if index + 1 == ledger.judged.len() { "audit.tail.cut" } else { "audit.event.missing" };
        assert_found(&ledger, &judged, id, INCOMPLETE, &format!("event {}", index + 1));
    }
}

#[test]
fn each_tail_cut_is_found() {
    let ledger = two_hundred();
    for length in 0..ledger.judged.len() {
        assert_found(&ledger, &ledger.judged[..length], "audit.tail.cut", INCOMPLETE, &format!("{length} left"));
    }
}

#[test]
fn each_head_cut_off_is_missing() {
    let ledger = two_hundred();
    for length in 1..ledger.judged.len() {
        assert_found(&ledger, &ledger.judged[length..], "audit.event.missing", INCOMPLETE, &format!("{length} gone"));
    }
}

#[test]
fn each_event_that_changes_places_with_another_is_out_of_order() {
    let ledger = two_hundred();
    let count = ledger.judged.len();
    for left in 0..count {
        for right in [left + 1, left + 2, count - 1].into_iter().filter(|right| left < *right && *right < count) {
            let mut judged = ledger.judged.clone();
            judged.swap(left, right);
            let found = verdicts(&ledger, &judged);
            let in_order = found.findings.iter().all(|finding| finding.id == "audit.order");
            assert!(in_order && !found.findings.is_empty(), "{left} and {right}: {:?}", found.findings);
            assert_eq!((found.integrity, found.completeness), ALTERED);
        }
    }
}

#[test]
fn each_event_doubled_is_found_wherever_its_double_stands() {
    let ledger = two_hundred();
    let count = ledger.judged.len();
    for index in 0..count {
        for place in [index, index + 1, 0, count] {
            let mut judged = ledger.judged.clone();
            judged.insert(place, ledger.judged[index].clone());
            let found = verdicts(&ledger, &judged);
            assert_eq!((found.integrity, found.completeness), ALTERED, "{index} at {place}");
            assert!(found.findings.iter().any(|finding| finding.id == "audit.event.duplicate"), "{index} at {place}");
        }
    }
}

#[test]
fn each_event_spliced_in_from_another_ledger_is_found() {
    let (mine, other) = (two_hundred(), two_hundred());
    // Another ledger's events under this one's key: their signatures do not hold here.
    let lines = other.lines.iter().zip(2..);
    let foreign: Vec<_> =
        lines.map(|(line, place)| crate::ledger::transcript::judge_line(place, line, &Keys::of(&mine.identity.key))).collect();
    for index in 0..mine.judged.len() {
        let mut more = mine.judged.clone();
        more.insert(index, foreign[index].clone());
        assert_found(&mine, &more, "audit.event.inserted", ALTERED, &format!("put in before {}", index + 1));
        let mut instead = mine.judged.clone();
        instead[index] = foreign[index].clone();
        assert_found(&mine, &instead, "audit.signature", ALTERED, &format!("in the place of {}", index + 1));
        // From here on the other history.
        let mut rest = mine.judged.clone();
        rest.splice(index.., foreign[index..].iter().cloned());
        assert_eq!(verdicts(&mine, &rest).integrity, Verdict::Broken, "from {} on", index + 1);
    }
}

/// The `number`th event of `count` kinds of odd content.
fn odd_event(number: u64) -> LedgerEvent {
    let at = noon(i64::try_from(number).unwrap());
    let texts = ["", "\u{0}\u{1f}\u{7f}", "a\nb\r\n", "\"\\/", "\u{1f600}\u{fb33}\u{202e}", "{\"note\":", "{\"event\":", "x,\"hash\":\""];
    let text = texts[usize::try_from(number).unwrap() % texts.len()];
    let mut event = origin().audit_read(at, number, text);
    event.kind = EventKind::from(if number.is_multiple_of(3) { format!("odd.{text}") } else { "run.started".to_owned() });
    event.subject = number.is_multiple_of(2).then(|| text.to_owned());
    event.details.insert(text.to_owned(), json!([number, null, {"deep": [text, -1]}]));
    event
}

#[test]
fn a_thousand_clean_ledgers_raise_no_alarm() {
    for number in 0..1000u64 {
        let ledger = ledger((0..=number % 7).map(|step| odd_event(number * 7 + step)));
        let mut text = Vec::new();
        write_opening(ExportFormat::Jsonl, &ledger.identity, &mut text).unwrap();
        ledger.lines.iter().for_each(|line| text.extend([line.as_slice(), b"\n"].concat()));
        let checkpoint = Checkpoint { ledger: ledger.identity.ledger, seq: ledger.head.seq, hash: ledger.head.hash };
        write_closing(ExportFormat::Jsonl, Some(&checkpoint.sign(&ledger.key).unwrap()), &mut text).unwrap();
        let options = VerifyOptions { key: Some(ledger.identity.key.clone()), heads: vec![ledger.head.clone()], own: None };
        let read = verify_export(&mut text.as_slice(), "export", &options).unwrap();
        assert_eq!(read.findings, [], "{number}");
        assert_eq!((read.integrity, read.completeness, read.events), (Verdict::Ok, Verdict::Ok, number % 7 + 1));
    }
}
