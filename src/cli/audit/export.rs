//! `audit export`: the ledger as a file for others; the export is an event, and stands in it.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::record::ledger_failure;
use super::Opened;
use crate::disk::{Existing, write_atomically};
use crate::ledger::ExportFormat;

/// Formats of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// JSON Lines, for `audit verify`.
    Jsonl,
    /// Comma-separated values.
    Csv,
    /// Common Event Format.
    Cef,
}

/// Arguments of `audit export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The format; it is what was asked for, whatever `--output` says
    #[arg(long, value_enum, default_value = "jsonl")]
    pub(crate) format: Format,
    /// Write it to this file, readable by you alone, in place of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

pub(super) fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let opened = Opened::new(context)?;
    let format = match args.format {
        Format::Jsonl => ExportFormat::Jsonl,
        Format::Csv => ExportFormat::Csv,
        Format::Cef => ExportFormat::Cef,
    };
    let target = args.out.as_ref().map_or_else(|| "stdout".to_owned(), |path| path.display().to_string());
    opened.append(&opened.origin.audit_exported(clock::now(), format.name(), &target))?;
    let mut out = Vec::new();
    opened.ledger.export(format, &mut out).map_err(ledger_failure)?;
    match &args.out {
        Some(path) => write_atomically(path, &out, 0o600, Existing::Replace).map_err(Failure::not_written)?,
        None => context.print(&String::from_utf8_lossy(&out))?,
    }
    Ok(Exit::Done)
}
