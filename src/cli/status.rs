//! `portcullis status`: nodes, drift, last run, certificates' days left, open windows.

use std::time::Duration;

use clap::Args;

use super::args::duration;
use super::context::Context;
use super::desired::{Desired, Wanted};
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::outcome::{chain, reached};
use super::record::{Recorder, ledger_failure, ledger_path, newest_runs};
use super::run::settle::settle;
use crate::access::read_history;
use crate::ledger::{Lease, LogQuery, OpenOptions, RunRecord, Runs, SqliteLedger};
use crate::node::{Facts, Machine, began};
use crate::playbook::{SurveyError, Surveyed, role_name, survey};
use crate::report;
use crate::report::status::{BrokenOff, Drift, FileStatus, LastRun, NodeStatus, OpenWindow, SOON, SiteStatus};
use crate::site::model::{Environment, Node, Site};

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub(crate) limit: Vec<String>,
    /// Show every managed file with the run that it came by
    #[arg(long)]
    pub(crate) files: bool,
    /// Look again and again, until interrupted; so long between two looks [without a value: 15s]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "15s", value_parser = duration)]
    pub(crate) watch: Option<Duration>,
}

/// Runs `status`.
pub(crate) async fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(pause) = args.watch else { return Box::pin(look(args, context)).await };
    loop {
        // Each look has its own time, and reads the site file anew.
        let now = Context::new(context.globals.clone(), &context.command);
        if let Err(failure) = Box::pin(look(args, &now)).await {
            // A look that fails ends the watch only where the next one would fail as well.
            if failure.exit != Exit::Unreachable {
                return Err(failure);
            }
            super::failure::tell(&failure, &now);
        }
        interrupt::or_stop(tokio::time::sleep(pause)).await?;
    }
}

async fn look(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let desired = Desired::load(context, &Wanted { limit: &args.limit, ..Wanted::default() })?;
    let cluster = desired.cluster(context)?;
    let sink = context.sink_for_query();
    let planner = desired.planner().with_journal();
    let looking = survey(&desired.nodes, &planner, desired.nodes.len(), |node| cluster.connect(node), sink.as_ref());
    let answers = interrupt::or_stop(looking).await?;
    drop(sink);
    cluster.close().await;
    let facts: Vec<_> = reached(&answers).map(|surveyed| (&surveyed.node, &surveyed.facts)).collect();
    let runs = known_runs(context, &desired.site, &facts)?;
    let days = desired.material.tls.as_ref().map(|tls| days_between(context.now, tls.not_after));
    let nodes: Vec<NodeStatus> = answers.iter().map(|(node, answer)| node_status(node, answer, days)).collect();
    let broken_off = runs.broken_off().and_then(broken_off);
    let status = SiteStatus {
        site: desired.site.name.clone(),
        environment: environment(&desired.site).to_owned(),
        last_run: runs.iter().find(|run| run.outcome.is_some() || run.is_rolled_back).map(last_run),
        windows: open_windows(&desired.site, context)?,
        next: next(&nodes, broken_off.as_ref(), days),
        broken_off,
        nodes,
    };
    if context.is_json() && args.watch.is_some() {
        // One line a look, for whoever reads along.
        context.print(&format!("{}\n", serde_json::to_value(&status).unwrap_or_default()))?;
    } else if context.is_json() {
        context.print_json(&serde_json::to_value(&status).unwrap_or_default())?;
    } else {
        if args.watch.is_some() {
            context.begin_anew()?;
        }
        context.report(|out, look| report::status::write_status(out, &status, args.files, look))?;
    }
    let unreached = answers.iter().filter(|(_, answer)| answer.is_err()).count();
    Ok(match unreached {
        0 => Exit::Done,
        all if all == answers.len() => Exit::Unreachable,
        _ => Exit::Partial,
    })
}

// What the nodes tell of runs that had been lost sight of is recorded, unless somebody is at work on the site just now.
fn known_runs(context: &Context, site: &Site, facts: &[(&Node, &Facts)]) -> Result<Runs, Failure> {
    let path = ledger_path(site)?;
    if !path.exists() {
        return Ok(Runs::default());
    }
    let ledger = SqliteLedger::open(&path, &OpenOptions::read()).map_err(ledger_failure)?;
    let runs = newest_runs(&ledger)?;
    let is_open = runs.iter().any(|run| !run.unsettled().is_empty());
    let holder = format!("{} (portcullis status)", context.actor());
    if is_open && let Ok(lease) = Lease::take(&path, &holder, context.now) {
        // Looking must not fail over a ledger that can only be read.
        if let Ok(runs) = Recorder::open(context, site).and_then(|recorder| settle(&recorder, facts.iter().copied())) {
            return Ok(runs);
        }
        drop(lease);
    }
    Ok(runs)
}

