//! The files beside a ledger: its key (`.key`, 0600), its public key (`.pub`) and its newest checkpoint (`.head`).
//!
//! A ledger on a server has them on each machine that appends: the key is that machine's own, with its public half in
//! `.operator.pub`; `.pub` is the key that the ledger began with, kept from the first time on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::LedgerError;
use super::location::Location;
use crate::disk::{Existing, mode_of, write_atomically};
use crate::ledger::checkpoint::SignedCheckpoint;
use crate::ledger::sign::{PublicKey, SigningKey};
use zeroize::Zeroizing;

/// Where the files beside a ledger are.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    key: PathBuf,
    public: PathBuf,
    /// The public half of this machine's own key.
    pub(super) own: PathBuf,
    pub(super) head: PathBuf,
    /// The ledger is on a server, and each machine has a key of its own.
    is_shared: bool,
}

/// The key of the ledger at `location`: the one that is there, or a new one where the ledger has no event yet.
///
/// It signs what belongs to the ledger's site and is no event, for a purpose of its own.
pub fn ledger_key(location: &Location) -> Result<SigningKey, LedgerError> {
    let beside = Beside::of(location);
    match location {
        Location::File(path) if path.exists() => beside.load_key(),
        Location::File(_) | Location::Server(_) => beside.make_key(),
    }
}

impl Beside {
    pub(super) fn of(location: &Location) -> Self {
        let ledger = location.path();
        let [key, public, head] = ["key", "pub", "head"].map(|extension| ledger.with_extension(extension));
        let is_shared = matches!(location, Location::Server(_));
        let own = if is_shared { ledger.with_extension("operator.pub") } else { public.clone() };
        Self { key, public, own, head, is_shared }
    }

    /// Whether the key here is the ledger's one and only.
    pub(super) fn key_is_the_ledgers(&self) -> bool {
        !self.is_shared
    }

    /// Whether nobody has appended from this machine yet.
    pub(super) fn is_new_here(&self) -> bool {
        self.is_shared && !self.public.exists()
    }

    /// Keeps the key that a shared ledger began with.
    pub(super) fn pin(&self, first: &PublicKey) -> Result<(), LedgerError> {
        if self.is_new_here() {
            let pem = first.encode_pem().map_err(|source| LedgerError::Key { path: self.public.clone(), source })?;
            write_atomically(&self.public, &pem, 0o644, Existing::Replace)?;
        }
        Ok(())
    }

    /// Refuses a shared ledger that began with another key than the one that was kept.
    pub(super) fn check_pin(&self, first: &PublicKey) -> Result<(), LedgerError> {
        match self.public_key() {
            Some(kept) if kept != *first => {
                let (expected, found) = (first.fingerprint(), kept.fingerprint());
                Err(LedgerError::OtherLedger { path: self.public.clone(), expected, found })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// This machine's key: the one that is here, or a new one for a ledger or a machine that has none yet.
    pub(super) fn make_key(&self) -> Result<SigningKey, LedgerError> {
        let key = match self.load_key() {
            Err(LedgerError::KeyMissing { .. }) => {
                let key = SigningKey::generate().map_err(|source| self.key_error(source))?;
                let pem = key.encode_pem().map_err(|source| self.key_error(source))?;
                write_atomically(&self.key, &pem, 0o600, Existing::Keep)?;
                key
            }
            loaded => loaded?,
        };
        let public = key.public().encode_pem().map_err(|source| self.key_error(source))?;
        write_atomically(&self.own, &public, 0o644, Existing::Replace)?;
        Ok(key)
    }

    pub(super) fn load_key(&self) -> Result<SigningKey, LedgerError> {
        let failed = |source| file_error("read", &self.key, source);
        let mode = match fs::metadata(&self.key) {
            Ok(metadata) => mode_of(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LedgerError::KeyMissing { path: self.key.clone() }),
            Err(error) => return Err(failed(error)),
        };
        if let Some(mode) = mode.filter(|mode| mode & 0o077 != 0) {
            return Err(LedgerError::KeyExposed { path: self.key.clone(), mode });
        }
        let pem = Zeroizing::new(fs::read(&self.key).map_err(failed)?);
        SigningKey::parse_pem(&pem).map_err(|source| self.key_error(source))
    }

    /// The ledger's key, if it is the one the ledger is signed with.
    pub(super) fn load_key_of(&self, expected: &PublicKey) -> Result<SigningKey, LedgerError> {
        let key = self.load_key()?;
        if key.public() == expected {
            return Ok(key);
        }
        let (expected, found) = (expected.fingerprint(), key.public().fingerprint());
        Err(LedgerError::KeyMismatch { path: self.key.clone(), expected, found })
    }

    /// The public key that was left beside the ledger, if it is there and readable.
    pub(super) fn public_key(&self) -> Option<PublicKey> {
        fs::read(&self.public).ok().and_then(|pem| PublicKey::parse_pem(&pem).ok())
    }

    /// The public half of this machine's own key to a shared ledger, if it is there and readable.
    pub(super) fn own_public_key(&self) -> Option<PublicKey> {
        let pem = self.is_shared.then(|| fs::read(&self.own).ok()).flatten()?;
        PublicKey::parse_pem(&pem).ok()
    }

    /// The checkpoint's bytes; `None` where there is none.
    pub(super) fn read_head(&self) -> Result<Option<Vec<u8>>, LedgerError> {
        match fs::read(&self.head) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error("read", &self.head, error)),
        }
    }

    pub(super) fn write_head(&self, note: &SignedCheckpoint) -> Result<(), LedgerError> {
        write_atomically(&self.head, note.render_note().as_bytes(), 0o644, Existing::Replace)?;
        Ok(())
    }

    pub(super) fn key_error(&self, source: crate::ledger::sign::KeyError) -> LedgerError {
        LedgerError::Key { path: self.key.clone(), source }
    }
}

pub(super) fn file_error(action: &'static str, path: &Path, source: io::Error) -> LedgerError {
    LedgerError::File { action, path: path.to_owned(), source }
}
