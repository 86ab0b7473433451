//! One certificate, taken apart as far as rules and people need it.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use openssl::x509::X509;
use sha2::{Digest, Sha256};

use super::algorithm::{KeyKind, SignatureAlgorithm};
use super::asn1::{self, Asn1Error, Element, Reader, context, implicit, parse_time};
use super::extensions::Extensions;
use super::name::Name;

/// Where something was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// The file, as it was named.
    pub file: String,
    /// The line of its `-----BEGIN`, counted from 1, in text files.
    pub line: Option<usize>,
    /// Its place among what the file holds, counted from 0.
    pub place: usize,
    /// The name it has inside a PFX.
    pub friendly_name: Option<String>,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}", self.file),
            None => formatter.write_str(&self.file),
        }
    }
}

/// A name a certificate is for, from its subjectAltName.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SubjectName {
    /// A DNS name or wildcard, as written.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// Something that no TLS client looks at (e-mail, URI, other name), for display.
    Other(String),
}

impl fmt::Display for SubjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) | Self::Other(name) => formatter.write_str(name),
            Self::Ip(address) => write!(formatter, "{address}"),
        }
    }
}

/// Why bytes are not a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Not the structure of RFC 5280.
    #[error("not a well-formed certificate: {0}")]
    Structure(#[source] Asn1Error),
    /// OpenSSL, which will have to work with it, refuses it.
    #[error("OpenSSL cannot read this certificate")]
    Refused,
}

/// A certificate and where it came from.
#[derive(Clone)]
pub struct Certificate {
    /// Where it was read.
    pub origin: Origin,
    /// Whom it is about.
    pub subject: Name,
    /// Who signed it.
    pub issuer: Name,
    /// Serial number in hexadecimal.
    pub serial: String,
    /// First instant of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// Kind and strength of its public key.
    pub key: KeyKind,
    /// How the issuer signed it.
    pub signature: SignatureAlgorithm,
    /// What its extensions say.
    pub extensions: Extensions,
    /// SHA-256 of the whole, as browsers show it.
    pub fingerprint: [u8; 32],
    der: Vec<u8>,
    public_key: Vec<u8>,
    /// Made when first asked for: OpenSSL 3 takes 100 µs for it, and of 10,000 certificates a chain needs a few.
    x509: Arc<OnceLock<Option<X509>>>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Certificate").field("subject", &self.subject).field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl PartialEq for Certificate {
    /// The same certificate, wherever it was read.
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Certificate {
    /// Takes the first DER element of `bytes` apart; what follows it (OpenSSL's trust settings) is left out.
    pub fn from_der(bytes: &[u8], origin: Origin) -> Result<Self, CertificateError> {
        let whole = Reader::new(bytes).next().map_err(CertificateError::Structure)?;
        let fields = Fields::read(&whole).map_err(CertificateError::Structure)?;
        Ok(Self {
            origin,
            subject: fields.subject,
            issuer: fields.issuer,
            serial: fields.serial,
            not_before: fields.not_before,
            not_after: fields.not_after,
            key: fields.key,
            signature: fields.signature,
            extensions: fields.extensions,
            fingerprint: Sha256::digest(whole.raw).into(),
            der: whole.raw.to_vec(),
            public_key: fields.public_key,
            x509: Arc::default(),
        })
    }

    /// The certificate's bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// OpenSSL's view of it; `None` where OpenSSL refuses it.
    pub fn x509(&self) -> Option<&X509> {
        self.x509.get_or_init(|| X509::from_der(&self.der).ok()).as_ref()
    }

    /// Its `SubjectPublicKeyInfo`, whole.
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key
    }

    /// Text form, with line breaks.
    pub fn to_pem(&self) -> String {
        super::read::pem_block("CERTIFICATE", &self.der)
    }

    /// Whether it may sign other certificates, by its own words (basicConstraints and keyUsage, RFC 5280 4.2.1.9).
    pub fn is_ca(&self) -> bool {
        self.extensions.may_sign_certificates()
    }

