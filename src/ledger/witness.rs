//! Countersignatures: the other party signs a checkpoint with an SSH key, and keeps it.
//!
//! The signature (`ssh-keygen -Y sign -n checkpoint@portcullis`) is over the note as the ledger signed it, byte for byte,
//! and stands in the note as one more line (C2SP `signed-note`, type 0xff). Who countersigns must see that the ledger
//! continues the checkpoint signed before: [`check_continues`] refuses anything else.

use sha2::{Digest as _, Sha256};

use super::checkpoint::{NoteSignature, SignedCheckpoint};
use super::verify::{KnownHead, Verdicts};
use crate::sshsig::{SignatureError, Signer, SignerError, SshSignature};

/// The purpose of a countersignature.
pub const CHECKPOINT_NAMESPACE: &str = "checkpoint@portcullis";
/// C2SP `signed-note`: a type that is not registered, followed by what it is.
const SSHSIG_TYPE: &[u8] = b"\xffsshsig";

/// Why a checkpoint is not countersigned, or a countersignature not believed.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The other ledger's checkpoints say nothing about this one.
    #[error("the checkpoint is of ledger {offered}, and the one signed before of ledger {kept}")]
    OtherLedger {
        /// The ledger that is to be signed.
        offered: String,
        /// The ledger that was signed.
        kept: String,
    },
    /// It is older than what was signed before.
    #[error("the checkpoint ends at event {offered}, and event {kept} was signed before: events are gone")]
    Shorter {
        /// Its newest event.
        offered: u64,
        /// The newest event that was signed.
        kept: u64,
    },
    /// The ledger that was shown does not hold both.
    #[error("the ledger that was shown is not the one that the checkpoints are of: {}", .verdicts.findings.iter().map(|finding| format!("{}: {}", finding.subject, finding.message)).collect::<Vec<_>>().join("; "))]
    Inconsistent {
        /// What was found.
        verdicts: Box<Verdicts>,
    },
    /// Names stand in a line of their own.
    #[error("`{name}` cannot stand in a signature line")]
    Name {
        /// The name.
        name: String,
    },
    /// Nobody else signed it.
    #[error("nobody has countersigned that checkpoint")]
    NotCountersigned,
    /// A line that is no countersignature of this checkpoint.
    #[error("the countersignature of {name} does not hold")]
    Signature {
        /// Whose line.
        name: String,
        /// Why.
        source: SignatureError,
    },
    /// It could not be signed.
    #[error("the checkpoint cannot be countersigned")]
    Signer {
        /// Why.
        #[from]
        source: SignerError,
    },
}

impl WitnessError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::OtherLedger { .. } => "give the checkpoint that was signed before of this very ledger with --kept".to_owned(),
            Self::Shorter { .. } | Self::Inconsistent { .. } => {
                "do not sign; keep this checkpoint, the one signed before and the export as evidence, and ask the ledger's owner to explain"
                    .to_owned()
            }
            Self::Name { .. } => "write the name without blanks and plus signs, such as vendor.example".to_owned(),
            Self::NotCountersigned => "have the other party sign it: portcullis audit countersign, or ssh-keygen -Y sign".to_owned(),
            Self::Signature { .. } => "have the checkpoint countersigned again, as `portcullis audit checkpoint` gives it".to_owned(),
            Self::Signer { source } => return source.help(),
        })
    }
}

/// One line of a note by somebody else than the ledger; it holds once [`must_hold`](Self::must_hold) says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countersignature {
    /// The name on the line: anybody's text.
    pub name: String,
    /// The signature.
    pub signature: SshSignature,
}

impl Countersignature {
    /// Fails unless it is over exactly `note`, as the ledger left it.
    pub fn must_hold(&self, note: &SignedCheckpoint) -> Result<(), WitnessError> {
        let held = self.signature.verify(CHECKPOINT_NAMESPACE, note.render_own().as_bytes());
        held.map_err(|source| WitnessError::Signature { name: self.name.clone(), source })
    }
}

impl SignedCheckpoint {
    /// The lines that others than the ledger's key added by SSH keys.
    pub fn countersignatures(&self) -> Vec<Countersignature> {
        let own = self.checkpoint.name();
        let others = self.signatures.iter().filter(|line| line.name != own);
        others
            .filter_map(|line| {
                let (hash, bytes) = line.bytes.split_at_checked(4)?;
                let signature = SshSignature::parse_bytes(bytes).ok()?;
                (key_hash(&line.name, &signature)? == *hash).then(|| Countersignature { name: line.name.clone(), signature })
            })
            .collect()
    }

    /// The note with one more line, once the signature holds.
    pub fn countersigned(mut self, name: &str, signature: SshSignature) -> Result<Self, WitnessError> {
        let wrong = || WitnessError::Name { name: name.to_owned() };
        // C2SP: a key name has neither white space nor a plus sign.
        if name.is_empty() || name == self.checkpoint.name() || name.contains(|letter: char| letter.is_whitespace() || letter == '+') {
            return Err(wrong());
        }
        let line = Countersignature { name: name.to_owned(), signature };
        line.must_hold(&self)?;
        let (hash, bytes) = key_hash(name, &line.signature).zip(line.signature.encode_bytes()).ok_or_else(wrong)?;
        self.signatures.push(NoteSignature { name: line.name, bytes: [hash, bytes].concat() });
        Ok(self)
    }

