//! Who may append: the keys that a ledger's events admit, and this machine's own among them.
//!
//! A ledger in a file has one key, which stands beside it. To one on a server each machine brings its own.

use jiff::Timestamp;

use super::append::{Appended, Ledger, Standing};
use super::error::LedgerError;
use super::{LogQuery, Turn};
use crate::ledger::chain::{Found, judge};
use crate::ledger::event::Origin;
use crate::ledger::keys::Keys;
use crate::ledger::sign::PublicKey;
use crate::ledger::verify::Identity;

impl Ledger {
    /// Which ledger this is, and by which right one appends to it; `None` before its first event.
    pub(super) fn standing(&self, turn: &mut (dyn Turn + '_)) -> Result<Option<Standing>, LedgerError> {
        let Some(identity) = turn.identity()? else { return Ok(None) };
        if self.beside.key_is_the_ledgers() {
            let key = self.beside.load_key_of(&identity.key)?;
            return Ok(Some(Standing { keys: Keys::of(&identity.key), identity, key }));
        }
        self.beside.check_pin(&identity.key)?;
        let key = self.beside.make_key()?;
        let keys = keys_of(turn, &identity)?;
        if !keys.may_sign(key.public()) {
            let (fingerprint, path) = (key.public().fingerprint(), self.beside.own.clone());
            return Err(LedgerError::NotAdmitted { place: self.place.clone(), fingerprint, path });
        }
        Ok(Some(Standing { identity, key, keys }))
    }

    /// Lets another machine append: its key signs from the next event on. It is `who`'s.
    pub fn admit(&self, origin: &Origin, at: Timestamp, who: &str, key: &PublicKey) -> Result<Appended, LedgerError> {
        if self.beside.key_is_the_ledgers() {
            return Err(LedgerError::OneKey { place: self.place.clone() });
        }
        if self.keys()?.is_some_and(|keys| keys.may_sign(key)) {
            return Err(LedgerError::Admitted { place: self.place.clone(), fingerprint: key.fingerprint() });
        }
        self.append(&origin.key_admitted(at, who, key))
    }

    /// Lets a machine append no more, by its key's fingerprint. One's own key is for somebody else to retire: one is left.
    pub fn retire(&self, origin: &Origin, at: Timestamp, fingerprint: &str) -> Result<Appended, LedgerError> {
        let keys = self.keys()?;
        let unknown = || LedgerError::NoSuchKey { place: self.place.clone(), fingerprint: fingerprint.to_owned() };
        let key = keys.as_ref().and_then(|keys| keys.find(fingerprint)).ok_or_else(unknown)?;
        if self.beside.load_key()?.public() == key {
            return Err(LedgerError::OwnKey { place: self.place.clone() });
        }
        self.append(&origin.key_retired(at, key))
    }

    fn keys(&self) -> Result<Option<Keys>, LedgerError> {
        let mut look = self.store.look()?;
        look.identity()?.map(|identity| keys_of(look.as_mut(), &identity)).transpose()
    }
}

/// The keys that the ledger's events admit. The events are believed one by one; that all are there is for `verify`.
pub(super) fn keys_of(turn: &mut (dyn Turn + '_), identity: &Identity) -> Result<Keys, LedgerError> {
    let mut rows = Vec::new();
    turn.select(&LogQuery { kind: Some("key.".to_owned()), ..LogQuery::default() }, &mut |found| {
        rows.push((found.place, [found.prev, found.hash, found.signature, found.body].map(<[u8]>::to_vec)));
        Ok(())
    })?;
    let mut keys = Keys::of(&identity.key);
    for (place, [prev, hash, signature, body]) in rows.iter().rev() {
        keys.learn(&judge(&Found { place: *place, prev, hash, signature, body }, &keys));
    }
    Ok(keys)
}
