//! Writing a PFX: OpenSSL builds it, and nothing leaves here that was not read back and compared.

use std::fmt;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::stack::Stack;
use openssl::x509::X509;
use secrecy::{ExposeSecret, SecretString};

use super::read_back::{ReadBackError, compare};
use super::seal::{self, SealError};
use super::{LEGACY_ITERATIONS, MODERN_ITERATIONS, PfxProfile};
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
    /// OpenSSL failed.
    #[error("OpenSSL could not write the PFX")]
    Writing(#[from] ErrorStack),
    /// The MAC could not be put in place.
    #[error("the PFX could not be sealed")]
    Sealing(#[from] SealError),
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
            Self::Writing(_) | Self::Sealing(_) | Self::ReadBack(_) => {
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
    let written = build(&certificates, key, options, password.unwrap_or_default())?;
    let sealed = match (options.profile, password) {
        (PfxProfile::Pbmac1, password) => seal::with_pbmac1(&written, password, MODERN_ITERATIONS)?,
        (PfxProfile::Modern, None) => seal::with_missing_password(&written, MODERN_ITERATIONS)?,
        (PfxProfile::Modern | PfxProfile::Legacy, _) => written,
    };
    compare(&sealed, password, &certificates, key, options.friendly_name)?;
    Ok(sealed)
}

fn check_password(password: Option<&str>, profile: PfxProfile) -> Result<(), PfxError> {
    match password {
        None if profile == PfxProfile::Legacy => Err(PfxError::LegacyNeedsPassword),
        Some(text) if text.contains('\0') => Err(PfxError::ContainsNul("password")),
        Some(text) if text.chars().any(|letter| letter > '\u{ffff}') => Err(PfxError::PasswordBeyondBmp),
        None | Some(_) => Ok(()),
    }
}

fn build(certificates: &[&Certificate], key: &Key, options: PfxOptions<'_>, password: &str) -> Result<Vec<u8>, ErrorStack> {
    let mut above: Stack<X509> = Stack::new()?;
    for certificate in certificates.iter().skip(1) {
        above.push(X509::from_der(certificate.der())?)?;
    }
    let (cipher, digest, iterations) = match options.profile {
        PfxProfile::Modern | PfxProfile::Pbmac1 => (Nid::AES_256_CBC, MessageDigest::sha256(), MODERN_ITERATIONS),
        PfxProfile::Legacy => (Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC, MessageDigest::sha1(), LEGACY_ITERATIONS),
    };
    // A MAC that is replaced anyway need not cost anything.
    let replaced = options.profile == PfxProfile::Pbmac1 || options.password.is_none();
    let mut builder = Pkcs12::builder();
    builder.name(options.friendly_name).pkey(key.private()).ca(above);
    if let Some(leaf) = certificates.first() {
        builder.cert(X509::from_der(leaf.der())?.as_ref());
    }
    builder.key_algorithm(cipher).cert_algorithm(cipher).key_iter(iterations);
    builder.mac_iter(if replaced { 1 } else { iterations }).mac_md(digest);
    builder.build2(password)?.to_der()
}