    /// Countersigns it with `signer` as `name`. Look at [`check_continues`] before.
    pub async fn countersign(self, name: &str, signer: &Signer) -> Result<Self, WitnessError> {
        let signature = signer.sign(CHECKPOINT_NAMESPACE, self.render_own().as_bytes()).await?;
        self.countersigned(name, signature)
    }
}

/// The four bytes that tell which key signed a line (C2SP `signed-note`).
fn key_hash(name: &str, signature: &SshSignature) -> Option<Vec<u8>> {
    let key = signature.public_key().to_bytes().ok()?;
    let digest = Sha256::new().chain_update(name).chain_update(b"\n").chain_update(SSHSIG_TYPE).chain_update(key).finalize();
    digest.get(..4).map(<[u8]>::to_vec)
}

/// The heads that an export must hold before `offered` is countersigned; refuses what no export could justify.
pub fn heads_to_show(offered: &SignedCheckpoint, kept: Option<&SignedCheckpoint>) -> Result<Vec<KnownHead>, WitnessError> {
    let mut heads = vec![KnownHead::signed("the checkpoint to be signed", offered.clone())];
    if let Some(kept) = kept {
        let (new, old) = (&offered.checkpoint, &kept.checkpoint);
        if new.ledger != old.ledger {
            return Err(WitnessError::OtherLedger { offered: new.ledger.to_string(), kept: old.ledger.to_string() });
        }
        if new.seq < old.seq {
            return Err(WitnessError::Shorter { offered: new.seq, kept: old.seq });
        }
        heads.push(KnownHead::signed("the checkpoint signed before", kept.clone()));
    }
    Ok(heads)
}

/// Refuses unless the ledger that was shown, measured by [`heads_to_show`], is whole and continues what was signed.
pub fn check_continues(verdicts: Verdicts) -> Result<(), WitnessError> {
    if verdicts.has_errors() { Err(WitnessError::Inconsistent { verdicts: Box::new(verdicts) }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::chain::{LedgerId, genesis};
    use crate::ledger::checkpoint::Checkpoint;
    use crate::ledger::event::tests::noon;
    use crate::ledger::sign::SigningKey;
    use russh::keys::key::safe_rng;
    use russh::keys::ssh_key::LineEnding;
    use russh::keys::{Algorithm, PrivateKey};

    fn note(key: &SigningKey) -> SignedCheckpoint {
        let ledger = LedgerId::made_at(noon(0));
        Checkpoint { ledger, seq: 12, hash: genesis(ledger, key.public()) }.sign(key).unwrap()
    }

    fn countersigned(note: SignedCheckpoint, name: &str) -> Result<SignedCheckpoint, WitnessError> {
        let private = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap();
        let signer = Signer::read(&private.to_openssh(LineEnding::LF).unwrap(), None, None).unwrap();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(note.countersign(name, &signer))
    }

    #[test]
    fn countersigned_notes_read_back_and_are_still_the_ledgers() {
        let key = SigningKey::generate().unwrap();
        let plain = note(&key);
        let once = countersigned(plain.clone(), "vendor.example").unwrap();
        let twice = countersigned(once, "customer").unwrap();
        let back = SignedCheckpoint::parse(twice.render_note().as_bytes()).unwrap();
        assert!(back.is_signed_by(key.public()));
        assert_eq!(back.render_own(), plain.render_note(), "both signed the same text");
        let names: Vec<_> = back.countersignatures().into_iter().map(|line| (line.must_hold(&back).is_ok(), line.name)).collect();
        assert_eq!(names, [(true, "vendor.example".to_owned()), (true, "customer".to_owned())]);
        assert!(plain.countersignatures().is_empty());
    }

    #[test]
    fn a_countersignature_does_not_hold_for_another_checkpoint() {
        let key = SigningKey::generate().unwrap();
        let line = countersigned(note(&key), "vendor").unwrap().countersignatures().remove(0);
        let mut other = note(&key);
        other.checkpoint.seq = 13;
        assert!(matches!(line.must_hold(&other), Err(WitnessError::Signature { source: SignatureError::Wrong, .. })));
        assert!(matches!(other.countersigned("vendor", line.signature), Err(WitnessError::Signature { .. })));
    }

    #[test]
    fn no_flipped_bit_of_a_countersigned_note_is_believed() {
        let key = SigningKey::generate().unwrap();
        let text = countersigned(note(&key), "vendor").unwrap().render_note().into_bytes();
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let believed = SignedCheckpoint::parse(&flipped).is_ok_and(|note| {
                let lines = note.countersignatures();
                note.is_signed_by(key.public()) && !lines.is_empty() && lines.iter().all(|line| line.must_hold(&note).is_ok())
            });
            assert!(!believed, "bit {bit}");
        }
    }

    #[test]
    fn names_that_would_break_the_line_are_refused() {
        for name in ["", "a b", "a+b", "a\nb"] {
            assert!(matches!(countersigned(note(&SigningKey::generate().unwrap()), name), Err(WitnessError::Name { .. })), "{name:?}");
        }
    }

    #[test]
    fn a_shorter_or_another_ledger_is_refused_before_anything_is_shown() {
        let key = SigningKey::generate().unwrap();
        let kept = note(&key);
        let mut offered = kept.clone();
        offered.checkpoint.seq = 11;
        assert!(matches!(heads_to_show(&offered, Some(&kept)), Err(WitnessError::Shorter { offered: 11, kept: 12 })));
        assert!(matches!(heads_to_show(&note(&key), Some(&kept)), Err(WitnessError::OtherLedger { .. })));
        assert_eq!(heads_to_show(&kept, Some(&kept)).unwrap().len(), 2);
    }
}
