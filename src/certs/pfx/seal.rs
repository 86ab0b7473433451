//! Putting another MAC around what OpenSSL wrote: PBMAC1 (RFC 9579), or PKCS#12's own over a missing password.

use openssl::error::ErrorStack;

use super::pbe::{self, Password, PbeError};
use super::scheme::{Hash, Kdf};
use super::structure::{Pfx, PfxReadError};
use crate::certs::asn1::{self, Asn1Error, Reader, integer, null, object, octets, sequence};

const SHA_256: &str = "2.16.840.1.101.3.4.2.1";
const HMAC_SHA_256: &str = "1.2.840.113549.2.9";
const PBKDF2: &str = "1.2.840.113549.1.5.12";
const PBMAC1: &str = "1.2.840.113549.1.5.14";
/// HMAC-SHA-256's own size (RFC 9579, 5: the key length must be stated).
const KEY_LENGTH: u64 = 32;

/// Why a MAC could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// What OpenSSL wrote is not what was expected of it.
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

/// Replaces the MAC by PBMAC1 with PBKDF2 and HMAC-SHA-256.
pub(super) fn with_pbmac1(pfx: &[u8], password: Option<&str>, iterations: u32) -> Result<Vec<u8>, SealError> {
    let salt = random_salt()?;
    let kdf = Kdf::Pbkdf2 { salt: salt.clone(), iterations: u64::from(iterations), key_length: Some(KEY_LENGTH), hash: Hash::Sha256 };
    let password = password.map_or(Password::Missing, Password::Text);
    let value = pbe::pbmac1(&kdf, &Hash::Sha256, password, &Pfx::parse(pfx)?.content)?;
    let hmac = sequence(&[&object(HMAC_SHA_256), &null()]);
    let derivation =
        sequence(&[&object(PBKDF2), &sequence(&[&octets(&salt), &integer(u64::from(iterations)), &integer(KEY_LENGTH), &hmac])]);
    let algorithm = sequence(&[&object(PBMAC1), &sequence(&[&derivation, &hmac])]);
    // Salt and count of the old kind must be there and mean nothing (RFC 9579, 4); the count is left at its default.
    let data = sequence(&[&sequence(&[&algorithm, &octets(&value)]), &octets(b"NOT USED")]);
    replace_mac(pfx, &data)
}

/// Replaces the MAC by one over a missing password.
pub(super) fn with_missing_password(pfx: &[u8], iterations: u32) -> Result<Vec<u8>, SealError> {
    with_traditional(pfx, Password::Missing, iterations)
}

/// The same PFX under a MAC that every reader knows, over this password.
pub(super) fn with_traditional(pfx: &[u8], password: Password<'_>, iterations: u32) -> Result<Vec<u8>, SealError> {
    let salt = random_salt()?;
    let value = pbe::traditional_mac(&Hash::Sha256, &salt, u64::from(iterations), password, &Pfx::parse(pfx)?.content)?;
    let algorithm = sequence(&[&object(SHA_256), &null()]);
    let data = sequence(&[&sequence(&[&algorithm, &octets(&value)]), &octets(&salt), &integer(u64::from(iterations))]);
    replace_mac(pfx, &data)
}

fn replace_mac(pfx: &[u8], mac: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut outer = Reader::new(pfx).sequence("a PFX")?;
    let version = outer.expect(asn1::INTEGER, "the PFX version")?;
    let content = outer.expect(asn1::SEQUENCE, "the authenticated safe")?;
    Ok(sequence(&[version.raw, content.raw, mac]))
}

fn random_salt() -> Result<Vec<u8>, SealError> {
    let mut salt = vec![0; 16];
    openssl::rand::rand_bytes(&mut salt).map_err(SealError::Random)?;
    Ok(salt)
}
