//! `portcullis access list` and `show`: windows as the ledger knows them, and, live, as the machines do.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::interrupt;
use super::super::outcome::chain;
use super::close::retry;
use super::premises::{Premises, connect, local};
use super::request::{find, request_json, text_of};
use super::{ListArgs, ShowArgs, evidence, recordings};
use crate::access::approval::{Asked, Fate};
use crate::access::{Discovery, Window, discover, enter};
use crate::finding::{Finding, Severity};
use crate::report;
use crate::site::duration::format_duration;

/// Runs `access list`.
pub(super) async fn run(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    retry(context).await?;
    let premises = Premises::look(context)?;
    let history = premises.history()?;
    let shown: Vec<Window> = if args.all { history.windows().to_vec() } else { history.unsettled(context.now).cloned().collect() };
    let found = if args.live { Some(look(&premises, context, &every_node(&premises)).await?) } else { None };
    let requests: Vec<Asked> = premises.requests()?.into_iter().filter(|asked| args.all || is_awaited(asked, &premises)).collect();
    if context.is_json() {
        let asked: Vec<Value> = requests.iter().map(|asked| request_json(asked, &premises)).collect();
        let windows: Vec<Value> = shown.iter().map(|window| Premises::window_json(window, context.now)).collect();
        let answer = match &found {
            None => json!({"windows": windows, "requests": asked}),
            Some(Found { findings, unreached, .. }) => {
                let unreached: Vec<Value> = unreached.iter().map(|(machine, why)| json!({"machine": machine, "why": why})).collect();
                json!({"windows": windows, "requests": asked, "findings": findings, "unreached": unreached})
            }
        };
        context.print_json(&answer)?;
    } else {
        table(context, &shown)?;
        request_table(context, &requests, &premises)?;
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
        Some(Found { findings, .. }) if findings.iter().any(|finding| finding.severity == Severity::Error) => Exit::Findings,
        Some(Found { unreached, asked, .. }) if !unreached.is_empty() => {
            if unreached.len() == asked.len() {
                Exit::Unreachable
            } else {
                Exit::Partial
            }
        }
        _ => Exit::Done,
    })
}

/// What machines hold that the ledger does not know of.
pub(super) struct Found {
    pub(super) findings: Vec<Finding>,
    /// Machines that could not be asked, and why.
    pub(super) unreached: Vec<(String, String)>,
    /// All machines that were to be asked.
    pub(super) asked: Vec<String>,
}

fn every_node(premises: &Premises<'_>) -> Vec<String> {
    premises.site.nodes.iter().map(|node| node.name.clone()).collect()
}

/// Asks these nodes, and the jumphosts before them.
pub(super) async fn look(premises: &Premises<'_>, context: &Context, names: &[String]) -> Result<Found, Failure> {
    let cluster = premises.cluster(names)?;
    let sink = context.sink_for_query();
    let doorways = premises.doorways(names)?;
    let asked = doorways.iter().map(|doorway| doorway.name.clone()).collect();
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
                    doorway: &doorway,
                    account: &door.account,
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
    context.report(|out, look| report::text::write_rows(out, &["ID", "STATE", "WHO", "FROM", "TO", "NODES", "REASON"], &rows, look))
}

// Neither opened nor past.
fn is_awaited(asked: &Asked, premises: &Premises<'_>) -> bool {
    asked.fate == Fate::Awaited && asked.signed.request().span.end() > premises.context.now
}

fn request_table(context: &Context, requests: &[Asked], premises: &Premises<'_>) -> Result<(), Failure> {
    if requests.is_empty() {
        return Ok(());
    }
    let row = |asked: &Asked| {
        let (value, request) = (request_json(asked, premises), asked.signed.request());
        let text = |key: &str| report::text::escape(value.get(key).and_then(Value::as_str).unwrap_or_default()).into_owned();
        let by = value.get("approved_by").and_then(Value::as_array).map_or(0, Vec::len);
        let nodes = report::text::escape(&request.nodes.join(", ")).into_owned();
        let approvals = format!("{by} of {}", premises.site.access.approvals);
        let within = format!("{} to {}", local(request.span.start()), local(request.span.end()));
        vec![
            text("id"),
            text("state"),
            text("requested_by"),
            text("who"),
            format_duration(request.length),
            within,
            nodes,
            approvals,
            text("reason"),
        ]
    };
    let rows: Vec<_> = requests.iter().map(row).collect();
    let head = ["ASKED FOR", "STATE", "BY", "WHO", "FOR", "WITHIN", "NODES", "APPROVALS", "REASON"];
    context.report(|out, look| report::text::write_rows(out, &head, &rows, look))
}

/// Runs `access show`.
pub(super) async fn show(args: &ShowArgs, context: &Context) -> Result<Exit, Failure> {
    retry(context).await?;
    let premises = Premises::look(context)?;
    let history = premises.history()?;
    if history.beginning_with(&args.id).is_empty()
        && let Ok(asked) = find(&args.id, &premises)
    {
        return show_request(&asked, &premises, context);
    }
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

fn show_request(asked: &Asked, premises: &Premises<'_>, context: &Context) -> Result<Exit, Failure> {
    let value = request_json(asked, premises);
    if context.is_json() {
        context.print_json(&json!({"request": value, "events": premises.events_of(&asked.signed.request().id)?}))?;
        return Ok(Exit::Done);
    }
    let by: Vec<&str> = value.get("approved_by").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let approved = format!(
        "  state   {}, approved by {} of {}",
        value.get("state").and_then(Value::as_str).unwrap_or_default(),
        by.len(),
        premises.site.access.approvals
    );
    let names = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    context.print(&format!("{}{approved}{names}\n", text_of(asked.signed.request())))?;
    Ok(Exit::Done)
}