    /// Whether subject and issuer are the same name. Says nothing about who signed.
    pub fn is_self_issued(&self) -> bool {
        self.subject.canonical() == self.issuer.canonical()
    }

    /// Whether it is valid at `now`, both ends included.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// Whether the key of `issuer` signed this certificate. Names are not looked at.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        let Some(issuer) = issuer.x509() else { return false };
        let verifies = |signed: &X509| issuer.public_key().and_then(|key| signed.verify(&key)).unwrap_or(false);
        // Issuers are asked of again and again; of thousands of servers' certificates OpenSSL's view is not kept.
        match self.x509.get() {
            Some(known) => known.as_ref().is_some_and(verifies),
            None => X509::from_der(&self.der).is_ok_and(|signed| verifies(&signed)),
        }
    }

    /// Whole days from `now` to its end; negative once it is over.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after.duration_since(now).as_secs().div_euclid(24 * 60 * 60)
    }

    /// Colon-separated upper case SHA-256, as browsers and `openssl x509 -fingerprint` show it.
    pub fn fingerprint_text(&self) -> String {
        hex(&self.fingerprint, ":")
    }
}

/// Upper case hexadecimal with a separator between bytes.
pub(crate) fn hex(bytes: &[u8], separator: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(separator)
}

struct Fields {
    subject: Name,
    issuer: Name,
    serial: String,
    not_before: Timestamp,
    not_after: Timestamp,
    key: KeyKind,
    signature: SignatureAlgorithm,
    extensions: Extensions,
    public_key: Vec<u8>,
}

impl Fields {
    fn read(whole: &Element<'_>) -> Result<Self, Asn1Error> {
        if whole.tag != asn1::SEQUENCE {
            return Err(whole.unexpected("a certificate"));
        }
        let mut tbs = whole.inside().sequence("a certificate's body")?;
        tbs.optional(context(0))?;
        let serial = hex(tbs.expect(asn1::INTEGER, "a serial number")?.content, ":");
        let signature = SignatureAlgorithm::parse(&tbs.next()?)?;
        let issuer = Name::parse(&tbs.expect(asn1::SEQUENCE, "the issuer's name")?)?;
        let mut validity = tbs.sequence("the validity")?;
        let (not_before, not_after) = (parse_time(&validity.next()?)?, parse_time(&validity.next()?)?);
        let subject = Name::parse(&tbs.expect(asn1::SEQUENCE, "the subject's name")?)?;
        let public_key = tbs.expect(asn1::SEQUENCE, "the public key")?;
        let key = KeyKind::parse(&public_key)?;
        tbs.optional(implicit(1))?;
        tbs.optional(implicit(2))?;
        let extensions = match tbs.optional(context(3))? {
            Some(wrapped) => Extensions::parse(wrapped.inside())?,
            None => Extensions::default(),
        };
        Ok(Self { subject, issuer, serial, not_before, not_after, key, signature, extensions, public_key: public_key.raw.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::testing;

    #[test]
    fn a_certificate_is_taken_apart() {
        let issued = testing::leaf(&["a.example.com", "*.b.example.com"]);
        let certificate = Certificate::from_der(&issued.der, Origin::default()).unwrap();
        assert_eq!(certificate.extensions.dns_names().collect::<Vec<_>>(), ["a.example.com", "*.b.example.com"]);
        assert!(!certificate.is_ca());
        assert!(!certificate.is_self_issued());
        assert_eq!(certificate.not_before.to_string(), "2026-09-01T00:00:00Z");
    }

    #[test]
    fn the_last_second_of_validity_counts() {
        let issued = testing::leaf(&["a.example.com"]);
        let certificate = Certificate::from_der(&issued.der, Origin::default()).unwrap();
        assert!(certificate.is_valid_at(certificate.not_after));
        assert!(!certificate.is_valid_at(certificate.not_after + jiff::SignedDuration::from_secs(1)));
        assert_eq!(certificate.days_left(certificate.not_after), 0);
        assert_eq!(certificate.days_left(certificate.not_after + jiff::SignedDuration::from_secs(1)), -1);
    }
}
