//! The one place that writes files on the operator's machine: temporary file, fsync, rename, mode at creation.
//!
//! A reader sees the old file or the new one, whole, at every moment; a failed write leaves nothing behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

mod modes;
mod together;

pub use modes::{make_private_folder, mode_of, numbers_of, with_mode};
pub use together::{place_together, sweep_beside};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file is there already and was not to be replaced.
    #[error("{path} exists already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// What stands there is no file, and replacing it by one would break it: a device (`/dev/null`), a pipe, a folder.
    #[error("{path} is no regular file and is not replaced by one")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot write {path}")]
    Io {
        /// The file that was to be written.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// Whether an existing file may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail.
    Keep,
    /// Replace it.
    Replace,
}

/// Writes `bytes` to `path` with `mode` (such as `0o600`), atomically and durably.
///
/// With [`Existing::Keep`] an existing file is never touched, also not when it appears at the last moment.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32, existing: Existing) -> Result<(), WriteError> {
    if existing == Existing::Keep && fs::symlink_metadata(path).is_ok() {
        return Err(WriteError::Exists { path: path.to_owned() });
    }
    Staged::beside(path, bytes, mode)?.place(existing)
}

/// A file that is written durably beside its place, under another name. Dropped, it is gone.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    temporary: PathBuf,
    placed: bool,
}

impl Staged {
    /// Writes `bytes` beside `path`, where a file stands or nothing.
    pub fn beside(path: &Path, bytes: &[u8], mode: u32) -> Result<Self, WriteError> {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(WriteError::NotAFile { path: path.to_owned() });
        }
        let staged = Self { path: path.to_owned(), temporary: temporary_beside(path), placed: false };
        let write = || {
            let mut file = with_mode(OpenOptions::new().write(true).create_new(true), mode).open(&staged.temporary)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|source| WriteError::Io { path: path.to_owned(), source })?;
        Ok(staged)
    }

    /// Puts it in its place.
    pub fn place(mut self, existing: Existing) -> Result<(), WriteError> {
        let outcome = match existing {
            Existing::Replace => fs::rename(&self.temporary, &self.path),
            // A hard link fails where the name exists; a rename would replace it. The first name goes when this is dropped.
            Existing::Keep => fs::hard_link(&self.temporary, &self.path),
        };
        self.placed = outcome.is_ok() && existing == Existing::Replace;
        outcome.and_then(|()| sync_folder_of(&self.path)).map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists && existing == Existing::Keep {
                WriteError::Exists { path: self.path.clone() }
            } else {
                WriteError::Io { path: self.path.clone(), source }
            }
        })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            // Best effort: where this matters an error is at hand already.
            drop(fs::remove_file(&self.temporary));
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.{}", std::process::id(), uuid::Uuid::now_v7().simple()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_file_has_its_mode_and_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write_atomically(&path, b"x", 0o600, Existing::Keep).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_existing_file_is_kept_unless_told_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write_atomically(&path, b"old", 0o644, Existing::Keep).unwrap();
        assert!(matches!(write_atomically(&path, b"new", 0o644, Existing::Keep), Err(WriteError::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write_atomically(&path, b"new", 0o644, Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_is_never_replaced_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, link) = (folder.path().join("socket"), folder.path().join("link"));
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for path in [socket.as_path(), link.as_path(), folder.path()] {
            let error = write_atomically(path, b"x", 0o600, Existing::Replace).unwrap_err();
            assert!(matches!(error, WriteError::NotAFile { .. }), "{error}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_write_into_a_missing_folder_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/x");
        let error = write_atomically(&path, b"", 0o600, Existing::Keep).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {}", path.display()));
    }
}
