//! Where events are kept. The chain is made here, under the store's own lock, so that appends serialise.
//!
//! [`Ledger`] holds what all stores have in common: who it is, its key, its checkpoint, what an append refuses. A
//! [`Store`] keeps rows and gives turns at them; it knows nothing of hashes and signatures.

mod append;
mod beside;
mod error;
mod keys;
mod location;
mod postgres;
mod reading;
mod resume;
mod sqlite;

pub use append::{Appended, Ledger, OpenOptions};
pub use beside::ledger_key;
pub use error::LedgerError;
pub use location::{Location, Place, Server};
pub use postgres::ServerError;
pub(crate) use postgres::SessionLease;
pub use reading::{LogQuery, LoggedEvent};

use jiff::Timestamp;

use super::chain::{Found, Hash, Record};
use super::lease::{Lease, LeaseError};
use super::verify::Identity;

/// What is done with each record; its error ends the reading.
type Take<'t> = &'t mut dyn FnMut(&Found<'_>) -> Result<(), LedgerError>;

/// One ledger's rows.
trait Store: std::fmt::Debug + Send + Sync {
    /// A consistent look at the ledger.
    fn look(&self) -> Result<Box<dyn Turn + '_>, LedgerError>;

    /// A turn at the ledger's end: nobody else appends before this one is over.
    fn turn(&self) -> Result<Box<dyn Turn + '_>, LedgerError>;

    /// Takes the right to change the site, for `holder`, at this moment.
    fn take_lease(&self, holder: &str, now: Timestamp) -> Result<Lease, LeaseError>;
}

/// One transaction. Dropped before its commit, it leaves nothing behind.
trait Turn {
    /// Which ledger this is; `None` before its first event.
    fn identity(&mut self) -> Result<Option<Identity>, LedgerError>;

    /// Says, once, which ledger this is.
    fn identify(&mut self, identity: &Identity) -> Result<(), LedgerError>;

    /// The newest event's number and hash.
    fn tip(&mut self) -> Result<Option<(u64, Hash)>, LedgerError>;

    /// The hash of event `seq`; `None` where there is none.
    fn hash_of(&mut self, seq: u64) -> Result<Option<Hash>, LedgerError>;

    /// Puts a record at the ledger's end.
    fn insert(&mut self, seq: u64, record: &Record) -> Result<(), LedgerError>;

    /// Gives each record that `query` asks for to `take`, the newest first. Nothing is verified.
    fn select(&mut self, query: &LogQuery, take: Take<'_>) -> Result<(), LedgerError>;

    /// Gives the records after number `after`, in order, to `take`; at most `limit`, `None` for all.
    fn each_after(&mut self, after: Option<u64>, limit: Option<u32>, take: Take<'_>) -> Result<(), LedgerError>;

    /// Makes it last: once this has come back, no power cut takes it away.
    fn commit(self: Box<Self>) -> Result<(), LedgerError>;
}
