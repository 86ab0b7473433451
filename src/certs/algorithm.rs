//! Kinds of keys and signatures, and which of them are too weak to use.

use std::fmt;

use super::asn1::{self, Asn1Error, Element, Reader};

/// Kind and strength of a public key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with so many bits of modulus.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
        /// Whether the public exponent is 65537 or larger.
        sound_exponent: bool,
    },
    /// An elliptic curve, by its usual name (`P-256`) or dotted identifier.
    Ec {
        /// The curve.
        curve: String,
    },
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// Anything else, by its dotted identifier.
    Other(String),
}

/// What stands for a curve's name where there is none.
const SPELLED_OUT: &str = "explicit parameters";

impl KeyKind {
    /// Reads a `SubjectPublicKeyInfo`.
    pub(crate) fn parse(info: &Element<'_>) -> Result<Self, Asn1Error> {
        let mut info = info.inside();
        let mut algorithm = info.sequence("a public key's algorithm")?;
        let kind = algorithm.oid()?;
        let bits = info.expect(asn1::BIT_STRING, "a public key")?;
        Ok(match kind.as_str() {
            "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => rsa(bits.bits()?)?,
            "1.2.840.10045.2.1" => {
                let parameters = algorithm.next()?;
                // Explicit parameters are forbidden in certificates (RFC 5480, 2.1.1).
                let curve = if parameters.tag == asn1::OID { parameters.oid()? } else { SPELLED_OUT.to_owned() };
                Self::Ec { curve: curve_name(&curve).map_or(curve, ToOwned::to_owned) }
            }
            "1.3.101.112" => Self::Ed25519,
            "1.3.101.113" => Self::Ed448,
            _ => Self::Other(kind),
        })
    }

    /// Why it must not be used, where that is so (CA/Browser Forum Baseline Requirements 6.1.5; NIST SP 800-131A).
    pub fn weakness(&self) -> Option<String> {
        match self {
            Self::Rsa { bits, .. } if *bits < 2048 => Some(format!("RSA with {bits} bits can be broken; 2048 is the least")),
            Self::Rsa { sound_exponent: false, .. } => Some("its RSA exponent is below 65537".to_owned()),
            Self::Ec { curve } if !matches!(curve.as_str(), "P-256" | "P-384" | "P-521") => {
                Some(format!("the curve {curve} is not one that TLS clients accept (P-256, P-384, P-521)"))
            }
            Self::Other(oid) if oid == "1.2.840.10040.4.1" => Some("DSA is not accepted by TLS clients any more".to_owned()),
            Self::Rsa { .. } | Self::Ec { .. } | Self::Ed25519 | Self::Ed448 | Self::Other(_) => None,
        }
    }

    /// Whether it is a curve given by its numbers rather than its name.
    pub(crate) fn is_spelled_out(&self) -> bool {
        matches!(self, Self::Ec { curve } if curve == SPELLED_OUT)
    }

    /// Rough cost of checking one signature by such a key, in units of an RSA-2048 check.
    pub(crate) fn verification_cost(&self) -> u64 {
        match self {
            Self::Rsa { bits, .. } => 1 + (*bits as u64 / 2048).pow(2),
            Self::Ec { curve } if curve == "P-256" => 3,
            Self::Ed25519 | Self::Ed448 => 6,
            Self::Ec { .. } | Self::Other(_) => 30,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits, .. } => write!(formatter, "RSA {bits}"),
            Self::Ec { curve } => write!(formatter, "ECDSA {curve}"),
            Self::Ed25519 => formatter.write_str("Ed25519"),
            Self::Ed448 => formatter.write_str("Ed448"),
            Self::Other(oid) => write!(formatter, "algorithm {oid}"),
        }
    }
}

fn rsa(key: &[u8]) -> Result<KeyKind, Asn1Error> {
    let mut numbers = Reader::new(key).sequence("an RSA key")?;
    let modulus = numbers.expect(asn1::INTEGER, "an RSA modulus")?.content;
    let exponent = numbers.expect(asn1::INTEGER, "an RSA exponent")?;
    let significant: Vec<&u8> = modulus.iter().skip_while(|byte| **byte == 0).collect();
    let leading = significant.first().map_or(0, |byte| byte.leading_zeros() as usize);
    // An exponent beyond 64 bits is large, not small.
    let sound_exponent = exponent.number().map_or(true, |exponent| exponent >= 65537);
    Ok(KeyKind::Rsa { bits: significant.len() * 8 - leading, sound_exponent })
}

fn curve_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "1.2.840.10045.3.1.7" => "P-256",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.33" => "P-224",
        "1.2.840.10045.3.1.1" => "P-192",
        "1.3.132.0.10" => "secp256k1",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1",
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1",
        _ => return None,
    })
}

/// How a certificate was signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SignatureAlgorithm {
    /// A name people know, or the dotted identifier.
    pub name: String,
    /// Why it proves nothing any more, where that is so.
    pub weakness: Option<&'static str>,
}

impl SignatureAlgorithm {
    /// Reads an `AlgorithmIdentifier`.
    pub(crate) fn parse(identifier: &Element<'_>) -> Result<Self, Asn1Error> {
        const SHA1: Option<&str> = Some("SHA-1 signatures can be forged; browsers have refused them since 2017");
        const MD: Option<&str> = Some("MD2 and MD5 signatures can be forged");
        let mut identifier = identifier.inside();
        let oid = identifier.oid()?;
        let (name, weakness) = match oid.as_str() {
            "1.2.840.113549.1.1.2" => ("RSA with MD2", MD),
            "1.2.840.113549.1.1.4" => ("RSA with MD5", MD),
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => ("RSA with SHA-1", SHA1),
            "1.2.840.113549.1.1.11" => ("RSA with SHA-256", None),
            "1.2.840.113549.1.1.12" => ("RSA with SHA-384", None),
            "1.2.840.113549.1.1.13" => ("RSA with SHA-512", None),
            "1.2.840.113549.1.1.14" => ("RSA with SHA-224", None),
            "1.2.840.113549.1.1.10" if pss_hash_is_sha1(identifier)? => ("RSA-PSS with SHA-1", SHA1),
            "1.2.840.113549.1.1.10" => ("RSA-PSS", None),
            "1.2.840.10045.4.1" => ("ECDSA with SHA-1", SHA1),
            "1.2.840.10045.4.3.2" => ("ECDSA with SHA-256", None),
            "1.2.840.10045.4.3.3" => ("ECDSA with SHA-384", None),
            "1.2.840.10045.4.3.4" => ("ECDSA with SHA-512", None),
            "1.2.840.10040.4.3" => ("DSA with SHA-1", SHA1),
            "1.3.101.112" => ("Ed25519", None),
            "1.3.101.113" => ("Ed448", None),
            _ => (oid.as_str(), None),
        };
        Ok(Self { name: name.to_owned(), weakness })
    }
}

/// RSASSA-PSS without parameters, or without a hash in them, means SHA-1 (RFC 4055, 3.1).
fn pss_hash_is_sha1(mut parameters: Reader<'_>) -> Result<bool, Asn1Error> {
    if parameters.is_empty() {
        return Ok(true);
    }
    match parameters.sequence("RSASSA-PSS parameters")?.optional(asn1::context(0))? {
        None => Ok(true),
        Some(hash) => Ok(hash.inside().sequence("a hash algorithm")?.oid()? == "1.3.14.3.2.26"),
    }
}
