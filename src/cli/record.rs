//! What a run leaves in the ledger: who, when, from where, what changed (hashes, no secrets), how it ended.

use super::clock;
use super::cluster::Cluster;
use super::context::Context;
use super::desired::Desired;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::forward::Forwarding;
use super::heads;
use super::outcome::chain;
use serde_json::Value;

use crate::ledger::event::{Actor, FileChange, NodeOutcome};
use crate::ledger::{LedgerError, LogQuery, OpenOptions, Origin, SqliteLedger};
use crate::node::RunId;
use crate::playbook::{Change, ChangeKind, NodeResult, SurveyError};
use crate::site::model::{LedgerLocation, Node, Site};

/// Writes one command's events.
#[derive(Debug)]
pub(crate) struct Recorder {
    ledger: SqliteLedger,
    origin: Origin,
    forwarding: Forwarding,
}

/// The ledger's file.
pub(crate) fn ledger_path(site: &Site) -> Result<std::path::PathBuf, Failure> {
    match &site.ledger {
        LedgerLocation::File(path) => Ok(site.path(path)),
        LedgerLocation::Postgres(_) => Err(Failure::new(
            Exit::Usage,
            Sentence("this build keeps its ledger in a file; it has no PostgreSQL".to_owned()),
            Some("write `ledger: {file: ledger.sqlite}` in the site file, or name a file with --ledger".to_owned()),
        )),
    }
}

/// Who acts, and from where.
pub(crate) fn origin(context: &Context, site: &str) -> Origin {
    let client = std::env::var("SSH_CONNECTION").ok().and_then(|value| value.split(' ').next().map(str::to_owned));
    Origin {
        site: site.to_owned(),
        actor: Actor { user: context.user.clone(), host: context.host.clone(), pid: std::process::id() },
        from: client.unwrap_or_else(|| context.host.clone()),
    }
}

/// A ledger that cannot be used.
pub(crate) fn ledger_failure(error: LedgerError) -> Failure {
    let exit = if matches!(error, LedgerError::Locked { .. }) { Exit::Refused } else { Exit::Failed };
    let help = error.help();
    Failure::new(exit, error, help)
}

impl Recorder {
    /// Opens the site's ledger for appending, before anything is changed: what cannot be recorded is not done.
    pub(crate) fn open(context: &Context, site: &Site) -> Result<Self, Failure> {
        let ledger = SqliteLedger::open(&ledger_path(site)?, &OpenOptions::append()).map_err(ledger_failure)?;
        Ok(Self { ledger, origin: origin(context, &site.name), forwarding: Forwarding::of(site) })
    }

    /// A run begins.
    pub(crate) fn run_started(&self, run: &RunId, desired: &Desired) -> Result<(), Failure> {
        let playbooks: Vec<String> = desired.playbook.name.split('+').map(str::to_owned).collect();
        let nodes: Vec<String> = desired.nodes.iter().map(|node| node.name.clone()).collect();
        self.append(&self.origin.run_started(clock::now(), run.as_str(), &playbooks, &nodes))
    }

    /// A run has ended.
    pub(crate) fn run_finished(&self, run: &RunId, results: &[NodeResult], failed: &[(&Node, &SurveyError)]) -> Result<(), Failure> {
        let mut nodes: Vec<NodeOutcome> = results
            .iter()
            .map(|result| NodeOutcome {
                node: result.node.name.clone(),
                outcome: result.verdict.word().to_owned(),
                detail: (!result.verdict.is_good()).then(|| result.verdict.describe()),
                files: if result.verdict.word() == "changed" {
                    result.changes.iter().filter_map(file_change).collect()
                } else {
                    Vec::new()
                },
            })
            .collect();
        nodes.extend(failed.iter().map(|(node, error)| NodeOutcome {
            node: node.name.clone(),
            outcome: "unreached".to_owned(),
            detail: Some(chain(*error)),
            files: Vec::new(),
        }));
        let all_good = failed.is_empty() && results.iter().all(|result| result.verdict.is_good());
        let outcome = if all_good { "done" } else { "failed" };
        self.append(&self.origin.run_finished(clock::now(), run.as_str(), outcome, &nodes))
    }

    /// A run was rolled back on request.
    pub(crate) fn rolled_back(&self, run: &str, all_good: bool, nodes: &[NodeOutcome]) -> Result<(), Failure> {
        self.append(&self.origin.run_rolled_back(clock::now(), run, if all_good { "rolled-back" } else { "failed" }, nodes))
    }

    /// Leaves the newest checkpoint on nodes, so that a tail cut off here shows there.
    pub(crate) async fn leave_head(&self, context: &Context, cluster: &Cluster, nodes: &[Node]) -> Result<(), Failure> {
        heads::leave(context, &self.ledger, cluster, nodes).await
    }

    /// The nodes that `run` changed, as far as the ledger knows it; `None` where it does not.
    pub(crate) fn changed_by(&self, run: &RunId) -> Result<Option<Vec<String>>, Failure> {
        let query = LogQuery { subject: Some(run.to_string()), kind: Some("run.finished".to_owned()), ..LogQuery::default() };
        let events = self.ledger.log(&query).map_err(ledger_failure)?;
        let Some(nodes) = events.first().and_then(|logged| logged.event.details.get("nodes")).and_then(Value::as_array) else {
            return Ok(None);
        };
        let changed = nodes.iter().filter(|node| node.get("outcome").and_then(Value::as_str) == Some("changed"));
        Ok(Some(changed.filter_map(|node| Some(node.get("node")?.as_str()?.to_owned())).collect()))
    }

    fn append(&self, event: &crate::ledger::LedgerEvent) -> Result<(), Failure> {
        self.ledger.append(event).map_err(ledger_failure)?;
        self.forwarding.push(&self.ledger);
        Ok(())
    }
}

// A secret's hash would let its guesses be tried: the fact that it changed is enough.
fn file_change(change: &Change) -> Option<FileChange> {
    let is_file = matches!(change.kind, ChangeKind::Create | ChangeKind::Modify | ChangeKind::Remove);
    is_file.then(|| FileChange { path: change.subject.clone(), old: change.before.clone(), new: change.after.clone() })
}
