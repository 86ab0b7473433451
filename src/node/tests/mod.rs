//! The shell of `sh/`, run by the shells it is made for, on files of a temporary folder.

mod crash;
mod full;
mod guard;
mod transaction;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::outcome::{Answer, Outcome, parse_answer};
use super::run_id::RunId;
use super::transaction::{Expected, Placement, Transaction, sha256_hex};

const SHELLS: [&[&str]; 3] = [&["dash"], &["busybox", "sh"], &["bash"]];

struct Machine {
    folder: tempfile::TempDir,
    shell: &'static [&'static str],
}

/// In memory, where programs may be run there: a script waits for the disk at each of its steps.
#[expect(clippy::disallowed_methods, reason = "only a program can tell")]
fn quick_folder() -> tempfile::TempDir {
    let in_memory = || {
        let folder = tempfile::tempdir_in("/dev/shm").ok()?;
        let program = folder.path().join("program");
        std::fs::copy("/bin/true", &program).ok()?;
        let runs = Command::new(&program).status().ok()?.success();
        std::fs::remove_file(program).ok()?;
        runs.then_some(folder)
    };
    in_memory().unwrap_or_else(|| tempfile::tempdir().unwrap())
}

impl Machine {
    fn new(shell: &'static [&'static str]) -> Self {
        let folder = quick_folder();
        std::fs::create_dir_all(folder.path().join("etc")).unwrap();
        Self { folder, shell }
    }

    /// One whose every program is busybox's own, but for those that it lacks.
    #[expect(clippy::disallowed_methods, reason = "it installs itself")]
    fn of_busybox() -> Self {
        let machine = Self::new(&["busybox", "sh"]);
        let programs = machine.folder.path().join("bin");
        std::fs::create_dir_all(&programs).unwrap();
        assert!(Command::new("busybox").args(["--install", "-s"]).arg(programs).status().unwrap().success());
        machine
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join("etc").join(name).to_str().unwrap().to_owned()
    }

    fn put(&self, name: &str, text: &str) {
        crate::disk::write_atomically(Path::new(&self.path(name)), text.as_bytes(), 0o644, crate::disk::Existing::Replace).unwrap();
    }

    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path(name)).ok()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("etc")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[expect(clippy::disallowed_methods, reason = "the shells themselves are the judges")]
    fn start(&self, script: &str) -> std::process::Child {
        let home = self.folder.path().display();
        // A stand-in for the system's trust store, and for what rewrites it.
        let trust = format!("pc_certs={home}/etc pc_hooks={home}/hooks PATH={home}/bin:$PATH");
        let places = format!("pc_home={home}/home pc_volatile={home} pc_units={home}/units pc_systemd={home}/systemd");
        let script = format!("export {places} {trust}\n{script}");
        Command::new(self.shell[0])
            .args(&self.shell[1..])
            .arg("-c")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, script: &str, payload: &[u8]) -> (Vec<Answer>, Outcome) {
        let mut child = self.start(script);
        // A script that ended early closes its end: that is no failure of the test.
        drop(child.stdin.take().unwrap().write_all(payload));
        let output = child.wait_with_output().unwrap();
        let mut answers: Vec<Answer> = String::from_utf8(output.stdout).unwrap().lines().map(|line| parse_answer(line).unwrap()).collect();
        let Some(Answer::Ended(outcome)) = answers.pop() else { panic!("no outcome: {answers:?}") };
        (answers, outcome)
    }

    fn carry_out(&self, transaction: &Transaction) -> Outcome {
        self.run(&transaction.script(), &transaction.payload()).1
    }

    /// A program of the machine that does this instead.
    fn stand_in(&self, name: &str, text: &str) {
        let path = self.folder.path().join("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        crate::disk::write_atomically(&path, format!("#!/bin/sh\n{text}\n").as_bytes(), 0o755, crate::disk::Existing::Replace).unwrap();
    }

    fn state(&self, run: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join("home/runs").join(run).join("state")).ok()
    }
}

fn run_id(number: u8) -> RunId {
    RunId::parse(&format!("20261122T06153{number}Z-3f9a1c")).unwrap()
}

fn placement(machine: &Machine, name: &str, content: &str, expected: Expected) -> Placement {
    Placement {
        step: format!("put-{}", name.len()),
        path: machine.path(name),
        content: Zeroizing::new(content.as_bytes().to_vec()),
        mode: "0640".to_owned(),
        owner: "root:root".to_owned(),
        expected,
    }
}

fn transaction(number: u8, placements: Vec<Placement>) -> Transaction {
    Transaction {
        run: run_id(number),
        owner: "tester".into(),
        placements,
        removals: vec![],
        validations: vec![],
        actions: vec![],
        guard: None,
    }
}

fn of(text: &str) -> Expected {
    Expected::Sha256(sha256_hex(text.as_bytes()))
}

fn on_every_shell(test: impl Fn(&Machine)) {
    for shell in SHELLS {
        test(&Machine::new(shell));
    }
    test(&Machine::of_busybox());
}

/// Ends a process without a word, as a loss of power would.
#[expect(clippy::disallowed_methods, reason = "signals are sent by a program")]
fn end(process: &str) {
    Command::new("kill").args(["-KILL", "--", &format!("-{process}")]).status().unwrap();
}
