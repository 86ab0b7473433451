//! The two verdicts on a ledger: is what is there what was signed, and is all there that was signed.
//!
//! Needs nothing of the system that wrote the ledger: an export, the public key and what heads others kept.

use serde::Serialize;

use super::chain::{Hash, Judged, LedgerId};
use super::checkpoint::SignedCheckpoint;
use super::keys::{Keys, Signer};
use super::link;
use super::mistake::mistake;
use super::sign::PublicKey;
use crate::finding::{Finding, Severity, has_errors};

/// One verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Proven.
    Ok,
    /// Disproven; the findings say how.
    Broken,
    /// Neither: what would prove it is not there.
    Unproven,
}

impl Verdict {
    /// The word that is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Broken => "broken",
            Self::Unproven => "unproven",
        }
    }
}

/// The newest event that somebody knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHead {
    /// Who knows: a node's name, a file.
    pub source: String,
    /// The event's number.
    pub seq: u64,
    /// The event's hash.
    pub hash: Hash,
    /// The signed note it comes from, where there is one.
    pub note: Option<SignedCheckpoint>,
}

impl KnownHead {
    /// A head that `source` states without a signature.
    pub fn stated(source: &str, seq: u64, hash: Hash) -> Self {
        Self { source: source.to_owned(), seq, hash, note: None }
    }

    /// A head out of a signed note that `source` kept.
    pub fn signed(source: &str, note: SignedCheckpoint) -> Self {
        Self { source: source.to_owned(), seq: note.checkpoint.seq, hash: note.checkpoint.hash, note: Some(note) }
    }
}

/// What a ledger is measured by.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// The key it must be signed with. `None`: the one the ledger names itself, which proves less.
    pub key: Option<PublicKey>,
    /// What others know of its newest events.
    pub heads: Vec<KnownHead>,
    /// The key of whoever asks: its checkpoints are believed, also where the event that admitted it is gone.
    pub own: Option<PublicKey>,
}

/// What a ledger says about itself.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its id.
    pub ledger: LedgerId,
    /// The key it is signed with.
    pub key: PublicKey,
}

/// Who countersigned the ledger, and how far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// Who, as the ledger's owner named the key.
    pub witness: String,
    /// The key's fingerprint.
    pub key: String,
    /// The newest event that was countersigned.
    pub event: u64,
}

/// Both verdicts with what led to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// Whether each event is what the key signed, in its place.
    pub integrity: Verdict,
    /// Whether all events are there, the tail too.
    pub completeness: Verdict,
    /// What was found, in the ledger's order.
    pub findings: Vec<Finding>,
    /// The ledger's id, where it could be read.
    pub ledger: Option<String>,
    /// Fingerprint of the key that it began with.
    pub key: Option<String>,
    /// The keys that may sign it, or might once.
    pub signers: Vec<Signer>,
    /// How many events are as they were signed.
    pub events: u64,
    /// The newest of these: its hash in hex.
    pub head: Option<String>,
    /// Who countersigned it.
    pub witnessed: Vec<Witnessed>,
}

impl Verdicts {
    /// Whether `audit verify` ends with exit code 3.
    pub fn has_errors(&self) -> bool {
        has_errors(&self.findings)
    }

    /// Verdicts on a ledger without events: nothing is wrong, and nothing shows that there never were any.
    pub(crate) fn empty() -> Self {
        Self { integrity: Verdict::Ok, ..Self::unreadable(Vec::new()) }
    }

    /// Verdicts on something that could not even be read as a ledger.
    pub(crate) fn unreadable(findings: Vec<Finding>) -> Self {
        let (integrity, completeness) = (Verdict::Broken, Verdict::Unproven);
        Self {
            integrity,
            completeness,
            findings,
            ledger: None,
            key: None,
            signers: Vec::new(),
            events: 0,
            head: None,
            witnessed: Vec::new(),
        }
    }
}

/// Judges links that were looked at one by one, in the order in which they stand.
///
/// `findings` holds what was found before; it stands first and counts.
pub fn assess(identity: &Identity, judged: &[Judged], options: &VerifyOptions, mut findings: Vec<Finding>) -> Verdicts {
    let keys = Keys::after(&identity.key, judged);
    let (believed, disbelieved): (Vec<_>, Vec<_>) =
        options.heads.iter().partition(|head| is_believed(head, identity, (&keys, options.own.as_ref())));
    let foreign = options.key.as_ref().is_some_and(|key| *key != identity.key);
    if foreign {
        findings.push(mistake(
            "audit.key.unknown",
            "ledger",
            &format!("the ledger is signed with the key {}, which is not the one expected", identity.key.fingerprint()),
        ));
    }
    for head in disbelieved {
        let message = "this checkpoint is not signed by the ledger's key, or belongs to another ledger";
        findings.push(mistake("audit.checkpoint.altered", &head.source, message));
    }
    let outcome = link::join(identity, judged, &believed);
    findings.extend(outcome.findings);
    let broken = |ids: &[&str]| findings.iter().any(|finding| finding.severity == Severity::Error && ids.contains(&finding.id.as_str()));
    let integrity = if broken(&link::AGAINST_INTEGRITY) { Verdict::Broken } else { Verdict::Ok };
    let completeness = if broken(&link::AGAINST_COMPLETENESS) {
        Verdict::Broken
    } else if believed.is_empty() || outcome.is_taken_up_blindly {
        Verdict::Unproven
    } else {
        Verdict::Ok
    };
    Verdicts {
        integrity,
        completeness,
        findings,
        ledger: Some(identity.ledger.to_string()),
        key: Some(identity.key.fingerprint()),
        signers: keys.signers(),
        events: outcome.events,
        head: outcome.head.map(|hash| hash.to_string()),
        witnessed: outcome.witnessed,
    }
}

fn is_believed(head: &KnownHead, identity: &Identity, (keys, own): (&Keys, Option<&PublicKey>)) -> bool {
    head.note.as_ref().is_none_or(|note| {
        note.checkpoint.ledger == identity.ledger && (keys.signed(note) || own.is_some_and(|own| note.is_signed_by(own)))
    })
}
