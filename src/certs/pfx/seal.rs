//! The MAC around a new PFX: PKCS#12's own, or PBMAC1 (RFC 9879).

use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};

use super::scheme::{Hash, Kdf, Mac};
use crate::certs::asn1::{integer, null, object, octets, sequence};

const SHA_1: &str = "1.3.14.3.2.26";
const SHA_256: &str = "2.16.840.1.101.3.4.2.1";
const HMAC_SHA_256: &str = "1.2.840.113549.2.9";
const PBKDF2: &str = "1.2.840.113549.1.5.12";
const PBMAC1: &str = "1.2.840.113549.1.5.14";
/// HMAC-SHA-256's own size (RFC 9579, 5: the key length must be stated).
const KEY_LENGTH: u64 = 32;

/// A PKCS#12 MAC with a new salt, its value still to come.
pub(super) fn traditional(hash: Hash, iterations: u32) -> Result<Mac, Unspecified> {
    Ok(Mac::Traditional { hash, salt: random::<16>()?, iterations: u64::from(iterations), value: Vec::new() })
}

/// PBMAC1 with PBKDF2 and HMAC-SHA-256 and a new salt, its value still to come.
pub(super) fn pbmac1(iterations: u32) -> Result<Mac, Unspecified> {
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

/// `SIZE` random bytes from the system: what is written by the dozen needs no generator that OpenSSL seeds first.
pub(super) fn random<const SIZE: usize>() -> Result<Vec<u8>, Unspecified> {
    let mut bytes = vec![0; SIZE];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes)
}
