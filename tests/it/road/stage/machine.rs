//! A machine of the lab, looked at and mistreated from inside, as its own administrator would.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use super::standing::standing;

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A machine by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::road) struct Machine {
    pub(in crate::road) name: String,
    /// Its address on the inner network.
    pub(in crate::road) address: Ipv4Addr,
    /// Who logs in.
    pub(in crate::road) user: &'static str,
    /// Whether its sudo asks for a password.
    pub(in crate::road) wants_sudo_password: bool,
}

/// Everything that stands below some folders: path to kind, mode, owner, target and content's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::road) struct Fingerprint(BTreeMap<String, String>);

impl Fingerprint {
    /// The lines in which two differ.
    pub(in crate::road) fn difference(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, was) in &self.0 {
            match other.0.get(path) {
                Some(is) if is == was => {}
                is => lines.push(format!("{path}: {was} -> {}", is.map_or("gone", String::as_str))),
            }
        }
        lines.extend(other.0.iter().filter(|(path, _)| !self.0.contains_key(*path)).map(|(path, is)| format!("{path}: new: {is}")));
        lines
    }

    /// What of it stands below these folders.
    pub(in crate::road) fn below(&self, folders: &[&str]) -> Self {
        let is_below = |path: &String| folders.iter().any(|folder| Path::new(path).starts_with(folder));
        Self(self.0.iter().filter(|(path, _)| is_below(path)).map(|(path, value)| (path.clone(), value.clone())).collect())
    }

    /// Fails, naming each path, where the two differ.
    #[track_caller]
    pub(in crate::road) fn assert_same(&self, other: &Self) {
        let difference = self.difference(other);
        assert!(difference.is_empty(), "the node does not stand as before:\n{}", difference.join("\n"));
    }
}

impl Machine {
    /// Node `a0-NUMBER`.
    pub(in crate::road) fn node(number: usize) -> Self {
        let address = Ipv4Addr::new(10, 77, 0, 10 + u8::try_from(number).unwrap());
        let user = if number == 3 { "deploy" } else { "admin" };
        Self { name: format!("a0-{number}"), address, user, wants_sudo_password: number == 2 }
    }

    /// Runs a shell command as root; whatever comes of it.
    pub(in crate::road) fn try_sh(&self, script: &str) -> Output {
        on(&self.name, script)
    }

    /// Runs a shell command as root that has to succeed; its standard output.
    #[track_caller]
    pub(in crate::road) fn sh(&self, script: &str) -> String {
        sh_on(&self.name, script)
    }

    /// Whether a shell test holds.
    pub(in crate::road) fn holds(&self, script: &str) -> bool {
        self.try_sh(script).status.success()
    }

    /// Waits until a shell test holds.
    #[track_caller]
    pub(in crate::road) fn wait_until(&self, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.holds(script) {
            assert!(Instant::now() < deadline, "{}: `{script}` did not become true", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What stands in `/etc` and where CA certificates go.
    pub(in crate::road) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint_of("/etc /usr/local/share/ca-certificates")
    }

    /// What stands below these folders, times of change aside.
    pub(in crate::road) fn fingerprint_of(&self, folders: &str) -> Fingerprint {
        // chrony and systemd write below /var/lib whenever it suits them.
        let own = r"\( -path /var/lib/chrony -o -path /var/lib/systemd \) -prune";
        let text = self.sh(&format!(
            "find {folders} {own} -o -printf '%p\\t%y %m %u:%g %l\\n'; \
             find {folders} {own} -o -type f -exec sha256sum {{}} + | sed 's/^\\([0-9a-f]*\\)  \\(.*\\)/\\2#\\t\\1/'"
        ));
        let pair = |line: &str| line.split_once('\t').map(|(path, value)| (path.to_owned(), value.trim().to_owned()));
        Fingerprint(text.lines().filter_map(pair).collect())
    }

    /// The runs it keeps, and how each ended.
    pub(in crate::road) fn runs(&self) -> Vec<(String, String)> {
        let text = self.sh(
            "cd /var/lib/portcullis/runs 2>/dev/null || exit 0; for run in *; do [ -e $run ] && echo $run $(cat $run/state); done; true",
        );
        text.lines().filter_map(|line| line.split_once(' ')).map(|(run, state)| (run.to_owned(), state.to_owned())).collect()
    }

    /// Takes away what an earlier test's small playbook and runs have left.
    pub(in crate::road) fn sweep(&self) {
        self.sh("rm -rf /etc/small /var/lib/portcullis /run/portcullis.* /run/small.*");
    }
}

/// Runs a shell command as root on a machine of the lab.
pub(in crate::road) fn on(machine: &str, script: &str) -> Output {
    standing().lab.exec(machine, &["sh", "-c", script]).unwrap()
}

/// The same, for a command that has to succeed; its standard output.
#[track_caller]
pub(in crate::road) fn sh_on(machine: &str, script: &str) -> String {
    let output = on(machine, script);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{machine}: `{script}`: {}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
