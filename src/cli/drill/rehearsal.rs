//! The steps of a drill, each done by processes of their own: this program, and the ssh that a person would use.
#![expect(clippy::disallowed_methods, reason = "what a drill proves is what these processes do")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::clock;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::{DrillArgs, LATE};
use crate::access::make_proof_key;
use crate::disk::{Existing, write_atomically};
use crate::site::duration::format_duration;
use crate::site::model::Site;

/// What a step saw: as it must be, or not.
type Seen = Result<Vec<String>, Vec<String>>;

/// A drill that is going on.
pub(super) struct Rehearsal<'a> {
    args: &'a DrillArgs,
    context: &'a Context,
    site: &'a Site,
    program: PathBuf,
    /// Holds the key, which nobody else ever has, and the windows' folders.
    folder: PathBuf,
    began: Timestamp,
    nodes: Vec<String>,
    window: Option<(String, Timestamp)>,
    refused: u8,
}

impl<'a> Rehearsal<'a> {
    /// Makes the key and its folder.
    pub(super) fn begin(args: &'a DrillArgs, context: &'a Context, site: &'a Site) -> Result<Self, Failure> {
        let failed = |what: String| Failure::new(Exit::Failed, Sentence(what), None);
        let program = std::env::current_exe().map_err(|error| failed(format!("this program cannot be found: {error}")))?;
        let folder = site.folder.join("windows").join(format!("drill-{}", std::process::id()));
        crate::access::make_folder(&folder).map_err(|error| failed(error.to_string()))?;
        let (key, text) = make_proof_key().map_err(|error| failed(error.to_string()))?;
        let write = |name: &str, bytes: &[u8]| write_atomically(&folder.join(name), bytes, 0o600, Existing::Replace);
        write("key", text.as_bytes())
            .and_then(|()| write("key.pub", format!("{}\n", key.line().unwrap_or_default()).as_bytes()))
            .map_err(|error| Failure::new(Exit::Failed, error, None))?;
        let all = site.nodes.iter().map(|node| node.name.clone());
        let nodes = all.filter(|name| args.nodes.is_empty() || args.nodes.contains(name)).collect();
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Ok(Self { args, context, site, program, folder, began: clock::now(), nodes, window: None, refused: 1 })
    }

    pub(super) fn site_name(&self) -> String {
        self.site.name.clone()
    }

    pub(super) fn who(&self) -> String {
        self.args.who.clone().unwrap_or_else(|| std::env::var("USER").unwrap_or_else(|_| "operator".to_owned()))
    }

    pub(super) fn began(&self) -> String {
        self.began.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }

    /// With what the first opening ended.
    pub(super) fn exit_of_opening(&self) -> Exit {
        Exit::from_code(self.refused)
    }

    fn portcullis(&self, words: &[&str]) -> Result<Output, Vec<String>> {
        let mut command = Command::new(&self.program);
        command.args(words).args(["--non-interactive", "--color", "never", "--site"]).arg(&self.site.file).stdin(Stdio::null());
        if let Some(ledger) = &self.context.globals.ledger {
            command.args(["--ledger", ledger]);
        }
        command.output().map_err(|error| vec![format!("portcullis cannot be started: {error}")])
    }

    /// Opens a window.
    pub(super) fn open(&mut self) -> Seen {
        let length = format!("{}s", self.args.length.as_secs());
        let (who, nodes) = (self.who(), self.nodes.join(","));
        let (key, out) = (self.folder.join("key.pub"), self.folder.join("window"));
        let (key, out) = (key.to_string_lossy().into_owned(), out.to_string_lossy().into_owned());
        let mut words = vec!["access", "open", "--who", &who, "--for", &length, "--reason", "drill", "--node", &nodes, "--key", &key];
        words.extend(["--out", &out, "--output", "json"]);
        words.extend(self.args.ticket.iter().flat_map(|ticket| ["--ticket", ticket.as_str()]));
        let output = self.portcullis(&words)?;
        let summary = last_event(&output);
        let window = summary.get("window");
        let text = |key: &str| window.and_then(|window| window.get(key)?.as_str()).unwrap_or_default();
        let (id, end) = (text("id").to_owned(), text("to").parse().ok());
        let Some(end) = end.filter(|_| output.status.success()) else {
            self.refused = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            return Err(failure_in(&output));
        };
        let seen = vec![format!("window {id} for {who}, to {end}, on {}", self.nodes.join(", "))];
        self.window = Some((id, end));
        Ok(seen)
    }

