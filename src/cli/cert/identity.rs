//! Which file a path leads to: by device and inode, so that `./`, `..` and links of both kinds make no difference.

use std::path::{Path, PathBuf};

use crate::disk;

/// How a command line names standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    StandardInput,
    /// Device and inode.
    Numbered(u64, u64),
    /// Its one path without links, where the system does not number files.
    At(PathBuf),
}

/// The file behind `path`. `None`: there is none, or it is a pipe or a device, each reading of which is another.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    if path == Path::new(STANDARD_INPUT) {
        return Some(Identity::StandardInput);
    }
    let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    match disk::numbers_of(&file) {
        Some((device, inode)) => Some(Identity::Numbered(device, inode)),
        None => path.canonicalize().ok().map(Identity::At),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_by_four_paths_is_one_and_its_copy_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        crate::disk::write_atomically(&path("a"), b"x", 0o600, crate::disk::Existing::Keep).unwrap();
        std::fs::create_dir(path("sub")).unwrap();
        std::fs::hard_link(path("a"), path("hard")).unwrap();
        std::os::unix::fs::symlink("a", path("soft")).unwrap();
        std::fs::copy(path("a"), path("copy")).unwrap();
        for same in ["./a", "sub/../a", "hard", "soft"] {
            assert_eq!(identity(&path(same)), identity(&path("a")), "{same}");
        }
        assert_ne!(identity(&path("copy")), identity(&path("a")));
        assert!([path("missing"), path("sub"), "/dev/null".into()].iter().all(|path| identity(path).is_none()));
        assert_eq!(identity(Path::new("-")), Some(Identity::StandardInput));
    }
}
