//! The one place that writes files on the operator's machine: temporary file, fsync, rename, mode at creation.
//!
//! A reader sees the old file or the new one, whole, at every moment; a failed write leaves nothing behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file is there already and was not to be replaced.
    #[error("{path} exists already")]
    Exists {
        /// The file.
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
    let temporary = temporary_beside(path);
    let outcome = place(&temporary, path, bytes, mode, existing);
    if outcome.is_err() {
        // Best effort: the error that matters is the one already at hand.
        drop(fs::remove_file(&temporary));
    }
    outcome.map_err(|source| {
        if source.kind() == io::ErrorKind::AlreadyExists && existing == Existing::Keep {
            WriteError::Exists { path: path.to_owned() }
        } else {
            WriteError::Io { path: path.to_owned(), source }
        }
    })
}

fn place(temporary: &Path, path: &Path, bytes: &[u8], mode: u32, existing: Existing) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    match existing {
        Existing::Replace => fs::rename(temporary, path)?,
        Existing::Keep => {
            // A hard link fails where the name exists; a rename would replace it.
            fs::hard_link(temporary, path)?;
            fs::remove_file(temporary)?;
        }
    }
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
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
    fn a_write_into_a_missing_folder_says_where() {
        let error = write_atomically(Path::new("/nonexistent/x"), b"", 0o600, Existing::Keep).unwrap_err();
        assert_eq!(error.to_string(), "cannot write /nonexistent/x");
    }
}
