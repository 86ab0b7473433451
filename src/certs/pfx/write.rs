//! Writing a PFX: nothing leaves here that was not read back by another implementation and compared.

use std::fmt;

use openssl::error::ErrorStack;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::PfxProfile;
use super::assemble::{Parts, assemble};
use super::keys::{KeysError, PfxKeys};
use super::pbe::PbeError;
use super::read_back::{ReadBackError, compare};
use crate::certs::certificate::Certificate;
use crate::certs::chain::Chain;
use crate::certs::key::Key;

/// How a PFX is to be made.
#[derive(Clone, Copy)]
pub struct PfxOptions<'a> {
    /// Encryption and seal.
    pub profile: PfxProfile,
    /// The name that key and certificate have in it.
    pub friendly_name: &'a str,
    /// Its password. `None` is a missing password, which is not the same as an empty one.
    pub password: Option<&'a SecretString>,
    /// Whether the root goes in too; clients have it already.
    pub with_root: bool,
}

impl fmt::Debug for PfxOptions<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PfxOptions")
            .field("profile", &self.profile)
            .field("friendly_name", &self.friendly_name)
            .finish_non_exhaustive()
    }
}

/// Why no PFX was made.
#[derive(Debug, thiserror::Error)]
pub enum PfxError {
    /// The key is another certificate's.
    #[error("the private key does not belong to the server's certificate")]
    KeyDoesNotMatchCertificate,
    /// An intermediate is missing.
    #[error("the chain has a hole")]
    ChainHasHole,
    /// A name that readers do not show alike: with NUL, or beyond the characters of `BMPString`.
    #[error("the friendly name contains characters that a PFX cannot hold")]
    FriendlyName,
    /// The password cannot be used.
    #[error("the password cannot be used")]
    Keys(#[from] KeysError),
    /// The key cannot be had as PKCS#8.
    #[error("OpenSSL could not write the private key")]
    Key(#[source] ErrorStack),
    /// It could not be put together.
    #[error("the PFX could not be put together")]
    Assembling(#[from] PbeError),
    /// The second implementation does not read back what went in.
    #[error("the PFX that was written does not read back as what went into it")]
    ReadBack(#[from] ReadBackError),
}

impl PfxError {
    /// What to do next.
    pub fn help(&self) -> &'static str {
        match self {
            Self::KeyDoesNotMatchCertificate => "give the key from which this certificate's signing request was made: `--key FILE`",
            Self::ChainHasHole => "give the missing intermediate, or run again with `--fetch-missing`",
            Self::FriendlyName => "choose a name of letters, digits and punctuation: `--name FRIENDLY`",
            Self::Keys(KeysError::ContainsNul | KeysError::BeyondBmp) => "choose a password of letters, digits and punctuation",
            Self::Keys(KeysError::LegacyNeedsPassword) => "give a password (`--password-from`), or take the profile `modern`",
            Self::Keys(KeysError::Derivation(_) | KeysError::Random | KeysError::Thread(_))
            | Self::Key(_)
            | Self::Assembling(_)
            | Self::ReadBack(_) => {
                "nothing was written; please report this with the output of `portcullis cert inspect` (which shows no secrets)"
            }
        }
    }
}

/// A PFX that nobody has compared yet with what went into it.
pub struct Composed<'a> {
    bytes: Vec<u8>,
    certificates: Vec<&'a Certificate>,
    key: Zeroizing<Vec<u8>>,
    friendly_name: &'a str,
    password: Option<SecretString>,
}

impl fmt::Debug for Composed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Composed({} bytes)", self.bytes.len())
    }
}

impl Composed<'_> {
    /// The PFX. It may be put beside its place already, and not in it before [`Composed::compare`] has passed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Has it read back by the second implementation; fails where that finds anything but what went in.
    pub fn compare(self) -> Result<Vec<u8>, PfxError> {
        let parts = Parts { certificates: &self.certificates, key: &self.key, friendly_name: self.friendly_name };
        compare(&self.bytes, self.password.as_ref().map(ExposeSecret::expose_secret), parts)?;
        Ok(self.bytes)
    }
}

/// Puts a PFX together: `key`, the chain's leaf and its intermediates in order, the root where `with_root` says so.
pub fn compose_pfx<'a>(
    chain: &'a Chain,
    key: &Key,
    friendly_name: &'a str,
    with_root: bool,
    keys: PfxKeys,
) -> Result<Composed<'a>, PfxError> {
    if !key.fits(&chain.leaf) {
        return Err(PfxError::KeyDoesNotMatchCertificate);
    }
    if !chain.is_whole() {
        return Err(PfxError::ChainHasHole);
    }
    if friendly_name.chars().any(|letter| letter == '\0' || letter > '\u{ffff}') {
        return Err(PfxError::FriendlyName);
    }
    let certificates: Vec<&Certificate> =
        if with_root { chain.whole().map(AsRef::as_ref).collect() } else { chain.served().map(AsRef::as_ref).collect() };
    let key = key.to_pkcs8_der().map_err(PfxError::Key)?;
    let bytes = assemble(Parts { certificates: &certificates, key: &key, friendly_name }, &keys)?;
    Ok(Composed { bytes, certificates, key, friendly_name, password: keys.password })
}

/// Makes a PFX of `key`, the chain's leaf and its intermediates in order, and compares it.
pub fn write_pfx(chain: &Chain, key: &Key, options: PfxOptions<'_>) -> Result<Vec<u8>, PfxError> {
    let keys = PfxKeys::derive(options.profile, options.password.cloned())?;
    compose_pfx(chain, key, options.friendly_name, options.with_root, keys)?.compare()
}
