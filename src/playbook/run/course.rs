//! How a run goes over the nodes: what it is called, how many at a time, what each has to pass; and what came of it.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::verdict::Verdict;
use crate::node::RunId;
use crate::playbook::plan::{Change, Planner};
use crate::site::model::Node;

/// Pauses before a machine that was lost is tried again: a quarter of a minute in all.
pub const PAUSES: [Duration; 5] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// How a run went on a node, and what it was to change.
#[derive(Debug)]
pub struct NodeResult {
    /// The node.
    pub node: Node,
    /// What it was to change.
    pub changes: Vec<Change>,
    /// How it went.
    pub verdict: Verdict,
    /// An earlier run, broken off, that the machine undid first.
    pub recovered: Vec<String>,
    /// Sequential round trips waited for on its connection, those of the hops before it left out.
    pub round_trips: u32,
}

/// Looks from outside whether a node may be left as the run made it; says why not.
pub type GateKeeper<'a> = dyn Fn(Node) -> BoxFuture<'a, Result<(), String>> + Send + Sync + 'a;

/// A few nodes at a time; a batch is finished, and well, before the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rolling {
    /// Nodes in a batch.
    pub size: usize,
    /// Whether the first batch is one node alone.
    pub canary: bool,
}

impl Rolling {
    /// How many nodes the batch with this number (from 0) has at most.
    pub fn batch(&self, number: usize) -> usize {
        if self.canary && number == 0 { 1 } else { self.size.max(1) }
    }
}

/// How a run goes over the nodes.
#[derive(Clone, Copy)]
pub struct Course<'a, 'g> {
    /// The run's id.
    pub run: &'a RunId,
    /// Person, machine and reason; shown to whoever meets the lock.
    pub owner: &'a str,
    /// Nodes at the same time, where the run is not rolling.
    pub forks: usize,
    /// A few at a time; the first failure keeps the rest untouched.
    pub rolling: Option<Rolling>,
    /// Whether a failure anywhere puts back what the run changed everywhere.
    pub all_or_nothing: bool,
    /// Broken-off runs that this one takes up: going back goes back behind them too.
    pub takes_up: &'a [RunId],
    /// How long a node's lock is waited for; zero: not at all.
    pub wait: Duration,
    /// Pauses between tries to reach a machine that was lost.
    pub pauses: &'a [Duration],
    /// Plans anew for a node on which an earlier run had to be undone first; without it the plan that was made is kept to.
    pub planner: Option<&'a Planner<'a>>,
    /// What each changed node has to pass; where it does not, its run is undone.
    pub gate: Option<&'a GateKeeper<'g>>,
    /// Nodes that have to pass it although nothing is left to change there: nobody saw the run that changed them to its end.
    pub unseen: &'a [String],
}

impl Course<'_, '_> {
    /// Whether one failure keeps nodes from beginning that have not begun yet.
    pub(super) fn stops_at_a_failure(&self) -> bool {
        self.rolling.is_some() || self.all_or_nothing
    }
}

impl fmt::Debug for Course<'_, '_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Course").field("run", &self.run).field("rolling", &self.rolling).finish_non_exhaustive()
    }
}
