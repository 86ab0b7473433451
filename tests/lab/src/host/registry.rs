//! What all labs of a host share: who stands, and the kernel limits raised while anybody does.
//!
//! It lives in `/run`, so that a reboot of the host forgets it together with the labs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::files;
use crate::error::LabError;

const FOLDER: &str = "/run/portcullis-lab";
/// The limits as they were before the first lab.
const LIMITS_FILE: &str = "limits.json";
/// Some twenty systemd machines use up the stock figures, and those that find nothing left die without a word.
const LIMITS: [(&str, u64); 4] = [
    ("/proc/sys/fs/inotify/max_user_instances", 65_536),
    ("/proc/sys/fs/inotify/max_user_watches", 1_048_576),
    ("/proc/sys/kernel/keys/maxkeys", 20_000),
    ("/proc/sys/kernel/keys/maxbytes", 2_000_000),
];

/// A process that cannot be mistaken for a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its number on the host.
    pub(crate) pid: i32,
    /// When it started, in clock ticks since boot.
    started: u64,
}

impl Process {
    /// The process of this number, if there is one.
    pub(crate) fn find(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The program's name, in brackets, may hold anything; fields are counted from behind it (proc(5): starttime is the 22nd).
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?;
        let started = fields.nth(18)?.parse().ok()?;
        (state != "Z").then_some(Self { pid, started })
    }

    /// The `unshare` that started it, unless that has ended (its child then belongs to somebody else).
    pub(crate) fn unshare_above(self) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        let name = fs::read_to_string(format!("/proc/{parent}/comm")).ok()?;
        (name.trim() == "unshare").then(|| Self::find(parent)).flatten()
    }

    /// Whether it still runs.
    pub(crate) fn lives(self) -> bool {
        Self::find(self.pid) == Some(self)
    }
}

/// What is known about one lab on this host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Registration {
    /// Its state folder.
    pub(crate) state: PathBuf,
    /// Its supervisor, the first process of its namespaces; none while it is being started.
    pub(crate) supervisor: Option<Process>,
}

/// The registry, locked: no other `up` or `down` of this host runs meanwhile.
#[derive(Debug)]
pub(crate) struct Registry {
    folder: PathBuf,
    _lock: fs::File,
}

impl Registry {
    /// Waits for its turn.
    pub(crate) fn open() -> Result<Self, LabError> {
        let folder = PathBuf::from(FOLDER);
        files::make_folder(&folder.join("labs"), 0o755)?;
        let path = folder.join("lock");
        let lock = fs::File::create(&path).map_err(LabError::file("create", &path))?;
        lock.lock().map_err(LabError::file("lock", &path))?;
        Ok(Self { folder, _lock: lock })
    }

    /// Enters a lab, and raises the limits for it.
    pub(crate) fn enter(&self, name: &str, registration: &Registration) -> Result<(), LabError> {
        files::write_json(&place(name), 0o644, registration)?;
        raise_limits(&self.folder.join(LIMITS_FILE))
    }

    /// Takes a lab out; with the last one the limits are put back.
    pub(crate) fn remove(&self, name: &str) -> Result<(), LabError> {
        match fs::remove_file(place(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(LabError::file("remove", place(name))(error)),
            _ => {}
        }
        if list().is_empty() { restore_limits(&self.folder.join(LIMITS_FILE)) } else { Ok(()) }
    }
}

/// The lab of this name, where one is registered (it may have died since).
pub(crate) fn find(name: &str) -> Option<Registration> {
    files::read_json(&place(name)).ok()
}

/// The names of all registered labs.
pub(crate) fn list() -> Vec<String> {
    let Ok(entries) = fs::read_dir(Path::new(FOLDER).join("labs")) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned())).collect();
    names.sort();
    names
}

fn place(name: &str) -> PathBuf {
    Path::new(FOLDER).join("labs").join(format!("{name}.json"))
}

fn raise_limits(noted: &Path) -> Result<(), LabError> {
    let mut before: BTreeMap<String, u64> = files::read_json(noted).unwrap_or_default();
    for (path, wanted) in LIMITS {
        let Some(now) = fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok()) else { continue };
        if now < wanted {
            // Noted before it is changed: a crash in between loses nothing.
            before.entry(path.to_owned()).or_insert(now);
            files::write_json(noted, 0o644, &before)?;
            set_limit(path, wanted)?;
        }
    }
    Ok(())
}

fn restore_limits(noted: &Path) -> Result<(), LabError> {
    let before: BTreeMap<String, u64> = files::read_json(noted).unwrap_or_default();
    for (path, value) in before {
        set_limit(&path, value)?;
    }
    match fs::remove_file(noted) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LabError::file("remove", noted)(error)),
        _ => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a kernel setting is written in place; there is nothing to rename")]
fn set_limit(path: &str, value: u64) -> Result<(), LabError> {
    fs::write(path, value.to_string()).map_err(LabError::file("set", path))
}
