//! The archive: every text redacted on its way in, a manifest of them all, and a last look for what is known before it is packed.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::redact::{Redacted, Redactor, count};
use crate::node::sha256_hex;

/// The manifest's name, beside which everything stands.
const MANIFEST: &str = "manifest.json";
/// Form of the manifest.
const FORMAT: u32 = 1;

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its path below the archive's folder.
    pub path: String,
    /// Bytes.
    pub size: usize,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// What was taken out, by kind, and how often.
    pub redacted: BTreeMap<&'static str, usize>,
    #[serde(skip)]
    text: String,
}

/// What should be there and is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What.
    pub path: String,
    /// Why.
    pub why: String,
}

/// A secret that is known stands in a text in spite of everything: nothing is written then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} would still hold a secret of the site")]
pub struct UncleanError {
    /// Which text.
    pub path: String,
}

/// An archive as it is to be written.
#[derive(Debug, Clone)]
pub struct Packed {
    /// tar.gz.
    pub bytes: Vec<u8>,
    /// SHA-256 of these bytes.
    pub sha256: String,
    /// What is in it, without the manifest itself.
    pub files: Vec<Entry>,
    /// What is not.
    pub missing: Vec<Missing>,
}

/// Gathers texts.
#[derive(Debug)]
pub struct Archive {
    redactor: Redactor,
    files: Vec<Entry>,
    missing: Vec<Missing>,
}

impl Archive {
    /// An empty one, whose texts pass that redactor.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, files: Vec::new(), missing: Vec::new() }
    }

    /// Adds a text. What is no UTF-8 of it is replaced.
    pub fn text(&mut self, path: &str, text: &str) {
        let Redacted { text, counts } = self.redactor.redact(text);
        self.keep(path, text, counts);
    }

    /// Adds a document: each of its texts is redacted by itself, so that it stays a document.
    pub fn json(&mut self, path: &str, value: Value) {
        let mut counts = BTreeMap::new();
        let value = self.clean(value, &mut counts);
        self.keep(path, format!("{value:#}\n"), counts);
    }

    /// Says what should be there and is not, and why.
    pub fn missing(&mut self, path: &str, why: &str) {
        let Redacted { text, .. } = self.redactor.redact(why);
        self.missing.push(Missing { path: path.to_owned(), why: text });
    }

    fn clean(&self, value: Value, counts: &mut BTreeMap<&'static str, usize>) -> Value {
        match value {
            Value::String(text) => {
                let Redacted { text, counts: taken } = self.redactor.redact(&text);
                count_all(counts, taken);
                Value::String(text)
            }
            Value::Array(values) => values.into_iter().map(|value| self.clean(value, counts)).collect(),
            Value::Object(members) => {
                let clean = members.into_iter().map(|(key, value)| self.member(&key, value, counts));
                Value::Object(clean.collect())
            }
            // A secret may be a number, too.
            Value::Null | Value::Bool(_) | Value::Number(_) if self.redactor.finds_known(&value.to_string()) => {
                self.clean(Value::String(value.to_string()), counts)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    // A name tells of its value as it does in any other text.
    fn member(&self, key: &str, value: Value, counts: &mut BTreeMap<&'static str, usize>) -> (String, Value) {
        let key = self.redactor.redact(key).text;
        let Value::String(text) = value else { return (key, self.clean(value, counts)) };
        let beginning = format!("{key}: ");
        let Redacted { text: whole, counts: taken } = self.redactor.redact(&format!("{beginning}{text}"));
        match whole.strip_prefix(&beginning) {
            Some(text) => {
                count_all(counts, taken);
                (key, Value::String(text.to_owned()))
            }
            None => (key, self.clean(Value::String(text), counts)),
        }
    }

    fn keep(&mut self, path: &str, text: String, redacted: BTreeMap<&'static str, usize>) {
        let (size, sha256) = (text.len(), sha256_hex(text.as_bytes()));
        self.files.push(Entry { path: path.to_owned(), size, sha256, redacted, text });
    }

    /// Packs it all below `folder`; `about` are members of the manifest, and `at` is its time and that of every file.
    pub fn pack(mut self, folder: &str, about: &Value, at: Timestamp) -> Result<Packed, PackError> {
        self.files.sort_by(|one, other| one.path.cmp(&other.path));
        let mut manifest = json!({"format": FORMAT, "made_at": at, "files": self.files, "missing": self.missing});
        let more = self.clean(about.clone(), &mut BTreeMap::new());
        if let (Some(members), Value::Object(more)) = (manifest.as_object_mut(), more) {
            members.extend(more);
        }
        let manifest = format!("{manifest:#}\n");
        let all = || self.files.iter().map(|file| (file.path.as_str(), file.text.as_str())).chain([(MANIFEST, manifest.as_str())]);
        // What varies in the manifest was redacted; the rest are words of ours, one of which may be somebody's password.
        if let Some(file) = self.files.iter().find(|file| self.redactor.finds_known(&file.text)) {
            return Err(UncleanError { path: file.path.clone() }.into());
        }
        let bytes = packed(folder, all(), at).map_err(|source| PackError::Io { source })?;
        Ok(Packed { sha256: sha256_hex(&bytes), bytes, files: self.files, missing: self.missing })
    }
}

fn count_all(counts: &mut BTreeMap<&'static str, usize>, taken: BTreeMap<&'static str, usize>) {
    for (kind, times) in taken {
        count(counts, kind, times);
    }
}

/// Why nothing was packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It would not be clean.
    #[error(transparent)]
    Unclean(#[from] UncleanError),
    /// The archive's own form forbids it (a path that is too long).
    #[error("the archive cannot be made")]
    Io {
        /// Why.
        source: io::Error,
    },
}

fn packed<'t>(folder: &str, files: impl Iterator<Item = (&'t str, &'t str)>, at: Timestamp) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(at.as_second()).unwrap_or_default());
        archive.append_data(&mut header, format!("{folder}/{path}"), text.as_bytes())?;
    }
    let mut compressed = archive.into_inner()?;
    compressed.flush()?;
    compressed.finish()
}
