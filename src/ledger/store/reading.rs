//! Reading an `SQLite` ledger: the log, the verdicts, the export. Nothing here writes to it.

use std::io::Write;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::error::LedgerError;
use super::sqlite::SqliteLedger;
use crate::ledger::chain::{Found, Hash, LedgerId, Record, judge};
use crate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::ledger::event::LedgerEvent;
use crate::ledger::export::{ExportFormat, LineError, write_closing, write_event, write_opening};
use crate::ledger::mistake::mistake;
use crate::ledger::verify::{KnownHead, Verdicts, VerifyOptions, assess};

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

impl SqliteLedger {
    /// The newest checkpoint as it was signed: what nodes and other parties keep. `None` before the first event.
    pub fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, LedgerError> {
        let foreign = |source| LedgerError::CheckpointForeign { path: self.beside.head.clone(), source: Some(source) };
        self.beside.read_head()?.map(|note| SignedCheckpoint::parse(&note).map_err(foreign)).transpose()
    }

    /// The events that `query` asks for, the newest first.
    pub fn log(&self, query: &LogQuery) -> Result<Vec<LoggedEvent>, LedgerError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare(
                "SELECT seq, hash, CAST(body AS BLOB) FROM events
                 WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR substr(subject, 1, length(?2)) = ?2)
                   AND (?3 IS NULL OR substr(kind, 1, length(?3)) = ?3)
                   AND (?5 IS NULL OR at < ?5) AND (?6 IS NULL OR seq = ?6)
                   AND (?7 IS NULL OR CASE WHEN json_valid(body) THEN ?7 IN (body ->> '$.actor.user', body ->> '$.details.who') END)
                 ORDER BY seq DESC LIMIT ?4",
            )
            .map_err(self.failed("read"))?;
        let moment = |moment: Option<Timestamp>| moment.map(|moment| format!("{moment:.9}"));
        let (since, until) = (moment(query.since), moment(query.until));
        let seq = query.seq.map(|seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let limit = query.limit.map_or(-1, i64::from);
        let rows = statement
            .query_map(params![since, query.subject, query.kind, limit, until, seq, query.who], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?))
            })
            .map_err(self.failed("read"))?;
        rows.map(|row| {
            let (seq, hash, body) = row.map_err(self.failed("read"))?;
            let seq = u64::try_from(seq).unwrap_or_default();
            let unreadable = |source| LedgerError::Event { action: "read", path: self.path.clone(), seq, source };
            let (_, event) = LedgerEvent::parse_body(&body).map_err(unreadable)?;
            let hash = Hash::parse_bytes(&hash).ok_or_else(|| LedgerError::Nameless { path: self.path.clone() })?;
            Ok(LoggedEvent { seq, hash, event })
        })
        .collect()
    }

    /// Verifies the ledger against its own checkpoint, its public key file and what `options` give.
    pub fn verify(&self, options: &VerifyOptions) -> Result<Verdicts, LedgerError> {
        // The checkpoint before the events: whoever appends in between makes the events newer, never older.
        let head = self.beside.read_head()?;
        let source = self.beside.head.display().to_string();
        let mut options = options.clone();
        options.key = options.key.or_else(|| self.beside.public_key());
        let mut findings = Vec::new();
        match head.as_deref().map(SignedCheckpoint::parse) {
            Some(Ok(note)) => options.heads.push(KnownHead::signed(&source, note)),
            Some(Err(error)) => findings.push(mistake("audit.checkpoint.altered", &source, &error.to_string())),
            None => {}
        }
        let connection = self.lock();
        let transaction = self.begin(&connection, TransactionBehavior::Deferred)?;
        let identity = match self.identity(&transaction) {
            Ok(Some(identity)) => identity,
            Ok(None) if head.is_none() && self.tip(&transaction)?.is_none() => return Ok(Verdicts::empty()),
            Ok(None) | Err(LedgerError::Nameless { .. }) => {
                findings.push(mistake("audit.ledger.mismatch", "ledger", "does not say which ledger it is, or by which key it is signed"));
                return Ok(Verdicts::unreadable(findings));
            }
            Err(error) => return Err(error),
        };
        if head.is_none() {
            findings.push(mistake("audit.checkpoint.missing", &source, "the ledger's newest checkpoint is not there"));
        }
        let mut judged = Vec::new();
        self.each_record(&transaction, |found| {
            judged.push(judge(found, &identity.key));
            Ok(())
        })?;
        Ok(assess(&identity, &judged, &options, findings))
    }

    /// The ledger's id; `None` before its first event.
    pub fn id(&self) -> Result<Option<LedgerId>, LedgerError> {
        Ok(self.identity(&self.lock())?.map(|identity| identity.ledger))
    }

    /// The next `limit` links after event `seq`, with their numbers, as they stand there: nothing is verified.
    pub(crate) fn records_after(&self, seq: u64, limit: u32) -> Result<Vec<(u64, Record)>, LedgerError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare("SELECT seq, prev, hash, signature, body FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2")
            .map_err(self.failed("read"))?;
        let rows = statement.query_map(params![i64::try_from(seq).unwrap_or(i64::MAX), limit], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?, row.get::<_, Vec<u8>>(3)?, row.get(4)?))
        });
        let rows = rows.map_err(self.failed("read"))?;
        rows.map(|row| {
            let (seq, prev, hash, signature, body) = row.map_err(self.failed("read"))?;
            let link = Hash::parse_bytes(&prev).zip(Hash::parse_bytes(&hash)).zip(signature.try_into().ok());
            let ((prev, hash), signature) = link.ok_or_else(|| LedgerError::Nameless { path: self.path.clone() })?;
            Ok((u64::try_from(seq).unwrap_or_default(), Record { prev, hash, signature, body }))
        })
        .collect()
    }

    /// The hash of event `seq`; `None` where there is none.
    pub fn hash_at(&self, seq: u64) -> Result<Option<Hash>, LedgerError> {
        self.hash_of(&self.lock(), seq)
    }

    /// Gives each record, in order, to `take`.
    pub(super) fn each_record(
        &self,
        connection: &Connection,
        mut take: impl FnMut(&Found<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let failed = || self.failed("read");
        let mut statement = connection.prepare("SELECT seq, prev, hash, signature, body FROM events ORDER BY seq").map_err(failed())?;
        let mut rows = statement.query([]).map_err(failed())?;
        while let Some(row) = rows.next().map_err(failed())? {
            // Whatever a forger put there is bytes, or nothing.
            let bytes = |column: usize| row.get_ref(column).ok().and_then(|value| value.as_bytes().ok()).unwrap_or_default();
            let place = row.get::<_, i64>(0).ok().and_then(|seq| u64::try_from(seq).ok()).unwrap_or_default();
            take(&Found { place, prev: bytes(1), hash: bytes(2), signature: bytes(3), body: bytes(4) })?;
        }
        Ok(())
    }

    /// Writes the whole ledger to `out` and says how many events that were. Record the export as an event before.
    pub fn export(&self, format: ExportFormat, out: &mut dyn Write) -> Result<u64, LedgerError> {
        let kept = self.checkpoint()?;
        let connection = self.lock();
        let transaction = self.begin(&connection, TransactionBehavior::Deferred)?;
        let identity = self.identity(&transaction)?.ok_or_else(|| LedgerError::Nameless { path: self.path.clone() })?;
        // Without the key at hand the checkpoint that was kept will do: it is this view's newest or an older one.
        let note = match (self.tip(&transaction)?, self.beside.load_key_of(&identity.key)) {
            (Some((seq, hash)), Ok(key)) => {
                let checkpoint = Checkpoint { ledger: identity.ledger, seq, hash };
                Some(checkpoint.sign(&key).map_err(|source| self.beside.key_error(source))?)
            }
            _ => kept,
        };
        let failed = |source| LedgerError::Export { source };
        write_opening(format, &identity, out).map_err(failed)?;
        let mut events = 0;
        self.each_record(&transaction, |found| {
            events += 1;
            write_event(format, found, out).map_err(|error| match error {
                LineError::Io(source) => failed(source),
                LineError::Event(source) => LedgerError::Event { action: "read", path: self.path.clone(), seq: found.place, source },
            })
        })?;
        write_closing(format, note.as_ref(), out).map_err(failed)?;
        Ok(events)
    }
}
