//! Everything secret that this machine knows of, so that none of it leaves in a bundle.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::bundle::Missing;
use crate::site::model::{Login, SecretRef, Site};
use crate::site::secret::Secrets;

/// No key file is larger.
const LARGEST_KEY: u64 = 64 * 1024;
/// Shorter values of the environment are seldom secrets, and often words.
const SHORTEST: usize = 6;

/// Fetches every secret but those that would have to be asked for; those that cannot be had, nobody can look for.
pub(super) fn have_all(site: &Site, secrets: &Secrets) -> Vec<Missing> {
    let mut missing = Vec::new();
    for (key, reference) in site.secret_references() {
        if *reference == SecretRef::Prompt {
            continue;
        }
        if let Err(error) = secrets.resolve(reference, "not had") {
            let why = format!("{error}; it was not looked for in the texts");
            missing.push(Missing { path: format!("secret {key}"), why });
        }
    }
    missing
}

/// All of them, the site's key files, and what stands in the environment under a name that says so.
pub(super) fn known(site: &Site, secrets: &Secrets) -> Vec<SecretString> {
    let mut known = secrets.known();
    known.extend(key_files(site).into_iter().filter_map(|path| {
        let path = site.path(&path);
        let is_small = std::fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() <= LARGEST_KEY);
        let text = std::fs::read_to_string(path).ok().filter(|_| is_small)?;
        // A bundle may hold certificates; what is not of the key is public.
        text.contains("PRIVATE KEY").then(|| SecretString::from(private_part(&text)))
    }));
    known.extend(std::env::vars().filter_map(|(name, value)| {
        let name = name.to_ascii_uppercase();
        let says_so = ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "API_KEY", "APIKEY", "CREDENTIAL"];
        let is_one = says_so.iter().any(|word| name.contains(word)) && value.len() >= SHORTEST;
        if is_one { Some(SecretString::from(value)) } else { password_of(&value).filter(|_| name.ends_with("_PROXY")) }
    }));
    known
}

/// The password in `http://user:password@proxy`.
fn password_of(url: &str) -> Option<SecretString> {
    let (_, rest) = url.split_once("://")?;
    let (login, _) = rest.rsplit_once('@')?;
    let (_, password) = login.split_once(':')?;
    (password.len() >= SHORTEST).then(|| SecretString::from(password))
}

fn key_files(site: &Site) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = site.access.ca_key.iter().cloned().collect();
    let custom = site.names.custom_domains.iter().chain(&site.names.extensions).filter_map(|custom| custom.certificate.as_ref());
    for certificate in site.tls.iter().map(|tls| &tls.certificate).chain(custom) {
        files.extend(certificate.key.clone());
        files.extend(certificate.files.iter().cloned());
    }
    let hops = site.route.hops.iter().map(|hop| &hop.login);
    let logins: Vec<&Login> =
        hops.chain(site.machines().map(|node| &node.login)).chain(site.connectors.iter().filter_map(|one| one.login.as_ref())).collect();
    files.extend(logins.iter().flat_map(|login| login.identities.iter().cloned()));
    files
}

/// From each key's first line to its last.
fn private_part(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        let (begins, ends) = (line.contains("BEGIN"), line.contains("END"));
        if begins {
            inside = line.contains("PRIVATE KEY");
        }
        let is_part = inside;
        inside = inside && !ends;
        is_part
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn of_a_file_with_a_chain_only_the_key_is_secret() {
        let text =
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n";
        assert_eq!(private_part(text), "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----");
    }

    #[test]
    fn a_proxys_password_is_known_and_its_address_is_not_one() {
        let password = |url: &str| password_of(url).map(|password| password.expose_secret().to_owned());
        assert_eq!(password("http://ops:hunter2@proxy:3128"), Some("hunter2".to_owned()));
        assert_eq!(password("http://ops:p@ss:word@proxy"), Some("p@ss:word".to_owned()));
        assert_eq!(password("http://proxy:3128"), None);
    }
}
