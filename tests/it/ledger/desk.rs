//! An operator's folder with a site and its ledger, and the program run there as a person runs it.
#![expect(clippy::disallowed_methods, reason = "the program is run as a person runs it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use portcullis::disk::{Existing, write_atomically};
use portcullis::ledger::{Ledger, OpenOptions};
use tempfile::TempDir;

use super::event;
use crate::postgres_server::PostgresServer;

const SITE: &str = "site: north\nenvironment: development\nroute: {vpn: true}\nnodes:\n  - {name: a0-1, address: 127.0.0.1}\n";

pub(super) struct Desk {
    folder: TempDir,
}

/// How a command ended and what it said.
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Desk {
    /// With a ledger of `count` events, and `more` in the site file.
    pub(super) fn new(count: u64, more: &str) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        desk.write("site.yaml", &format!("{SITE}{more}"));
        let ledger = desk.ledger();
        for number in 1..=count {
            assert_eq!(ledger.append(&event(number)).unwrap().seq, number);
        }
        desk
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        write_atomically(&self.path(name), text.as_bytes(), 0o600, Existing::Replace).unwrap();
        self.path(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger::open_file(&self.path("ledger.sqlite"), &OpenOptions::append()).unwrap()
    }

    pub(super) fn start(&self, arguments: &[&str]) -> Child {
        self.start_with(&[], arguments)
    }

    /// The same with more variables in its environment.
    fn start_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).current_dir(self.folder()).env_clear();
        command.env("HOME", self.folder()).env("USER", "operator").env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub(super) fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
        said(&self.start_with(variables, arguments).wait_with_output().unwrap())
    }

    /// The site's ledger on `server`, with an event, signed with this folder's key.
    pub(super) fn make_team_ledger(&self, server: &PostgresServer) {
        let ledger = super::postgres::ledger(server, self.folder());
        ledger.append(&event(1)).unwrap();
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Said {
        said(&self.start(arguments).wait_with_output().unwrap())
    }

    /// Runs it; it has to succeed. Its standard output.
    #[track_caller]
    pub(super) fn done(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.stdout, said.stderr);
        said.stdout
    }

    /// Makes an SSH key without a passphrase; gives back its public line.
    pub(super) fn make_key(&self, name: &str) -> String {
        let path = self.path(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(&path).status().unwrap();
        assert!(made.success());
        self.read(&format!("{name}.pub")).trim().to_owned()
    }

    /// Another program, in the folder; it has to succeed.
    #[track_caller]
    pub(super) fn program(&self, words: &[&str]) -> String {
        let output = Command::new(words[0]).args(&words[1..]).current_dir(self.folder()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}
