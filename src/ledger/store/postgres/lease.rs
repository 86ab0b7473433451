//! The right to change a site, held by the session on the server: it ends with the process, however that ends, at the
//! latest when the server has heard nothing from its machine for some 40 seconds.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio_postgres::types::Type;

use super::error::ServerError;
use super::session::{PAUSE, Session, Worker};
use crate::ledger::lease::LeaseError;
use crate::ledger::store::error::LedgerError;

/// Ends the session that has a lock.
const END_HOLDER: &str = "
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (classid::int8 << 32 | objid::int8) = $1 AND pid <> pg_backend_pid()";

/// A lease as its holder knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hold {
    /// The number of the lock.
    lock: i64,
    site: i32,
    holder: String,
    since: String,
}

/// The right to change a site, until this is dropped.
#[derive(Debug)]
pub(crate) struct SessionLease {
    session: Arc<Session>,
    hold: Hold,
}

impl SessionLease {
    /// Takes the lease of site number `site`, which is called `name`.
    pub(super) fn take(session: &Arc<Session>, (site, name): (i32, &str), holder: &str, now: Timestamp) -> Result<Self, LeaseError> {
        let hold = Hold { lock: lock_of(name), site, holder: holder.to_owned(), since: now.to_string() };
        let taking = hold.clone();
        let failed = |error: LedgerError| LeaseError::Ledger { source: Box::new(error) };
        match session.run(move |worker| worker.take(taking)).map_err(failed)? {
            None => Ok(Self { session: Arc::clone(session), hold }),
            Some((holder, since)) => Err(LeaseError::Held { holder, since: since.parse().ok() }),
        }
    }
}

impl Drop for SessionLease {
    fn drop(&mut self) {
        let hold = self.hold.clone();
        // A session that is gone has no lease any more.
        drop(self.session.run(move |worker| worker.give_back(&hold)));
    }
}

/// A lock's number, so that it meets no other application's.
fn lock_of(name: &str) -> i64 {
    let digest: [u8; 32] = Sha256::new().chain_update(b"portcullis/ledger/lease/v1\n").chain_update(name).finalize().into();
    i64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

impl Worker {
    /// `None`: it is taken. Otherwise who has it, and since when.
    fn take(&mut self, hold: Hold) -> Result<Option<(String, String)>, LedgerError> {
        if let Some(own) = self.holds.iter().find(|own| own.lock == hold.lock) {
            return Ok(Some((own.holder.clone(), own.since.clone())));
        }
        self.ensure()?;
        let is_had = match self.try_lock(&hold) {
            Err(error) if error.is_lost() => self.ensure().and_then(|()| self.try_lock(&hold))?,
            tried => tried?,
        };
        if !is_had {
            return Ok(Some(self.holder_of(hold.site)?.unwrap_or_else(|| ("somebody".to_owned(), String::new()))));
        }
        let values = [(&hold.site as _, Type::INT4), (&hold.holder as _, Type::TEXT), (&hold.since as _, Type::TEXT)];
        let statement = "INSERT INTO portcullis.leases (site, holder, since) VALUES ($1, $2, $3)
                         ON CONFLICT (site) DO UPDATE SET holder = excluded.holder, since = excluded.since";
        // A lease that names nobody is none.
        self.query("take the lease of", statement, &values).inspect_err(|_| self.forget_connection())?;
        self.holds.push(hold);
        Ok(None)
    }

    fn try_lock(&mut self, hold: &Hold) -> Result<bool, LedgerError> {
        let rows = self.query("take the lease of", "SELECT pg_try_advisory_lock($1)", &[(&hold.lock, Type::INT8)])?;
        Ok(rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default())
    }

    /// The server may not have noticed yet that the connection on which this process had the lock is gone.
    fn try_lock_after_oneself(&mut self, hold: &Hold) -> Result<bool, LedgerError> {
        let until = Instant::now() + self.patience;
        loop {
            if self.try_lock(hold)? {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            // Whoever may not end that session waits for its end.
            drop(self.query("end the lease of", END_HOLDER, &[(&hold.lock, Type::INT8)]));
            std::thread::sleep(PAUSE);
        }
    }

    fn holder_of(&mut self, site: i32) -> Result<Option<(String, String)>, LedgerError> {
        let rows = self.query("read", "SELECT holder, since FROM portcullis.leases WHERE site = $1", &[(&site, Type::INT4)])?;
        Ok(rows.first().and_then(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?))))
    }

    fn give_back(&mut self, hold: &Hold) -> Result<(), LedgerError> {
        self.holds.retain(|own| own != hold);
        self.query("end the lease of", "DELETE FROM portcullis.leases WHERE site = $1", &[(&hold.site, Type::INT4)])?;
        self.query("end the lease of", "SELECT pg_advisory_unlock($1)", &[(&hold.lock, Type::INT8)]).map(drop)
    }

    /// Takes the leases again that stood on a connection that broke. Whoever had one in between has done something there.
    pub(super) fn hold_again(&mut self) -> Result<(), LedgerError> {
        for hold in self.holds.clone() {
            let known = self.holder_of(hold.site)?;
            let is_unbroken = known.as_ref().is_some_and(|(holder, since)| *holder == hold.holder && *since == hold.since);
            if !is_unbroken || !self.try_lock_after_oneself(&hold)? {
                let holder = known.map_or_else(|| "somebody else".to_owned(), |(holder, _)| holder);
                self.forget_connection();
                return Err(ServerError::LeaseLost { server: self.server(), holder }.into());
            }
        }
        Ok(())
    }
}
