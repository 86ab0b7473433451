//! The seal on a plan file: a signature with the key of the site's ledger, for this purpose alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::ledger::sign::{KeyError, PublicKey, SigningKey};

/// Keeps a plan's signature from being taken for one over an event, and the other way round.
const PURPOSE: &[u8] = b"portcullis plan 2\0";

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

#[cfg(test)]
mod tests {
    use super::*;

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
