//! A ledger's rows in one `SQLite` file: WAL, each append durable before it is told, writers one after the other.

mod schema;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};

use super::append::OpenOptions;
use super::beside::file_error;
use super::error::LedgerError;
use super::location::Place;
use super::reading::LogQuery;
use super::{Store, Take, Turn};
use crate::disk::{Existing, WriteError, make_private_folder, write_atomically};
use crate::ledger::chain::{Found, Hash, LedgerId, Record};
use crate::ledger::lease::{Lease, LeaseError};
use crate::ledger::sign::PublicKey;
use crate::ledger::verify::Identity;
use schema::Format;

/// A ledger in an `SQLite` file.
#[derive(Debug)]
pub(super) struct SqliteStore {
    path: PathBuf,
    place: Place,
    connection: Mutex<Connection>,
    patience: Duration,
}

impl SqliteStore {
    /// Opens the ledger at `path`; makes it, and its folder, where it is not there and `options` say so.
    pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Self, LedgerError> {
        let place = Place::of(path);
        if fs::symlink_metadata(path).is_err() {
            if !options.create {
                return Err(LedgerError::Missing { place });
            }
            make(path, options.patience)?;
        }
        if path.is_dir() {
            return Err(LedgerError::NotALedger { place });
        }
        let failed = |source: rusqlite::Error| LedgerError::of("open", &place, options.patience, source);
        let access = if options.append { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
        let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
        connection.busy_timeout(options.patience).map_err(failed)?;
        match schema::read_format(&connection).map_err(failed)? {
            Format::Foreign => return Err(LedgerError::NotALedger { place }),
            Format::Ledger(found) if found > schema::newest_format() => {
                return Err(LedgerError::Newer { place, found, known: schema::newest_format() });
            }
            Format::Ledger(found) if found < schema::newest_format() && options.append => {
                schema::migrate(&connection, found).map_err(failed)?;
            }
            Format::Ledger(_) => {}
        }
        if options.append {
            if connection.is_readonly("main").map_err(failed)? {
                return Err(LedgerError::ReadOnly { place });
            }
            // FULL: an event that was told is on the disk, also after a power cut.
            connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), place, connection: Mutex::new(connection), patience: options.patience })
    }

    fn begin(&self, statement: &str) -> Result<Box<dyn Turn + '_>, LedgerError> {
        // A panic elsewhere leaves no half-made append: its transaction was rolled back.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turn = SqliteTurn { store: self, connection, is_open: false };
        turn.connection.execute_batch(statement).map_err(turn.failed("lock"))?;
        turn.is_open = true;
        Ok(Box::new(turn))
    }
}

impl Store for SqliteStore {
    fn look(&self) -> Result<Box<dyn Turn + '_>, LedgerError> {
        self.begin("BEGIN DEFERRED")
    }

    fn turn(&self) -> Result<Box<dyn Turn + '_>, LedgerError> {
        self.begin("BEGIN IMMEDIATE")
    }

    fn take_lease(&self, holder: &str, now: Timestamp) -> Result<Lease, LeaseError> {
        Lease::take(&self.path, holder, now)
    }
}

struct SqliteTurn<'s> {
    store: &'s SqliteStore,
    connection: MutexGuard<'s, Connection>,
    is_open: bool,
}

impl SqliteTurn<'_> {
    fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError {
        move |source| LedgerError::of(action, &self.store.place, self.store.patience, source)
    }

    fn value(&self, name: &str) -> Result<Option<String>, LedgerError> {
        let row = self.connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0));
        row.optional().map_err(self.failed("read"))
    }

    fn each(&self, statement: &str, values: impl rusqlite::Params, take: Take<'_>) -> Result<(), LedgerError> {
        let failed = || self.failed("read");
        let mut statement = self.connection.prepare(statement).map_err(failed())?;
        let mut rows = statement.query(values).map_err(failed())?;
        while let Some(row) = rows.next().map_err(failed())? {
            take(&found(row))?;
        }
        Ok(())
    }
}

impl Drop for SqliteTurn<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // A transaction that cannot even be rolled back ends with its connection.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
    }
}

