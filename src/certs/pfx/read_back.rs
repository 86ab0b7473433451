//! Reading back what was written, with an implementation that did not write it, and comparing it with what went in.

use p12_keystore::Pkcs12Archive;

use super::assemble::Parts;
use super::pbe::{Password, PbeError};
use super::scheme::Mac;
use super::seal::{self, SealError};
use super::structure::{Pfx, PfxReadError};

/// How what was read back differs.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// The second implementation cannot read it.
    #[error("the second implementation cannot read it")]
    Unreadable(#[from] p12_keystore::error::Error),
    /// Its MAC does not verify.
    #[error("its MAC does not verify")]
    Mac(#[from] PbeError),
    /// Its structure is wrong.
    #[error("its structure is wrong")]
    Structure(#[from] PfxReadError),
    /// It could not be put under the MAC that the second implementation knows.
    #[error("it could not be prepared for the second implementation")]
    Preparation(#[from] SealError),
    /// Something went missing or changed.
    #[error("{0} differs")]
    Differs(&'static str),
}

/// Fails unless `pfx` holds exactly this key and these certificates in this order, linked and named.
pub(super) fn compare(pfx: &[u8], password: Option<&str>, parts: Parts<'_>) -> Result<(), ReadBackError> {
    let Parts { certificates, key, friendly_name } = parts;
    let parsed = Pfx::parse(pfx)?;
    let usual = password.is_some() && matches!(parsed.mac, Some(Mac::Traditional { .. }));
    let archive = if usual {
        Pkcs12Archive::from_pkcs12(pfx, password.unwrap_or_default())?
    } else {
        // The second implementation knows neither PBMAC1 nor a missing password: our own reader checks that MAC, and it
        // reads the same content under one that it knows. PBES2 encodes both passwords alike.
        parsed.authenticate(password.map_or(Password::Missing, Password::Text))?;
        let text = password.unwrap_or_default();
        Pkcs12Archive::from_pkcs12(&seal::with_traditional(pfx, Password::Text(text), 1)?, text)?
    };
    let differs = |part| Err(ReadBackError::Differs(part));
    let [found_key] = archive.keys.as_slice() else { return differs("the number of keys") };
    if !openssl_eq(key, found_key.key.as_der()) {
        return differs("the private key");
    }
    if archive.certs.len() != certificates.len() {
        return differs("the number of certificates");
    }
    // Order is compared too: the leaf first, then its issuers.
    if archive.certs.iter().zip(certificates).any(|(found, given)| found.cert.as_der() != given.der()) {
        return differs("a certificate");
    }
    let leaf = archive.certs.first();
    let key_id = found_key.local_key_id.as_ref().map(|id| id.0.as_slice());
    if key_id.is_none() || leaf.and_then(|leaf| leaf.local_key_id.as_deref()) != key_id {
        return differs("the link between key and certificate (localKeyId)");
    }
    if found_key.friendly_name.as_deref().unwrap_or_default() != friendly_name {
        return differs("the friendly name");
    }
    Ok(())
}

fn openssl_eq(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && openssl::memcmp::eq(left, right)
}
