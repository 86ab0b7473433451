//! Pauses that grow, differ from one asker to the next, and come to an end.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// How long to wait between attempts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    /// The first pause, before it is made uneven.
    pub(super) first: Duration,
    /// No pause is longer than this and a half.
    pub(super) longest: Duration,
    /// All pauses together are shorter than this and the longest one.
    pub(super) within: Duration,
}

impl Backoff {
    /// The pauses, each between half and one and a half of the one that doubling gives: fifty nodes that were thrown
    /// out together must not come back together.
    pub(super) fn pauses(self) -> impl Iterator<Item = Duration> + Send {
        // Keyed by the operating system's randomness; more is not needed here.
        let random = RandomState::new();
        self.pauses_with(move |at| {
            let mut hasher = random.build_hasher();
            hasher.write_u32(at);
            u8::try_from(hasher.finish() % 101).unwrap_or(50)
        })
    }

    /// `percent` gives 0 to 100 for each pause.
    fn pauses_with(self, mut percent: impl FnMut(u32) -> u8 + Send) -> impl Iterator<Item = Duration> + Send {
        let (mut next, mut spent, mut at) = (self.first, Duration::ZERO, 0);
        std::iter::from_fn(move || {
            if spent >= self.within {
                return None;
            }
            let pause = next * (50 + u32::from(percent(at))) / 100;
            (next, spent, at) = ((next * 2).min(self.longest), spent + pause, at + 1);
            Some(pause)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end() {
        let backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(5), within: Duration::from_secs(15) };
        let pauses: Vec<_> = backoff.pauses_with(|_| 50).map(|pause| pause.as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 5, 5]);
    }

    proptest! {
        #[test]
        fn pauses_are_bounded_whatever_chance_says(percents in prop::collection::vec(0_u8..=100, 1..20)) {
            let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(2), within: Duration::from_secs(10) };
            let pauses: Vec<_> = backoff.pauses_with(|at| percents[at as usize % percents.len()]).collect();
            prop_assert!(pauses.iter().all(|pause| *pause >= Duration::from_millis(50) && *pause <= Duration::from_secs(3)));
            prop_assert!(pauses.iter().sum::<Duration>() < Duration::from_secs(13));
            prop_assert!(pauses.len() >= 3);
        }
    }
}
