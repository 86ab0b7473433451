//! Reading the files that a command was given, with the passwords and roots that go with them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use super::identity::{Identity, STANDARD_INPUT, identity};
use super::{CertContext, CertError, secret_ref};
use crate::certs::{self, Bag, Certificate, MAX_FILE, Passwords, Roots, Source};
use crate::finding::{Finding, Severity};
use crate::site::model::{CertificateFiles, SecretRef, Site};
use crate::site::secret::Secrets;

/// Certificates that the log names; more help nobody.
const LOGGED: usize = 100;

/// Arguments that every command with input files has.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct TrustArgs {
    /// Password of an encrypted key or PFX among the files: `env:NAME`, `file:PATH`, `cmd:COMMAND` or `prompt`
    #[arg(long, value_name = "REF", value_parser = secret_ref)]
    pub(super) key_password_from: Option<SecretRef>,
    /// Root certificate of a private CA, trusted beside Mozilla's; what is in the file beside roots may complete the chain. Repeat for more
    #[arg(long, value_name = "PEM")]
    pub(super) root: Vec<PathBuf>,
    /// Get a missing issuer from the address that the certificate names
    #[arg(long)]
    pub(super) fetch_missing: bool,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) sources: Vec<Source>,
    pub(super) bag: Bag,
    pub(super) roots: Roots,
    pub(super) passwords: Given,
    /// The file that was named as the key's (`--key`, or the site's `key`).
    key: Option<String>,
}

impl Input {
    /// Whoever names the key's file means that key: keys that lie in the other files are no choice any more.
    pub(super) fn key_is_decided(&mut self) {
        if let Some(file) = &self.key {
            self.bag.keys.retain(|key| key.origin.file == *file);
        }
    }
}

/// The password given, or else the person at the terminal.
#[derive(Debug)]
pub(super) struct Given {
    password: Option<SecretString>,
}

/// Asks where nothing was given.
pub(super) struct Asking<'a> {
    given: &'a Given,
    secrets: &'a Secrets,
    interactive: bool,
}

impl Passwords for Asking<'_> {
    fn password_for(&self, locked: &str) -> Option<SecretString> {
        let ask = || self.secrets.resolve(&SecretRef::Prompt, &format!("password of {locked}")).ok();
        self.given.password.clone().or_else(|| if self.interactive { ask() } else { None })
    }
}

/// The files given, else those of the site's main certificate; the site's private roots in both cases.
pub(super) fn stated(context: &CertContext<'_>, files: &[PathBuf], key: Option<&Path>) -> CertificateFiles {
    let from_site = context.site.and_then(|site| site.tls.as_ref().map(|tls| absolute(site, &tls.certificate))).unwrap_or_default();
    if files.is_empty() {
        return CertificateFiles { key: key.map(Path::to_owned).or(from_site.key), ..from_site };
    }
    CertificateFiles { files: files.to_vec(), key: key.map(Path::to_owned), key_password: None, roots: from_site.roots }
}

/// What a site says of a certificate, with paths that hold from here.
pub(super) fn absolute(site: &Site, stated: &CertificateFiles) -> CertificateFiles {
    let all = |paths: &[PathBuf]| paths.iter().map(|path| site.path(path)).collect();
    CertificateFiles {
        files: all(&stated.files),
        key: stated.key.as_deref().map(|key| site.path(key)),
        key_password: stated.key_password.clone(),
        roots: all(&stated.roots),
    }
}

