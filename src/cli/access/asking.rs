//! What a window is asked for with, and what that comes down to: judged by the site's policy before anything is dialled.

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::premises::{Premises, random, refused};
use super::request::released;
use super::{KindArg, Moment, duration, moment};
use crate::access::{Kind, Person, PersonKey, Refusal, Request, Span, Window, WindowId, check_approvals, check_request};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::playbook::nearest;

/// How long a piece of access around the clock lasts unless it is said.
const PIECE: SignedDuration = SignedDuration::from_hours(24);

/// What `access open` and `access request` are told alike.
#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// The person who is let in
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// How long, counted from its start, such as 90m or 1d12h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, conflicts_with = "to")]
    pub(crate) length: Option<SignedDuration>,
    /// Until when (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
    /// From when on (RFC 3339, or now)
    #[arg(long, value_name = "TIME", value_parser = moment, default_value = "now")]
    pub(crate) from: Moment,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// The ticket under which it was agreed
    #[arg(long, value_name = "T")]
    pub(crate) ticket: Option<String>,
    /// The person's public key [default: your own, from ~/.ssh]
    #[arg(long, value_name = "PUBKEY")]
    pub(crate) key: Option<PathBuf>,
    /// Only this node; may be given several times
    #[arg(long = "node", value_name = "NODE", value_delimiter = ',')]
    pub(crate) nodes: Vec<String>,
    /// What it is for
    #[arg(long, value_enum, default_value = "maintenance")]
    pub(crate) kind: KindArg,
    /// Access around the clock (`sla: custom`): the same as --kind standing, a day long unless said otherwise
    #[arg(long, conflicts_with = "kind")]
    pub(crate) standing: bool,
}

/// Arguments of `access open`.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// What is asked for.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// Open what was asked for and approved: its id, or the request's file
    #[arg(long, value_name = "ID|FILE", conflicts_with_all = ["who", "length", "to", "from", "reason", "ticket", "kind", "standing"])]
    pub(crate) request: Option<String>,
    /// An approval in a file of its own (`access approve --out`, `ssh-keygen -Y sign`); may be given several times
    #[arg(long, value_name = "FILE", requires = "request")]
    pub(crate) approval: Vec<PathBuf>,
    /// Where certificate, `ssh_config` and `known_hosts` go [default: windows/ID beside the site file]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Open what can be opened where not all nodes can
    #[arg(long)]
    pub(crate) partial: bool,
    /// The other party's key (`ledger.witnesses`), to countersign the ledger's newest checkpoint with: a private key, or the
    /// .pub file of one that an ssh-agent holds
    #[arg(long, value_name = "FILE")]
    pub(crate) countersign: Option<PathBuf>,
}

/// Arguments of `access request`.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// What is asked for.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// Your SSH key: a private key, or the .pub file of one that an ssh-agent holds [default: yours, from ~/.ssh]
    #[arg(long, value_name = "FILE")]
    pub(crate) sign_with: Option<PathBuf>,
    /// Where the signed request goes [default: windows/ID/request.json beside the site file]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `access approve`.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// What was asked for: its id, or the request's file
    #[arg(value_name = "ID|FILE")]
    pub(crate) request: String,
    /// Your SSH key: a private key, or the .pub file of one that an ssh-agent holds [default: yours, from ~/.ssh]
    #[arg(long, value_name = "FILE", conflicts_with = "signature")]
    pub(crate) sign_with: Option<PathBuf>,
    /// An approval made elsewhere (`access approve --out`, `ssh-keygen -Y sign -n window-approval@portcullis`), to be recorded
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
    /// Write the approval to this file, to be handed over, and record nothing here
    #[arg(long, value_name = "FILE", conflicts_with = "signature")]
    pub(crate) out: Option<PathBuf>,
}

/// A window that may be opened, and the key of the person whom it lets in.
pub(super) struct Wanted {
    pub(super) window: Window,
    /// Where the key's file lies, as the operator named it; empty where it came from the ledger.
    pub(super) key_file: PathBuf,
    pub(super) key: PersonKey,
}

/// So late a start may be given that was meant as now.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// What is to be opened: as it was approved, or as the arguments say where no approval is wanted.
pub(super) fn wanted(args: &OpenArgs, premises: &Premises<'_>) -> Result<Wanted, Failure> {
    if let Some(name) = &args.request {
        return released(name, args, premises);
    }
    let mut window = asked_for(&args.ask, premises)?;
    check_approvals(0, &premises.site.access).map_err(|refusal| refused(&[refusal.to_string()], refusal.help()))?;
    let (key_file, key) = person_key(&args.ask, premises.context)?;
    window.key = key.fingerprint();
    Ok(Wanted { window, key_file, key })
}

