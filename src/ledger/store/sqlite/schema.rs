//! The database's tables, and how an empty one is made and an older one brought up to date.
//!
//! Columns that queries use are derived from the signed body by the database itself, so they cannot differ from it.
//! The triggers stop accidents and honest tools; the signatures find whoever takes them away.

use std::path::Path;

use rusqlite::Connection;

/// `PLGR`, so that another application's database is never taken for a ledger.
const APPLICATION_ID: i64 = 0x504c_4752;

/// Each brings the database from the format of its index to the next.
const MIGRATIONS: [&str; 1] = [r"
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  prev BLOB NOT NULL CHECK (length(prev) = 32),
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  signature BLOB NOT NULL CHECK (length(signature) = 64),
  body TEXT NOT NULL,
  kind TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(body) THEN body ->> '$.kind' END) VIRTUAL,
  at TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(body) THEN body ->> '$.at' END) VIRTUAL,
  subject TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(body) THEN body ->> '$.subject' END) VIRTUAL
) STRICT;
CREATE INDEX events_by_at ON events (at);
CREATE INDEX events_by_subject ON events (subject);
CREATE TRIGGER events_keep BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER events_follow BEFORE INSERT ON events
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM events)
  BEGIN SELECT RAISE(ABORT, 'the ledger grows at its end alone'); END;
CREATE TRIGGER meta_keep BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER meta_stay BEFORE DELETE ON meta BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER meta_once BEFORE INSERT ON meta
  WHEN EXISTS (SELECT 1 FROM meta WHERE name = NEW.name)
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"];

/// The format that this version writes.
pub(super) fn newest_format() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// What a database file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A ledger of this format.
    Ledger(i64),
    /// Something else's database.
    Foreign,
}

/// Reads which format an open database has.
pub(super) fn read_format(connection: &Connection) -> rusqlite::Result<Format> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(if application == APPLICATION_ID && format > 0 { Format::Ledger(format) } else { Format::Foreign })
}

/// Brings `connection` from `format` (0: empty) to the newest, in one transaction.
pub(super) fn migrate(connection: &Connection, format: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(format).unwrap_or(0);
    let transaction = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", newest_format())?;
    transaction.commit()
}

/// Makes an empty ledger at `path`, which is nobody's yet, and closes it.
pub(super) fn make_empty(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    migrate(&connection, 0)?;
    // Closing the last connection brings everything into the one file.
    connection.close().map_err(|(_, error)| error)
}
