//! Private keys in all the shapes they come in. What is secret stays inside [`Key`] and is never shown.

use std::fmt;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use zeroize::Zeroizing;

use super::algorithm::KeyKind;
use super::asn1::{Reader, definite};
use super::certificate::{Certificate, Origin};
use super::pfx::pbe::{self, Password, PbeError};
use super::pfx::structure::encrypted_key;

/// A private key and where it came from.
#[derive(Clone)]
pub struct Key {
    /// Where it was read.
    pub origin: Origin,
    /// Kind and strength.
    pub kind: KeyKind,
    public_half: Vec<u8>,
    private: PKey<Private>,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Key").field("kind", &self.kind).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Why bytes are not a usable private key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its encryption could not be undone.
    #[error(transparent)]
    Locked(#[from] PbeError),
    /// OpenSSL does not take it for a key.
    #[error("not a private key that OpenSSL can read")]
    Refused(#[source] ErrorStack),
    /// Its public half is of no kind that certificates use.
    #[error("its public key cannot be read")]
    PublicKey,
}

impl Key {
    /// A key that OpenSSL holds already.
    pub fn from_openssl(private: PKey<Private>, origin: Origin) -> Result<Self, KeyError> {
        let public_half = private.public_key_to_der().map_err(KeyError::Refused)?;
        let kind = Reader::new(&public_half).next().and_then(|info| KeyKind::parse(&info)).map_err(|_error| KeyError::PublicKey)?;
        Ok(Self { origin, kind, public_half, private })
    }

    /// Unencrypted PKCS#8, PKCS#1 or SEC1.
    pub(crate) fn from_der(der: &[u8], origin: Origin) -> Result<Self, KeyError> {
        let private = PKey::private_key_from_pkcs8(der).or_else(|_| PKey::private_key_from_der(der)).map_err(KeyError::Refused)?;
        Self::from_openssl(private, origin)
    }

    /// Encrypted PKCS#8.
    pub(crate) fn from_encrypted_pkcs8(der: &[u8], password: Password<'_>, origin: Origin) -> Result<Self, KeyError> {
        let plain = definite(der).map_err(|_error| KeyError::PublicKey).and_then(|der| {
            let info = Reader::new(&der).next().and_then(|info| encrypted_key(&info)).map_err(|_error| KeyError::PublicKey)?;
            let (scheme, data) = info;
            Ok(pbe::decrypt(&scheme, password, &data)?)
        })?;
        // Wrong passwords that happen to pad well give bytes that are no key.
        Self::from_der(&plain, origin).map_err(|_error| KeyError::Locked(PbeError::WrongPassword))
    }

    /// PEM encrypted in the old way (`DEK-Info:`), which OpenSSL undoes.
    pub(crate) fn from_dek_info(pem: &[u8], password: &str, origin: Origin) -> Result<Self, KeyError> {
        let answer = |buffer: &mut [u8]| {
            let secret = password.as_bytes();
            // A password that does not fit is a wrong one.
            let Some(place) = buffer.get_mut(..secret.len()) else { return Ok(0) };
            place.copy_from_slice(secret);
            Ok(secret.len())
        };
        let private = PKey::private_key_from_pem_callback(pem, answer).map_err(|_error| PbeError::WrongPassword)?;
        Self::from_openssl(private, origin)
    }

    /// Whether it is the private half of the certificate's key.
    pub fn fits(&self, certificate: &Certificate) -> bool {
        if self.kind != certificate.key {
            return false;
        }
        // Bytes first: the same point can be written in two ways, but hardly ever is.
        self.public_half == certificate.public_key_info()
            || certificate.x509().and_then(|x509| x509.public_key().ok()).is_some_and(|public| public.public_eq(&self.private))
    }

    /// Its `SubjectPublicKeyInfo`.
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_half
    }

    /// OpenSSL's view of it.
    pub fn private(&self) -> &PKey<Private> {
        &self.private
    }

    /// Unencrypted PKCS#8 as PEM, wiped when dropped.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, ErrorStack> {
        let der = Zeroizing::new(self.private.private_key_to_pkcs8()?);
        Ok(Zeroizing::new(super::read::pem_block("PRIVATE KEY", &der)))
    }

    /// Unencrypted PKCS#8, wiped when dropped.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        Ok(Zeroizing::new(self.private.private_key_to_pkcs8()?))
    }
}
