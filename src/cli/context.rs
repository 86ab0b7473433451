//! What every command has: the flags, the clock, the streams, the operator. Read once, passed on.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::args::{ColorChoice, Globals, OutputFormat, ProgressChoice};
use super::clock;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use crate::event::Sink;
use crate::report::{JsonSink, Look, PlainSink, ProgressSink};
use crate::site::model::{LedgerLocation, SecretRef, Site};
use crate::site::secret::{AskSecret, Secrets};
use crate::site::validate::rules::postgres_url;
use crate::wizard::ask_hidden;

/// Flags, environment and streams of one command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The global flags.
    pub(crate) globals: Globals,
    /// The time at the command's start.
    pub(crate) now: jiff::Timestamp,
    /// The operator's home.
    pub(crate) home: PathBuf,
    /// The operator: user name.
    pub(crate) user: String,
    /// This machine's name.
    pub(crate) host: String,
    /// Where the log goes.
    pub(crate) log_file: PathBuf,
    /// The command's name, for summaries.
    pub(crate) command: String,
    // Events for a script; how the writing went is asked at the end.
    json: Arc<JsonSink<io::Stdout>>,
    // Who draws on the terminal: a question takes it away meanwhile.
    progress: Arc<Mutex<Weak<ProgressSink>>>,
    terminal_in: bool,
    terminal_out: bool,
    terminal_err: bool,
    ledger_secrets: OnceLock<Arc<Secrets>>,
}

impl Context {
    /// Reads the environment.
    pub(crate) fn new(globals: Globals, command: &str) -> Self {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let home = env("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let state = env("XDG_STATE_HOME").map_or_else(|| home.join(".local/state"), PathBuf::from);
        let log_file = globals.log_file.clone().unwrap_or_else(|| state.join("portcullis/portcullis.log"));
        let host = hostname::get().ok().and_then(|name| name.into_string().ok()).filter(|name| !name.is_empty());
        Self {
            now: clock::now(),
            home,
            user: env("SUDO_USER").or_else(|| env("USER")).or_else(|| env("LOGNAME")).unwrap_or_else(|| "root".to_owned()),
            host: host.or_else(|| env("HOSTNAME")).unwrap_or_else(|| "localhost".to_owned()),
            log_file,
            command: command.to_owned(),
            json: Arc::new(JsonSink::new(io::stdout())),
            progress: Arc::default(),
            terminal_in: io::stdin().is_terminal(),
            terminal_out: io::stdout().is_terminal(),
            terminal_err: io::stderr().is_terminal(),
            globals,
            ledger_secrets: OnceLock::new(),
        }
    }

    /// Whether standard output holds JSON alone.
    pub(crate) fn is_json(&self) -> bool {
        self.globals.output == OutputFormat::Json
    }

    /// Whether a person can be asked. `/dev/null` is no terminal.
    pub(crate) fn is_interactive(&self) -> bool {
        !self.globals.non_interactive && self.terminal_in && self.terminal_err
    }

    fn color_for(&self, terminal: bool) -> bool {
        match self.globals.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
                terminal && !is_set("NO_COLOR") && !is_dumb()
            }
        }
    }

    /// The site file's path.
    pub(crate) fn site_path(&self) -> PathBuf {
        self.globals.site.clone().unwrap_or_else(|| PathBuf::from("site.yaml"))
    }

    /// Reads and validates the site file.
    pub(crate) fn site(&self) -> Result<Site, Failure> {
        let mut site = crate::site::load(&self.site_path(), &self.home).map_err(super::site::failure)?;
        if let Some(ledger) = &self.globals.ledger {
            site.ledger = named_ledger(ledger)?;
        }
        Ok(site)
    }

    /// The site, where there is a site file or one was named; `None` where there simply is none.
    pub(crate) fn site_if_any(&self) -> Result<Option<Site>, Failure> {
        if self.globals.site.is_none() && !Path::new("site.yaml").exists() {
            return Ok(None);
        }
        self.site().map(Some)
    }

    /// Resolves the password of the ledger's database, once a command however often the ledger is opened.
    pub(crate) fn ledger_secrets(&self, folder: &Path) -> Arc<Secrets> {
        Arc::clone(self.ledger_secrets.get_or_init(|| self.secrets(folder)))
    }

    /// Resolves secrets whose relative paths start at `folder`; asks only where somebody is there.
    pub(crate) fn secrets(&self, folder: &Path) -> Arc<Secrets> {
        let ask: Option<AskSecret> = self.is_interactive().then(|| {
            let progress = Arc::clone(&self.progress);
            let ask: AskSecret = Box::new(move |what| {
                let ask = || ask_hidden(what);
                let drawn = progress.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
                drawn.map_or_else(ask, |progress| progress.suspend(ask))
            });
            ask
        });
        Arc::new(Secrets::new(folder, ask))
    }

    /// The consumer of events: JSON lines, progress in a terminal, or plain lines. Dropped, it leaves the terminal.
    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        if self.is_json() {
            let json: Arc<JsonSink<io::Stdout>> = Arc::clone(&self.json);
            json
        } else if self.terminal_err && self.globals.progress == ProgressChoice::Auto && !is_dumb() {
            let sink = Arc::new(ProgressSink::new(self.look_of_stderr(), usize::from(console::Term::stderr().size().0)));
            *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&sink);
            sink
        } else {
            Arc::new(PlainSink::new(io::stderr()))
        }
    }

    /// Fails where events for a script could not be written.
    pub(crate) fn must_be_told(&self) -> Result<(), Failure> {
        self.json.outcome().map_err(|error| unwritable(&error))
    }

    /// The same for a query, whose JSON is one object: events are for people alone.
    pub(crate) fn sink_for_query(&self) -> Arc<dyn Sink> {
        if self.is_json() { Arc::new(PlainSink::new(io::sink())) } else { self.sink() }
    }

    /// How reports on standard output look.
    pub(crate) fn look(&self) -> Look {
        Look { colour: self.color_for(self.terminal_out), width: width(self.terminal_out, &console::Term::stdout()) }
    }

    /// How reports on standard error look.
    pub(crate) fn look_of_stderr(&self) -> Look {
        Look { colour: self.color_for(self.terminal_err), width: width(self.terminal_err, &console::Term::stderr()) }
    }

    /// Prints a report to standard output.
    pub(crate) fn report(&self, write: impl FnOnce(&mut dyn Write, &Look) -> io::Result<()>) -> Result<(), Failure> {
        let mut text = Vec::new();
        write(&mut text, &self.look()).map_err(|error| Failure::new(Exit::Failed, error, None))?;
        self.print(&String::from_utf8_lossy(&text))
    }

    /// Prints a report to standard error.
    pub(crate) fn report_aside(&self, write: impl FnOnce(&mut dyn Write, &Look) -> io::Result<()>) -> Result<(), Failure> {
        let mut text = Vec::new();
        write(&mut text, &self.look_of_stderr()).map_err(|error| Failure::new(Exit::Failed, error, None))?;
        self.say(&String::from_utf8_lossy(&text))
    }

    /// Prints an answer to standard output. A reader that has gone away is no failure.
    #[expect(clippy::unused_self, reason = "the streams are the context's")]
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        quietly(io::stdout().lock(), text)
    }

    /// Begins a report that takes the place of the one before: on a cleared screen, or after a line with the time.
    pub(crate) fn begin_anew(&self) -> Result<(), Failure> {
        if self.terminal_out && self.globals.progress == ProgressChoice::Auto {
            // Home, print over, clear what is left: no blank screen in between.
            return self.print("\x1b[H\x1b[J");
        }
        self.print(&format!("{:.0}\n", self.now))
    }

    /// Prints a diagnosis or progress to standard error, above whatever is drawn there.
    pub(crate) fn say(&self, text: &str) -> Result<(), Failure> {
        let drawn = self.progress.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        let say = || quietly(io::stderr().lock(), text);
        drawn.map_or_else(say, |progress| progress.suspend(say))
    }

    /// Prints an answer as JSON.
    pub(crate) fn print_json(&self, value: &serde_json::Value) -> Result<(), Failure> {
        self.print(&format!("{value:#}\n"))
    }

    /// Asks whether to do `what`. `--yes` answers; without a terminal it is an error that names the flag.
    pub(crate) fn confirm(&self, what: &str) -> Result<bool, Failure> {
        if self.globals.yes {
            return Ok(true);
        }
        self.must_be_answerable(what)?;
        let answer = dialoguer::Confirm::new().with_prompt(format!("{what}?")).default(false).wait_for_newline(true).interact();
        answer.map_err(|error| Failure::new(Exit::Interrupted, error, None))
    }

    /// Fails where `what` would have to be confirmed and nobody can be asked.
    pub(crate) fn must_be_answerable(&self, what: &str) -> Result<(), Failure> {
        if self.globals.yes || self.is_interactive() { Ok(()) } else { Err(Failure::not_asked(&format!("to {what}"), "--yes")) }
    }

    /// Who acts, for locks and the ledger: `user@host`.
    pub(crate) fn actor(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }
}

