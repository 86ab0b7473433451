//! Entering a machine: by the namespaces of its init, with the environment its own services and shells get.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use crate::{error::LabError, host::command::command};

/// The init of a machine, as the process numbers of this `/proc` count.
///
/// `supervisor` tells two labs with machines of one name apart; inside the lab it is 1.
pub(crate) fn find_init(supervisor: i32, machine: &str) -> Option<i32> {
    let namespace = fs::read_link(format!("/proc/{supervisor}/ns/pid")).ok()?;
    let wanted = format!("--machine={machine}");
    processes().into_iter().find_map(|pid| {
        let folder = PathBuf::from("/proc").join(pid.to_string());
        if fs::read_to_string(folder.join("comm")).ok()?.trim() != "systemd-nspawn" {
            return None;
        }
        let arguments = fs::read(folder.join("cmdline")).ok()?;
        let ours = arguments.split(|byte| *byte == 0).any(|argument| argument == wanted.as_bytes());
        (ours && fs::read_link(folder.join("ns/pid")).ok()? == namespace).then(|| init_below(pid)).flatten()
    })
}

/// The child of a systemd-nspawn that is number 1 in a namespace of its own.
pub(crate) fn init_below(nspawn: i32) -> Option<i32> {
    let children = match fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")) {
        Ok(text) => text.split_whitespace().filter_map(|word| word.parse().ok()).collect(),
        // Kernels without that file: every process is asked for its parent.
        Err(_) => processes(),
    };
    children.into_iter().find(|pid| parent_of_init(*pid) == Some(nspawn))
}

fn processes() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Whether this process is still the init of some machine (and not a later process of the same number).
pub(crate) fn is_init(pid: i32) -> bool {
    parent_of_init(pid).is_some()
}

fn parent_of_init(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let mut numbers = field("NSpid:")?.split_whitespace();
    if numbers.next_back() != Some("1") || numbers.next_back().is_none() || field("State:")?.trim_start().starts_with('Z') {
        return None;
    }
    field("PPid:")?.trim().parse().ok()
}

/// A command to run inside a machine, as root, in its environment; streams are the caller's to set.
pub(crate) fn enter(supervisor: i32, machine: &str, arguments: &[String]) -> Result<Command, LabError> {
    let init = find_init(supervisor, machine).ok_or_else(|| LabError::MachineDown(machine.to_owned()))?;
    let mut nsenter = command("nsenter");
    nsenter.arg(format!("--target={init}")).args(["--all", "--", "env", "-i", "--chdir=/"]);
    nsenter.args(["HOME=/root", "USER=root", "LOGNAME=root", "LANG=C.UTF-8"]);
    nsenter.arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    if let Some(term) = std::env::var_os("TERM") {
        let mut pair = std::ffi::OsString::from("TERM=");
        pair.push(term);
        nsenter.arg(pair);
    }
    nsenter.args(environment(&Path::new("/proc").join(init.to_string()).join("root/etc/environment")));
    nsenter.args(arguments);
    Ok(nsenter)
}

/// `/etc/environment` as `pam_env` reads it: `KEY=value`, perhaps quoted.
fn environment(file: &Path) -> Vec<String> {
    let pair = |line: &str| {
        let (key, value) = line.trim().strip_prefix("export ").unwrap_or(line.trim()).split_once('=')?;
        (!key.starts_with('#')).then(|| format!("{key}={}", value.trim_matches(['"', '\''])))
    };
    fs::read_to_string(file).unwrap_or_default().lines().filter_map(pair).collect()
}

/// The exit code a shell would give for this end.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
