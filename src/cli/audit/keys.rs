//! `audit admit` and `audit retire`: which operators' machines append to a ledger that a team shares.

use std::path::PathBuf;

use clap::Args;

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::record::ledger_failure;
use super::Opened;
use super::verify::read_key;
use crate::ledger::Appended;

/// Arguments of `audit admit`.
#[derive(Debug, Args)]
pub(crate) struct AdmitArgs {
    /// The public key of the other machine: the .operator.pub file that its first try to append left there
    #[arg(value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Whose key it is
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) who: String,
}

/// Arguments of `audit retire`.
#[derive(Debug, Args)]
pub(crate) struct RetireArgs {
    /// The key's fingerprint, as `audit verify` shows it
    #[arg(value_name = "SHA256:FINGERPRINT")]
    pub(crate) fingerprint: String,
}

pub(super) fn admit(args: &AdmitArgs, context: &Context) -> Result<Exit, Failure> {
    let key = read_key(&args.key)?;
    let opened = Opened::new(context)?;
    let fingerprint = key.fingerprint();
    if !context.confirm(&format!("let {} sign events with the key {fingerprint}", args.who))? {
        return Err(Failure::not_confirmed("admitted"));
    }
    let appended = opened.ledger.admit(&opened.origin, clock::now(), &args.who, &key).map_err(ledger_failure)?;
    told(&opened, context, appended, &format!("{} may append to the ledger with the key {fingerprint}", args.who))
}

pub(super) fn retire(args: &RetireArgs, context: &Context) -> Result<Exit, Failure> {
    let opened = Opened::new(context)?;
    if !context.confirm(&format!("let the key {} sign no more events", args.fingerprint))? {
        return Err(Failure::not_confirmed("retired"));
    }
    let appended = opened.ledger.retire(&opened.origin, clock::now(), &args.fingerprint).map_err(ledger_failure)?;
    told(&opened, context, appended, &format!("the key {} signs no more events", args.fingerprint))
}

fn told(opened: &Opened, context: &Context, appended: Appended, what: &str) -> Result<Exit, Failure> {
    opened.forwarding.push(&opened.ledger);
    if context.is_json() {
        context.print_json(&serde_json::json!({"event": appended.seq, "head": appended.hash.to_string()}))?;
    } else {
        context.print(&format!("{what}; event {} tells of it\n", appended.seq))?;
    }
    Ok(Exit::Done)
}
