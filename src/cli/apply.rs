//! `portcullis apply`: connect, probe, plan, ask, carry out, record.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::args::duration;
use super::cluster::Cluster;
use super::context::Context;
use super::desired::{Desired, Wanted};
use super::exit::Exit;
use super::failure::Failure;
use super::gate;
use super::interrupt;
use super::outcome::{node_diff, reached, run_exit, unreached};
use super::planfile::PlanFile;
use super::record::Recorder;
use super::run::ending::Ended;
use super::run::{lease, settle::settle, takeup::take_up};
use crate::event::{Event, Sink};
use crate::ledger::{Beginning, RunOptions, Runs};
use crate::node::{Machine, Probe as _, RunId};
use crate::playbook::{Course, LockWait, NodeResult, PAUSES, Rolling, Stop, SurveyError, Surveyed, carry_out, survey};
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
    /// Without these steps
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
    /// One node first, then so many at a time; a failure keeps the rest untouched
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rolling: Option<u16>,
    /// Where one node fails, put back all that this run has changed
    #[arg(long)]
    pub(crate) all_or_nothing: bool,
    /// Nodes at the same time
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) forks: u16,
    /// Wait for whoever works on the site or a node, for so long at most [without a value: 10m]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "10m", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    /// Begin afresh, rather than take up a run that was broken off
    #[arg(long)]
    pub(crate) new: bool,
}

type Answers = Vec<(Node, Result<Surveyed<Machine>, SurveyError>)>;

/// Runs `apply`.
pub(crate) async fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let until = args.wait.map(|wait| Instant::now() + wait);
    let kept = plan_file(args)?;
    let skip = kept.as_ref().map_or(&args.skip, |plan| &plan.skip);
    let desired = desired(args, kept.as_ref(), context)?;
    kept.as_ref().map_or(Ok(()), |kept| kept.must_be_signed(context, &desired.site))?;
    let recorder = Recorder::open(context, &desired.site)?;
    let lease = lease::take(&recorder, context, until).await?;
    let cluster = desired.cluster(context)?;
    let mut sink = context.sink();
    let run = RunId::new(context.now, random());
    let started = tell_start(&desired, &run, sink.as_ref());
    let stop = Stop::default();
    let answers = look(args, &desired, &cluster, until, sink.as_ref()).await?;
    kept.as_ref().map_or(Ok(()), |kept| must_still_hold(kept, context, &desired, &answers))?;
    let runs = settle(&recorder, context, reached(&answers).map(|surveyed| (&surveyed.node, &surveyed.facts)))?;
    let unseen = unseen(&runs, &desired, &answers);
    let is_begun = is_to_begin(args, &desired, &answers, &unseen);
    let mut takes_up = Vec::new();
    if is_begun {
        let options = options(args, &desired, skip);
        takes_up = take_up(&runs, &options, args.new)?;
        sink = ask(context, sink, &answers, &started)?;
        recorder.run_started(&run, &beginning(options, &answers, &takes_up))?;
        tell_taken_up(context, &takes_up)?;
    } else {
        stop.raise();
    }
    let owner = format!("{} (portcullis apply, run {run})", context.actor());
    let gate = gate::keeper(&desired, &cluster, context.now);
    let planner = desired.planner();
    let course = Course {
        run: &run,
        owner: &owner,
        forks: usize::from(args.forks),
        rolling: rolling(args, &desired),
        all_or_nothing: args.all_or_nothing,
        takes_up: &takes_up,
        wait: until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now())),
        pauses: &PAUSES,
        planner: Some(&planner),
        gate: gate.as_deref(),
        unseen: if is_begun { &unseen } else { &[] },
    };
    let (surveyed, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, answer)| answer.is_ok());
    let surveyed: Vec<_> = surveyed.into_iter().filter_map(|(_, answer)| answer.ok()).collect();
    let machines: Vec<Machine> = surveyed.iter().map(|surveyed| surveyed.machine.clone()).collect();
    let carrying = carry_out(surveyed, &course, |node| cluster.connect(node), &stop, sink.as_ref());
    let (results, was_interrupted) = interrupt::let_finish(carrying, &stop).await?;
    let failed = unreached(&failed);
    let exit = if was_interrupted { Exit::Interrupted } else { run_exit(&results, &failed, args.all_or_nothing) };
    if is_begun {
        record_end(&recorder, (context, machines), &run, (&results, &failed), exit).await?;
    }
    cluster.close().await;
    drop(lease);
    let ended =
        Ended { run: &run, takes_up: &takes_up, results: &results, failed: &failed, exit, of: desired.nodes.len(), was_begun: is_begun };
    ended.tell(context, sink)
}

/// What is wanted of which machines. A plan is for the machines in it, whichever of the site's they are.
fn desired(args: &ApplyArgs, kept: Option<&PlanFile>, context: &Context) -> Result<Desired, Failure> {
    let (playbooks, skip) = kept.map_or((&args.playbooks, &args.skip), |plan| (&plan.playbooks, &plan.skip));
    let machines = kept.filter(|_| args.limit.is_empty()).map(PlanFile::machines);
    let flag = machines.is_some().then_some("the plan");
    Desired::load(context, &Wanted { playbooks, limit: machines.as_ref().unwrap_or(&args.limit), flag, skip })
}

/// Refuses, and says where, if the nodes are no longer as they were when the plan was made.
fn must_still_hold(kept: &PlanFile, context: &Context, desired: &Desired, answers: &Answers) -> Result<(), Failure> {
    let plans: Vec<_> = reached(answers).map(|surveyed| surveyed.plan.clone()).collect();
    kept.must_still_hold(context, desired, &plans)
}

