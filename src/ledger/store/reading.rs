//! Reading a ledger: the log, the verdicts, the export. Nothing here writes to it.

use std::io::Write;

use jiff::Timestamp;

use super::Turn;
use super::append::Ledger;
use super::error::LedgerError;
use super::keys::keys_of;
use crate::ledger::chain::{Found, Hash, Judged, LedgerId, Record, judge};
use crate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::ledger::event::LedgerEvent;
use crate::ledger::export::{ExportFormat, LineError, write_closing, write_event, write_opening};
use crate::ledger::keys::Keys;
use crate::ledger::mistake::mistake;
use crate::ledger::verify::{Identity, KnownHead, Verdicts, VerifyOptions, assess};

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogQuery {
    /// At most so many; `None`: all.
    pub limit: Option<u32>,
    /// None before this moment.
    pub since: Option<Timestamp>,
    /// None at or after this moment.
    pub until: Option<Timestamp>,
    /// The event of this number alone.
    pub seq: Option<u64>,
    /// Of this user of portcullis, or about this person.
    pub who: Option<String>,
    /// The beginning of the run's or window's id.
    pub subject: Option<String>,
    /// The beginning of the kind, such as `run.`.
    pub kind: Option<String>,
}

/// An event as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// What happened.
    pub event: LedgerEvent,
}

impl Ledger {
    /// The newest checkpoint as it was signed: what nodes and other parties keep. `None` before the first event.
    pub fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, LedgerError> {
        let foreign = |source| LedgerError::CheckpointForeign { path: self.beside.head.clone(), source: Some(source) };
        self.beside.read_head()?.map(|note| SignedCheckpoint::parse(&note).map_err(foreign)).transpose()
    }

    /// The events that `query` asks for, the newest first.
    pub fn log(&self, query: &LogQuery) -> Result<Vec<LoggedEvent>, LedgerError> {
        let mut events = Vec::new();
        self.store.look()?.select(query, &mut |found| {
            let unreadable = |source| LedgerError::Event { action: "read", place: self.place.clone(), seq: found.place, source };
            let (_, event) = LedgerEvent::parse_body(found.body).map_err(unreadable)?;
            let hash = Hash::parse_bytes(found.hash).ok_or_else(|| self.nameless())?;
            events.push(LoggedEvent { seq: found.place, hash, event });
            Ok(())
        })?;
        Ok(events)
    }

    /// Verifies the ledger against its own checkpoint, its public key file and what `options` give.
    pub fn verify(&self, options: &VerifyOptions) -> Result<Verdicts, LedgerError> {
        // The checkpoint before the events: whoever appends in between makes the events newer, never older.
        let head = self.beside.read_head()?;
        let source = self.beside.head.display().to_string();
        let mut options = options.clone();
        options.key = options.key.or_else(|| self.beside.public_key());
        options.own = options.own.or_else(|| self.beside.own_public_key());
        let mut findings = Vec::new();
        match head.as_deref().map(SignedCheckpoint::parse) {
            Some(Ok(note)) => options.heads.push(KnownHead::signed(&source, note)),
            Some(Err(error)) => findings.push(mistake("audit.checkpoint.altered", &source, &error.to_string())),
            None => {}
        }
        let mut look = self.store.look()?;
        let identity = match look.identity() {
            Ok(Some(identity)) => identity,
            Ok(None) if head.is_none() && look.tip()?.is_none() => return Ok(Verdicts::empty()),
            Ok(None) | Err(LedgerError::Nameless { .. }) => {
                findings.push(mistake("audit.ledger.mismatch", "ledger", "does not say which ledger it is, or by which key it is signed"));
                return Ok(Verdicts::unreadable(findings));
            }
            Err(error) => return Err(error),
        };
        if head.is_none() && !self.beside.is_new_here() {
            findings.push(mistake("audit.checkpoint.missing", &source, "the ledger's newest checkpoint is not there"));
        }
        let judged = judge_all(look.as_mut(), &identity)?;
        Ok(assess(&identity, &judged, &options, findings))
    }

    /// The ledger's id; `None` before its first event.
    pub fn id(&self) -> Result<Option<LedgerId>, LedgerError> {
        Ok(self.store.look()?.identity()?.map(|identity| identity.ledger))
    }

    /// The next `limit` links after event `seq`, with their numbers, as they stand there: nothing is verified.
    pub(crate) fn records_after(&self, seq: u64, limit: u32) -> Result<Vec<(u64, Record)>, LedgerError> {
        let mut records = Vec::new();
        self.store.look()?.each_after(Some(seq), Some(limit), &mut |found| {
            records.push((found.place, as_record(found).ok_or_else(|| self.nameless())?));
            Ok(())
        })?;
        Ok(records)
    }

    /// The hash of event `seq`; `None` where there is none.
    pub fn hash_at(&self, seq: u64) -> Result<Option<Hash>, LedgerError> {
        self.store.look()?.hash_of(seq)
    }

    /// Writes the whole ledger to `out` and says how many events that were. Record the export as an event before.
    pub fn export(&self, format: ExportFormat, out: &mut dyn Write) -> Result<u64, LedgerError> {
        let kept = self.checkpoint()?;
        let mut look = self.store.look()?;
        let identity = look.identity()?.ok_or_else(|| self.nameless())?;
        // Without the key at hand the checkpoint that was kept will do: it is this view's newest or an older one.
        let own = self.beside.load_key().ok();
        let keys = keys_of(look.as_mut(), &identity)?;
        let note = match (look.tip()?, own.filter(|key| keys.may_sign(key.public()))) {
            (Some((seq, hash)), Some(key)) => {
                let checkpoint = Checkpoint { ledger: identity.ledger, seq, hash };
                Some(checkpoint.sign(&key).map_err(|source| self.beside.key_error(source))?)
            }
            _ => kept,
        };
        let failed = |source| LedgerError::Export { source };
        write_opening(format, &identity, out).map_err(failed)?;
        let mut events = 0;
        look.each_after(None, None, &mut |found| {
            events += 1;
            write_event(format, found, out).map_err(|error| match error {
                LineError::Io(source) => failed(source),
                LineError::Event(source) => LedgerError::Event { action: "read", place: self.place.clone(), seq: found.place, source },
            })
        })?;
        write_closing(format, note.as_ref(), out).map_err(failed)?;
        Ok(events)
    }

    fn nameless(&self) -> LedgerError {
        LedgerError::Nameless { place: self.place.clone() }
    }
}

/// Looks at each link, with the keys that those before it admit.
pub(super) fn judge_all(turn: &mut (dyn Turn + '_), identity: &Identity) -> Result<Vec<Judged>, LedgerError> {
    let (mut judged, mut keys) = (Vec::new(), Keys::of(&identity.key));
    turn.each_after(None, None, &mut |found| {
        let link = judge(found, &keys);
        keys.learn(&link);
        judged.push(link);
        Ok(())
    })?;
    Ok(judged)
}

fn as_record(found: &Found<'_>) -> Option<Record> {
    let (prev, hash) = Hash::parse_bytes(found.prev).zip(Hash::parse_bytes(found.hash))?;
    Some(Record { prev, hash, signature: found.signature.try_into().ok()?, body: String::from_utf8(found.body.to_vec()).ok()? })
}
