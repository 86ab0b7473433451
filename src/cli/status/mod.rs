//! `portcullis status`: nodes, drift, last run, certificates' days left, open windows.

mod certificate;
mod compared;
mod doors;
mod watch;

use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;

use super::args::duration;
use super::cluster::{Cluster, machines};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::outcome::{chain, reached};
use super::record::{Recorder, ledger_failure, ledger_to_read};
use super::run::settle::settle;
use crate::event::Sink;
use crate::ledger::{LogQuery, RunRecord, Runs};
use crate::node::{Facts, Inquiry, Machine, began};
use crate::playbook::{NodePlan, SurveyError, Surveyed, look, role_name, survey};
use crate::report;
use crate::report::status::{BrokenOff, Drift, FileStatus, LastRun, NodeStatus, SOON, Seen, SiteStatus};
use crate::site::model::{Environment, Node, Site};
use compared::{Compared, compared};
use doors::doors;

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

type Answer = (Node, Result<Surveyed<Machine>, SurveyError>);

/// Runs `status`.
pub(crate) async fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    match args.watch {
        Some(pause) => watch::run(args, context, pause).await,
        None => Box::pin(once(args, context)).await,
    }
}

async fn once(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let site = context.site()?;
    let nodes = machines(&site, "--limit", &args.limit)?;
    let secrets = context.secrets(&site.folder);
    let groups = compared(context, (&site, &secrets), &nodes, &recorded_runs(context, &site)?)?;
    let cluster = Cluster::new(context, &site, secrets, &nodes)?;
    let sink = context.sink_for_query();
    let looking = join_all(groups.iter().map(|group| look_at(group, nodes.len(), &cluster, sink.as_ref())));
    let mut answers: Vec<Answer> = interrupt::or_stop(looking).await?.into_iter().flatten().collect();
    answers.sort_by_key(|(node, _)| nodes.iter().position(|known| known.name == node.name));
    let served = interrupt::or_stop(join_all(answers.iter().map(|answer| certificate_of(&site, answer, (&cluster, context.now))))).await?;
    drop(sink);
    cluster.close().await;
    let facts: Vec<_> = reached(&answers).map(|surveyed| (&surveyed.node, &surveyed.facts)).collect();
    let runs = known_runs(context, &site, &facts)?;
    let is_compared = |name: &str| groups.iter().any(|group| group.desired.is_some() && group.nodes.iter().any(|node| node.name == name));
    let statuses = answers.iter().zip(served).map(|((node, answer), days)| node_status(node, answer, days, is_compared(&node.name)));
    let nodes: Vec<NodeStatus> = statuses.collect();
    let broken_off = runs.broken_off().and_then(broken_off);
    let tls = groups.iter().find_map(|group| group.desired.as_ref()?.material.tls.as_ref());
    let doors = doors(&site, context)?;
    let days = tls.map(|tls| days_between(context.now, tls.not_after));
    let status = SiteStatus {
        site: site.name.clone(),
        environment: environment(&site).to_owned(),
        last_run: runs.iter().find(|run| run.outcome.is_some() || run.is_rolled_back).map(last_run),
        windows: doors.open,
        next: next(&nodes, broken_off.as_ref(), days, &plan_of_what_differs(&groups, &nodes)).into_iter().chain(doors.next).collect(),
        broken_off,
        nodes,
    };
    tell(&status, args, context)?;
    let unreached = answers.iter().filter(|(_, answer)| answer.is_err()).count();
    Ok(match unreached {
        0 => Exit::Done,
        all if all == answers.len() => Exit::Unreachable,
        _ => Exit::Partial,
    })
}

fn tell(status: &SiteStatus, args: &StatusArgs, context: &Context) -> Result<(), Failure> {
    if context.is_json() {
        let value = serde_json::to_value(status).unwrap_or_default();
        // Watched, a look is one line, for whoever reads along.
        return if args.watch.is_some() { context.print(&format!("{value}\n")) } else { context.print_json(&value) };
    }
    if args.watch.is_some() {
        context.begin_anew()?;
    }
    context.report(|out, look| report::status::write_status(out, status, args.files, look))
}

/// Looks at machines that are compared with the same.
async fn look_at(group: &Compared, forks: usize, cluster: &Cluster, sink: &dyn Sink) -> Vec<Answer> {
    let connect = |node| cluster.connect(node);
    if let Some(desired) = &group.desired {
        return survey(&group.nodes, &desired.planner().with_journal(), forks, connect, sink).await;
    }
    let mut inquiry = Inquiry::machine();
    inquiry.journal();
    let answers = look(&group.nodes, &inquiry, forks, connect, sink).await;
    let surveyed = |node: &Node, (machine, facts)| Surveyed { node: node.clone(), machine, facts, plan: NodePlan::default() };
    answers.into_iter().map(|(node, answer)| (node.clone(), answer.map(|seen| surveyed(&node, seen)).map_err(SurveyError::from))).collect()
}

