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
        /// Bits of the public exponent, which decide with those of the modulus how long a signature takes to check.
        exponent_bits: usize,
        /// The public exponent; of one beyond 64 bits, the largest number.
        exponent: u64,
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
            Self::Rsa { exponent, .. } if *exponent < 3 || exponent.is_multiple_of(2) && *exponent < u64::MAX => {
                Some(format!("its RSA exponent is {exponent}, which protects nothing"))
            }
            Self::Rsa { exponent, .. } if *exponent < 65537 => Some(format!(
                "its RSA exponent is {exponent}; the Baseline Requirements (6.1.6) allow an odd one of 3 or more and ask for 65537 or more, since with small ones programs that check carelessly take forged signatures"
            )),
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

    /// Rough cost of checking one signature by such a key, in units of an RSA-2048 check with the exponent 65537. RSA's grows with
    /// the square of the modulus, times the bits of the exponent and some eighty for what is calculated beforehand: measured
    /// with OpenSSL 3.0, 160 for 3072 bits of both, 145 for 16,384 bits and 65537.
    pub(crate) fn verification_cost(&self) -> u64 {
        match self {
            Self::Rsa { bits, exponent_bits, .. } => {
                const ONE: u64 = 2048 * 2048 * 100;
                let work = (*bits as u64).saturating_pow(2).saturating_mul(*exponent_bits as u64 + 83);
                1 + work.saturating_sub(ONE) / (2048 * 2048 * 44)
            }
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
    let exponent_bits = significant_bits(exponent.content);
    Ok(KeyKind::Rsa { bits: significant_bits(modulus), exponent_bits, exponent: exponent.number().unwrap_or(u64::MAX) })
}

/// Bits of a number in big-endian bytes, without the zeros before it.
fn significant_bits(number: &[u8]) -> usize {
    let significant = number.iter().skip_while(|byte| **byte == 0);
    let leading = significant.clone().next().map_or(0, |byte| byte.leading_zeros() as usize);
    significant.count() * 8 - leading
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa(bits: usize, exponent_bits: usize, exponent: u64) -> KeyKind {
        KeyKind::Rsa { bits, exponent_bits, exponent }
    }

    #[test]
    fn the_cost_of_a_check_grows_with_modulus_and_exponent() {
        let cost = |bits, exponent_bits| rsa(bits, exponent_bits, u64::MAX).verification_cost();
        assert_eq!((cost(1024, 17), cost(2048, 17)), (1, 1));
        assert!((5..10).contains(&cost(4096, 17)), "{}", cost(4096, 17));
        assert!(cost(2048, 2048) > 40 && cost(3072, 3072) > 150 && cost(16_384, 17) > 140);
    }

    #[test]
    fn a_small_exponent_is_told_with_what_is_said_of_it() {
        assert_eq!(rsa(2048, 17, 65537).weakness(), None);
        assert_eq!(rsa(2048, 2048, u64::MAX).weakness(), None);
        assert!(rsa(2048, 2, 3).weakness().unwrap().contains("6.1.6"));
        assert!(rsa(2048, 1, 1).weakness().unwrap().contains("protects nothing"));
        assert!(rsa(2048, 17, 65538).weakness().unwrap().contains("protects nothing"));
    }
}
