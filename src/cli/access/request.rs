//! `portcullis access request`: a window is asked for, signed by who asks; and what of it may be opened once it is approved.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::asking::{OpenArgs, RequestArgs, Wanted, asked_for, chosen, must_be_allowed, own_key, person_key};
use super::premises::{Premises, keep_failure, local, refused};
use crate::access::approval::{
    Asked, Fate, Objection, Release, RequestError, SignedRequest, WindowRequest, details_of_approval, details_of_request, release,
};
use crate::access::{Person, PersonKey, Request, Span, Window, check_approvals, make_folder};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Sentence};
use crate::cli::signing::signer;
use crate::disk::{Existing, write_atomically};
use crate::ledger::EventKind;
use crate::report::text::escape;
use crate::site::duration::format_duration;
use crate::sshsig::{Signer, SshSignature};

/// So much later than it was asked for a window without a start of its own may begin: approving takes its time.
const GRACE: SignedDuration = SignedDuration::from_hours(8);

/// Runs `access request`.
pub(super) async fn run(args: &RequestArgs, context: &Context) -> Result<Exit, Failure> {
    let premises = Premises::begin(context)?;
    let mut window = asked_for(&args.ask, &premises)?;
    let (_, person) = person_key(&args.ask, context)?;
    window.key = person.fingerprint();
    let own = signer_of(args.sign_with.as_deref(), context)?;
    let floats = args.ask.from == super::Moment::Now && args.ask.to.is_none();
    let request = WindowRequest {
        site: premises.site.name.clone(),
        span: if floats { until_later(window.span) } else { window.span },
        length: window.span.length(),
        requested_by: name_of(&own, &premises)?,
        at: whole(context.now),
        nonce: nonce(),
        id: window.id,
        who: window.who,
        key: window.key,
        nodes: window.nodes,
        kind: window.kind,
        reason: window.reason,
        ticket: window.ticket,
    };
    let signed = request.sign(&own).await.map_err(unusable)?;
    // Who may not ask is told so now, and not when it is to be opened.
    release(&signed, &[], &premises.site.access, &premises.site.name, context.now).map_err(objected)?;
    let id = signed.request().id.clone();
    let path = args.out.clone().unwrap_or_else(|| premises.site.folder.join("windows").join(id.as_str()).join("request.json"));
    if let (None, Some(folder)) = (&args.out, path.parent()) {
        make_folder(folder).map_err(keep_failure)?;
    }
    let text = format!("{:#}\n", signed.value());
    write_atomically(&path, text.as_bytes(), 0o644, Existing::Keep)
        .map_err(|error| Failure::new(Exit::Failed, error, Some("name another file with --out".to_owned())))?;
    premises.record(EventKind::WindowRequested, &id, details_of_request(&signed, Some(&person)))?;
    if context.is_json() {
        let asked = Asked { signed, person: Some(person), approvals: Vec::new(), fate: Fate::Awaited };
        context.print_json(&json!({"request": request_json(&asked, &premises), "file": path}))?;
    } else {
        let approving = format!("another person approves it with: portcullis access approve {id}\n");
        context.print(&format!("{}written to {}; {approving}", text_of(signed.request()), path.display()))?;
    }
    Ok(Exit::Done)
}

fn until_later(span: Span) -> Span {
    let end = span.end().saturating_add(GRACE).unwrap_or(span.end());
    Span::recorded(span.start(), end).unwrap_or(span)
}

fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

fn nonce() -> String {
    format!("{:016x}{:016x}", super::premises::random(), super::premises::random())
}

// As the site names the holder of the key; where it wants no approvals, as the operator is called.
fn name_of(signer: &Signer, premises: &Premises<'_>) -> Result<Person, Failure> {
    let policy = &premises.site.access;
    let holder = policy.requesters.iter().chain(&policy.approvers).find(|known| known.public_key().as_ref() == Some(signer.public()));
    let name = match holder {
        Some(signatory) => signatory.name.clone(),
        None if policy.approvals == 0 => premises.context.user.clone(),
        None => {
            let fingerprint = signer.public().fingerprint(russh::keys::HashAlg::Sha256).to_string();
            return Err(objected(Objection::UnknownRequester { fingerprint }));
        }
    };
    Person::parse(&name).map_err(|error| Failure::usage(error.to_string(), error.help().unwrap_or_default()))
}

/// The key in the file that was named, or the operator's own.
pub(super) fn signer_of(path: Option<&Path>, context: &Context) -> Result<Signer, Failure> {
    let none =
        || Failure::usage("it is not said with which key to sign, and you have none in ~/.ssh", "name your SSH key: --sign-with FILE");
    let path = path.map(PathBuf::from).or_else(|| own_key(context, "")).or_else(|| own_key(context, ".pub")).ok_or_else(none)?;
    signer(&path, context)
}

