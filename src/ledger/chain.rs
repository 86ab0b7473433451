//! The chain: each event's hash covers its canonical body and the hash before it; the key signs each hash.
//!
//! Pure: values in, values out. The chain's first link is bound to the ledger's id and key, so that no event of
//! one ledger fits into another. Every hash and signature has a prefix of its own, so that none can be taken for
//! something signed elsewhere.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::canonical::encode_canonical;
use super::checkpoint::SignedCheckpoint;
use super::event::{EventKind, LedgerEvent};
use super::keys::Keys;
use super::sign::{KeyError, PublicKey, Signature, SigningKey};

const GENESIS_PREFIX: &[u8] = b"portcullis/ledger/genesis/v1\n";
const EVENT_PREFIX: &[u8] = b"portcullis/ledger/event/v1\n";
const SIGNATURE_PREFIX: &[u8] = b"portcullis/ledger/signature/v1\n";

/// A ledger's identity, made with its first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LedgerId(Uuid);

impl LedgerId {
    /// A new id, its leading part made of `at` (UUID version 7).
    pub fn made_at(at: Timestamp) -> Self {
        let seconds = u64::try_from(at.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(at.subsec_nanosecond()).unwrap_or_default();
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds)))
    }

    /// Reads the lower-case hyphenated form and no other.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self).filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for LedgerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

/// A SHA-256 in the chain; shown in lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes 32 bytes; `None` for any other length.
    pub fn parse_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads 64 lower-case hex digits and nothing else.
    pub fn parse_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = pair.iter().try_fold(0, |value, digit| match digit {
                b'0'..=b'9' => Some(value << 4 | (digit - b'0')),
                b'a'..=b'f' => Some(value << 4 | (digit - b'a' + 10)),
                _ => None,
            });
            *byte = digits?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What the first event's `prev` is.
pub fn genesis(ledger: LedgerId, key: &PublicKey) -> Hash {
    let digest = Sha256::new().chain_update(GENESIS_PREFIX).chain_update(ledger.0.as_bytes()).chain_update(key.raw());
    Hash(digest.finalize().into())
}

/// The hash of an event whose canonical body is `body` and which follows `prev`.
pub fn hash_event(prev: &Hash, body: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update(EVENT_PREFIX).chain_update(prev.0).chain_update(body).finalize().into())
}

fn signed_bytes(hash: &Hash) -> Vec<u8> {
    [SIGNATURE_PREFIX, hash.bytes()].concat()
}

/// One link: an event's body, bound to the one before and signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The hash of the event before, or the genesis.
    pub prev: Hash,
    /// The event's own hash.
    pub hash: Hash,
    /// The key's signature over it.
    pub signature: Signature,
    /// The canonical body.
    pub body: String,
}

/// Makes the link for `body` after `prev`.
pub fn seal(prev: Hash, body: String, key: &SigningKey) -> Result<Record, KeyError> {
    let hash = hash_event(&prev, body.as_bytes());
    let signature = key.sign(&signed_bytes(&hash))?;
    Ok(Record { prev, hash, signature, body })
}

/// A link as it was found, before it is believed.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Where it stands: the line of a file, the number of a row.
    pub place: u64,
    /// What it says the hash before is.
    pub prev: &'a [u8],
    /// What it says its own hash is.
    pub hash: &'a [u8],
    /// Its signature.
    pub signature: &'a [u8],
    /// Its body.
    pub body: &'a [u8],
}

/// What is wrong with one link, looked at alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It cannot be read as a link, or its body is not in canonical form.
    Form,
    /// Its hash is not that of its body and its predecessor.
    Hash,
    /// Its hash is right, but the key did not sign it.
    Signature,
}

/// A link, looked at alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Judged {
    /// Where it stands: the line of a file, the number of a row.
    pub place: u64,
    /// The number that its body claims, where that can be read.
    pub seq: Option<u64>,
    /// When it says it happened.
    pub at: Option<Timestamp>,
    /// The hash it follows.
    pub prev: Option<Hash>,
    /// Its hash.
    pub hash: Option<Hash>,
    /// What it says of a checkpoint or a key, where it says anything.
    pub remark: Option<Remark>,
    /// What is wrong with it; `None`: it is what the key signed.
    pub fault: Option<Fault>,
}

/// What an event says of the ledger's own checkpoints and keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Remark {
    /// The other party countersigned one.
    Countersigned {
        /// Who, as the ledger's owner named the key.
        witness: String,
        /// The key's fingerprint; `None`: the countersignature does not hold.
        key: Option<String>,
        /// The event that the checkpoint is of.
        seq: u64,
        /// That event's hash, as it was countersigned.
        hash: Option<Hash>,
    },
    /// Another key may sign from here on.
    Admitted {
        /// Which.
        key: PublicKey,
        /// Whose.
        who: String,
    },
    /// A key signs no more from here on.
    Retired {
        /// Which.
        key: PublicKey,
    },
    /// The checkpoint was lost and made anew.
    Replaced {
        /// The newest event then.
        seq: u64,
        /// Whether others were asked for newer heads.
        asked: bool,
    },
}

impl Judged {
    /// Something that stands at `place` and cannot be read at all.
    pub fn unreadable(place: u64) -> Self {
        Self { place, seq: None, at: None, prev: None, hash: None, remark: None, fault: Some(Fault::Form) }
    }
}

