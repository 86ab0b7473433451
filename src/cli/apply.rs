//! `portcullis apply`: connect, probe, plan, ask, carry out, record.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::context::Context;
use super::desired::Desired;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::gate;
use super::interrupt;
use super::outcome::{by_cause, chain, node_diff, reached, run_exit, run_summary, survey_failure, unreached};
use super::planfile::PlanFile;
use super::record::Recorder;
use crate::event::{Event, Sink};
use crate::node::{Machine, RunId};
use crate::playbook::{Course, NodeResult, SurveyError, Surveyed, carry_out, survey};
use crate::report;
use crate::site::model::Node;

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Playbooks, in order, or one plan file [default: bootstrap]
    #[arg(value_name = "PLAYBOOK|PLANFILE")]
    pub(crate) playbooks: Vec<String>,
    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub(crate) limit: Vec<String>,
    /// So many nodes at a time; a failure keeps the rest untouched
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rolling: Option<u16>,
    /// Nodes at the same time
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) forks: u16,
}

type Answers = Vec<(Node, Result<Surveyed<Machine>, SurveyError>)>;

/// Runs `apply`.
pub(crate) async fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let kept = plan_file(&args.playbooks)?;
    let playbooks = kept.as_ref().map_or(&args.playbooks, |plan| &plan.playbooks);
    let desired = Desired::load(context, playbooks, &args.limit)?;
    let recorder = Recorder::open(context, &desired.site)?;
    let cluster = desired.cluster(context)?;
    let mut sink = context.sink();
    let run = RunId::new(context.now, random());
    let names = desired.nodes.iter().map(|node| node.name.clone()).collect();
    let started = Event::Started { command: "apply".into(), site: desired.site.name.clone(), run: Some(run.to_string()), nodes: names };
    sink.emit(&started);
    let planner = desired.planner();
    let looking = survey(&desired.nodes, &planner, usize::from(args.forks), |node| cluster.connect(node), sink.as_ref());
    let answers = interrupt::or_stop(looking).await?;
    if let Some(kept) = &kept {
        let plans: Vec<_> = reached(&answers).map(|surveyed| surveyed.plan.clone()).collect();
        kept.must_still_hold(&desired, &plans)?;
    }
    let is_needed = reached(&answers).any(|surveyed| !surveyed.plan.is_empty() || surveyed.facts.broken_off().is_some());
    if is_needed {
        sink = ask(context, sink, &answers, &started)?;
        recorder.run_started(&run, &desired)?;
    }
    let rolling = args.rolling.or(desired.playbook.rolling);
    let owner = format!("{} (portcullis apply, run {run})", context.actor());
    let gate = gate::keeper(&desired, &cluster, context.now);
    let course = Course {
        run: &run,
        owner: &owner,
        batch: usize::from(rolling.unwrap_or(args.forks)),
        stop_on_failure: rolling.is_some(),
        gate: gate.as_deref(),
    };
    let (surveyed, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, answer)| answer.is_ok());
    let surveyed = surveyed.into_iter().filter_map(|(_, answer)| answer.ok()).collect();
    let interrupted = AtomicBool::new(false);
    let carrying = carry_out(surveyed, &course, |node| cluster.connect(node), &interrupted, sink.as_ref());
    let (results, was_interrupted) = interrupt::let_finish(carrying, &interrupted).await?;
    let failed = unreached(&failed);
    if is_needed {
        recorder.run_finished(&run, &results, &failed)?;
        let reached: Vec<Node> = results.iter().filter(|result| result.verdict.is_good()).map(|result| result.node.clone()).collect();
        recorder.leave_head(context, &cluster, &reached).await?;
    }
    cluster.close().await;
    let exit = if was_interrupted {
        Exit::Interrupted
    } else {
        run_exit(&results, failed.len(), failed.iter().filter(|(_, e)| e.is_unreachable()).count())
    };
    let ended = Ended { run: &run, results: &results, failed: &failed, exit, of: desired.nodes.len() };
    ended.tell(context, sink, is_needed)
}

fn plan_file(playbooks: &[String]) -> Result<Option<PlanFile>, Failure> {
    match playbooks {
        [one] if one.contains(['/', '.']) || Path::new(one).is_file() => PlanFile::read(Path::new(one)).map(Some),
        _ => Ok(None),
    }
}

