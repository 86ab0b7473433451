//! The ledger in one SQLite file: WAL, each append durable before it is told, writers one after the other.
//!
//! An append refuses to go on where the newest checkpoint shows that events are gone: the next checkpoint would
//! overwrite the proof.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::beside::{Beside, file_error};
use super::error::LedgerError;
use super::schema::{self, Format};
use crate::disk::{Existing, WriteError, make_private_folder, write_atomically};
use crate::ledger::chain::{Hash, LedgerId, Record, genesis, seal};
use crate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::ledger::event::LedgerEvent;
use crate::ledger::sign::{PublicKey, SigningKey};
use crate::ledger::verify::Identity;

/// How a ledger is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOptions {
    /// Make it where there is none.
    pub create: bool,
    /// Open it for appending; otherwise nothing is ever written.
    pub append: bool,
    /// How long to wait for another process.
    pub patience: Duration,
}

impl OpenOptions {
    /// For appending; made where there is none; waits ten seconds.
    pub fn append() -> Self {
        Self { create: true, append: true, patience: Duration::from_secs(10) }
    }

    /// For reading what is there.
    pub fn read() -> Self {
        Self { create: false, append: false, patience: Duration::from_secs(10) }
    }
}

/// What an append gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The event's number, from 1.
    pub seq: u64,
    /// The event's hash; the newest one is what nodes keep.
    pub hash: Hash,
}

/// A ledger in an `SQLite` file.
#[derive(Debug)]
pub struct SqliteLedger {
    pub(super) path: PathBuf,
    pub(super) beside: Beside,
    connection: Mutex<Connection>,
    patience: Duration,
}

impl SqliteLedger {
    /// Opens the ledger at `path`; makes it, and its folder, where it is not there and `options` say so.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, LedgerError> {
        if fs::symlink_metadata(path).is_err() {
            if !options.create {
                return Err(LedgerError::Missing { path: path.to_owned() });
            }
            make(path, options.patience)?;
        }
        if path.is_dir() {
            return Err(LedgerError::NotALedger { path: path.to_owned() });
        }
        let failed = |source| LedgerError::of("open", path, options.patience, source);
        let access = if options.append { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
        let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
        connection.busy_timeout(options.patience).map_err(failed)?;
        match schema::read_format(&connection).map_err(failed)? {
            Format::Foreign => return Err(LedgerError::NotALedger { path: path.to_owned() }),
            Format::Ledger(found) if found > schema::newest_format() => {
                return Err(LedgerError::Newer { path: path.to_owned(), found, known: schema::newest_format() });
            }
            Format::Ledger(found) if found < schema::newest_format() && options.append => {
                schema::migrate(&connection, found).map_err(failed)?;
            }
            Format::Ledger(_) => {}
        }
        if options.append {
            if connection.is_readonly("main").map_err(failed)? {
                return Err(LedgerError::ReadOnly { path: path.to_owned() });
            }
            // FULL: an event that was told is on the disk, also after a power cut.
            connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        }
        let (path, beside) = (path.to_owned(), Beside::of(path));
        Ok(Self { path, beside, connection: Mutex::new(connection), patience: options.patience })
    }

    /// Appends `event` durably; appends of several processes happen one after the other.
    ///
    /// The ledger's key is made with the first event.
    pub fn append(&self, event: &LedgerEvent) -> Result<Appended, LedgerError> {
        let connection = self.lock();
        let transaction = self.begin(&connection, TransactionBehavior::Immediate)?;
        let (identity, key) = self.identify_for_append(&transaction, event.at)?;
        let tip = self.tip(&transaction)?;
        self.check_head(&transaction, &identity, &key, tip)?;
        let appended = self.append_to(transaction, (&identity, &key), tip, event)?;
        self.leave_head(&connection, &identity, &key)?;
        Ok(appended)
    }

    /// Appends without looking at the checkpoint, and commits.
    pub(super) fn append_to(
        &self,
        transaction: Transaction<'_>,
        (identity, key): (&Identity, &SigningKey),
        tip: Option<(u64, Hash)>,
        event: &LedgerEvent,
    ) -> Result<Appended, LedgerError> {
        let (seq, prev) = tip.map_or_else(|| (1, genesis(identity.ledger, &identity.key)), |(seq, hash)| (seq + 1, hash));
        let body =
            event.encode_body(seq).map_err(|source| LedgerError::Event { action: "record", path: self.path.clone(), seq, source })?;
        let record = seal(prev, body, key).map_err(|source| self.beside.key_error(source))?;
        self.insert(&transaction, seq, &record)?;
        transaction.commit().map_err(self.failed("append to"))?;
        Ok(Appended { seq, hash: record.hash })
    }

    fn insert(&self, transaction: &Transaction<'_>, seq: u64, record: &Record) -> Result<(), LedgerError> {
        let Record { prev, hash, signature, body } = record;
        let number = i64::try_from(seq).unwrap_or(i64::MAX);
        transaction
            .execute(
                "INSERT INTO events (seq, prev, hash, signature, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![number, prev.bytes(), hash.bytes(), signature, body],
            )
            .map_err(self.failed("append to"))?;
        Ok(())
    }

    /// Writes the checkpoint of the newest event, under the store's lock, so that no older one replaces it.
    pub(super) fn leave_head(&self, connection: &Connection, identity: &Identity, key: &SigningKey) -> Result<(), LedgerError> {
        let transaction = self.begin(connection, TransactionBehavior::Immediate)?;
        if let Some((seq, hash)) = self.tip(&transaction)? {
            self.sign_head(identity, key, seq, hash)?;
        }
        transaction.commit().map_err(self.failed("unlock"))
    }

