//! Events: what happens on the way, as data. Terminal, JSON, HTML and ledger are consumers.
//!
//! The work emits; it never prints. An event never carries a secret.

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::Finding;

/// The phases of a run on one node, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Reaching the machine and logging in.
    Connect,
    /// Gathering facts.
    Probe,
    /// Comparing desired state with facts.
    Plan,
    /// Waiting for another run's lock.
    Wait,
    /// Bringing new files to the node, checked by hash.
    Stage,
    /// Validating, swapping, reloading, probing health.
    Commit,
    /// Proving the result from outside.
    Verify,
    /// Putting back what was there.
    Undo,
    /// Shutting a window's door.
    Close,
    /// Writing the ledger.
    Record,
}

/// Where a phase on a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Under way.
    Started,
    /// Ended well.
    Done,
    /// Nothing needed to be done.
    Unchanged,
    /// Left out: its turn did not come.
    Skipped,
    /// Failed; `detail` says why.
    Failed,
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A command began its work.
    Started {
        /// The command, such as `apply`.
        command: String,
        /// The site's name.
        site: String,
        /// The run's id, where there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        run: Option<String>,
        /// The machines concerned.
        nodes: Vec<String>,
    },
    /// A node entered, ended or failed a phase.
    Node {
        /// The machine's name.
        node: String,
        /// The phase.
        phase: Phase,
        /// Where the phase stands.
        state: State,
        /// One line for a person.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A step changed something on a node.
    Changed {
        /// The machine's name.
        node: String,
        /// The step's id.
        step: String,
        /// What changed: a path, a service.
        subject: String,
    },
    /// Something was found.
    Finding {
        /// The finding itself.
        #[serde(flatten)]
        finding: Finding,
    },
    /// The command could not do what it was asked; the last event but the summary.
    Error {
        /// What failed and where.
        message: String,
        /// Why: the chain of causes, outermost first.
        causes: Vec<String>,
        /// What to do next.
        #[serde(skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    },
    /// The last event of every command that emits events.
    Summary {
        /// The command.
        command: String,
        /// The exit code it will end with.
        exit_code: u8,
        /// What else the command reports, by key.
        #[serde(flatten)]
        results: serde_json::Map<String, serde_json::Value>,
    },
}

/// Takes events as they happen. Must not block: it is called from the midst of the work.
pub trait Sink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: &Event);
}
