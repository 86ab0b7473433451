//! `portcullis audit`: the ledger, read, verified, exported, countersigned. Reading and exporting are events too.

mod checkpoint;
mod countersign;
mod export;
mod keys;
mod log;
mod resume;
mod verify;

use clap::Subcommand;

use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::forward::Forwarding;
use super::record::{ledger_failure, open_ledger, origin};
use crate::ledger::checkpoint::SignedCheckpoint;
use crate::ledger::{Ledger, LedgerEvent, OpenOptions};
use crate::site::model::Site;

/// Verbs of `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// What was done, the newest first
    Log(log::LogArgs),
    /// One event with all that was recorded of it
    Show(log::ShowArgs),
    /// Whether each event is what was signed, and whether all are there
    Verify(verify::VerifyArgs),
    /// The ledger as a file that others can verify or read
    Export(export::ExportArgs),
    /// The newest checkpoint, for the other party to keep and countersign
    Checkpoint(checkpoint::CheckpointArgs),
    /// Countersign another's checkpoint, once its ledger is seen to continue what was signed before; needs no site
    Countersign(countersign::CountersignArgs),
    /// Record the other party's countersignature of a checkpoint
    Import(checkpoint::ImportArgs),
    /// Go on after the ledger's checkpoint file was lost; the ledger tells of it for ever
    Resume(resume::ResumeArgs),
    /// Let another operator's machine append to a ledger that a team shares
    Admit(keys::AdmitArgs),
    /// Let a machine append to it no more
    Retire(keys::RetireArgs),
    /// Send what the syslog receiver does not have yet
    Forward,
}

/// The site's ledger, opened by somebody whose reading is recorded.
struct Opened {
    site: Site,
    ledger: Ledger,
    origin: crate::ledger::Origin,
    forwarding: Forwarding,
}

impl Opened {
    fn new(context: &Context) -> Result<Self, Failure> {
        let site = context.site()?;
        // Looking at a ledger that is not there does not make one.
        let ledger = open_ledger(context, &site, &OpenOptions::append_to_existing())?;
        let (origin, forwarding) = (origin(context, &site.name), Forwarding::of(context, &site));
        Ok(Self { site, ledger, origin, forwarding })
    }

    fn append(&self, event: &LedgerEvent) -> Result<(), Failure> {
        self.ledger.append(event).map_err(ledger_failure)?;
        self.forwarding.push(&self.ledger);
        Ok(())
    }
}

/// Runs a verb of `audit`.
pub(crate) async fn run(command: &AuditCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Log(args) => log::run(args, context),
        AuditCommand::Show(args) => log::show(args, context),
        AuditCommand::Verify(args) => verify::run(args, context).await,
        AuditCommand::Export(args) => export::run(args, context),
        AuditCommand::Checkpoint(args) => checkpoint::run(args, context),
        AuditCommand::Countersign(args) => countersign::run(args, context).await,
        AuditCommand::Import(args) => checkpoint::import(args, context),
        AuditCommand::Resume(args) => resume::run(args, context).await,
        AuditCommand::Admit(args) => keys::admit(args, context),
        AuditCommand::Retire(args) => keys::retire(args, context),
        AuditCommand::Forward => forward(context),
    }
}

fn forward(context: &Context) -> Result<Exit, Failure> {
    let site = context.site()?;
    let ledger = open_ledger(context, &site, &OpenOptions::read())?;
    let sent = Forwarding::of(context, &site).push_or_fail(&ledger)?;
    if context.is_json() {
        context.print_json(&serde_json::json!({"sent": sent}))?;
    } else {
        context.print(&format!("{} sent\n", crate::report::text::counted(usize::try_from(sent).unwrap_or(usize::MAX), "event")))?;
    }
    Ok(Exit::Done)
}

fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Usage, Sentence(format!("cannot read {}: {error}", path.display())), None)
}

/// Reads the note of a checkpoint from a file.
fn read_note(path: &std::path::Path) -> Result<SignedCheckpoint, Failure> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    SignedCheckpoint::parse(&bytes).map_err(|error| {
        let what = Sentence(format!("{} holds no checkpoint: {error}", path.display()));
        Failure::new(Exit::Usage, what, Some("give a file that `portcullis audit checkpoint` or `audit countersign` wrote".to_owned()))
    })
}
