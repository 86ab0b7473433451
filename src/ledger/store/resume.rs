//! A ledger whose checkpoint was lost goes on, after a person said so: the ledger itself tells of it for ever.

use jiff::Timestamp;

use super::append::{Appended, Ledger};
use super::error::LedgerError;
use super::reading::judge_all;
use crate::finding::Severity;
use crate::ledger::event::Origin;
use crate::ledger::verify::{KnownHead, VerifyOptions, assess};

impl Ledger {
    /// Makes a lost or spoilt checkpoint anew, with an event that says who did so, why, and whose `heads` were looked at.
    ///
    /// Refuses where the checkpoint is there, where the ledger is not whole, and where a head knows more than it does.
    pub fn resume(&self, origin: &Origin, at: Timestamp, reason: &str, heads: &[KnownHead]) -> Result<Appended, LedgerError> {
        let mut turn = self.store.turn()?;
        let nameless = || LedgerError::Nameless { place: self.place.clone() };
        let standing = self.standing(turn.as_mut())?.ok_or_else(nameless)?;
        let tip = turn.tip()?;
        match self.check_head(turn.as_mut(), &standing, tip) {
            Ok(()) => return Err(LedgerError::CheckpointPresent { path: self.beside.head.clone() }),
            Err(LedgerError::CheckpointMissing { .. } | LedgerError::CheckpointForeign { .. }) => {}
            Err(other) => return Err(other),
        }
        let judged = judge_all(turn.as_mut(), &standing.identity)?;
        let options = VerifyOptions { key: self.beside.public_key(), heads: heads.to_vec(), own: None };
        let verdicts = assess(&standing.identity, &judged, &options, Vec::new());
        let wrong = verdicts.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let wrong: Vec<_> = wrong.map(|finding| format!("{} {}", finding.subject, finding.message)).collect();
        if !wrong.is_empty() {
            return Err(LedgerError::NotWhole { place: self.place.clone(), found: wrong.join("; ") });
        }
        let mut sources: Vec<_> = heads.iter().map(|head| head.source.clone()).collect();
        sources.dedup();
        let event = origin.checkpoint_replaced(at, tip.map_or(0, |(seq, _)| seq), reason, &sources);
        let appended = self.append_to(turn, &standing, tip, &event)?;
        self.leave_head(&standing)?;
        Ok(appended)
    }
}
