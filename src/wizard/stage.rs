//! Where a conversation takes place: the folder of the site file to come, and the files that answers name or bring about.

use std::path::{Path, PathBuf};

use super::WizardError;
use crate::checks::offline::{Content, misfit};
use crate::disk::{self, Existing};

/// The folder beside the site file for secrets that were typed.
const SECRETS: &str = "secrets";

/// Where a conversation takes place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage<'a> {
    /// The site file to come.
    pub(super) path: &'a Path,
    /// The operator's home.
    pub(super) home: &'a Path,
}

impl Stage<'_> {
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// A file that is not found from the site's folder but from here is named in full: paths of the site file start at its folder.
    pub(super) fn located(&self, text: &str) -> String {
        let locate = |name: &str| {
            let path = Path::new(name);
            let is_elsewhere = path.is_relative() && !name.starts_with("~/") && !self.folder().join(path).exists() && path.exists();
            let absolute = is_elsewhere.then(|| std::path::absolute(path).ok()).flatten();
            absolute.map_or_else(|| name.to_owned(), |path| path.display().to_string())
        };
        names(text).map(locate).collect::<Vec<_>>().join(", ")
    }

    /// What is doubtful about an answer that names files: those that are not there, or are none.
    pub(super) fn doubt(&self, text: &str) -> Option<String> {
        let found = |name: &str| self.places(name).iter().any(|path| path.is_file());
        let lost: Vec<String> = names(text).filter(|name| !found(name)).map(|name| format!("`{name}`")).collect();
        let folder = self.shown_folder();
        match lost.as_slice() {
            [] => None,
            [one] => Some(format!("there is no file {one}, seen from {}", folder.display())),
            several => Some(format!("there are no files {}, seen from {}", several.join(", "), folder.display())),
        }
    }

    /// Why a file that is named under `key` is none of the kind that is wanted there, and what to do.
    pub(super) fn misfit(&self, key: &str, text: &str) -> Option<String> {
        let content = match key {
            "ssh.identities" => Content::Identity,
            "tls.certificate.roots" | "smtp.ca_certificates" | "proxy.ca_certificates" => Content::Authorities,
            _ => return None,
        };
        names(text).find_map(|name| {
            let (why, help) = misfit(content, &self.places(name).into_iter().find(|path| path.is_file())?)?;
            Some(format!("`{name}` {why}; {help}"))
        })
    }

    /// Where a file of that name may be: under the home, or from the site's folder or from here.
    fn places(&self, name: &str) -> Vec<PathBuf> {
        match name.strip_prefix("~/") {
            Some(rest) => vec![self.home.join(rest)],
            None => vec![self.folder().join(name), PathBuf::from(name)],
        }
    }

    /// What is doubtful about a reference to a secret: a file that is not there.
    pub(super) fn doubt_of_reference(&self, text: &str) -> Option<String> {
        let name = text.trim().strip_prefix("file:")?;
        let path = self.folder().join(name);
        (!path.is_file()).then(|| format!("there is no file `{name}`, seen from {}", self.shown_folder().display()))
    }

    fn shown_folder(&self) -> PathBuf {
        std::path::absolute(self.folder()).unwrap_or_else(|_| self.folder().to_owned())
    }

    /// Keeps a secret that was typed in a file of mode 0600 beside the site file; gives the reference to it.
    pub(super) fn keep_secret(&self, key: &str, secret: &str) -> Result<String, WizardError> {
        let name = key.replace(['.', '_'], "-");
        let folder = self.folder().join(SECRETS);
        disk::make_private_folder(&folder).map_err(|source| WizardError::Folder { path: folder.clone(), source })?;
        disk::write_atomically(&folder.join(&name), secret.as_bytes(), 0o600, Existing::Replace)?;
        Ok(format!("file:{SECRETS}/{name}"))
    }
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_there_are_doubtful() {
        let folder = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        disk::write_atomically(&folder.path().join("a.pem"), b"", 0o644, Existing::Keep).unwrap();
        disk::write_atomically(&home.path().join("b.key"), b"", 0o600, Existing::Keep).unwrap();
        let site = folder.path().join("site.yaml");
        let stage = Stage { path: &site, home: home.path() };
        assert_eq!(stage.doubt("a.pem, ~/b.key,"), None);
        assert!(stage.doubt("a.pem, yes").unwrap().starts_with("there is no file `yes`, seen from "));
        assert!(stage.doubt(".").is_some(), "a folder is no file");
    }
}
