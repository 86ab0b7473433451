//! `portcullis completions`: what a shell asks for, and the answers: words of the grammar, and the site's own nodes,
//! windows, runs and playbooks.
//!
//! The shell calls the program back, with `COMPLETE` naming itself. Answers come from files and the ledger, and never fail: a
//! site file that cannot be read gives none, and so does a ledger's server that is not there within a second.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _};
use clap_complete::env::{CompleteEnv, Shells};

use super::args::Cli;
use super::context::{Context, named_ledger};
use super::exit::Exit;
use super::failure::Failure;
use super::help::TOPICS;
use super::record::{ledger_with, newest_runs};
use crate::access::approval::{Fate, read_requests};
use crate::access::read_history;
use crate::ledger::{Ledger, LogQuery, LoggedEvent, OpenOptions};
use crate::playbook::Library;
use crate::site::model::{Database, LedgerLocation, SecretRef, Site};
use crate::site::secret::Secrets;

/// By this variable a shell says that it wants completions.
const VARIABLE: &str = "COMPLETE";
const PROGRAM: &str = "portcullis";
/// Whoever presses the tabulator waits no longer for a ledger.
const PATIENCE: Duration = Duration::from_secs(1);

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Runs `completions`: prints what makes the shell ask.
pub(crate) fn run(args: &CompletionsArgs, context: &Context) -> Result<Exit, Failure> {
    let name = args.shell.to_string();
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let shell =
        shells.completer(&name).ok_or_else(|| Failure::usage(format!("{name} is not known"), "see `portcullis completions --help`"))?;
    shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script).map_err(|error| Failure::new(Exit::Failed, error, None))?;
    context.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Answers a shell, where one asks; then that was all that is to be done.
pub(crate) fn answer() -> Option<u8> {
    std::env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    let here = std::env::current_dir().ok();
    match CompleteEnv::with_factory(grammar).var(VARIABLE).bin(PROGRAM).try_complete(std::env::args_os(), here.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(Exit::Done.code()),
        // A shell that asks for something else gets no answer, rather than half of one.
        Err(_) => Some(Exit::Usage.code()),
    }
}

fn grammar() -> clap::Command {
    completed(Cli::command(), "")
}

/// The grammar with the site's own words, by what arguments are called.
fn completed(command: clap::Command, parent: &str) -> clap::Command {
    let name = command.get_name().to_owned();
    let is_access = parent == "access";
    let of_command = name.clone();
    let command = command.mut_args(move |argument| {
        let candidates: Option<fn() -> Vec<CompletionCandidate>> = match argument.get_id().as_str() {
            "id" if is_access => Some(windows),
            "limit" | "nodes" | "node" => Some(nodes),
            "playbooks" if of_command == "apply" => return argument.add(or_file(playbooks)),
            "playbooks" | "playbook" => Some(playbooks),
            "request" if is_access => return argument.add(or_file(requests)),
            "run" if of_command == "rollback" => Some(runs),
            "only" | "skip" if of_command == "check" => Some(checks),
            "words" if of_command == "help" => Some(topics),
            _ => None,
        };
        match candidates {
            Some(candidates) => argument.add(ArgValueCandidates::new(candidates)),
            None => argument,
        }
    });
    command.mut_subcommands(move |inner| completed(inner, &name))
}

/// The words that there are, and files once a word is begun: for an argument that is one of both.
fn or_file(words: fn() -> Vec<CompletionCandidate>) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let typed_text = typed.to_string_lossy();
        let is_meant = |word: &CompletionCandidate| word.get_value().to_string_lossy().starts_with(&*typed_text);
        let words = words().into_iter().filter(is_meant);
        let files = if typed.is_empty() { Vec::new() } else { PathCompleter::file().complete(typed) };
        words.chain(files).collect()
    })
}

