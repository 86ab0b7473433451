//! The window's own credentials, tried once after it was closed: by a key that nobody else has, over connections of their own,
//! and within a budget that never shuts the site out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::premises::Premises;
use crate::access::{Doorway, Tried, Tries, Way, WindowId};
use crate::cli::clock;
use crate::cli::cluster::Cluster;
use crate::node::{Machine, Probe as _};
use crate::site::model::Login;
use crate::ssh;

/// Who tries, and how often that was done.
pub(super) struct Attempts<'a> {
    premises: &'a Premises<'a>,
    cluster: &'a Cluster,
    tries: Mutex<Tries>,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(premises: &'a Premises<'a>, cluster: &'a Cluster) -> Self {
        Self { premises, cluster, tries: Mutex::new(premises.keep.tries()) }
    }

    // Waits for the turn of a try at this machine; `None` where that would take too long.
    async fn turn(&self, machine: &Machine) -> Option<()> {
        let version = machine.session().server_version().to_owned();
        let wait = {
            let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = tries.book(machine.name(), &version, clock::now())?;
            self.premises.keep.keep_tries(&tries, clock::now());
            wait
        };
        tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
        Some(())
    }

    /// Tries the window's credentials at a doorway whose machine has just been told to shut it.
    pub(super) async fn attempt(&self, window: &WindowId, doorway: Doorway, machine: Machine) -> Tried {
        let proof = self.premises.keep.proof(window, &doorway.door);
        if !proof.is_file() {
            return Tried::NotTried("no key for that was kept".to_owned());
        }
        if self.turn(&machine).await.is_none() {
            return Tried::NotTried("its sshd shuts out who fails too often, and too many tries were made there just now".to_owned());
        }
        let (fleet, login, is_own) = match &doorway.way {
            Way::Node(node) => (self.cluster.fleet().clone(), node.login.clone(), false),
            Way::Hop(index) => match self.cluster.hops().get(*index) {
                Some(hop) => (self.cluster.fleet_before_hop(*index), hop.login.clone(), true),
                None => return Tried::NotTried("it is no longer on the route".to_owned()),
            },
        };
        let user = doorway.account.clone().or(login.user.clone());
        let login = Login { user, identities: vec![proof], passphrase: None, agent: false, password: None, one_time_code: None, ..login };
        let began = Instant::now();
        let outcome: Result<(), ssh::Error> = match fleet.session(&doorway.name, &login).await {
            Ok(session) => {
                session.close().await;
                Ok(())
            }
            Err(error) => Err(error),
        };
        let after = began.elapsed();
        if is_own {
            fleet.close().await;
        }
        Tried::of(&outcome, after)
    }
}
