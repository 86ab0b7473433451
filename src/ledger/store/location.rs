//! Where a ledger is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::site::model::Database;
use crate::site::secret::Secrets;

/// Where a ledger is to be found.
#[derive(Debug, Clone)]
pub enum Location {
    /// An `SQLite` file.
    File(PathBuf),
    /// A site's ledger on a `PostgreSQL` server.
    Server(Server),
}

/// A site's ledger on a server, and what is needed to get there.
#[derive(Debug, Clone)]
pub struct Server {
    /// The database, with absolute paths.
    pub database: Database,
    /// The site's name: one database keeps the ledgers of several.
    pub site: String,
    /// The path that this machine's files are named after: its key, the newest checkpoint it knows of.
    pub files: PathBuf,
    /// Resolves the password's reference.
    pub secrets: Arc<Secrets>,
}

impl Location {
    /// The path that the files beside the ledger are named after.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Server(server) => &server.files,
        }
    }

    /// The same, for messages.
    pub fn place(&self) -> Place {
        match self {
            Self::File(path) => Place::of(path),
            Self::Server(server) => server.place(),
        }
    }
}

impl Server {
    /// The ledger's place, for messages.
    pub(super) fn place(&self) -> Place {
        Place(format!("of {} in {}", self.site, self.database))
    }
}

/// A ledger's place, for messages: a path, or a URL without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// The same after "there is none".
    pub(super) fn at(&self) -> String {
        if self.0.starts_with("of ") { self.0.clone() } else { format!("at {}", self.0) }
    }

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
