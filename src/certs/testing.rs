//! Certificates for unit tests, made on the spot with OpenSSL.

use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Extension, X509NameBuilder};

use super::asn1::{encode, object, sequence};
use super::read::{Bag, NoPasswords, Source, pem_block, read};

/// The instant at which tests judge.
pub(crate) const NOW: &str = "2026-11-22T12:00:00Z";

pub(crate) fn now() -> jiff::Timestamp {
    NOW.parse().unwrap()
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) der: Vec<u8>,
    pub(crate) x509: X509,
    pub(crate) key: PKey<Private>,
}

impl Made {
    pub(crate) fn pem(&self) -> String {
        pem_block("CERTIFICATE", &self.der)
    }

    pub(crate) fn key_pem(&self) -> String {
        pem_block("PRIVATE KEY", &self.key.private_key_to_pkcs8().unwrap())
    }
}

/// What to make; defaults are those of a proper server certificate.
#[derive(Clone)]
pub(crate) struct Recipe<'a> {
    pub(crate) name: &'a str,
    pub(crate) names: &'a [&'a str],
    pub(crate) ca: Option<bool>,
    pub(crate) path_length: Option<u32>,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) digest: MessageDigest,
    pub(crate) server_auth: bool,
    pub(crate) key_ids: bool,
    pub(crate) issuer_url: Option<&'a str>,
    /// nameConstraints: the only subtree that may be issued for.
    pub(crate) permitted: Option<&'a str>,
    pub(crate) key: Option<PKey<Private>>,
}

impl Default for Recipe<'_> {
    fn default() -> Self {
        Self {
            name: "server",
            names: &[],
            ca: None,
            path_length: None,
            from: "20260901000000Z",
            to: "20270201000000Z",
            digest: MessageDigest::sha256(),
            server_auth: true,
            key_ids: true,
            issuer_url: None,
            permitted: None,
            key: None,
        }
    }
}

pub(crate) fn ec_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

impl Recipe<'_> {
    /// Signed by `issuer`, or by itself.
    pub(crate) fn make(&self, issuer: Option<&Made>) -> Made {
        let key = self.key.clone().unwrap_or_else(ec_key);
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", self.name).unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let serial = BigNum::from_slice(&uuid::Uuid::now_v7().into_bytes()[..]).unwrap();
        builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(issuer.map_or(&name, |issuer| issuer.x509.subject_name())).unwrap();
        builder.set_not_before(&Asn1Time::from_str(self.from).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_str(self.to).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        self.extensions(&mut builder, issuer);
        builder.sign(issuer.map_or(&key, |issuer| &issuer.key), self.digest).unwrap();
        let x509 = builder.build();
        Made { der: x509.to_der().unwrap(), x509, key }
    }

    fn extensions(&self, builder: &mut openssl::x509::X509Builder, issuer: Option<&Made>) {
        let mut usage = KeyUsage::new();
        usage.critical();
        if self.ca == Some(true) {
            let mut constraints = BasicConstraints::new();
            constraints.critical().ca();
            if let Some(length) = self.path_length {
                constraints.pathlen(length);
            }
            builder.append_extension(constraints.build().unwrap()).unwrap();
            usage.key_cert_sign().crl_sign();
        } else {
            usage.digital_signature();
            let mut purpose = ExtendedKeyUsage::new();
            let purpose = if self.server_auth { purpose.server_auth() } else { purpose.client_auth() };
            builder.append_extension(purpose.build().unwrap()).unwrap();
        }
        builder.append_extension(usage.build().unwrap()).unwrap();
        if !self.names.is_empty() {
            let mut names = SubjectAlternativeName::new();
            for name in self.names {
                if name.parse::<std::net::IpAddr>().is_ok() {
                    names.ip(name)
                } else {
                    names.dns(name)
                };
            }
            let context = builder.x509v3_context(issuer.map(|issuer| issuer.x509.as_ref()), None);
            let extension = names.build(&context).unwrap();
            builder.append_extension(extension).unwrap();
        }
        if let Some(url) = self.issuer_url {
            let value = sequence(&[&sequence(&[&object("1.3.6.1.5.5.7.48.2"), &encode(0x86, url.as_bytes())])]);
            append(builder, "1.3.6.1.5.5.7.1.1", false, &value);
        }
        if let Some(domain) = self.permitted {
            let subtree = sequence(&[&encode(0x82, domain.as_bytes())]);
            append(builder, "2.5.29.30", true, &sequence(&[&encode(0xa0, &subtree)]));
        }
        if self.key_ids {
            let extension = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
            builder.append_extension(extension).unwrap();
            if let Some(issuer) = issuer {
                let context = builder.x509v3_context(Some(&issuer.x509), None);
                let extension = AuthorityKeyIdentifier::new().keyid(false).build(&context).unwrap();
                builder.append_extension(extension).unwrap();
            }
        }
    }
}

fn append(builder: &mut openssl::x509::X509Builder, kind: &str, critical: bool, value: &[u8]) {
    let kind = Asn1Object::from_str(kind).unwrap();
    let value = Asn1OctetString::new_from_bytes(value).unwrap();
    builder.append_extension(X509Extension::new_from_der(&kind, critical, &value).unwrap()).unwrap();
}

/// A CA of ten years.
pub(crate) fn authority(name: &str, issuer: Option<&Made>) -> Made {
    Recipe { name, ca: Some(true), from: "20200101000000Z", to: "20400101000000Z", ..Recipe::default() }.make(issuer)
}

/// A server's certificate from a CA that nobody knows.
pub(crate) fn leaf(names: &[&str]) -> Made {
    Recipe { names, ..Recipe::default() }.make(Some(&authority("Test CA", None)))
}

pub(crate) fn source(name: &str, content: impl Into<Vec<u8>>) -> Source {
    Source { name: name.to_owned(), bytes: content.into() }
}

/// The bag of one file with these texts in a row.
pub(crate) fn bag(parts: &[String]) -> Bag {
    read(&[source("bundle.pem", parts.concat())], &NoPasswords)
}
