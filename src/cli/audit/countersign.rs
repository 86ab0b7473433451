//! `audit countersign`: on the other party's machine, without a site. What cannot be seen to continue is not signed.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::signing::signer;
use super::checkpoint::refused;
use super::{read_note, unreadable};
use crate::disk::{Existing, write_atomically};
use crate::ledger::witness::{check_continues, heads_to_show};
use crate::ledger::{VerifyOptions, verify_export};

/// Arguments of `audit countersign`.
#[derive(Debug, Args)]
pub(crate) struct CountersignArgs {
    /// The checkpoint, as `audit checkpoint` gave it
    #[arg(value_name = "CHECKPOINT")]
    pub(crate) checkpoint: PathBuf,
    /// An export of the ledger (JSON Lines) that holds the checkpoint, and the one signed before
    #[arg(long, value_name = "FILE")]
    pub(crate) export: PathBuf,
    /// Your SSH key: a private key, or the .pub file of one that an ssh-agent holds
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Your name in the signature line, without blanks
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Where you keep the checkpoint that you countersigned last; looked at before, replaced after
    #[arg(long, value_name = "FILE")]
    pub(crate) kept: PathBuf,
}

pub(super) async fn run(args: &CountersignArgs, context: &Context) -> Result<Exit, Failure> {
    let offered = read_note(&args.checkpoint)?;
    let kept = if Path::exists(&args.kept) { Some(read_note(&args.kept)?) } else { None };
    let heads = heads_to_show(&offered, kept.as_ref()).map_err(refused)?;
    let file = std::fs::File::open(&args.export).map_err(|error| unreadable(&args.export, &error))?;
    let options = VerifyOptions { heads, ..VerifyOptions::default() };
    let verdicts = verify_export(&mut std::io::BufReader::new(file), &args.export.display().to_string(), &options);
    check_continues(verdicts.map_err(|error| unreadable(&args.export, &error))?).map_err(refused)?;
    let signer = signer(&args.key, context)?;
    let note = offered.countersign(&args.name, &signer).await.map_err(refused)?.render_note();
    // What was signed is kept before it is given away: a second history must not find an empty memory.
    write_atomically(&args.kept, note.as_bytes(), 0o644, Existing::Replace).map_err(Failure::not_written)?;
    context.print(&note)?;
    Ok(Exit::Done)
}