/// A window as the arguments ask for it, within the site's policy; its approvals are another matter.
pub(super) fn asked_for(args: &AskArgs, premises: &Premises<'_>) -> Result<Window, Failure> {
    let (site, now) = (&premises.site, premises.context.now);
    let name = args.who.as_deref().ok_or_else(|| Failure::usage("it is not said who is let in", "name the person: --who NAME"))?;
    let who = Person::parse(name).map_err(|error| Failure::usage(error.to_string(), error.help().unwrap_or_default()))?;
    let kind = if args.standing { Kind::Standing } else { args.kind.into() };
    let start = args.from.of(now);
    // Counted from now it would end later than whoever named that start has in mind.
    if args.length.is_some() && now.duration_since(start) > LATE {
        let what = format!("--from {start} has passed: it is {now}");
        return Err(Failure::usage(what, "leave --from out to open it now, or name its end by --to"));
    }
    let span = match (args.length.or((kind == Kind::Standing && args.to.is_none()).then_some(PIECE)), args.to) {
        (Some(length), _) => Span::lasting(start, length, now),
        (None, Some(end)) => Span::between(start, end, now),
        (None, None) => return Err(Failure::usage("the window has no end", "give --for DURATION or --to TIME")),
    };
    let span = span.map_err(|error| Failure::usage(error.to_string(), error.help().unwrap_or_default()))?;
    let reason = args.reason.as_deref().unwrap_or_default().trim();
    if reason.is_empty() {
        return Err(Failure::usage("the window has no reason", "say why: --reason \"update 23.4\""));
    }
    let request = Request { who: &who, kind, span, ticket: args.ticket.as_deref() };
    must_be_allowed(&request, premises)?;
    let mut window = Window::new(fresh_id(premises)?, who, kind, span);
    window.record = site.access.record;
    reason.clone_into(&mut window.reason);
    window.ticket.clone_from(&args.ticket);
    window.nodes = chosen(&args.nodes, premises)?;
    window.hops = premises.hop_names();
    Ok(window)
}

/// Fails where the site's policy does not allow `request`.
pub(super) fn must_be_allowed(request: &Request<'_>, premises: &Premises<'_>) -> Result<(), Failure> {
    check_request(request, &premises.site.access, premises.site.sla).map_err(|refusals| {
        let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        refused(&lines, refusals.first().and_then(Refusal::help))
    })
}

fn fresh_id(premises: &Premises<'_>) -> Result<WindowId, Failure> {
    let (history, requests) = (premises.history()?, premises.requests()?);
    loop {
        let id = WindowId::new(premises.context.now, u32::try_from(random() & 0xffff_ffff).unwrap_or_default());
        if history.window(&id).is_none() && !requests.iter().any(|asked| asked.signed.request().id == id) {
            return Ok(id);
        }
    }
}

pub(super) fn chosen(names: &[String], premises: &Premises<'_>) -> Result<Vec<String>, Failure> {
    let known: Vec<String> = premises.site.nodes.iter().map(|node| node.name.clone()).collect();
    if let Some(stranger) = names.iter().find(|name| !known.contains(name)) {
        let near = nearest(stranger, &known).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        return Err(Failure::usage(
            format!("--node names `{stranger}`, which is no node of this site"),
            format!("{near}nodes are: {}", known.join(", ")),
        ));
    }
    Ok(known.into_iter().filter(|name| names.is_empty() || names.contains(name)).collect())
}

/// The person's public key, and where it lies.
pub(super) fn person_key(args: &AskArgs, context: &Context) -> Result<(PathBuf, PersonKey), Failure> {
    let none =
        || Failure::usage("it is not said whose key is let in, and you have none in ~/.ssh", "give the person's public key: --key ada.pub");
    let path = args.key.clone().or_else(|| own_key(context, ".pub")).ok_or_else(none)?;
    let text = std::fs::read(&path).map(zeroize::Zeroizing::new).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", path.display()), "give the file with the person's public key: --key ada.pub")
    })?;
    let key = PersonKey::parse(&text).map_err(|error| {
        let help = error.help().unwrap_or_default();
        Failure::usage(format!("{}: {error}", path.display()), help)
    })?;
    Ok((path, key))
}

/// The operator's own key, by the names that `ssh` knows.
pub(super) fn own_key(context: &Context, suffix: &str) -> Option<PathBuf> {
    let names = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| context.home.join(".ssh").join(format!("{name}{suffix}")));
    names.into_iter().find(|path| path.is_file())
}
