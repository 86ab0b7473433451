//! One transaction on the server.

use std::sync::MutexGuard;

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::PostgresStore;
use super::session::Worker;
use crate::ledger::chain::{Found, Hash, LedgerId, Record};
use crate::ledger::sign::PublicKey;
use crate::ledger::store::error::LedgerError;
use crate::ledger::store::reading::LogQuery;
use crate::ledger::store::{Take, Turn};
use crate::ledger::verify::Identity;

/// So many records are fetched at once.
const CHUNK: i64 = 500;

/// What an append asks for, in one question.
const STATE: &str = "
SELECT (SELECT value FROM portcullis.meta WHERE site = $1 AND name = 'ledger'),
       (SELECT value FROM portcullis.meta WHERE site = $1 AND name = 'key'),
       newest.seq, newest.hash
FROM (SELECT) AS one LEFT JOIN (SELECT seq, hash FROM portcullis.events WHERE site = $1 ORDER BY seq DESC LIMIT 1) AS newest ON true";

/// A transaction that was begun.
pub(super) struct PostgresTurn<'s> {
    store: &'s PostgresStore,
    _guard: MutexGuard<'s, ()>,
    is_open: bool,
    state: Option<State>,
}

#[derive(Clone)]
struct State {
    ledger: Option<String>,
    key: Option<String>,
    tip: Option<(u64, Hash)>,
}

/// A record as it stands there. Whatever a forger put there is bytes, or nothing.
struct Raw {
    place: i64,
    parts: [Vec<u8>; 4],
}

impl Raw {
    fn of(row: &Row) -> Self {
        let bytes = |column| row.try_get::<_, Option<Vec<u8>>>(column).ok().flatten().unwrap_or_default();
        Self { place: row.try_get(0).unwrap_or_default(), parts: [bytes(1), bytes(2), bytes(3), bytes(4)] }
    }

    fn give(&self, take: Take<'_>) -> Result<(), LedgerError> {
        let [prev, hash, signature, body] = &self.parts;
        take(&Found { place: u64::try_from(self.place).unwrap_or_default(), prev, hash, signature, body })
    }
}

impl<'s> PostgresTurn<'s> {
    pub(super) fn begun(store: &'s PostgresStore, guard: MutexGuard<'s, ()>) -> Self {
        Self { store, _guard: guard, is_open: true, state: None }
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Worker, i32) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let site = self.store.site.0;
        self.store.session.run(move |worker| work(worker, site))
    }

    fn state(&mut self) -> Result<State, LedgerError> {
        if let Some(state) = &self.state {
            return Ok(state.clone());
        }
        let state = self.run(|worker, site| {
            let rows = worker.query("read", STATE, &[(&site, Type::INT4)])?;
            let row = rows.first();
            let text = |column: usize| row.and_then(|row| row.try_get::<_, Option<String>>(column).ok().flatten());
            let seq = row.and_then(|row| row.try_get::<_, Option<i64>>(2).ok().flatten()).and_then(|seq| u64::try_from(seq).ok());
            let hash = row.and_then(|row| row.try_get::<_, Option<Vec<u8>>>(3).ok().flatten());
            let tip = seq.zip(hash.and_then(|bytes| Hash::parse_bytes(&bytes)));
            Ok(State { ledger: text(0), key: text(1), tip })
        })?;
        self.state = Some(state.clone());
        Ok(state)
    }
}

impl Drop for PostgresTurn<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // A transaction that cannot even be rolled back ends with its connection.
            drop(self.run(|worker, _| {
                worker.roll_back();
                Ok(())
            }));
        }
    }
}

