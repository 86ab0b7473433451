//! The site's user CA: it signs certificates for windows and for nothing else. Its private half lies encrypted, or is held by
//! an ssh-agent.

use std::fmt;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::Timestamp;
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::ssh_key::{self, LineEnding};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::agent::AgentKey;
use super::key::PersonKey;
use super::machine::Door;
use super::window::WindowId;

/// Why the CA could not be had or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The file is no key.
    #[error("the site's user CA is no private key in OpenSSH's format")]
    Unreadable {
        /// What the reader said.
        source: ssh_key::Error,
    },
    /// It lies there for anybody to use.
    #[error("the site's user CA is not encrypted")]
    NotEncrypted,
    /// The passphrase is empty: that is no encryption.
    #[error("the passphrase of the site's user CA is empty")]
    EmptyPassphrase,
    /// The passphrase is not the one.
    #[error("the passphrase of the site's user CA is wrong")]
    WrongPassphrase,
    /// It is of another kind.
    #[error("the site's user CA is a key of type {found}; it has to be ssh-ed25519")]
    NotEd25519 {
        /// Its kind.
        found: String,
    },
    /// The public half alone is here, and no agent.
    #[error("the site's user CA is a public key, and no ssh-agent is there to sign for it")]
    NoAgent,
    /// The public half is none of a kind that can sign certificates.
    #[error("the site's user CA is a key of type {found}; an ssh-agent may hold ssh-ed25519, ecdsa or rsa")]
    Unusable {
        /// Its kind.
        found: String,
    },
    /// The agent did not sign.
    #[error("the ssh-agent at {} did not sign with the site's user CA {fingerprint}", .socket.display())]
    AgentRefused {
        /// Its socket.
        socket: PathBuf,
        /// Which key.
        fingerprint: String,
        /// What the library said.
        source: ssh_key::Error,
    },
    /// The library failed.
    #[error("the site's user CA cannot {action}")]
    Library {
        /// What was tried.
        action: &'static str,
        /// What the library said.
        source: ssh_key::Error,
    },
}

impl AuthorityError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotEncrypted => Some("encrypt it: ssh-keygen -p -f FILE".to_owned()),
            Self::EmptyPassphrase | Self::WrongPassphrase => Some("see what `access.ca_passphrase` in the site file refers to".to_owned()),
            Self::Unreadable { .. } | Self::NotEd25519 { .. } => {
                Some("see what `access.ca_key` in the site file names; where it is gone for good, remove it: a new one is made, and trusted at the next open".to_owned())
            }
            Self::NoAgent => Some("start an ssh-agent, add the CA's key (ssh-add, or ssh-add -s LIBRARY for a token), and see that SSH_AUTH_SOCK is set".to_owned()),
            Self::Unusable { .. } => Some("name the .pub file of a key made by `ssh-keygen -t ed25519`".to_owned()),
            Self::AgentRefused { .. } => {
                Some("look at `ssh-add -l`: the CA's key must be there, and its owner must allow its use".to_owned())
            }
            Self::Library { .. } => None,
        }
    }
}

/// What a certificate is to say.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Whose key is let in.
    pub key: &'a PersonKey,
    /// The window: the certificate's key id.
    pub window: &'a WindowId,
    /// For what kind of machine: decides principal and extensions.
    pub door: &'a Door,
    /// From when on.
    pub after: Timestamp,
    /// Until when.
    pub before: Timestamp,
    /// The certificate's number.
    pub serial: u64,
    /// Where its person may come from; anywhere where it is empty.
    pub sources: &'a [IpNet],
}

/// The CA, ready to sign.
pub struct Authority {
    hand: Hand,
}

