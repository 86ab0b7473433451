//! Reading back what was written, with an implementation that did not write it, and comparing it with what went in.
//!
//! The second implementation derives one key after the other; it is given the certificates' safe beside the key's safe
//! and the MAC, since it has to do nearly all of the work of writing once more. A third thread would gain less than it
//! costs.

use std::thread;

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error as SecondError;

use super::assemble::Parts;
use super::pbe::{Password, PbeError};
use super::scheme::Mac;
use super::structure::{Pfx, PfxReadError};
use crate::certs::asn1::{self, Asn1Error, Reader, context, encode, integer, object, octets, sequence};

const DATA: &str = "1.2.840.113549.1.7.1";
/// `digestedData`: a kind of content that no PFX has.
const NO_DATA: &str = "1.2.840.113549.1.7.5";

/// How what was read back differs.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// The second implementation cannot read it.
    #[error("the second implementation cannot read it")]
    Unreadable(#[from] SecondError),
    /// Its MAC does not verify.
    #[error("its MAC does not verify")]
    Mac(#[from] PbeError),
    /// Its structure is wrong.
    #[error("its structure is wrong")]
    Structure(#[from] PfxReadError),
    /// Something went missing or changed.
    #[error("{0} differs")]
    Differs(&'static str),
}

impl From<Asn1Error> for ReadBackError {
    fn from(error: Asn1Error) -> Self {
        Self::Structure(error.into())
    }
}

/// Fails unless `pfx` holds exactly this key and these certificates in this order, linked and named.
pub(super) fn compare(pfx: &[u8], password: Option<&str>, parts: Parts<'_>) -> Result<(), ReadBackError> {
    let [first, second] = safes(pfx)?;
    let text = password.unwrap_or_default();
    let (first, second, mac) = thread::scope(|scope| {
        let first = scope.spawn(|| Pkcs12Archive::from_pkcs12(&first, text));
        let second = Pkcs12Archive::from_pkcs12(&second, text);
        let mac = check_mac(pfx, password);
        (first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second, mac)
    });
    mac?;
    compare_contents(&first?, &second?, parts)
}

/// Each of the two safes as a PFX of its own, without a MAC.
fn safes(pfx: &[u8]) -> Result<[Vec<u8>; 2], ReadBackError> {
    let mut outer = Reader::new(pfx).sequence("a PFX")?;
    outer.expect(asn1::INTEGER, "the PFX version")?;
    let mut content = outer.sequence("the authenticated safe")?;
    content.oid()?;
    let content = content.expect(context(0), "the content")?.inside().expect(asn1::OCTET_STRING, "the content")?;
    let mut list = content.inside().sequence("the safes")?;
    let (first, second) = (list.next()?, list.next()?);
    if !list.is_empty() {
        return Err(ReadBackError::Differs("the number of safes"));
    }
    Ok([first.raw, second.raw].map(|safe| sequence(&[&integer(3), &content_info(DATA, &sequence(&[safe]))])))
}

fn content_info(kind: &str, content: &[u8]) -> Vec<u8> {
    sequence(&[&object(kind), &encode(context(0), &octets(content))])
}

/// Has the second implementation check PKCS#12's own MAC. It does so before it looks at what kind of content there is:
/// under a kind that it cannot take it gets no further, and complains of that where the MAC is right.
///
/// PBMAC1 and a missing password it does not know; their MACs our own reader checks.
fn check_mac(pfx: &[u8], password: Option<&str>) -> Result<(), ReadBackError> {
    let parsed = Pfx::parse(pfx)?;
    let (Some(text), Some(Mac::Traditional { .. })) = (password, &parsed.mac) else {
        return Ok(parsed.authenticate(password.map_or(Password::Missing, Password::Text))?);
    };
    let mut outer = Reader::new(pfx).sequence("a PFX")?;
    let version = outer.expect(asn1::INTEGER, "the PFX version")?;
    outer.next()?;
    let mac = outer.expect(asn1::SEQUENCE, "the MAC")?;
    let copy = sequence(&[version.raw, &content_info(NO_DATA, &parsed.content), mac.raw]);
    match Pkcs12Archive::from_pkcs12(&copy, text) {
        Err(SecondError::UnsupportedContentType) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(ReadBackError::Differs("the MAC")),
    }
}

fn compare_contents(certificates: &Pkcs12Archive, keys: &Pkcs12Archive, parts: Parts<'_>) -> Result<(), ReadBackError> {
    let differs = |part| Err(ReadBackError::Differs(part));
    let ([], [found_key]) = (certificates.keys.as_slice(), keys.keys.as_slice()) else { return differs("the number of keys") };
    let key = found_key.key.as_der();
    if parts.key.len() != key.len() || !openssl::memcmp::eq(parts.key, key) {
        return differs("the private key");
    }
    let found = certificates.certs.as_slice();
    if found.len() != parts.certificates.len() || !keys.certs.is_empty() {
        return differs("the number of certificates");
    }
    // Order is compared too: the leaf first, then its issuers.
    if found.iter().zip(parts.certificates).any(|(found, given)| found.cert.as_der() != given.der()) {
        return differs("a certificate");
    }
    let leaf = found.first();
    let key_id = found_key.local_key_id.as_ref().map(|id| id.0.as_slice());
    if key_id.is_none() || leaf.and_then(|leaf| leaf.local_key_id.as_deref()) != key_id {
        return differs("the link between key and certificate (localKeyId)");
    }
    let names = [found_key.friendly_name.as_deref(), leaf.and_then(|leaf| leaf.friendly_name.as_deref())];
    if names.iter().any(|name| name.unwrap_or_default() != parts.friendly_name) {
        return differs("the friendly name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::certs::certificate::{Certificate, Origin};
    use crate::certs::pfx::PfxProfile;
    use crate::certs::pfx::assemble::assemble;
    use crate::certs::pfx::keys::PfxKeys;
    use crate::certs::testing;

    /// The outcome of a comparison with other parts or another password than the PFX was made of.
    fn outcome(profile: PfxProfile, change: impl Fn(&mut Vec<u8>), password: &str, name: &str) -> Result<(), ReadBackError> {
        let leaf = testing::leaf(&["a.example.com"]);
        let certificate = Certificate::from_der(&leaf.der, Origin::default()).unwrap();
        let key = Zeroizing::new(testing::ec_key().private_key_to_pkcs8().unwrap());
        let made = Parts { certificates: &[&certificate], key: &key, friendly_name: "shop" };
        let keys = PfxKeys::derive(profile, Some(secrecy::SecretString::from("x"))).unwrap();
        let mut pfx = assemble(made, &keys).unwrap();
        change(&mut pfx);
        compare(&pfx, Some(password), Parts { friendly_name: name, ..made })
    }

    #[test]
    fn what_is_right_passes_and_a_mac_that_is_wrong_does_not() {
        for profile in [PfxProfile::Modern, PfxProfile::Legacy, PfxProfile::Pbmac1] {
            assert!(outcome(profile, |_| {}, "x", "shop").is_ok(), "{profile:?}");
            assert!(outcome(profile, |_| {}, "y", "shop").is_err(), "{profile:?}");
            assert!(matches!(outcome(profile, |_| {}, "x", "shoq"), Err(ReadBackError::Differs("the friendly name"))));
        }
        // The last byte but a few is the MAC's salt, which nothing else depends on.
        let salt = |pfx: &mut Vec<u8>| {
            let place = pfx.len() - 8;
            pfx[place] ^= 1;
        };
        assert!(matches!(outcome(PfxProfile::Modern, salt, "x", "shop"), Err(ReadBackError::Unreadable(_))));
    }
}
