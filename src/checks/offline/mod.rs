//! What can be looked at on this machine alone: the files that the site file names, by name, mode and kind. The site
//! file's own rules are left to the site's validation.

mod certificates;
mod contents;
mod rules;
mod secrets;
mod waivers;

pub use certificates::{Other, of_site};
pub use contents::{Content, misfit};
pub use rules::{judged, not_judged, site_rules};
pub use secrets::secrets;
pub use waivers::waivers;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use super::catalogue::offline::certificates::RULES as CERTIFICATE;
use super::catalogue::offline::here::{FILES, KEY_MODE};
pub use super::catalogue::offline::site::CHECKS as SITE;
use super::spec::{CheckSpec, Outcome, Tally};
use crate::disk::mode_of;
use crate::site::model::{CertificateFiles, Login, Privilege, Role, SecretRef, Site};

/// The checks of files.
static CHECKS: &[&CheckSpec] = &[&FILES, &KEY_MODE];

/// A file that the site file names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    key: String,
    path: PathBuf,
    private: bool,
    content: Content,
}

/// Looks at every file that the site names.
pub fn files(site: &Site) -> Vec<Outcome> {
    let mut tally = Tally::of(&site.file.display().to_string());
    let named = named_files(site);
    if named.is_empty() {
        tally.not_applicable(&FILES, "the site file names no other file");
    }
    for file in &named {
        look_at(&mut tally, file);
    }
    if !named.iter().any(|file| file.private) {
        tally.not_applicable(&KEY_MODE, "the site file names no private file");
    }
    tally.complete(CHECKS, "the file itself could not be read")
}

fn look_at(tally: &mut Tally, file: &Named) {
    let (key, path) = (&file.key, file.path.display());
    match std::fs::File::open(&file.path).and_then(|opened| opened.metadata()) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            tally.found(&FILES, format!("{key}: {path} does not exist"), format!("put the file there, or correct `{key}`"));
        }
        Err(error) => {
            let fix = format!("let this user read it: `chmod u+r {path}`, or run as its owner");
            tally.found(&FILES, format!("{key}: {path} cannot be read: {error}"), fix);
        }
        Ok(metadata) if !metadata.is_file() => {
            tally.found(&FILES, format!("{key}: {path} is no file"), format!("name a file in `{key}`"));
        }
        Ok(metadata) => {
            match misfit(file.content, &file.path) {
                Some((why, fix)) => tally.found(&FILES, format!("{key}: {path} {why}"), fix),
                None => tally.passed(&FILES, format!("{key}: {path}")),
            }
            let Some(mode) = mode_of(&metadata).filter(|_| file.private).map(|mode| mode & 0o777) else { return };
            if mode & 0o077 != 0 {
                let message = format!("{key}: {path} has mode {mode:04o}, so others on this machine can use it");
                tally.found(&KEY_MODE, message, format!("`chmod 600 {path}`"));
            } else {
                tally.passed(&KEY_MODE, format!("{path}: {mode:04o}"));
            }
        }
    }
}

fn named_files(site: &Site) -> Vec<Named> {
    let mut list = List { site, named: Vec::new() };
    for path in &site.known_hosts {
        list.add("known_hosts", path, Content::KnownHosts);
    }
    for (place, hop) in site.route.hops.iter().enumerate() {
        list.login(&format!("route.hops[{place}]"), &hop.login);
    }
    for node in site.machines() {
        let place = if node.role == Role::LoadBalancer { "load_balancer.machines" } else { "nodes" };
        let key = format!("{place}.{}", node.name);
        list.login(&key, &node.login);
        if let Privilege::SudoPassword(password) = &node.privilege {
            list.secret(&format!("{key}.sudo_password"), Some(password));
        }
    }
    for connector in &site.connectors {
        if let Some(login) = &connector.login {
            list.login(&format!("connectors.{}", connector.name), login);
        }
        list.authorities(&format!("connectors.{}.ca_certificates", connector.name), &connector.ca_certificates);
    }
    if let Some(tls) = &site.tls {
        list.certificate("tls.certificate", &tls.certificate);
        list.secret("tls.pfx_password", tls.pfx_password.as_ref());
    }
    for custom in site.names.custom_domains.iter().chain(&site.names.extensions) {
        if let Some(certificate) = &custom.certificate {
            list.certificate(&format!("{}.certificate", custom.domain), certificate);
        }
    }
    if let Some(smtp) = &site.smtp {
        list.secret("smtp.password", Some(&smtp.password));
        list.authorities("smtp.ca_certificates", &smtp.ca_certificates);
    }
    list.authorities("proxy.ca_certificates", &site.proxy.ca_certificates);
    if let Some(forward) = &site.forward {
        list.authorities("ledger.forward.ca_certificates", &forward.ca_certificates);
    }
    list.named
}

struct List<'a> {
    site: &'a Site,
    named: Vec<Named>,
}

impl List<'_> {
    fn add(&mut self, key: &str, path: &Path, content: Content) {
        self.take(Named { key: key.to_owned(), path: self.site.path(path), private: false, content });
    }

    fn private(&mut self, key: &str, path: &Path, content: Content) {
        self.take(Named { key: key.to_owned(), path: self.site.path(path), private: true, content });
    }

    fn take(&mut self, file: Named) {
        let is_same = |known: &Named| known.path == file.path && known.private == file.private && known.content == file.content;
        if !self.named.iter().any(is_same) {
            self.named.push(file);
        }
    }

    fn authorities(&mut self, key: &str, paths: &[PathBuf]) {
        for path in paths {
            self.add(key, path, Content::Authorities);
        }
    }

    fn secret(&mut self, key: &str, reference: Option<&SecretRef>) {
        if let Some(SecretRef::File(path)) = reference {
            self.private(key, path, Content::Other);
        }
    }

    fn login(&mut self, key: &str, login: &Login) {
        for identity in &login.identities {
            self.private(&format!("{key}.identities"), identity, Content::Identity);
        }
        self.secret(&format!("{key}.passphrase"), login.passphrase.as_ref());
        self.secret(&format!("{key}.password"), login.password.as_ref());
        self.secret(&format!("{key}.one_time_code"), login.one_time_code.as_ref());
    }

    fn certificate(&mut self, key: &str, certificate: &CertificateFiles) {
        for path in &certificate.files {
            self.add(&format!("{key}.files"), path, Content::Other);
        }
        self.authorities(&format!("{key}.roots"), &certificate.roots);
        if let Some(path) = &certificate.key {
            self.private(&format!("{key}.key"), path, Content::Other);
        }
        self.secret(&format!("{key}.key_password"), certificate.key_password.as_ref());
    }
}
