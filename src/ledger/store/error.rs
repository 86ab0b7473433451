//! What can go wrong with a ledger's store, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::location::Place;
use super::postgres::ServerError;
use crate::disk::WriteError;
use crate::ledger::chain::Hash;
use crate::ledger::checkpoint::CheckpointError;
use crate::ledger::event::EventError;
use crate::ledger::sign::KeyError;

/// Why the ledger could not be opened, read or appended to.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is none.
    #[error("there is no ledger {}", .place.at())]
    Missing {
        /// Where it was looked for.
        place: Place,
    },
    /// The folder, the file or one beside it cannot be read or made.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The ledger or a file beside it cannot be written.
    #[error("cannot keep the ledger's files")]
    Write {
        /// Which, and why.
        #[from]
        source: WriteError,
    },
    /// The file is something else.
    #[error("{place} is not a ledger")]
    NotALedger {
        /// The ledger.
        place: Place,
    },
    /// It was written by a newer version.
    #[error("the ledger {place} has format {found}; this version knows formats up to {known}")]
    Newer {
        /// The ledger.
        place: Place,
        /// Its format.
        found: i64,
        /// The newest format that this version knows.
        known: i64,
    },
    /// Another process holds it.
    #[error("the ledger {place} is held by another process (waited {} s)", .waited.as_secs())]
    Locked {
        /// The ledger.
        place: Place,
        /// How long.
        waited: Duration,
    },
    /// It cannot be written to.
    #[error("the ledger {place} is read-only")]
    ReadOnly {
        /// The ledger.
        place: Place,
    },
    /// The file's structure is damaged.
    #[error("the ledger {place} is damaged")]
    Corrupt {
        /// The ledger.
        place: Place,
        /// What the database said.
        source: rusqlite::Error,
    },
    /// No room is left for it.
    #[error("no space is left for the ledger {place}")]
    Full {
        /// The ledger.
        place: Place,
        /// What the database said.
        source: rusqlite::Error,
    },
    /// The database failed in another way.
    #[error("cannot {action} the ledger {place}")]
    Database {
        /// What was tried.
        action: &'static str,
        /// The ledger.
        place: Place,
        /// What the database said.
        source: rusqlite::Error,
    },
    /// The ledger names no id or key, or not in a readable form.
    #[error("the ledger {place} does not say which ledger it is")]
    Nameless {
        /// The ledger.
        place: Place,
    },
    /// The ledger is there, its key is not.
    #[error("the ledger's key {path} is missing")]
    KeyMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Others than its owner may read the key.
    #[error("the ledger's key {path} may be read by others (mode {mode:o})")]
    KeyExposed {
        /// The key's file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key cannot be used.
    #[error("the ledger's key {path} cannot be used")]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The key is another ledger's.
    #[error("the key {path} is {found}, but this ledger is signed with {expected}")]
    KeyMismatch {
        /// The key's file.
        path: PathBuf,
        /// The ledger's fingerprint.
        expected: String,
        /// The file's fingerprint.
        found: String,
    },
    /// Events that were there once are gone; appending would hide it.
    #[error("the ledger {place} ends at event {end}, but its checkpoint knows event {known}")]
    Cut {
        /// The ledger.
        place: Place,
        /// Its newest event.
        end: u64,
        /// The event that the checkpoint was made of.
        known: u64,
    },
    /// The newest event is not the one that the checkpoint knows; appending would hide it.
    #[error("event {seq} of the ledger {place} is not the one that its checkpoint knows")]
    Forked {
        /// The ledger.
        place: Place,
        /// The event.
        seq: u64,
    },
    /// The checkpoint is gone; appending would hide what it was there to show.
    #[error("the ledger's checkpoint {path} is missing")]
    CheckpointMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The checkpoint is not one, or another ledger's.
    #[error("the ledger's checkpoint {path} is not its own")]
    CheckpointForeign {
        /// The checkpoint's file.
        path: PathBuf,
        /// Why it cannot be read; `None`: the signature or the ledger's id is another.
        source: Option<CheckpointError>,
    },
    /// The checkpoint is there; nothing has to be made anew.
    #[error("the ledger's checkpoint {path} is there, and is its own")]
    CheckpointPresent {
        /// The checkpoint's file.
        path: PathBuf,
    },
    /// Nothing is made anew over a ledger that is not whole.
    #[error("the ledger {place} is not whole: {found}")]
    NotWhole {
        /// The ledger.
        place: Place,
        /// What was found, in words.
        found: String,
    },
    /// The server was lost just when it was to make an event last.
    #[error("it is not known whether event {seq} was recorded in the ledger {place}")]
    Unsure {
        /// The ledger.
        place: Place,
        /// The event's number.
        seq: u64,
        /// Its hash.
        hash: Hash,
        /// How the server was lost.
        source: Box<LedgerError>,
    },
    /// The ledger's server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// This machine's key may not sign.
    #[error("the ledger {place} has not admitted this machine's key {fingerprint}")]
    NotAdmitted {
        /// The ledger.
        place: Place,
        /// The key's fingerprint.
        fingerprint: String,
        /// The file with its public half.
        path: PathBuf,
    },
    /// The ledger began with another key than the one that was kept here.
    #[error("the ledger began with the key {expected}, and {path} kept {found}")]
    OtherLedger {
        /// The file with the key that was kept.
        path: PathBuf,
        /// The key that the ledger names.
        expected: String,
        /// The key that was kept.
        found: String,
    },
    /// A ledger in a file has one key.
    #[error("the ledger {place} is a file and has one key, which stands beside it")]
    OneKey {
        /// The ledger.
        place: Place,
    },
    /// The key may sign already.
    #[error("the ledger {place} has admitted the key {fingerprint} already")]
    Admitted {
        /// The ledger.
        place: Place,
        /// The key's fingerprint.
        fingerprint: String,
    },
    /// No key that may sign has this fingerprint.
    #[error("no key that may sign in the ledger {place} has the fingerprint {fingerprint}")]
    NoSuchKey {
        /// The ledger.
        place: Place,
        /// What was asked for.
        fingerprint: String,
    },
    /// Nobody retires the key that the retirement would be signed with.
    #[error("this is the key with which this machine signs in the ledger {place}")]
    OwnKey {
        /// The ledger.
        place: Place,
    },
    /// The event cannot be recorded or read.
    #[error("cannot {action} event {seq} of the ledger {place}")]
    Event {
        /// What was tried.
        action: &'static str,
        /// The ledger.
        place: Place,
        /// The event's number.
        seq: u64,
        /// Why.
        source: EventError,
    },
    /// The export's receiver took no more.
    #[error("cannot write the export")]
    Export {
        /// Why.
        source: io::Error,
    },
}

