//! `portcullis audit`: the ledger, read, verified, exported. Reading and exporting are events too.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::clock;
use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::record::{ledger_failure, ledger_path, origin};
use crate::ledger::{ExportFormat, LedgerEvent, LogQuery, OpenOptions, SqliteLedger, Verdicts, VerifyOptions, verify_export};
use crate::report;

/// Verbs of `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// What was done, the newest first
    Log(LogArgs),
    /// Whether each event is what was signed, and whether all are there
    Verify(VerifyArgs),
    /// The ledger as a file that others can verify or read
    Export(ExportArgs),
}

/// Arguments of `audit log`.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// At most so many events
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    /// None before this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<jiff::Timestamp>,
    /// Of this run or window alone
    #[arg(long, value_name = "ID")]
    pub(crate) subject: Option<String>,
}

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// An export in JSON Lines, in place of the site's ledger; needs no site and no network
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
}

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
}

struct Opened {
    ledger: SqliteLedger,
    origin: crate::ledger::Origin,
}

impl Opened {
    fn new(context: &Context) -> Result<Self, Failure> {
        let site = context.site()?;
        let path = ledger_path(&site)?;
        // Looking at a ledger that is not there does not make one.
        SqliteLedger::open(&path, &OpenOptions::read()).map_err(ledger_failure)?;
        let ledger = SqliteLedger::open(&path, &OpenOptions::append()).map_err(ledger_failure)?;
        Ok(Self { ledger, origin: origin(context, &site.name) })
    }

    fn append(&self, event: &LedgerEvent) -> Result<(), Failure> {
        self.ledger.append(event).map(drop).map_err(ledger_failure)
    }
}

/// Runs a verb of `audit`.
pub(crate) fn run(command: &AuditCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Log(args) => log(args, context),
        AuditCommand::Verify(args) => verify(args, context),
        AuditCommand::Export(args) => export(args, context),
    }
}

fn log(args: &LogArgs, context: &Context) -> Result<Exit, Failure> {
    let opened = Opened::new(context)?;
    let query = LogQuery { limit: Some(args.limit), since: args.since, subject: args.subject.clone(), ..LogQuery::default() };
    let events = opened.ledger.log(&query).map_err(ledger_failure)?;
    let described = format!("newest {}{}", args.limit, args.subject.as_ref().map_or_else(String::new, |id| format!(" of {id}")));
    opened.append(&opened.origin.audit_read(clock::now(), events.len() as u64, &described))?;
    if context.is_json() {
        context.print_json(&report::audit::log_json(&events))?;
    } else {
        context.report(|out, look| report::audit::write_log(out, &events, look))?;
    }
    Ok(Exit::Done)
}

fn verify(args: &VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let verdicts = if let Some(path) = &args.export {
        let unreadable =
            |error: std::io::Error| Failure::new(Exit::Usage, Sentence(format!("cannot read {}: {error}", path.display())), None);
        let mut input = std::io::BufReader::new(std::fs::File::open(path).map_err(unreadable)?);
        verify_export(&mut input, &path.display().to_string(), &VerifyOptions::default()).map_err(unreadable)?
    } else {
        let site = context.site()?;
        let ledger = SqliteLedger::open(&ledger_path(&site)?, &OpenOptions::read()).map_err(ledger_failure)?;
        ledger.verify(&VerifyOptions::default()).map_err(ledger_failure)?
    };
    tell(&verdicts, context)
}

fn tell(verdicts: &Verdicts, context: &Context) -> Result<Exit, Failure> {
    if context.is_json() {
        context.print_json(&serde_json::json!({
            "integrity": verdicts.integrity.name(), "completeness": verdicts.completeness.name(), "findings": verdicts.findings,
        }))?;
    } else {
        context.report(|out, look| report::audit::write_verdicts(out, verdicts, look))?;
    }
    Ok(if verdicts.has_errors() { Exit::Findings } else { Exit::Done })
}

fn export(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let opened = Opened::new(context)?;
    let format = match args.format {
        Format::Jsonl => ExportFormat::Jsonl,
        Format::Csv => ExportFormat::Csv,
        Format::Cef => ExportFormat::Cef,
    };
    opened.append(&opened.origin.audit_exported(clock::now(), format.name(), "stdout"))?;
    let mut out = Vec::new();
    opened.ledger.export(format, &mut out).map_err(ledger_failure)?;
    context.print(&String::from_utf8_lossy(&out))?;
    Ok(Exit::Done)
}
