//! Faults at random: a few rounds with every test run, an hour and more by `make chaos MINUTES=60`.

use std::time::{Duration, Instant};

use super::{Fault, Subject};

const FAULTS: [Fault; 5] = [Fault::ClientKilled, Fault::WayCut, Fault::LinkDead, Fault::PowerLost, Fault::BothLost];

/// Numbers that look random and are the same each time (Numerical Recipes' generator).
struct Random(u32);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(self.0 >> 8).unwrap() % limit
    }
}

/// Strikes one node after the other fault until the time is over, or so many times.
fn strike_at_random(seed: u32, until: Option<Instant>, times: usize) -> usize {
    let mut random = Random(seed);
    let mut subject = Subject::new(seed % 2 == 1);
    let steps = subject.count_steps();
    let mut struck = 0;
    while until.map_or(struck < times, |until| Instant::now() < until) {
        let (step, fault) = (1 + random.below(steps), FAULTS[random.below(FAULTS.len())]);
        let begun = Instant::now();
        let at = subject.meet(step, fault);
        struck += 1;
        if until.is_some() {
            println!(
                "{} seed {seed} round {struck}: {fault:?} at step {step} of {steps} ({at}): settled in {:?}",
                subject.node.name,
                begun.elapsed()
            );
        }
    }
    subject.end();
    struck
}

#[test]
fn faults_at_random_leave_nothing_half_done() {
    let minutes: Option<u64> = std::env::var("PORTCULLIS_CHAOS_MINUTES").ok().map(|minutes| minutes.parse().unwrap());
    let until = minutes.map(|minutes| Instant::now() + Duration::from_mins(minutes));
    // The time is the seed where there is time for more than one.
    let seed = until.map_or(1, |_| std::process::id() * 8 + 1);
    let nodes = if until.is_some() { 4 } else { 1 };
    let struck: usize = std::thread::scope(|scope| {
        let all: Vec<_> = (seed..seed + nodes).map(|seed| scope.spawn(move || strike_at_random(seed, until, 3))).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    println!("{struck} faults struck, nothing half-done");
}
