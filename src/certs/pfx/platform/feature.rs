//! What a PFX may be made with, as far as platforms differ in it.

use crate::certs::algorithm::KeyKind;
use crate::certs::pfx::scheme::{BLOWFISH, CAST5, Cipher, Family, Hash, Kdf, Mac, SEED, Scheme};

/// Something that not every platform knows. 3DES under PKCS#12's own scheme with a SHA-1 MAC all of them do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feature {
    /// PBES2 at all, and AES with 128 or 256 bits under it.
    Aes,
    /// AES with 192 bits.
    Aes192,
    /// 3DES under PBES2.
    TripleDesPbes2,
    /// DES under PBES2.
    DesPbes2,
    /// RC2 under PBES2.
    Rc2Pbes2,
    Camellia,
    Aria,
    Sm4,
    Seed,
    /// Blowfish or CAST5.
    Blowfish,
    /// 3DES with two keys under PKCS#12's own scheme.
    TwoKeys,
    /// RC2 with 40 bits under PKCS#12's own scheme.
    Rc2,
    /// RC2 with 128 bits there.
    Rc2Long,
    /// RC4 with 128 bits there.
    Rc4,
    /// RC4 with 40 bits there.
    Rc4Short,
    /// DES with MD5 under PBES1.
    Md5Des,
    /// What else PBES1 has.
    Pbes1,
    /// A MAC with MD5.
    Md5Mac,
    /// A MAC with SHA-2.
    Sha2Mac,
    /// A MAC with SHA-512 cut off.
    TruncatedMac,
    /// A MAC with SHA-3.
    Sha3Mac,
    /// A MAC with what OpenSSL has and few others.
    RareMac,
    /// A MAC with what OpenSSL 3 has in its legacy provider.
    LegacyMac,
    /// PBMAC1.
    Pbmac1,
    /// scrypt in the place of PBKDF2.
    Scrypt,
    /// No MAC at all; unless it is known to refuse.
    NoMac,
    /// A private key that is not encrypted; unless it is known not to see it.
    PlainKey,
    /// A key of Ed25519 or Ed448.
    EdwardsKey,
}

/// What hardly any PFX is made with: of platforms that were not at hand to be tried it is not known.
pub(super) const RARE: &[Feature] = &[
    Feature::Aes192,
    Feature::TripleDesPbes2,
    Feature::DesPbes2,
    Feature::Rc2Pbes2,
    Feature::Camellia,
    Feature::Aria,
    Feature::Sm4,
    Feature::Seed,
    Feature::Blowfish,
    Feature::TwoKeys,
    Feature::Rc2Long,
    Feature::Rc4,
    Feature::Rc4Short,
    Feature::Md5Des,
    Feature::Pbes1,
    Feature::Md5Mac,
    Feature::TruncatedMac,
    Feature::Sha3Mac,
    Feature::RareMac,
    Feature::LegacyMac,
];
/// Keys of Ed25519 and Ed448, of which more is known than of the rest.
pub(super) const EDWARDS: &[Feature] = &[Feature::EdwardsKey];

/// What a platform must know for something; `None` in it: nobody here knows that algorithm.
pub(super) type Needed = Vec<Option<Feature>>;

impl Feature {
    /// What a part that is encrypted like this takes.
    pub(super) fn of_scheme(scheme: &Scheme) -> Needed {
        match scheme {
            Scheme::Pbes2 { kdf, cipher, .. } => {
                let derivation = match kdf {
                    Kdf::Pbkdf2 { hash: Hash::Other(_), .. } | Kdf::Other(_) => Some(None),
                    Kdf::Pbkdf2 { .. } => None,
                    Kdf::Scrypt { .. } => Some(Some(Self::Scrypt)),
                };
                std::iter::once(Some(Self::Aes)).chain(derivation).chain([Self::of_pbes2(cipher)]).collect()
            }
            Scheme::Pkcs12 { cipher: Cipher::TripleDes(192), .. } => Vec::new(),
            Scheme::Pkcs12 { cipher, .. } => vec![match cipher {
                Cipher::TripleDes(_) => Some(Self::TwoKeys),
                Cipher::Rc2(40) => Some(Self::Rc2),
                Cipher::Rc2(_) => Some(Self::Rc2Long),
                Cipher::Rc4(40) => Some(Self::Rc4Short),
                Cipher::Rc4(_) => Some(Self::Rc4),
                Cipher::Aes(_)
                | Cipher::Des
                | Cipher::Camellia(_)
                | Cipher::Aria(_)
                | Cipher::Sm4
                | Cipher::Named(_)
                | Cipher::Other(_) => None,
            }],
            Scheme::Pbes1 { hash: Hash::Md5, cipher: Cipher::Des, .. } => vec![Some(Self::Md5Des)],
            Scheme::Pbes1 { .. } => vec![Some(Self::Pbes1)],
            Scheme::Other(_) => vec![None],
        }
    }

    fn of_pbes2(cipher: &Cipher) -> Option<Self> {
        Some(match cipher {
            Cipher::Aes(192) => Self::Aes192,
            Cipher::Aes(_) => Self::Aes,
            Cipher::TripleDes(_) => Self::TripleDesPbes2,
            Cipher::Des => Self::DesPbes2,
            Cipher::Rc2(_) => Self::Rc2Pbes2,
            Cipher::Camellia(_) => Self::Camellia,
            Cipher::Aria(_) => Self::Aria,
            Cipher::Sm4 => Self::Sm4,
            named if *named == SEED => Self::Seed,
            named if *named == BLOWFISH || *named == CAST5 => Self::Blowfish,
            Cipher::Rc4(_) | Cipher::Named(_) | Cipher::Other(_) => return None,
        })
    }

    /// What such a MAC takes.
    pub(super) fn of_mac(mac: &Mac) -> Needed {
        match mac {
            Mac::Pbmac1 { .. } => vec![Some(Self::Pbmac1)],
            Mac::Traditional { hash, .. } => match hash {
                Hash::Sha1 => Vec::new(),
                Hash::Md5 => vec![Some(Self::Md5Mac)],
                Hash::Sha224 | Hash::Sha256 | Hash::Sha384 | Hash::Sha512 => vec![Some(Self::Sha2Mac)],
                Hash::Rare(rare) => vec![Some(match rare.family {
                    Family::Truncated => Self::TruncatedMac,
                    Family::Sha3 => Self::Sha3Mac,
                    Family::OfOpenSsl => Self::RareMac,
                    Family::Legacy => Self::LegacyMac,
                })],
                Hash::Other(_) => vec![None],
            },
        }
    }

    /// What such a key takes.
    pub(super) fn of_key(kind: &KeyKind) -> Needed {
        if matches!(kind, KeyKind::Ed25519 | KeyKind::Ed448) { vec![Some(Self::EdwardsKey)] } else { Vec::new() }
    }
}