impl Turn for PostgresTurn<'_> {
    fn identity(&mut self) -> Result<Option<Identity>, LedgerError> {
        let State { ledger: Some(ledger), key: Some(key), .. } = self.state()? else { return Ok(None) };
        match (LedgerId::parse(&ledger), PublicKey::parse_base64(&key)) {
            (Some(ledger), Some(key)) => Ok(Some(Identity { ledger, key })),
            _ => Err(LedgerError::Nameless { place: self.store.place.clone() }),
        }
    }

    fn identify(&mut self, identity: &Identity) -> Result<(), LedgerError> {
        self.state = None;
        let (ledger, key) = (identity.ledger.to_string(), identity.key.encode_base64());
        self.run(move |worker, site| {
            let values = [(&site as _, Type::INT4), (&ledger as _, Type::TEXT), (&key as _, Type::TEXT)];
            let statement = "INSERT INTO portcullis.meta (site, name, value) VALUES ($1, 'ledger', $2), ($1, 'key', $3)";
            worker.query("append to", statement, &values).map(drop)
        })
    }

    fn tip(&mut self) -> Result<Option<(u64, Hash)>, LedgerError> {
        Ok(self.state()?.tip)
    }

    fn hash_of(&mut self, seq: u64) -> Result<Option<Hash>, LedgerError> {
        self.run(move |worker, site| {
            let statement = "SELECT hash FROM portcullis.events WHERE site = $1 AND seq = $2";
            let rows = worker.query("read", statement, &[(&site, Type::INT4), (&number(seq), Type::INT8)])?;
            Ok(rows.first().and_then(|row| row.try_get::<_, Vec<u8>>(0).ok()).and_then(|bytes| Hash::parse_bytes(&bytes)))
        })
    }

    fn insert(&mut self, seq: u64, record: &Record) -> Result<(), LedgerError> {
        let Record { prev, hash, signature, body } = record.clone();
        self.run(move |worker, site| {
            let (prev, hash, signature) = (prev.bytes().as_slice(), hash.bytes().as_slice(), signature.as_slice());
            let values = [
                (&site as _, Type::INT4),
                (&number(seq) as _, Type::INT8),
                (&prev as _, Type::BYTEA),
                (&hash as _, Type::BYTEA),
                (&signature as _, Type::BYTEA),
                (&body as _, Type::TEXT),
            ];
            let statement = "INSERT INTO portcullis.events (site, seq, prev, hash, signature, body) VALUES ($1, $2, $3, $4, $5, $6)";
            worker.query("append to", statement, &values).map(drop)
        })
    }

    fn select(&mut self, query: &LogQuery, take: Take<'_>) -> Result<(), LedgerError> {
        let moment = |moment: Option<Timestamp>| moment.map(|moment| format!("{moment:.9}"));
        let (since, until, seq) = (moment(query.since), moment(query.until), query.seq.map(number));
        let limit = query.limit.map(i64::from);
        let LogQuery { who, subject, kind, .. } = query.clone();
        let found = self.run(move |worker, site| {
            let values = [
                (&site as _, Type::INT4),
                (&since as _, Type::TEXT),
                (&subject as _, Type::TEXT),
                (&kind as _, Type::TEXT),
                (&limit as _, Type::INT8),
                (&until as _, Type::TEXT),
                (&seq as _, Type::INT8),
                (&who as _, Type::TEXT),
            ];
            let rows = worker.query(
                "read",
                r"SELECT seq, prev, hash, signature, convert_to(body, 'UTF8')
                 FROM portcullis.events, LATERAL (SELECT replace(body, '\u0000', '\ufffd')::json AS json) AS read
                 WHERE site = $1 AND ($2 IS NULL OR at >= $2) AND ($3 IS NULL OR left(subject, length($3)) = $3)
                   AND ($4 IS NULL OR left(kind, length($4)) = $4) AND ($6 IS NULL OR at < $6) AND ($7 IS NULL OR seq = $7)
                   AND ($8 IS NULL OR $8 IN (json #>> '{actor,user}', json #>> '{details,who}'))
                 ORDER BY seq DESC LIMIT $5",
                &values,
            )?;
            Ok(rows.iter().map(Raw::of).collect::<Vec<_>>())
        })?;
        found.iter().try_for_each(|raw| raw.give(take))
    }

    fn each_after(&mut self, after: Option<u64>, limit: Option<u32>, take: Take<'_>) -> Result<(), LedgerError> {
        let mut first = after.map_or(i64::MIN, |seq| number(seq).saturating_add(1));
        let mut left = limit.map_or(i64::MAX, i64::from);
        while left > 0 {
            let chunk = left.min(CHUNK);
            let found = self.run(move |worker, site| {
                let statement = "SELECT seq, prev, hash, signature, convert_to(body, 'UTF8') FROM portcullis.events
                                 WHERE site = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
                let rows = worker.query("read", statement, &[(&site, Type::INT4), (&first, Type::INT8), (&chunk, Type::INT8)])?;
                Ok(rows.iter().map(Raw::of).collect::<Vec<_>>())
            })?;
            found.iter().try_for_each(|raw| raw.give(take))?;
            let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
            let Some(last) = found.last().filter(|_| count == chunk) else { break };
            first = last.place.saturating_add(1);
            left -= count;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), LedgerError> {
        // Whatever comes back, the transaction is over, or its connection is.
        self.is_open = false;
        self.run(|worker, _| worker.batch("append to", "COMMIT"))
    }
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