/// Whether the terminal can do no more than lines.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|kind| kind == "dumb")
}

fn width(is_terminal: bool, terminal: &console::Term) -> usize {
    if is_terminal { usize::from(terminal.size().1) } else { usize::MAX }
}

fn quietly(mut stream: impl Write, text: &str) -> Result<(), Failure> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritable(&error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// `--ledger`: a file, or a URL of a kind that is known. Another one is no file's name: it would be an empty ledger beside the
/// one that was meant.
pub(super) fn named_ledger(text: &str) -> Result<LedgerLocation, Failure> {
    let file = |path: &str| LedgerLocation::File(std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path)));
    let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, rest)| *scheme == "sqlite" || rest.starts_with("//")) else {
        return Ok(file(text));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "sqlite" => Ok(file(rest.trim_start_matches("//"))),
        "postgres" | "postgresql" => named_database(text),
        _ => {
            let what = format!("--ledger names a ledger by `{scheme}:`, which is none that is known");
            Err(Failure::usage(
                what,
                "name a file, or a PostgreSQL database: --ledger ledger.sqlite, --ledger postgresql://USER@HOST/DATABASE",
            ))
        }
    }
}

fn named_database(url: &str) -> Result<LedgerLocation, Failure> {
    let mut database = postgres_url(url).map_err(|error| {
        let help = error.help();
        Failure::new(Exit::Usage, error, help)
    })?;
    // What is named on the command line stands where the command is given, and not where the site file is.
    let here = |path: &mut PathBuf| *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
    database.root_certificates.iter_mut().for_each(here);
    database.client_certificate.iter_mut().flat_map(|(certificate, key)| [certificate, key]).for_each(here);
    if let Some(SecretRef::File(path)) = &mut database.password {
        here(path);
    }
    Ok(LedgerLocation::Postgres(database))
}

/// Standard output, or standard error, takes no more.
pub(super) fn unwritable(error: &io::Error) -> Failure {
    let help = "see that there is space where the output goes".to_owned();
    Failure::new(Exit::Failed, Sentence(format!("the answer cannot be written: {error}")), Some(help))
}