/// What was asked for under `name`, an id's beginning or a file.
pub(super) fn find(name: &str, premises: &Premises<'_>) -> Result<Asked, Failure> {
    let mut requests = premises.requests()?;
    if Path::new(name).is_file() {
        let signed = read_request(Path::new(name))?;
        let known = requests.iter().position(|asked| asked.signed.request().id == signed.request().id);
        return match known.map(|place| requests.swap_remove(place)) {
            Some(asked) if asked.signed == signed => Ok(asked),
            Some(_) => {
                let what = format!("the ledger holds another request under the id {}", signed.request().id);
                Err(Failure::new(Exit::Refused, Sentence(what), Some("ask again, for a window with an id of its own".to_owned())))
            }
            None => Ok(Asked { signed, person: None, approvals: Vec::new(), fate: Fate::Awaited }),
        };
    }
    requests.retain(|asked| begins(asked.signed.request().id.as_str(), name));
    match requests.len() {
        1 => requests.pop().ok_or_else(|| unknown(name)),
        0 => Err(unknown(name)),
        _ => {
            let ids: Vec<String> = requests.iter().map(|asked| asked.signed.request().id.to_string()).collect();
            Err(Failure::usage(format!("several requests begin with {name}"), format!("they are: {}", ids.join(", "))))
        }
    }
}

pub(super) fn begins(id: &str, prefix: &str) -> bool {
    !prefix.is_empty() && (id.starts_with(prefix) || id.strip_prefix("w-").is_some_and(|rest| rest.starts_with(prefix)))
}

fn unknown(name: &str) -> Failure {
    Failure::usage(
        format!("the ledger knows no request {name}, and there is no such file"),
        "`portcullis access list` shows what is asked for",
    )
}

fn read_request(path: &Path) -> Result<SignedRequest, Failure> {
    let text =
        std::fs::read(path).map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display()), "see who may read it"))?;
    SignedRequest::parse(&text).map_err(|error| {
        let exit = if matches!(error, RequestError::Signature { .. } | RequestError::NotCanonical) { Exit::Refused } else { Exit::Usage };
        let help = error.help();
        Failure::new(exit, Sentence(format!("{}: {}", path.display(), crate::cli::outcome::chain(&error))), help)
    })
}

/// An approval's file.
pub(super) fn read_signature(path: &Path) -> Result<SshSignature, Failure> {
    let text =
        std::fs::read(path).map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display()), "see who may read it"))?;
    SshSignature::parse(&text).map_err(|error| {
        let help = "give the file that `portcullis access approve --out` or `ssh-keygen -Y sign` wrote";
        Failure::usage(format!("{}: {error}", path.display()), help)
    })
}

/// How far what was asked for has come, with these approvals too.
pub(super) fn judged(asked: &Asked, more: &[SshSignature], premises: &Premises<'_>) -> Result<Release, Failure> {
    let over = match asked.fate {
        Fate::Awaited => None,
        Fate::Used => Some("opened already: a request is used once"),
        Fate::Withdrawn => Some("withdrawn before it was opened: nothing is opened of it any more"),
    };
    if let Some(over) = over {
        let what = format!("window {} was {over}", asked.signed.request().id);
        return Err(Failure::new(Exit::Refused, Sentence(what), Some("ask for another: portcullis access request".to_owned())));
    }
    let all: Vec<SshSignature> = asked.approvals.iter().chain(more).cloned().collect();
    release(&asked.signed, &all, &premises.site.access, &premises.site.name, premises.context.now).map_err(objected)
}

