//! `portcullis access list` and `show`: windows as the ledger knows them, and, live, as the machines do.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::interrupt;
use super::super::outcome::chain;
use super::premises::{Premises, connect, local};
use super::{ListArgs, ShowArgs};
use super::{evidence, recordings};
use crate::access::{Discovery, Window, discover, enter};
use crate::finding::Finding;
use crate::report;
use crate::site::duration::format_duration;

/// Runs `access list`.
pub(super) async fn run(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let premises = Premises::look(context)?;
    let history = premises.history()?;
    let shown: Vec<Window> = if args.all { history.windows().to_vec() } else { history.unsettled(context.now).cloned().collect() };
    let found = if args.live { Some(look(&premises, context).await?) } else { None };
    if context.is_json() {
        let windows: Vec<Value> = shown.iter().map(|window| Premises::window_json(window, context.now)).collect();
        let answer = match &found {
            None => json!({"windows": windows}),
            Some(Found { findings, unreached, .. }) => {
                let unreached: Vec<Value> = unreached.iter().map(|(machine, why)| json!({"machine": machine, "why": why})).collect();
                json!({"windows": windows, "findings": findings, "unreached": unreached})
            }
        };
        context.print_json(&answer)?;
    } else {
        table(context, &shown)?;
        if let Some(Found { findings, unreached, .. }) = &found {
            for (machine, why) in unreached {
                context.say(&format!("{machine} could not be asked: {why}\n"))?;
            }
            if findings.is_empty() {
                context.print("the machines that were asked have nothing that the ledger does not know\n")?;
            } else {
                context.report(|out, look| report::findings::write_findings(out, findings, look))?;
            }
        }
    }
    Ok(match found {
        Some(Found { findings, .. }) if !findings.is_empty() => Exit::Findings,
        Some(Found { unreached, asked, .. }) if !unreached.is_empty() => {
            if unreached.len() == asked {
                Exit::Unreachable
            } else {
                Exit::Partial
            }
        }
        _ => Exit::Done,
    })
}

struct Found {
    findings: Vec<Finding>,
    unreached: Vec<(String, String)>,
    asked: usize,
}

async fn look(premises: &Premises<'_>, context: &Context) -> Result<Found, Failure> {
    let names: Vec<String> = premises.site.nodes.iter().map(|node| node.name.clone()).collect();
    let cluster = premises.cluster(&names)?;
    let sink = context.sink_for_query();
    let doorways = premises.doorways(&names)?;
    let asked = doorways.len();
    let entering = enter(doorways, |doorway| connect(&cluster, doorway), &clock::now, sink.as_ref());
    let doors = interrupt::or_stop(entering).await?;
    drop(sink);
    cluster.close().await;
    let history = premises.history()?;
    let authority = premises.keep.authority_line().ok();
    let (mut findings, mut unreached) = (Vec::new(), Vec::new());
    for (doorway, door) in doors {
        match door {
            Ok(door) => {
                let discovery = Discovery {
                    machine: &doorway.name,
                    look: &door.look,
                    history: &history,
                    authority: authority.as_deref(),
                    now: clock::now(),
                };
                findings.extend(discover(&discovery));
            }
            Err(error) => unreached.push((doorway.name, chain(&error))),
        }
    }
    Ok(Found { findings, unreached, asked })
}

fn table(context: &Context, windows: &[Window]) -> Result<(), Failure> {
    if windows.is_empty() {
        return context.print("no window is open, to come, or left to be closed\n");
    }
    let row = |window: &Window| {
        let escaped = |text: &str| report::text::escape(text).into_owned();
        let mut state = window.state(context.now).word().to_owned();
        if !window.left().is_empty() {
            state = format!("{state} (left: {})", window.left().join(", "));
        }
        vec![
            window.id.to_string(),
            state,
            escaped(window.who.as_str()),
            local(window.span.start()),
            local(window.span.end()),
            escaped(&window.nodes.join(", ")),
            escaped(&window.reason),
        ]
    };
    let rows: Vec<_> = windows.iter().map(row).collect();
    context.report(|out, look| report::text::write_table(out, &["ID", "STATE", "WHO", "FROM", "TO", "NODES", "REASON"], &rows, look))
}

/// Runs `access show`.
pub(super) fn show(args: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let premises = Premises::look(context)?;
    let window = premises.window(&args.id)?;
    let logged = premises.events(&window.id)?;
    let (evidence, recorded) = (evidence::of_events(&logged), recordings::of_events(&logged));
    let recorded_nodes = if window.record { window.nodes.clone() } else { Vec::new() };
    let unrecorded = recordings::without_recording(&evidence, &recorded, &recorded_nodes);
    if context.is_json() {
        let (window, events) = (Premises::window_json(&window, context.now), premises.events_of(&window.id)?);
        context.print_json(&json!({"window": window, "events": events, "evidence": evidence::as_json(&evidence),
            "recordings": recorded, "without_recording": unrecorded}))?;
        return Ok(Exit::Done);
    }
    let escaped = |text: &str| report::text::escape(text).into_owned();
    let span = window.span;
    let mut text = format!("window {}: {}\n", window.id, window.state(context.now).word());
    let mut line = |name: &str, value: String| {
        let _infallible = writeln!(text, "  {name:<10}{value}");
    };
    line("who", escaped(window.who.as_str()));
    line("kind", window.kind.word().to_owned());
    line("from", local(span.start()));
    line("to", format!("{}  ({} from its start)", local(span.end()), format_duration(span.length())));
    line("reason", escaped(&window.reason));
    if let Some(ticket) = &window.ticket {
        line("ticket", escaped(ticket));
    }
    line("key", window.key.clone());
    line("nodes", window.nodes.join(", "));
    if !window.hops.is_empty() {
        line("through", window.hops.join(", "));
    }
    if !window.left().is_empty() {
        line("left", format!("{} (each refuses by itself from its end on)", window.left().join(", ")));
    }
    text.push_str(&evidence::as_text(&evidence));
    if window.record {
        text.push_str(&evidence::recorded_text(&recorded, &unrecorded));
    }
    context.print(&text)?;
    Ok(Exit::Done)
}
