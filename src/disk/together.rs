//! Several files that belong together, such as a PFX and its password: put in place all, or none.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Existing, Staged, WriteError, folder_of, temporary_beside};

/// How long another process may hold the folder: it does so while it renames a few files.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Puts each of `files`, which belong into one folder, in its place. Where one cannot be, those before it are as they were.
///
/// Of two processes that do so at once, one's files come after the other's, and are never mixed with them.
pub fn place_together(files: Vec<Staged>, existing: Existing) -> Result<(), WriteError> {
    let _turn = files.first().and_then(|file| take_turn(folder_of(&file.path)));
    let mut placed: Vec<Before> = Vec::new();
    for file in files {
        let before = Before::look(&file.path);
        let outcome = before.and_then(|before| file.place(existing).map(|()| before));
        match outcome {
            Ok(before) => placed.push(before),
            Err(error) => {
                placed.into_iter().rev().for_each(Before::restore);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// A lock on the folder, where the system has such; it ends when it is dropped, and with the process.
fn take_turn(folder: &Path) -> Option<File> {
    let lock = File::open(folder).ok()?;
    let end = Instant::now() + PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => return Some(lock),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
    }
}

/// What stood in a place before: under a second name, so that having it back needs no space on the disk.
struct Before {
    path: PathBuf,
    kept: Option<PathBuf>,
}

impl Before {
    fn look(path: &Path) -> Result<Self, WriteError> {
        let mut before = Self { path: path.to_owned(), kept: None };
        if fs::symlink_metadata(path).is_ok() {
            let kept = temporary_beside(path);
            // Not every file system has second names.
            let linked = fs::hard_link(path, &kept).or_else(|_| fs::copy(path, &kept).map(drop));
            before.kept = Some(kept);
            linked.map_err(|source| WriteError::Io { path: path.to_owned(), source })?;
        }
        Ok(before)
    }

    fn restore(mut self) {
        // The error that made it necessary is at hand; there is nobody to tell of another.
        match self.kept.take() {
            Some(kept) => drop(fs::rename(kept, &self.path)),
            None => drop(fs::remove_file(&self.path)),
        }
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        if let Some(kept) = &self.kept {
            drop(fs::remove_file(kept));
        }
    }
}

/// Removes what processes that were killed left beside `path`: it may hold a private key.
pub fn sweep_beside(path: &Path) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().and_then(|found| owner(found, name)).is_some_and(|owner| !is_running(owner)) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// The process that made a temporary file for `name`; `None`: it is something else.
fn owner(found: &str, name: &str) -> Option<u32> {
    let (process, unique) = found.strip_prefix('.')?.strip_prefix(name)?.strip_prefix('.')?.split_once('.')?;
    let is_unique = unique.len() == 32 && unique.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_unique { process.parse().ok() } else { None }
}

/// Whether a process runs; where that cannot be seen, it may.
fn is_running(process: u32) -> bool {
    let processes = Path::new("/proc");
    !processes.join("self").exists() || processes.join(process.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::super::write_atomically;
    use super::*;

    fn content(path: &Path) -> Option<Vec<u8>> {
        fs::read(path).ok()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn where_one_cannot_be_placed_all_stand_as_they_stood() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write_atomically(&path("old"), b"before", 0o600, Existing::Keep).unwrap();
        let staged = |name: &str| Staged::beside(&path(name), b"after", 0o600).unwrap();
        let files = vec![staged("old"), staged("new"), staged("last")];
        // A folder came to stand there meanwhile, which no file replaces.
        fs::create_dir(path("last")).unwrap();
        place_together(files, Existing::Replace).unwrap_err();
        assert_eq!((content(&path("old")), content(&path("new"))), (Some(b"before".to_vec()), None));
        assert_eq!(names(folder.path()), ["last", "old"]);
        place_together(vec![staged("old"), staged("new")], Existing::Replace).unwrap();
        assert_eq!((content(&path("old")), content(&path("new"))), (Some(b"after".to_vec()), Some(b"after".to_vec())));
        assert_eq!(names(folder.path()), ["last", "new", "old"]);
    }

    #[test]
    fn pairs_that_are_placed_at_once_are_never_mixed() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        for _ in 0..20 {
            std::thread::scope(|scope| {
                for writer in 0..4_u8 {
                    let paths = [&one, &other];
                    scope.spawn(move || {
                        let files = paths.map(|path| Staged::beside(path, &[writer], 0o600).unwrap());
                        place_together(files.into(), Existing::Replace).unwrap();
                    });
                }
            });
            assert_eq!(content(&one), content(&other));
        }
    }

    #[test]
    fn what_the_dead_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str| write_atomically(&folder.path().join(name), b"x", 0o600, Existing::Keep).unwrap();
        let unique = "01a22ccda39a7516857c40b40ea4913b";
        // No process has a number beyond the kernel's highest.
        let of_dead = format!(".a.pfx.4294967295.{unique}");
        let mut kept = vec![format!(".a.pfx.{}.{unique}", std::process::id()), format!(".b.pfx.4294967295.{unique}")];
        kept.extend([".a.pfx.4294967295.x", ".a.pfx.swp", "a.pfx"].map(str::to_owned));
        put(&of_dead);
        for name in &kept {
            put(name);
        }
        sweep_beside(&folder.path().join("a.pfx"));
        kept.sort();
        assert_eq!(names(folder.path()), kept);
    }
}
