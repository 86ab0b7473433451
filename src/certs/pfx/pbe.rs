//! Encryption by password: opening and closing what schemes describe, and the two kinds of MAC.
//!
//! OpenSSL's own PKCS#12 code is of no use here: it knows neither PBMAC1 before 3.4 nor RC2 without its legacy provider,
//! and gives back one key of several.

use openssl::error::ErrorStack;
use openssl::symm;
use zeroize::Zeroizing;

use super::decrypt::{is_known, key_size, open};
use super::derive::{Pkcs12Kdf, Purpose, derive, hmac, pbkdf1, size_of};
use super::scheme::{Cipher, Hash, Kdf, Mac, Scheme};

/// Most work that one file may ask for, in hash iterations: some two seconds. `pk12util` asks for 1.8 million.
/// A fuzzer's time is for structure.
pub(crate) const MAX_WORK: u64 = if cfg!(fuzzing) { 50_000 } else { 4_000_000 };

/// Bytes that PBMAC1's key may have. Of a key of one byte there are 256, so that every 256th password passes the MAC
/// (OpenSSL's CVE-2026-34181); RFC 9879 lets no one accept fewer than 20, and no hash takes more than 64 as they are.
const MAC_KEY: std::ops::RangeInclusive<u64> = 20..=64;

/// A password as PKCS#12 knows it: none at all and an empty one are encoded differently.
#[derive(Clone, Copy)]
pub(crate) enum Password<'a> {
    /// None: zero bytes.
    Missing,
    /// Some text, possibly empty: with a terminator where encoded as `BMPString`.
    Text(&'a str),
}

impl Password<'_> {
    /// As PKCS#12's own derivation takes it: UTF-16, big endian, terminated (RFC 7292, B.1).
    fn bmp(self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Missing => Zeroizing::new(Vec::new()),
            Self::Text(text) => Zeroizing::new(text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect()),
        }
    }

    /// As PBES2 and PBMAC1 take it: UTF-8, unterminated.
    fn utf8(&self) -> &[u8] {
        match self {
            Self::Missing => &[],
            Self::Text(text) => text.as_bytes(),
        }
    }
}

/// Why a part could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum PbeError {
    /// The padding came out wrong, or the MAC differs.
    #[error("the password does not open it")]
    WrongPassword,
    /// An algorithm this build does not know.
    #[error("it is encrypted with {0}, which this tool does not know how to open")]
    Unsupported(String),
    /// What says how it is encrypted makes no sense.
    #[error("{0}")]
    Malformed(String),
    /// Hostile iteration counts.
    #[error("it asks for {0} hash iterations; more than {MAX_WORK} are refused")]
    TooMuchWork(u64),
    /// Many passwords to try, each within the limit.
    #[error("together they ask for more hash iterations than are done for one set of files")]
    TooMuchInAll,
    /// A count of zero, of which nothing can be derived.
    #[error("it states a count of 0 hash iterations, which makes no sense")]
    NoWork,
    /// OpenSSL failed.
    #[error("OpenSSL failed")]
    Crypto(#[from] ErrorStack),
}

/// Decrypts `data`.
pub(crate) fn decrypt(scheme: &Scheme, password: Password<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let (cipher, key, iv) = keys(scheme, password)?;
    open(cipher, &key, &iv, data)
}

