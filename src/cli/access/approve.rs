//! `portcullis access approve`: a second pair of eyes signs what another person asked for.

use serde_json::json;

use super::asking::ApproveArgs;
use super::premises::Premises;
use super::request::{find, holder, judged, objected, read_signature, signer_of, text_of, unusable};
use crate::access::approval::{Asked, Release, details_of_approval, details_of_request, may_approve};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::disk::{Existing, write_atomically};
use crate::ledger::EventKind;
use crate::sshsig::SshSignature;

/// Runs `access approve`.
pub(super) async fn run(args: &ApproveArgs, context: &Context) -> Result<Exit, Failure> {
    // Whoever hands the approval over needs no ledger, and gets none.
    let premises = if args.out.is_some() { Premises::look(context)? } else { Premises::open(context)? };
    let asked = find(&args.request, &premises)?;
    // Nobody is asked for a passphrase in vain.
    let before = judged(&asked, &[], &premises)?;
    let signature = match &args.signature {
        Some(path) => read_signature(path)?,
        None => signed_here(args, &asked, &before.by, &premises).await?,
    };
    let release = judged(&asked, std::slice::from_ref(&signature), &premises)?;
    if let Some(refused) = release.refused.iter().find(|refused| refused.place == asked.approvals.len()) {
        return Err(objected(refused.why.clone()));
    }
    if let Some(path) = &args.out {
        let text = signature.encode().unwrap_or_default();
        write_atomically(path, text.as_bytes(), 0o644, Existing::Replace)
            .map_err(|error| Failure::new(Exit::Failed, error, Some("name another file with --out".to_owned())))?;
    } else {
        record(&premises, &asked, &signature)?;
    }
    tell(args, context, &asked, &release)
}

async fn signed_here(args: &ApproveArgs, asked: &Asked, by: &[String], premises: &Premises<'_>) -> Result<SshSignature, Failure> {
    let context = premises.context;
    context.say(&text_of(asked.signed.request()))?;
    let signer = signer_of(args.sign_with.as_deref(), context)?;
    may_approve(&asked.signed, signer.public(), &premises.site.access, by).map_err(objected)?;
    if !context.confirm("approve this window")? {
        return Err(Failure::not_confirmed("approved"));
    }
    asked.signed.approve(&signer).await.map_err(unusable)
}

fn record(premises: &Premises<'_>, asked: &Asked, signature: &SshSignature) -> Result<(), Failure> {
    let id = &asked.signed.request().id;
    if !premises.requests()?.iter().any(|known| known.signed.request().id == *id) {
        premises.record(EventKind::WindowRequested, id, details_of_request(&asked.signed, asked.person.as_ref()))?;
    }
    let by = holder(signature, premises).unwrap_or_default();
    premises.record(EventKind::WindowApproved, id, details_of_approval(&by, signature))
}

fn tell(args: &ApproveArgs, context: &Context, asked: &Asked, release: &Release) -> Result<Exit, Failure> {
    let id = &asked.signed.request().id;
    if context.is_json() {
        context.print_json(&json!({
            "id": id.as_str(), "approved_by": release.by, "approvals_needed": release.needed, "complete": release.is_complete(),
            "until": release.until, "out": args.out,
        }))?;
        return Ok(Exit::Done);
    }
    let counted = format!("window {id} is approved by {} ({} of {} needed)\n", release.by.join(", "), release.by.len(), release.needed);
    let next = match &args.out {
        Some(path) => format!("hand {} over; it is used with: portcullis access approve {id} --signature FILE\n", path.display()),
        None if release.is_complete() => format!("open it with: portcullis access open --request {id}\n"),
        None => String::new(),
    };
    context.print(&(counted + &next))?;
    Ok(Exit::Done)
}
