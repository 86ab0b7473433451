//! `audit checkpoint` and `audit import`: what the other party is given to sign, and what it gives back.

use std::path::PathBuf;

use clap::Args;

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::super::record::ledger_failure;
use super::{Opened, read_note, unreadable};
use crate::disk::{Existing, write_atomically};
use crate::ledger::witness::{Countersignature, WitnessError};
use crate::site::model::Signatory;
use crate::sshsig::SshSignature;

/// Arguments of `audit checkpoint`.
#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// Write it to this file in place of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `audit import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The checkpoint, countersigned
    #[arg(value_name = "CHECKPOINT")]
    pub(crate) checkpoint: PathBuf,
    /// The countersignature, where `ssh-keygen -Y sign -n checkpoint@portcullis CHECKPOINT` made it in a file of its own
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
}

pub(super) fn run(args: &CheckpointArgs, context: &Context) -> Result<Exit, Failure> {
    let opened = Opened::new(context)?;
    let target = args.out.as_ref().map_or_else(|| "stdout".to_owned(), |path| path.display().to_string());
    opened.append(&opened.origin.audit_exported(clock::now(), "checkpoint", &target))?;
    let Some(note) = opened.ledger.checkpoint().map_err(ledger_failure)? else {
        return Err(Failure::new(Exit::Failed, Sentence("the ledger has no checkpoint yet".to_owned()), None));
    };
    match &args.out {
        Some(path) => write_atomically(path, note.render_note().as_bytes(), 0o644, Existing::Replace).map_err(Failure::not_written)?,
        None => context.print(&note.render_note())?,
    }
    Ok(Exit::Done)
}

pub(super) fn import(args: &ImportArgs, context: &Context) -> Result<Exit, Failure> {
    let opened = Opened::new(context)?;
    let mut note = read_note(&args.checkpoint)?;
    if let Some(path) = &args.signature {
        let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
        let signature = SshSignature::parse(&text).map_err(|error| Failure::new(Exit::Usage, error, None))?;
        note = note.countersigned("ssh-keygen", signature).map_err(refused)?;
    }
    let lines = note.countersignatures();
    if lines.is_empty() {
        return Err(refused(WitnessError::NotCountersigned));
    }
    let known = opened.ledger.hash_at(note.checkpoint.seq).map_err(ledger_failure)?;
    let own = opened.ledger.checkpoint().map_err(ledger_failure)?.is_some_and(|own| own.checkpoint.ledger == note.checkpoint.ledger);
    if !own || known != Some(note.checkpoint.hash) {
        let what = format!("event {} of this ledger is not what was countersigned", note.checkpoint.seq);
        let help = "run `portcullis audit verify --head FILE` with the checkpoint; two histories were signed, or it is another ledger's";
        return Err(Failure::new(Exit::Findings, Sentence(what), Some(help.to_owned())));
    }
    for line in &lines {
        line.must_hold(&note).map_err(refused)?;
        let witness = must_be_known(line, &opened.site.witnesses)?;
        let text = note.render_note();
        let recorded = (note.checkpoint.seq, text.as_str());
        let event = opened.origin.checkpoint_countersigned(clock::now(), &witness.name, &line.signature.fingerprint(), recorded);
        opened.append(&event)?;
        if !context.is_json() {
            context.print(&format!("countersigned up to event {} by {}\n", note.checkpoint.seq, witness.name))?;
        }
    }
    if context.is_json() {
        context.print_json(&serde_json::json!({"event": note.checkpoint.seq, "countersignatures": lines.len()}))?;
    }
    Ok(Exit::Done)
}

fn must_be_known<'s>(line: &Countersignature, witnesses: &'s [Signatory]) -> Result<&'s Signatory, Failure> {
    let known = witnesses.iter().find(|witness| witness.public_key().is_some_and(|key| line.signature.is_by(&key)));
    known.ok_or_else(|| {
        let what =
            format!("the key {} of the countersignature by {} is none of the site's witnesses", line.signature.fingerprint(), line.name);
        let help = "add the other party's name and public key to `ledger.witnesses` of the site file, if it is theirs".to_owned();
        Failure::new(Exit::Refused, Sentence(what), Some(help))
    })
}

/// A checkpoint that is not countersigned, or a countersignature that is not believed.
pub(super) fn refused(error: WitnessError) -> Failure {
    let exit = match &error {
        WitnessError::Name { .. } | WitnessError::Signer { .. } | WitnessError::NotCountersigned => Exit::Usage,
        WitnessError::OtherLedger { .. }
        | WitnessError::Shorter { .. }
        | WitnessError::Inconsistent { .. }
        | WitnessError::Signature { .. } => Exit::Refused,
    };
    let help = error.help();
    Failure::new(exit, error, help)
}