fn random() -> u32 {
    let mut bytes = [0u8; 4];
    // An id need not be secret: without randomness the time alone tells runs apart.
    if openssl::rand::rand_bytes(&mut bytes).is_err() {
        bytes = std::process::id().to_ne_bytes();
    }
    u32::from_ne_bytes(bytes)
}

// The terminal is left to the question, and taken again after it.
fn ask(context: &Context, sink: Arc<dyn Sink>, answers: &Answers, started: &Event) -> Result<Arc<dyn Sink>, Failure> {
    if context.globals.yes {
        return Ok(sink);
    }
    drop(sink);
    let count = reached(answers).filter(|surveyed| !surveyed.plan.is_empty()).count();
    let question = format!("change {}", report::text::counted(count, "node"));
    context.must_be_answerable(&question)?;
    if !context.is_json() {
        let diffs: Vec<_> = reached(answers).map(|surveyed| node_diff(&surveyed.plan)).collect();
        context.report_aside(|out, look| report::plan::write_plan(out, &diffs, look))?;
    }
    if context.confirm(&question)? {
        let sink = context.sink();
        if !context.is_json() {
            sink.emit(started);
        }
        return Ok(sink);
    }
    Err(Failure::new(Exit::Failed, Sentence("not confirmed; nothing was changed".to_owned()), None))
}

fn counted(count: usize) -> String {
    if count == 1 { "1 node stands".to_owned() } else { format!("{count} nodes stand") }
}

struct Ended<'a> {
    run: &'a RunId,
    results: &'a [NodeResult],
    failed: &'a [(&'a Node, &'a SurveyError)],
    exit: Exit,
    of: usize,
}

impl Ended<'_> {
    fn tell(&self, context: &Context, sink: Arc<dyn Sink>, was_needed: bool) -> Result<Exit, Failure> {
        if context.is_json() {
            let mut results = serde_json::Map::new();
            results.insert("run".into(), if was_needed { self.run.to_string().into() } else { serde_json::Value::Null });
            results.insert("nodes".into(), run_summary(self.results, self.failed).into());
            sink.emit(&Event::Summary { command: "apply".into(), exit_code: self.exit.code(), results });
            return Ok(self.exit);
        }
        drop(sink);
        context.print(&self.text(was_needed))?;
        if self.exit == Exit::Done {
            return Ok(self.exit);
        }
        Err(self.failure())
    }

    fn text(&self, was_needed: bool) -> String {
        if !was_needed && self.exit == Exit::Done {
            return format!("nothing to change: {} as desired\n", counted(self.of));
        }
        let changed = self.results.iter().filter(|result| result.verdict.word() == "changed").count();
        let unchanged = self.results.iter().filter(|result| result.verdict.word() == "unchanged").count();
        let mut parts = vec![format!("{changed} changed")];
        if unchanged > 0 {
            parts.push(format!("{unchanged} as desired already"));
        }
        let bad = self.of - changed - unchanged;
        if bad > 0 {
            parts.push(format!("{bad} not done"));
        }
        let mut text = format!("run {}: {}\n", self.run, parts.join(", "));
        for result in self.results.iter().filter(|result| !result.recovered.is_empty()) {
            let _infallible = writeln!(
                text,
                "{}: an earlier run that was broken off was undone first: {}",
                result.node.name,
                result.recovered.join(", ")
            );
        }
        text
    }

    fn failure(&self) -> Failure {
        let bad: Vec<&NodeResult> = self.results.iter().filter(|result| !result.verdict.is_good()).collect();
        let told = bad.iter().map(|result| (result.node.name.as_str(), result.verdict.describe()));
        let lines = by_cause(told.chain(self.failed.iter().map(|(node, error)| (node.name.as_str(), chain(*error)))));
        let again = "run the same command again: nodes that are done stay as they are";
        let help = match (bad.iter().find_map(|result| result.verdict.help()), survey_failure(self.failed, self.of)) {
            (Some(help), _) => format!("{help}; then {again}"),
            (None, Some(Failure { help: Some(help), .. })) if bad.is_empty() => help,
            (None, _) => format!("mend the cause and {again}"),
        };
        let head = if self.exit == Exit::Interrupted {
            "interrupted; what had begun was let finish".to_owned()
        } else {
            let count = bad.len() + self.failed.len();
            let nodes = report::text::counted(self.of, "node");
            format!("{count} of {nodes} {} not as desired", if count == 1 { "is" } else { "are" })
        };
        let text = std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n  ");
        Failure::new(self.exit, Sentence(text), Some(help))
    }
}
