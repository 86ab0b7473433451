//! A control group for each machine, in whichever of cgroup's two forms the host has: without one of its own a machine's systemd would arrange its
//! services in the operator's.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{error::LabError, host::files};

const ROOT: &str = "/sys/fs/cgroup";

/// The hierarchies systemd works with: the unified one, alone or beside the named one of old.
fn hierarchies() -> Vec<PathBuf> {
    if Path::new(ROOT).join("cgroup.controllers").exists() {
        return vec![PathBuf::from(ROOT)];
    }
    ["systemd", "unified"].iter().map(|name| Path::new(ROOT).join(name)).filter(|path| path.join("cgroup.procs").exists()).collect()
}

fn group(hierarchy: &Path, lab: &str) -> PathBuf {
    hierarchy.join(format!("portcullis-lab-{lab}"))
}

/// Makes the groups of one machine and gives the files its first process has to enter itself in.
pub(crate) fn make(lab: &str, machine: &str) -> Result<Vec<PathBuf>, LabError> {
    let mut entries = Vec::new();
    for hierarchy in hierarchies() {
        let folder = group(&hierarchy, lab).join(machine);
        files::make_folder(&folder, 0o755)?;
        entries.push(folder.join("cgroup.procs"));
    }
    Ok(entries)
}

/// Removes a lab's groups. The kernel needs a moment to see that the last process of a group is gone.
pub(crate) fn remove(lab: &str) -> Result<(), LabError> {
    for hierarchy in hierarchies() {
        let folder = group(&hierarchy, lab);
        let mut tries = 0;
        while folder.exists() {
            let removed = remove_tree(&folder);
            tries += 1;
            match removed {
                Ok(()) => {}
                Err(error) if tries > 100 => return Err(LabError::file("remove", folder)(error)),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
    }
    Ok(())
}

/// A group's own files go with it, so only folders are removed, the innermost first.
fn remove_tree(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}
