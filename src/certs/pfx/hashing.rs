//! OpenSSL's plain hash functions behind one trait, and HMAC (RFC 2104) and PBKDF2 (RFC 8018, 5.2) on them. The state
//! after the key's block is kept, so that a round of PBKDF2 is two blocks of work and no more.

use openssl::sha::{Sha1, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

/// A hash in the making.
pub(super) trait Hashing: Clone {
    /// What comes out.
    type Output: AsRef<[u8]> + AsMut<[u8]> + Copy;
    /// Bytes that it takes in at once.
    const BLOCK: usize;

    /// Begins one.
    fn begin() -> Self;
    /// Takes bytes in.
    fn add(&mut self, bytes: &[u8]);
    /// Ends it.
    fn end(self) -> Self::Output;

    /// The hash of `bytes`.
    fn of(bytes: &[u8]) -> Self::Output {
        let mut hash = Self::begin();
        hash.add(bytes);
        hash.end()
    }
}

macro_rules! hashing {
    ($hash:ty, $size:literal, $block:literal) => {
        impl Hashing for $hash {
            type Output = [u8; $size];
            const BLOCK: usize = $block;

            fn begin() -> Self {
                Self::new()
            }

            fn add(&mut self, bytes: &[u8]) {
                self.update(bytes);
            }

            fn end(self) -> Self::Output {
                self.finish()
            }
        }
    };
}

hashing!(Sha1, 20, 64);
hashing!(Sha224, 28, 64);
hashing!(Sha256, 32, 64);
hashing!(Sha384, 48, 128);
hashing!(Sha512, 64, 128);

/// HMAC with a key that both of its hashes have taken in already.
pub(super) struct Hmac<H> {
    inner: H,
    outer: H,
}

impl<H: Hashing> Hmac<H> {
    pub(super) fn new(key: &[u8]) -> Self {
        let hashed = if key.len() > H::BLOCK { Some(H::of(key)) } else { None };
        let key = hashed.as_ref().map_or(key, AsRef::as_ref);
        let keyed = |pad: u8| {
            let mut block = Zeroizing::new(vec![pad; H::BLOCK]);
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let mut hash = H::begin();
            hash.add(&block);
            hash
        };
        Self { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    /// The code of `parts`, one after the other.
    pub(super) fn of(&self, parts: &[&[u8]]) -> H::Output {
        let mut inner = self.inner.clone();
        for part in parts {
            inner.add(part);
        }
        let mut outer = self.outer.clone();
        outer.add(inner.end().as_ref());
        outer.end()
    }

    /// PBKDF2: fills `key` from the password that this was made of. At least one round is done.
    pub(super) fn stretch(&self, salt: &[u8], iterations: u64, key: &mut [u8]) {
        let blocks = (1u32..).zip(key.chunks_mut(size_of::<H::Output>()));
        for (number, block) in blocks {
            let mut round = self.of(&[salt, &number.to_be_bytes()]);
            let mut sum = round;
            for _ in 1..iterations {
                round = self.of(&[round.as_ref()]);
                sum.as_mut().iter_mut().zip(round.as_ref()).for_each(|(sum, byte)| *sum ^= byte);
            }
            block.iter_mut().zip(sum.as_ref()).for_each(|(byte, sum)| *byte = *sum);
        }
    }
}
