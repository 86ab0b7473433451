//! How something in a PFX or an encrypted key is encrypted or authenticated, by its algorithm identifiers
//! (RFC 8018 for PBES2 and PBKDF2, RFC 7292 for PKCS#12's own schemes, RFC 9579 for PBMAC1).

mod cipher;
mod hash;

use std::fmt;

pub use cipher::Cipher;
pub(super) use cipher::{BLOWFISH, CAST5, SEED};
pub use hash::{Family, Hash, Rare};

use crate::certs::asn1::{self, Asn1Error, Element, Reader};

/// How a password becomes a key under PBES2 or PBMAC1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kdf {
    /// PBKDF2 (RFC 8018, 5.2).
    Pbkdf2 {
        /// The salt.
        salt: Vec<u8>,
        /// How often the hash is applied.
        iterations: u64,
        /// Length of the key in bytes, where stated.
        key_length: Option<u64>,
        /// The hash under HMAC.
        hash: Hash,
    },
    /// scrypt (RFC 7914).
    Scrypt {
        /// The salt.
        salt: Vec<u8>,
        /// Cost.
        cost: u64,
        /// Block size.
        block: u64,
        /// Parallelization.
        parallel: u64,
    },
    /// Another, by its dotted identifier.
    Other(String),
}

/// How a part is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// PBES2: any cipher, any key derivation.
    Pbes2 {
        /// From password to key.
        kdf: Kdf,
        /// The cipher.
        cipher: Cipher,
        /// Its initialisation vector.
        iv: Vec<u8>,
    },
    /// PKCS#12's own derivation with SHA-1 (RFC 7292, appendix C).
    Pkcs12 {
        /// The cipher.
        cipher: Cipher,
        /// The salt.
        salt: Vec<u8>,
        /// How often the hash is applied.
        iterations: u64,
    },
    /// PBES1: a hash applied again and again (RFC 8018, 5.1 and 6.1).
    Pbes1 {
        /// The hash.
        hash: Hash,
        /// DES, or RC2 with 64 bits.
        cipher: Cipher,
        /// The salt.
        salt: Vec<u8>,
        /// How often the hash is applied.
        iterations: u64,
    },
    /// Another, by its dotted identifier.
    Other(String),
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pbes2 { kdf: Kdf::Pbkdf2 { hash, iterations, .. }, cipher, .. } => {
                write!(formatter, "PBES2: {cipher}, PBKDF2 with HMAC-{hash}, {iterations} iterations")
            }
            Self::Pbes2 { kdf: Kdf::Scrypt { cost, .. }, cipher, .. } => write!(formatter, "PBES2: {cipher}, scrypt with cost {cost}"),
            Self::Pbes2 { kdf: Kdf::Other(oid), cipher, .. } => write!(formatter, "PBES2: {cipher}, key derivation {oid}"),
            Self::Pkcs12 { cipher, iterations, .. } => write!(formatter, "PKCS#12 PBE: {cipher}, SHA-1, {iterations} iterations"),
            Self::Pbes1 { hash, cipher, iterations, .. } => write!(formatter, "PBES1: {cipher}, {hash}, {iterations} iterations"),
            Self::Other(oid) => write!(formatter, "encryption scheme {oid}"),
        }
    }
}

impl Scheme {
    /// Reads an `AlgorithmIdentifier`.
    pub(crate) fn parse(identifier: &Element<'_>) -> Result<Self, Asn1Error> {
        let mut identifier = identifier.inside();
        let oid = identifier.oid()?;
        if oid == "1.2.840.113549.1.5.13" {
            return Self::parse_pbes2(identifier.sequence("PBES2 parameters")?);
        }
        let Some((hash, cipher)) = old_scheme(&oid) else { return Ok(Self::Other(oid)) };
        let mut parameters = identifier.sequence("PBE parameters")?;
        let salt = parameters.expect(asn1::OCTET_STRING, "a salt")?.content.to_vec();
        let iterations = parameters.next()?.number()?;
        Ok(match hash {
            Some(hash) => Self::Pbes1 { hash, cipher, salt, iterations },
            None => Self::Pkcs12 { cipher, salt, iterations },
        })
    }

    fn parse_pbes2(mut parameters: Reader<'_>) -> Result<Self, Asn1Error> {
        let kdf = Kdf::parse(&parameters.next()?)?;
        let (cipher, iv) = Cipher::parse(parameters.sequence("an encryption scheme")?)?;
        Ok(Self::Pbes2 { kdf, cipher, iv })
    }

    /// How much work opening it is, in hash iterations; the bound against hostile input.
    pub(crate) fn work(&self) -> u64 {
        match self {
            Self::Pbes2 { kdf, .. } => kdf.work(),
            Self::Pkcs12 { iterations, .. } | Self::Pbes1 { iterations, .. } => *iterations,
            Self::Other(_) => 0,
        }
    }
}

/// The schemes before PBES2, which state salt and count alone: hash and cipher of PBES1 (RFC 8018, A.3), or the cipher of
/// PKCS#12's own (RFC 7292, appendix C).
fn old_scheme(oid: &str) -> Option<(Option<Hash>, Cipher)> {
    Some(match oid {
        "1.2.840.113549.1.5.3" => (Some(Hash::Md5), Cipher::Des),
        "1.2.840.113549.1.5.6" => (Some(Hash::Md5), Cipher::Rc2(64)),
        "1.2.840.113549.1.5.10" => (Some(Hash::Sha1), Cipher::Des),
        "1.2.840.113549.1.5.11" => (Some(Hash::Sha1), Cipher::Rc2(64)),
        "1.2.840.113549.1.12.1.1" => (None, Cipher::Rc4(128)),
        "1.2.840.113549.1.12.1.2" => (None, Cipher::Rc4(40)),
        "1.2.840.113549.1.12.1.3" => (None, Cipher::TripleDes(192)),
        "1.2.840.113549.1.12.1.4" => (None, Cipher::TripleDes(128)),
        "1.2.840.113549.1.12.1.5" => (None, Cipher::Rc2(128)),
        "1.2.840.113549.1.12.1.6" => (None, Cipher::Rc2(40)),
        _ => return None,
    })
}

