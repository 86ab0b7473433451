//! `portcullis access replay`: what was recorded, played on this terminal or written as asciicast v2. What is not as the
//! ledger has it is not played.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::premises::{Premises, keep_failure, local};
use super::{ReplayArgs, recordings};
use crate::access::{Recording, Shown, Window, read_shown, render_cast};
use crate::disk::{Existing, write_atomically};
use crate::report::text::escape;

/// Runs `access replay`.
pub(super) fn run(args: &ReplayArgs, context: &Context) -> Result<Exit, Failure> {
    let premises = Premises::look(context)?;
    let window = premises.window(&args.id)?;
    let all = recordings::of_events(&premises.events(&window.id)?);
    let chosen: Vec<&Value> = all.iter().filter(|one| is_chosen(args, one)).collect();
    if chosen.is_empty() {
        return Err(none(args, &window, &all));
    }
    if let Some(out) = &args.out {
        let [one] = chosen.as_slice() else {
            let help = format!("choose one with --node NODE and --session NAME: {}", names(&chosen).join(", "));
            return Err(Failure::usage(format!("{} recordings do not go into one file", chosen.len()), help));
        };
        let recording = intact(&premises, &window, one)?;
        let written = write_atomically(out, render_cast(&recording, &title(&window, one)).as_bytes(), 0o600, Existing::Replace);
        written.map_err(|error| Failure::new(Exit::Failed, error, Some("name another file with --out".to_owned())))?;
        context.say(&format!("{} holds the session as asciicast v2\n", out.display()))?;
        return Ok(Exit::Done);
    }
    if context.is_json() {
        context.print_json(&json!({"window": window.id.as_str(), "recordings": chosen}))?;
        return Ok(Exit::Done);
    }
    for one in chosen {
        if args.list {
            context.print(&format!("{}  {}\n", text(one, "name"), head(one)))?;
        } else {
            let recording = intact(&premises, &window, one)?;
            context.say(&format!("--- {}\n", head(one)))?;
            play(&recording, args)?;
        }
    }
    Ok(Exit::Done)
}

fn is_chosen(args: &ReplayArgs, one: &Value) -> bool {
    let is_there = args.node.as_ref().is_none_or(|node| one["machine"] == **node);
    is_there && args.session.as_ref().is_none_or(|name| text(one, "name").starts_with(name.as_str()))
}

fn text<'v>(one: &'v Value, key: &str) -> &'v str {
    one.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn names(all: &[&Value]) -> Vec<String> {
    all.iter().map(|one| format!("--node {} --session {}", text(one, "machine"), text(one, "name"))).collect()
}

fn none(args: &ReplayArgs, window: &Window, all: &[Value]) -> Failure {
    let what = if all.is_empty() {
        format!("the ledger knows no recording of window {}", window.id)
    } else {
        format!("no recording of window {} is one of those asked for", window.id)
    };
    let all: Vec<&Value> = all.iter().collect();
    let help = match (window.record, all.is_empty()) {
        (false, true) => "its sessions were not recorded: the site has no `access.record: true`".to_owned(),
        (true, true) => format!("recordings are brought as a window is closed: portcullis access close {}", args.id),
        (_, false) => format!("there are: {}", names(&all).join(", ")),
    };
    Failure::usage(what, help)
}

fn head(one: &Value) -> String {
    let start = one["start"].as_str().and_then(|start| start.parse().ok()).map(local).unwrap_or_default();
    let what = match text(one, "command") {
        "" => text(one, "kind").to_owned(),
        command => escape(command).into_owned(),
    };
    let note = match text(one, "note") {
        "limit" => "; ended: the recording reached its limit",
        "full" => "; ended: the node's disk was full",
        "none" => "; ended: it could not be recorded",
        _ if one["end"].is_null() => "; cut off",
        _ => "",
    };
    format!("{} on {}: {what}{note}", start, text(one, "machine"))
}

fn title(window: &Window, one: &Value) -> String {
    format!("{}, window {}, {}", window.who, window.id, head(one))
}

// As it was when the ledger took its sums.
fn intact(premises: &Premises<'_>, window: &Window, one: &Value) -> Result<Recording, Failure> {
    let recording = premises.keep.recording(&window.id, text(one, "machine"), text(one, "name")).map_err(keep_failure)?;
    if recording.details(text(one, "machine")).get("sha256") == one.get("sha256") {
        return Ok(recording);
    }
    let what = format!("the recording {} of {} is not what the ledger has a sum of", recording.name, text(one, "machine"));
    Err(Failure::new(Exit::Findings, Sentence(what), Some("it was changed after it was brought: look for another copy".to_owned())))
}

// What was shown goes out as it was: this is what a terminal is for. Afterwards its colours are put back.
fn play(recording: &Recording, args: &ReplayArgs) -> Result<(), Failure> {
    let longest = Duration::try_from(args.longest_pause).unwrap_or(Duration::from_secs(2));
    let mut out = std::io::stdout().lock();
    let is_timed = console::Term::stdout().is_term();
    let mut before = Duration::ZERO;
    let mut show = |bytes: &[u8]| out.write_all(bytes).and_then(|()| out.flush());
    let mut played = Ok(());
    for (at, shown) in read_shown(recording) {
        if is_timed {
            std::thread::sleep(at.saturating_sub(before).div_f64(args.speed).min(longest));
        }
        before = at;
        if let Shown::Bytes(bytes) = shown {
            played = played.and_then(|()| show(&bytes));
        }
    }
    if is_timed {
        played = played.and_then(|()| show(b"\x1b[0m\r\n"));
    }
    played.map_err(|error| Failure::new(Exit::Failed, error, None))
}
