//! What a run leaves in the ledger: who, when, from where, what changed (hashes, no secrets), how it ended.

use std::sync::Arc;

use super::clock;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::forward::Forwarding;
use super::heads;
use super::outcome::chain;
use crate::checks::Assessment;
use crate::ledger::event::{Actor, FileChange, NodeOutcome};
use crate::ledger::{Beginning, Lease, LeaseError, Ledger, LedgerError, Location, LogQuery, OpenOptions, Origin, Runs, Server};
use crate::node::{Machine, RunId};
use crate::playbook::{Change, ChangeKind, NodeResult, SurveyError};
use crate::site::model::{LedgerLocation, Node, Site};
use crate::site::secret::Secrets;

/// So many events of runs are looked at: far more than nodes keep runs.
const NEWEST: u32 = 200;

/// Writes one command's events.
#[derive(Debug)]
pub(crate) struct Recorder {
    ledger: Ledger,
    origin: Origin,
    forwarding: Forwarding,
}

/// Where the site's ledger is.
pub(crate) fn ledger_at(context: &Context, site: &Site) -> Location {
    ledger_with(site, context.ledger_secrets(&site.folder))
}

/// The same for whoever has no context; `secrets` resolves the database's password.
pub(super) fn ledger_with(site: &Site, secrets: Arc<Secrets>) -> Location {
    match &site.ledger {
        LedgerLocation::File(path) => Location::File(site.path(path)),
        LedgerLocation::Postgres(database) => {
            let mut database = database.clone();
            let absolute = |path: &mut std::path::PathBuf| *path = site.path(path);
            database.root_certificates.iter_mut().for_each(absolute);
            database.client_certificate.iter_mut().flat_map(|(certificate, key)| [certificate, key]).for_each(absolute);
            let files = site.path(std::path::Path::new(&format!("ledger-{}.postgres", site.name)));
            Location::Server(Server { database, site: site.name.clone(), files, secrets })
        }
    }
}

/// Opens the site's ledger.
pub(crate) fn open_ledger(context: &Context, site: &Site, options: &OpenOptions) -> Result<Ledger, Failure> {
    Ledger::open(&ledger_at(context, site), options).map_err(ledger_failure)
}

/// The site's ledger, to be read; `None` where there is none yet. One that was named with `--ledger`, or that has left its
/// checkpoint behind, has to be there: without it nothing would seem to have happened.
pub(crate) fn ledger_to_read(context: &Context, site: &Site) -> Result<Option<Ledger>, Failure> {
    let location = ledger_at(context, site);
    let is_expected = context.globals.ledger.is_some() || location.path().with_extension("head").exists();
    match Ledger::open(&location, &OpenOptions::read()) {
        Err(LedgerError::Missing { .. }) if !is_expected => Ok(None),
        opened => opened.map(Some).map_err(ledger_failure),
    }
}

/// What a ledger knows of the newest runs.
pub(crate) fn newest_runs(ledger: &Ledger) -> Result<Runs, Failure> {
    let query = LogQuery { limit: Some(NEWEST), kind: Some("run.".to_owned()), ..LogQuery::default() };
    Ok(Runs::of(&ledger.log(&query).map_err(ledger_failure)?))
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
        let ledger = open_ledger(context, site, &OpenOptions::append())?;
        Ok(Self { ledger, origin: origin(context, &site.name), forwarding: Forwarding::of(context, site) })
    }

    /// Takes the right to change the site, for `holder`.
    pub(crate) fn take_lease(&self, holder: &str) -> Result<Lease, LeaseError> {
        self.ledger.take_lease(holder, clock::now())
    }

    /// What the ledger knows of the newest runs.
    pub(crate) fn runs(&self) -> Result<Runs, Failure> {
        newest_runs(&self.ledger)
    }

    /// A run begins.
    pub(crate) fn run_started(&self, run: &RunId, beginning: &Beginning) -> Result<(), Failure> {
        self.append(&self.origin.run_started(clock::now(), run.as_str(), beginning))
    }

    /// A run has ended.
    pub(crate) fn run_finished(
        &self,
        run: &RunId,
        results: &[NodeResult],
        failed: &[(&Node, &SurveyError)],
        exit: Exit,
    ) -> Result<(), Failure> {
        let mut nodes: Vec<NodeOutcome> = results
            .iter()
            .map(|result| NodeOutcome {
                node: result.node.name.clone(),
                outcome: result.verdict.word().to_owned(),
                detail: (!result.verdict.is_good()).then(|| result.verdict.describe()),
                files: if matches!(result.verdict.word(), "changed" | "rolled-back") {
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
        let is = |word: &str| results.iter().any(|result| result.verdict.word() == word);
        let outcome = if all_good {
            "done"
        } else if is("rolled-back") && !is("left-changed") {
            // Nothing of it stands any more: there is nothing to take up.
            "rolled-back"
        } else if exit == Exit::Interrupted {
            "interrupted"
        } else {
            "failed"
        };
        self.append(&self.origin.run_finished(clock::now(), run.as_str(), outcome, &nodes))
    }

    /// It has come out how a run ended on nodes that had been lost sight of.
    pub(crate) fn settled(&self, run: &RunId, nodes: &[NodeOutcome]) -> Result<(), Failure> {
        self.append(&self.origin.run_settled(clock::now(), run.as_str(), nodes))
    }

    /// A run was rolled back on request.
    pub(crate) fn rolled_back(&self, run: &str, all_good: bool, nodes: &[NodeOutcome]) -> Result<(), Failure> {
        self.append(&self.origin.run_rolled_back(clock::now(), run, if all_good { "rolled-back" } else { "failed" }, nodes))
    }

    /// Leaves the newest checkpoint on nodes, so that a tail cut off here shows there.
    pub(crate) async fn leave_head(&self, context: &Context, machines: &[Machine]) -> Result<(), Failure> {
        heads::leave(context, &self.ledger, machines).await
    }

    fn append(&self, event: &crate::ledger::LedgerEvent) -> Result<(), Failure> {
        self.ledger.append(event).map_err(ledger_failure)?;
        self.forwarding.push(&self.ledger);
        Ok(())
    }
}

/// Findings that did not count are recorded, with their reasons.
pub(crate) fn waived(context: &Context, site: &Site, command: &str, assessment: &Assessment) -> Result<(), Failure> {
    if assessment.waived.is_empty() {
        return Ok(());
    }
    let findings: Vec<serde_json::Value> = assessment
        .waived
        .iter()
        .map(|waived| serde_json::json!({"id": waived.finding.id, "subject": waived.finding.subject, "reason": waived.reason}))
        .collect();
    let recorded = Recorder::open(context, site)
        .and_then(|recorder| recorder.append(&recorder.origin.check_waived(clock::now(), command, &findings.into())));
    match recorded {
        // A server that is away is no reason not to look at a site.
        Err(failure) if matches!(site.ledger, LedgerLocation::Postgres(_)) => {
            context.say(&format!("which findings did not count is not recorded: {}\n", chain(failure.error.as_ref())))
        }
        recorded => recorded,
    }
}

// A secret's hash would let its guesses be tried: the fact that it changed is enough.
fn file_change(change: &Change) -> Option<FileChange> {
    let is_file = matches!(change.kind, ChangeKind::Create | ChangeKind::Modify | ChangeKind::Remove);
    is_file.then(|| FileChange { path: change.subject.clone(), old: change.before.clone(), new: change.after.clone() })
}
