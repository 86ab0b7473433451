//! The person's public key. A private key is refused, and forgotten, before anything else is looked at.

use std::fmt;

use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

/// A key file of a person is a line; more than this is none.
const LONGEST: usize = 32 << 10;
/// What NIST SP 800-57 allows beyond 2030, and what OpenSSH makes by itself.
const LEAST_RSA_BITS: usize = 2048;

/// Why a file holds no key that a window could be opened for. Never holds what was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is the private half.
    #[error("that is a private key")]
    Private,
    /// It is a certificate.
    #[error("that is a certificate, not a key")]
    Certificate,
    /// It is no line that `ssh-keygen` writes.
    #[error("that is no public key as `ssh-keygen` writes one")]
    Unreadable,
    /// More than one key.
    #[error("that is more than one key")]
    Several,
    /// A kind that sshd no longer takes, or too short.
    #[error("a key of type {kind} is too weak")]
    Weak {
        /// Which kind.
        kind: String,
    },
}

impl KeyError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Private => "a private key never leaves its owner: ask for the file that ends in .pub".to_owned(),
            Self::Weak { .. } => "ask for a key made by `ssh-keygen -t ed25519`".to_owned(),
            Self::Certificate | Self::Unreadable | Self::Several => {
                "give the file with the person's public key, one line that begins with ssh-ed25519 or the like".to_owned()
            }
        })
    }
}

/// A person's public key, fit for a window.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonKey {
    key: PublicKey,
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.fingerprint())
    }
}

impl PersonKey {
    /// Reads a `.pub` file.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(text).map_err(|_binary| KeyError::Unreadable)?;
        if text.contains("PRIVATE KEY-----") || text.starts_with("PuTTY-User-Key-File") {
            return Err(KeyError::Private);
        }
        if text.len() > LONGEST {
            return Err(KeyError::Unreadable);
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or(KeyError::Unreadable)?;
        let kind = line.split(' ').next().unwrap_or_default();
        if kind.ends_with("-cert-v01@openssh.com") {
            return Err(KeyError::Certificate);
        }
        if kind == "ssh-dss" {
            return Err(KeyError::Weak { kind: kind.to_owned() });
        }
        let key = PublicKey::from_openssh(line).map_err(|_unreadable| KeyError::Unreadable)?;
        if lines.next().is_some() {
            return Err(KeyError::Several);
        }
        must_be_strong(&key)?;
        Ok(Self::of(&key))
    }

    /// The key that a certificate was made for; `None` for what is no certificate.
    pub fn of_certificate(text: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_openssh(std::str::from_utf8(text).ok()?.trim()).ok()?;
        Some(Self::of(&PublicKey::new(certificate.public_key().clone(), "")))
    }

    /// Without its comment: that is anybody's text.
    pub(super) fn of(key: &PublicKey) -> Self {
        Self { key: PublicKey::new(key.key_data().clone(), "") }
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The key as a line of a `.pub` file, without a comment.
    pub fn line(&self) -> Option<String> {
        self.key.to_openssh().ok()
    }

    /// The key itself.
    pub(crate) fn public(&self) -> &PublicKey {
        &self.key
    }
}

/// Refuses kinds that sshd no longer takes, and RSA that is too short.
fn must_be_strong(key: &PublicKey) -> Result<(), KeyError> {
    let weak = |kind: &str| Err(KeyError::Weak { kind: kind.to_owned() });
    if matches!(key.algorithm(), Algorithm::Dsa) {
        return weak("ssh-dss");
    }
    if let KeyData::Rsa(rsa) = key.key_data() {
        let bytes = rsa.n().as_positive_bytes().unwrap_or_default();
        let bits = bytes.len() * 8 - bytes.first().map_or(0, |first| first.leading_zeros() as usize);
        if bits < LEAST_RSA_BITS {
            return weak(&format!("ssh-rsa with {bits} bits"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqO6g7GH6sVeUj2tG3rHoETJTIpX2esl8/g6uDQyNyS";

    #[expect(clippy::disallowed_methods, reason = "the keys are those that ssh-keygen makes")]
    fn made(kind: &[&str]) -> (Vec<u8>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let output = std::process::Command::new("ssh-keygen").args(["-q", "-N", "", "-t"]).args(kind).arg("-f").arg(&path).output();
        assert!(output.unwrap().status.success(), "{kind:?}");
        (std::fs::read(&path).unwrap(), std::fs::read(path.with_extension("pub")).unwrap())
    }

    #[test]
    fn a_public_key_is_taken_without_its_comment() {
        let key = PersonKey::parse(format!("# of ada\n{GOOD} $(id)\n").as_bytes()).unwrap();
        assert_eq!(key.public().to_openssh().unwrap(), GOOD);
        assert!(key.fingerprint().starts_with("SHA256:"));
    }

    #[test]
    fn a_private_key_is_refused_as_one_whatever_its_format() {
        let (private, _) = made(&["ed25519"]);
        assert_eq!(PersonKey::parse(&private), Err(KeyError::Private));
        for text in ["-----BEGIN RSA PRIVATE KEY-----\n", "PuTTY-User-Key-File-3: ssh-ed25519\n"] {
            assert_eq!(PersonKey::parse(text.as_bytes()), Err(KeyError::Private));
        }
    }

    #[test]
    fn keys_that_sshd_takes_are_taken_and_weak_ones_are_not() {
        for kind in [&["ed25519"][..], &["ecdsa", "-b", "256"], &["ecdsa", "-b", "521"], &["rsa", "-b", "2048"]] {
            assert!(PersonKey::parse(&made(kind).1).is_ok(), "{kind:?}");
        }
        assert_eq!(PersonKey::parse(&made(&["rsa", "-b", "1024"]).1), Err(KeyError::Weak { kind: "ssh-rsa with 1024 bits".to_owned() }));
        assert_eq!(PersonKey::parse(b"ssh-dss AAAA"), Err(KeyError::Weak { kind: "ssh-dss".to_owned() }));
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        assert_eq!(PersonKey::parse(b"ssh-ed25519-cert-v01@openssh.com AAAA"), Err(KeyError::Certificate));
        assert_eq!(PersonKey::parse(format!("{GOOD}\n{GOOD}\n").as_bytes()), Err(KeyError::Several));
        for text in [&b""[..], b"\n", b"ssh-ed25519 AAAA", b"\xff\xfe", b"command=\"id\" ssh-ed25519 AAAA"] {
            assert_eq!(PersonKey::parse(text), Err(KeyError::Unreadable));
        }
    }
}
