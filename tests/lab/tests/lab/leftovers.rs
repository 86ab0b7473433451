//! Nothing is left of a lab, whether it was taken down or killed; and labs do not know of each other.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use portcullis_lab::{Lab, Options};

use crate::{options, sh};

fn small(purpose: &str) -> Options {
    Options { nodes: 1, mail: false, proxy: false, ..options(purpose) }
}

/// A process and when it started, so that a later one of its number is not taken for it.
type Process = (i32, u64);

/// State, parent and start of a process, from `/proc/<pid>/stat` behind the program's name.
fn stat(pid: i32) -> Option<(String, i32, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?, fields.nth(17)?.parse().ok()?))
}

fn lives(process: &Process) -> bool {
    stat(process.0).is_some_and(|(state, _, started)| state != "Z" && started == process.1)
}

/// All processes of a lab: those that were given its state folder, and everything below them.
fn processes_of(lab: &str) -> Vec<Process> {
    let folder = format!("/lab/{lab}");
    let named = |pid: i32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument.ends_with(folder.as_bytes()))
    };
    let numbers = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let all: Vec<(i32, i32, u64)> = numbers.filter_map(|pid| stat(pid).map(|(_, parent, started)| (pid, parent, started))).collect();
    let mut found: Vec<Process> = all.iter().filter(|(pid, ..)| named(*pid)).map(|(pid, _, started)| (*pid, *started)).collect();
    let mut next = 0;
    while let Some((above, _)) = found.get(next).copied() {
        let below = all.iter().filter(|(pid, parent, _)| *parent == above && found.iter().all(|known| known.0 != *pid));
        found.extend(below.map(|(pid, _, started)| (*pid, *started)).collect::<Vec<_>>());
        next += 1;
    }
    found
}

fn control_groups_of(lab: &str) -> Vec<PathBuf> {
    let name = format!("portcullis-lab-{lab}");
    ["", "systemd", "unified"].iter().map(|part| Path::new("/sys/fs/cgroup").join(part).join(&name)).filter(|path| path.exists()).collect()
}

fn links() -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir("/sys/class/net").unwrap().flatten().map(|entry| entry.file_name().display().to_string()).collect();
    names.sort();
    names
}

fn assert_nothing_left(lab: &str, state: &Path, processes: &[Process]) {
    assert_eq!(processes.iter().filter(|process| lives(process)).collect::<Vec<_>>(), Vec::<&Process>::new());
    assert_eq!(processes_of(lab), Vec::<Process>::new());
    assert_eq!(control_groups_of(lab), Vec::<PathBuf>::new());
    assert!(!fs::read_to_string("/proc/mounts").unwrap().contains("portcullis-lab"));
    assert!(!state.exists());
    assert!(!Path::new("/run/portcullis-lab/labs").join(format!("{lab}.json")).exists());
    assert!(links().iter().all(|name| !name.starts_with("vb-") && !name.starts_with("vo-") && name != "inner" && name != "outer"));
    // Limits are noted as long as anybody's lab stands, and no longer.
    let others = fs::read_dir("/run/portcullis-lab/labs").unwrap().count();
    if others == 0 {
        assert!(!Path::new("/run/portcullis-lab/limits.json").exists());
    }
}

#[test]
fn nothing_is_left_after_down() {
    let lab = Lab::up(&small("down")).unwrap();
    let (name, state) = (lab.name().to_owned(), lab.state_dir().to_owned());
    let processes = processes_of(&name);
    assert!(processes.len() > 20, "the search must be able to find a lab");
    assert!(!control_groups_of(&name).is_empty());
    lab.down().unwrap();
    assert_nothing_left(&name, &state, &processes);
}

#[test]
fn nothing_is_left_after_a_crash_and_down() {
    let lab = Lab::up(&small("crash")).unwrap();
    let (name, state) = (lab.name().to_owned(), lab.state_dir().to_owned());
    let processes = processes_of(&name);
    kill(&processes);
    lab.down().unwrap();
    assert_nothing_left(&name, &state, &processes);
    let again = Lab::up(&small("crash")).unwrap();
    assert_eq!(sh(&again, "a0-1", "hostname"), "a0-1");
}

#[test]
fn a_machine_whose_container_is_killed_is_started_again() {
    let lab = Lab::up(&small("killed")).unwrap();
    let nspawn = |(pid, _): &Process| {
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.starts_with("systemd-nspawn") && arguments.contains("--machine=a0-1")
    };
    let before: Vec<Process> = processes_of(lab.name()).into_iter().filter(nspawn).collect();
    assert_eq!(before.len(), 1);
    sh(&lab, "a0-1", "touch /run/first-life");
    kill(&before);
    let end = Instant::now() + Duration::from_secs(30);
    let second_life = || {
        let answer = lab.exec("a0-1", &["sh", "-c", "test ! -e /run/first-life && systemctl is-active ssh"]).unwrap();
        answer.status.success()
    };
    while !second_life() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn two_labs_stand_at_once_and_one_does_not_miss_the_other() {
    let (one, two) = (Lab::up(&small("one")).unwrap(), Lab::up(&small("two")).unwrap());
    assert_ne!(one.jump_address(), two.jump_address());
    sh(&one, "a0-1", "echo one >/root/which");
    sh(&two, "a0-1", "echo two >/root/which");
    assert_eq!(sh(&one, "a0-1", "cat /root/which"), "one");
    one.down().unwrap();
    assert_eq!(sh(&two, "a0-1", "cat /root/which"), "two");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the process a lab is tied to must be one that can end")]
fn a_lab_ends_with_the_process_it_is_tied_to() {
    let name = format!("tied-{}", std::process::id());
    let mut owner = Command::new("sleep").arg("600").spawn().unwrap();
    let program = env!("CARGO_BIN_EXE_lab");
    let arguments = ["--lab", &name, "up", "--nodes", "0", "--no-mail", "--no-proxy", "--until-exit-of", &owner.id().to_string()];
    assert!(Command::new(program).args(arguments).status().unwrap().success());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while Path::new("/run/portcullis-lab/labs").join(format!("{name}.json")).exists() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(processes_of(&name).len(), 0);
}

#[expect(clippy::disallowed_methods, reason = "the tests need not run as root themselves")]
fn kill(processes: &[Process]) {
    for (pid, _) in processes {
        drop(Command::new("sudo").args(["-n", "kill", "-9", &pid.to_string()]).output());
        drop(Command::new("kill").args(["-9", &pid.to_string()]).output());
    }
}
