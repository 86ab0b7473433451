//! Files of the lab: made with their mode, replaced by rename where somebody may be reading.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::error::LabError;

/// Writes a file with its mode from the first byte on; one that stands there is replaced by rename.
pub(crate) fn write(path: &Path, mode: u32, content: impl AsRef<[u8]>) -> Result<(), LabError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = Path::new(&name);
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(fresh)
        .and_then(|mut file| file.write_all(content.as_ref()))
        .and_then(|()| fs::rename(fresh, path))
        .map_err(LabError::file("write", path))
}

/// Makes a folder and those above it, the last with this mode.
pub(crate) fn make_folder(path: &Path, mode: u32) -> Result<(), LabError> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(LabError::file("create", path))
}

/// Reads a file as text.
pub(crate) fn read(path: &Path) -> Result<String, LabError> {
    fs::read_to_string(path).map_err(LabError::file("read", path))
}

/// Writes a value as JSON.
pub(crate) fn write_json(path: &Path, mode: u32, value: &impl Serialize) -> Result<(), LabError> {
    let text = serde_json::to_string_pretty(value).map_err(|source| LabError::State { path: path.to_owned(), source })?;
    write(path, mode, text)
}

/// Reads a value that [`write_json`] wrote.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LabError> {
    serde_json::from_str(&read(path)?).map_err(|source| LabError::State { path: path.to_owned(), source })
}

/// Removes a folder with all it holds; one that is not there is removed already.
pub(crate) fn remove_folder(path: &Path) -> Result<(), LabError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LabError::file("remove", path)(error)),
        _ => Ok(()),
    }
}
