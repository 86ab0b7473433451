//! From DER to a key that OpenSSL holds, and what a key is for that no certificate has.

use openssl::ec::EcKey;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use zeroize::Zeroizing;

use crate::certs::asn1::{self, Asn1Error, Reader, context};

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";

/// Unencrypted PKCS#8, PKCS#1 or SEC1.
pub(super) fn private_key(der: &[u8]) -> Result<PKey<Private>, ErrorStack> {
    match of_common_kind(der) {
        Some(private) => Ok(private),
        None => PKey::private_key_from_pkcs8(der).or_else(|_| PKey::private_key_from_der(der)),
    }
}

/// RSA and EC keys by the functions made for these. OpenSSL 3.0 looks through all the decoders of its providers for what it is
/// given as "some key", and through its encoders when such a key is written again, which takes longer than what is left of
/// making a PFX. `None`: another kind, or damaged; then OpenSSL says how.
fn of_common_kind(der: &[u8]) -> Option<PKey<Private>> {
    let mut info = Reader::new(der).sequence("a private key").ok()?;
    info.next().ok()?;
    let second = info.next().ok()?;
    if second.tag != asn1::SEQUENCE {
        let rsa = || Rsa::private_key_from_der(der).and_then(PKey::from_rsa);
        return if second.tag == asn1::INTEGER { rsa() } else { EcKey::private_key_from_der(der).and_then(PKey::from_ec_key) }.ok();
    }
    let mut algorithm = second.inside();
    let kind = algorithm.oid().ok()?;
    let inner = info.expect(asn1::OCTET_STRING, "a key").ok()?.content;
    match kind.as_str() {
        RSA => Rsa::private_key_from_der(inner).and_then(PKey::from_rsa).ok(),
        EC => EcKey::private_key_from_der(&with_curve(inner, algorithm.next().ok()?.raw).ok()?).and_then(PKey::from_ec_key).ok(),
        _ => None,
    }
}

/// An `ECPrivateKey` (RFC 5915, 3) with its curve in it, which PKCS#8 states outside.
fn with_curve(key: &[u8], curve: &[u8]) -> Result<Zeroizing<Vec<u8>>, Asn1Error> {
    let mut parts = Reader::new(key).sequence("an EC key")?;
    let (version, secret) = (parts.expect(asn1::INTEGER, "a version")?, parts.expect(asn1::OCTET_STRING, "a secret")?);
    parts.optional(context(0))?;
    let public = parts.optional(context(1))?.map_or(&[][..], |public| public.raw);
    Ok(Zeroizing::new(asn1::sequence(&[version.raw, secret.raw, &asn1::encode(context(0), curve), public])))
}

/// PKCS#8 of the second version (RFC 5958), which holds the public key too, as the first, which OpenSSL 3.0 reads. Rust
/// programs write it for Ed25519. `None`: it is something else.
pub(super) fn first_version(der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut info = Reader::new(der).sequence("a private key").ok()?;
    if info.next().ok()?.number().ok()? != 1 {
        return None;
    }
    let algorithm = info.expect(asn1::SEQUENCE, "an algorithm").ok()?;
    let key = info.expect(asn1::OCTET_STRING, "a key").ok()?;
    Some(Zeroizing::new(asn1::sequence(&[&asn1::integer(0), algorithm.raw, key.raw])))
}

/// The algorithm of an unencrypted PKCS#8 key.
fn algorithm(der: &[u8]) -> Option<String> {
    let mut info = Reader::new(der).sequence("a private key").ok()?;
    info.next().ok()?;
    info.sequence("an algorithm").ok()?.oid().ok()
}

/// What a key is for that makes no signatures.
pub(super) fn key_exchange(der: &[u8]) -> Option<&'static str> {
    match algorithm(der)?.as_str() {
        "1.2.840.113549.1.3.1" | "1.2.840.10046.2.1" => Some("Diffie-Hellman key exchange"),
        "1.3.101.110" | "1.3.101.111" => Some("X25519 or X448 key exchange"),
        oid if oid.starts_with("2.16.840.1.101.3.4.4.") => Some("ML-KEM key exchange"),
        _ => None,
    }
}

/// What a key that OpenSSL does not take is for, where that is not TLS.
pub(super) fn purpose(der: &[u8]) -> Option<&'static str> {
    match algorithm(der)?.as_str() {
        "1.2.840.10040.4.1" => Some("DSA signatures"),
        oid if oid.starts_with("2.16.840.1.101.3.4.3.") => Some("ML-DSA or SLH-DSA signatures"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use openssl::ec::{Asn1Flag, EcGroup};
    use openssl::nid::Nid;

    use super::*;

    fn ec(curve: Nid, flag: Asn1Flag) -> EcKey<Private> {
        let mut group = EcGroup::from_curve_name(curve).unwrap();
        group.set_asn1_flag(flag);
        EcKey::generate(&group).unwrap()
    }

    #[test]
    fn a_common_key_is_the_one_that_openssl_reads_by_itself() {
        let mut ders = vec![];
        for curve in [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1, Nid::SECP256K1] {
            for flag in [Asn1Flag::NAMED_CURVE, Asn1Flag::EXPLICIT_CURVE] {
                let key = ec(curve, flag);
                ders.push(key.private_key_to_der().unwrap());
                ders.push(PKey::from_ec_key(key).unwrap().private_key_to_pkcs8().unwrap());
            }
        }
        for bits in [1024, 2048] {
            let key = Rsa::generate(bits).unwrap();
            ders.push(key.private_key_to_der().unwrap());
            ders.push(PKey::from_rsa(key).unwrap().private_key_to_pkcs8().unwrap());
        }
        for der in ders {
            let (ours, theirs) = (of_common_kind(&der).unwrap(), PKey::private_key_from_der(&der).unwrap());
            assert!(ours.public_eq(&theirs));
            assert_eq!(ours.private_key_to_pkcs8().unwrap(), theirs.private_key_to_pkcs8().unwrap());
            assert_eq!(ours.public_key_to_der().unwrap(), theirs.public_key_to_der().unwrap());
        }
    }

    #[test]
    fn a_key_without_its_public_half_has_it_calculated() {
        let key = PKey::from_ec_key(ec(Nid::X9_62_PRIME256V1, Asn1Flag::NAMED_CURVE)).unwrap();
        let der = key.private_key_to_pkcs8().unwrap();
        let mut info = Reader::new(&der).sequence("a key").unwrap();
        let (version, algorithm) = (info.next().unwrap(), info.next().unwrap());
        let mut inner = info.next().unwrap().inside().sequence("an EC key").unwrap();
        let short = asn1::sequence(&[inner.next().unwrap().raw, inner.next().unwrap().raw]);
        let der = asn1::sequence(&[version.raw, algorithm.raw, &asn1::octets(&short)]);
        let read = of_common_kind(&der).unwrap();
        assert!(read.public_eq(&key));
    }
}