/// The site that the half-typed command is about.
fn site() -> Option<Site> {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let named = flag("--site", std::env::args_os().map(|word| word.to_string_lossy().into_owned()));
    let path = named.or_else(|| std::env::var("PORTCULLIS_SITE").ok()).unwrap_or_else(|| "site.yaml".to_owned());
    let mut site = crate::site::load(Path::new(&path), &home).ok()?;
    if let Some(ledger) = flag("--ledger", std::env::args_os().map(|word| word.to_string_lossy().into_owned())) {
        site.ledger = named_ledger(&ledger).ok()?;
    }
    Some(site)
}

/// The last value of a flag among words of which some are not typed to their end.
fn flag(name: &str, words: impl Iterator<Item = String>) -> Option<String> {
    let mut value = None;
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        if word == name {
            value = words.peek().cloned().filter(|word| !word.is_empty()).or(value);
        } else if let Some(given) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            value = Some(given.to_owned());
        }
    }
    value
}

fn nodes() -> Vec<CompletionCandidate> {
    let site = site();
    let machines = site.iter().flat_map(Site::machines);
    machines.map(|node| CompletionCandidate::new(&node.name).help(Some(node.login.address.clone().into()))).collect()
}

fn playbooks() -> Vec<CompletionCandidate> {
    let folder = site().map_or_else(|| PathBuf::from("."), |site| site.folder);
    Library::new(&folder).names().into_iter().map(CompletionCandidate::new).collect()
}

fn checks() -> Vec<CompletionCandidate> {
    crate::checks::all().into_iter().map(|spec| CompletionCandidate::new(spec.id).help(Some(spec.title.into()))).collect()
}

fn topics() -> Vec<CompletionCandidate> {
    TOPICS.iter().map(|topic| CompletionCandidate::new(topic.name).help(Some(topic.about.into()))).collect()
}

fn ledger() -> Option<Ledger> {
    let site = site()?;
    let needs_more_than_a_look = |database: &Database| matches!(database.password, Some(SecretRef::Cmd(_) | SecretRef::Prompt));
    if matches!(&site.ledger, LedgerLocation::Postgres(database) if needs_more_than_a_look(database)) {
        return None;
    }
    let secrets = Arc::new(Secrets::new(&site.folder, None));
    Ledger::open(&ledger_with(&site, secrets), &OpenOptions { patience: PATIENCE, ..OpenOptions::read() }).ok()
}

fn runs() -> Vec<CompletionCandidate> {
    let Some(runs) = ledger().and_then(|ledger| newest_runs(&ledger).ok()) else { return Vec::new() };
    runs.iter().map(|run| CompletionCandidate::new(&run.id)).collect()
}

/// What the ledger says of windows, the oldest first.
fn of_windows() -> Vec<LoggedEvent> {
    let query = LogQuery { kind: Some("window.".to_owned()), ..LogQuery::default() };
    let mut events = ledger().and_then(|ledger| ledger.log(&query).ok()).unwrap_or_default();
    events.reverse();
    events
}

fn requests() -> Vec<CompletionCandidate> {
    let asked = read_requests(&of_windows());
    let open = asked.iter().filter(|asked| asked.fate == Fate::Awaited).map(|asked| asked.signed.request());
    open.map(|request| CompletionCandidate::new(request.id.to_string()).help(Some(request.who.to_string().into()))).collect()
}

fn windows() -> Vec<CompletionCandidate> {
    let history = read_history(&of_windows());
    let window = |window: &crate::access::Window| CompletionCandidate::new(window.id.to_string()).help(Some(window.who.to_string().into()));
    history.windows().iter().rev().map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_is_the_one_that_the_line_names() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>().into_iter();
        assert_eq!(flag("--site", words("portcullis -- portcullis plan --site a.yaml --limit x")).as_deref(), Some("a.yaml"));
        assert_eq!(flag("--site", words("portcullis --site=a plan --site b")).as_deref(), Some("b"));
        assert_eq!(flag("--site", words("portcullis plan --sites x --site ")), None);
    }

    #[test]
    fn the_grammar_stays_whole() {
        grammar().debug_assert();
    }
}