    fn ssh(&self, node: &str, command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.folder.join("window").join("ssh_config")).args([
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=15",
            node,
            command,
        ]);
        ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        ssh
    }

    fn gets_in(&self, node: &str) -> (bool, String) {
        match self.ssh(node, "echo let-in").output() {
            Ok(output) => (String::from_utf8_lossy(&output.stdout).contains("let-in"), refusal_in(&output.stderr)),
            Err(error) => (false, format!("ssh cannot be started: {error}")),
        }
    }

    /// Logs in to each node.
    pub(super) fn log_in(&mut self) -> Seen {
        let tried = self.nodes.iter().map(|node| (node, self.gets_in(node)));
        let (seen, failed): (Vec<_>, Vec<_>) = tried.partition(|(_, (is_in, _))| *is_in);
        let mut lines: Vec<String> = seen.iter().map(|(node, _)| format!("{node}: let in")).collect();
        lines.extend(failed.iter().map(|(node, (_, why))| format!("{node}: not let in: {why}")));
        verdict(failed.is_empty(), lines)
    }

    fn id(&self) -> String {
        self.window.as_ref().map(|(id, _)| id.clone()).unwrap_or_default()
    }

    fn refusals(&self) -> Seen {
        let tried: Vec<_> = self.nodes.iter().map(|node| (node, self.gets_in(node))).collect();
        let is_shut = tried.iter().all(|(_, (is_in, _))| !is_in);
        let line = |(node, (is_in, why)): &(&String, (bool, String))| {
            if *is_in { format!("{node}: STILL LET IN") } else { format!("{node}: refused: {why}") }
        };
        verdict(is_shut, tried.iter().map(line).collect())
    }

    /// Closes the window, and tries it.
    pub(super) fn close(&mut self) -> Seen {
        let output = self.portcullis(&["access", "close", &self.id()])?;
        let mut seen = said(&output);
        let refused = self.refusals();
        let is_shut = output.status.success() && refused.is_ok();
        seen.extend(refused.unwrap_or_else(|lines| lines));
        verdict(is_shut, seen)
    }

    /// Opens another, kills one client, leaves another's session where it is, and does nothing until the end has come.
    pub(super) fn lose_laptop(&mut self) -> Seen {
        let mut seen = self.open()?;
        let (_, end) = self.window.clone().ok_or_else(Vec::new)?;
        let node = self.nodes.first().cloned().unwrap_or_default();
        let lost = self.session(&node)?;
        let mut left = self.session(&node)?;
        kill(lost);
        seen.push(format!("{node}: one client was killed, another session was left as it was"));
        let until = Duration::try_from(end.duration_since(clock::now())).unwrap_or_default() + Duration::from_secs(30);
        let ended = wait(&mut left, until);
        let late = clock::now().duration_since(end);
        kill(left);
        seen.push(if ended {
            format!("{node}: the session ended {} ms after the window's end, by the node's own closer", late.as_millis())
        } else {
            format!("{node}: THE SESSION LIVES {} after the window's end", format_duration(late))
        });
        let refused = self.refusals();
        let is_proven = ended && late < LATE && refused.is_ok();
        seen.extend(refused.unwrap_or_else(|lines| lines));
        let closed = self.portcullis(&["access", "close", &self.id()])?;
        seen.extend(said(&closed));
        verdict(is_proven && closed.status.success(), seen)
    }

    fn session(&self, node: &str) -> Result<Child, Vec<String>> {
        let started = self.ssh(node, "echo let-in; exec sleep 3600").spawn();
        let mut session = started.map_err(|error| vec![format!("ssh cannot be started: {error}")])?;
        let mut line = String::new();
        let is_in = session.stdout.as_mut().is_some_and(|out| BufReader::new(out).read_line(&mut line).is_ok() && line.contains("let-in"));
        if is_in { Ok(session) } else { Err(vec![format!("{node}: no session was let in")]) }
    }

    /// Opens a third, closes it with one node taken for dead, then with that node back.
    pub(super) fn lose_node(&mut self) -> Seen {
        let mut seen = self.open()?;
        let node = self.nodes.last().cloned().unwrap_or_default();
        let away = self.portcullis(&["access", "close", &self.id(), "--taken-for-dead", &node])?;
        seen.push(format!("{node} is not dialled, as if it were dead:"));
        seen.extend(said(&away));
        let is_told = !away.status.success() && said(&away).iter().any(|line| line.contains("refuses by itself from"));
        seen.push(format!("{node} is back:"));
        let back = self.portcullis(&["access", "close", &self.id()])?;
        seen.extend(said(&back));
        let refused = self.refusals();
        let is_proven = is_told && back.status.success() && refused.is_ok();
        seen.extend(refused.unwrap_or_else(|lines| lines));
        verdict(is_proven, seen)
    }

    /// Asks the machines for what the ledger does not know, and the ledger whether it is whole.
    pub(super) fn look_around(&mut self) -> Seen {
        let live = self.portcullis(&["access", "list", "--live"])?;
        let ledger = self.portcullis(&["audit", "verify"])?;
        let seen = [said(&live), said(&ledger)].concat();
        verdict(live.status.success() && ledger.status.success(), seen)
    }

    /// What the ledger has of the last window.
    pub(super) fn show(&self) -> Option<String> {
        let output = self.portcullis(&["access", "show", &self.id()]).ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned()).filter(|text| !text.is_empty())
    }

    /// Closes what is not closed, and removes the key.
    pub(super) fn end(self) {
        if self.window.is_some() {
            drop(self.portcullis(&["access", "close", &self.id()]));
        }
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn verdict(is_proven: bool, seen: Vec<String>) -> Seen {
    if is_proven { Ok(seen) } else { Err(seen) }
}

fn said(output: &Output) -> Vec<String> {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.is_empty() || !output.status.success() {
        // What stands before its error is its progress.
        let said = String::from_utf8_lossy(&output.stderr);
        text.push_str(said.find("error: ").and_then(|begin| said.get(begin..)).unwrap_or(&said));
    }
    text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty() && !line.starts_with("log: ")).collect()
}

// Behind a jumphost the last line of ssh tells of a closed connection alone.
fn refusal_in(bytes: &[u8]) -> String {
    let said = String::from_utf8_lossy(bytes);
    let refusal = said.lines().find(|line| line.contains("Permission denied"));
    refusal.or_else(|| said.lines().last()).unwrap_or_default().trim_end().to_owned()
}

/// What a command that told its events failed at, in its own words.
fn failure_in(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let Some(error) = events.into_iter().find(|event| event.get("event").is_some_and(|name| name == "error")) else { return said(output) };
    let field = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let help = Some(field("help")).filter(|help| !help.is_empty()).map(|help| format!("help: {help}"));
    let causes = error.get("causes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let parts = std::iter::once(field("message")).chain(causes).chain(help);
    parts.flat_map(|part| part.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()).collect()
}

fn last_event(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default()
}

fn kill(mut child: Child) {
    drop(child.kill());
    drop(child.wait());
}

fn wait(child: &mut Child, patience: Duration) -> bool {
    let deadline = std::time::Instant::now() + patience;
    while std::time::Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
