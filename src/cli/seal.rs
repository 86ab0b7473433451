//! The seal on a plan file: a signature with the key of the site's ledger, for this purpose alone; and the veil over what it
//! says of secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::ledger::sign::{KeyError, PublicKey, SigningKey};

/// Keeps a plan's signature from being taken for one over an event, and the other way round.
const PURPOSE: &[u8] = b"portcullis plan 3\0";

/// Whose it is, and the signature; both in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seal {
    /// The ledger's public key (Ed25519).
    pub(crate) key: String,
    /// The signature.
    pub(crate) signature: String,
}

impl Seal {
    /// Signs `message`.
    pub(crate) fn over(message: &[u8], key: &SigningKey) -> Result<Self, KeyError> {
        let signature = key.sign(&[PURPOSE, message].concat())?;
        Ok(Self { key: key.public().encode_base64(), signature: STANDARD.encode(signature) })
    }

    /// Whether `key` signed `message`.
    pub(crate) fn is_by(&self, key: &PublicKey, message: &[u8]) -> bool {
        let signature = STANDARD.decode(&self.signature).unwrap_or_default();
        self.key == key.encode_base64() && key.is_signed(&[PURPOSE, message].concat(), &signature)
    }
}

/// Hashes that only the ledger's key can make: without it nobody can try passwords against one, and nobody without it made the plan.
#[derive(Debug)]
pub(crate) struct Veil(hmac::Key);

impl Veil {
    /// The veil of this key. An Ed25519 signature over the same bytes is always the same (RFC 8032), and secret while nobody shows it.
    pub(crate) fn of(key: &SigningKey) -> Result<Self, KeyError> {
        let secret = Zeroizing::new(key.sign(b"portcullis plan, veil over secrets\0")?);
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice())))
    }

    /// A text's hash under it (HMAC-SHA-256), in base64.
    pub(crate) fn over(&self, text: &str) -> String {
        STANDARD.encode(hmac::sign(&self.0, text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_veil_is_the_same_for_one_key_and_text_alone() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let veiled = Veil::of(&key).unwrap().over("hash");
        assert_eq!(veiled, Veil::of(&key).unwrap().over("hash"));
        assert!(veiled != Veil::of(&key).unwrap().over("hush") && veiled != Veil::of(&other).unwrap().over("hash"));
    }

    #[test]
    fn a_seal_holds_for_its_message_and_key_alone() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let seal = Seal::over(b"plan", &key).unwrap();
        assert!(seal.is_by(key.public(), b"plan"));
        assert!(!seal.is_by(key.public(), b"plam") && !seal.is_by(other.public(), b"plan"));
        let forged = Seal { key: other.public().encode_base64(), ..seal.clone() };
        assert!(!forged.is_by(other.public(), b"plan") && !forged.is_by(key.public(), b"plan"));
        let broken = Seal { signature: "!".to_owned(), ..seal };
        assert!(!broken.is_by(key.public(), b"plan"));
        let bare = Seal { key: key.public().encode_base64(), signature: STANDARD.encode(key.sign(b"plan").unwrap()) };
        assert!(!bare.is_by(key.public(), b"plan"), "a signature for another purpose");
    }
}
