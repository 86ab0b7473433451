//! The lab that these tests share, and the operator in front of it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use portcullis::disk::{Existing, write_atomically};
use portcullis_lab::{Lab, Options};
use serde_json::Value;
use tempfile::TempDir;

/// What the proxy's administrators must let pass.
const EXCEPTIONS: &str =
    "acl portcullis_exceptions dstdomain apt-mirror.it.auth0.com docker.it.auth0.com cdn.auth0.com app-gateway.it.auth0.com\n";

/// The lab with everything applied, and a folder with its site file.
pub(super) struct Standing {
    pub(super) lab: Lab,
    folder: TempDir,
    pub(super) site: String,
}

/// The turn of one test.
pub(super) struct Turn(MutexGuard<'static, Standing>);

impl std::ops::Deref for Turn {
    type Target = Standing;

    fn deref(&self) -> &Standing {
        &self.0
    }
}

static STANDING: LazyLock<Mutex<Standing>> = LazyLock::new(|| {
    let lab = Lab::up(&Options::of_this_process("verify")).unwrap();
    let site = lab.site_yaml().unwrap();
    let standing = Standing { lab, folder: tempfile::tempdir().unwrap(), site };
    standing.write("site.yaml", &standing.site);
    standing.except(EXCEPTIONS);
    standing.run(&["apply", "--yes"]).assert_code(0);
    Mutex::new(standing)
});

/// Waits for the turn; puts the lab up where nobody has yet.
pub(super) fn turn() -> Turn {
    Turn(STANDING.lock().unwrap_or_else(PoisonError::into_inner))
}

/// How the program ended and what it said.
#[derive(Debug)]
pub(super) struct Run {
    code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Standing {
    /// Writes a file into the operator's folder.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        write_atomically(&path, text.as_bytes(), 0o600, Existing::Replace).unwrap();
        path
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these arguments, as a script runs it.
    #[expect(clippy::disallowed_methods, reason = "the program itself is what is tested")]
    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments);
        self.ended(&mut command)
    }

    fn ended(&self, command: &mut Command) -> Run {
        command.current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path()).env("USER", "operator");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Run { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The same with `--output json`; of `check` and `verify` with every check, so that what the tests saw can be told.
    pub(super) fn events(&self, arguments: &[&str]) -> Run {
        let with_all = matches!(arguments.first(), Some(&("check" | "verify"))) && !arguments.contains(&"-v");
        let run = self.run(&[arguments, &["--output", "json"], if with_all { &["-v"][..] } else { &[] }].concat());
        if with_all && matches!(run.code, Some(0 | 3 | 5)) && !arguments.contains(&"--list") {
            crate::seen::in_events(&run.all());
        }
        run
    }

    /// The same where the operator's machine knows these names, as lines of its `/etc/hosts`.
    #[expect(clippy::disallowed_methods, reason = "the program itself is what is tested, in a view of the file system of its own")]
    pub(super) fn events_where(&self, hosts: &str, site: &str, arguments: &[&str]) -> Run {
        let (hosts, site) = (self.write("hosts", hosts), self.write("other.yaml", site));
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-ec", "mount --bind \"$1\" /etc/hosts; shift; exec \"$@\"", "sh"]);
        command.arg(hosts).arg(env!("CARGO_BIN_EXE_portcullis")).args(arguments).args(["-v", "--output", "json", "--site"]).arg(site);
        let run = self.ended(&mut command);
        crate::seen::in_events(&run.all());
        run
    }

    /// The same on another site file.
    pub(super) fn events_on(&self, site: &str, arguments: &[&str]) -> Run {
        let path = self.write("other.yaml", site);
        self.events(&[arguments, &["--site", path.to_str().unwrap()]].concat())
    }

    /// Runs a line of shell on a machine as its administrator; it has to succeed.
    #[track_caller]
    pub(super) fn shell(&self, machine: &str, line: &str) -> String {
        let output = self.lab.exec(machine, &["sh", "-ec", line]).unwrap();
        assert!(output.status.success(), "{machine}: {line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Replaces the proxy's exceptions.
    pub(super) fn except(&self, lines: &str) {
        let taken_up = "n=$(grep -c Accepting /var/log/squid/cache.log); squid -k reconfigure; \
                        for i in $(seq 600); do [ \"$(grep -c Accepting /var/log/squid/cache.log)\" -gt \"$n\" ] && exit; sleep 0.05; done; exit 1";
        self.shell("proxy", &format!("printf '%s' '{lines}' >/etc/squid/portcullis-exceptions.conf; {taken_up}"));
    }

    /// The exceptions as they should be, and these destinations too.
    pub(super) fn except_also(&self, names: &str) {
        self.except(&format!("{EXCEPTIONS}acl portcullis_exceptions dstdomain {names}\n"));
    }

    /// The exceptions as they should be.
    pub(super) fn mend_exceptions(&self) {
        self.except(EXCEPTIONS);
    }

    /// A file of the lab's certificate authority.
    pub(super) fn tls(&self, name: &str) -> String {
        std::fs::read_to_string(self.lab.state_dir().join("tls").join(name)).unwrap()
    }
}

impl Run {
    #[track_caller]
    pub(super) fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Every event, one a line, each as it is published.
    #[track_caller]
    pub(super) fn all(&self) -> Vec<Value> {
        crate::docs::events_of(&self.stdout)
    }

    /// The findings of that severity, as `id` of each, without repetition.
    pub(super) fn ids(&self, severity: &str) -> Vec<String> {
        let mut ids: Vec<String> = self
            .findings()
            .iter()
            .filter(|finding| finding["severity"] == severity)
            .map(|finding| finding["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }

    pub(super) fn findings(&self) -> Vec<Value> {
        self.all().into_iter().filter(|event| event["event"] == "finding").collect()
    }

    /// Message and fix of the first finding of that id.
    #[track_caller]
    pub(super) fn told(&self, id: &str) -> String {
        let findings = self.findings();
        let found = findings.iter().find(|finding| finding["id"] == id).unwrap_or_else(|| panic!("no {id} in\n{}", self.stdout));
        format!("{}: {} → {}", found["subject"].as_str().unwrap(), found["message"].as_str().unwrap(), found["fix"].as_str().unwrap())
    }

    /// The last event.
    pub(super) fn summary(&self) -> Value {
        let last = self.all().pop().unwrap();
        assert_eq!(last["event"], "summary", "{last}");
        last
    }

    /// What the summary says of a subject on a node.
    pub(super) fn verdict(&self, node: &str, subject: &str) -> String {
        self.summary()["nodes"][node]["subjects"][subject]["verdict"].as_str().unwrap_or("none").to_owned()
    }
}
