//! The algorithms that are acceptable, and no others. Explicit, so that an update of the transport cannot add one.
//!
//! Left out as weak: `ssh-rsa` signatures (SHA-1), SHA-1 MACs, CBC, group 1 and group 14 with SHA-1, DSA.

use std::borrow::Cow;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, compression, kex, mac};

const KEX: &[kex::Name] = &[
    // Post-quantum first: OpenSSH speaks it from 9.9 on; older ones fall back to curve25519.
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    // Strong enough, and a third of the larger one's work.
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_G14_SHA256,
    // No algorithms but announcements: RSA with SHA-2 (RFC 8308) and strict key exchange (CVE-2023-48795) hang on them.
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

const CIPHERS: &[cipher::Name] =
    &[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM, cipher::AES_128_GCM, cipher::AES_256_CTR, cipher::AES_192_CTR, cipher::AES_128_CTR];

const MACS: &[mac::Name] = &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];

/// Host key algorithms, most wanted first.
pub(crate) const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// What is offered to a server whose host key is known to be of one of the types `known`.
///
/// Known types come first, as the server shows the first that it has: a server with several keys of which we know
/// one must show that one. Certificates are asked for only where an authority is known.
pub(crate) fn offered(known: &[Algorithm], certificates: bool) -> Preferred {
    let is_known = |algorithm: &Algorithm| known.iter().any(|known| same_type(known, algorithm));
    let (first, rest): (Vec<_>, Vec<_>) = HOST_KEYS.iter().cloned().partition(is_known);
    let keys = first.into_iter().chain(rest).collect();
    Preferred {
        kex: Cow::Borrowed(KEX),
        key: Cow::Owned(keys),
        host_key_certificates: if certificates { Cow::Borrowed(HOST_KEYS) } else { Cow::Borrowed(&[]) },
        cipher: Cow::Borrowed(CIPHERS),
        mac: Cow::Borrowed(MACS),
        compression: Cow::Borrowed(&[compression::NONE]),
    }
}

fn same_type(one: &Algorithm, other: &Algorithm) -> bool {
    one == other || matches!((one, other), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

/// What a key exchange agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// Key exchange, such as `mlkem768x25519-sha256`.
    pub kex: String,
    /// Host key algorithm.
    pub host_key: String,
    /// Cipher.
    pub cipher: String,
    /// Whether the exchange was strict (no prefix can be cut off unseen).
    pub strict: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_type_is_asked_for_first() {
        let rsa = Algorithm::Rsa { hash: None };
        let offered = offered(&[rsa], false);
        assert_eq!(offered.key[0], Algorithm::Rsa { hash: Some(HashAlg::Sha512) });
        assert_eq!(offered.key[2], Algorithm::Ed25519);
        assert_eq!(offered.key.len(), HOST_KEYS.len());
    }

    #[test]
    fn nothing_with_sha1_is_offered() {
        let offered = offered(&[], true);
        let names = offered.kex.iter().map(AsRef::as_ref).chain(offered.mac.iter().map(AsRef::as_ref));
        assert!(names.clone().all(|name: &str| !name.ends_with("sha1") && !name.contains("sha1-")));
        assert!(names.clone().any(|name| name == "kex-strict-c-v00@openssh.com"));
        assert!(offered.key.iter().chain(offered.host_key_certificates.iter()).all(|key| *key != Algorithm::Rsa { hash: None }));
    }
}
