//! The ledger on a real PostgreSQL: what holds for a file holds there too, for several machines at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis::ledger::sign::PublicKey;
use portcullis::ledger::{Ledger, LedgerError, Location, OpenOptions, Server, Verdict, VerifyOptions};
use portcullis::site::secret::Secrets;
use portcullis::site::validate::rules::postgres_url;

use super::{event, noon, origin};
use crate::postgres_server::PostgresServer;

mod appends;
mod commands;
mod cut;
mod failing;
mod forged;
mod lease;

/// The ledger of `site` as an operator sees it whose files are in `folder`.
fn location(url: &str, site: &str, folder: &Path) -> Location {
    let (database, files) = (postgres_url(url).unwrap(), folder.join(format!("ledger-{site}.postgres")));
    Location::Server(Server { database, site: site.to_owned(), files, secrets: Arc::new(Secrets::new(folder, None)) })
}

/// The ledger of the site `north` on `server`, for an operator whose files are in `folder`.
pub(super) fn ledger(server: &PostgresServer, folder: &Path) -> Ledger {
    Ledger::open(&location(&server.url(), "north", folder), &OpenOptions::append()).unwrap()
}

/// A machine with its own folder, and so with its own key.
struct Machine {
    folder: tempfile::TempDir,
    location: Location,
}

impl Machine {
    fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = location(url, "north", folder.path());
        Self { folder, location }
    }

    fn try_to_open(&self, patience: Duration) -> Result<Ledger, LedgerError> {
        Ledger::open(&self.location, &OpenOptions { patience, ..OpenOptions::append() })
    }

    fn ledger(&self) -> Ledger {
        self.try_to_open(Duration::from_secs(10)).unwrap()
    }

    /// A machine whose key `other` admits.
    fn admitted_by(other: &Ledger, url: &str) -> Self {
        let machine = Self::new(url);
        let refused = machine.ledger().append(&event(1)).unwrap_err();
        let LedgerError::NotAdmitted { path, .. } = &refused else { panic!("{refused:?}") };
        let key = PublicKey::parse_pem(&std::fs::read(path).unwrap()).unwrap();
        other.admit(&origin(), noon(1), "bob", &key).unwrap();
        machine
    }
}

fn fill(ledger: &Ledger, count: u64) {
    for number in 1..=count {
        assert_eq!(ledger.append(&event(number)).unwrap().seq, number);
    }
}

/// Asserts that the ledger is whole and has `events` events.
#[track_caller]
fn assert_whole(ledger: &Ledger, events: u64) {
    let verdicts = ledger.verify(&VerifyOptions::default()).unwrap();
    let wrong: Vec<_> = verdicts.findings.iter().filter(|finding| finding.id != "audit.clock.back").collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!((verdicts.integrity, verdicts.completeness, verdicts.events), (Verdict::Ok, Verdict::Ok, events));
}
