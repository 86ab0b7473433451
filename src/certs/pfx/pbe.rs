//! Encryption by password: opening what schemes describe, and the two kinds of MAC.
//!
//! The derivations are our own where OpenSSL offers them only inside its PKCS#12 reader, which knows neither PBMAC1
//! before 3.4 nor RC2 without its legacy provider, and gives back one key of several.

use openssl::error::ErrorStack;
use openssl::hash::{Hasher, MessageDigest};
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm;
use rc2::cipher::{BlockCipherDecrypt, array::Array};
use zeroize::Zeroizing;

use super::scheme::{Cipher, Hash, Kdf, Mac, Scheme};

/// Most work that one file may ask for, in hash iterations: some two seconds. `pk12util` asks for 1.8 million.
pub(crate) const MAX_WORK: u64 = 4_000_000;

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
    #[error("it is encrypted with {0}, which this tool does not know")]
    Unsupported(String),
    /// Hostile or broken iteration counts.
    #[error("it asks for {0} hash iterations; more than {MAX_WORK} are refused")]
    TooMuchWork(u64),
    /// OpenSSL failed.
    #[error("OpenSSL failed")]
    Crypto(#[from] ErrorStack),
}

/// Decrypts `data`.
pub(crate) fn decrypt(scheme: &Scheme, password: Password<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    if scheme.work() > MAX_WORK {
        return Err(PbeError::TooMuchWork(scheme.work()));
    }
    match scheme {
        Scheme::Pbes2 { kdf, cipher, iv } => {
            let key = derive(kdf, password, key_size(cipher)?)?;
            open(cipher, &key, iv, data)
        }
        Scheme::Pkcs12 { cipher, salt, iterations } => {
            let password = password.bmp();
            let source = Pkcs12Kdf { hash: &Hash::Sha1, password: &password, salt, iterations: *iterations };
            let key = source.derive(Purpose::Key, key_size(cipher)?)?;
            let iv = source.derive(Purpose::Iv, 8)?;
            open(cipher, &key, &iv, data)
        }
        Scheme::Other(oid) => Err(PbeError::Unsupported(format!("scheme {oid}"))),
    }
}

/// Whether the MAC over `content` comes out as stated.
pub(crate) fn verify_mac(mac: &Mac, password: Password<'_>, content: &[u8]) -> Result<(), PbeError> {
    if mac.work() > MAX_WORK {
        return Err(PbeError::TooMuchWork(mac.work()));
    }
    let (computed, stated) = match mac {
        Mac::Traditional { hash, salt, iterations, value } => (traditional_mac(hash, salt, *iterations, password, content)?, value),
        Mac::Pbmac1 { kdf, hash, value } => (pbmac1(kdf, hash, password, content)?, value),
    };
    // An empty stated MAC must not pass, whatever was computed.
    let equal = computed.len() == stated.len() && !stated.is_empty() && openssl::memcmp::eq(&computed, stated);
    if equal { Ok(()) } else { Err(PbeError::WrongPassword) }
}

/// PKCS#12's own MAC (RFC 7292, appendix B).
pub(crate) fn traditional_mac(
    hash: &Hash,
    salt: &[u8],
    iterations: u64,
    password: Password<'_>,
    content: &[u8],
) -> Result<Vec<u8>, PbeError> {
    let size = digest(hash)?.size();
    let key = Pkcs12Kdf { hash, password: &password.bmp(), salt, iterations }.derive(Purpose::Mac, size)?;
    hmac(hash, &key, content)
}

/// PBMAC1's value (RFC 9579, 5; the key length must be stated).
pub(crate) fn pbmac1(kdf: &Kdf, hash: &Hash, password: Password<'_>, content: &[u8]) -> Result<Vec<u8>, PbeError> {
    let Kdf::Pbkdf2 { key_length: Some(length @ 1..=512), .. } = kdf else {
        return Err(PbeError::Unsupported("PBMAC1 without PBKDF2 and a stated key length".to_owned()));
    };
    let key = derive(kdf, password, usize::try_from(*length).unwrap_or(0))?;
    hmac(hash, &key, content)
}

fn derive(kdf: &Kdf, password: Password<'_>, size: usize) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let mut key = Zeroizing::new(vec![0; size]);
    match kdf {
        Kdf::Pbkdf2 { salt, iterations, hash, .. } => {
            let iterations = usize::try_from(*iterations).map_err(|_error| PbeError::TooMuchWork(*iterations))?;
            openssl::pkcs5::pbkdf2_hmac(password.utf8(), salt, iterations, digest(hash)?, &mut key)?;
        }
        Kdf::Scrypt { salt, cost, block, parallel } => {
            const MEMORY: u64 = 64 * 1024 * 1024;
            openssl::pkcs5::scrypt(password.utf8(), salt, *cost, *block, *parallel, MEMORY, &mut key)?;
        }
        Kdf::Other(oid) => return Err(PbeError::Unsupported(format!("key derivation {oid}"))),
    }
    Ok(key)
}

fn key_size(cipher: &Cipher) -> Result<usize, PbeError> {
    match cipher {
        Cipher::Aes(bits) | Cipher::TripleDes(bits) | Cipher::Rc2(bits) => Ok(usize::from(*bits) / 8),
        Cipher::Other(oid) => Err(PbeError::Unsupported(format!("cipher {oid}"))),
    }
}