fn tell_start(desired: &Desired, run: &RunId, sink: &dyn Sink) -> Event {
    let nodes = desired.nodes.iter().map(|node| node.name.clone()).collect();
    let started = Event::Started { command: "apply".into(), site: desired.site.name.clone(), run: Some(run.to_string()), nodes };
    sink.emit(&started);
    started
}

/// Records how it ended, here, and by the ledger's newest head on the nodes that are as desired.
async fn record_end(
    recorder: &Recorder,
    (context, mut machines): (&Context, Vec<Machine>),
    run: &RunId,
    (results, failed): (&[NodeResult], &[(&Node, &SurveyError)]),
    exit: Exit,
) -> Result<(), Failure> {
    recorder.run_finished(run, results, failed, exit)?;
    if exit == Exit::Interrupted {
        return Ok(());
    }
    let is_good = |name: &str| results.iter().any(|result| result.node.name == name && result.verdict.is_good());
    machines.retain(|machine| is_good(machine.name()));
    recorder.leave_head(context, &machines).await
}

/// Reaches all nodes and plans; those that another run holds are waited for, and planned anew after it.
async fn look(args: &ApplyArgs, desired: &Desired, cluster: &Cluster, until: Option<Instant>, sink: &dyn Sink) -> Result<Answers, Failure> {
    let planner = desired.planner();
    let looking = async {
        let answers = survey(&desired.nodes, &planner, usize::from(args.forks), |node| cluster.connect(node), sink).await;
        let Some(until) = until else { return answers };
        // Whoever interrupts the wait ends all of this at once.
        let locks = LockWait { until, pauses: &PAUSES, stop: &Stop::default(), sink };
        locks.look_again(answers, &planner).await
    };
    interrupt::or_stop(looking).await
}

fn needs_change(answers: &Answers) -> impl Iterator<Item = &Surveyed<Machine>> {
    reached(answers).filter(|surveyed| !surveyed.plan.is_empty() || surveyed.facts.broken_off().is_some())
}

/// Whether there is anything to do, and nothing that keeps the first node from being touched.
fn is_to_begin(args: &ApplyArgs, desired: &Desired, answers: &Answers, unseen: &[String]) -> bool {
    let has_work = needs_change(answers).next().is_some() || !unseen.is_empty();
    let wants_all = args.all_or_nothing || rolling(args, desired).is_some();
    has_work && (!wants_all || answers.iter().all(|(_, answer)| answer.is_ok()))
}

/// Nodes that stand as they are to be, but whose gate may never have been asked.
fn unseen(runs: &Runs, desired: &Desired, answers: &Answers) -> Vec<String> {
    if desired.playbook.gate.is_none() {
        return Vec::new();
    }
    let playbooks: Vec<String> = names_of(desired);
    let still = reached(answers).filter(|surveyed| surveyed.plan.is_empty() && surveyed.facts.broken_off().is_none());
    still.map(|surveyed| surveyed.node.name.clone()).filter(|node| runs.is_unseen(node, &playbooks)).collect()
}

fn names_of(desired: &Desired) -> Vec<String> {
    desired.playbook.name.split('+').map(str::to_owned).collect()
}

fn options(args: &ApplyArgs, desired: &Desired, skip: &[String]) -> RunOptions {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        names
    };
    RunOptions {
        playbooks: names_of(desired),
        limit: sorted(&args.limit),
        skip: sorted(skip),
        rolling: args.rolling,
        all_or_nothing: args.all_or_nothing,
    }
}

fn beginning(options: RunOptions, answers: &Answers, takes_up: &[RunId]) -> Beginning {
    Beginning {
        options,
        nodes: answers.iter().map(|(node, _)| node.name.clone()).collect(),
        to_change: needs_change(answers).map(|surveyed| surveyed.node.name.clone()).collect(),
        takes_up: takes_up.iter().map(ToString::to_string).collect(),
    }
}

fn rolling(args: &ApplyArgs, desired: &Desired) -> Option<Rolling> {
    let size = args.rolling.or(desired.playbook.rolling)?;
    Some(Rolling { size: usize::from(size), canary: desired.playbook.canary.unwrap_or(true) })
}

fn tell_taken_up(context: &Context, takes_up: &[RunId]) -> Result<(), Failure> {
    match takes_up.first() {
        Some(run) if !context.is_json() => context.say(&format!("takes up run {run}, which was broken off\n")),
        _ => Ok(()),
    }
}

fn plan_file(args: &ApplyArgs) -> Result<Option<PlanFile>, Failure> {
    match args.playbooks.as_slice() {
        [one] if one.contains(['/', '.']) || Path::new(one).is_file() => {
            if !args.skip.is_empty() {
                return Err(Failure::usage(
                    "--skip goes with playbooks; a kept plan is carried out whole",
                    "give it to `portcullis plan --out`",
                ));
            }
            PlanFile::read(Path::new(one)).map(Some)
        }
        several => match several.iter().find(|one| one.contains(['/', '.']) && Path::new(one).is_file()) {
            Some(plan) => Err(Failure::usage(
                format!("{plan} is a kept plan, and other things are named beside it"),
                "a kept plan is carried out alone: portcullis apply FILE",
            )),
            None => Ok(None),
        },
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
    if count == 0 {
        return Ok(context.sink());
    }
    let question = format!("change {}", report::text::counted(count, "node"));
    context.must_be_answerable(&question)?;
    if !context.is_json() {
        let diffs: Vec<_> = reached(answers).map(|surveyed| node_diff(&surveyed.plan, &surveyed.facts)).collect();
        context.report_aside(|out, look| report::plan::write_plan(out, &diffs, look))?;
    }
    if context.confirm(&question)? {
        let sink = context.sink();
        if !context.is_json() {
            sink.emit(started);
        }
        return Ok(sink);
    }
    Err(Failure::not_confirmed("changed"))
}
