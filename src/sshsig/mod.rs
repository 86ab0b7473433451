//! A person's signature by an SSH key: the format of `ssh-keygen -Y sign` (OpenSSH's PROTOCOL.sshsig).
//!
//! What is signed here is verified by the plain program, and the other way round. A namespace keeps a signature for one
//! purpose from being taken for another. Whose key it is, is for the caller to know.

pub mod agent;
mod signer;

pub use signer::{Signer, SignerError};

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russh::keys::ssh_key::{LineEnding, SshSig, public::KeyData};
use russh::keys::{Algorithm, HashAlg, PublicKey};

/// A signature is some 400 bytes, one by RSA 4096 some 1,700.
const LONGEST: usize = 16 << 10;
/// The armour's lines are so long (PROTOCOL.sshsig).
const ARMOUR_WIDTH: usize = 70;
/// FIDO keys say in a bit that somebody touched them (PROTOCOL.u2f).
const TOUCHED: u8 = 1;
/// Flags (one byte) and counter (four) stand behind a FIDO key's signature.
const FIDO_TRAILER: usize = 5;

/// Why a signature is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is no `SSH SIGNATURE`.
    #[error("that is no signature as `ssh-keygen -Y sign` writes one")]
    Unreadable,
    /// It was made for another purpose.
    #[error("the signature was made for another purpose than `{wanted}`")]
    Namespace {
        /// The purpose it should have.
        wanted: &'static str,
    },
    /// An algorithm that proves nothing any more.
    #[error("the signature is made with an algorithm that proves nothing any more")]
    Weak,
    /// A FIDO key that nobody touched.
    #[error("nobody touched the security key that made the signature")]
    Untouched,
    /// Another text, or another key.
    #[error("the signature is not one over this text")]
    Wrong,
}

/// A signature with the key that made it; not believed before [`verify`](Self::verify) says so.
#[derive(Clone, PartialEq, Eq)]
pub struct SshSignature(SshSig);

impl fmt::Debug for SshSignature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SshSignature({} by {})", self.0.namespace(), self.fingerprint())
    }
}

impl SshSignature {
    /// Reads the text between `BEGIN SSH SIGNATURE` and its end.
    pub fn parse(text: &[u8]) -> Result<Self, SignatureError> {
        if text.len() > LONGEST {
            return Err(SignatureError::Unreadable);
        }
        let text = text.trim_ascii();
        let signature = SshSig::from_pem(text).map_err(|_unreadable| SignatureError::Unreadable)?;
        if signature.version() != SshSig::VERSION || !signature.reserved().is_empty() {
            return Err(SignatureError::Unreadable);
        }
        Ok(Self(signature))
    }

    /// The text as `ssh-keygen` writes it, with a line break at its end. `None` where it has no such form.
    pub fn encode(&self) -> Option<String> {
        self.0.to_pem(LineEnding::LF).ok().map(|text| format!("{}\n", text.trim_end()))
    }

    /// The bytes between the armour's first and last line, for where text is too long.
    pub fn encode_bytes(&self) -> Option<Vec<u8>> {
        let text = self.encode()?;
        let inner: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        STANDARD.decode(inner).ok()
    }

    /// Reads what [`encode_bytes`](Self::encode_bytes) gave, and nothing else.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, SignatureError> {
        let encoded = STANDARD.encode(bytes);
        let mut lines = vec!["-----BEGIN SSH SIGNATURE-----"];
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at_checked(ARMOUR_WIDTH).unwrap_or((rest, ""));
            lines.push(line);
            rest = more;
        }
        lines.push("-----END SSH SIGNATURE-----");
        Self::parse(lines.join("\n").as_bytes())
    }

    /// Fails unless the key in it signed `message` for `namespace`.
    pub fn verify(&self, namespace: &'static str, message: &[u8]) -> Result<(), SignatureError> {
        if self.0.namespace() != namespace {
            return Err(SignatureError::Namespace { wanted: namespace });
        }
        // RSA with SHA-1, and DSA: what `ssh-keygen -Y verify` refuses too.
        if matches!(self.0.algorithm(), Algorithm::Dsa | Algorithm::Rsa { hash: None }) {
            return Err(SignatureError::Weak);
        }
        if matches!(self.0.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) && !self.was_touched() {
            return Err(SignatureError::Untouched);
        }
        self.public_key().verify(namespace, message, &self.0).map_err(|_wrong| SignatureError::Wrong)
    }

    fn was_touched(&self) -> bool {
        let bytes = self.0.signature_bytes();
        let flags = bytes.len().checked_sub(FIDO_TRAILER).and_then(|place| bytes.get(place));
        flags.is_some_and(|flags| flags & TOUCHED != 0)
    }

    /// Whether `key` made it, if it is sound; comments do not count.
    pub fn is_by(&self, key: &PublicKey) -> bool {
        self.key_data() == key.key_data()
    }

    /// The key in it.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::new(self.key_data().clone(), "")
    }

    fn key_data(&self) -> &KeyData {
        self.0.public_key()
    }

    /// The key's fingerprint, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.public_key().fingerprint(HashAlg::Sha256).to_string()
    }
}

/// Reads a line of a `.pub` file: type and key, without options; the comment is left out. `None` for anything else.
pub fn parse_public_key(line: &str) -> Option<PublicKey> {
    let key = PublicKey::from_openssh(line.trim()).ok()?;
    Some(PublicKey::new(key.key_data().clone(), ""))
}

#[cfg(test)]
mod tests;
