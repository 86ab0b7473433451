//! A new PFX, put together (RFC 7292, 4): one encrypted safe with the certificates, one with the encrypted key, a MAC
//! around both. The three passwords-to-keys derivations, which are nearly all of the work, run side by side.

use std::io;
use std::thread;

use openssl::error::ErrorStack;
use zeroize::Zeroizing;

use super::derive::hmac;
use super::pbe::{self, Password, PbeError};
use super::scheme::{Cipher, Hash, Kdf, Mac, Scheme};
use super::seal::{self, random};
use super::{LEGACY_ITERATIONS, MODERN_ITERATIONS, PfxProfile};
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

/// Why a PFX could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// A part could not be encrypted or sealed.
    #[error("a part could not be encrypted")]
    Encryption(#[from] PbeError),
    /// No random numbers, or a key that cannot be written.
    #[error("OpenSSL failed")]
    Crypto(#[from] ErrorStack),
    /// The system gives no thread.
    #[error("no thread could be started")]
    Thread(#[from] io::Error),
}

/// What goes into a PFX.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    /// The leaf first.
    pub(super) certificates: &'a [&'a Certificate],
    /// PKCS#8.
    pub(super) key: &'a Zeroizing<Vec<u8>>,
    pub(super) friendly_name: &'a str,
}

/// The PFX, encrypted and sealed as `profile` says.
pub(super) fn assemble(parts: Parts<'_>, profile: PfxProfile, password: Password<'_>) -> Result<Vec<u8>, AssembleError> {
    let (certificate_scheme, key_scheme, mac) = (scheme(profile)?, scheme(profile)?, new_mac(profile)?);
    let contents = certificate_bags(&parts);
    let (certificates, key, mac_key) = thread::scope(|scope| {
        let start = || thread::Builder::new().name("derivation".to_owned());
        let certificates = start().spawn_scoped(scope, || pbe::encrypt(&certificate_scheme, password, &contents))?;
        let mac_key = start().spawn_scoped(scope, || pbe::mac_key(&mac, password))?;
        let key = pbe::encrypt(&key_scheme, password, parts.key)?;
        Ok::<_, AssembleError>((joined(certificates)?, key, joined(mac_key)?))
    })?;
    let safes = sequence(&[&encrypted_data(&certificate_scheme, &certificates), &plain_data(&key_bag(&parts, &key_scheme, &key))]);
    let value = hmac(mac.hash(), &mac_key, &safes)?;
    Ok(sequence(&[&integer(3), &plain_data(&safes), &seal::mac_data(&mac, &value)]))
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T, PbeError>>) -> Result<T, PbeError> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn scheme(profile: PfxProfile) -> Result<Scheme, ErrorStack> {
    Ok(match profile {
        PfxProfile::Legacy => {
            Scheme::Pkcs12 { cipher: Cipher::TripleDes(192), salt: random::<8>()?, iterations: u64::from(LEGACY_ITERATIONS) }
        }
        PfxProfile::Modern | PfxProfile::Pbmac1 => {
            let salt = random::<16>()?;
            let kdf = Kdf::Pbkdf2 { salt, iterations: u64::from(MODERN_ITERATIONS), key_length: None, hash: Hash::Sha256 };
            Scheme::Pbes2 { kdf, cipher: Cipher::Aes(256), iv: random::<16>()? }
        }
    })
}

fn new_mac(profile: PfxProfile) -> Result<Mac, ErrorStack> {
    match profile {
        PfxProfile::Modern => seal::traditional(Hash::Sha256, MODERN_ITERATIONS),
        PfxProfile::Legacy => seal::traditional(Hash::Sha1, LEGACY_ITERATIONS),
        PfxProfile::Pbmac1 => seal::pbmac1(MODERN_ITERATIONS),
    }
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
        // Neither is made here; what cannot be read back is not put in place.
        Scheme::Pbes2 { .. } | Scheme::Other(_) => Vec::new(),
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
