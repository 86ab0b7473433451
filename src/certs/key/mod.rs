//! Private keys in all the shapes they come in. What is secret stays inside [`Key`] and is never shown.

mod decode;

use std::fmt;

use openssl::bn::BigNumContext;
use openssl::ec::{Asn1Flag, EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use zeroize::Zeroizing;

use super::algorithm::KeyKind;
use super::asn1::{Reader, definite};
use super::certificate::{Certificate, Origin};
use super::pfx::pbe::{self, Password, PbeError};
use super::pfx::structure::encrypted_key;

/// A private key and where it came from.
#[derive(Clone)]
pub struct Key {
    /// Where it was read.
    pub origin: Origin,
    /// Kind and strength.
    pub kind: KeyKind,
    public_half: Vec<u8>,
    private: PKey<Private>,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Key").field("kind", &self.kind).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Why bytes are not a usable private key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its encryption could not be undone.
    #[error(transparent)]
    Locked(#[from] PbeError),
    /// OpenSSL does not take it for a key.
    #[error("not a private key that OpenSSL can read")]
    Refused(#[source] ErrorStack),
    /// A key for something else than TLS certificates.
    #[error("a key for {0}, for which no CA issues TLS certificates")]
    AnotherPurpose(&'static str),
    /// Its public half is of no kind that certificates use.
    #[error("its public key cannot be read")]
    PublicKey,
}

impl Key {
    /// A key that OpenSSL holds already.
    pub fn from_openssl(private: PKey<Private>, origin: Origin) -> Result<Self, KeyError> {
        let (kind, public_half) = public_half(&private)?;
        if kind.is_spelled_out()
            && let Some(private) = with_named_curve(&private)
        {
            let (kind, public_half) = self::public_half(&private)?;
            return Ok(Self { origin, kind, public_half, private });
        }
        Ok(Self { origin, kind, public_half, private })
    }

    /// Unencrypted PKCS#8, PKCS#1 or SEC1.
    pub(crate) fn from_der(der: &[u8], origin: Origin) -> Result<Self, KeyError> {
        let first = decode::first_version(der);
        let der = first.as_ref().map_or(der, |first| first.as_slice());
        // OpenSSL reads these; no certificate holds one.
        if let Some(exchange) = decode::key_exchange(der) {
            return Err(KeyError::AnotherPurpose(exchange));
        }
        let explained = |error| decode::purpose(der).map_or(error, KeyError::AnotherPurpose);
        let private = decode::private_key(der).map_err(|error| explained(KeyError::Refused(error)))?;
        Self::from_openssl(private, origin).map_err(explained)
    }

    /// Encrypted PKCS#8.
    pub(crate) fn from_encrypted_pkcs8(der: &[u8], password: Password<'_>, origin: Origin) -> Result<Self, KeyError> {
        let plain = definite(der).map_err(|_error| KeyError::PublicKey).and_then(|der| {
            let info = Reader::new(&der).next().and_then(|info| encrypted_key(&info)).map_err(|_error| KeyError::PublicKey)?;
            let (scheme, data) = info;
            Ok(pbe::decrypt(&scheme, password, &data)?)
        })?;
        // Wrong passwords that happen to pad well give bytes that are no key.
        Self::from_der(&plain, origin).map_err(|error| match error {
            KeyError::AnotherPurpose(_) => error,
            KeyError::Locked(_) | KeyError::Refused(_) | KeyError::PublicKey => KeyError::Locked(PbeError::WrongPassword),
        })
    }

    /// Hash iterations that one password takes on an encrypted PKCS#8.
    pub(crate) fn work_to_open(der: &[u8]) -> u64 {
        let scheme = definite(der).and_then(|der| encrypted_key(&Reader::new(&der).next()?).map(|(scheme, _)| scheme.work()));
        scheme.unwrap_or(0).saturating_add(1)
    }

    /// PEM encrypted in the old way (`DEK-Info:`), which OpenSSL undoes.
    pub(crate) fn from_dek_info(pem: &[u8], password: &str, origin: Origin) -> Result<Self, KeyError> {
        let answer = |buffer: &mut [u8]| {
            let secret = password.as_bytes();
            // A password that does not fit is a wrong one.
            let Some(place) = buffer.get_mut(..secret.len()) else { return Ok(0) };
            place.copy_from_slice(secret);
            Ok(secret.len())
        };
        let private = PKey::private_key_from_pem_callback(pem, answer).map_err(|_error| PbeError::WrongPassword)?;
        Self::from_openssl(private, origin)
    }

    /// Whether it is the private half of the certificate's key.
    pub fn fits(&self, certificate: &Certificate) -> bool {
        if self.kind != certificate.key {
            return false;
        }
        // Bytes first: the same point can be written in two ways, but hardly ever is.
        self.public_half == certificate.public_key_info()
            || certificate.x509().and_then(|x509| x509.public_key().ok()).is_some_and(|public| public.public_eq(&self.private))
    }

    /// Its `SubjectPublicKeyInfo`.
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_half
    }

    /// OpenSSL's view of it.
    pub fn private(&self) -> &PKey<Private> {
        &self.private
    }

    /// Unencrypted PKCS#8 as PEM, wiped when dropped.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, ErrorStack> {
        let der = Zeroizing::new(self.private.private_key_to_pkcs8()?);
        Ok(Zeroizing::new(super::read::pem_block("PRIVATE KEY", &der)))
    }

    /// Unencrypted PKCS#8, wiped when dropped.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        Ok(Zeroizing::new(self.private.private_key_to_pkcs8()?))
    }
}

/// Kind and `SubjectPublicKeyInfo` of a key.
fn public_half(private: &PKey<Private>) -> Result<(KeyKind, Vec<u8>), KeyError> {
    let info = private.public_key_to_der().map_err(KeyError::Refused)?;
    let kind = Reader::new(&info).next().and_then(|info| KeyKind::parse(&info)).map_err(|_error| KeyError::PublicKey)?;
    Ok((kind, info))
}

/// An EC key whose curve is spelled out, as one that names it, which is what certificates and platforms take. `None`: it is
/// no EC key, or of a curve without a name.
fn with_named_curve(private: &PKey<Private>) -> Option<PKey<Private>> {
    let key = private.ec_key().ok()?;
    let mut named = EcGroup::from_curve_name(key.group().curve_name()?).ok()?;
    named.set_asn1_flag(Asn1Flag::NAMED_CURVE);
    let mut scratch = BigNumContext::new().ok()?;
    let point = key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut scratch).ok()?;
    let point = EcPoint::from_bytes(&named, &point, &mut scratch).ok()?;
    PKey::from_ec_key(EcKey::from_private_components(&named, key.private_key(), &point).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::asn1::{encode, integer, object, octets, sequence};

    #[test]
    fn keys_that_hold_their_public_half_are_read() {
        let private = PKey::generate_ed25519().unwrap();
        let first = private.private_key_to_pkcs8().unwrap();
        let mut parts = Reader::new(&first).sequence("a key").unwrap();
        parts.next().unwrap();
        let (algorithm, secret) = (parts.next().unwrap(), parts.next().unwrap());
        let public = encode(0x81, &[&[0], private.raw_public_key().unwrap().as_slice()].concat());
        let second = sequence(&[&integer(1), algorithm.raw, secret.raw, &public]);
        let key = Key::from_der(&second, Origin::default()).unwrap();
        assert!(key.private().public_eq(&private));
    }

    #[test]
    fn a_key_whose_curve_is_spelled_out_fits_its_certificate() {
        let made = crate::certs::testing::leaf(&["a.example.com"]);
        let named = made.key.ec_key().unwrap();
        let mut group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
        group.set_asn1_flag(Asn1Flag::EXPLICIT_CURVE);
        let explicit = EcKey::from_private_components(&group, named.private_key(), named.public_key()).unwrap();
        let der = PKey::from_ec_key(explicit).unwrap().private_key_to_pkcs8().unwrap();
        assert!(der.len() > made.key.private_key_to_pkcs8().unwrap().len());
        let key = Key::from_der(&der, Origin::default()).unwrap();
        assert!(key.fits(&Certificate::from_der(&made.der, Origin::default()).unwrap()));
        assert_eq!(*key.to_pkcs8_der().unwrap(), made.key.private_key_to_pkcs8().unwrap());
    }

    #[test]
    fn a_key_for_something_else_is_called_what_it_is() {
        let of = |oid: &str| sequence(&[&integer(0), &sequence(&[&object(oid)]), &octets(&[0; 64])]);
        let exchange = PKey::generate_x25519().unwrap().private_key_to_pkcs8().unwrap();
        for (der, wanted) in
            [(of("2.16.840.1.101.3.4.3.17"), "ML-DSA"), (of("1.2.840.113549.1.3.1"), "Diffie-Hellman"), (exchange, "X25519")]
        {
            let error = Key::from_der(&der, Origin::default()).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }
}