enum Hand {
    Key(Box<PrivateKey>),
    Agent(AgentKey),
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").field("public", &self.line()).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a CA; gives back its file's text as well, encrypted with `passphrase` (OpenSSH's format, bcrypt).
    pub fn make(passphrase: &SecretString) -> Result<(Self, Zeroizing<String>), AuthorityError> {
        if passphrase.expose_secret().is_empty() {
            return Err(AuthorityError::EmptyPassphrase);
        }
        let failed = |action| move |source| AuthorityError::Library { action, source };
        let mut key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(failed("be made"))?;
        key.set_comment("portcullis-windows");
        let closed = key.encrypt(&mut safe_rng(), passphrase.expose_secret()).map_err(failed("be encrypted"))?;
        let text = closed.to_openssh(LineEnding::LF).map_err(failed("be encoded"))?;
        Ok((Self { hand: Hand::Key(Box::new(key)) }, text))
    }

    /// The CA whose public half is `line`, held by the agent at `socket`.
    pub fn of_agent(line: &str, socket: Option<&Path>) -> Result<Self, AuthorityError> {
        let public = PublicKey::from_openssh(line.trim()).map_err(|source| AuthorityError::Unreadable { source })?;
        let public = PublicKey::new(public.key_data().clone(), "");
        if !matches!(public.algorithm(), Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. }) {
            return Err(AuthorityError::Unusable { found: public.algorithm().to_string() });
        }
        let socket = socket.ok_or(AuthorityError::NoAgent)?.to_owned();
        Ok(Self { hand: Hand::Agent(AgentKey::new(socket, public)) })
    }

    /// Opens a CA's file.
    pub fn open(text: &str, passphrase: &SecretString) -> Result<Self, AuthorityError> {
        let key = PrivateKey::from_openssh(text).map_err(|source| AuthorityError::Unreadable { source })?;
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(AuthorityError::NotEd25519 { found: key.algorithm().to_string() });
        }
        if !key.is_encrypted() {
            return Err(AuthorityError::NotEncrypted);
        }
        let key = key.decrypt(passphrase.expose_secret()).map_err(|_wrong| AuthorityError::WrongPassphrase)?;
        Ok(Self { hand: Hand::Key(Box::new(key)) })
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        match &self.hand {
            Hand::Key(key) => key.public_key(),
            Hand::Agent(key) => key.public(),
        }
    }

    /// The public half as a line for `TrustedUserCAKeys`.
    pub fn line(&self) -> String {
        public_line(self.public())
    }

    /// Signs a certificate: its line, as `ssh` reads it from a `CertificateFile`.
    pub fn issue(&self, order: &Order<'_>) -> Result<String, AuthorityError> {
        let prepare = || -> Result<Builder, ssh_key::Error> {
            let second = |moment: Timestamp| u64::try_from(moment.as_second()).unwrap_or_default();
            let data = order.key.public().key_data().clone();
            let mut builder = Builder::new_with_random_nonce(&mut safe_rng(), data, second(order.after), second(order.before))?;
            builder.cert_type(CertType::User)?.serial(order.serial)?.key_id(order.window.as_str())?;
            builder.valid_principal(order.door.principal(order.window))?;
            // No extension is given by default: what is not named here is refused.
            match order.door {
                Door::Node => builder.extension("permit-pty", "")?,
                Door::Hop(_) => builder.extension("permit-port-forwarding", "")?,
            };
            if !order.sources.is_empty() {
                let sources: Vec<String> = order.sources.iter().map(ToString::to_string).collect();
                builder.critical_option("source-address", sources.join(","))?;
            }
            Ok(builder)
        };
        let failed = |source| AuthorityError::Library { action: "sign a certificate", source };
        let certificate = match &self.hand {
            Hand::Key(key) => prepare().and_then(|builder| builder.sign(key.as_ref())).map_err(failed)?,
            Hand::Agent(key) => {
                let fingerprint = || key.public().fingerprint(HashAlg::Sha256).to_string();
                let refused = |source| AuthorityError::AgentRefused { socket: key.socket().to_owned(), fingerprint: fingerprint(), source };
                let certificate = prepare().map_err(failed)?.sign(key).map_err(refused)?;
                // An agent is another program.
                certificate.verify_signature().map_err(refused)?;
                certificate
            }
        };
        certificate.to_openssh().map_err(failed)
    }
}

