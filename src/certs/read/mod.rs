//! Reading whatever the CA sent: any number of files, any order, any shape, several things in one file.
//!
//! Reading never fails as a whole: what cannot be used becomes a finding that says what it looks like instead.
//! Bytes and passwords come from outside; nothing is opened, asked or printed here.

mod altered;
mod authorities;
mod gather;
mod locked;
mod pem;
mod shape;

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use super::certificate::Certificate;
use super::key::Key;
use crate::finding::Finding;

pub use authorities::{NotAuthorities, authorities};
pub(crate) use pem::pem_block;

/// Largest file that is looked at; the largest bundle of all public CAs together has some 250 KB.
pub const MAX_FILE: usize = 16 * 1024 * 1024;
/// Most certificates that are taken in.
pub const MAX_CERTIFICATES: usize = 20_000;
/// Most private keys that are read, those that turn out to be damaged included.
pub const MAX_KEYS: usize = 64;

/// Most faults of one file that are told one by one.
const MAX_FAULTS: usize = 100;

/// A file's name and content.
#[derive(Clone)]
pub struct Source {
    /// Its name, for messages.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Source {
    /// Without the content, which may be a key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Source({}, {} bytes)", self.name, self.bytes.len())
    }
}

/// Where passwords of encrypted keys and PFX files come from.
pub trait Passwords {
    /// The password of what `locked` describes (such as `the private key in server.key`); `None` where there is none.
    fn password_for(&self, locked: &str) -> Option<SecretString>;
}

/// No password for anything.
#[derive(Debug, Clone, Copy)]
pub struct NoPasswords;

impl Passwords for NoPasswords {
    fn password_for(&self, _locked: &str) -> Option<SecretString> {
        None
    }
}

/// One password for everything.
impl Passwords for SecretString {
    fn password_for(&self, _locked: &str) -> Option<SecretString> {
        Some(self.clone())
    }
}

/// Everything that was found in the files.
#[derive(Debug, Clone, Default)]
pub struct Bag {
    /// Certificates in the order of files and lines, duplicates included.
    pub certificates: Vec<Arc<Certificate>>,
    /// Private keys.
    pub keys: Vec<Arc<Key>>,
    /// What could not be used: `cert.unreadable`, `cert.key.encrypted`.
    pub findings: Vec<Finding>,
    /// How many private keys, or files that hold them, are there and could not be read; the findings say why.
    pub unread_keys: usize,
    /// Names of the files from which order can be told: text, where the sender chose it.
    pub ordered_files: Vec<String>,
    /// Names of the PFX files among the sources.
    pub pfx_files: Vec<String>,
}

/// Reads all sources into one bag.
pub fn read(sources: &[Source], passwords: &dyn Passwords) -> Bag {
    let mut gatherer = gather::Gatherer::new(passwords);
    for source in sources {
        gatherer.take(source);
    }
    gatherer.finish()
}

#[cfg(test)]
mod tests;
