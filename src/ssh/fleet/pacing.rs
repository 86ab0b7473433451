//! How many handshakes go on at once: in all, and at one address.
//!
//! A stock sshd throws out some who ask from its tenth unfinished login on (`MaxStartups 10:30:100`). A node is one
//! address and gets one connection at a time as a rule; the limit matters where several names share a machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Below the stock limit, with room for logins that have ended and are not yet counted off.
const AT_ONE_ADDRESS: usize = 6;

/// Turns at handshakes.
#[derive(Debug)]
pub(super) struct Pacing {
    in_all: Arc<Semaphore>,
    at_address: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A turn; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _held: (Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>),
}

impl Pacing {
    /// So many handshakes at once in all.
    pub(super) fn new(in_all: usize) -> Self {
        Self { in_all: Arc::new(Semaphore::new(in_all.max(1))), at_address: Mutex::default() }
    }

    /// Waits for a turn at `address`, in order. Nobody waits for one address while holding up another.
    pub(super) async fn turn(&self, address: &str) -> Turn {
        let at_address = {
            let mut all = self.at_address.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(address.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONE_ADDRESS))))
        };
        // An error says that a semaphore is closed; none ever is.
        let at_address = at_address.acquire_owned().await.ok();
        let in_all = Arc::clone(&self.in_all).acquire_owned().await.ok();
        Turn { _held: (at_address, in_all) }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_address_gets_fewer_turns_than_a_stock_sshd_counts_and_the_others_do_not_wait_for_it() {
        let pacing = Pacing::new(50);
        let mut turns = Vec::new();
        while let Some(turn) = pacing.turn("a0-1:22").now_or_never() {
            turns.push(turn);
        }
        assert!(turns.len() < 10, "{}", turns.len());
        assert!(pacing.turn("a0-2:22").now_or_never().is_some());
        turns.pop();
        assert!(pacing.turn("a0-1:22").now_or_never().is_some());
    }
}
