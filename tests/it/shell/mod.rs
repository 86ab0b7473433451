//! The program between other programs: completions in the shells themselves, man pages, streams that end or are full.
#![expect(clippy::disallowed_methods, reason = "the program is run as a person runs it, in a shell")]

mod completions;
mod pages;
mod streams;

use std::path::Path;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use portcullis::access::{Kind, Person, Span, Window, WindowId, details_of_opening};
use portcullis::disk::{Existing, write_atomically};
use portcullis::ledger::event::Actor;
use portcullis::ledger::{Beginning, EventKind, Ledger, OpenOptions, Origin};
use tempfile::TempDir;

const SITE: &str = "site: north\nenvironment: development\nroute: {vpn: true}\nnodes:\n  - {name: web-one, address: 127.0.0.1, port: 1}\n  \
                    - {name: web-two, address: 127.0.0.2, port: 1}\n";
const WINDOW: &str = "w-20261122-3f9a1c";
const RUN: &str = "20261122T120000.000Z-3f9a1c";

/// A folder with a site of two nodes, whose ledger knows a run and a window.
fn desk() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "site.yaml", SITE);
    let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let actor = Actor { user: "ada".into(), host: "desk".into(), pid: 42 };
    let origin = Origin { site: "north".into(), actor, from: "192.0.2.7".into() };
    let span = Span::between(at, at + SignedDuration::from_hours(1), at).unwrap();
    let window = Window::new(WindowId::parse(WINDOW).unwrap(), Person::parse("Grace Hopper").unwrap(), Kind::Maintenance, span);
    let ledger = Ledger::open_file(&folder.path().join("ledger.sqlite"), &OpenOptions::append()).unwrap();
    ledger.append(&origin.run_started(at, RUN, &Beginning::new(&["time"], &["web-one"]))).unwrap();
    ledger.append(&origin.event(EventKind::WindowOpening, at, Some(WINDOW), details_of_opening(&window))).unwrap();
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    write_atomically(&folder.join(name), text.as_bytes(), 0o600, Existing::Replace).unwrap();
}

/// A program in `folder` that finds ours by its name, in an environment of its own.
fn command(folder: &Path, program: &str) -> Command {
    let ours = Path::new(env!("CARGO_BIN_EXE_portcullis")).parent().unwrap().display().to_string();
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().env("HOME", folder).env("USER", "operator").env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    command.env("PATH", format!("{ours}:{}", std::env::var("PATH").unwrap()));
    command
}
