//! Folders of the persons who ask and approve, with a site file and keys; no machine is needed for that.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use portcullis::disk::{Existing, write_atomically};
use tempfile::TempDir;

use super::stage::Run;

/// A folder in which the program is run.
pub(super) struct Desk {
    folder: TempDir,
}

impl Desk {
    /// With keys of these persons.
    pub(super) fn new(persons: &[&str]) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        for person in persons {
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", person, "-f"]).arg(desk.path(person)).status();
            assert!(made.unwrap().success());
        }
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        write_atomically(&self.path(name), text.as_bytes(), 0o600, Existing::Replace).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A person and that person's key as the site file names them.
    pub(super) fn signatory(&self, name: &str, key: &str) -> String {
        format!("{{name: \"{name}\", key: \"{}\"}}", self.read(&format!("{key}.pub")).trim())
    }

    /// Writes a site file without machines that answer; `access` is what stands below that key.
    pub(super) fn write_site(&self, access: &str) {
        self.write("passphrase", "correct horse\n");
        self.write(
            "site.yaml",
            &format!(
                "site: north\nenvironment: development\nroute: {{vpn: true}}\nnodes:\n  - {{name: a0-1, address: 127.0.0.1, port: 1, user: admin}}\n  \
                 - {{name: a0-2, address: 127.0.0.1, port: 2, user: admin}}\naccess:\n  ca_passphrase: \"file:passphrase\"\n{access}\n"
            ),
        );
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.folder.path()).env("USER", "operator").env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null());
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// The same with `--output json`.
    pub(super) fn json(&self, arguments: &[&str]) -> Run {
        self.run(&[arguments, &["--output", "json"]].concat())
    }
}
