//! A forger at an export: each event taken out, doubled, moved, put in from elsewhere; each tail cut.

use portcullis::ledger::{ExportFormat, Ledger, OpenOptions, Verdict, Verdicts, VerifyOptions, verify_export};

use super::{event, filled};

const EVENTS: u64 = 50;

fn exported(ledger: &Ledger) -> Vec<Vec<u8>> {
    let mut text = Vec::new();
    ledger.export(ExportFormat::Jsonl, &mut text).unwrap();
    text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn verify(lines: &[Vec<u8>]) -> Verdicts {
    verify_export(&mut lines.concat().as_slice(), "export", &VerifyOptions::default()).unwrap()
}

fn lines_of(count: u64) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    exported(&filled(folder.path(), count))
}

fn ids(verdicts: &Verdicts) -> Vec<&str> {
    verdicts.findings.iter().map(|finding| finding.id.as_str()).collect()
}

/// Places of events in the export: after the opening line, before the checkpoint.
fn places() -> std::ops::RangeInclusive<usize> {
    1..=usize::try_from(EVENTS).unwrap()
}

#[test]
fn two_hundred_clean_exports_raise_no_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_file(&folder.path().join("ledger.db"), &OpenOptions::append()).unwrap();
    for number in 1..=200 {
        ledger.append(&event(number)).unwrap();
        let verdicts = verify(&exported(&ledger));
        assert_eq!((verdicts.integrity, verdicts.completeness), (Verdict::Ok, Verdict::Ok));
        assert_eq!((verdicts.findings.as_slice(), verdicts.events), ([].as_slice(), number));
    }
}

#[test]
fn each_event_taken_out_is_missing() {
    let lines = lines_of(EVENTS);
    for place in places() {
        let mut lines = lines.clone();
        lines.remove(place);
        let verdicts = verify(&lines);
        // The newest event's absence is a cut tail, which the closing checkpoint shows.
        let expected = if place == lines.len() - 1 { "audit.tail.cut" } else { "audit.event.missing" };
        assert_eq!(ids(&verdicts), [expected], "event {place}");
        assert_eq!((verdicts.integrity, verdicts.completeness), (Verdict::Ok, Verdict::Broken));
    }
}

#[test]
fn each_event_that_changes_places_with_the_next_is_out_of_order() {
    let lines = lines_of(EVENTS);
    for place in places() {
        let mut lines = lines.clone();
        lines.swap(place, place + 1);
        let verdicts = verify(&lines);
        assert_eq!(ids(&verdicts), ["audit.order"], "event {place}");
        assert_eq!((verdicts.integrity, verdicts.completeness), (Verdict::Broken, Verdict::Ok));
    }
}

#[test]
fn each_line_doubled_is_found() {
    let lines = lines_of(EVENTS);
    for place in 0..lines.len() {
        let mut lines = lines.clone();
        lines.insert(place, lines[place].clone());
        let expected = if place == 0 { "audit.event.inserted" } else { "audit.event.duplicate" };
        assert_eq!(ids(&verify(&lines)), [expected], "line {place}");
    }
}

#[test]
fn each_event_of_another_ledger_is_found_put_in_or_in_anothers_place() {
    let (lines, others) = (lines_of(EVENTS), lines_of(EVENTS));
    for place in places() {
        let mut more = lines.clone();
        more.insert(place, others[place].clone());
        assert_eq!(ids(&verify(&more)), ["audit.event.inserted"], "event {place}");
        let mut instead = lines.clone();
        instead[place].clone_from(&others[place]);
        assert_eq!(ids(&verify(&instead)), ["audit.signature"], "event {place}");
    }
}

#[test]
fn each_cut_of_the_tail_is_found() {
    let lines = lines_of(EVENTS);
    for length in 1..lines.len() {
        let verdicts = verify(&lines[..length]);
        assert_eq!(ids(&verdicts), ["audit.tail.cut"], "{length} lines");
        assert_eq!((verdicts.integrity, verdicts.completeness), (Verdict::Ok, Verdict::Broken));
    }
    assert_eq!(ids(&verify(&[])), ["audit.header.altered"]);
}

#[test]
fn each_cut_within_the_last_lines_is_found() {
    let text = lines_of(3).concat();
    for length in 0..text.len() {
        let verdicts = verify(&[text[..length].to_vec()]);
        assert!(verdicts.has_errors(), "{length} bytes");
    }
}

#[test]
fn each_flipped_bit_of_a_whole_export_is_found() {
    let text = lines_of(3).concat();
    for bit in 0..text.len() * 8 {
        let mut text = text.clone();
        text[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&[text]).has_errors(), "bit {bit}");
    }
}

#[test]
fn each_line_break_lost_is_found() {
    let lines = lines_of(EVENTS);
    for place in 0..lines.len() {
        let mut lines = lines.clone();
        lines[place].pop();
        assert!(verify(&lines).has_errors(), "line {place}");
    }
}

#[test]
fn another_key_than_the_expected_one_is_found() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lines = exported(&filled(folder.path(), 3));
    drop(filled(other.path(), 1));
    let key = |folder: &std::path::Path| {
        let pem = std::fs::read(folder.join("ledger.pub")).unwrap();
        Some(portcullis::ledger::sign::PublicKey::parse_pem(&pem).unwrap())
    };
    let verify = |key| verify_export(&mut lines.concat().as_slice(), "export", &VerifyOptions { key, ..VerifyOptions::default() }).unwrap();
    assert_eq!(verify(key(folder.path())).findings, []);
    assert_eq!(ids(&verify(key(other.path()))), ["audit.key.unknown"]);
}

#[test]
fn the_other_formats_have_a_line_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path(), 3);
    for (format, lines) in [(ExportFormat::Csv, 4), (ExportFormat::Cef, 3), (ExportFormat::Jsonl, 5)] {
        let mut text = Vec::new();
        assert_eq!(ledger.export(format, &mut text).unwrap(), 3);
        assert_eq!(text.split_inclusive(|byte| *byte == b'\n').count(), lines);
    }
}
