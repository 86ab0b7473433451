//! Writing a PFX: nothing leaves here that was not read back by another implementation and compared.

use std::fmt;

use openssl::error::ErrorStack;
use secrecy::{ExposeSecret, SecretString};

use super::PfxProfile;
use super::assemble::{AssembleError, Parts, assemble};
use super::pbe::Password;
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
    /// C libraries end strings at NUL.
    #[error("the {0} contains a NUL character")]
    ContainsNul(&'static str),
    /// A password that not every reader encodes alike.
    #[error("the password contains characters outside the Basic Multilingual Plane, which readers of PFX files encode differently")]
    PasswordBeyondBmp,
    /// 3DES needs a password.
    #[error("the legacy profile cannot be made without a password")]
    LegacyNeedsPassword,
    /// The key cannot be had as PKCS#8.
    #[error("OpenSSL could not write the private key")]
    Key(#[source] ErrorStack),
    /// It could not be put together.
    #[error("the PFX could not be put together")]
    Assembling(#[from] AssembleError),
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
            Self::ContainsNul(_) => "leave the NUL character out",
            Self::PasswordBeyondBmp => "choose a password of letters, digits and punctuation",
            Self::LegacyNeedsPassword => "give a password (`--password-from`), or take the profile `modern`",
            Self::Key(_) | Self::Assembling(_) | Self::ReadBack(_) => {
                "nothing was written; please report this with the output of `portcullis cert inspect` (which shows no secrets)"
            }
        }
    }
}

/// Makes a PFX of `key`, the chain's leaf and its intermediates in order.
pub fn write_pfx(chain: &Chain, key: &Key, options: PfxOptions<'_>) -> Result<Vec<u8>, PfxError> {
    if !key.fits(&chain.leaf) {
        return Err(PfxError::KeyDoesNotMatchCertificate);
    }
    if !chain.is_whole() {
        return Err(PfxError::ChainHasHole);
    }
    if options.friendly_name.contains('\0') {
        return Err(PfxError::ContainsNul("friendly name"));
    }
    let password = options.password.map(ExposeSecret::expose_secret);
    check_password(password, options.profile)?;
    let certificates: Vec<&Certificate> =
        if options.with_root { chain.whole().map(AsRef::as_ref).collect() } else { chain.served().map(AsRef::as_ref).collect() };
    let pkcs8 = key.to_pkcs8_der().map_err(PfxError::Key)?;
    let parts = Parts { certificates: &certificates, key: &pkcs8, friendly_name: options.friendly_name };
    let written = assemble(parts, options.profile, password.map_or(Password::Missing, Password::Text))?;
    compare(&written, password, parts)?;
    Ok(written)
}

fn check_password(password: Option<&str>, profile: PfxProfile) -> Result<(), PfxError> {
    match password {
        None if profile == PfxProfile::Legacy => Err(PfxError::LegacyNeedsPassword),
        Some(text) if text.contains('\0') => Err(PfxError::ContainsNul("password")),
        Some(text) if text.chars().any(|letter| letter > '\u{ffff}') => Err(PfxError::PasswordBeyondBmp),
        None | Some(_) => Ok(()),
    }
}
