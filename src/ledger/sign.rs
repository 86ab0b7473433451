//! The ledger's key: Ed25519, PKCS#8 on disk, raw 32 bytes where it is compared.
//!
//! The private half never leaves this type but as PEM for its own file; Debug shows the public half alone.

use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::sign::{Signer, Verifier};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// An Ed25519 signature.
pub type Signature = [u8; 64];

/// Why a key could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a PEM of an unencrypted Ed25519 key.
    #[error("not an unencrypted Ed25519 key in PEM")]
    Unreadable {
        /// What the reader said.
        #[source]
        source: ErrorStack,
    },
    /// A key, but of another kind.
    #[error("a key of another kind than Ed25519")]
    NotEd25519,
    /// The cryptographic library failed.
    #[error("cannot {action} with the ledger's key")]
    Library {
        /// What was tried.
        action: &'static str,
        /// What the library said.
        #[source]
        source: ErrorStack,
    },
}

/// The half that signs.
pub struct SigningKey {
    key: PKey<Private>,
    public: PublicKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key from the library's random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        Self::of(PKey::generate_ed25519().map_err(|source| KeyError::Library { action: "make one", source })?)
    }

    /// Reads an unencrypted PKCS#8 PEM; never asks for a passphrase.
    pub fn parse_pem(pem: &[u8]) -> Result<Self, KeyError> {
        // Without a callback the library would ask at the terminal.
        let key = PKey::private_key_from_pem_callback(pem, |_| Ok(0)).map_err(|source| KeyError::Unreadable { source })?;
        Self::of(key)
    }

    fn of(key: PKey<Private>) -> Result<Self, KeyError> {
        if key.id() != Id::ED25519 {
            return Err(KeyError::NotEd25519);
        }
        let raw = key.raw_public_key().map_err(|source| KeyError::Library { action: "derive the public half", source })?;
        let public = PublicKey::parse_raw(&raw)?;
        Ok(Self { key, public })
    }

    /// The key as PKCS#8 PEM, for its own file and nowhere else.
    pub fn encode_pem(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.private_key_to_pem_pkcs8().map(Zeroizing::new).map_err(|source| KeyError::Library { action: "encode", source })
    }

    /// The half that verifies.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        let failed = |source| KeyError::Library { action: "sign", source };
        let mut signer = Signer::new_without_digest(&self.key).map_err(failed)?;
        let mut signature = [0; 64];
        signer.sign_oneshot(&mut signature, message).map_err(failed)?;
        Ok(signature)
    }
}

/// The half that verifies.
#[derive(Clone)]
pub struct PublicKey {
    raw: [u8; 32],
    key: PKey<Public>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.fingerprint())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}

impl PublicKey {
    /// Takes the 32 bytes of RFC 8032.
    pub fn parse_raw(raw: &[u8]) -> Result<Self, KeyError> {
        let key = PKey::public_key_from_raw_bytes(raw, Id::ED25519).map_err(|source| KeyError::Unreadable { source })?;
        let raw = <[u8; 32]>::try_from(raw).ok().ok_or(KeyError::NotEd25519)?;
        Ok(Self { raw, key })
    }

    /// Reads a `PUBLIC KEY` PEM.
    pub fn parse_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let key = PKey::public_key_from_pem(pem).map_err(|source| KeyError::Unreadable { source })?;
        if key.id() != Id::ED25519 {
            return Err(KeyError::NotEd25519);
        }
        let raw = key.raw_public_key().map_err(|source| KeyError::Library { action: "read the bytes", source })?;
        Self::parse_raw(&raw)
    }

    /// Reads what [`encode_base64`](Self::encode_base64) wrote; `None` for anything else.
    pub fn parse_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok().and_then(|raw| Self::parse_raw(&raw).ok())
    }

    /// The 32 bytes of RFC 8032.
    pub fn raw(&self) -> &[u8; 32] {
        &self.raw
    }

    /// The raw bytes in base64.
    pub fn encode_base64(&self) -> String {
        STANDARD.encode(self.raw)
    }

    /// The key as `PUBLIC KEY` PEM.
    pub fn encode_pem(&self) -> Result<Vec<u8>, KeyError> {
        self.key.public_key_to_pem().map_err(|source| KeyError::Library { action: "encode", source })
    }

    /// `SHA256:…` over the raw bytes, for people to compare.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(self.raw)))
    }

    /// Whether `signature` is this key's over `message`.
    pub fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Verifier::new_without_digest(&self.key).and_then(|mut verifier| verifier.verify_oneshot(signature, message)).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file_and_signs_the_same() {
        let key = SigningKey::generate().unwrap();
        let back = SigningKey::parse_pem(&key.encode_pem().unwrap()).unwrap();
        assert_eq!(back.public(), key.public());
        assert_eq!(back.sign(b"x").unwrap(), key.sign(b"x").unwrap());
        let public = PublicKey::parse_pem(&key.public().encode_pem().unwrap()).unwrap();
        assert!(public.is_signed(b"x", &key.sign(b"x").unwrap()));
        assert!(!public.is_signed(b"y", &key.sign(b"x").unwrap()));
        assert!(!public.is_signed(b"x", b"short"));
    }

    #[test]
    fn other_keys_and_encrypted_ones_are_refused_without_asking() {
        let rsa = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
        assert!(matches!(SigningKey::parse_pem(&rsa.private_key_to_pem_pkcs8().unwrap()), Err(KeyError::NotEd25519)));
        let encrypted =
            PKey::generate_ed25519().unwrap().private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"secret").unwrap();
        assert!(matches!(SigningKey::parse_pem(&encrypted), Err(KeyError::Unreadable { .. })));
        assert!(matches!(SigningKey::parse_pem(b""), Err(KeyError::Unreadable { .. })));
    }

    #[test]
    fn debug_output_shows_no_private_half() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey {{ public: {}, .. }}", key.public().fingerprint()));
    }
}