/// Reads the files stated, their key and their roots.
pub(super) fn load(context: &CertContext<'_>, stated: CertificateFiles, trust: &TrustArgs) -> Result<Input, CertError> {
    if stated.files.is_empty() {
        return Err(CertError::NoFiles);
    }
    let (paths, key) = each_once(stated.files, stated.key);
    let mut unreadable = Vec::new();
    let mut sources = Vec::new();
    for path in &paths {
        match read_file(path) {
            Ok(bytes) => sources.push(Source { name: name_of(path), bytes }),
            Err(source) if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {
                return Err(CertError::Read { path: path.clone(), source });
            }
            Err(source) => unreadable.push(unreadable_file(path, &source)),
        }
    }
    let reference = trust.key_password_from.as_ref().or(stated.key_password.as_ref());
    let resolved = reference.map(|reference| context.secrets.resolve(reference, "the private key's password"));
    let passwords = Given { password: resolved.transpose().map_err(CertError::Secret)? };
    for source in &sources {
        tracing::debug!(file = %source.name, bytes = source.bytes.len(), "read");
    }
    let mut bag = certs::read(&sources, &passwords.or_ask(context));
    bag.findings.splice(..0, unreadable);
    tracing::info!(
        files = sources.len(),
        certificates = bag.certificates.len(),
        keys = bag.keys.len(),
        unreadable = bag.findings.len(),
        "certificate files taken apart"
    );
    for certificate in bag.certificates.iter().take(LOGGED) {
        tracing::debug!(subject = %certificate.subject, sha256 = certificate.fingerprint_text(), place = %certificate.origin, "certificate");
    }
    let mut roots = Roots::mozilla();
    for path in trust.root.iter().chain(&stated.roots) {
        for root in read_roots(path)? {
            roots = roots.and(root);
        }
    }
    Ok(Input { sources, bag, roots, passwords, key })
}

impl Given {
    pub(super) fn or_ask<'a>(&'a self, context: &'a CertContext<'_>) -> Asking<'a> {
        Asking { given: self, secrets: context.secrets, interactive: context.interactive }
    }
}

/// The files and the key's, each once whatever paths lead to it; and what the key's file is called then.
fn each_once(files: Vec<PathBuf>, key: Option<PathBuf>) -> (Vec<PathBuf>, Option<String>) {
    let mut paths: Vec<PathBuf> = Vec::with_capacity(files.len() + 1);
    let mut known: HashMap<Identity, PathBuf> = HashMap::new();
    let mut once = |path: PathBuf| -> PathBuf {
        let Some(identity) = identity(&path) else {
            paths.push(path.clone());
            return path;
        };
        let first = known.entry(identity).or_insert_with(|| {
            paths.push(path.clone());
            path.clone()
        });
        if *first != path {
            tracing::debug!(file = %path.display(), same_as = %first.display(), "given twice, read once");
        }
        first.clone()
    };
    for file in files {
        drop(once(file));
    }
    let key = key.map(|key| name_of(&once(key)));
    (paths, key)
}

/// What a file is called in messages.
fn name_of(path: &Path) -> String {
    if path == Path::new(STANDARD_INPUT) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Reads one file (`-`: standard input), no further than it takes to know that it is too large.
pub(super) fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new(STANDARD_INPUT) {
        std::io::stdin().lock().take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    let file = File::open(path)?;
    let size = file.metadata().map_or(0, |known| known.len());
    // One more than there is, so that the end is seen without another reading.
    bytes.reserve(usize::try_from(size).unwrap_or(MAX_FILE).min(MAX_FILE) + 1);
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Every certificate of a file.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<Arc<Certificate>>, CertError> {
    let bytes = read_file(path).map_err(|source| CertError::Read { path: path.to_owned(), source })?;
    Ok(certs::read(&[Source { name: path.display().to_string(), bytes }], &certs::NoPasswords).certificates)
}

fn read_roots(path: &Path) -> Result<Vec<Arc<Certificate>>, CertError> {
    let found = read_certificates(path)?;
    if found.is_empty() { Err(CertError::NoRoot { path: path.to_owned() }) } else { Ok(found) }
}

fn unreadable_file(path: &Path, reason: &std::io::Error) -> Finding {
    Finding {
        id: "cert.unreadable".to_owned(),
        severity: Severity::Error,
        subject: path.display().to_string(),
        message: format!("the file cannot be read: {reason}"),
        fix: "check that it is a file and that you may read it".to_owned(),
        source: "Security and Access, SSL certificates".to_owned(),
    }
}
