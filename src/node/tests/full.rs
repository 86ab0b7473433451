//! A disk that fills up at any instant: before each command of a script that changes something, no room is left, in one of
//! two ways. What stands is whole, the answer is true of it, and once there is room the next run comes to a whole end.
//!
//! The machine's files lie on a small file system of its own, in a mount namespace that ends with the script.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::transaction::{Transaction, rollback_script};
use super::crash::{BOTH, Caught, Next, State, guarded, machine, settle_each, state_of, traced};
use super::*;

/// How a disk is full.
#[derive(Debug, Clone, Copy)]
enum Full {
    /// No block is left; names can still be made, so that files end up empty.
    OfBlocks,
    /// No name can be made any more.
    OfNames,
}

impl Full {
    /// Fills the folder `$root`.
    fn shell(self) -> &'static str {
        match self {
            Self::OfBlocks => "head -c 8M /dev/zero >$root/filler",
            Self::OfNames => "n=0; while mkdir $root/filler-$n; do n=$((n + 1)); done",
        }
    }
}

impl Machine {
    /// Runs `script` once for each of `ticks`, on a disk that is full from that command on; gives back the states in which
    /// that left the machine, and what was answered.
    fn fill_up_at(&self, ticks: &BTreeSet<usize>, full: Full, script: &str, payload: &[u8]) -> (Caught, Vec<Option<Outcome>>) {
        let folder = quick_folder();
        let at = |name: &str| folder.path().join(name);
        let put =
            |name: &str, bytes: &[u8]| crate::disk::write_atomically(&at(name), bytes, 0o600, crate::disk::Existing::Replace).unwrap();
        let (root, caught) = (self.folder.path().display(), folder.path().display());
        put("payload", payload);
        put("script", traced(script, folder.path(), &format!("[ $pc_ticks != $at ] || {{ {}; }}", full.shell())).as_bytes());
        let list: Vec<String> = ticks.iter().map(ToString::to_string).collect();
        let harness = format!(
            "export root={root} at; cp -a $root {caught}/before; for at in {}; do \
             mount -t tmpfs -o size=1M,nr_inodes=150 none $root && cp -a {caught}/before/. $root/ && echo 0 >{caught}/ticks; \
             \"$@\" {caught}/script <{caught}/payload >{caught}/$at.said; rm -rf $root/filler*; cp -a $root {caught}/$at; umount -l $root; done",
            list.join(" ")
        );
        let own = if is_root() { "unshare -m" } else { "unshare -Urm" };
        self.start(&format!("exec {own} sh -c {} sh {}", super::super::quote(&harness), self.shell.join(" "))).wait().unwrap();
        let said = |tick: &usize| std::fs::read_to_string(at(&format!("{tick}.said"))).unwrap();
        let ended = |line: &str| if let Some(Answer::Ended(outcome)) = parse_answer(line) { Some(outcome) } else { None };
        let answers = ticks.iter().map(|tick| said(tick).lines().find_map(ended)).collect();
        let states = ticks.iter().map(|tick| at(&tick.to_string())).map(|path| (state_of(&path), path)).collect();
        (Caught { folder, states }, answers)
    }

    /// The commands of `script` that change something, told by what is different after them.
    fn changing(&self, script: &str, payload: &[u8]) -> BTreeSet<usize> {
        let caught = self.catch(script, payload);
        let number = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().parse::<usize>().ok();
        caught.states.iter().filter_map(|(_, path)| number(path)?.checked_sub(1)).filter(|tick| *tick > 0).collect()
    }
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// What stands, of the three files that the runs here are about.
type Files<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

const OLD: Files<'static> = (Some("old"), None, Some("gone"));
const NEW: Files<'static> = (Some("new"), Some("1"), None);

/// Whether what was answered is so: all is as before, or all of it was done, where that is what was said.
fn is_true(outcome: Option<&Outcome>, before: Files<'_>, state: &State) -> bool {
    let at = |name: &str| state.get(&Path::new("etc").join(name)).map(|(_, content)| content.as_str());
    let files = (at("a"), at("b/c"), at("d"));
    match outcome {
        Some(Outcome::NotBegun { reason, .. } | Outcome::Undone { reason, .. }) => files == before && !reason.is_empty(),
        Some(Outcome::Done | Outcome::Guarded { .. }) => files == NEW,
        Some(Outcome::RolledBack) => files == OLD,
        // It says itself that not all is back.
        Some(Outcome::Broken { .. }) => true,
        _ => false,
    }
}

/// The disk of a machine as `prepare` makes it fills up at each command of the script in turn; `before` stands before it.
fn fill_up(full: Full, before: Files<'_>, prepare: impl Fn() -> (Machine, String, Vec<u8>)) {
    // One machine tells the steps, the other takes them.
    let ticks = {
        let (machine, script, payload) = prepare();
        let ticks = machine.changing(&script, &payload);
        machine.end_timers();
        ticks
    };
    let (machine, script, payload) = prepare();
    let (mut caught, answers) = machine.fill_up_at(&ticks, full, &script, &payload);
    let told = || caught.states.iter().zip(&answers);
    let wrong: Vec<_> = told().filter(|((state, _), outcome)| !is_true(outcome.as_ref(), before, state)).collect();
    assert!(wrong.is_empty(), "{full:?} {:?}: {wrong:#?}", machine.shell);
    let is_good = |outcome: &&Option<Outcome>| matches!(outcome, Some(Outcome::Done | Outcome::Guarded { .. } | Outcome::RolledBack));
    assert!(answers.iter().filter(is_good).count() < answers.len(), "the disk was never full: {answers:?}");
    let mut known: Vec<State> = Vec::new();
    caught.states.retain(|(state, _)| !known.contains(state) && (known.push(state.clone()), true).1);
    settle_each(&machine, &caught, &Next::Run);
}

fn of_run((machine, run): (Machine, Transaction)) -> (Machine, String, Vec<u8>) {
    let (script, payload) = (run.script(), run.payload().to_vec());
    (machine, script, payload)
}

#[test]
fn a_disk_without_a_block_left_at_any_command_of_a_run_leaves_whole_files_and_a_true_answer() {
    fill_up(Full::OfBlocks, OLD, || of_run(machine(BOTH[0])));
}

#[test]
fn a_disk_without_a_name_left_at_any_command_of_a_run_leaves_whole_files_and_a_true_answer() {
    fill_up(Full::OfNames, OLD, || of_run(machine(BOTH[0])));
}

#[test]
fn a_disk_that_is_full_at_any_command_of_a_guarded_run_leaves_whole_files_and_a_true_answer() {
    fill_up(Full::OfNames, OLD, || of_run(guarded(BOTH[1])));
}

#[test]
fn a_disk_that_is_full_at_any_command_of_a_rollback_leaves_whole_files_and_a_true_answer() {
    for (shell, full) in BOTH.into_iter().zip([Full::OfNames, Full::OfBlocks]) {
        fill_up(full, NEW, || {
            let (machine, run) = machine(shell);
            assert_eq!(machine.carry_out(&run), Outcome::Done);
            (machine, rollback_script(&run_id(1), "tester"), Vec::new())
        });
    }
}
