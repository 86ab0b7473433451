//! A new PFX, put together (RFC 7292, 4): one encrypted safe with the certificates, one with the encrypted key, a MAC
//! around both.

use zeroize::Zeroizing;

use super::derive::hmac;
use super::keys::{PfxKeys, SchemeKey};
use super::pbe::{self, PbeError};
use super::scheme::{Kdf, Scheme};
use super::seal;
use crate::certs::asn1::{self, context, encode, implicit, integer, null, object, octets, sequence};
use crate::certs::certificate::Certificate;

const DATA: &str = "1.2.840.113549.1.7.1";
const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
const CERTIFICATE_BAG: &str = "1.2.840.113549.1.12.10.1.3";
const ENCRYPTED_KEY_BAG: &str = "1.2.840.113549.1.12.10.1.2";
const X509: &str = "1.2.840.113549.1.9.22.1";
const FRIENDLY_NAME: &str = "1.2.840.113549.1.9.20";
const LOCAL_KEY_ID: &str = "1.2.840.113549.1.9.21";
const BMP_STRING: u8 = 0x1e;

/// What goes into a PFX.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    /// The leaf first.
    pub(super) certificates: &'a [&'a Certificate],
    /// PKCS#8.
    pub(super) key: &'a Zeroizing<Vec<u8>>,
    pub(super) friendly_name: &'a str,
}

/// The PFX, encrypted and sealed with these keys.
pub(super) fn assemble(parts: Parts<'_>, keys: &PfxKeys) -> Result<Vec<u8>, PbeError> {
    let certificates = encrypt(&keys.certificates, &certificate_bags(&parts))?;
    let key = encrypt(&keys.key, parts.key)?;
    let key_bag = key_bag(&parts, &keys.key.scheme, &key);
    let safes = sequence(&[&encrypted_data(&keys.certificates.scheme, &certificates), &plain_data(&key_bag)]);
    let value = hmac(keys.mac.hash(), &keys.mac_key, &safes)?;
    Ok(sequence(&[&integer(3), &plain_data(&safes), &seal::mac_data(&keys.mac, &value)]))
}

fn encrypt(with: &SchemeKey, data: &[u8]) -> Result<Vec<u8>, PbeError> {
    pbe::encrypt(&with.cipher, &with.key, &with.iv, data)
}

/// The `AlgorithmIdentifier` of a scheme made here.
fn identifier(scheme: &Scheme) -> Vec<u8> {
    const PBES2: &str = "1.2.840.113549.1.5.13";
    const PBKDF2: &str = "1.2.840.113549.1.5.12";
    const HMAC_SHA_256: &str = "1.2.840.113549.2.9";
    const AES_256_CBC: &str = "2.16.840.1.101.3.4.1.42";
    const SHA_1_AND_3DES: &str = "1.2.840.113549.1.12.1.3";
    match scheme {
        Scheme::Pbes2 { kdf: Kdf::Pbkdf2 { salt, iterations, .. }, iv, .. } => {
            let hmac = sequence(&[&object(HMAC_SHA_256), &null()]);
            let derivation = sequence(&[&object(PBKDF2), &sequence(&[&octets(salt), &integer(*iterations), &hmac])]);
            let encryption = sequence(&[&object(AES_256_CBC), &octets(iv)]);
            sequence(&[&object(PBES2), &sequence(&[&derivation, &encryption])])
        }
        Scheme::Pkcs12 { salt, iterations, .. } => sequence(&[&object(SHA_1_AND_3DES), &sequence(&[&octets(salt), &integer(*iterations)])]),
        // None of them is made here; what cannot be read back is not put in place.
        Scheme::Pbes2 { .. } | Scheme::Pbes1 { .. } | Scheme::Other(_) => Vec::new(),
    }
}

fn certificate_bags(parts: &Parts<'_>) -> Vec<u8> {
    let mut bags = Vec::new();
    for (place, certificate) in parts.certificates.iter().enumerate() {
        let value = sequence(&[&object(X509), &encode(context(0), &octets(certificate.der()))]);
        // The leaf alone is linked with the key; a name on a CA makes it a server's certificate for some readers.
        let attributes = if place == 0 { attributes(parts) } else { Vec::new() };
        bags.extend(sequence(&[&object(CERTIFICATE_BAG), &encode(context(0), &value), &attributes]));
    }
    sequence(&[&bags])
}

fn key_bag(parts: &Parts<'_>, scheme: &Scheme, encrypted: &[u8]) -> Vec<u8> {
    let value = sequence(&[&identifier(scheme), &octets(encrypted)]);
    sequence(&[&sequence(&[&object(ENCRYPTED_KEY_BAG), &encode(context(0), &value), &attributes(parts)])])
}

/// What links key and leaf, and the name of both. DER wants a set in the order of its encodings.
fn attributes(parts: &Parts<'_>) -> Vec<u8> {
    let link = parts.certificates.first().map(|leaf| openssl::sha::sha1(leaf.der())).unwrap_or_default();
    let name: Vec<u8> = parts.friendly_name.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let attribute = |kind: &str, value: &[u8]| sequence(&[&object(kind), &encode(asn1::SET, value)]);
    let mut attributes = [attribute(FRIENDLY_NAME, &encode(BMP_STRING, &name)), attribute(LOCAL_KEY_ID, &octets(&link))];
    attributes.sort();
    encode(asn1::SET, &attributes.concat())
}

/// `ContentInfo` of plain data.
fn plain_data(content: &[u8]) -> Vec<u8> {
    sequence(&[&object(DATA), &encode(context(0), &octets(content))])
}

/// `ContentInfo` of data encrypted by password (RFC 5652, 8).
fn encrypted_data(scheme: &Scheme, encrypted: &[u8]) -> Vec<u8> {
    let info = sequence(&[&object(DATA), &identifier(scheme), &encode(implicit(0), encrypted)]);
    sequence(&[&object(ENCRYPTED_DATA), &encode(context(0), &sequence(&[&integer(0), &info]))])
}
