//! Mounts and namespaces need root. Started by another user, the program starts itself again through `sudo`.

use std::{
    env,
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
};

use nix::sys::stat::{Mode, umask};

use super::{command::command, files, folders::Folders};
use crate::error::LabError;

/// Returns as root, or does not return: the same command line runs again under `sudo`, with the user's own folders.
pub(crate) fn become_root() -> Result<(), LabError> {
    if nix::unistd::geteuid().is_root() {
        // What is written here becomes a system's root: its users must be able to read it, whatever the caller keeps to himself.
        umask(Mode::from_bits_truncate(0o022));
        return Ok(());
    }
    let program = env::current_exe().map_err(|source| LabError::NotStarted { program: "lab".to_owned(), source })?;
    let above = |path: &Path| path.ancestors().nth(2).map_or_else(|| path.display().to_string(), |base| base.display().to_string());
    let folders = Folders::of_user();
    // Made while still the user: what root makes above them would be root's, in the user's own home.
    files::make_folder(&folders.cache, 0o755)?;
    files::make_folder(&folders.state, 0o755)?;
    let mut sudo = command("sudo");
    sudo.arg("env").arg(format!("XDG_CACHE_HOME={}", above(&folders.cache))).arg(format!("XDG_STATE_HOME={}", above(&folders.state)));
    for kept in ["PATH", "PORTCULLIS_LAB", "http_proxy", "https_proxy", "no_proxy"] {
        if let Some(value) = env::var_os(kept) {
            let mut pair = std::ffi::OsString::from(format!("{kept}="));
            pair.push(value);
            sudo.arg(pair);
        }
    }
    let source = sudo.arg(program).args(env::args_os().skip(1)).exec();
    Err(LabError::NotStarted { program: "sudo".to_owned(), source })
}

/// Gives files to the user who called `sudo`, so that the tool under test can read its keys without being root.
pub(crate) fn give_to_caller(path: &Path) -> Result<(), LabError> {
    let number = |variable: &str| env::var(variable).ok().and_then(|text| text.parse::<u32>().ok());
    let (Some(user), Some(group)) = (number("SUDO_UID"), number("SUDO_GID")) else { return Ok(()) };
    chown(path, Some(user), Some(group)).map_err(LabError::file("hand over", path))?;
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(LabError::file("read", path))?;
        for entry in entries {
            give_to_caller(&entry.map_err(LabError::file("read", path))?.path())?;
        }
    }
    Ok(())
}