    fn sign_head(&self, identity: &Identity, key: &SigningKey, seq: u64, hash: Hash) -> Result<(), LedgerError> {
        let checkpoint = Checkpoint { ledger: identity.ledger, seq, hash };
        self.beside.write_head(&checkpoint.sign(key).map_err(|source| self.beside.key_error(source))?)
    }

    /// Refuses where the checkpoint knows more than the ledger does.
    pub(super) fn check_head(
        &self,
        transaction: &Transaction<'_>,
        identity: &Identity,
        key: &SigningKey,
        tip: Option<(u64, Hash)>,
    ) -> Result<(), LedgerError> {
        let Some(note) = self.beside.read_head()? else {
            return match tip {
                None => Ok(()),
                // The first event's writer may have been broken off, or be about to write it.
                Some((1, hash)) => self.sign_head(identity, key, 1, hash),
                Some(_) => Err(LedgerError::CheckpointMissing { path: self.beside.head.clone() }),
            };
        };
        let foreign = |source| LedgerError::CheckpointForeign { path: self.beside.head.clone(), source };
        let note = SignedCheckpoint::parse(&note).map_err(|source| foreign(Some(source)))?;
        if !note.is_signed_by(&identity.key) || note.checkpoint.ledger != identity.ledger {
            return Err(foreign(None));
        }
        let Checkpoint { seq: known, hash, .. } = note.checkpoint;
        let end = tip.map_or(0, |(seq, _)| seq);
        if known > end {
            return Err(LedgerError::Cut { path: self.path.clone(), end, known });
        }
        if self.hash_of(transaction, known)? != Some(hash) {
            return Err(LedgerError::Forked { path: self.path.clone(), seq: known });
        }
        Ok(())
    }

    pub(super) fn hash_of(&self, connection: &Connection, seq: u64) -> Result<Option<Hash>, LedgerError> {
        let number = i64::try_from(seq).unwrap_or(i64::MAX);
        let bytes = connection
            .query_row("SELECT hash FROM events WHERE seq = ?1", [number], |row| row.get::<_, Vec<u8>>(0))
            .optional()
            .map_err(self.failed("read"))?;
        Ok(bytes.and_then(|bytes| Hash::parse_bytes(&bytes)))
    }

    pub(super) fn tip(&self, connection: &Connection) -> Result<Option<(u64, Hash)>, LedgerError> {
        let newest: Option<i64> = connection.query_row("SELECT max(seq) FROM events", [], |row| row.get(0)).map_err(self.failed("read"))?;
        let Some(seq) = newest.and_then(|seq| u64::try_from(seq).ok()) else { return Ok(None) };
        Ok(self.hash_of(connection, seq)?.map(|hash| (seq, hash)))
    }

    pub(super) fn identify_for_append(&self, transaction: &Transaction<'_>, at: Timestamp) -> Result<(Identity, SigningKey), LedgerError> {
        if let Some(identity) = self.identity(transaction)? {
            let key = self.beside.load_key_of(&identity.key)?;
            return Ok((identity, key));
        }
        if self.tip(transaction)?.is_some() {
            return Err(LedgerError::Nameless { path: self.path.clone() });
        }
        let key = self.beside.make_key()?;
        let identity = Identity { ledger: LedgerId::made_at(at), key: key.public().clone() };
        for (name, value) in [("ledger", identity.ledger.to_string()), ("key", identity.key.encode_base64())] {
            transaction
                .execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", params![name, value])
                .map_err(self.failed("append to"))?;
        }
        Ok((identity, key))
    }

    pub(super) fn identity(&self, connection: &Connection) -> Result<Option<Identity>, LedgerError> {
        let value = |name: &str| {
            connection
                .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get::<_, String>(0))
                .optional()
                .map_err(self.failed("read"))
        };
        let (Some(ledger), Some(key)) = (value("ledger")?, value("key")?) else { return Ok(None) };
        match (LedgerId::parse(&ledger), PublicKey::parse_base64(&key)) {
            (Some(ledger), Some(key)) => Ok(Some(Identity { ledger, key })),
            _ => Err(LedgerError::Nameless { path: self.path.clone() }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves no half-made append: its transaction was rolled back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin<'c>(&self, connection: &'c Connection, behavior: TransactionBehavior) -> Result<Transaction<'c>, LedgerError> {
        Transaction::new_unchecked(connection, behavior).map_err(self.failed("lock"))
    }

    pub(super) fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError {
        move |source| LedgerError::of(action, &self.path, self.patience, source)
    }
}

/// Makes an empty ledger under another name and gives it its own at once: nobody ever sees half of one.
fn make(path: &Path, patience: Duration) -> Result<(), LedgerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| file_error("make", folder, source);
    make_private_folder(folder).map_err(failed)?;
    let draft = folder.join(format!(".ledger.{}", uuid::Uuid::now_v7().simple()));
    let made = schema::make_empty(&draft).map_err(|source| LedgerError::of("make", path, patience, source));
    let bytes = made.and_then(|()| fs::read(&draft).map_err(|source| file_error("read", &draft, source)));
    // Best effort: an empty draft does no harm, and the outcome at hand matters more.
    drop(fs::remove_file(&draft));
    match write_atomically(path, &bytes?, 0o600, Existing::Keep) {
        // Another process was first; its ledger is as empty as ours.
        Ok(()) | Err(WriteError::Exists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
