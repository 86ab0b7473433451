//! Whether the machine that answers is the one that was meant. Pins of the site file win; else `known_hosts` decides.
//! Unknown is refused, changed is refused always, revoked too; there is no trust on first use.

mod known_hosts;
mod verdict;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use known_hosts::Entry;

use crate::ssh::error::Error;
pub use known_hosts::is_known_hosts;
pub(crate) use verdict::Expectation;

/// Which `known_hosts` files decide about host keys that are not pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeys {
    files: Vec<PathBuf>,
    may_be_missing: bool,
}

impl HostKeys {
    /// These files; each must be there and readable.
    pub fn from_files(files: Vec<PathBuf>) -> Self {
        Self { files, may_be_missing: false }
    }

    /// `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`, as far as they are there.
    pub fn of_operator(home: &Path) -> Self {
        let system = PathBuf::from("/etc/ssh/ssh_known_hosts");
        Self { files: vec![home.join(".ssh/known_hosts"), system], may_be_missing: true }
    }

    /// Whether the site named the files itself.
    pub(crate) fn is_explicit(&self) -> bool {
        !self.may_be_missing
    }

    /// The same, with the files that the client configuration names (`UserKnownHostsFile`) in place of the usual one.
    pub(crate) fn with_user_files(&self, files: &[PathBuf]) -> Self {
        let system = self.files.iter().skip(1).cloned();
        Self { files: files.iter().cloned().chain(system).collect(), may_be_missing: true }
    }

    /// Reads the files. An unreadable file is an error: an empty list in its place would hide a revocation.
    pub(crate) fn read(&self) -> Result<KnownHosts, Error> {
        let mut known = KnownHosts { files: Vec::new(), first: self.files.first().cloned().unwrap_or_default() };
        for path in &self.files {
            let failed = |source: io::Error| Error::KnownHostsUnreadable { path: path.clone(), source: Arc::new(source) };
            let bytes = match std::fs::read(path) {
                Ok(bytes) => bytes,
                Err(error) if self.may_be_missing && error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            let entries = known_hosts::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| failed(io::Error::other(error)))?;
            known.files.push((path.clone(), entries));
        }
        Ok(known)
    }
}

/// The entries of all files.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownHosts {
    files: Vec<(PathBuf, Vec<Entry>)>,
    first: PathBuf,
}

impl KnownHosts {
    fn about<'a>(&'a self, host: &'a str) -> impl Iterator<Item = (&'a Path, &'a Entry)> {
        let all = self.files.iter().flat_map(|(path, entries)| entries.iter().map(move |entry| (path.as_path(), entry)));
        all.filter(move |(_, entry)| entry.is_about(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_the_site_names_must_be_there() {
        let missing = PathBuf::from("/nonexistent/known_hosts");
        let error = HostKeys::from_files(vec![missing]).read().unwrap_err();
        assert!(matches!(error, Error::KnownHostsUnreadable { .. }));
        assert_eq!(error.to_string(), "cannot use the known hosts file /nonexistent/known_hosts");
    }

    #[test]
    fn the_operators_own_files_may_be_missing_but_not_unreadable() {
        let home = tempfile::tempdir().unwrap();
        assert!(HostKeys::of_operator(home.path()).read().is_ok());
        // A folder in the file's place cannot be read, not even by root.
        std::fs::create_dir_all(home.path().join(".ssh/known_hosts")).unwrap();
        assert!(HostKeys::of_operator(home.path()).read().is_err());
    }
}
