//! A machine that dies at any instant: each state of the disk between two commands of a script is caught, and each is one
//! from which the next command comes to a whole end.
//!
//! The shells expand `PS4` before each command that they trace; what it calls copies the machine's files away.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::transaction::{Action, Guard, Removal, confirm_script, revert_script, rollback_script};
use super::*;

/// Path to kind, mode and content of everything below a folder.
pub(super) type State = BTreeMap<PathBuf, (u32, String)>;

/// Every state of the machine's files while `script` runs, each once, in order; where they lie; what the script answered.
pub(super) struct Caught {
    pub(super) folder: tempfile::TempDir,
    pub(super) states: Vec<(State, PathBuf)>,
}

pub(super) fn state_of(root: &Path) -> State {
    let mut state = State::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            let name = path.file_name().unwrap().to_str().unwrap();
            // Times and process ids differ from one run to the next.
            let varies = ["why", "guard", "timer", "revert"].contains(&name) || name.starts_with("portcullis.");
            let content = if metadata.is_file() && !varies { std::fs::read_to_string(&path).unwrap() } else { String::new() };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            state.insert(path.strip_prefix(root).unwrap().to_owned(), (metadata.permissions().mode(), content));
        }
    }
    state
}

#[expect(clippy::disallowed_methods, reason = "a copy with owners, modes, times and links")]
fn copy(from: &Path, to: &Path) {
    drop(std::fs::remove_dir_all(to));
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// `script`, which runs `at_each` before each of its commands, their number in `pc_ticks`; it counts them in `folder`.
///
/// A shell that expands `PS4` takes what that gave for the status of an assignment: it is given the one it should have.
pub(super) fn traced(script: &str, folder: &Path, at_each: &str) -> String {
    let folder = folder.display();
    let noted = script.replace("$((", "\0").replace("$(", &format!("$(trap 'echo $? >{folder}/status' EXIT; ")).replace('\0', "$((");
    format!(
        "exec 2>/dev/null\npc_tick() {{ read -r pc_ticks <{folder}/ticks; pc_ticks=$((pc_ticks + 1)); echo $pc_ticks >{folder}/ticks; {at_each}; \
         read -r pc_ticks <{folder}/status; echo 0 >{folder}/status; return ${{pc_ticks:-0}}; }}\n\
         echo 0 >{folder}/status; PS4='$(pc_tick)'; set -x\n{noted}"
    )
}

impl Machine {
    /// Catches every state while `script` runs.
    pub(super) fn catch(&self, script: &str, payload: &[u8]) -> Caught {
        let folder = quick_folder();
        let (root, caught) = (self.folder.path().display(), folder.path().display());
        let traced = traced(script, folder.path(), &format!("cp -a {root} {caught}/$pc_ticks"));
        let mut child = self.start(&format!("echo 0 >{caught}/ticks\n{traced}"));
        drop(child.stdin.take().unwrap().write_all(payload));
        child.wait_with_output().unwrap();
        let ticks: usize = std::fs::read_to_string(folder.path().join("ticks")).unwrap().trim().parse().unwrap();
        assert!(ticks > 20, "the shell does not trace: {ticks}");
        let mut states: Vec<(State, PathBuf)> = Vec::new();
        for path in (1..=ticks).map(|tick| folder.path().join(tick.to_string())) {
            let state = state_of(&path);
            if !states.iter().any(|(known, _)| *known == state) {
                states.push((state, path));
            }
        }
        states.push((state_of(self.folder.path()), folder.path().join("end")));
        copy(self.folder.path(), &folder.path().join("end"));
        Caught { folder, states }
    }

    /// Ends what a guarded run has left waiting.
    pub(super) fn end_timers(&self) {
        for run in std::fs::read_dir(self.folder.path().join("home/runs")).into_iter().flatten().flatten() {
            if let Ok(timer) = std::fs::read_to_string(run.path().join("timer")) {
                end(timer.trim());
            }
        }
    }

    /// All old, or all new; and nothing of ours beside them.
    #[track_caller]
    fn assert_settled(&self, told: &dyn std::fmt::Debug) {
        let now = (self.read("a"), self.read("b/c"), self.read("d"));
        let words = (now.0.as_deref(), now.1.as_deref(), now.2.as_deref());
        assert!([(Some("old"), None, Some("gone")), (Some("new"), Some("1"), None)].contains(&words), "{words:?} {told:?}");
        let names: &[&str] = if words.1.is_some() { &["a", "b"] } else { &["a", "d"] };
        let found: Vec<String> = self.names().into_iter().filter(|name| name != "z").collect();
        assert_eq!(found, names, "{told:?}");
        for run in std::fs::read_dir(self.folder.path().join("home/runs")).unwrap().flatten() {
            let state = std::fs::read_to_string(run.path().join("state")).unwrap();
            assert!(["done", "undone", "reverted", "rolled-back"].contains(&state.trim()), "{state}");
            for left in ["guard", "timer", "revert", "job", "new", "state.new"] {
                assert!(!run.path().join(left).exists(), "{left} is left in a run that is {state}");
            }
        }
        let units = self.folder.path().join("units");
        let left: Vec<_> = state_of(&units).into_keys().filter(|path| path.to_str().unwrap().contains("portcullis")).collect();
        assert_eq!(left, Vec::<PathBuf>::new());
    }
}

/// Whether every managed file is whole, as it was or as it is to be.
#[track_caller]
pub(super) fn assert_whole(state: &State) {
    let at = |name: &str| state.get(&Path::new("etc").join(name)).map(|(mode, content)| (mode & 0o7777, content.as_str()));
    assert!([Some((0o644, "old")), Some((0o640, "new"))].contains(&at("a")), "{:?}", at("a"));
    assert!([None, Some((0o640, "1"))].contains(&at("b/c")), "{:?}", at("b/c"));
    assert!([None, Some((0o644, "gone"))].contains(&at("d")), "{:?}", at("d"));
}

/// What may come after a crash.
pub(super) enum Next {
    /// Another run.
    Run,
    /// The machine starts again: what is armed for that runs.
    Boot,
}

/// From each caught state: the machine settles, and takes another run.
pub(super) fn settle_each(machine: &Machine, caught: &Caught, next: &Next) {
    machine.end_timers();
    for (state, path) in &caught.states {
        assert_whole(state);
        copy(path, machine.folder.path());
        if matches!(next, Next::Boot) {
            boot(machine);
        }
        let run = transaction(9, vec![placement(machine, "z", "z", Expected::Absent)]);
        let (mut answers, mut outcome) = machine.run(&run.script(), &run.payload());
        if let Outcome::Locked { holder } = &outcome {
            // A run that waits; its timer comes.
            assert!(holder.owner.contains("waits to be confirmed") && matches!(next, Next::Run), "{outcome:?}");
            machine.start(&format!("sh {} timer", armed(machine).unwrap().display())).wait().unwrap();
            (answers, outcome) = machine.run(&run.script(), &run.payload());
        }
        assert_eq!(outcome, Outcome::Done, "{answers:?}");
        assert!(answers.iter().all(|answer| !matches!(answer, Answer::Recovered { trouble, .. } if !trouble.is_empty())), "{answers:?}");
        machine.assert_settled(&answers);
    }
    assert!(caught.folder.path().is_dir());
}

fn armed(machine: &Machine) -> Option<PathBuf> {
    let runs = std::fs::read_dir(machine.folder.path().join("home/runs")).into_iter().flatten().flatten();
    runs.map(|run| run.path().join("revert")).find(|path| path.exists())
}

// What systemd would start: each unit whose link stands in its target's folder.
fn boot(machine: &Machine) {
    let Some(revert) = armed(machine) else { return };
    let guard = revert.with_file_name("guard");
    if let Ok(text) = std::fs::read_to_string(&guard) {
        let earlier = text.replace(text.split(' ').nth(1).unwrap_or("nothing"), "earlier-boot");
        crate::disk::write_atomically(&guard, earlier.as_bytes(), 0o600, crate::disk::Existing::Replace).unwrap();
    }
    for (stage, target) in [("early", "sysinit.target.wants"), ("late", "multi-user.target.wants")] {
        let wants = machine.folder.path().join("units").join(target);
        // A link that leads nowhere starts nothing.
        if std::fs::read_dir(wants).into_iter().flatten().flatten().any(|link| link.path().exists()) {
            machine.start(&format!("sh {} {stage}", revert.display())).wait().unwrap();
        }
    }
}

pub(super) fn machine(shell: &'static [&'static str]) -> (Machine, Transaction) {
    let machine = Machine::new(shell);
    std::fs::create_dir_all(machine.folder.path().join("units")).unwrap();
    machine.put("a", "old");
    machine.put("d", "gone");
    // What is lost is told apart by commands here, not by sectors.
    machine.stand_in("sync", "exit 0");
    let mut run = transaction(1, vec![placement(&machine, "a", "new", of("old")), placement(&machine, "b/c", "1", Expected::Absent)]);
    run.removals.push(Removal { step: "gone".into(), path: machine.path("d"), expected: of("gone") });
    run.actions.push(("act".into(), Action::Command("true".into())));
    (machine, run)
}

