//! Ciphers, by name and identifier.

use std::fmt;

use crate::certs::asn1::{self, Asn1Error, Reader};

/// A symmetric cipher, in CBC mode where it is a block cipher.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// AES with a key of so many bits.
    Aes(u16),
    /// Triple DES with three keys (192 bits) or two (128 bits).
    TripleDes(u16),
    /// DES.
    Des,
    /// RC2 with so many effective bits.
    Rc2(u16),
    /// RC4 with so many bits.
    Rc4(u16),
    /// Camellia with a key of so many bits.
    Camellia(u16),
    /// ARIA with a key of so many bits.
    Aria(u16),
    /// SM4.
    Sm4,
    /// One that is known by name alone.
    Named(&'static str),
    /// Another, by its dotted identifier.
    Other(String),
}

impl fmt::Display for Cipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aes(bits) => write!(formatter, "AES-{bits}-CBC"),
            Self::TripleDes(192) => formatter.write_str("3DES-CBC"),
            Self::TripleDes(_) => formatter.write_str("two-key 3DES-CBC"),
            Self::Des => formatter.write_str("DES-CBC"),
            Self::Rc2(bits) => write!(formatter, "RC2-{bits}-CBC"),
            Self::Rc4(bits) => write!(formatter, "RC4-{bits}"),
            Self::Camellia(bits) => write!(formatter, "Camellia-{bits}-CBC"),
            Self::Aria(bits) => write!(formatter, "ARIA-{bits}-CBC"),
            Self::Sm4 => formatter.write_str("SM4-CBC"),
            Self::Named(name) => formatter.write_str(name),
            Self::Other(oid) => write!(formatter, "cipher {oid}"),
        }
    }
}

/// SEED.
pub(in crate::certs::pfx) const SEED: Cipher = Cipher::Named("SEED-CBC");
/// Blowfish.
pub(in crate::certs::pfx) const BLOWFISH: Cipher = Cipher::Named("Blowfish-CBC");
/// CAST5.
pub(in crate::certs::pfx) const CAST5: Cipher = Cipher::Named("CAST5-CBC");

impl Cipher {
    /// Reads the `AlgorithmIdentifier` of PBES2's cipher (RFC 8018, B.2): the cipher and its initialisation vector.
    pub(super) fn parse(mut encryption: Reader<'_>) -> Result<(Self, Vec<u8>), Asn1Error> {
        let oid = encryption.oid()?;
        let cipher = match oid.as_str() {
            "2.16.840.1.101.3.4.1.2" => Self::Aes(128),
            "2.16.840.1.101.3.4.1.22" => Self::Aes(192),
            "2.16.840.1.101.3.4.1.42" => Self::Aes(256),
            "1.2.840.113549.3.7" => Self::TripleDes(192),
            "1.3.14.3.2.7" => Self::Des,
            "1.2.840.113549.3.2" => return rc2(encryption),
            "1.2.392.200011.61.1.1.1.2" => Self::Camellia(128),
            "1.2.392.200011.61.1.1.1.3" => Self::Camellia(192),
            "1.2.392.200011.61.1.1.1.4" => Self::Camellia(256),
            "1.2.410.200046.1.1.2" => Self::Aria(128),
            "1.2.410.200046.1.1.7" => Self::Aria(192),
            "1.2.410.200046.1.1.12" => Self::Aria(256),
            "1.2.156.10197.1.104.2" => Self::Sm4,
            "1.2.410.200004.1.4" => SEED,
            "1.3.6.1.4.1.3029.1.2" => BLOWFISH,
            "1.2.840.113533.7.66.10" => CAST5,
            _ => Self::Other(oid),
        };
        let iv = encryption.optional(asn1::OCTET_STRING)?.map(|iv| iv.content.to_vec()).unwrap_or_default();
        Ok((cipher, iv))
    }
}

/// RC2 states its effective bits by a number of its own below 256 bits (RFC 8018, B.2.3; RFC 2268, 6).
fn rc2(mut encryption: Reader<'_>) -> Result<(Cipher, Vec<u8>), Asn1Error> {
    let mut parameters = encryption.sequence("RC2 parameters")?;
    let bits = match parameters.optional(asn1::INTEGER)?.map(|version| version.number()).transpose()? {
        None => 32,
        Some(160) => 40,
        Some(120) => 64,
        Some(58) => 128,
        Some(bits @ 256..=1024) => u16::try_from(bits).unwrap_or(1024),
        Some(_) => return Err(Asn1Error::BadValue("RC2's version")),
    };
    let iv = parameters.expect(asn1::OCTET_STRING, "an initialisation vector")?.content.to_vec();
    Ok((Cipher::Rc2(bits), iv))
}
