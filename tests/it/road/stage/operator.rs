//! The operator: a folder with a site file in it, and the program run there as a person or a script would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use portcullis::disk::{Existing, write_atomically};
use serde_json::Value;
use tempfile::TempDir;

use super::site_text::SiteText;

/// A playbook of one small file, for what is about the road and not about what is carried on it.
pub(in crate::road) const SMALL: &str =
    "name: small\ntitle: One small file\nsteps:\n  - id: small\n    file: {path: /etc/small/file, src: small.txt}\n";

/// How the program ended and what it said.
#[derive(Debug, Clone)]
pub(in crate::road) struct Run {
    pub(in crate::road) code: Option<i32>,
    pub(in crate::road) stdout: String,
    pub(in crate::road) stderr: String,
}

/// A person's folder and home.
pub(in crate::road) struct Operator {
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Operator {
    /// With this site file, and the small playbook with the content `new`.
    pub(in crate::road) fn with(site: &SiteText) -> Self {
        Self::with_text(&site.render())
    }

    /// With a site file of this text.
    pub(in crate::road) fn with_text(site: &str) -> Self {
        let operator = Self { folder: tempfile::tempdir().unwrap(), environment: BTreeMap::new() };
        operator.write("site.yaml", site);
        operator.write("playbooks/small.yaml", SMALL);
        operator.write("small.txt", "new\n");
        std::fs::create_dir(operator.path("home")).unwrap();
        operator
    }

    /// Sets a variable of the environment.
    pub(in crate::road) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    pub(in crate::road) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where it logs unless told otherwise.
    pub(in crate::road) fn log(&self) -> PathBuf {
        self.path("home/.local/state/portcullis/portcullis.log")
    }

    /// Writes a file below the site's folder.
    pub(in crate::road) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_atomically(&path, text.as_ref(), 0o600, Existing::Replace).unwrap();
        path
    }

    /// The program with these arguments, in the site's folder and an environment of its own.
    pub(in crate::road) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.path("home")).env("USER", "operator").env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(&self.environment).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The same for a terminal of its own, which gives it its streams.
    pub(in crate::road) fn command_at_a_terminal(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        command
    }

    /// Starts the program.
    pub(in crate::road) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Runs the program to its end.
    pub(in crate::road) fn run(&self, arguments: &[&str]) -> Run {
        end_of(self.start(arguments))
    }

    /// `apply small --yes`.
    pub(in crate::road) fn apply_small(&self) -> Run {
        self.run(&["apply", "small", "--yes"])
    }
}

/// Waits for the program's end.
pub(in crate::road) fn end_of(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    Run { code: code(output.status), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn code(status: ExitStatus) -> Option<i32> {
    status.code()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl Run {
    /// Fails, showing what was said, unless it ended with this code.
    #[track_caller]
    pub(in crate::road) fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// A failure in the form of the contract: its code; what, where and why (each of `said` stands before the help); a line of help; no
    /// debug output.
    #[track_caller]
    pub(in crate::road) fn assert_failed(&self, code: i32, said: &[&str]) -> &Self {
        self.assert_code(code);
        let begin = self.stderr.find("error: ").unwrap_or_else(|| panic!("no `error:` in:\n{}", self.stderr));
        let (what, help) = self.stderr[begin..].split_once("\nhelp: ").unwrap_or_else(|| panic!("no line of help in:\n{}", self.stderr));
        for said in said {
            assert!(what.contains(said), "`{said}` is missing in:\n{what}\nhelp: {help}");
        }
        for noise in ["Error {", "Some(", "RUST_BACKTRACE", "panicked", "Os {"] {
            assert!(!self.stderr.contains(noise), "debug output in:\n{}", self.stderr);
        }
        self
    }

    /// The help says this.
    #[track_caller]
    pub(in crate::road) fn assert_helps(&self, said: &str) -> &Self {
        let help = self.stderr.rsplit_once("\nhelp: ").map_or("", |(_, help)| help);
        assert!(help.contains(said), "`{said}` is missing in the help of:\n{}", self.stderr);
        self
    }

    /// The last line of a failed run names the log file, and that file is there.
    #[track_caller]
    pub(in crate::road) fn assert_names_log(&self, log: &Path) -> &Self {
        let last = self.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("log: ") && last.contains(&log.display().to_string()) && log.is_file(), "{}", self.stderr);
        self
    }

    /// Standard output as JSON, one value a line.
    #[track_caller]
    pub(in crate::road) fn events(&self) -> Vec<Value> {
        crate::docs::events_of(&self.stdout)
    }

    /// The last event, which has to be the summary.
    #[track_caller]
    pub(in crate::road) fn summary(&self) -> Value {
        let last = self.events().pop().expect("no events");
        assert_eq!(last["event"], "summary", "{last}");
        last
    }
}
