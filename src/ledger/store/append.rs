//! A ledger and how it grows, whatever keeps its rows.
//!
//! An append refuses to go on where the newest checkpoint shows that events are gone: the next checkpoint would
//! overwrite the proof.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::beside::Beside;
use super::error::LedgerError;
use super::location::{Location, Place};
use super::postgres::PostgresStore;
use super::sqlite::SqliteStore;
use super::{Store, Turn};
use crate::ledger::chain::{Hash, LedgerId, genesis, seal};
use crate::ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::ledger::event::LedgerEvent;
use crate::ledger::keys::Keys;
use crate::ledger::lease::{Lease, LeaseError};
use crate::ledger::sign::SigningKey;
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

    /// For appending to one that is there.
    pub fn append_to_existing() -> Self {
        Self { create: false, ..Self::append() }
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

/// What one needs to append: which ledger it is, a key that may sign, and those that may as well.
pub(super) struct Standing {
    pub(super) identity: Identity,
    pub(super) key: SigningKey,
    pub(super) keys: Keys,
}

/// A ledger, in a file or on a server.
#[derive(Debug)]
pub struct Ledger {
    pub(super) place: Place,
    pub(super) beside: Beside,
    pub(super) store: Box<dyn Store>,
    /// So long an append is begun anew whose server is lost on the way.
    patience: Duration,
}

impl Ledger {
    /// Opens the ledger at `location`; makes it where it is not there and `options` say so.
    pub fn open(location: &Location, options: &OpenOptions) -> Result<Self, LedgerError> {
        let store: Box<dyn Store> = match location {
            Location::File(path) => Box::new(SqliteStore::open(path, options)?),
            Location::Server(server) => Box::new(PostgresStore::open(server, options)?),
        };
        Ok(Self { place: location.place(), beside: Beside::of(location), store, patience: options.patience })
    }

    /// Opens the ledger in the file at `path`.
    pub fn open_file(path: &Path, options: &OpenOptions) -> Result<Self, LedgerError> {
        Self::open(&Location::File(path.to_owned()), options)
    }

    /// Takes the right to change the site, for `holder`, at this moment.
    pub fn take_lease(&self, holder: &str, now: Timestamp) -> Result<Lease, LeaseError> {
        self.store.take_lease(holder, now)
    }

    /// Appends `event` durably; appends of several processes happen one after the other.
    ///
    /// The ledger's key is made with the first event. An event is in the ledger once, or not at all; where a server
    /// was lost for good at the wrong moment, that it is not known which.
    pub fn append(&self, event: &LedgerEvent) -> Result<Appended, LedgerError> {
        let began = Instant::now();
        loop {
            let error = match self.append_once(event) {
                Err(error) => error,
                appended => return appended,
            };
            let is_over = began.elapsed() >= self.patience;
            if let LedgerError::Unsure { seq, hash, .. } = error {
                match self.holds(seq, hash) {
                    Ok(true) => return Ok(Appended { seq, hash }),
                    Ok(false) if !is_over => {}
                    Ok(false) | Err(_) => return Err(error),
                }
            } else if !error.is_lost() || is_over {
                return Err(error);
            }
        }
    }

    fn append_once(&self, event: &LedgerEvent) -> Result<Appended, LedgerError> {
        let mut turn = self.store.turn()?;
        let standing = self.stand_for_append(turn.as_mut(), event.at)?;
        let tip = turn.tip()?;
        self.check_head(turn.as_mut(), &standing, tip)?;
        let appended = self.append_to(turn, &standing, tip, event)?;
        self.leave_head(&standing)?;
        Ok(appended)
    }

    /// Whether event `seq` is the one with this hash: nobody else is at the ledger's end any more.
    fn holds(&self, seq: u64, hash: Hash) -> Result<bool, LedgerError> {
        Ok(self.store.turn()?.hash_of(seq)? == Some(hash))
    }

    /// Appends without looking at the checkpoint, and commits.
    pub(super) fn append_to(
        &self,
        mut turn: Box<dyn Turn + '_>,
        Standing { identity, key, .. }: &Standing,
        tip: Option<(u64, Hash)>,
        event: &LedgerEvent,
    ) -> Result<Appended, LedgerError> {
        let (seq, prev) = tip.map_or_else(|| (1, genesis(identity.ledger, &identity.key)), |(seq, hash)| (seq + 1, hash));
        let body =
            event.encode_body(seq).map_err(|source| LedgerError::Event { action: "record", place: self.place.clone(), seq, source })?;
        let record = seal(prev, body, key).map_err(|source| self.beside.key_error(source))?;
        turn.insert(seq, &record)?;
        let unsure =
            |source: LedgerError| LedgerError::Unsure { place: self.place.clone(), seq, hash: record.hash, source: Box::new(source) };
        turn.commit().map_err(|error| if error.is_lost() { unsure(error) } else { error })?;
        Ok(Appended { seq, hash: record.hash })
    }

    /// Writes the checkpoint of the newest event, under the store's lock, so that no older one replaces it.
    pub(super) fn leave_head(&self, standing: &Standing) -> Result<(), LedgerError> {
        match self.try_to_leave_head(standing) {
            // The event is in: an older checkpoint is one as well, and the next append leaves a newer one.
            Err(error) if error.is_lost() => {
                tracing::warn!(%error, "the ledger's newest checkpoint was not kept");
                Ok(())
            }
            left => left,
        }
    }

    fn try_to_leave_head(&self, standing: &Standing) -> Result<(), LedgerError> {
        let mut turn = self.store.turn()?;
        if let Some((seq, hash)) = turn.tip()? {
            self.sign_head(standing, seq, hash)?;
        }
        turn.commit()?;
        self.beside.pin(&standing.identity.key)
    }

    fn sign_head(&self, Standing { identity, key, .. }: &Standing, seq: u64, hash: Hash) -> Result<(), LedgerError> {
        let checkpoint = Checkpoint { ledger: identity.ledger, seq, hash };
        self.beside.write_head(&checkpoint.sign(key).map_err(|source| self.beside.key_error(source))?)
    }

    /// Refuses where the checkpoint knows more than the ledger does.
    pub(super) fn check_head(&self, turn: &mut (dyn Turn + '_), standing: &Standing, tip: Option<(u64, Hash)>) -> Result<(), LedgerError> {
        let Some(note) = self.beside.read_head()? else {
            return match tip {
                None => Ok(()),
                // The first event's writer may have been broken off, or be about to write it.
                Some((1, hash)) => self.sign_head(standing, 1, hash),
                // Nobody has written from here yet.
                Some((seq, hash)) if self.beside.is_new_here() => self.sign_head(standing, seq, hash),
                Some(_) => Err(LedgerError::CheckpointMissing { path: self.beside.head.clone() }),
            };
        };
        let foreign = |source| LedgerError::CheckpointForeign { path: self.beside.head.clone(), source };
        let note = SignedCheckpoint::parse(&note).map_err(|source| foreign(Some(source)))?;
        let is_own = note.is_signed_by(standing.key.public()) || standing.keys.signed(&note);
        if !is_own || note.checkpoint.ledger != standing.identity.ledger {
            return Err(foreign(None));
        }
        let Checkpoint { seq: known, hash, .. } = note.checkpoint;
        let end = tip.map_or(0, |(seq, _)| seq);
        if known > end {
            return Err(LedgerError::Cut { place: self.place.clone(), end, known });
        }
        let found = if known == end { tip.map(|(_, hash)| hash) } else { turn.hash_of(known)? };
        if found != Some(hash) {
            return Err(LedgerError::Forked { place: self.place.clone(), seq: known });
        }
        Ok(())
    }

    fn stand_for_append(&self, turn: &mut (dyn Turn + '_), at: Timestamp) -> Result<Standing, LedgerError> {
        if let Some(standing) = self.standing(turn)? {
            return Ok(standing);
        }
        if turn.tip()?.is_some() {
            return Err(LedgerError::Nameless { place: self.place.clone() });
        }
        let key = self.beside.make_key()?;
        let identity = Identity { ledger: LedgerId::made_at(at), key: key.public().clone() };
        turn.identify(&identity)?;
        Ok(Standing { keys: Keys::of(&identity.key), identity, key })
    }
}