impl LedgerError {
    /// Sorts what the database says by what a person can do about it.
    pub(super) fn of(action: &'static str, place: &Place, waited: Duration, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let place = place.clone();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { place, waited },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { place },
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { place, source },
            Some(ErrorCode::NotADatabase) => Self::NotALedger { place },
            Some(ErrorCode::DiskFull) => Self::Full { place, source },
            Some(_) | None => Self::Database { action, place, source },
        }
    }

    /// Whether a server was lost on the way: what was begun is not in the ledger, and may be begun again.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Server(error) if error.is_lost())
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Missing { .. } => "name the ledger with --ledger FILE, or restore it from a backup; the first `portcullis apply` or `access open` makes one".to_owned(),
            Self::File { .. } | Self::Write { .. } => "make sure that the folder exists and is yours, or name another place with --ledger FILE".to_owned(),
            Self::NotALedger { .. } => "name the ledger with --ledger FILE; this file is left as it is".to_owned(),
            Self::Newer { .. } => "use the version of portcullis that wrote it, or a newer one".to_owned(),
            Self::Locked { .. } => "wait until the other portcullis has ended, then try again".to_owned(),
            Self::ReadOnly { .. } => "copy the ledger with its .key, .pub and .head files to where you may write, or mend its permissions".to_owned(),
            Self::Corrupt { .. } => "keep the file as evidence and restore the ledger with its .head file from a backup; `sqlite3 FILE .recover` saves what can be read".to_owned(),
            Self::Full { .. } => "free some space on that disk, then try again; what was recorded before is whole".to_owned(),
            Self::Database { .. } => "make sure that the disk is sound and the folder writable, then try again".to_owned(),
            Self::Nameless { .. } => "run `portcullis audit verify`, and restore the ledger from a backup".to_owned(),
            Self::KeyMissing { path } => format!("restore {} from a backup; without it the ledger can be verified but not continued", path.display()),
            Self::KeyExposed { path, .. } => format!("chmod 600 {}", path.display()),
            Self::Key { .. } | Self::KeyMismatch { .. } => "restore the ledger's own key file from a backup".to_owned(),
            Self::Cut { .. } | Self::Forked { .. } => {
                "run `portcullis audit verify`; restore the newest copy of the ledger, or begin another with --ledger FILE and keep this one as evidence".to_owned()
            }
            Self::CheckpointMissing { path } | Self::CheckpointForeign { path, .. } => {
                format!("restore {} from a backup; where there is none, `portcullis audit resume --reason TEXT` makes it anew and records that it did", path.display())
            }
            Self::CheckpointPresent { .. } => "there is nothing to do: the ledger goes on".to_owned(),
            Self::NotWhole { .. } => {
                "restore the ledger from a backup or an export, or begin another with --ledger FILE and keep this one as evidence".to_owned()
            }
            Self::Unsure { .. } => {
                "when the server is back, `portcullis audit log --limit 3` shows whether it is there; repeat the command only if it is not".to_owned()
            }
            Self::Server(error) => return Some(error.help()),
            Self::NotAdmitted { path, .. } => format!(
                "give {} to somebody who appends to it already, for `portcullis audit admit FILE --who NAME`; verifying and looking need no key",
                path.display()
            ),
            Self::OtherLedger { .. } => {
                "find out who made the ledger anew, with the backup at hand; if it is to be another one, move this site's local ledger files away".to_owned()
            }
            Self::OneKey { .. } => "keep the team's ledger on PostgreSQL: `portcullis help team-ledger`".to_owned(),
            Self::Admitted { .. } => "there is nothing to do".to_owned(),
            Self::NoSuchKey { .. } => "`portcullis audit verify` lists the keys".to_owned(),
            Self::OwnKey { .. } => "have it retired from another machine".to_owned(),
            Self::Event { action: "read", .. } => "run `portcullis audit verify` to see what was changed".to_owned(),
            Self::Event { .. } => "this is a mistake in portcullis; please report it".to_owned(),
            Self::Export { .. } => "write the export to a file on a disk with enough space".to_owned(),
        };
        Some(text)
    }
}
