//! What the runs of a machine left behind, and whether it is still so.
//!
//! The hashes are the machine's own and stay here: those of secrets must not travel into ledgers and reports.

use std::collections::{BTreeMap, BTreeSet};

/// Something that a run did besides replacing files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The step.
    pub step: String,
    /// `command`, `refresh`, `enable`, `reload` …
    pub kind: String,
    /// The command or service.
    pub value: String,
}

impl Deed {
    /// Whether it cannot be taken back; what takes a command back stands before it.
    fn is_lasting(&self, before: Option<&Self>) -> bool {
        self.kind == "command" && before.is_none_or(|before| before.kind != "undo")
    }
}

/// A file that runs put there, or took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedFile {
    /// Its path.
    pub path: String,
    /// The newest run that changed it.
    pub run: String,
    /// Whether it is as that run left it.
    pub is_as_left: bool,
}

/// What runs left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    left: BTreeMap<String, BTreeMap<String, String>>,
    did: BTreeMap<String, Vec<Deed>>,
    pruned: BTreeSet<String>,
    now: BTreeMap<String, String>,
}

impl Journal {
    pub(super) fn left(&mut self, run: &str, path: &str, hash: &str) {
        self.left.entry(run.to_owned()).or_default().insert(path.to_owned(), hash.to_owned());
    }

    /// As [`Journal::left`], of a run that the machine no longer keeps.
    pub(super) fn pruned(&mut self, run: &str, path: &str, hash: &str) {
        self.left(run, path, hash);
        self.pruned.insert(run.to_owned());
    }

    pub(super) fn did(&mut self, run: &str, step: &str, kind: &str, value: &str) {
        let deed = Deed { step: step.to_owned(), kind: kind.to_owned(), value: value.to_owned() };
        self.did.entry(run.to_owned()).or_default().push(deed);
    }

    pub(super) fn now(&mut self, path: &str, hash: &str) {
        self.now.insert(path.to_owned(), hash.to_owned());
    }

    /// Every file that a run changed, by path.
    pub fn files(&self) -> Vec<ManagedFile> {
        let paths: BTreeSet<&String> = self.left.values().flat_map(BTreeMap::keys).collect();
        paths.into_iter().filter_map(|path| self.file(path)).collect()
    }

    /// The file at `path`, where a run changed it.
    pub fn file(&self, path: &str) -> Option<ManagedFile> {
        // Ids sort by time.
        let (run, files) = self.left.iter().rev().find(|(_, files)| files.contains_key(path))?;
        let is_as_left = files.get(path) == self.now.get(path);
        Some(ManagedFile { path: path.to_owned(), run: run.clone(), is_as_left })
    }

    /// Whether `run` is done and changed files that can be put back.
    pub fn keeps(&self, run: &str) -> bool {
        self.left.contains_key(run) && !self.pruned.contains(run)
    }

    /// The paths that `run` changed.
    pub fn files_of(&self, run: &str) -> Vec<&str> {
        self.left.get(run).into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect()
    }

    /// What `run` did besides, that putting its files back does not take back.
    pub fn lasting(&self, run: &str) -> Vec<&Deed> {
        let deeds = self.did.get(run).map(Vec::as_slice).unwrap_or_default();
        let before = std::iter::once(None).chain(deeds.iter().map(Some));
        deeds.iter().zip(before).filter(|(deed, before)| deed.is_lasting(*before)).map(|(deed, _)| deed).collect()
    }

    /// Files that are no longer as `run` left them, each with the later run that changed it; `None`: by hand.
    pub fn changed_since(&self, run: &str) -> Vec<(&str, Option<&str>)> {
        let Some(left) = self.left.get(run) else { return Vec::new() };
        let changed = left.iter().filter(|(path, hash)| self.now.get(*path) != Some(*hash));
        let later = |path: &str| {
            let after = self.left.iter().rev().filter(|(other, _)| other.as_str() > run);
            after.filter(|(_, files)| files.contains_key(path)).map(|(other, _)| other.as_str()).next()
        };
        changed.map(|(path, _)| (path.as_str(), later(path))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        let mut journal = Journal::default();
        for (run, path, hash) in [("1", "/a", "x"), ("1", "/b", "x"), ("1", "/c", "-"), ("2", "/a", "y")] {
            journal.left(run, path, hash);
        }
        for (path, hash) in [("/a", "y"), ("/b", "other"), ("/c", "-")] {
            journal.now(path, hash);
        }
        journal.did("1", "s", "command", "apt-get install x");
        journal.did("1", "s", "reload", "nginx");
        journal.did("1", "u", "undo", "unload");
        journal.did("1", "u", "command", "load");
        journal
    }

    #[test]
    fn each_file_came_by_its_newest_run_and_what_was_changed_by_hand_shows() {
        let told: Vec<_> = journal().files().into_iter().map(|file| (file.path, file.run, file.is_as_left)).collect();
        let expected = [("/a", "2", true), ("/b", "1", false), ("/c", "1", true)];
        assert_eq!(told, expected.map(|(path, run, is_as_left)| (path.to_owned(), run.to_owned(), is_as_left)));
    }

    #[test]
    fn what_a_run_left_that_is_no_longer_kept_still_shows_and_cannot_be_put_back() {
        let mut journal = journal();
        journal.pruned("0", "/d", "x");
        journal.pruned("0", "/a", "x");
        journal.now("/d", "other");
        let file = journal.file("/d").unwrap();
        assert_eq!((file.run.as_str(), file.is_as_left), ("0", false));
        assert_eq!(journal.file("/a").unwrap().run, "2");
        assert!(!journal.keeps("0") && journal.keeps("1"));
    }

    #[test]
    fn what_a_later_run_changed_is_told_from_what_was_changed_by_hand() {
        assert_eq!(journal().changed_since("1"), [("/a", Some("2")), ("/b", None)]);
        assert_eq!(journal().changed_since("2"), []);
        assert_eq!(journal().lasting("1").iter().map(|deed| deed.value.as_str()).collect::<Vec<_>>(), ["apt-get install x"]);
    }
}
