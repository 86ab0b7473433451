//! One operator at a time on a site: a lock that lives as long as the process that took it.
//!
//! Beside a ledger in a file it is a file's: the kernel gives it back when that process ends, however it ends, and nothing
//! has to expire. Where the ledger is on a server, it is that session's.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::store::{LedgerError, SessionLease};
use crate::disk::with_mode;

/// Why a lease could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else works on the site.
    #[error("{holder} works on this site{}", .since.map_or_else(String::new, |since| format!(" since {since:.0}")))]
    Held {
        /// Person, machine, command and process.
        holder: String,
        /// Since when, where that is written.
        since: Option<Timestamp>,
    },
    /// The ledger's server does not give it.
    #[error(transparent)]
    Ledger {
        /// Why.
        source: Box<LedgerError>,
    },
    /// The file beside the ledger cannot be used.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

impl LeaseError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Held { .. } => Some("wait until that command has ended (`--wait` does)".to_owned()),
            Self::Ledger { source } => source.help(),
            Self::File { .. } => Some("see that the ledger's folder can be written to".to_owned()),
        }
    }
}

/// The right to change a site, until this is dropped.
#[derive(Debug)]
pub struct Lease(#[expect(dead_code, reason = "the lock is held as long as this is there")] Held);

#[derive(Debug)]
#[expect(dead_code, reason = "the lock is held as long as the file is open or the session lives")]
enum Held {
    File(File),
    Session(SessionLease),
}

impl From<SessionLease> for Lease {
    fn from(lease: SessionLease) -> Self {
        Self(Held::Session(lease))
    }
}

impl Lease {
    /// Takes the lease of the site whose ledger is at `ledger`, for `holder`, at this moment.
    pub fn take(ledger: &Path, holder: &str, now: Timestamp) -> Result<Self, LeaseError> {
        let path = ledger.with_extension("lease");
        let failed = |source| LeaseError::File { path: path.clone(), source };
        // Never replaced by rename: the lock is on the file that the others have open.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = with_mode(&mut options, 0o600).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&mut file)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{now}\t{holder}")).map_err(failed)?;
        Ok(Self(Held::File(file)))
    }
}

fn held(file: &mut File) -> LeaseError {
    let mut text = String::new();
    // Whoever has just taken it may not have written yet.
    let (since, holder) = match file.read_to_string(&mut text).ok().and_then(|_| text.trim_end().split_once('\t')) {
        Some((since, holder)) => (since.parse().ok(), holder.to_owned()),
        None => (None, "somebody".to_owned()),
    };
    LeaseError::Held { holder, since }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_at_a_time_and_the_other_learns_who_and_since_when() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.sqlite");
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let first = Lease::take(&ledger, "ada@desk (portcullis apply, process 7)", now).unwrap();
        let refused = Lease::take(&ledger, "eve@laptop", now).unwrap_err();
        assert_eq!(refused.to_string(), "ada@desk (portcullis apply, process 7) works on this site since 2026-11-22T09:00:00Z");
        drop(first);
        Lease::take(&ledger, "eve@laptop", now).unwrap();
    }
}
