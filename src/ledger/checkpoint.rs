//! Checkpoints: the newest number and hash of a ledger, signed, small enough to be left anywhere.
//!
//! The text is a signed note in the manner of C2SP `tlog-checkpoint` (origin, size, hash, an empty line, signature
//! lines), except that the hash is the chain's newest link and not a Merkle root. Whoever keeps one can prove later
//! that a ledger lost events or tells another history; therefore the *signed* text is what is kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::chain::{Hash, LedgerId};
use super::sign::{KeyError, PublicKey, SigningKey};

const ORIGIN_PREFIX: &str = "portcullis-ledger/";
/// C2SP `signed-note`: the type of Ed25519 keys.
const ED25519_TYPE: u8 = 1;

/// Why a text is no checkpoint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CheckpointError {
    /// It is not UTF-8 or has not the lines of a signed note.
    #[error("not a signed checkpoint: {missing} is missing or misspelt")]
    Form {
        /// The part that is not there.
        missing: &'static str,
    },
}

/// The newest event of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The ledger.
    pub ledger: LedgerId,
    /// Its newest event's number; equals the number of events.
    pub seq: u64,
    /// That event's hash.
    pub hash: Hash,
}

impl Checkpoint {
    fn render_text(&self) -> String {
        format!("{ORIGIN_PREFIX}{}\n{}\n{}\n", self.ledger, self.seq, STANDARD.encode(self.hash.bytes()))
    }

    pub(super) fn name(&self) -> String {
        format!("{ORIGIN_PREFIX}{}", self.ledger)
    }

    /// The signed note.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedCheckpoint, KeyError> {
        let signature = key.sign(self.render_text().as_bytes())?;
        let line = [key_hash(&self.name(), key.public()).as_slice(), &signature].concat();
        Ok(SignedCheckpoint { checkpoint: *self, signatures: vec![NoteSignature { name: self.name(), bytes: line }] })
    }
}

/// The first four bytes that tell which key signed a note.
fn key_hash(name: &str, key: &PublicKey) -> [u8; 4] {
    let digest: [u8; 32] = Sha256::new().chain_update(name).chain_update([b'\n', ED25519_TYPE]).chain_update(key.raw()).finalize().into();
    let [first, second, third, fourth, ..] = digest;
    [first, second, third, fourth]
}

/// A signature line of a note (C2SP `signed-note`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoteSignature {
    /// Whose.
    pub(super) name: String,
    /// Four bytes that tell which key, then the signature.
    pub(super) bytes: Vec<u8>,
}

/// A checkpoint with its signatures; not believed before [`is_signed_by`](Self::is_signed_by) says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What was signed.
    pub checkpoint: Checkpoint,
    pub(super) signatures: Vec<NoteSignature>,
}

impl SignedCheckpoint {
    /// The note's text, as it is kept in files and on nodes.
    pub fn render_note(&self) -> String {
        self.render_with(&self.signatures)
    }

    /// The note as the ledger left it, without others' signatures: what another party signs.
    pub fn render_own(&self) -> String {
        let name = self.checkpoint.name();
        let own: Vec<_> = self.signatures.iter().filter(|signature| signature.name == name).cloned().collect();
        self.render_with(&own)
    }

    fn render_with(&self, signatures: &[NoteSignature]) -> String {
        let mut note = self.checkpoint.render_text();
        note.push('\n');
        for signature in signatures {
            note.extend(["\u{2014} ", &signature.name, " ", &STANDARD.encode(&signature.bytes), "\n"]);
        }
        note
    }

    /// Reads a note strictly: what is read is what would be written, byte for byte.
    pub fn parse(note: &[u8]) -> Result<Self, CheckpointError> {
        let missing = |missing| CheckpointError::Form { missing };
        let text = std::str::from_utf8(note).ok().ok_or(missing("UTF-8 text"))?;
        let (body, signatures) = text.split_once("\n\n").ok_or(missing("the empty line before the signatures"))?;
        let mut lines = body.split('\n');
        let origin = lines.next().and_then(|line| line.strip_prefix(ORIGIN_PREFIX)).and_then(LedgerId::parse);
        let seq = lines.next().and_then(|line| line.parse().ok());
        let hash = lines.next().and_then(|line| STANDARD.decode(line).ok()).and_then(|bytes| Hash::parse_bytes(&bytes));
        let checkpoint = Checkpoint {
            ledger: origin.ok_or(missing("the origin"))?,
            seq: seq.ok_or(missing("the size"))?,
            hash: hash.ok_or(missing("the hash"))?,
        };
        let signatures = signatures.lines().map(parse_signature).collect::<Option<Vec<_>>>().ok_or(missing("a signature line"))?;
        let parsed = Self { checkpoint, signatures };
        if parsed.signatures.is_empty() || parsed.render_note() != text {
            return Err(missing("a signature line"));
        }
        Ok(parsed)
    }

    /// Whether one of the signatures is `key`'s over exactly this checkpoint.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let text = self.checkpoint.render_text();
        self.signatures.iter().any(|signature| {
            signature
                .bytes
                .split_at_checked(4)
                .is_some_and(|(hash, bytes)| hash == key_hash(&signature.name, key) && key.is_signed(text.as_bytes(), bytes))
        })
    }
}

fn parse_signature(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    Some(NoteSignature { name: name.to_owned(), bytes: STANDARD.decode(encoded).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::chain::hash_event;
    use crate::ledger::event::tests::noon;

    fn signed(key: &SigningKey) -> SignedCheckpoint {
        let ledger = LedgerId::made_at(noon(0));
        let hash = hash_event(&crate::ledger::chain::genesis(ledger, key.public()), b"x");
        Checkpoint { ledger, seq: 12, hash }.sign(key).unwrap()
    }

    #[test]
    fn a_note_reads_back_and_is_believed_under_its_key_alone() {
        let key = SigningKey::generate().unwrap();
        let note = signed(&key);
        let back = SignedCheckpoint::parse(note.render_note().as_bytes()).unwrap();
        assert_eq!(back, note);
        assert!(back.is_signed_by(key.public()));
        assert!(!back.is_signed_by(SigningKey::generate().unwrap().public()));
        assert_eq!(note.render_note().lines().nth(1), Some("12"));
    }

    #[test]
    fn no_flipped_bit_and_no_cut_is_believed() {
        let key = SigningKey::generate().unwrap();
        let note = signed(&key).render_note().into_bytes();
        let believed = |bytes: &[u8]| SignedCheckpoint::parse(bytes).is_ok_and(|note| note.is_signed_by(key.public()));
        for index in 0..note.len() * 8 {
            let mut flipped = note.clone();
            flipped[index / 8] ^= 1 << (index % 8);
            assert!(!believed(&flipped), "bit {index}");
        }
        for length in 0..note.len() {
            assert!(!believed(&note[..length]), "cut to {length}");
        }
    }
}
