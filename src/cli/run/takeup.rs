//! A run that was broken off: taken up by the same command, refused to another one, left behind by `--new`.

use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Sentence};
use crate::ledger::{RunOptions, Runs};
use crate::node::RunId;

/// The broken-off runs that a run with these options takes up, the newest first; refused where an option differs.
pub(crate) fn take_up(runs: &Runs, options: &RunOptions, is_new: bool) -> Result<Vec<RunId>, Failure> {
    let Some(broken) = runs.broken_off().filter(|_| !is_new) else { return Ok(Vec::new()) };
    let began = broken.beginning.as_ref().map(|beginning| beginning.options.clone()).unwrap_or_default();
    let differences = began.differences(options);
    if differences.is_empty() {
        return Ok(runs.chain(&broken.id).iter().filter_map(|id| RunId::parse(id).ok()).collect());
    }
    let head =
        format!("run {} of {}@{} was broken off, and this is not what it began with", broken.id, broken.actor.user, broken.actor.host);
    let what = Sentence(format!("{head}\n  {}", differences.join("\n  ")));
    let help = format!("take it up as it began: {}; or begin afresh: the same command with --new", began.command_line());
    Err(Failure::new(Exit::Refused, what, Some(help)))
}
