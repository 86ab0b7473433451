//! `portcullis access extend`: a later end, within policy; the old one stays in the ledger.

use std::sync::Arc;

use serde_json::json;

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::super::interrupt;
use super::super::outcome::{by_cause, chain};
use super::ExtendArgs;
use super::asking::must_be_allowed;
use super::offer::Offer;
use super::open::{authority, before_opening, key_of_authority};
use super::premises::{Premises, connect, keep_failure, local, map, random, refused};
use super::witness;
use crate::access::{Entered, NODE_CERTIFICATE, PersonKey, Request, Span, State, Window, enter, open_doors};
use crate::event::{Event, Sink};
use crate::ledger::EventKind;
use crate::node::Machine;

/// Runs `access extend`.
pub(super) async fn run(args: &ExtendArgs, context: &Context) -> Result<Exit, Failure> {
    let premises = Premises::open(context)?;
    let window = premises.window(&args.id)?;
    let longer = extended(args, &premises, &window)?;
    let sink = context.sink();
    lengthen(&premises, &window, &longer, sink.as_ref()).await?;
    tell(context, sink, &longer)
}

/// Gives a window the later end everywhere, or nowhere; its certificates are replaced.
pub(super) async fn lengthen(premises: &Premises<'_>, window: &Window, longer: &Window, sink: &dyn Sink) -> Result<(), Failure> {
    let folder = premises.out_of(&window.id)?.unwrap_or_default();
    let certificate = std::fs::read(folder.join(NODE_CERTIFICATE)).unwrap_or_default();
    let key = PersonKey::of_certificate(&certificate).filter(|key| key.fingerprint() == window.key).ok_or_else(|| {
        let what = format!("the certificate of window {} is no longer in {}", window.id, folder.display());
        Failure::new(Exit::Failed, Sentence(what), Some("close it and open another".to_owned()))
    })?;
    let passphrase = key_of_authority(premises)?;
    let doorways = premises.doorways(&window.nodes)?;
    let cluster = premises.cluster(&window.nodes)?;
    let nodes = doorways.iter().map(|doorway| doorway.name.clone()).collect();
    let (command, site) = (premises.context.command.clone(), premises.site.name.clone());
    sink.emit(&Event::Started { command, site, run: Some(window.id.to_string()), nodes });
    let entering = enter(doorways, |doorway| connect(&cluster, doorway), &clock::now, sink);
    let (authority, entered) = interrupt::or_stop(async { tokio::join!(authority(premises, passphrase), entering) }).await?;
    let (authority, entered) = (authority?, before_opening(false, entered)?);
    record(premises, window, longer)?;
    if let Err(why) = open_all(&entered, longer, sink).await {
        // Those that took the later end are given the old one again; the others have never had another.
        record(premises, longer, window)?;
        let back = open_all(&entered, window, sink).await;
        let outcome =
            if back.is_ok() { "it keeps its end everywhere" } else { "it keeps its end where it could be put back; close it to be sure" };
        let what = format!("window {} was not extended: {outcome}\n  {why}", window.id);
        return Err(Failure::new(Exit::Failed, Sentence(what), Some("mend the cause and extend it again".to_owned())));
    }
    let serial = random() & 0xffff_ffff_ffff;
    let doors: Vec<&Entered> = entered.iter().collect();
    let sources = &premises.site.access.sources;
    let (key_file, now) = (folder.as_path(), clock::now());
    let offer = Offer { window: longer, authority: &authority, key: &key, key_file, serial, sources, doors: &doors, now };
    premises.keep.keep_proof(&authority, longer, serial + 2).map_err(keep_failure)?;
    offer.write_certificates(&folder)?;
    let nodes: Vec<Machine> = doors.iter().filter(|door| !door.doorway.is_hop()).map(|door| door.work.machine().clone()).collect();
    witness::leave(premises, None, Some(&folder), &nodes).await?;
    cluster.close().await;
    Ok(())
}

// What the later end comes down to, judged by policy as a whole window of that length.
fn extended(args: &ExtendArgs, premises: &Premises<'_>, window: &Window) -> Result<Window, Failure> {
    let now = premises.context.now;
    if !matches!(window.state(now), State::Open | State::Scheduled) {
        let what = format!("window {} is {} and cannot be extended", window.id, window.state(now).word());
        return Err(Failure::new(Exit::Refused, Sentence(what), Some("open another: portcullis access open".to_owned())));
    }
    let end = args.length.map_or(args.to, |length| window.span.end().checked_add(length).ok());
    let longer = end.filter(|end| *end > window.span.end()).and_then(|end| Span::recorded(window.span.start(), end));
    let Some(span) = longer else {
        let what = format!("window {} ends at {} already", window.id, local(window.span.end()));
        return Err(Failure::usage(what, "give a later end; to end it earlier, close it"));
    };
    must_be_allowed(&Request { who: &window.who, kind: window.kind, span, ticket: window.ticket.as_deref() }, premises)?;
    let mut longer = window.clone();
    longer.span = span;
    must_be_approved(premises, &longer)?;
    Ok(longer)
}

/// Fails where windows need approval and more would be open than was approved.
pub(super) fn must_be_approved(premises: &Premises<'_>, longer: &Window) -> Result<(), Failure> {
    if premises.site.access.approvals == 0 {
        return Ok(());
    }
    let asked = premises.requests()?.into_iter().find(|asked| asked.signed.request().id == longer.id);
    if asked.is_some_and(|asked| asked.signed.request().must_cover(longer).is_ok()) {
        return Ok(());
    }
    let what = "the later end goes beyond what was approved".to_owned();
    Err(refused(&[what], Some("ask for a window of its own: portcullis access request".to_owned())))
}

// Before any machine has it: what the ledger does not know must not be open.
fn record(premises: &Premises<'_>, before: &Window, after: &Window) -> Result<(), Failure> {
    let details = map(json!({"before": before.span.end(), "to": after.span.end()}));
    premises.record(EventKind::WindowExtended, &before.id, details)
}

async fn open_all(entered: &[Entered], window: &Window, sink: &dyn Sink) -> Result<(), String> {
    let outcomes = open_doors(entered, window, sink).await;
    let failed = outcomes.iter().filter_map(|(door, outcome)| Some((door.doorway.name.as_str(), chain(outcome.as_ref().err()?))));
    let lines = by_cause(failed);
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n  ")) }
}

fn tell(context: &Context, sink: Arc<dyn Sink>, window: &Window) -> Result<Exit, Failure> {
    if context.is_json() {
        let results = map(json!({"window": Premises::window_json(window, clock::now())}));
        sink.emit(&Event::Summary { command: "access extend".into(), exit_code: Exit::Done.code(), results });
        return Ok(Exit::Done);
    }
    drop(sink);
    context.print(&format!("window {} now ends at {}\nits certificates were replaced\n", window.id, local(window.span.end())))?;
    Ok(Exit::Done)
}