impl Kdf {
    /// Reads an `AlgorithmIdentifier`.
    pub(crate) fn parse(identifier: &Element<'_>) -> Result<Self, Asn1Error> {
        let mut identifier = identifier.inside();
        let oid = identifier.oid()?;
        match oid.as_str() {
            "1.2.840.113549.1.5.12" => {
                let mut parameters = identifier.sequence("PBKDF2 parameters")?;
                let salt = parameters.expect(asn1::OCTET_STRING, "a salt")?.content.to_vec();
                let iterations = parameters.next()?.number()?;
                let key_length = parameters.optional(asn1::INTEGER)?.map(|length| length.number()).transpose()?;
                let hash = match parameters.optional(asn1::SEQUENCE)? {
                    Some(prf) => Hash::from_oid(prf.inside().oid()?),
                    None => Hash::Sha1,
                };
                Ok(Self::Pbkdf2 { salt, iterations, key_length, hash })
            }
            "1.3.6.1.4.1.11591.4.11" => {
                let mut parameters = identifier.sequence("scrypt parameters")?;
                let salt = parameters.expect(asn1::OCTET_STRING, "a salt")?.content.to_vec();
                let [cost, block, parallel] = [parameters.next()?.number()?, parameters.next()?.number()?, parameters.next()?.number()?];
                Ok(Self::Scrypt { salt, cost, block, parallel })
            }
            _ => Ok(Self::Other(oid)),
        }
    }

    fn work(&self) -> u64 {
        match self {
            Self::Pbkdf2 { iterations, key_length, .. } => iterations.saturating_mul(key_length.unwrap_or(32).div_ceil(32).max(1)),
            Self::Scrypt { cost, block, parallel, .. } => cost.saturating_mul(*block).saturating_mul(*parallel),
            Self::Other(_) => 0,
        }
    }
}

/// How a PFX is protected against change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mac {
    /// PKCS#12's own MAC (RFC 7292, appendix B).
    Traditional {
        /// The hash of derivation and HMAC.
        hash: Hash,
        /// The salt.
        salt: Vec<u8>,
        /// How often the hash is applied.
        iterations: u64,
        /// The MAC's value.
        value: Vec<u8>,
    },
    /// PBMAC1 (RFC 9579).
    Pbmac1 {
        /// From password to key.
        kdf: Kdf,
        /// The hash under HMAC.
        hash: Hash,
        /// The MAC's value.
        value: Vec<u8>,
    },
}

impl fmt::Display for Mac {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Traditional { hash, iterations, .. } => write!(formatter, "HMAC-{hash}, PKCS#12 derivation, {iterations} iterations"),
            Self::Pbmac1 { kdf: Kdf::Pbkdf2 { iterations, hash: prf, .. }, hash, .. } => {
                write!(formatter, "PBMAC1: HMAC-{hash}, PBKDF2 with HMAC-{prf}, {iterations} iterations")
            }
            Self::Pbmac1 { hash, .. } => write!(formatter, "PBMAC1: HMAC-{hash}"),
        }
    }
}

impl Mac {
    /// Reads `MacData` (RFC 7292, 4; with RFC 9579, 4 its digest algorithm may be PBMAC1).
    pub(crate) fn parse(data: &Element<'_>) -> Result<Self, Asn1Error> {
        const PBMAC1: &str = "1.2.840.113549.1.5.14";
        let mut data = data.inside();
        let mut digest = data.sequence("a MAC's digest")?;
        let mut algorithm = digest.sequence("a MAC's algorithm")?;
        let value = digest.expect(asn1::OCTET_STRING, "a MAC")?.content.to_vec();
        let salt = data.expect(asn1::OCTET_STRING, "a MAC's salt")?.content.to_vec();
        let iterations = data.optional(asn1::INTEGER)?.map_or(Ok(1), |count| count.number())?;
        let oid = algorithm.oid()?;
        if oid != PBMAC1 {
            return Ok(Self::Traditional { hash: Hash::from_oid(oid), salt, iterations, value });
        }
        let mut parameters = algorithm.sequence("PBMAC1 parameters")?;
        let kdf = Kdf::parse(&parameters.next()?)?;
        let hash = Hash::from_oid(parameters.sequence("a MAC's scheme")?.oid()?);
        Ok(Self::Pbmac1 { kdf, hash, value })
    }

    /// The hash under HMAC.
    pub(super) fn hash(&self) -> &Hash {
        match self {
            Self::Traditional { hash, .. } | Self::Pbmac1 { hash, .. } => hash,
        }
    }

    /// The MAC itself.
    pub(super) fn value(&self) -> &[u8] {
        match self {
            Self::Traditional { value, .. } | Self::Pbmac1 { value, .. } => value,
        }
    }

    pub(crate) fn work(&self) -> u64 {
        match self {
            Self::Traditional { iterations, .. } => *iterations,
            Self::Pbmac1 { kdf, .. } => kdf.work(),
        }
    }
}