/// A public key as one line without a comment.
pub(crate) fn public_line(key: &PublicKey) -> String {
    PublicKey::new(key.key_data().clone(), "").to_openssh().unwrap_or_default()
}

/// A key that proves a door shut: its certificate is of the same window, and nobody else has it.
pub fn make_proof_key() -> Result<(PersonKey, Zeroizing<String>), AuthorityError> {
    let failed = |source| AuthorityError::Library { action: "make the key that proves the door shut", source };
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(failed)?;
    let text = key.to_openssh(LineEnding::LF).map_err(failed)?;
    Ok((PersonKey::of(key.public_key()), text))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::disk::{Existing, write_atomically};

    pub(crate) fn authority() -> Authority {
        Authority { hand: Hand::Key(Box::new(PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap())) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_348_800 + second).unwrap()
    }

    pub(crate) fn certificate_for(authority: &Authority, window: &WindowId) -> String {
        let (key, _) = make_proof_key().unwrap();
        let order = Order { key: &key, window, door: &Door::Node, after: at(0), before: at(60), serial: 1, sources: &[] };
        authority.issue(&order).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "ssh-keygen itself is the judge")]
    fn described(certificate: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key-cert.pub");
        write_atomically(&path, certificate.as_bytes(), 0o644, Existing::Keep).unwrap();
        let output = std::process::Command::new("ssh-keygen").arg("-L").arg("-f").arg(&path).env("TZ", "UTC").output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(|line| line.trim().to_owned() + "\n").collect()
    }

    #[test]
    fn a_certificate_says_what_was_ordered_and_nothing_more() {
        let (authority, window) = (authority(), WindowId::parse("w-20261122-3f9a1c").unwrap());
        let (key, _) = make_proof_key().unwrap();
        let sources = ["198.51.100.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let order = Order { key: &key, window: &window, door: &Door::Node, after: at(0), before: at(3600), serial: 9, sources: &sources };
        let text = described(&authority.issue(&order).unwrap());
        for said in [
            "Type: ssh-ed25519-cert-v01@openssh.com user certificate\n",
            "Key ID: \"w-20261122-3f9a1c\"\n",
            "Serial: 9\n",
            "Valid: from 2026-11-22T12:00:00 to 2026-11-22T13:00:00\n",
            "Principals:\nw-20261122-3f9a1c\n",
            "Critical Options:\nsource-address 198.51.100.0/24,2001:db8::/32\n",
            "Extensions:\npermit-pty\n",
        ] {
            assert!(text.contains(said), "{said} is missing in\n{text}");
        }
        assert_eq!(text.matches("permit-").count(), 1, "{text}");
        let hop = Door::Hop(Vec::new());
        let text = described(&authority.issue(&Order { door: &hop, sources: &[], ..order }).unwrap());
        assert!(text.contains("Principals:\nw-20261122-3f9a1c.jump\n"), "{text}");
        assert!(text.contains("Critical Options: (none)\n") && text.contains("Extensions:\npermit-port-forwarding\n"), "{text}");
        assert_eq!(text.matches("permit-").count(), 1, "{text}");
    }

    #[test]
    fn the_key_lies_encrypted_and_opens_with_its_passphrase_alone() {
        let passphrase = SecretString::from("correct horse");
        let (made, text) = Authority::make(&passphrase).unwrap();
        assert!(text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"));
        assert_eq!(Authority::open(&text, &passphrase).unwrap().line(), made.line());
        let wrong = Authority::open(&text, &SecretString::from("wrong")).unwrap_err();
        assert!(matches!(wrong, AuthorityError::WrongPassphrase), "{wrong:?}");
        assert!(matches!(Authority::make(&SecretString::from("")), Err(AuthorityError::EmptyPassphrase)));
        assert!(!format!("{made:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_key_that_lies_open_is_no_authority() {
        let (_, text) = make_proof_key().unwrap();
        assert!(matches!(Authority::open(&text, &SecretString::from("x")), Err(AuthorityError::NotEncrypted)));
    }
}
