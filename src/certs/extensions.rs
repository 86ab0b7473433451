//! The extensions of a certificate that decide what it is good for (RFC 5280, 4.2).

use std::net::IpAddr;

use super::asn1::{self, Asn1Error, Element, Reader, context, implicit};
use super::certificate::SubjectName;
use super::name::{Name, printable};

/// Bits of keyUsage, by their place in RFC 5280, 4.2.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    const DIGITAL_SIGNATURE: u16 = 1 << 15;
    const CERTIFICATE_SIGN: u16 = 1 << 10;

    /// Whether the key may sign TLS handshakes.
    pub fn digital_signature(self) -> bool {
        self.0 & Self::DIGITAL_SIGNATURE != 0
    }

    /// Whether the key may sign certificates.
    pub fn certificate_sign(self) -> bool {
        self.0 & Self::CERTIFICATE_SIGN != 0
    }
}

/// What the extensions say. Absent ones are `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extensions {
    /// subjectAltName, in order.
    pub names: Vec<SubjectName>,
    /// basicConstraints: whether it is a CA.
    pub ca: Option<bool>,
    /// basicConstraints: how many intermediates may follow below it.
    pub path_length: Option<u64>,
    /// keyUsage.
    pub key_usage: Option<KeyUsage>,
    /// extendedKeyUsage, as dotted identifiers.
    pub purposes: Option<Vec<String>>,
    /// subjectKeyIdentifier.
    pub key_id: Option<Vec<u8>>,
    /// authorityKeyIdentifier: the issuer's key id.
    pub issuer_key_id: Option<Vec<u8>>,
    /// authorityInfoAccess, caIssuers: where the issuer's certificate can be had.
    pub issuer_urls: Vec<String>,
}

/// extendedKeyUsage of TLS servers (RFC 5280, 4.2.1.12).
pub const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";

impl Extensions {
    /// Reads the SEQUENCE of extensions; unknown ones are skipped.
    pub(crate) fn parse(mut wrapped: Reader<'_>) -> Result<Self, Asn1Error> {
        let mut list = wrapped.sequence("extensions")?;
        let mut extensions = Self::default();
        while !list.is_empty() {
            let mut one = list.sequence("an extension")?;
            let kind = one.oid()?;
            one.optional(asn1::BOOLEAN)?;
            let value = one.expect(asn1::OCTET_STRING, "an extension's value")?.inside();
            extensions.take(&kind, value)?;
        }
        Ok(extensions)
    }

    fn take(&mut self, kind: &str, mut value: Reader<'_>) -> Result<(), Asn1Error> {
        match kind {
            "2.5.29.17" => self.names = names(value.sequence("subjectAltName")?)?,
            "2.5.29.19" => {
                let mut constraints = value.sequence("basicConstraints")?;
                let ca = constraints.optional(asn1::BOOLEAN)?;
                self.ca = Some(ca.is_some_and(|flag| flag.content != [0]));
                self.path_length = constraints.optional(asn1::INTEGER)?.map(|number| number.number()).transpose()?;
            }
            "2.5.29.15" => {
                let bits = value.next()?.bits()?;
                let byte = |at: usize| u16::from(bits.get(at).copied().unwrap_or(0));
                self.key_usage = Some(KeyUsage(byte(0) << 8 | byte(1)));
            }
            "2.5.29.37" => {
                let mut list = value.sequence("extendedKeyUsage")?;
                let mut purposes = Vec::new();
                while !list.is_empty() {
                    purposes.push(list.oid()?);
                }
                self.purposes = Some(purposes);
            }
            "2.5.29.14" => self.key_id = Some(value.expect(asn1::OCTET_STRING, "subjectKeyIdentifier")?.content.to_vec()),
            "2.5.29.35" => {
                let mut authority = value.sequence("authorityKeyIdentifier")?;
                self.issuer_key_id = authority.optional(implicit(0))?.map(|id| id.content.to_vec());
            }
            "1.3.6.1.5.5.7.1.1" => self.issuer_urls = issuer_urls(value.sequence("authorityInfoAccess")?)?,
            _ => {}
        }
        Ok(())
    }

    /// The DNS names of subjectAltName, as written.
    pub fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter_map(|name| match name {
            SubjectName::Dns(name) => Some(name.as_str()),
            SubjectName::Ip(_) | SubjectName::Other(_) => None,
        })
    }

    /// A CA by basicConstraints, and not kept from signing certificates by keyUsage.
    pub fn may_sign_certificates(&self) -> bool {
        self.ca == Some(true) && self.key_usage.is_none_or(KeyUsage::certificate_sign)
    }
}

fn names(mut list: Reader<'_>) -> Result<Vec<SubjectName>, Asn1Error> {
    let mut names = Vec::new();
    while !list.is_empty() {
        names.push(name(&list.next()?));
    }
    Ok(names)
}

fn name(element: &Element<'_>) -> SubjectName {
    const EMAIL: u8 = implicit(1);
    const DNS: u8 = implicit(2);
    const DIRECTORY: u8 = context(4);
    const URI: u8 = implicit(6);
    const IP: u8 = implicit(7);
    let text = || printable(&String::from_utf8_lossy(element.content));
    match element.tag {
        DNS => SubjectName::Dns(text()),
        IP => ip(element.content).map_or_else(|| SubjectName::Other("a malformed address".to_owned()), SubjectName::Ip),
        EMAIL | URI => SubjectName::Other(text()),
        DIRECTORY => {
            let directory = element.inside().next().and_then(|name| Name::parse(&name));
            SubjectName::Other(directory.map_or_else(|_| "a directory name".to_owned(), |name| name.to_string()))
        }
        _ => SubjectName::Other("another kind of name".to_owned()),
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn issuer_urls(mut list: Reader<'_>) -> Result<Vec<String>, Asn1Error> {
    const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
    const URI: u8 = implicit(6);
    let mut urls = Vec::new();
    while !list.is_empty() {
        let mut access = list.sequence("an access description")?;
        let method = access.oid()?;
        let place = access.next()?;
        if method == CA_ISSUERS && place.tag == URI {
            urls.push(printable(&String::from_utf8_lossy(place.content)));
        }
    }
    Ok(urls)
}
