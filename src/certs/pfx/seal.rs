//! The MAC around a PFX: PKCS#12's own, or PBMAC1 (RFC 9579), as data and around what has another one.

use openssl::error::ErrorStack;

use super::derive::hmac;
use super::pbe::{self, Password, PbeError};
use super::scheme::{Hash, Kdf, Mac};
use super::structure::{Pfx, PfxReadError};
use crate::certs::asn1::{self, Asn1Error, Reader, integer, null, object, octets, sequence};

const SHA_1: &str = "1.3.14.3.2.26";
const SHA_256: &str = "2.16.840.1.101.3.4.2.1";
const HMAC_SHA_256: &str = "1.2.840.113549.2.9";
const PBKDF2: &str = "1.2.840.113549.1.5.12";
const PBMAC1: &str = "1.2.840.113549.1.5.14";
/// HMAC-SHA-256's own size (RFC 9579, 5: the key length must be stated).
const KEY_LENGTH: u64 = 32;

/// Why a MAC could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// What is to be sealed is not what was expected of it.
    #[error("the PFX to be sealed cannot be taken apart")]
    Structure(#[from] Asn1Error),
    /// As above.
    #[error("the PFX to be sealed cannot be read")]
    Reading(#[from] PfxReadError),
    /// The MAC could not be computed.
    #[error("the MAC could not be computed")]
    Mac(#[from] PbeError),
    /// No random numbers.
    #[error("there are no random numbers to be had")]
    Random(#[source] ErrorStack),
}

/// A PKCS#12 MAC with a new salt, its value still to come.
pub(super) fn traditional(hash: Hash, iterations: u32) -> Result<Mac, ErrorStack> {
    Ok(Mac::Traditional { hash, salt: random::<16>()?, iterations: u64::from(iterations), value: Vec::new() })
}

/// PBMAC1 with PBKDF2 and HMAC-SHA-256 and a new salt, its value still to come.
pub(super) fn pbmac1(iterations: u32) -> Result<Mac, ErrorStack> {
    let salt = random::<16>()?;
    let kdf = Kdf::Pbkdf2 { salt, iterations: u64::from(iterations), key_length: Some(KEY_LENGTH), hash: Hash::Sha256 };
    Ok(Mac::Pbmac1 { kdf, hash: Hash::Sha256, value: Vec::new() })
}

/// `MacData` (RFC 7292, 4; RFC 9579, 4) of a MAC made here, with this value.
pub(super) fn mac_data(mac: &Mac, value: &[u8]) -> Vec<u8> {
    match mac {
        Mac::Traditional { hash, salt, iterations, .. } => {
            let oid = if *hash == Hash::Sha1 { SHA_1 } else { SHA_256 };
            let algorithm = sequence(&[&object(oid), &null()]);
            sequence(&[&sequence(&[&algorithm, &octets(value)]), &octets(salt), &integer(*iterations)])
        }
        Mac::Pbmac1 { kdf, .. } => {
            let hmac = sequence(&[&object(HMAC_SHA_256), &null()]);
            let parameters = match kdf {
                Kdf::Pbkdf2 { salt, iterations, .. } => sequence(&[&octets(salt), &integer(*iterations), &integer(KEY_LENGTH), &hmac]),
                Kdf::Scrypt { .. } | Kdf::Other(_) => Vec::new(),
            };
            let algorithm = sequence(&[&object(PBMAC1), &sequence(&[&sequence(&[&object(PBKDF2), &parameters]), &hmac])]);
            // Salt and count of the old kind must be there and mean nothing (RFC 9579, 4); the count is left at its default.
            sequence(&[&sequence(&[&algorithm, &octets(value)]), &octets(b"NOT USED")])
        }
    }
}

/// The same PFX under a MAC that every reader knows, over this password.
pub(super) fn with_traditional(pfx: &[u8], password: Password<'_>, iterations: u32) -> Result<Vec<u8>, SealError> {
    let mac = traditional(Hash::Sha256, iterations).map_err(SealError::Random)?;
    let value = hmac(mac.hash(), &pbe::mac_key(&mac, password)?, &Pfx::parse(pfx)?.content).map_err(SealError::Mac)?;
    let mut outer = Reader::new(pfx).sequence("a PFX")?;
    let version = outer.expect(asn1::INTEGER, "the PFX version")?;
    let content = outer.expect(asn1::SEQUENCE, "the authenticated safe")?;
    Ok(sequence(&[version.raw, content.raw, &mac_data(&mac, &value)]))
}

/// `SIZE` random bytes.
pub(super) fn random<const SIZE: usize>() -> Result<Vec<u8>, ErrorStack> {
    let mut bytes = vec![0; SIZE];
    openssl::rand::rand_bytes(&mut bytes)?;
    Ok(bytes)
}
