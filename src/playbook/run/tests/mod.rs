//! Runs over toy machines: what is told to whom, in which order, and what is said of it in the end.

mod batches;
mod guards;
mod losses;
mod toy;

use std::time::Duration;

use super::{Course, NodeResult};
use crate::node::RunId;

const NO_PAUSES: [Duration; 3] = [Duration::ZERO; 3];

fn run_id() -> RunId {
    RunId::parse("20261122T061530.250Z-3f9a1c").unwrap()
}

/// Everybody at once, nobody waited for.
fn course(run: &RunId) -> Course<'_, 'static> {
    Course {
        run,
        owner: "ada@desk",
        forks: 50,
        rolling: None,
        all_or_nothing: false,
        takes_up: &[],
        wait: Duration::ZERO,
        pauses: &NO_PAUSES,
        planner: None,
        gate: None,
        unseen: &[],
    }
}

fn words(results: &[NodeResult]) -> Vec<&'static str> {
    results.iter().map(|result| result.verdict.word()).collect()
}
