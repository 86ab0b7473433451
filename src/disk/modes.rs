//! What only some systems say of files: modes, and numbers. Where there are no modes, what a person's folder inherits has to do.

use std::fs::{DirBuilder, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Gives files that `options` will make the mode `mode`, such as `0o600`, from their first instant on.
#[cfg(unix)]
pub fn with_mode(options: &mut OpenOptions, mode: u32) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(mode)
}

/// The system knows no modes.
#[cfg(not(unix))]
pub fn with_mode(options: &mut OpenOptions, _mode: u32) -> &mut OpenOptions {
    options
}

/// Makes a folder, and those above it that are missing, into which only their owner can look (mode 0700). One that is there stays as it is.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// A file's mode, with the bits for set-user-id and the like; `None` where the system knows no modes.
#[cfg(unix)]
pub fn mode_of(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(metadata.permissions().mode() & 0o7777)
}

/// The system knows no modes.
#[cfg(not(unix))]
pub fn mode_of(_metadata: &Metadata) -> Option<u32> {
    None
}

/// Device and inode of a file, by which two paths to it are known for one; `None` where the system does not say.
#[cfg(unix)]
pub fn numbers_of(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

/// The system does not say.
#[cfg(not(unix))]
pub fn numbers_of(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}
