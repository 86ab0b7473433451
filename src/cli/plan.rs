//! `portcullis plan`: what `apply` would change. It is given machines that it can only read.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::desired::{Desired, Wanted};
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::outcome::{node_diff, reached, unreached};
use super::planfile;
use crate::playbook::survey;
use crate::report;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Playbooks, in order [default: bootstrap]
    #[arg(value_name = "PLAYBOOK")]
    pub(crate) playbooks: Vec<String>,
    /// Only these nodes
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub(crate) limit: Vec<String>,
    /// Without these steps
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
    /// Nodes at the same time
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) forks: u16,
    /// Keep the plan in this file, bound to what was seen
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Runs `plan`.
pub(crate) async fn run(args: &PlanArgs, context: &Context) -> Result<Exit, Failure> {
    let desired = Desired::load(context, &Wanted { playbooks: &args.playbooks, limit: &args.limit, flag: None, skip: &args.skip })?;
    let cluster = desired.cluster(context)?;
    let sink = context.sink_for_query();
    let planner = desired.planner().with_journal();
    let looking = survey(&desired.nodes, &planner, usize::from(args.forks), |node| cluster.connect(node), sink.as_ref());
    let surveyed = interrupt::or_stop(looking).await?;
    drop(sink);
    cluster.close().await;
    let plans: Vec<_> = reached(&surveyed).map(|surveyed| surveyed.plan.clone()).collect();
    let failed = unreached(&surveyed);
    if context.is_json() {
        context.print_json(&planfile::json(&desired, &args.skip, reached(&surveyed), &failed))?;
    } else {
        if plans.is_empty() {
            return Err(super::outcome::survey_failure(&failed, desired.nodes.len())
                .unwrap_or_else(|| Failure::usage("the site has no nodes", "add one")));
        }
        let diffs: Vec<_> = reached(&surveyed).map(|surveyed| node_diff(&surveyed.plan, &surveyed.facts)).collect();
        let write = if context.globals.verbose > 0 { report::plan::write_whole_plan } else { report::plan::write_plan };
        context.report(|out, look| write(out, &diffs, look))?;
    }
    if let Some(path) = &args.out {
        planfile::write(path, context, &desired, &args.skip, &plans)?;
        context.say(&format!(
            "kept in {}; `portcullis apply {}` carries it out while nothing has changed\n",
            path.display(),
            path.display()
        ))?;
    }
    if let Some(failure) = super::outcome::survey_failure(&failed, desired.nodes.len()) {
        // A script has each node's error in the plan itself.
        return if context.is_json() { Ok(failure.exit) } else { Err(failure) };
    }
    let has_changes = plans.iter().any(|plan| !plan.is_empty());
    Ok(if has_changes { Exit::Changes } else { Exit::Done })
}