/// Looks at one link alone: form, hash, signature by one of `keys`, which are those of the events before.
pub fn judge(found: &Found<'_>, keys: &Keys) -> Judged {
    let mut judged = Judged::unreadable(found.place);
    judged.prev = Hash::parse_bytes(found.prev);
    judged.hash = Hash::parse_bytes(found.hash);
    let Ok(body) = serde_json::from_slice::<Value>(found.body) else { return judged };
    judged.seq = body.get("seq").and_then(Value::as_u64);
    let canonical = encode_canonical(&body).is_ok_and(|text| text.as_bytes() == found.body);
    let (Some(prev), Some(hash), true) = (judged.prev, judged.hash, canonical) else { return judged };
    // A newer version's event has a form that is not known here; its hash and signature speak for it all the same.
    let newer = body.get("v").and_then(Value::as_u64).is_some_and(|format| format > super::event::BODY_FORMAT);
    if let Ok((_, event)) = LedgerEvent::parse_body(found.body) {
        judged.at = Some(event.at);
        judged.remark = read_remark(&event, keys);
    }
    judged.fault = if judged.seq.is_none() || (judged.at.is_none() && !newer) {
        Some(Fault::Form)
    } else if hash_event(&prev, found.body) != hash {
        Some(Fault::Hash)
    } else if !keys.are_signers(judged.seq.unwrap_or_default(), &signed_bytes(&hash), found.signature) {
        Some(Fault::Signature)
    } else {
        None
    };
    judged
}

fn read_remark(event: &LedgerEvent, keys: &Keys) -> Option<Remark> {
    let text = |name: &str| event.details.get(name).and_then(Value::as_str).unwrap_or_default();
    let seq = event.details.get("event").and_then(Value::as_u64).unwrap_or_default();
    if event.kind == EventKind::CheckpointReplaced {
        let asked = event.details.get("heads").and_then(Value::as_array).is_some_and(|heads| !heads.is_empty());
        return Some(Remark::Replaced { seq, asked });
    }
    if let EventKind::KeyAdmitted | EventKind::KeyRetired = event.kind {
        let key = PublicKey::parse_base64(text("key"))?;
        let is_admitted = event.kind == EventKind::KeyAdmitted;
        return Some(if is_admitted { Remark::Admitted { key, who: text("who").to_owned() } } else { Remark::Retired { key } });
    }
    if event.kind != EventKind::CheckpointCountersigned {
        return None;
    }
    let note = SignedCheckpoint::parse(text("note").as_bytes()).ok().filter(|note| keys.signed(note));
    let holder = note.as_ref().and_then(|note| {
        let mut lines = note.countersignatures().into_iter();
        lines.find(|line| line.signature.fingerprint() == text("key") && line.must_hold(note).is_ok())
    });
    let (seq, hash) = note.map_or((seq, None), |note| (note.checkpoint.seq, Some(note.checkpoint.hash)));
    let key = holder.map(|line| line.signature.fingerprint());
    Some(Remark::Countersigned { witness: text("witness").to_owned(), key, seq, hash })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::event::tests::{noon, origin};

    fn link(key: &SigningKey) -> Record {
        let first = genesis(LedgerId::made_at(noon(0)), key.public());
        seal(first, origin().audit_read(noon(1), 3, "all").encode_body(1).unwrap(), key).unwrap()
    }

    fn found(record: &Record) -> Found<'_> {
        Found { place: 1, prev: record.prev.bytes(), hash: record.hash.bytes(), signature: &record.signature, body: record.body.as_bytes() }
    }

    #[test]
    fn a_sealed_link_is_sound_under_its_own_key_alone() {
        let key = SigningKey::generate().unwrap();
        let record = link(&key);
        let judged = judge(&found(&record), &Keys::of(key.public()));
        assert_eq!((judged.fault, judged.seq, judged.at), (None, Some(1), Some(noon(1))));
        let other = SigningKey::generate().unwrap();
        assert_eq!(judge(&found(&record), &Keys::of(other.public())).fault, Some(Fault::Signature));
    }

    #[test]
    fn a_changed_word_breaks_the_hash_and_another_spelling_the_form() {
        let key = SigningKey::generate().unwrap();
        let mut record = link(&key);
        record.body = record.body.replace("\"ada\"", "\"eve\"");
        assert_eq!(judge(&found(&record), &Keys::of(key.public())).fault, Some(Fault::Hash));
        record.body.insert(1, ' ');
        assert_eq!(judge(&found(&record), &Keys::of(key.public())).fault, Some(Fault::Form));
    }

    #[test]
    fn an_event_of_a_newer_form_is_judged_by_hash_and_signature() {
        let key = SigningKey::generate().unwrap();
        let prev = genesis(LedgerId::made_at(noon(0)), key.public());
        let record = seal(prev, "{\"seq\":1,\"v\":2,\"what\":\"new\"}".into(), &key).unwrap();
        assert_eq!(judge(&found(&record), &Keys::of(key.public())).fault, None);
    }

    #[test]
    fn hashes_are_read_in_one_spelling() {
        let hash = hash_event(&Hash([7; 32]), b"x");
        assert_eq!(Hash::parse_hex(&hash.to_string()), Some(hash));
        assert_eq!(Hash::parse_hex(&hash.to_string().to_uppercase()), None);
        assert_eq!(Hash::parse_hex("ab"), None);
    }

    #[test]
    fn the_genesis_differs_by_ledger_and_by_key() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let (id, another) = (LedgerId::made_at(noon(0)), LedgerId::made_at(noon(0)));
        assert_ne!(genesis(id, key.public()), genesis(another, key.public()));
        assert_ne!(genesis(id, key.public()), genesis(id, other.public()));
    }
}