/// What may be opened of a request, once enough persons have approved.
pub(super) fn released(name: &str, args: &OpenArgs, premises: &Premises<'_>) -> Result<Wanted, Failure> {
    let asked = find(name, premises)?;
    let brought = args.approval.iter().map(|path| read_signature(path)).collect::<Result<Vec<_>, _>>()?;
    let release = judged(&asked, &brought, premises)?;
    check_approvals(release.by.len(), &premises.site.access).map_err(|refusal| {
        let mut lines = vec![refusal.to_string()];
        lines.extend(release.refused.iter().map(|refused| refused.why.to_string()));
        let help = format!("have another person run `portcullis access approve {}`, then open it again", asked.signed.request().id);
        refused(&lines, Some(help))
    })?;
    let request = asked.signed.request();
    let (key_file, key) = match (&args.ask.key, asked.person.clone()) {
        (None, Some(key)) => (PathBuf::new(), key),
        _ => person_key(&args.ask, premises.context)?,
    };
    let span =
        request.span_at(premises.context.now).map_err(|error| Failure::usage(error.to_string(), error.help().unwrap_or_default()))?;
    let mut window = Window::new(request.id.clone(), request.who.clone(), request.kind, span);
    (window.reason, window.ticket, window.key) = (request.reason.clone(), request.ticket.clone(), key.fingerprint());
    let names = if args.ask.nodes.is_empty() { &request.nodes } else { &args.ask.nodes };
    window.nodes = chosen(names, premises)?;
    window.hops = premises.hop_names();
    must_be_allowed(&Request { who: &window.who, kind: window.kind, span, ticket: window.ticket.as_deref() }, premises)?;
    request.must_cover(&window).map_err(|difference| {
        refused(&[difference.to_string()], Some("open what was approved, or ask again: portcullis access request".to_owned()))
    })?;
    record_what_is_new(&asked, &brought, (&release, &key), premises)?;
    Ok(Wanted { window, key_file, key })
}

// What was brought in files stands in the ledger before the window does.
fn record_what_is_new(asked: &Asked, brought: &[SshSignature], of: (&Release, &PersonKey), premises: &Premises<'_>) -> Result<(), Failure> {
    let (release, key) = of;
    let id = &asked.signed.request().id;
    let is_known = premises.requests()?.iter().any(|known| known.signed.request().id == *id);
    if !is_known {
        premises.record(EventKind::WindowRequested, id, details_of_request(&asked.signed, Some(key)))?;
    }
    for (place, signature) in brought.iter().enumerate() {
        let place = asked.approvals.len() + place;
        if release.refused.iter().any(|refused| refused.place == place) {
            continue;
        }
        let by = holder(signature, premises).unwrap_or_default();
        premises.record(EventKind::WindowApproved, id, details_of_approval(&by, signature))?;
    }
    Ok(())
}

/// Whose key it is, by the site's approvers.
pub(super) fn holder(signature: &SshSignature, premises: &Premises<'_>) -> Option<String> {
    let approvers = &premises.site.access.approvers;
    let found = approvers.iter().find(|known| known.public_key().is_some_and(|key| signature.is_by(&key)));
    found.map(|signatory| signatory.name.clone())
}

/// A request that cannot be released, or an approval that does not count.
pub(super) fn objected(objection: Objection) -> Failure {
    let help = objection.help();
    Failure::new(Exit::Refused, objection, help)
}

/// A request that cannot be made or signed.
pub(super) fn unusable(error: RequestError) -> Failure {
    let help = error.help();
    Failure::new(Exit::Usage, error, help)
}

/// What is asked for, for scripts.
pub(super) fn request_json(asked: &Asked, premises: &Premises<'_>) -> Value {
    let request = asked.signed.request();
    let now = premises.context.now;
    let release = release(&asked.signed, &asked.approvals, &premises.site.access, &premises.site.name, now);
    let state = match &release {
        _ if asked.fate == Fate::Used => "used",
        _ if asked.fate == Fate::Withdrawn => "withdrawn",
        Err(Objection::Past { .. }) => "past",
        Err(_) => "refused",
        Ok(release) if release.is_complete() => "approved",
        Ok(_) => "requested",
    };
    json!({
        "id": request.id.as_str(), "state": state, "who": request.who.as_str(), "kind": request.kind.word(), "from": request.span.start(),
        "to": request.span.end(), "length_s": request.length.as_secs(), "reason": request.reason, "ticket": request.ticket,
        "key": request.key, "nodes": request.nodes, "requested_by": request.requested_by.as_str(), "at": request.at,
        "approvals_needed": premises.site.access.approvals, "approved_by": release.map(|release| release.by).unwrap_or_default(),
    })
}

/// What is asked for, for a person.
pub(super) fn text_of(request: &WindowRequest) -> String {
    let escaped = |text: &str| escape(text).into_owned();
    let mut lines = vec![
        format!("window {} is asked for by {}", request.id, escaped(request.requested_by.as_str())),
        format!("  who     {}  ({})", escaped(request.who.as_str()), request.key),
        format!("  length  {} from its start", format_duration(request.length)),
        format!("  within  {} to {}", local(request.span.start()), local(request.span.end())),
        format!("  kind    {}", request.kind.word()),
        format!("  nodes   {}", escaped(&request.nodes.join(", "))),
        format!("  reason  {}", escaped(&request.reason)),
    ];
    lines.extend(request.ticket.as_ref().map(|ticket| format!("  ticket  {}", escaped(ticket))));
    lines.join("\n") + "\n"
}
