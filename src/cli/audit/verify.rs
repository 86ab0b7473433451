//! `audit verify`: both verdicts, from the site's ledger or an export, measured by what others keep.

use std::path::PathBuf;

use clap::Args;

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::super::forward::Forwarding;
use super::super::heads::{Asked, ask};
use super::super::outcome::chain;
use super::super::record::{ledger_at, ledger_failure, open_ledger, origin};
use super::{read_note, unreadable};
use crate::ledger::sign::PublicKey;
use crate::ledger::{KnownHead, Ledger, OpenOptions, Verdicts, VerifyOptions, verify_export};
use crate::report;
use crate::site::model::Site;

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// An export in JSON Lines, in place of the site's ledger; needs no site and no network
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// A checkpoint that somebody kept; the ledger must hold it. May be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Vec<PathBuf>,
    /// The ledger's public key (the .pub file beside it), as it was handed over
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Ask the nodes, too, for the checkpoints that were left on them
    #[arg(long, visible_alias = "nodes")]
    pub(crate) live: bool,
}

pub(super) async fn run(args: &VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let mut options = VerifyOptions { key: args.key.as_deref().map(read_key).transpose()?, heads: read_heads(&args.head)?, own: None };
    let mut asked = Asked::default();
    if args.live {
        let site = context.site()?;
        // The export says which ledger it is; the nodes are asked for the heads of the site's own.
        let ledger = open_ledger(context, &site, &OpenOptions::read())?;
        asked = ask(context, &site, &ledger).await?;
        options.heads.extend(asked.heads.iter().cloned());
    }
    let verdicts = if let Some(path) = &args.export {
        let mut input = std::io::BufReader::new(std::fs::File::open(path).map_err(|error| unreadable(path, &error))?);
        verify_export(&mut input, &path.display().to_string(), &options).map_err(|error| unreadable(path, &error))?
    } else {
        let site = context.site()?;
        let ledger = open_ledger(context, &site, &OpenOptions::read())?;
        let verdicts = ledger.verify(&options).map_err(ledger_failure)?;
        drop(ledger);
        record(context, &site, &verdicts)?;
        verdicts
    };
    tell(&verdicts, &asked, context)
}

// That somebody looked is an event. A ledger that something is wrong with is left as it is, and so is one that may only be read.
fn record(context: &Context, site: &Site, verdicts: &Verdicts) -> Result<(), Failure> {
    if verdicts.has_errors() {
        return Ok(());
    }
    let recorded = Ledger::open(&ledger_at(context, site), &OpenOptions::append()).and_then(|ledger| {
        let (integrity, completeness) = (verdicts.integrity.name(), verdicts.completeness.name());
        ledger.append(&origin(context, &site.name).audit_verified(clock::now(), verdicts.events, integrity, completeness))?;
        Forwarding::of(context, site).push(&ledger);
        Ok(())
    });
    recorded.or_else(|error| context.say(&format!("that the ledger was verified is not recorded: {}\n", chain(&error))))
}

pub(super) fn read_heads(paths: &[PathBuf]) -> Result<Vec<KnownHead>, Failure> {
    paths.iter().map(|path| Ok(KnownHead::signed(&path.display().to_string(), read_note(path)?))).collect()
}

pub(super) fn read_key(path: &std::path::Path) -> Result<PublicKey, Failure> {
    let pem = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    PublicKey::parse_pem(&pem).map_err(|error| {
        let what = Sentence(format!("{} is not a ledger's public key: {error}", path.display()));
        Failure::new(Exit::Usage, what, Some("give the .pub file that stands beside the ledger".to_owned()))
    })
}

fn tell(verdicts: &Verdicts, asked: &Asked, context: &Context) -> Result<Exit, Failure> {
    if context.is_json() {
        let nodes = serde_json::json!({"answered": asked.answered, "silent": asked.silent});
        context.print_json(&serde_json::json!({
            "integrity": verdicts.integrity.name(), "completeness": verdicts.completeness.name(), "findings": verdicts.findings,
            "ledger": verdicts.ledger, "key": verdicts.key, "signers": verdicts.signers, "events": verdicts.events, "head": verdicts.head,
            "witnessed": verdicts.witnessed, "nodes": nodes,
        }))?;
    } else {
        context.report(|out, look| report::audit::write_verdicts(out, verdicts, look))?;
        asked.tell(context)?;
    }
    Ok(if verdicts.has_errors() { Exit::Findings } else { Exit::Done })
}
