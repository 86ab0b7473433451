//! A lab that these tests have one after the other, the operator before it, and the person who is let in.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portcullis::disk::{Existing, write_atomically};
use portcullis_lab::{Lab, Options};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);

/// So many tests go on at once, each with a lab of its own: they mostly wait.
const LABS: usize = 3;

static LAB: [LazyLock<Mutex<Lab>>; LABS] =
    [LazyLock::new(|| up("access-a")), LazyLock::new(|| up("access-b")), LazyLock::new(|| up("access-c"))];

fn up(purpose: &str) -> Mutex<Lab> {
    let lab = Lab::up(&Options { nodes: 3, mail: false, proxy: false, ..Options::of_this_process(purpose) });
    Mutex::new(lab.unwrap_or_else(|error| {
        panic!("the lab does not come up: {error}: {:?}", std::error::Error::source(&error).map(ToString::to_string))
    }))
}

/// The first lab that nobody has; a test that failed leaves its own to the next, which sweeps it.
fn free_lab() -> MutexGuard<'static, Lab> {
    loop {
        for lab in &LAB {
            match lab.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The machines of the lab.
pub(super) const MACHINES: [&str; 4] = ["jump", "a0-1", "a0-2", "a0-3"];

/// The turn of one test, with machines that know nothing of windows, and a fresh operator.
pub(super) struct Stage {
    pub(super) lab: MutexGuard<'static, Lab>,
    folder: TempDir,
}

/// How the program ended and what it said.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Stage {
    /// Waits for the turn.
    pub(super) fn set() -> Self {
        let lab = free_lab();
        let stage = Self { lab, folder: tempfile::tempdir().unwrap() };
        for machine in MACHINES {
            // A test before this one may have failed in the midst.
            stage.lab.heal(machine).unwrap();
            stage.sh(
                machine,
                "if [ -e /run/systemd/system.hidden ]; then mv /run/systemd/system.hidden /run/systemd/system; fi; systemctl stop 'portcullis-window-*' 2>/dev/null; rm -rf /etc/ssh/portcullis /etc/ssh/sshd_config.d/10-portcullis-windows.conf \
                 /var/lib/portcullis /etc/systemd/system/portcullis-window-* /etc/systemd/system/timers.target.wants/portcullis-window-* \
                 /var/lib/systemd/timers/stamp-portcullis-* /etc/sudoers.d/portcullis-*; \
                 systemctl daemon-reload; systemctl reload ssh",
            );
        }
        let site = stage.lab.site_yaml().unwrap();
        stage.write_site(&site.lines().filter(|line| !line.starts_with("ledger:")).collect::<Vec<_>>().join("\n"));
        std::fs::create_dir(stage.path("home")).unwrap();
        stage.keygen("ada");
        stage
    }

    /// Writes the site file; its ledger is the test's own.
    pub(super) fn write_site(&self, text: &str) {
        self.write("site.yaml", &format!("{}\nledger: {{file: ledger.sqlite}}\n", text.trim_end()));
    }

    pub(super) fn site(&self) -> String {
        std::fs::read_to_string(self.path("site.yaml")).unwrap()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        write_atomically(&path, text.as_bytes(), 0o600, Existing::Replace).unwrap();
        path
    }

    /// A person's key.
    pub(super) fn keygen(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path).status().unwrap();
        assert!(made.success());
        path.with_extension("pub")
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.path("home")).env("USER", "operator");
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the program.
    pub(super) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Runs the program to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// The same with `--output json`.
    pub(super) fn json(&self, arguments: &[&str]) -> Run {
        self.run(&[arguments, &["--output", "json"]].concat())
    }

    /// Opens a window for ada, with these arguments beside who, why and the key.
    #[track_caller]
    pub(super) fn open(&self, arguments: &[&str]) -> Window {
        let run = self.json(&[&["access", "open", "--who", "ada", "--reason", "test", "--key", "ada.pub"], arguments].concat());
        run.assert_code(0);
        let summary = run.summary();
        let moment = |name: &str| summary["window"][name].as_str().unwrap().parse().unwrap();
        Window { id: summary["window"]["id"].as_str().unwrap().to_owned(), start: moment("from"), end: moment("to") }
    }

    /// The person's plain ssh with what the window's folder holds.
    pub(super) fn ssh(&self, window: &Window, arguments: &[&str]) -> Command {
        // What waits for ever is a failure like another.
        let mut command = Command::new("timeout");
        command.args(["150", "ssh"]).arg("-F").arg(self.path("windows").join(&window.id).join("ssh_config")).args(arguments);
        command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Whether the person gets in, and what ssh says.
    pub(super) fn gets_in(&self, window: &Window, node: &str) -> (bool, String) {
        let output = self.ssh(window, &[node, "echo in"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success() && output.stdout == b"in\n", said)
    }

    /// Runs a line of shell on a machine as its administrator; whatever comes of it.
    pub(super) fn try_sh(&self, machine: &str, line: &str) -> Output {
        self.lab.exec(machine, &["sh", "-c", line]).unwrap()
    }

    /// The same, for one that has to succeed; its standard output.
    #[track_caller]
    pub(super) fn sh(&self, machine: &str, line: &str) -> String {
        let output = self.try_sh(machine, line);
        assert!(output.status.success(), "{machine}: {line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until a shell test holds.
    #[track_caller]
    pub(super) fn wait_until(&self, machine: &str, line: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.try_sh(machine, line).status.success() {
            assert!(Instant::now() < deadline, "{machine}: `{line}` did not become true");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What of windows a machine has left, one thing a line.
    pub(super) fn left_on(&self, machine: &str) -> String {
        self.sh(
            machine,
            "ls -A /etc/ssh/portcullis/principals /var/lib/portcullis/windows 2>/dev/null | grep -v '^$\\|:$'; \
             ls /etc/systemd/system | grep portcullis-window; ls /var/lib/systemd/timers | grep portcullis; \
             systemctl list-units --all --plain --no-legend 'portcullis-window-*' | grep -v -e ' failed ' -e ' inactive '; true",
        )
    }

    /// Waits until nothing of windows is left on any machine.
    #[track_caller]
    pub(super) fn wait_until_clean(&self) {
        for machine in &MACHINES {
            self.wait_until_clean_on(machine);
        }
    }

    /// Waits until nothing of windows is left on one machine.
    #[track_caller]
    pub(super) fn wait_until_clean_on(&self, machine: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut left = self.left_on(machine);
        while !left.is_empty() {
            assert!(Instant::now() < deadline, "{machine} has left:\n{left}");
            std::thread::sleep(Duration::from_millis(100));
            left = self.left_on(machine);
        }
    }
}

/// A window that was opened.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) id: String,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Run {
    /// Runs a command to its end.
    pub(super) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    #[track_caller]
    pub(super) fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Refused or failed with this code, saying this, and what to do next.
    #[track_caller]
    pub(super) fn assert_failed(&self, code: i32, said: &str) -> &Self {
        self.assert_code(code);
        assert!(self.stderr.contains(said), "`{said}` is missing in:\n{}", self.stderr);
        assert!(self.stderr.contains("\nhelp: "), "no help in:\n{}", self.stderr);
        self
    }

    /// Standard output as one value.
    #[track_caller]
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The last event, which has to be the summary.
    #[track_caller]
    pub(super) fn summary(&self) -> Value {
        let last = crate::docs::events_of(&self.stdout).pop().expect("no events");
        assert_eq!(last["event"], "summary", "{last}");
        last
    }
}

/// Now, by the clock that all machines of a lab share with the host.
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// Waits for a moment to come.
pub(super) fn wait_for(moment: Timestamp) {
    while now() < moment {
        std::thread::sleep(Duration::from_millis(20));
    }
}
