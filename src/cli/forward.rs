//! The ledger's events on their way to the site's syslog receiver; a receiver that is away is told of once.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::outcome::chain;
use super::record::ledger_at;
use crate::ledger::Ledger;
use crate::ledger::forward::{ForwardError, Forwarder};
use crate::site::model::Site;

/// Work waits no longer than this for a receiver, once a command.
const PATIENCE: Duration = Duration::from_secs(3);
/// Somebody who sends by hand waits longer.
const PATIENCE_BY_HAND: Duration = Duration::from_secs(30);

/// How one command forwards.
#[derive(Debug)]
pub(crate) struct Forwarding {
    forwarder: Option<Forwarder>,
    by_hand: Option<Forwarder>,
    is_away: AtomicBool,
}

impl Forwarding {
    /// As the site says; nothing where it says nothing.
    pub(crate) fn of(context: &Context, site: &Site) -> Self {
        let forwarder = |patience| {
            let mut target = site.forward.clone()?;
            for path in &mut target.ca_certificates {
                *path = site.path(path);
            }
            Some(Forwarder::new(target, ledger_at(context, site).path(), patience))
        };
        Self { forwarder: forwarder(PATIENCE), by_hand: forwarder(PATIENCE_BY_HAND), is_away: AtomicBool::new(false) }
    }

    /// Sends what is left. A receiver that is away stops nothing; it is told of, and tried no more by this command.
    pub(crate) fn push(&self, ledger: &Ledger) {
        let Some(forwarder) = self.forwarder.as_ref().filter(|_| !self.is_away.load(Ordering::Relaxed)) else { return };
        let Err(error) = forwarder.push(ledger) else { return };
        self.is_away.store(true, Ordering::Relaxed);
        tracing::warn!(error = chain(&error), "events are not forwarded");
        // Nobody is left to tell that nobody can be told.
        drop(writeln!(std::io::stderr(), "warning: {}; they stay in the ledger and are sent later", chain(&error)));
    }

    /// Sends what is left, by hand; gives back how many events that were.
    pub(super) fn push_or_fail(&self, ledger: &Ledger) -> Result<u64, Failure> {
        let Some(forwarder) = &self.by_hand else {
            return Err(Failure::usage(
                "the site names no syslog receiver",
                "write `ledger: {forward: {to: tls://HOST:6514}}` in the site file",
            ));
        };
        forwarder.push(ledger).map_err(|error: ForwardError| {
            let help = error.help();
            Failure::new(Exit::Failed, error, help)
        })
    }
}