/// Encrypts `data` in one of the ciphers that this tool writes: AES with 256 bits, or 3DES.
pub(super) fn encrypt(cipher: &Cipher, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, PbeError> {
    let known = if *cipher == Cipher::Aes(256) {
        symm::Cipher::aes_256_cbc()
    } else if *cipher == Cipher::TripleDes(192) {
        symm::Cipher::des_ede3_cbc()
    } else {
        return Err(PbeError::Unsupported(format!("{cipher}, which is read alone,")));
    };
    Ok(symm::encrypt(known, key, Some(iv), data)?)
}

/// A secret made of a password, wiped when dropped.
pub(super) type Derived = Zeroizing<Vec<u8>>;

/// Cipher, key and initialisation vector.
pub(super) fn keys<'s>(scheme: &'s Scheme, password: Password<'_>) -> Result<(&'s Cipher, Derived, Derived), PbeError> {
    if let Scheme::Pbes1 { hash, iterations, .. } = scheme {
        bounded(hash, *iterations)?;
    } else if scheme.work() > MAX_WORK {
        return Err(PbeError::TooMuchWork(scheme.work()));
    }
    match scheme {
        Scheme::Pbes2 { kdf, cipher, iv } => {
            let size = match (cipher, kdf) {
                // Of RC2 the effective bits say nothing of the key's length.
                (Cipher::Rc2(_), Kdf::Pbkdf2 { key_length: Some(length @ 1..=128), .. }) => usize::try_from(*length).unwrap_or(16),
                _ => key_size(cipher)?,
            };
            Ok((cipher, derive(kdf, password.utf8(), size)?, Zeroizing::new(iv.clone())))
        }
        Scheme::Pbes1 { hash, cipher, salt, iterations } => {
            let mut key = pbkdf1(hash, password.utf8(), salt, *iterations)?;
            let iv = Zeroizing::new(key.split_off(8));
            Ok((cipher, key, iv))
        }
        Scheme::Pkcs12 { cipher, salt, iterations } => {
            let password = password.bmp();
            let source = Pkcs12Kdf { hash: &Hash::Sha1, password: &password, salt, iterations: *iterations };
            Ok((cipher, source.derive(Purpose::Key, key_size(cipher)?)?, source.derive(Purpose::Iv, 8)?))
        }
        Scheme::Other(oid) => Err(PbeError::Unsupported(format!("scheme {oid}"))),
    }
}

/// Whether something encrypted like this can be opened here, whatever the password.
pub(super) fn knows_scheme(scheme: &Scheme) -> bool {
    match scheme {
        Scheme::Pbes2 { kdf, cipher, .. } => {
            let derivation = match kdf {
                Kdf::Pbkdf2 { hash, .. } => size_of(hash).is_ok(),
                Kdf::Scrypt { .. } => true,
                Kdf::Other(_) => false,
            };
            derivation && is_known(cipher)
        }
        Scheme::Pbes1 { cipher, .. } | Scheme::Pkcs12 { cipher, .. } => is_known(cipher),
        Scheme::Other(_) => false,
    }
}

/// Whether such a MAC can be checked here.
pub(super) fn knows_mac(mac: &Mac) -> bool {
    size_of(mac.hash()).is_ok()
}

/// Refuses more rounds of a hash than are done in the time for one file.
fn bounded(hash: &Hash, iterations: u64) -> Result<(), PbeError> {
    // What does not run on OpenSSL's plain functions takes several times as long.
    let cost = if matches!(hash, Hash::Md5 | Hash::Rare(_)) { 8 } else { 1 };
    if iterations.saturating_mul(cost) > MAX_WORK { Err(PbeError::TooMuchWork(iterations)) } else { Ok(()) }
}

/// Whether the MAC over `content` comes out as stated.
pub(crate) fn verify_mac(mac: &Mac, password: Password<'_>, content: &[u8]) -> Result<(), PbeError> {
    bounded(mac.hash(), mac.work())?;
    let computed = hmac(mac.hash(), &mac_key(mac, password)?, content)?;
    let stated = mac.value();
    // An empty stated MAC must not pass, whatever was computed.
    let equal = computed.len() == stated.len() && !stated.is_empty() && openssl::memcmp::eq(&computed, stated);
    if equal { Ok(()) } else { Err(PbeError::WrongPassword) }
}

/// The key of a MAC: PKCS#12's own (RFC 7292, appendix B) or PBMAC1's (RFC 9579, 5, where the key length must be stated).
pub(super) fn mac_key(mac: &Mac, password: Password<'_>) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    match mac {
        Mac::Traditional { hash, salt, iterations, .. } => {
            Pkcs12Kdf { hash, password: &password.bmp(), salt, iterations: *iterations }.derive(Purpose::Mac, size_of(hash)?)
        }
        Mac::Pbmac1 { kdf: kdf @ Kdf::Pbkdf2 { key_length: Some(length), .. }, .. } if MAC_KEY.contains(length) => {
            derive(kdf, password.utf8(), usize::try_from(*length).unwrap_or(0))
        }
        Mac::Pbmac1 { .. } => Err(PbeError::Unsupported("PBMAC1 without PBKDF2 and a stated key length of 20 to 64 bytes".to_owned())),
    }
}
