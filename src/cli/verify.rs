//! `portcullis verify`: from the outside, as a user of the appliance meets it. Changes nothing; sends one mail a node.

use std::sync::Arc;

use clap::Args;
use futures_util::future::join_all;
use serde_json::json;

use super::cluster::{Cluster, limited};
use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::interrupt;
use super::requirements;
use crate::checks::catalogue::access::CLOSED;
use crate::checks::survey::{self, Mail, Seen, Wants, verify_node};
use crate::checks::{Assessment, Outcome, Verdict, assess};
use crate::event::{Event, Sink};
use crate::finding::{Severity, has_errors};
use crate::report;
use crate::report::checks::{Line, Standing};
use crate::site::model::Site;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Log in at the mail server instead of sending a mail
    #[arg(long, conflicts_with = "send_to")]
    pub no_mail: bool,
    /// Where the mails go [default: the sender's own address]
    #[arg(long, value_name = "ADDRESS")]
    pub send_to: Option<String>,
    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub limit: Vec<String>,
}

/// Runs `verify`.
pub(super) async fn run(args: &VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let site = context.site()?;
    let nodes = limited(&site, &args.limit)?;
    let secrets = context.secrets(&site.folder);
    let to = args.send_to.as_deref().or_else(|| site.smtp.as_ref().map(|smtp| smtp.from.as_str())).unwrap_or_default();
    must_be_an_address(args.send_to.as_deref())?;
    let mail = if args.no_mail { Mail::LogIn } else { Mail::Send(to) };
    let cluster = Cluster::new(context, &site, Arc::clone(&secrets), &nodes)?;
    let (_, leaf) = requirements::certificates(&site, &secrets, context.now);
    must_know_the_certificate(&site, leaf.as_ref())?;
    let wants = Wants { machine: false, mail: args.no_mail, way_out: true, longer: false, ports: false };
    let survey = requirements::survey(context, &site, &secrets, leaf, wants);
    let sink = context.sink();
    let names = nodes.iter().map(|node| node.name.clone()).collect();
    sink.emit(&Event::Started { command: "verify".into(), site: site.name.clone(), run: None, nodes: names });
    let looking = join_all(
        nodes.iter().map(|node| verify_node(node, cluster.connect(node.clone()), (cluster.fleet(), mail), &survey, sink.as_ref())),
    );
    let both = async { futures_util::join!(looking, survey::balancer(cluster.fleet(), &survey)) };
    let (mut seen, mut front) = Box::pin(interrupt::or_stop(both)).await?;
    cluster.close().await;
    let reached: Vec<String> = seen.iter().filter(|seen| seen.reached).map(|seen| seen.machine.clone()).collect();
    let closed = if reached.is_empty() { Vec::new() } else { Box::pin(super::access::closed(context, &reached)).await };
    for outcome in closed {
        match seen.iter_mut().find(|seen| seen.machine == outcome.subject) {
            Some(seen) => seen.outcomes.push(outcome),
            None => front.push(outcome),
        }
    }
    tell(&seen, &front, context, sink)
}

fn must_be_an_address(address: Option<&str>) -> Result<(), Failure> {
    match address {
        Some(address) if !address.contains('@') || address.contains(char::is_whitespace) => {
            Err(Failure::usage(format!("--send-to names `{address}`, which is no mail address"), "such as --send-to ops@corp.example"))
        }
        _ => Ok(()),
    }
}

// Whether the right certificate is served cannot be said by one who does not know it.
fn must_know_the_certificate(site: &Site, leaf: Option<&Vec<u8>>) -> Result<(), Failure> {
    if site.tls.is_none() || leaf.is_some() {
        return Ok(());
    }
    let help = "`portcullis check --offline` says what is wrong with the files under `tls.certificate`".to_owned();
    Err(Failure::new(
        Exit::Usage,
        Sentence("the site's certificate files cannot be read, so nobody knows what should be served".to_owned()),
        Some(help),
    ))
}

