//! Ledgers' rows on a `PostgreSQL` server, those of several sites in one database: each append durable before it is told,
//! writers one after the other under the lock of their site's row.

mod error;
mod lease;
mod login;
mod opening;
mod passfile;
mod schema;
mod session;
mod turn;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

pub use error::ServerError;
pub(crate) use lease::SessionLease;

use super::append::OpenOptions;
use super::error::LedgerError;
use super::location::{Place, Server};
use super::{Store, Turn};
use crate::ledger::lease::{Lease, LeaseError};
use session::Session;
use turn::PostgresTurn;

/// A site's ledger on a server.
#[derive(Debug)]
pub(super) struct PostgresStore {
    session: Arc<Session>,
    place: Place,
    /// The site's number and name.
    site: (i32, String),
    /// A session has one transaction at a time.
    turn: Mutex<()>,
}

impl PostgresStore {
    /// Logs in, and makes the tables and the site's place in them where they are not there and `options` say so.
    pub(super) fn open(server: &Server, options: &OpenOptions) -> Result<Self, LedgerError> {
        let session = Session::start(server, options.patience)?;
        let (name, options) = (server.site.clone(), *options);
        let number = session.run(move |worker| opening::open(worker, &name, &options))?;
        Ok(Self { session: Arc::new(session), place: server.place(), site: (number, server.site.clone()), turn: Mutex::new(()) })
    }

    fn begin(&self, statements: String) -> Result<Box<dyn Turn + '_>, LedgerError> {
        // A panic elsewhere leaves no half-made append: its transaction was rolled back.
        let guard = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.session.run(move |worker| worker.begin(&statements))?;
        Ok(Box::new(PostgresTurn::begun(self, guard)))
    }
}

impl Store for PostgresStore {
    fn look(&self) -> Result<Box<dyn Turn + '_>, LedgerError> {
        self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned())
    }

    fn turn(&self) -> Result<Box<dyn Turn + '_>, LedgerError> {
        // What the others have made last is seen by the statements after the lock.
        let lock = format!("SELECT number FROM portcullis.sites WHERE number = {} FOR NO KEY UPDATE", self.site.0);
        self.begin(format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {lock}"))
    }

    fn take_lease(&self, holder: &str, now: Timestamp) -> Result<Lease, LeaseError> {
        SessionLease::take(&self.session, (self.site.0, &self.site.1), holder, now).map(Lease::from)
    }
}
