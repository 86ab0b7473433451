//! The keys of a new PFX, made of its password. This is nearly all of the work of writing one and needs nothing else, so
//! that it is done while the files are still being read, which takes about as long.
//!
//! Under PBES2 key and certificates are encrypted with one key and a vector each, made of one salt: a reader takes each
//! part's parameters as they stand there, and derives it twice.

use std::fmt;
use std::io;

use ring::error::Unspecified;
use secrecy::{ExposeSecret, SecretString};

use super::pbe::{self, Derived, Password, PbeError};
use super::scheme::{Cipher, Hash, Kdf, Mac, Scheme};
use super::seal::{self, random};
use super::{LEGACY_ITERATIONS, MODERN_ITERATIONS, PfxProfile};

/// Why a password gives no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// C libraries end strings at NUL.
    #[error("the password contains a NUL character")]
    ContainsNul,
    /// A password that not every reader encodes alike.
    #[error("the password contains characters outside the Basic Multilingual Plane, which readers of PFX files encode differently")]
    BeyondBmp,
    /// 3DES needs a password.
    #[error("the legacy profile cannot be made without a password")]
    LegacyNeedsPassword,
    /// A derivation failed.
    #[error("a key could not be derived")]
    Derivation(#[from] PbeError),
    /// No random numbers.
    #[error("there are no random numbers to be had")]
    Random,
    /// The system gives no thread.
    #[error("no thread could be started")]
    Thread(#[from] io::Error),
}

/// Salts, keys and the password that they come of; good for one PFX.
pub struct PfxKeys {
    pub(super) password: Option<SecretString>,
    pub(super) certificates: SchemeKey,
    pub(super) key: SchemeKey,
    pub(super) mac: Mac,
    pub(super) mac_key: Derived,
}

impl fmt::Debug for PfxKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PfxKeys").field("scheme", &self.certificates.scheme).finish_non_exhaustive()
    }
}

/// A scheme, ready to encrypt.
pub(super) struct SchemeKey {
    pub(super) scheme: Scheme,
    pub(super) cipher: Cipher,
    pub(super) key: Derived,
    pub(super) iv: Derived,
}

impl PfxKeys {
    /// Derives them with new salts. `None` is a missing password, which is not the same as an empty one.
    pub fn derive(profile: PfxProfile, password: Option<SecretString>) -> Result<Self, KeysError> {
        let text = password.as_ref().map(ExposeSecret::expose_secret);
        check_password(text, profile)?;
        let text = text.map_or(Password::Missing, Password::Text);
        let random = |_nothing_said| KeysError::Random;
        let certificates = SchemeKey::derive(scheme(profile).map_err(random)?, text)?;
        let key = certificates.beside(profile, text)?;
        let mac = new_mac(profile).map_err(random)?;
        let mac_key = pbe::mac_key(&mac, text)?;
        Ok(Self { password, certificates, key, mac, mac_key })
    }
}

impl SchemeKey {
    /// One more for the same password. Under PBES2 it is the same key with an initialisation vector of its own, which is
    /// what CBC asks of two messages: one derivation less, and whoever tries passwords has the MAC to try them on anyway.
    /// Every reader takes each part's parameters as they stand there. The older scheme makes the vector of the salt too, so
    /// that it needs another salt.
    fn beside(&self, profile: PfxProfile, password: Password<'_>) -> Result<Self, KeysError> {
        let random_failed = |_nothing_said| KeysError::Random;
        match &self.scheme {
            Scheme::Pbes2 { kdf, cipher, .. } => {
                let iv = random::<16>().map_err(random_failed)?;
                let scheme = Scheme::Pbes2 { kdf: kdf.clone(), cipher: cipher.clone(), iv: iv.clone() };
                Ok(Self { scheme, cipher: self.cipher.clone(), key: self.key.clone(), iv: Derived::new(iv) })
            }
            Scheme::Pkcs12 { .. } | Scheme::Pbes1 { .. } | Scheme::Other(_) => {
                Ok(Self::derive(scheme(profile).map_err(random_failed)?, password)?)
            }
        }
    }

    fn derive(scheme: Scheme, password: Password<'_>) -> Result<Self, PbeError> {
        let (cipher, key, iv) = pbe::keys(&scheme, password)?;
        let cipher = cipher.clone();
        Ok(Self { scheme, cipher, key, iv })
    }
}

fn check_password(password: Option<&str>, profile: PfxProfile) -> Result<(), KeysError> {
    match password {
        None if profile == PfxProfile::Legacy => Err(KeysError::LegacyNeedsPassword),
        Some(text) if text.contains('\0') => Err(KeysError::ContainsNul),
        Some(text) if text.chars().any(|letter| letter > '\u{ffff}') => Err(KeysError::BeyondBmp),
        None | Some(_) => Ok(()),
    }
}

fn scheme(profile: PfxProfile) -> Result<Scheme, Unspecified> {
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

fn new_mac(profile: PfxProfile) -> Result<Mac, Unspecified> {
    match profile {
        PfxProfile::Modern => seal::traditional(Hash::Sha256, MODERN_ITERATIONS),
        PfxProfile::Legacy => seal::traditional(Hash::Sha1, LEGACY_ITERATIONS),
        PfxProfile::Pbmac1 => seal::pbmac1(MODERN_ITERATIONS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(profile: PfxProfile) -> PfxKeys {
        PfxKeys::derive(profile, Some(SecretString::from("geheim"))).unwrap()
    }

    #[test]
    fn no_two_parts_are_encrypted_with_one_key_and_one_vector() {
        for profile in [PfxProfile::Modern, PfxProfile::Pbmac1] {
            let (one, other) = (keys(profile), keys(profile));
            assert_eq!(*one.certificates.key, *one.key.key);
            assert_ne!(*one.certificates.iv, *one.key.iv);
            assert_ne!(*one.certificates.key, *other.certificates.key, "each file has its own salt");
            assert_ne!(*one.certificates.key, *one.mac_key);
        }
        let old = keys(PfxProfile::Legacy);
        assert!(*old.certificates.key != *old.key.key && *old.certificates.iv != *old.key.iv);
    }
}
