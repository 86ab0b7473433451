//! The files that a site names: what for, and where. Whether they are there is for `check --offline`.

use std::path::{Path, PathBuf};

use super::model::{CertificateFiles, Database, LedgerLocation, Login, SecretRef, Site};

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileUse {
    /// A private SSH key.
    Identity,
    /// Host keys.
    KnownHosts,
    /// From the CA, or a CA's own certificate.
    Certificate,
    /// A certificate's private key.
    PrivateKey,
    /// A secret that a reference names.
    Secret,
    /// The ledger; it may not be there yet.
    Ledger,
}

/// A file that a site names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SiteFile {
    /// What for.
    pub usage: FileUse,
    /// Where in the site file it is named.
    pub place: String,
    /// Its path, absolute where the site's folder is.
    pub path: PathBuf,
}

impl Site {
    /// All files that the site names, in the order of the site file; one that is named twice is here twice.
    pub fn files(&self) -> Vec<SiteFile> {
        let mut files = Files { site: self, files: Vec::new() };
        files.add_all(FileUse::KnownHosts, "known_hosts", &self.known_hosts);
        for hop in &self.route.hops {
            files.add_login(&format!("route.hops: {}", hop.name), &hop.login);
        }
        for node in self.machines() {
            let place = if node.role == super::model::Role::LoadBalancer { "load_balancer.machines" } else { "nodes" };
            files.add_login(&format!("{place}: {}", node.name), &node.login);
            if let super::model::Privilege::SudoPassword(password) = &node.privilege {
                files.add_secret(&format!("{place}: {}: sudo_password", node.name), Some(password));
            }
        }
        for domain in self.names.custom_domains.iter().chain(&self.names.extensions) {
            if let Some(certificate) = &domain.certificate {
                files.add_certificate(&format!("names: {}", domain.domain), certificate);
            }
        }
        if let Some(tls) = &self.tls {
            files.add_certificate("tls.certificate", &tls.certificate);
            files.add_secret("tls.pfx.password", tls.pfx_password.as_ref());
        }
        if let Some(smtp) = &self.smtp {
            files.add_secret("smtp.password", Some(&smtp.password));
            files.add_all(FileUse::Certificate, "smtp.ca_certificates", &smtp.ca_certificates);
        }
        files.add_all(FileUse::Certificate, "proxy.ca_certificates", &self.proxy.ca_certificates);
        for connector in &self.connectors {
            if let Some(login) = &connector.login {
                files.add_login(&format!("connectors: {}", connector.name), login);
            }
        }
        match &self.ledger {
            LedgerLocation::File(path) => files.add(FileUse::Ledger, "ledger.file", path),
            LedgerLocation::Postgres(database) => files.add_database(database),
        }
        if let Some(forward) = &self.forward {
            files.add_all(FileUse::Certificate, "ledger.forward.ca_certificates", &forward.ca_certificates);
        }
        files.files
    }
}

struct Files<'s> {
    site: &'s Site,
    files: Vec<SiteFile>,
}

impl Files<'_> {
    fn add(&mut self, usage: FileUse, place: &str, path: &Path) {
        self.files.push(SiteFile { usage, place: place.to_owned(), path: self.site.path(path) });
    }

    fn add_all(&mut self, usage: FileUse, place: &str, paths: &[PathBuf]) {
        for path in paths {
            self.add(usage, place, path);
        }
    }

    fn add_secret(&mut self, place: &str, reference: Option<&SecretRef>) {
        if let Some(SecretRef::File(path)) = reference {
            self.add(FileUse::Secret, place, path);
        }
    }

    fn add_login(&mut self, place: &str, login: &Login) {
        self.add_all(FileUse::Identity, &format!("{place}: identities"), &login.identities);
        self.add_secret(&format!("{place}: passphrase"), login.passphrase.as_ref());
        self.add_secret(&format!("{place}: password"), login.password.as_ref());
        self.add_secret(&format!("{place}: one_time_code"), login.one_time_code.as_ref());
    }

    fn add_database(&mut self, database: &Database) {
        self.add_secret("ledger.postgres: password", database.password.as_ref());
        if let Some(path) = &database.root_certificates {
            self.add(FileUse::Certificate, "ledger.postgres: sslrootcert", path);
        }
        if let Some((certificate, key)) = &database.client_certificate {
            self.add(FileUse::Certificate, "ledger.postgres: sslcert", certificate);
            self.add(FileUse::PrivateKey, "ledger.postgres: sslkey", key);
        }
    }

    fn add_certificate(&mut self, place: &str, certificate: &CertificateFiles) {
        self.add_all(FileUse::Certificate, &format!("{place}: files"), &certificate.files);
        if let Some(key) = &certificate.key {
            self.add(FileUse::PrivateKey, &format!("{place}: key"), key);
        }
        self.add_secret(&format!("{place}: key_password"), certificate.key_password.as_ref());
        self.add_all(FileUse::Certificate, &format!("{place}: roots"), &certificate.roots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_is_listed_with_its_place() {
        let text = "site: a\nenvironment: qa\nroute: {vpn: true}\nnodes: [{name: n, address: 10.0.0.1, identities: [id], sudo_password: 'file:pw'}]\nknown_hosts: [kh]\ntls: {certificate: {files: [c.pem], key: c.key, key_password: 'file:kp', roots: [r.pem]}}\n";
        let site = crate::site::parse(text, Path::new("/etc/p/site.yaml")).unwrap();
        let listed: Vec<(FileUse, String)> = site.files().into_iter().map(|file| (file.usage, file.path.display().to_string())).collect();
        let expected = [
            (FileUse::KnownHosts, "/etc/p/kh"),
            (FileUse::Identity, "/etc/p/id"),
            (FileUse::Secret, "/etc/p/pw"),
            (FileUse::Certificate, "/etc/p/c.pem"),
            (FileUse::PrivateKey, "/etc/p/c.key"),
            (FileUse::Secret, "/etc/p/kp"),
            (FileUse::Certificate, "/etc/p/r.pem"),
            (FileUse::Ledger, "/etc/p/ledger.sqlite"),
        ];
        assert_eq!(listed, expected.map(|(usage, path)| (usage, path.to_owned())));
    }
}