fn open(cipher: &Cipher, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let (cipher, key) = match cipher {
        Cipher::Aes(128) => (symm::Cipher::aes_128_cbc(), key.to_vec()),
        Cipher::Aes(192) => (symm::Cipher::aes_192_cbc(), key.to_vec()),
        Cipher::Aes(_) => (symm::Cipher::aes_256_cbc(), key.to_vec()),
        Cipher::TripleDes(192) => (symm::Cipher::des_ede3_cbc(), key.to_vec()),
        // Two keys are three with the first used again.
        Cipher::TripleDes(_) => (symm::Cipher::des_ede3_cbc(), [key, key.get(..8).unwrap_or_default()].concat()),
        Cipher::Rc2(bits) => return open_rc2(usize::from(*bits), key, iv, data),
        Cipher::Other(oid) => return Err(PbeError::Unsupported(format!("cipher {oid}"))),
    };
    let key = Zeroizing::new(key);
    if cipher.iv_len() != Some(iv.len()) || key.len() != cipher.key_len() {
        return Err(PbeError::Unsupported("an initialisation vector of the wrong length".to_owned()));
    }
    match symm::decrypt(cipher, &key, Some(iv), data) {
        Ok(plain) => Ok(Zeroizing::new(plain)),
        // Bad padding is all that a wrong password shows.
        Err(_) => Err(PbeError::WrongPassword),
    }
}

/// RC2 in CBC mode: what Windows and old Java put around certificates. Read, never written.
fn open_rc2(bits: usize, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let cipher = rc2::Rc2::new_with_eff_key_len(key, bits);
    let mut plain = Zeroizing::new(Vec::with_capacity(data.len()));
    let mut previous = iv;
    for block in data.chunks_exact(8) {
        let mut buffer = Array::try_from(block).map_err(|_error| PbeError::WrongPassword)?;
        cipher.decrypt_block(&mut buffer);
        plain.extend(buffer.iter().zip(previous).map(|(left, right)| left ^ right));
        previous = block;
    }
    let padding = plain.last().copied().unwrap_or(0);
    let length = plain.len().checked_sub(usize::from(padding)).ok_or(PbeError::WrongPassword)?;
    let sound = data.len().is_multiple_of(8) && (1..=8).contains(&padding) && plain.iter().skip(length).all(|byte| *byte == padding);
    if !sound {
        return Err(PbeError::WrongPassword);
    }
    plain.truncate(length);
    Ok(plain)
}

fn hmac(hash: &Hash, key: &[u8], content: &[u8]) -> Result<Vec<u8>, PbeError> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(digest(hash)?, &key)?;
    signer.update(content)?;
    Ok(signer.sign_to_vec()?)
}

fn digest(hash: &Hash) -> Result<MessageDigest, PbeError> {
    Ok(match hash {
        Hash::Md5 => MessageDigest::md5(),
        Hash::Sha1 => MessageDigest::sha1(),
        Hash::Sha224 => MessageDigest::sha224(),
        Hash::Sha256 => MessageDigest::sha256(),
        Hash::Sha384 => MessageDigest::sha384(),
        Hash::Sha512 => MessageDigest::sha512(),
        Hash::Other(oid) => return Err(PbeError::Unsupported(format!("hash {oid}"))),
    })
}

/// What derived bytes are for (RFC 7292, B.3).
#[derive(Clone, Copy)]
enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// PKCS#12's own derivation (RFC 7292, B.2).
struct Pkcs12Kdf<'a> {
    hash: &'a Hash,
    password: &'a [u8],
    salt: &'a [u8],
    iterations: u64,
}

impl Pkcs12Kdf<'_> {
    fn derive(&self, purpose: Purpose, size: usize) -> Result<Zeroizing<Vec<u8>>, PbeError> {
        let algorithm = digest(self.hash)?;
        let block = if matches!(self.hash, Hash::Sha384 | Hash::Sha512) { 128 } else { 64 };
        let diversifier = vec![purpose as u8; block];
        let mut input = Zeroizing::new(stretch(self.salt, block));
        input.extend_from_slice(&stretch(self.password, block));
        let mut hasher = Hasher::new(algorithm)?;
        let mut output = Zeroizing::new(Vec::with_capacity(size + algorithm.size()));
        while output.len() < size {
            hasher.update(&diversifier)?;
            hasher.update(&input)?;
            let mut round = hasher.finish()?;
            for _ in 1..self.iterations {
                hasher.update(&round)?;
                round = hasher.finish()?;
            }
            let addend: Vec<u8> = round.iter().copied().cycle().take(block).collect();
            for part in input.chunks_exact_mut(block) {
                add_one_more(part, &addend);
            }
            output.extend_from_slice(&round);
        }
        output.truncate(size);
        Ok(output)
    }
}

/// Repeats `bytes` to a whole number of blocks; nothing stays nothing.
fn stretch(bytes: &[u8], block: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(bytes.len().div_ceil(block) * block).collect()
}

/// `part = part + addend + 1`, as big-endian numbers.
fn add_one_more(part: &mut [u8], addend: &[u8]) {
    let mut carry = 1u16;
    for (left, right) in part.iter_mut().zip(addend).rev() {
        let sum = u16::from(*left) + u16::from(*right) + carry;
        [_, *left] = sum.to_be_bytes();
        carry = sum >> 8;
    }
}
