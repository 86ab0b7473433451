//! Where playbooks and templates are: embedded in the binary, and below the site's folder, which win.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::error::LoadError;

static PLAYBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// Where playbooks and templates come from, for one site.
#[derive(Debug, Clone)]
pub struct Library {
    folder: PathBuf,
}

/// A playbook's or a template's text, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its file; for a built-in one its place in the binary.
    pub file: PathBuf,
    /// What is in it.
    pub text: String,
    /// Whether it is built in.
    pub is_built_in: bool,
}

impl Source {
    fn built_in(place: &str, text: &str) -> Self {
        Self { file: PathBuf::from(format!("built-in:{place}")), text: text.to_owned(), is_built_in: true }
    }
}

impl Library {
    /// The embedded ones, with those below the site's `folder` before them.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The names of all playbooks, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = PLAYBOOKS.files().filter_map(|file| playbook_name(file.path())).collect();
        names.extend(self.own_names());
        names.into_iter().collect()
    }

    /// The names of the site's own playbooks, sorted.
    pub fn own_names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.join("playbooks")).into_iter().flatten().flatten();
        let names: BTreeSet<String> = entries.filter_map(|entry| playbook_name(&entry.path())).collect();
        names.into_iter().collect()
    }

    /// The text of one playbook.
    pub fn source(&self, name: &str) -> Result<Source, LoadError> {
        let unknown = || LoadError::Unknown { name: name.to_owned(), known: self.names() };
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(unknown());
        }
        let path = self.folder.join("playbooks").join(format!("{name}.yaml"));
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Source { file: path, text, is_built_in: false }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let file = PLAYBOOKS.get_file(format!("{name}.yaml")).ok_or_else(unknown)?;
                Ok(Source::built_in(&format!("playbooks/{name}.yaml"), file.contents_utf8().unwrap_or_default()))
            }
            Err(source) => Err(LoadError::Unreadable { path, source }),
        }
    }

    /// All templates by name: the embedded ones, replaced and joined by those below the site's `templates/`.
    pub fn templates(&self) -> Result<BTreeMap<String, Source>, LoadError> {
        let mut templates = BTreeMap::new();
        embedded(&TEMPLATES, &mut templates);
        let folder = self.folder.join("templates");
        own_templates(&folder, &folder, &mut templates)?;
        Ok(templates)
    }
}

fn playbook_name(path: &Path) -> Option<String> {
    // An editor's hidden files are no playbooks.
    let stem = path.file_stem()?.to_str().filter(|stem| !stem.starts_with('.'))?;
    (path.extension()? == "yaml").then(|| stem.to_owned())
}

fn embedded(folder: &Dir<'_>, templates: &mut BTreeMap<String, Source>) {
    for file in folder.files() {
        if let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
            templates.insert(name.to_owned(), Source::built_in(&format!("templates/{name}"), text));
        }
    }
    for inner in folder.dirs() {
        embedded(inner, templates);
    }
}

fn own_templates(root: &Path, folder: &Path, templates: &mut BTreeMap<String, Source>) -> Result<(), LoadError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(LoadError::Unreadable { path: folder.to_owned(), source }),
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_left_by_an_editor = path.file_name().and_then(|name| name.to_str()).is_none_or(|n| n.starts_with('.') || n.ends_with('~'));
        if is_left_by_an_editor {
            continue;
        }
        if path.is_dir() {
            own_templates(root, &path, templates)?;
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            let text = std::fs::read_to_string(&path).map_err(|source| LoadError::Unreadable { path: path.clone(), source })?;
            templates.insert(name.to_owned(), Source { file: path.clone(), text, is_built_in: false });
        }
    }
    Ok(())
}
