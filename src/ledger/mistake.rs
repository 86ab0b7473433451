//! What can be wrong with a ledger: each finding's id, its weight, and what to do about it.

use crate::finding::{Finding, Severity};

const EVIDENCE: &str = "keep this copy as evidence, restore the ledger from a backup or an export, and find out who changed it";
const RESTORE: &str = "restore the ledger from a backup or an export that holds these events, and find out who removed them";

/// A kind of finding about a ledger.
#[derive(Debug)]
pub struct Mistake {
    /// Its stable id.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it says, in general.
    pub meaning: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

/// All kinds.
pub const MISTAKES: [Mistake; 16] = [
    Mistake {
        id: "audit.key.unknown",
        severity: Severity::Error,
        meaning: "The ledger is signed with another key than the one expected",
        fix: "compare the key's fingerprint with the one on record; use the public key that was handed over with the ledger",
    },
    Mistake {
        id: "audit.ledger.mismatch",
        severity: Severity::Error,
        meaning: "Events, export or checkpoint belong to another ledger",
        fix: EVIDENCE,
    },
    Mistake { id: "audit.header.altered", severity: Severity::Error, meaning: "The head of an export was altered", fix: EVIDENCE },
    Mistake { id: "audit.event.altered", severity: Severity::Error, meaning: "An event is not what was hashed", fix: EVIDENCE },
    Mistake { id: "audit.event.inserted", severity: Severity::Error, meaning: "An event stands where none was written", fix: EVIDENCE },
    Mistake { id: "audit.event.duplicate", severity: Severity::Error, meaning: "An event stands there twice", fix: EVIDENCE },
    Mistake { id: "audit.event.missing", severity: Severity::Error, meaning: "Events are missing", fix: RESTORE },
    Mistake {
        id: "audit.order",
        severity: Severity::Error,
        meaning: "Events stand in another order than they were written in",
        fix: EVIDENCE,
    },
    Mistake { id: "audit.signature", severity: Severity::Error, meaning: "A signature is not the ledger's", fix: EVIDENCE },
    Mistake {
        id: "audit.tail.cut",
        severity: Severity::Error,
        meaning: "The newest events that a checkpoint tells of are gone",
        fix: RESTORE,
    },
    Mistake {
        id: "audit.fork",
        severity: Severity::Error,
        meaning: "Two histories were signed",
        fix: "keep both histories; the checkpoints prove that two were signed, so whoever held the key must explain it",
    },
    Mistake {
        id: "audit.checkpoint.missing",
        severity: Severity::Error,
        meaning: "The checkpoint file beside the ledger is gone",
        fix: "bring the checkpoint file (.head) back from a backup, or have it made anew with `portcullis audit resume`",
    },
    Mistake {
        id: "audit.checkpoint.altered",
        severity: Severity::Error,
        meaning: "A checkpoint is not signed by the ledger's key",
        fix: "fetch the checkpoint again from where it was kept; if it stays so, treat it as tampered with",
    },
    Mistake {
        id: "audit.checkpoint.replaced",
        severity: Severity::Warning,
        meaning: "The ledger was taken up again without its checkpoint",
        fix: "see the event for the reason, and verify against heads that others keep: --live, or --head FILE",
    },
    Mistake {
        id: "audit.countersignature",
        severity: Severity::Error,
        meaning: "A countersignature does not hold",
        fix: "ask the other party for the checkpoint that it keeps, and verify against that with --head",
    },
    Mistake {
        id: "audit.clock.back",
        severity: Severity::Warning,
        meaning: "An event is older than the one before it",
        fix: "check the clock of the machine that recorded these events",
    },
];

/// A finding of the kind with this id.
pub(crate) fn mistake(id: &str, subject: &str, message: &str) -> Finding {
    let kind = MISTAKES.iter().find(|kind| kind.id == id);
    Finding {
        id: id.to_owned(),
        severity: kind.map_or(Severity::Error, |kind| kind.severity),
        subject: subject.to_owned(),
        message: message.to_owned(),
        fix: kind.map_or(EVIDENCE, |kind| kind.fix).to_owned(),
        source: "Security and Access: audited access".to_owned(),
    }
}