fn tell(seen: &[Seen], front: &[Outcome], context: &Context, sink: Arc<dyn Sink>) -> Result<Exit, Failure> {
    let outcomes: Vec<Outcome> = seen.iter().flat_map(|seen| seen.outcomes.clone()).chain(front.iter().cloned()).collect();
    let assessment = assess(&outcomes, &[]);
    let exit = exit(seen, &assessment);
    let lines: Vec<Line> = seen.iter().flat_map(lines).collect();
    let is_verbose = context.globals.verbose > 0;
    if context.is_json() {
        for finding in &assessment.findings {
            sink.emit(&Event::Finding { finding: finding.clone() });
        }
        let nodes: serde_json::Map<String, serde_json::Value> =
            seen.iter().map(|seen| (seen.machine.clone(), node_json(seen, &lines))).collect();
        let mut results = serde_json::Map::new();
        results.insert("counts".into(), json!(assessment.counts));
        results.insert("nodes".into(), nodes.into());
        if is_verbose {
            results.insert("checks".into(), json!(outcomes));
        }
        sink.emit(&Event::Summary { command: "verify".into(), exit_code: exit.code(), results });
        return Ok(exit);
    }
    drop(sink);
    context.report(|out, look| {
        report::checks::write_lines(out, &lines, look)?;
        report::checks::write_checks(out, &assessment, &outcomes, is_verbose, look)
    })?;
    Ok(exit)
}

fn exit(seen: &[Seen], assessment: &Assessment) -> Exit {
    let unreached = seen.iter().filter(|seen| !seen.reached).count();
    // A node that is down says so by its code where nothing else is wrong; what is wrong elsewhere counts more.
    let is_anything_else_wrong = seen.iter().filter(|seen| seen.reached).any(|seen| Standing::of(&seen.outcomes) == Standing::Failed);
    match unreached {
        0 if has_errors(&assessment.findings) => Exit::Findings,
        0 => Exit::Done,
        all if all == seen.len() => Exit::Unreachable,
        _ if is_anything_else_wrong => Exit::Findings,
        _ => Exit::Partial,
    }
}

fn node_json(seen: &Seen, lines: &[Line]) -> serde_json::Value {
    let own = lines.iter().filter(|line| line.machine == seen.machine);
    let subjects: serde_json::Map<String, serde_json::Value> =
        own.map(|line| (line.subject.to_lowercase(), json!({"verdict": line.standing.word(), "detail": line.detail}))).collect();
    json!({"reached": seen.reached, "subjects": subjects})
}

/// A line for the way in where that failed, and one for each subject.
fn lines(seen: &Seen) -> Vec<Line> {
    let subjects = [("way in", "access."), ("TLS", "tls."), ("mail", "smtp."), ("proxy", "proxy."), ("windows", CLOSED.id)];
    let line = |(subject, prefix): (&'static str, &str)| {
        let own: Vec<&Outcome> = seen
            .outcomes
            .iter()
            .filter(|outcome| outcome.spec.id.starts_with(prefix) && (prefix == CLOSED.id || outcome.spec.id != CLOSED.id))
            .collect();
        let standing = Standing::of(own.iter().copied());
        Line { machine: seen.machine.clone(), subject, standing, detail: detail(subject, standing, &own) }
    };
    let all = subjects.map(line).into_iter();
    all.filter(|line| line.subject != "way in" || line.standing != Standing::Passed).collect()
}

fn detail(subject: &str, standing: Standing, outcomes: &[&Outcome]) -> String {
    let evidence =
        |id: &'static str| outcomes.iter().filter(move |outcome| outcome.spec.id == id).flat_map(|outcome| outcome.evidence.iter());
    match standing {
        Standing::Failed => {
            let findings = outcomes.iter().filter_map(|outcome| match &outcome.verdict {
                Verdict::Found { findings } => findings.iter().find(|finding| finding.severity == Severity::Error),
                Verdict::Passed | Verdict::CouldNotRun { .. } | Verdict::NotApplicable { .. } => None,
            });
            let mut ids: Vec<&str> = findings.map(|finding| finding.id.as_str()).collect();
            ids.dedup();
            ids.join(", ")
        }
        Standing::Unknown | Standing::NotAsked => {
            let why = outcomes.iter().find_map(|outcome| match &outcome.verdict {
                Verdict::CouldNotRun { why } | Verdict::NotApplicable { why } => Some(why.clone()),
                Verdict::Passed | Verdict::Found { .. } => None,
            });
            why.unwrap_or_default()
        }
        Standing::Passed | Standing::Reserved => match subject {
            "TLS" => format!("{} names covered, the site's certificate with its whole chain", evidence("tls.served.name-missing").count()),
            "mail" => evidence("smtp.mail").chain(evidence("smtp.login")).next().cloned().unwrap_or_default(),
            "proxy" => format!("{} destinations reached without a login", evidence("proxy.passed").count()),
            _ => String::new(),
        },
    }
}
