//! `audit resume`: a ledger whose checkpoint file was lost goes on, and tells so.

use std::path::PathBuf;

use clap::Args;

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::heads::ask;
use super::super::record::ledger_failure;
use super::Opened;
use super::verify::read_heads;

/// Arguments of `audit resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// What became of the checkpoint file
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// A checkpoint that somebody kept; the ledger must hold it. May be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Vec<PathBuf>,
    /// Ask the nodes for the checkpoints that were left on them
    #[arg(long, visible_alias = "nodes")]
    pub(crate) live: bool,
}

pub(super) async fn run(args: &ResumeArgs, context: &Context) -> Result<Exit, Failure> {
    let opened = Opened::new(context)?;
    let mut heads = read_heads(&args.head)?;
    if args.live {
        let asked = ask(context, &opened.site, &opened.ledger).await?;
        asked.tell(context)?;
        heads.extend(asked.heads);
    }
    if !context.confirm("make the ledger's checkpoint anew, and record that")? {
        return Ok(Exit::Failed);
    }
    let appended = opened.ledger.resume(&opened.origin, clock::now(), &args.reason, &heads).map_err(ledger_failure)?;
    opened.forwarding.push(&opened.ledger);
    if context.is_json() {
        context.print_json(&serde_json::json!({"event": appended.seq, "head": appended.hash.to_string()}))?;
    } else {
        context.print(&format!("the ledger goes on; event {} tells of it\n", appended.seq))?;
    }
    Ok(Exit::Done)
}