impl Turn for SqliteTurn<'_> {
    fn identity(&mut self) -> Result<Option<Identity>, LedgerError> {
        let (Some(ledger), Some(key)) = (self.value("ledger")?, self.value("key")?) else { return Ok(None) };
        match (LedgerId::parse(&ledger), PublicKey::parse_base64(&key)) {
            (Some(ledger), Some(key)) => Ok(Some(Identity { ledger, key })),
            _ => Err(LedgerError::Nameless { place: self.store.place.clone() }),
        }
    }

    fn identify(&mut self, identity: &Identity) -> Result<(), LedgerError> {
        for (name, value) in [("ledger", identity.ledger.to_string()), ("key", identity.key.encode_base64())] {
            let inserted = self.connection.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", params![name, value]);
            inserted.map_err(self.failed("append to"))?;
        }
        Ok(())
    }

    fn tip(&mut self) -> Result<Option<(u64, Hash)>, LedgerError> {
        let newest = self.connection.query_row("SELECT max(seq) FROM events", [], |row| row.get::<_, Option<i64>>(0));
        let Some(seq) = newest.map_err(self.failed("read"))?.and_then(|seq| u64::try_from(seq).ok()) else { return Ok(None) };
        Ok(self.hash_of(seq)?.map(|hash| (seq, hash)))
    }

    fn hash_of(&mut self, seq: u64) -> Result<Option<Hash>, LedgerError> {
        let row = self.connection.query_row("SELECT hash FROM events WHERE seq = ?1", [number(seq)], |row| row.get::<_, Vec<u8>>(0));
        Ok(row.optional().map_err(self.failed("read"))?.and_then(|bytes| Hash::parse_bytes(&bytes)))
    }

    fn insert(&mut self, seq: u64, record: &Record) -> Result<(), LedgerError> {
        let Record { prev, hash, signature, body } = record;
        let inserted = self.connection.execute(
            "INSERT INTO events (seq, prev, hash, signature, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![number(seq), prev.bytes(), hash.bytes(), signature, body],
        );
        inserted.map(drop).map_err(self.failed("append to"))
    }

    fn select(&mut self, query: &LogQuery, take: Take<'_>) -> Result<(), LedgerError> {
        let moment = |moment: Option<Timestamp>| moment.map(|moment| format!("{moment:.9}"));
        let (since, until, seq) = (moment(query.since), moment(query.until), query.seq.map(number));
        let limit = query.limit.map_or(-1, i64::from);
        self.each(
            "SELECT seq, prev, hash, signature, CAST(body AS BLOB) FROM events
             WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR substr(subject, 1, length(?2)) = ?2)
               AND (?3 IS NULL OR substr(kind, 1, length(?3)) = ?3)
               AND (?5 IS NULL OR at < ?5) AND (?6 IS NULL OR seq = ?6)
               AND (?7 IS NULL OR CASE WHEN json_valid(body) THEN ?7 IN (body ->> '$.actor.user', body ->> '$.details.who') END)
             ORDER BY seq DESC LIMIT ?4",
            params![since, query.subject, query.kind, limit, until, seq, query.who],
            take,
        )
    }

    fn each_after(&mut self, after: Option<u64>, limit: Option<u32>, take: Take<'_>) -> Result<(), LedgerError> {
        let first = after.map_or(i64::MIN, |seq| number(seq).saturating_add(1));
        self.each(
            "SELECT seq, prev, hash, signature, body FROM events WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
            params![first, limit.map_or(-1, i64::from)],
            take,
        )
    }

    fn commit(mut self: Box<Self>) -> Result<(), LedgerError> {
        self.connection.execute_batch("COMMIT").map_err(self.failed("append to"))?;
        self.is_open = false;
        Ok(())
    }
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// Whatever a forger put there is bytes, or nothing.
fn found<'r>(row: &'r Row<'_>) -> Found<'r> {
    let bytes = |column: usize| row.get_ref(column).ok().and_then(|value| value.as_bytes().ok()).unwrap_or_default();
    let place = row.get::<_, i64>(0).ok().and_then(|seq| u64::try_from(seq).ok()).unwrap_or_default();
    Found { place, prev: bytes(1), hash: bytes(2), signature: bytes(3), body: bytes(4) }
}

/// Makes an empty ledger under another name and gives it its own at once: nobody ever sees half of one.
fn make(path: &Path, patience: Duration) -> Result<(), LedgerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| file_error("make", folder, source);
    make_private_folder(folder).map_err(failed)?;
    let draft = folder.join(format!(".ledger.{}", uuid::Uuid::now_v7().simple()));
    let made = schema::make_empty(&draft).map_err(|source| LedgerError::of("make", &Place::of(path), patience, source));
    let bytes = made.and_then(|()| fs::read(&draft).map_err(|source| file_error("read", &draft, source)));
    // Best effort: an empty draft does no harm, and the outcome at hand matters more.
    drop(fs::remove_file(&draft));
    match write_atomically(path, &bytes?, 0o600, Existing::Keep) {
        // Another process was first; its ledger is as empty as ours.
        Ok(()) | Err(WriteError::Exists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
