//! From passwords to keys: PBKDF2, scrypt and PKCS#12's own derivation, and HMAC with what comes out.
//!
//! The rounds run on OpenSSL's plain hash functions, whose state can be kept and gone on with: its own PBKDF2 takes twice
//! as long and its hashing in one call five times, since 3.0 looks the algorithm up and copies a context for each of the
//! thousands of rounds.

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sha::{Sha1, Sha224, Sha256, Sha384, Sha512};
use openssl::sign::Signer;
use zeroize::Zeroizing;

use super::hashing::{Hashing, Hmac};
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
    if iterations == 0 {
        return Err(PbeError::NoWork);
    }
    match hash {
        Hash::Sha1 => Hmac::<Sha1>::new(password).stretch(salt, iterations, key),
        Hash::Sha224 => Hmac::<Sha224>::new(password).stretch(salt, iterations, key),
        Hash::Sha256 => Hmac::<Sha256>::new(password).stretch(salt, iterations, key),
        Hash::Sha384 => Hmac::<Sha384>::new(password).stretch(salt, iterations, key),
        Hash::Sha512 => Hmac::<Sha512>::new(password).stretch(salt, iterations, key),
        Hash::Md5 | Hash::Rare(_) | Hash::Other(_) => {
            let count = usize::try_from(iterations).map_err(|_error| PbeError::TooMuchWork(iterations))?;
            openssl::pkcs5::pbkdf2_hmac(password, salt, count, digest(hash)?, key)?;
        }
    }
    Ok(())
}

/// The 16 bytes that PBES1 makes of the password (PBKDF1: RFC 8018, 5.1): eight of the key, eight of the vector.
pub(super) fn pbkdf1(hash: &Hash, password: &[u8], salt: &[u8], iterations: u64) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    if iterations == 0 {
        return Err(PbeError::NoWork);
    }
    let mut key = rounds_of(hash, &Zeroizing::new([password, salt].concat()), iterations)?;
    key.truncate(16);
    Ok(key)
}

/// HMAC over `content`.
pub(super) fn hmac(hash: &Hash, key: &[u8], content: &[u8]) -> Result<Vec<u8>, PbeError> {
    Ok(match hash {
        Hash::Sha1 => Hmac::<Sha1>::new(key).of(&[content]).to_vec(),
        Hash::Sha224 => Hmac::<Sha224>::new(key).of(&[content]).to_vec(),
        Hash::Sha256 => Hmac::<Sha256>::new(key).of(&[content]).to_vec(),
        Hash::Sha384 => Hmac::<Sha384>::new(key).of(&[content]).to_vec(),
        Hash::Sha512 => Hmac::<Sha512>::new(key).of(&[content]).to_vec(),
        Hash::Md5 | Hash::Rare(_) | Hash::Other(_) => {
            let key = PKey::hmac(key)?;
            let mut signer = Signer::new(digest(hash)?, &key)?;
            signer.update(content)?;
            signer.sign_to_vec()?
        }
    })
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
        Hash::Rare(rare) => {
            let known = rare.openssl.and_then(MessageDigest::from_name);
            return known.ok_or_else(|| PbeError::Unsupported(format!("the hash {}", rare.name)));
        }
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
        let block = match self.hash {
            Hash::Sha384 | Hash::Sha512 => 128,
            Hash::Rare(rare) => rare.block,
            Hash::Md5 | Hash::Sha1 | Hash::Sha224 | Hash::Sha256 | Hash::Other(_) => 64,
        };
        let diversifier = vec![purpose as u8; block];
        let mut input = Zeroizing::new(stretch(self.salt, block));
        input.extend_from_slice(&stretch(self.password, block));
        let mut output = Zeroizing::new(Vec::with_capacity(size + 64));
        while output.len() < size {
            let round = rounds_of(self.hash, &[diversifier.as_slice(), &input].concat(), self.iterations)?;
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
}

/// The hash of the hash of … `first`.
fn rounds_of(hash: &Hash, first: &[u8], count: u64) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let round = match hash {
        Hash::Sha1 => rounds::<Sha1>(first, count),
        Hash::Sha224 => rounds::<Sha224>(first, count),
        Hash::Sha256 => rounds::<Sha256>(first, count),
        Hash::Sha384 => rounds::<Sha384>(first, count),
        Hash::Sha512 => rounds::<Sha512>(first, count),
        Hash::Md5 | Hash::Rare(_) | Hash::Other(_) => {
            let digest = digest(hash)?;
            let mut round = openssl::hash::hash(digest, first)?;
            for _ in 1..count {
                round = openssl::hash::hash(digest, &round)?;
            }
            round.to_vec()
        }
    };
    Ok(Zeroizing::new(round))
}

fn rounds<H: Hashing>(first: &[u8], count: u64) -> Vec<u8> {
    let mut round = H::of(first);
    for _ in 1..count {
        round = H::of(round.as_ref());
    }
    round.as_ref().to_vec()
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
    fn the_rounds_here_derive_what_openssl_s_own_do() {
        let hashes = [
            (Hash::Sha1, MessageDigest::sha1()),
            (Hash::Sha224, MessageDigest::sha224()),
            (Hash::Sha256, MessageDigest::sha256()),
            (Hash::Sha384, MessageDigest::sha384()),
            (Hash::Sha512, MessageDigest::sha512()),
        ];
        // A password longer than a block is hashed first (RFC 2104).
        for password in [b"".to_vec(), b"geheim".to_vec(), vec![7; 64], vec![7; 65], vec![7; 129]] {
            for (hash, digest) in &hashes {
                let kdf = Kdf::Pbkdf2 { salt: b"salt".to_vec(), iterations: 7, key_length: None, hash: hash.clone() };
                let mut wanted = vec![0; 150];
                openssl::pkcs5::pbkdf2_hmac(&password, b"salt", 7, *digest, &mut wanted).unwrap();
                assert_eq!(*derive(&kdf, &password, 150).unwrap(), wanted, "{hash:?}");
                // OpenSSL 3.0 takes no empty key here, where HMAC allows it.
                if password.is_empty() {
                    continue;
                }
                let key = PKey::hmac(&password).unwrap();
                let wanted = Signer::new(*digest, &key).unwrap().sign_oneshot_to_vec(b"content").unwrap();
                assert_eq!(hmac(hash, &password, b"content").unwrap(), wanted, "{hash:?}");
            }
        }
    }

    #[test]
    fn no_iterations_at_all_are_refused() {
        let kdf = Kdf::Pbkdf2 { salt: vec![], iterations: 0, key_length: None, hash: Hash::Sha256 };
        assert!(matches!(derive(&kdf, b"", 32), Err(PbeError::NoWork)));
    }
}
