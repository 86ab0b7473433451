//! From passwords to keys: PBKDF2, scrypt and PKCS#12's own derivation, and HMAC with what comes out.
//!
//! `ring` hashes where it knows the hash: OpenSSL 3.0 takes four times as long, since it copies a context and fetches an
//! algorithm for each of the thousands of rounds. OpenSSL does the rest.

use std::num::NonZeroU32;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use ring::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA384, PBKDF2_HMAC_SHA512};
use zeroize::Zeroizing;

use super::pbe::PbeError;
use super::scheme::{Hash, Kdf};

/// The key of `size` bytes that `kdf` makes of the password.
pub(super) fn derive(kdf: &Kdf, password: &[u8], size: usize) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let mut key = Zeroizing::new(vec![0; size]);
    match kdf {
        Kdf::Pbkdf2 { salt, iterations, hash, .. } => derive_pbkdf2(hash, *iterations, salt, password, &mut key)?,
        Kdf::Scrypt { salt, cost, block, parallel } => {
            const MEMORY: u64 = 64 * 1024 * 1024;
            openssl::pkcs5::scrypt(password, salt, *cost, *block, *parallel, MEMORY, &mut key)?;
        }
        Kdf::Other(oid) => return Err(PbeError::Unsupported(format!("key derivation {oid}"))),
    }
    Ok(key)
}

fn derive_pbkdf2(hash: &Hash, iterations: u64, salt: &[u8], password: &[u8], key: &mut [u8]) -> Result<(), PbeError> {
    let algorithm = match hash {
        Hash::Sha1 => PBKDF2_HMAC_SHA1,
        Hash::Sha256 => PBKDF2_HMAC_SHA256,
        Hash::Sha384 => PBKDF2_HMAC_SHA384,
        Hash::Sha512 => PBKDF2_HMAC_SHA512,
        Hash::Md5 | Hash::Sha224 | Hash::Other(_) => {
            let count = usize::try_from(iterations).map_err(|_error| PbeError::TooMuchWork(iterations))?;
            return Ok(openssl::pkcs5::pbkdf2_hmac(password, salt, count, digest(hash)?, key)?);
        }
    };
    let count = u32::try_from(iterations).map_err(|_error| PbeError::TooMuchWork(iterations))?;
    let count = NonZeroU32::new(count).ok_or(PbeError::NoWork)?;
    pbkdf2::derive(algorithm, count, salt, password, key);
    Ok(())
}

/// HMAC over `content`.
pub(super) fn hmac(hash: &Hash, key: &[u8], content: &[u8]) -> Result<Vec<u8>, PbeError> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(digest(hash)?, &key)?;
    signer.update(content)?;
    Ok(signer.sign_to_vec()?)
}

/// Bytes that the hash gives.
pub(super) fn size_of(hash: &Hash) -> Result<usize, PbeError> {
    digest(hash).map(|digest| digest.size())
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
pub(super) enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// PKCS#12's own derivation (RFC 7292, B.2).
pub(super) struct Pkcs12Kdf<'a> {
    pub(super) hash: &'a Hash,
    /// UTF-16 with its terminator; nothing where the password is missing.
    pub(super) password: &'a [u8],
    pub(super) salt: &'a [u8],
    pub(super) iterations: u64,
}

impl Pkcs12Kdf<'_> {
    pub(super) fn derive(&self, purpose: Purpose, size: usize) -> Result<Zeroizing<Vec<u8>>, PbeError> {
        let block = if matches!(self.hash, Hash::Sha384 | Hash::Sha512) { 128 } else { 64 };
        let diversifier = vec![purpose as u8; block];
        let mut input = Zeroizing::new(stretch(self.salt, block));
        input.extend_from_slice(&stretch(self.password, block));
        let mut output = Zeroizing::new(Vec::with_capacity(size + 64));
        while output.len() < size {
            let round = self.rounds(&[diversifier.as_slice(), &input].concat())?;
            if round.is_empty() {
                return Err(PbeError::Unsupported("a hash without output".to_owned()));
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

    /// The hash of the hash of … `first`.
    fn rounds(&self, first: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
        let algorithm: &'static Algorithm = match self.hash {
            Hash::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &SHA256,
            Hash::Sha384 => &SHA384,
            Hash::Sha512 => &SHA512,
            Hash::Md5 | Hash::Sha224 | Hash::Other(_) => {
                let digest = digest(self.hash)?;
                let mut round = openssl::hash::hash(digest, first)?;
                for _ in 1..self.iterations {
                    round = openssl::hash::hash(digest, &round)?;
                }
                return Ok(Zeroizing::new(round.to_vec()));
            }
        };
        let once = |bytes: &[u8]| {
            let mut context = Context::new(algorithm);
            context.update(bytes);
            context.finish()
        };
        let mut round = once(first);
        for _ in 1..self.iterations {
            round = once(round.as_ref());
        }
        Ok(Zeroizing::new(round.as_ref().to_vec()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_libraries_derive_the_same() {
        for (hash, digest) in [(Hash::Sha1, MessageDigest::sha1()), (Hash::Sha512, MessageDigest::sha512())] {
            let kdf = Kdf::Pbkdf2 { salt: b"salt".to_vec(), iterations: 7, key_length: None, hash };
            let mut wanted = vec![0; 50];
            openssl::pkcs5::pbkdf2_hmac(b"geheim", b"salt", 7, digest, &mut wanted).unwrap();
            assert_eq!(*derive(&kdf, b"geheim", 50).unwrap(), wanted);
        }
    }

    #[test]
    fn no_iterations_at_all_are_refused() {
        let kdf = Kdf::Pbkdf2 { salt: vec![], iterations: 0, key_length: None, hash: Hash::Sha256 };
        assert!(matches!(derive(&kdf, b"", 32), Err(PbeError::NoWork)));
    }
}
