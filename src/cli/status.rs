//! `portcullis status`: nodes, drift, last run, certificates' days left, open windows.

use clap::Args;

use super::context::Context;
use super::desired::Desired;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::outcome::chain;
use super::record::{ledger_failure, ledger_path};
use crate::access::read_history;
use crate::ledger::{EventKind, LogQuery, OpenOptions, SqliteLedger};
use crate::node::Machine;
use crate::playbook::{SurveyError, Surveyed, role_name, survey};
use crate::report;
use crate::report::status::{Drift, LastRun, NodeStatus, OpenWindow, SiteStatus};
use crate::site::model::{Environment, Node, Site};

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub(crate) limit: Vec<String>,
}

/// Runs `status`.
pub(crate) async fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let desired = Desired::load(context, &[], &args.limit)?;
    let cluster = desired.cluster(context)?;
    let sink = context.sink_for_query();
    let planner = desired.planner();
    let looking = survey(&desired.nodes, &planner, desired.nodes.len(), |node| cluster.connect(node), sink.as_ref());
    let answers = interrupt::or_stop(looking).await?;
    drop(sink);
    cluster.close().await;
    let days = desired.material.tls.as_ref().map(|tls| days_between(context.now, tls.not_after));
    let nodes: Vec<NodeStatus> = answers.iter().map(|(node, answer)| node_status(node, answer, days)).collect();
    let status = SiteStatus {
        site: desired.site.name.clone(),
        environment: environment(&desired.site).to_owned(),
        last_run: last_run(&desired.site)?,
        windows: open_windows(&desired.site, context)?,
        next: next(&nodes, days),
        nodes,
    };
    if context.is_json() {
        context.print_json(&serde_json::to_value(&status).unwrap_or_default())?;
    } else {
        context.report(|out, look| report::status::write_status(out, &status, look))?;
    }
    let unreached = answers.iter().filter(|(_, answer)| answer.is_err()).count();
    Ok(match unreached {
        0 => Exit::Done,
        all if all == answers.len() => Exit::Unreachable,
        _ => Exit::Partial,
    })
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
    let (drift, detail, has_certificate) = match answer {
        Err(error) => (Drift::Unknown, Some(chain(error)), false),
        Ok(surveyed) => {
            let changes = surveyed.plan.changes.len();
            let at_work = surveyed.facts.lock.as_ref().map(|owner| format!("a run is at work: {owner}"));
            let broken = surveyed.facts.broken_off().map(|run| format!("run {} was broken off; the next apply undoes it", run.id));
            let system = surveyed.facts.os.as_ref().map(|(id, version)| format!("{id} {version}"));
            let drift = if changes == 0 { Drift::None } else { Drift::Changes(changes) };
            (drift, at_work.or(broken).or(system), !surveyed.plan.changes.iter().any(|change| change.step == "pfx"))
        }
    };
    let certificate_days = days.filter(|_| has_certificate);
    NodeStatus { node: node.name.clone(), role: role_name(node.role).to_owned(), drift, certificate_days, detail }
}

fn last_run(site: &Site) -> Result<Option<LastRun>, Failure> {
    let path = ledger_path(site)?;
    if !path.exists() {
        return Ok(None);
    }
    let ledger = SqliteLedger::open(&path, &OpenOptions::read()).map_err(ledger_failure)?;
    // A run that began and never ended shows up on the nodes, as broken off.
    let query = LogQuery { limit: Some(20), kind: Some("run.".to_owned()), ..LogQuery::default() };
    let newest = ledger.log(&query).map_err(ledger_failure)?;
    let ended = newest.iter().find(|logged| logged.event.kind != EventKind::RunStarted);
    Ok(ended.map(|logged| LastRun {
        run: logged.event.subject.clone().unwrap_or_default(),
        at: logged.event.at,
        by: format!("{}@{}", logged.event.actor.user, logged.event.actor.host),
        outcome: logged.event.details.get("outcome").and_then(|outcome| outcome.as_str()).unwrap_or_default().to_owned(),
    }))
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

fn next(nodes: &[NodeStatus], days: Option<i64>) -> Vec<String> {
    let mut next = Vec::new();
    if nodes.iter().any(|node| node.drift == Drift::Unknown) {
        next.push("portcullis check    says why a node cannot be reached".to_owned());
    }
    if nodes.iter().any(|node| matches!(node.drift, Drift::Changes(_))) {
        next.push("portcullis plan     shows what differs; apply sets it right".to_owned());
    }
    if days.is_some_and(|days| days < 30) {
        next.push("order a new certificate, then: portcullis apply rotate-tls".to_owned());
    }
    next
}