/// A guarded run on a machine whose systemd says yes to everything.
pub(super) fn guarded(shell: &'static [&'static str]) -> (Machine, Transaction) {
    let (machine, mut run) = machine(shell);
    std::fs::create_dir(machine.folder.path().join("systemd")).unwrap();
    machine.stand_in("systemctl", "case $1 in list-units) exit 1 ;; esac");
    machine.stand_in("systemd-run", "exit 0");
    run.guard = Some(Guard { within: Duration::from_mins(2) });
    (machine, run)
}

pub(super) const BOTH: [&[&str]; 2] = [&["dash"], &["busybox", "sh"]];

#[test]
fn a_machine_that_dies_at_any_command_of_a_run_is_put_right_by_the_next() {
    for shell in BOTH {
        let (machine, run) = machine(shell);
        let caught = machine.catch(&run.script(), &run.payload());
        assert!(caught.states.len() > 30, "{}", caught.states.len());
        settle_each(&machine, &caught, &Next::Run);
    }
}

#[test]
fn a_machine_that_dies_at_any_command_of_a_guarded_run_is_put_right_by_the_next() {
    let (machine, run) = guarded(BOTH[0]);
    let caught = machine.catch(&run.script(), &run.payload());
    settle_each(&machine, &caught, &Next::Run);
}

