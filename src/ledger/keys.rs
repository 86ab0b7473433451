//! The keys that may sign a ledger's events: the one that it began with, and those that its own events admit.
//!
//! A key is admitted by an event that a key admitted before signed, so that each leads back to the first, to which the
//! chain is bound. A retired key signs nothing after its retirement; what it signed before stays what it was.

use serde::Serialize;

use super::chain::{Judged, Remark};
use super::checkpoint::SignedCheckpoint;
use super::sign::PublicKey;

/// A key that may sign, or might once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    key: PublicKey,
    who: Option<String>,
    /// The event that admitted it; 0: the ledger began with it.
    admitted: u64,
    retired: Option<u64>,
}

/// A key that may sign a ledger's events, for whoever reads the verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// Its fingerprint.
    pub key: String,
    /// Whose, as it was said on admission; `None`: the ledger began with it.
    pub who: Option<String>,
    /// The event that admitted it; `None`: the ledger began with it.
    pub admitted: Option<u64>,
    /// The event after which it signs nothing more.
    pub retired: Option<u64>,
}

/// The keys of one ledger, as far as its events were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(Vec<Entry>);

impl Keys {
    /// Of a ledger that began with `first`, before any event is read.
    pub fn of(first: &PublicKey) -> Self {
        Self(vec![Entry { key: first.clone(), who: None, admitted: 0, retired: None }])
    }

    /// Of a ledger that began with `first`, after all of its events.
    pub(super) fn after(first: &PublicKey, judged: &[Judged]) -> Self {
        let mut keys = Self::of(first);
        for link in judged {
            keys.learn(link);
        }
        keys
    }

    /// Takes in what an event says of keys, if the event is what was signed.
    pub(super) fn learn(&mut self, link: &Judged) {
        let (None, Some(seq)) = (link.fault, link.seq) else { return };
        match &link.remark {
            Some(Remark::Admitted { key, who }) if !self.may_sign(key) => {
                self.0.push(Entry { key: key.clone(), who: Some(who.clone()), admitted: seq, retired: None });
            }
            Some(Remark::Retired { key }) => {
                self.0.iter_mut().filter(|entry| entry.key == *key && entry.retired.is_none()).for_each(|entry| entry.retired = Some(seq));
            }
            Some(Remark::Admitted { .. } | Remark::Countersigned { .. } | Remark::Replaced { .. }) | None => {}
        }
    }

    /// Whether `key` may sign the next event.
    pub(super) fn may_sign(&self, key: &PublicKey) -> bool {
        self.0.iter().any(|entry| entry.key == *key && entry.retired.is_none())
    }

    /// Whether `signature` over `message` is that of a key that might sign event `seq`.
    pub(super) fn are_signers(&self, seq: u64, message: &[u8], signature: &[u8]) -> bool {
        let is_due = |entry: &&Entry| entry.admitted < seq && entry.retired.is_none_or(|retired| seq <= retired);
        self.0.iter().filter(is_due).any(|entry| entry.key.is_signed(message, signature))
    }

    /// Whether a key that might sign the event of a checkpoint signed the checkpoint.
    pub(super) fn signed(&self, note: &SignedCheckpoint) -> bool {
        let seq = note.checkpoint.seq;
        let is_due = |entry: &&Entry| entry.admitted <= seq && entry.retired.is_none_or(|retired| seq <= retired);
        self.0.iter().filter(is_due).any(|entry| note.is_signed_by(&entry.key))
    }

    /// The key with this fingerprint that may still sign.
    pub(super) fn find(&self, fingerprint: &str) -> Option<&PublicKey> {
        self.0.iter().find(|entry| entry.retired.is_none() && entry.key.fingerprint() == fingerprint).map(|entry| &entry.key)
    }

    /// The keys, for whoever reads the verdicts.
    pub(super) fn signers(&self) -> Vec<Signer> {
        let signer = |entry: &Entry| Signer {
            key: entry.key.fingerprint(),
            who: entry.who.clone(),
            admitted: (entry.admitted > 0).then_some(entry.admitted),
            retired: entry.retired,
        };
        self.0.iter().map(signer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::chain::{Fault, Found, Hash, LedgerId, Record, genesis, judge, seal};
    use crate::ledger::event::LedgerEvent;
    use crate::ledger::event::tests::{noon, origin};
    use crate::ledger::sign::SigningKey;

    struct Chain {
        keys: Keys,
        prev: Hash,
        judged: Vec<Judged>,
    }

    impl Chain {
        fn begun_with(key: &SigningKey) -> Self {
            let prev = genesis(LedgerId::made_at(noon(0)), key.public());
            Self { keys: Keys::of(key.public()), prev, judged: Vec::new() }
        }

        fn add(&mut self, event: &LedgerEvent, key: &SigningKey) -> Option<Fault> {
            let place = u64::try_from(self.judged.len()).unwrap() + 1;
            let Record { prev, hash, signature, body } = seal(self.prev, event.encode_body(place).unwrap(), key).unwrap();
            let found = Found { place, prev: prev.bytes(), hash: hash.bytes(), signature: &signature, body: body.as_bytes() };
            let link = judge(&found, &self.keys);
            self.keys.learn(&link);
            self.prev = hash;
            self.judged.push(link);
            self.judged.last().unwrap().fault
        }
    }

    #[test]
    fn a_key_signs_from_its_admission_to_its_retirement_and_no_event_of_its_own_admits_it() {
        let [ada, bob] = [(); 2].map(|()| SigningKey::generate().unwrap());
        let mut chain = Chain::begun_with(&ada);
        let read = origin().audit_read(noon(1), 1, "all");
        let admission = origin().key_admitted(noon(1), "bob", bob.public());
        assert_eq!(chain.add(&read, &bob), Some(Fault::Signature));
        assert_eq!(chain.add(&admission, &bob), Some(Fault::Signature), "it admits itself");
        assert!(!chain.keys.may_sign(bob.public()));
        assert_eq!(chain.add(&admission, &ada), None);
        assert_eq!(chain.add(&read, &bob), None);
        assert_eq!(chain.add(&origin().key_retired(noon(2), bob.public()), &ada), None);
        assert_eq!(chain.add(&read, &bob), Some(Fault::Signature));
        assert_eq!(chain.add(&read, &ada), None);
        assert_eq!(Keys::after(ada.public(), &chain.judged), chain.keys);
        let bob = &chain.keys.signers()[1];
        assert_eq!((bob.who.as_deref(), bob.admitted, bob.retired), (Some("bob"), Some(3), Some(5)));
    }
}
