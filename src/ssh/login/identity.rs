//! Private key files, in every format and encryption that `ssh-keygen` and `openssl` write; each read once a run.
//!
//! The transport's own reader misses some (DEK-Info EC keys) and tells a wrong passphrase three different ways, so
//! that everything but OpenSSH's own format goes through OpenSSL.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use openssl::pkey::PKey;
use russh::keys::{Certificate, PrivateKey, PublicKey};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::site::model::SecretRef;
use crate::site::secret::{SecretError, Secrets};

/// Why a key file cannot be offered.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error("cannot be read: {0}")]
    Unreadable(Arc<std::io::Error>),
    #[error("is no private key")]
    NoPrivateKey,
    #[error("is of a kind that cannot be used: {0}")]
    Unsupported(String),
    #[error("is encrypted, and its passphrase cannot be had: {0}")]
    NoPassphrase(Arc<SecretError>),
    #[error("is encrypted, and the passphrase is wrong")]
    WrongPassphrase,
}

/// Whether a text is a private key file of any format; what is in it is not looked at.
pub fn is_private_key(text: &str) -> bool {
    text.contains(PRIVATE_KEY)
}

/// How every format's first line ends.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// A key file as it lies there, before any passphrase.
#[derive(Debug)]
pub(crate) struct KeyFile {
    text: Zeroizing<String>,
    /// The public half, where it can be seen without the passphrase.
    pub(crate) public: Option<PublicKey>,
    /// The certificate beside it (`KEY-cert.pub`).
    pub(crate) certificate: Option<Certificate>,
    encrypted: bool,
}

impl KeyFile {
    /// Reads the file and what lies beside it.
    pub(crate) fn read(path: &Path) -> Result<Self, IdentityError> {
        let text = std::fs::read(path).map_err(|error| IdentityError::Unreadable(Arc::new(error)))?;
        let text = Zeroizing::new(String::from_utf8_lossy(&Zeroizing::new(text)).into_owned());
        let beside = |suffix: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            std::fs::read_to_string(PathBuf::from(name)).ok()
        };
        let own = PrivateKey::from_openssh(text.as_str()).ok();
        let public = match &own {
            Some(key) => Some(PublicKey::new(key.public_key().key_data().clone(), "")),
            None => beside(".pub").and_then(|line| PublicKey::from_openssh(line.trim()).ok()),
        };
        let encrypted = match &own {
            Some(key) => key.is_encrypted(),
            None => text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED"),
        };
        let certificate = beside("-cert.pub").and_then(|line| Certificate::from_openssh(line.trim()).ok());
        Ok(Self { text, public, certificate, encrypted })
    }

    /// The private key; `passphrase` is needed where the file is encrypted and not looked at elsewhere.
    fn open(&self, passphrase: Option<&SecretString>) -> Result<PrivateKey, IdentityError> {
        if let Ok(key) = PrivateKey::from_openssh(self.text.as_str()) {
            return match passphrase {
                Some(passphrase) if key.is_encrypted() => {
                    key.decrypt(passphrase.expose_secret()).map_err(|_wrong| IdentityError::WrongPassphrase)
                }
                _ => Ok(key),
            };
        }
        if self.text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
            return Err(IdentityError::Unsupported("a damaged key, or a key of hardware; offer it by an agent".to_owned()));
        }
        if !is_private_key(&self.text) {
            return Err(IdentityError::NoPrivateKey);
        }
        let unsupported = |error: &dyn std::fmt::Display| IdentityError::Unsupported(error.to_string());
        let passphrase = passphrase.map(ExposeSecret::expose_secret).unwrap_or_default();
        let key = PKey::private_key_from_pem_passphrase(self.text.as_bytes(), passphrase.as_bytes())
            .map_err(|error| if self.encrypted { IdentityError::WrongPassphrase } else { unsupported(&error) })?;
        let plain = Zeroizing::new(key.private_key_to_pem_pkcs8().map_err(|error| unsupported(&error))?);
        let plain = Zeroizing::new(String::from_utf8_lossy(&plain).into_owned());
        russh::keys::decode_secret_key(&plain, None).map_err(|error| unsupported(&error))
    }
}

type OncePerFile<T> = Mutex<HashMap<PathBuf, Arc<OnceCell<Result<T, IdentityError>>>>>;

/// The operator's key files, each read, and its passphrase asked for, once.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    files: OncePerFile<Arc<KeyFile>>,
    opened: OncePerFile<Arc<PrivateKey>>,
}

impl Keyring {
    /// The file, still closed.
    pub(crate) async fn file(&self, path: &Path) -> Result<Arc<KeyFile>, IdentityError> {
        let cell = Arc::clone(self.files.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_default());
        let read = || async {
            let path = path.to_owned();
            off_the_reactor(move || KeyFile::read(&path).map(Arc::new)).await
        };
        cell.get_or_init(read).await.clone()
    }

    /// The private key in the file; an encrypted one's passphrase is resolved when it comes to that.
    pub(crate) async fn open(
        &self,
        path: &Path,
        passphrase: Option<&SecretRef>,
        secrets: &Arc<Secrets>,
    ) -> Result<Arc<PrivateKey>, IdentityError> {
        let cell = Arc::clone(self.opened.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_default());
        let open = || async {
            let file = self.file(path).await?;
            let purpose = format!("the passphrase of {}", path.display());
            let reference = passphrase.cloned().unwrap_or(SecretRef::Prompt);
            let secrets = Arc::clone(secrets);
            off_the_reactor(move || {
                let resolve = || secrets.resolve(&reference, &purpose).map_err(|error| IdentityError::NoPassphrase(Arc::new(error)));
                let passphrase = file.encrypted.then(resolve).transpose()?;
                file.open(passphrase.as_ref()).map(Arc::new)
            })
            .await
        };
        cell.get_or_init(open).await.clone()
    }
}

/// Runs what blocks (files, a person, a key derivation) where it does not hold up connections.
async fn off_the_reactor<T: Send + 'static>(work: impl FnOnce() -> Result<T, IdentityError> + Send + 'static) -> Result<T, IdentityError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(IdentityError::Unsupported(error.to_string())))
}

#[cfg(test)]
mod tests;
