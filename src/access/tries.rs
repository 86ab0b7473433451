//! How often credentials that must be refused may be tried at a machine: a stock sshd (`PerSourcePenalties`, OpenSSH 9.8 and
//! later) shuts an address out that fails too often, and behind a jumphost everybody has the same one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// What a failed login costs (`authfail`), and so how far apart tries are. An address is shut out at three of them at once
/// (`min:15s`): the person who finds the door shut has two left.
const COST: SignedDuration = SignedDuration::from_secs(5);
/// Nobody waits longer for a try; what was not tried is told as not proven.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(15);

/// The tries that were made, by machine: when each one's last try costs nothing any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tries(BTreeMap<String, Timestamp>);

impl Tries {
    /// Books a try at a machine with this version line; gives back how long to wait for it, or `None` where that is too long.
    pub fn book(&mut self, machine: &str, version: &str, now: Timestamp) -> Option<SignedDuration> {
        if !is_counting(version) {
            return Some(SignedDuration::ZERO);
        }
        let free = self.0.get(machine).copied().unwrap_or(now).max(now);
        let wait = free.duration_since(now);
        if wait > LONGEST_WAIT {
            return None;
        }
        self.0.insert(machine.to_owned(), free.checked_add(COST).unwrap_or(free));
        Some(wait)
    }

    /// Reads what [`encode`](Self::encode) wrote; what cannot be read counts as no try.
    pub fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// As text, without what costs nothing any more.
    pub fn encode(&self, now: Timestamp) -> String {
        let counting: BTreeMap<_, _> = self.0.iter().filter(|(_, free)| **free > now).collect();
        serde_json::to_string(&counting).unwrap_or_default()
    }
}

/// Whether a server with this version line may count failed logins; one that does not say what it is may.
fn is_counting(version: &str) -> bool {
    let Some((_, numbers)) = version.split_once("OpenSSH_") else { return true };
    let mut numbers = numbers.split(|letter: char| !letter.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (9, 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_348_800 + second).unwrap()
    }

    #[test]
    fn tries_at_a_server_that_counts_them_are_spaced_and_come_to_an_end() {
        let mut tries = Tries::default();
        let waits: Vec<_> = (0..5).map(|_| tries.book("a0-1", "SSH-2.0-OpenSSH_9.9p1", at(0)).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(0), Some(5), Some(10), Some(15), None]);
        assert_eq!(tries.book("a0-2", "SSH-2.0-OpenSSH_9.9p1", at(0)), Some(SignedDuration::ZERO), "each machine counts for itself");
        let read = Tries::parse(&tries.encode(at(0)));
        assert_eq!(read, tries);
        assert_eq!(tries.encode(at(60)), "{}");
    }

    #[test]
    fn servers_that_do_not_count_are_told_by_their_version() {
        for (version, counts) in [
            ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", false),
            ("SSH-2.0-OpenSSH_9.7", false),
            ("SSH-2.0-OpenSSH_9.8p1", true),
            ("SSH-2.0-OpenSSH_10.0p2", true),
            ("SSH-2.0-OpenSSH_for_Windows", false),
            ("SSH-2.0-server", true),
        ] {
            assert_eq!(is_counting(version), counts, "{version}");
        }
    }

    proptest! {
        #[test]
        fn no_address_is_ever_shut_out_by_our_tries(gaps in prop::collection::vec(0i64..20, 1..30)) {
            let (mut tries, mut now, mut penalty_ends) = (Tries::default(), 0, 0);
            for gap in gaps {
                now += gap;
                let Some(wait) = tries.book("a0-1", "SSH-2.0-OpenSSH_9.8", at(now)) else { continue };
                now += wait.as_secs();
                // As sshd reckons: each failure adds to what is left, and 15 seconds shut out.
                penalty_ends = penalty_ends.max(now) + 5;
                prop_assert!(penalty_ends - now < 15);
            }
        }
    }
}
