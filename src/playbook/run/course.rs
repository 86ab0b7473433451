//! How a run goes over the nodes: what it is called, how many at a time, what each has to pass; and what came of it.

use std::fmt;

use futures_util::future::BoxFuture;

use super::verdict::Verdict;
use crate::node::RunId;
use crate::playbook::plan::Change;
use crate::site::model::Node;

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

/// How a run goes over the nodes.
#[derive(Clone, Copy)]
pub struct Course<'a, 'g> {
    /// The run's id.
    pub run: &'a RunId,
    /// Person, machine and reason; shown to whoever meets the lock.
    pub owner: &'a str,
    /// Nodes at the same time; a batch is finished, and well, before the next begins.
    pub batch: usize,
    /// Whether a failure in one batch keeps the next from beginning.
    pub stop_on_failure: bool,
    /// What each changed node has to pass; where it does not, its run is undone.
    pub gate: Option<&'a GateKeeper<'g>>,
}

impl fmt::Debug for Course<'_, '_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Course").field("run", &self.run).field("batch", &self.batch).field("gated", &self.gate.is_some()).finish()
    }
}
