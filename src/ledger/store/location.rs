//! Where a ledger is.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a ledger is to be found.
#[derive(Debug, Clone)]
pub enum Location {
    /// An `SQLite` file.
    File(PathBuf),
}

impl Location {
    /// The path that the files beside the ledger are named after.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
        }
    }

    /// The same, for messages.
    pub fn place(&self) -> Place {
        match self {
            Self::File(path) => Place::of(path),
        }
    }
}

/// A ledger's place, for messages: a path, or a URL without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// A file's.
    pub(super) fn of(path: &Path) -> Self {
        Self(path.display().to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
