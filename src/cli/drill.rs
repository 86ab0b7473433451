//! `portcullis drill`: opening, use, closing, a lost laptop and a dead node, rehearsed on the real site for the operator alone.
//!
//! It runs this very program and plain ssh, each a process of its own, as an operator would: what it proves is what they do.

mod rehearsal;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::args::duration;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::disk::{Existing, write_atomically};
use crate::report::drill::{Drill, Step, Verdict, render_html, render_text};
use rehearsal::Rehearsal;

/// Arguments of `drill`.
#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    /// Only these nodes; may be given several times [default: all]
    #[arg(long = "node", value_name = "NODE", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,
    /// Who holds it, where the site names the persons it lets in [default: your login name]
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// The ticket under which it was agreed
    #[arg(long, value_name = "T")]
    pub(crate) ticket: Option<String>,
    /// How long its windows last
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, default_value = "1m")]
    pub(crate) length: std::time::Duration,
    /// Write the evidence as one HTML file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// Runs `drill`.
pub(crate) fn run(args: &DrillArgs, context: &Context) -> Result<Exit, Failure> {
    let site = context.site()?;
    let mut rehearsal = Rehearsal::begin(args, context, &site)?;
    let mut windows = Vec::new();
    let first = take(context, &mut rehearsal, "A window is opened", Rehearsal::open)?;
    // What is refused or cannot be reached at the first opening ends the drill: nothing else could be seen.
    if first.verdict == Verdict::NotProven {
        let exit = rehearsal.exit_of_opening();
        return finish(args, context, rehearsal, (vec![first], windows), exit);
    }
    let mut steps = vec![first, take(context, &mut rehearsal, "It is used with plain ssh", Rehearsal::log_in)?];
    steps.push(take(context, &mut rehearsal, "It is closed, and nobody gets in any more", Rehearsal::close)?);
    windows.extend(rehearsal.show());
    steps.push(take(context, &mut rehearsal, "A laptop is lost: the client is killed and nobody closes", Rehearsal::lose_laptop)?);
    windows.extend(rehearsal.show());
    steps.push(take(context, &mut rehearsal, "A node is dead while a window is closed, and comes back", Rehearsal::lose_node)?);
    windows.extend(rehearsal.show());
    steps.push(take(context, &mut rehearsal, "Nothing is left on the machines, and the ledger is whole", Rehearsal::look_around)?);
    finish(args, context, rehearsal, (steps, windows), Exit::Findings)
}

fn take<'a>(
    context: &Context,
    rehearsal: &mut Rehearsal<'a>,
    title: &str,
    step: fn(&mut Rehearsal<'a>) -> Result<Vec<String>, Vec<String>>,
) -> Result<Step, Failure> {
    context.say(&format!("{title} …\n"))?;
    let began = Instant::now();
    let (verdict, seen) = match step(rehearsal) {
        Ok(seen) => (Verdict::Proven, seen),
        Err(seen) => (Verdict::NotProven, seen),
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Step { title: title.to_owned(), verdict, seen, took_ms })
}

fn finish(
    args: &DrillArgs,
    context: &Context,
    rehearsal: Rehearsal<'_>,
    (steps, windows): (Vec<Step>, Vec<String>),
    otherwise: Exit,
) -> Result<Exit, Failure> {
    let drill = Drill { site: rehearsal.site_name(), by: rehearsal.who(), at: rehearsal.began(), steps, windows };
    rehearsal.end();
    if let Some(path) = &args.report {
        let written = write_atomically(path, render_html(&drill).as_bytes(), 0o644, Existing::Replace);
        written.map_err(|error| Failure::new(Exit::Failed, error, Some("name another file with --report".to_owned())))?;
    }
    let exit = if drill.is_proven() { Exit::Done } else { otherwise };
    if context.is_json() {
        context.print_json(&as_json(&drill))?;
    } else {
        context.print(&render_text(&drill))?;
    }
    Ok(exit)
}

fn as_json(drill: &Drill) -> Value {
    let steps: Vec<Value> = drill
        .steps
        .iter()
        .map(|step| json!({"title": step.title, "proven": step.verdict == Verdict::Proven, "seen": step.seen, "took_ms": step.took_ms}))
        .collect();
    json!({"site": drill.site, "by": drill.by, "at": drill.at, "proven": drill.is_proven(), "steps": steps, "windows": drill.windows})
}

/// How long after its end a session may live: the promise, and what a loaded machine may add to it.
const LATE: SignedDuration = SignedDuration::from_secs(5);