fn days_between(from: jiff::Timestamp, to: jiff::Timestamp) -> i64 {
    to.duration_since(from).as_hours().div_euclid(24)
}

fn environment(site: &Site) -> &'static str {
    match site.environment {
        Environment::Production => "production",
        Environment::Development => "development",
        Environment::Qa => "qa",
    }
}

fn node_status(node: &Node, answer: &Result<Surveyed<Machine>, SurveyError>, days: Option<i64>) -> NodeStatus {
    let mut status = NodeStatus { node: node.name.clone(), role: role_name(node.role).to_owned(), ..NodeStatus::default() };
    let surveyed = match answer {
        Err(error) => {
            status.detail = Some(chain(error));
            return status;
        }
        Ok(surveyed) => surveyed,
    };
    let (facts, changes) = (&surveyed.facts, &surveyed.plan.changes);
    let at_work = facts.lock.as_ref().map(|holder| format!("a run is at work: {holder}"));
    let broken = facts.broken_off().map(|run| format!("run {} was broken off; the next apply undoes it", run.id));
    let system = facts.os.as_ref().map(|(id, version)| format!("{id} {version}"));
    status.drift = if changes.is_empty() { Drift::None } else { Drift::Changes(changes.len()) };
    status.certificate_days = days.filter(|_| !changes.iter().any(|change| change.step == "pfx"));
    let files = facts.journal.files().into_iter().filter_map(|file| facts.managed(&file.path));
    status.files =
        files.map(|(file, changed_by_hand)| FileStatus { at: began(&file.run), changed_by_hand, path: file.path, run: file.run }).collect();
    status.last_run = facts.runs.iter().rev().find(|run| run.state == "done").map(|run| run.id.clone());
    status.broken_off = facts.broken_off().filter(|_| facts.lock.is_none()).map(|run| run.id.clone());
    status.detail = at_work.or(broken).or(system);
    status
}

fn last_run(run: &RunRecord) -> LastRun {
    let outcome = if run.is_rolled_back { "rolled-back".to_owned() } else { run.outcome.clone().unwrap_or_default() };
    let by = format!("{}@{}", run.actor.user, run.actor.host);
    let settled = run.settled.iter().map(|(node, outcome)| format!("{node} {outcome}")).collect();
    LastRun { run: run.id.clone(), at: run.at, by, outcome, settled }
}

fn open_windows(site: &Site, context: &Context) -> Result<Vec<OpenWindow>, Failure> {
    let path = ledger_path(site)?;
    if !path.exists() {
        return Ok(Vec::new());
    }
    let ledger = SqliteLedger::open(&path, &OpenOptions::read()).map_err(ledger_failure)?;
    let mut events = ledger.log(&LogQuery { kind: Some("window.".to_owned()), ..LogQuery::default() }).map_err(ledger_failure)?;
    events.reverse();
    let history = read_history(&events);
    let open = history.windows().iter().filter(|window| window.lets_in(context.now));
    Ok(open.map(|window| OpenWindow { id: window.id.to_string(), who: window.who.to_string(), until: window.span.end() }).collect())
}

fn broken_off(run: &RunRecord) -> Option<BrokenOff> {
    let beginning = run.beginning.as_ref()?;
    let is_done = |node: &&String| run.nodes.get(*node).is_some_and(|outcome| outcome == "changed");
    let left = beginning.to_change.iter().filter(|node| !is_done(node)).cloned().collect();
    Some(BrokenOff { run: run.id.clone(), left, command: beginning.options.command_line() })
}

fn next(nodes: &[NodeStatus], broken_off: Option<&BrokenOff>, days: Option<i64>) -> Vec<String> {
    let mut next = Vec::new();
    if let Some(BrokenOff { command, .. }) = broken_off {
        next.push(format!("{command}    takes up the run that was broken off"));
    }
    if nodes.iter().any(|node| node.drift == Drift::Unknown) {
        next.push("portcullis check    says why a node cannot be reached".to_owned());
    }
    if nodes.iter().any(|node| node.files.iter().any(|file| file.changed_by_hand)) {
        next.push("portcullis plan     shows what was changed by hand and would be set right".to_owned());
    } else if nodes.iter().any(|node| matches!(node.drift, Drift::Changes(_))) {
        next.push("portcullis plan     shows what differs; apply sets it right".to_owned());
    }
    if days.is_some_and(|days| days < SOON) {
        next.push("order a new certificate, then: portcullis apply rotate-tls".to_owned());
    }
    next
}