#[test]
fn a_machine_that_restarts_at_any_command_of_a_guarded_run_is_put_right_by_the_boot() {
    let (machine, run) = guarded(BOTH[1]);
    let caught = machine.catch(&run.script(), &run.payload());
    settle_each(&machine, &caught, &Next::Boot);
}

#[test]
fn a_machine_that_dies_while_it_puts_back_what_was_broken_off_is_put_right_by_the_next() {
    let (machine, run) = machine(BOTH[0]);
    let caught = machine.catch(&run.script(), &run.payload());
    let swapped = |state: &State| {
        let of_run = state.iter().find(|(path, _)| path.ends_with("state")).map(|(_, (_, content))| content.as_str());
        of_run == Some("committing\n") && !state.contains_key(Path::new("etc/d"))
    };
    let (_, path) = caught.states.iter().find(|(state, _)| swapped(state)).unwrap();
    copy(path, machine.folder.path());
    let next = transaction(2, vec![placement(&machine, "z", "z", Expected::Absent)]);
    let caught = machine.catch(&next.script(), &next.payload());
    let without_z: Vec<_> = caught.states.iter().filter(|(state, _)| !state.contains_key(Path::new("etc/z"))).cloned().collect();
    settle_each(&machine, &Caught { folder: caught.folder, states: without_z }, &Next::Run);
}

#[test]
fn a_machine_that_dies_at_any_command_of_a_rollback_is_put_right_by_the_next() {
    let (machine, run) = machine(BOTH[1]);
    assert_eq!(machine.carry_out(&run), Outcome::Done);
    let caught = machine.catch(&rollback_script(&run_id(1), "tester"), b"");
    settle_each(&machine, &caught, &Next::Run);
}

#[test]
fn a_machine_that_dies_while_a_run_is_confirmed_or_reverted_is_put_right() {
    for (shell, script) in BOTH.into_iter().zip([confirm_script(&run_id(1), "tester"), revert_script(&run_id(1), "tester", "no way in")]) {
        let (machine, run) = guarded(shell);
        assert!(matches!(machine.carry_out(&run), Outcome::Guarded { .. }));
        let caught = machine.catch(&script, b"");
        settle_each(&machine, &caught, &Next::Run);
        settle_each(&machine, &caught, &Next::Boot);
    }
}
