//! Reading an export back, strictly: what is read is what [`export`](super::export) writes, byte for byte.
//!
//! The text may come from anywhere; nothing in it is believed before the key says so.

use std::io::{self, BufRead};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::canonical::encode_canonical;
use super::chain::{Found, Hash, Judged, LedgerId, judge};
use super::checkpoint::SignedCheckpoint;
use super::export::{EXPORT_FORMAT, opening};
use super::keys::Keys;
use super::mistake::mistake;
use super::sign::PublicKey;
use super::verify::{Identity, KnownHead, Verdicts, VerifyOptions, assess};
use crate::finding::Finding;

/// Verifies JSON Lines as they were exported. `source` names them in findings. Fails where they cannot be read.
pub fn verify_export(input: &mut dyn BufRead, source: &str, options: &VerifyOptions) -> io::Result<Verdicts> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    let identity = match parse_opening(&line) {
        Ok(identity) => identity,
        Err(problem) => return Ok(Verdicts::unreadable(vec![mistake("audit.header.altered", &format!("{source}, line 1"), &problem)])),
    };
    let (mut transcript, mut keys) = (Transcript::default(), Keys::of(&identity.key));
    for place in 2.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        transcript.take(place, &line, &mut keys);
    }
    let mut findings = Vec::new();
    let mut options = options.clone();
    if let Some(note) = transcript.close(source, &mut findings) {
        options.heads.push(KnownHead::signed(source, note));
    }
    Ok(assess(&identity, &transcript.judged, &options, findings))
}

fn parse_opening(line: &[u8]) -> Result<Identity, String> {
    let value = serde_json::from_slice::<Value>(line).unwrap_or_default();
    if let Some(format) = value.get("format").and_then(Value::as_u64).filter(|format| *format > EXPORT_FORMAT) {
        return Err(format!("is an export of format {format}; this version reads formats up to {EXPORT_FORMAT}"));
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let identity = LedgerId::parse(text("ledger"))
        .zip(PublicKey::parse_base64(text("key")))
        .map(|(ledger, key)| Identity { ledger, key })
        .filter(|identity| encode_canonical(&opening(identity)).is_ok_and(|expected| line == format!("{expected}\n").as_bytes()));
    identity.ok_or_else(|| "does not say which ledger this is and by which key it is signed: taken away, altered, or no export".to_owned())
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    pub(super) judged: Vec<Judged>,
    checkpoints: Vec<(u64, SignedCheckpoint)>,
    /// Lines that begin as a checkpoint does and are none.
    spoilt: Vec<u64>,
    last: u64,
    cut_within: bool,
}

impl Transcript {
    /// Takes the line at `place`, its line break included.
    pub(super) fn take(&mut self, place: u64, line: &[u8], keys: &mut Keys) {
        self.last = place;
        let Some(whole) = line.strip_suffix(b"\n") else {
            self.cut_within = true;
            return;
        };
        if let Some(note) = parse_checkpoint(whole) {
            self.checkpoints.push((place, note));
        } else if whole.starts_with(b"{\"note\":") {
            self.spoilt.push(place);
        } else {
            let judged = judge_line(place, whole, keys);
            keys.learn(&judged);
            self.judged.push(judged);
        }
    }

    /// The closing checkpoint, and what is wrong with the lines around the events.
    fn close(&mut self, source: &str, findings: &mut Vec<Finding>) -> Option<SignedCheckpoint> {
        let at = |place: u64| format!("{source}, line {place}");
        for place in &self.spoilt {
            findings.push(mistake("audit.checkpoint.altered", &at(*place), "is no longer the checkpoint that was written"));
        }
        if self.cut_within {
            findings.push(mistake("audit.tail.cut", &at(self.last), "ends in the middle"));
        }
        let (place, note) = match self.checkpoints.pop() {
            Some(checkpoint) => checkpoint,
            None if self.cut_within || !self.spoilt.is_empty() => return None,
            None => {
                self.report_missing_checkpoint(source, findings);
                return None;
            }
        };
        if place != self.last {
            findings.push(mistake("audit.order", &at(place), "is the checkpoint, which closes an export, but lines follow it"));
        }
        for (earlier, other) in &self.checkpoints {
            let (id, message) = if *other == note {
                ("audit.event.duplicate", "the closing checkpoint stands here too")
            } else {
                ("audit.event.inserted", "another checkpoint was put in here")
            };
            findings.push(mistake(id, &at(*earlier), message));
        }
        Some(note)
    }

    fn report_missing_checkpoint(&mut self, source: &str, findings: &mut Vec<Finding>) {
        // A last line that is no event at all was the checkpoint once.
        let unreadable = self.judged.pop_if(|last| last.place == self.last && last.hash.is_none());
        findings.push(match unreadable {
            Some(last) => {
                let subject = format!("{source}, line {}", last.place);
                mistake("audit.checkpoint.altered", &subject, "is no longer the checkpoint that closes an export")
            }
            None => mistake("audit.tail.cut", &format!("{source}, after line {}", self.last), "ends without its closing checkpoint"),
        });
    }
}

fn parse_checkpoint(line: &[u8]) -> Option<SignedCheckpoint> {
    let value = serde_json::from_slice::<Value>(line).ok()?;
    let note = value.get("note")?.as_str()?;
    let expected = serde_json::json!({"note": note, "type": "checkpoint"});
    let same = encode_canonical(&expected).is_ok_and(|expected| expected.as_bytes() == line);
    SignedCheckpoint::parse(note.as_bytes()).ok().filter(|_| same)
}

/// Looks at one event's line, without its line break.
pub(super) fn judge_line(place: u64, line: &[u8], keys: &Keys) -> Judged {
    let Some(parts) = split_line(line) else { return Judged::unreadable(place) };
    let found = Found { place, prev: parts.prev.bytes(), hash: parts.hash.bytes(), signature: &parts.signature, body: parts.body };
    judge(&found, keys)
}

struct Parts<'a> {
    body: &'a [u8],
    hash: Hash,
    prev: Hash,
    signature: Vec<u8>,
}

/// Takes a line apart from its end, where everything has its fixed length.
fn split_line(line: &[u8]) -> Option<Parts<'_>> {
    let rest = line.strip_suffix(b"\",\"type\":\"event\"}")?;
    let (rest, signature) = rest.split_at_checked(rest.len().checked_sub(88)?)?;
    let rest = rest.strip_suffix(b"\",\"signature\":\"")?;
    let (rest, prev) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    let rest = rest.strip_suffix(b"\",\"prev\":\"")?;
    let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    let body = rest.strip_suffix(b",\"hash\":\"")?.strip_prefix(b"{\"event\":")?;
    let hash_of = |digits| std::str::from_utf8(digits).ok().and_then(Hash::parse_hex);
    Some(Parts { body, hash: hash_of(hash)?, prev: hash_of(prev)?, signature: STANDARD.decode(signature).ok()? })
}
