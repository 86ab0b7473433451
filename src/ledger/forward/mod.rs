//! Each event to a syslog receiver as well: a receiver that is away stops nothing, and gets everything later.
//!
//! The ledger itself is the spool; a file beside it (`.sent`) says how far the receiver has come. Plain TCP tells a sender
//! nothing about what was read, so that a batch counts as sent once the receiver has closed its side after ours. What is in
//! doubt is sent again: an event may arrive twice, with the same number and hash, and none is lost.

mod message;
mod wire;

pub use wire::WireError;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::store::{Ledger, LedgerError};
use crate::disk::{Existing, WriteError, write_atomically};
use crate::site::model::Forward;

/// So many events go over one connection.
const BATCH: u32 = 500;

/// Why events could not be forwarded. They are sent later.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The receiver could not be reached, or did not take them.
    #[error("the syslog receiver {receiver} does not take the ledger's events")]
    Wire {
        /// Where.
        receiver: String,
        /// Why.
        #[source]
        source: WireError,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// How far the receiver has come cannot be read.
    #[error("cannot read {path}")]
    Cursor {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// How far the receiver has come cannot be kept.
    #[error("cannot keep how far the syslog receiver has come")]
    Write {
        /// Why.
        #[from]
        source: WriteError,
    },
}

impl ForwardError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Wire { source, .. } => Some(format!("{}; `portcullis audit forward` sends what is left", source.help())),
            Self::Ledger(error) => error.help(),
            Self::Cursor { .. } | Self::Write { .. } => Some("make sure that the ledger's folder exists and is yours".to_owned()),
        }
    }
}

/// Sends a ledger's events to one receiver.
#[derive(Debug, Clone)]
pub struct Forwarder {
    target: Forward,
    sent: PathBuf,
    lock: PathBuf,
    patience: Duration,
}

impl Forwarder {
    /// For the ledger at `path`; `target` names its CAs by absolute paths. Waits `patience` for each answer.
    pub fn new(target: Forward, path: &Path, patience: Duration) -> Self {
        Self { target, sent: path.with_extension("sent"), lock: path.with_extension("sent.lock"), patience }
    }

    /// The receiver, as `tls://HOST:PORT`.
    pub fn receiver(&self) -> String {
        let Forward { host, port, tls, .. } = &self.target;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("{}://{host}:{port}", if *tls { "tls" } else { "tcp" })
    }

    /// Sends what the receiver does not have; gives back how many events that were. Where another process sends, none.
    pub fn push(&self, ledger: &Ledger) -> Result<u64, ForwardError> {
        let cursor = |source| ForwardError::Cursor { path: self.lock.clone(), source };
        let lock = File::options().create(true).append(true).open(&self.lock).map_err(cursor)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(0),
            Err(TryLockError::Error(error)) => return Err(cursor(error)),
        }
        let Some(id) = ledger.id()? else { return Ok(0) };
        let (id, mut reached) = (id.to_string(), 0);
        if let Some(known) = self.reached(&id)? {
            reached = known;
        }
        let first = reached;
        loop {
            let records = ledger.records_after(reached, BATCH)?;
            let Some((last, _)) = records.last() else { return Ok(reached - first) };
            let last = *last;
            let frames: Vec<_> = records.iter().map(|(_, record)| message::encode_frame(&id, record)).collect();
            wire::send(&self.target, &frames.concat(), self.patience)
                .map_err(|source| ForwardError::Wire { receiver: self.receiver(), source })?;
            write_atomically(&self.sent, format!("{id} {last}\n").as_bytes(), 0o600, Existing::Replace)?;
            reached = last;
        }
    }

    /// The newest event that the receiver has, where it has any of this ledger.
    fn reached(&self, id: &str) -> Result<Option<u64>, ForwardError> {
        match fs::read_to_string(&self.sent) {
            Ok(text) => {
                let words = text.trim_end().split_once(' ').filter(|(ledger, _)| *ledger == id);
                Ok(words.and_then(|(_, seq)| seq.parse().ok()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ForwardError::Cursor { path: self.sent.clone(), source }),
        }
    }
}
