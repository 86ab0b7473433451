//! Hash functions, by name and identifier.

use std::fmt;

/// A hash function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hash {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// One that hardly any PFX is made with.
    Rare(Rare),
    /// Another, by its dotted identifier.
    Other(String),
}

/// A hash function that OpenSSL writes when told to, and that few others read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rare {
    /// As people write it.
    pub name: &'static str,
    /// As OpenSSL's default provider calls it; `None`: it is in the legacy one or nowhere.
    pub(in crate::certs::pfx) openssl: Option<&'static str>,
    /// Bytes that it takes in at once.
    pub(in crate::certs::pfx) block: usize,
    /// What it is a kind of.
    pub(in crate::certs::pfx) family: Family,
    oid: &'static str,
    /// HMAC with it, where that has an identifier.
    hmac: &'static str,
}

/// Rare hash functions that the same platforms know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// SHA-512 cut off.
    Truncated,
    /// SHA-3.
    Sha3,
    /// What OpenSSL has and few others.
    OfOpenSsl,
    /// What OpenSSL 3 has in its legacy provider.
    Legacy,
}

const fn rare(name: &'static str, openssl: &'static str, block: usize, family: Family, oids: [&'static str; 2]) -> Rare {
    Rare { name, openssl: Some(openssl), block, family, oid: oids[0], hmac: oids[1] }
}

const fn gone(name: &'static str, oid: &'static str) -> Rare {
    Rare { name, openssl: None, block: 64, family: Family::Legacy, oid, hmac: "" }
}

const RARE: [Rare; 11] = [
    rare("SHA-512/224", "SHA512-224", 128, Family::Truncated, ["2.16.840.1.101.3.4.2.5", "1.2.840.113549.2.12"]),
    rare("SHA-512/256", "SHA512-256", 128, Family::Truncated, ["2.16.840.1.101.3.4.2.6", "1.2.840.113549.2.13"]),
    rare("SHA3-224", "SHA3-224", 144, Family::Sha3, ["2.16.840.1.101.3.4.2.7", "2.16.840.1.101.3.4.2.13"]),
    rare("SHA3-256", "SHA3-256", 136, Family::Sha3, ["2.16.840.1.101.3.4.2.8", "2.16.840.1.101.3.4.2.14"]),
    rare("SHA3-384", "SHA3-384", 104, Family::Sha3, ["2.16.840.1.101.3.4.2.9", "2.16.840.1.101.3.4.2.15"]),
    rare("SHA3-512", "SHA3-512", 72, Family::Sha3, ["2.16.840.1.101.3.4.2.10", "2.16.840.1.101.3.4.2.16"]),
    rare("RIPEMD-160", "RIPEMD160", 64, Family::OfOpenSsl, ["1.3.36.3.2.1", "1.3.6.1.5.5.8.1.4"]),
    rare("BLAKE2b-512", "BLAKE2b512", 128, Family::OfOpenSsl, ["1.3.6.1.4.1.1722.12.2.1.16", ""]),
    rare("SM3", "SM3", 64, Family::OfOpenSsl, ["1.2.156.10197.1.401", "1.2.156.10197.1.401.3.1"]),
    gone("MD4", "1.2.840.113549.2.4"),
    gone("Whirlpool", "1.0.10118.3.0.55"),
];

impl Hash {
    pub(super) fn from_oid(oid: String) -> Self {
        match oid.as_str() {
            "1.2.840.113549.2.5" => Self::Md5,
            "1.3.14.3.2.26" | "1.2.840.113549.2.7" => Self::Sha1,
            "2.16.840.1.101.3.4.2.4" | "1.2.840.113549.2.8" => Self::Sha224,
            "2.16.840.1.101.3.4.2.1" | "1.2.840.113549.2.9" => Self::Sha256,
            "2.16.840.1.101.3.4.2.2" | "1.2.840.113549.2.10" => Self::Sha384,
            "2.16.840.1.101.3.4.2.3" | "1.2.840.113549.2.11" => Self::Sha512,
            _ => RARE.into_iter().find(|rare| rare.oid == oid || rare.hmac == oid).map_or(Self::Other(oid), Self::Rare),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Rare(rare) => rare.name,
            Self::Other(oid) => oid,
        })
    }
}