async fn certificate_of(site: &Site, (node, answer): &Answer, seen: (&Cluster, jiff::Timestamp)) -> Option<(i64, Seen)> {
    let surveyed = answer.as_ref().ok()?;
    certificate::days(site, node, &surveyed.machine, &surveyed.facts, seen).await
}

// All that the ledger knows: what was put on a machine a year ago is still there.
fn recorded_runs(context: &Context, site: &Site) -> Result<Runs, Failure> {
    let Some(ledger) = ledger_to_read(context, site)? else { return Ok(Runs::default()) };
    let query = LogQuery { kind: Some("run.".to_owned()), ..LogQuery::default() };
    Ok(Runs::of(&ledger.log(&query).map_err(ledger_failure)?))
}

// What the nodes tell of runs that had been lost sight of is recorded, unless somebody is at work on the site just now.
fn known_runs(context: &Context, site: &Site, facts: &[(&Node, &Facts)]) -> Result<Runs, Failure> {
    let runs = recorded_runs(context, site)?;
    let is_open = runs.iter().any(|run| !run.unsettled().is_empty());
    let holder = format!("{} (portcullis status)", context.actor());
    // Looking must not fail over a ledger that can only be read.
    if is_open
        && let Ok(recorder) = Recorder::open(context, site)
        && let Ok(_lease) = recorder.take_lease(&holder)
        && let Ok(runs) = settle(&recorder, context, facts.iter().copied())
    {
        return Ok(runs);
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

fn node_status(
    node: &Node,
    answer: &Result<Surveyed<Machine>, SurveyError>,
    certificate: Option<(i64, Seen)>,
    is_compared: bool,
) -> NodeStatus {
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
    status.drift = match changes.len() {
        _ if !is_compared => Drift::Unmanaged,
        0 => Drift::None,
        number => Drift::Changes(number),
    };
    status.certificate_days = certificate.map(|(days, _)| days);
    status.certificate_seen = certificate.map(|(_, seen)| seen);
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

fn broken_off(run: &RunRecord) -> Option<BrokenOff> {
    let beginning = run.beginning.as_ref()?;
    let is_done = |node: &&String| run.nodes.get(*node).is_some_and(|outcome| outcome == "changed");
    let left = beginning.to_change.iter().filter(|node| !is_done(node)).cloned().collect();
    Some(BrokenOff { run: run.id.clone(), left, command: beginning.options.command_line() })
}

/// The command that shows what differs, with the playbooks that the first machine that differs is compared with.
fn plan_of_what_differs(groups: &[Compared], nodes: &[NodeStatus]) -> String {
    let differs = |name: &str| nodes.iter().any(|node| node.node == name && matches!(node.drift, Drift::Changes(_)));
    let group = groups.iter().find(|group| group.nodes.iter().any(|node| differs(&node.name)));
    let playbooks = group.map(|group| group.playbooks.as_slice()).unwrap_or_default();
    let named = if playbooks == ["bootstrap"] { &[] } else { playbooks };
    ["portcullis plan"].into_iter().chain(named.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
}

fn next(nodes: &[NodeStatus], broken_off: Option<&BrokenOff>, days: Option<i64>, plan: &str) -> Vec<String> {
    let mut next = Vec::new();
    if let Some(BrokenOff { command, .. }) = broken_off {
        next.push(format!("{command}    takes up the run that was broken off"));
    }
    if nodes.iter().any(|node| node.drift == Drift::Unknown) {
        next.push("portcullis check    says why a node cannot be reached".to_owned());
    }
    if nodes.iter().any(|node| matches!(node.drift, Drift::Changes(_))) {
        next.push(format!("{plan}    shows what differs; apply sets it right"));
    }
    let is_by_hand_alone =
        |node: &NodeStatus| !matches!(node.drift, Drift::Changes(_)) && node.files.iter().any(|file| file.changed_by_hand);
    if nodes.iter().any(is_by_hand_alone) {
        next.push("portcullis status --files    shows what was changed by hand".to_owned());
    }
    if days.is_some_and(|days| days < SOON) {
        next.push("order a new certificate, then: portcullis apply rotate-tls".to_owned());
    } else if nodes.iter().any(|node| node.certificate_days.is_some_and(|seen| seen < SOON) && days.is_some()) {
        next.push("portcullis apply rotate-tls    brings the site file's certificate, which is valid longer".to_owned());
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_its_last_thirty_days_a_certificate_is_spoken_of_with_what_to_do() {
        for (days, spoken_of) in [(Some(90), false), (Some(30), false), (Some(29), true), (Some(0), true), (Some(-3), true), (None, false)]
        {
            let next = next(&[], None, days, "portcullis plan");
            assert_eq!(next.iter().any(|line| line.contains("apply rotate-tls")), spoken_of, "{days:?}");
        }
    }
}
