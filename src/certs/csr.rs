//! Asking for a certificate: a new key, a signing request with every name, and the text that says what to order.

use std::net::IpAddr;

use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509NameBuilder, X509Req};

use super::certificate::Origin;
use super::key::{Key, KeyError};
use super::review::host_name;

/// What kind of key to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyType {
    /// RSA with 3072 bits: good beyond 2030 (NIST SP 800-57), and the only kind that the appliance's documents name.
    #[default]
    Rsa3072,
    /// ECDSA on P-256: smaller and faster; for what is not the appliance.
    EcdsaP256,
}

impl KeyType {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa3072 => "RSA 3072",
            Self::EcdsaP256 => "ECDSA P-256",
        }
    }
}

/// Why no request was made.
#[derive(Debug, thiserror::Error)]
pub enum CsrError {
    /// A certificate without names is of no use.
    #[error("there is no name to ask a certificate for")]
    NoNames,
    /// Neither a DNS name nor an address.
    #[error("{name} is neither a DNS name that a CA certifies nor an IP address")]
    BadName {
        /// The text.
        name: String,
    },
    /// OpenSSL failed.
    #[error("OpenSSL could not make the request")]
    Crypto(#[from] ErrorStack),
    /// The new key cannot be used.
    #[error("the new key cannot be used")]
    Key(#[from] KeyError),
}

impl CsrError {
    /// What to do next.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoNames => "name them (`--name DNS`, as often as needed), or give the site file (`--site FILE`)",
            Self::BadName { .. } => "write it as `host.example.com`, `*.example.com` or `192.0.2.1`, without scheme, port or path",
            Self::Crypto(_) | Self::Key(_) => "try again; if it stays so, please report it",
        }
    }
}

/// A request and the key that belongs to it.
#[derive(Debug)]
pub struct Request {
    /// The new private key.
    pub key: Key,
    /// The request, PEM.
    pub pem: String,
    /// The names in it, as certificates hold them.
    pub names: Vec<String>,
}

/// Makes a key and a request for `names`, which may be wildcards and may be in Unicode.
pub fn make_request(names: &[String], key_type: KeyType) -> Result<Request, CsrError> {
    let mut plain: Vec<String> = Vec::new();
    for name in names {
        let name = certifiable(name)?;
        if !plain.contains(&name) {
            plain.push(name);
        }
    }
    let is_address = |name: &&String| name.parse::<IpAddr>().is_ok();
    let first = plain.iter().find(|name| !is_address(name)).or(plain.first()).ok_or(CsrError::NoNames)?;
    let private = new_key(key_type)?;
    let mut subject = X509NameBuilder::new()?;
    // Order forms want a common name; it holds 64 characters at most (RFC 5280, appendix A), and no client looks at it.
    if first.len() <= 64 {
        subject.append_entry_by_nid(Nid::COMMONNAME, first)?;
    }
    let subject = subject.build();
    let mut builder = X509Req::builder()?;
    builder.set_version(0)?;
    builder.set_subject_name(&subject)?;
    builder.set_pubkey(&private)?;
    let mut extensions = Stack::new()?;
    let mut alternative = SubjectAlternativeName::new();
    for name in &plain {
        if is_address(&name) {
            alternative.ip(name)
        } else {
            alternative.dns(name)
        };
    }
    extensions.push(alternative.build(&builder.x509v3_context(None))?)?;
    builder.add_extensions(&extensions)?;
    builder.sign(&private, MessageDigest::sha256())?;
    let pem = super::read::pem_block("CERTIFICATE REQUEST", &builder.build().to_der()?);
    Ok(Request { key: Key::from_openssl(private, Origin::default())?, pem, names: plain })
}

/// A name as a certificate holds it. No CA certifies names of one label or with underscores.
fn certifiable(name: &str) -> Result<String, CsrError> {
    let sound = |plain: &String| plain.parse::<IpAddr>().is_ok() || (plain.contains('.') && !plain.contains('_'));
    host_name(name).filter(sound).ok_or_else(|| CsrError::BadName { name: name.to_owned() })
}

/// Addresses among these names that no public CA may certify (CA/Browser Forum Baseline Requirements, 7.1.2.7.12: none
/// that IANA has reserved): those of private networks, of this machine and this link.
pub fn reserved_addresses(names: &[String]) -> Vec<IpAddr> {
    let reserved = |address: &IpAddr| match address {
        IpAddr::V4(four) => four.is_private() || four.is_loopback() || four.is_link_local() || four.is_unspecified(),
        IpAddr::V6(six) => six.is_unique_local() || six.is_unicast_link_local() || six.is_loopback() || six.is_unspecified(),
    };
    names.iter().filter_map(|name| name.parse().ok()).filter(reserved).collect()
}

fn new_key(key_type: KeyType) -> Result<PKey<Private>, ErrorStack> {
    match key_type {
        KeyType::Rsa3072 => PKey::from_rsa(Rsa::generate(3072)?),
        KeyType::EcdsaP256 => {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
            PKey::from_ec_key(EcKey::generate(&group)?)
        }
    }
}

/// The text for whoever orders certificates: the network security team, as the requirement document has it.
pub fn order_text(site: Option<&str>, names: &[String], key_type: KeyType, request_file: &str) -> String {
    let environment = site.map_or_else(String::new, |site| format!(" for the environment \"{site}\""));
    let list: String = names.iter().map(|name| format!("      - {name}\n")).collect::<Vec<_>>().concat();
    format!(
        "Please order one TLS server certificate{environment}.

What to order
  - Type: TLS server certificate (DV or OV), for one environment alone; each
    environment has its own.
  - CA: a public certificate authority. Self-signed and private ones are not
    accepted.
  - Request: the attached file {request_file} (key: {key}), used as it is;
    the private key stays with us.
  - Names: all of these must be in the certificate as subject alternative
    names (SAN):
{list}  - Signature: SHA-256 or better.
  - Purpose: server authentication (extended key usage serverAuth).
  - Validity: as long as the CA may: 200 days where issued before 2027-03-15,
    100 days after that.

What to send back
  - The certificate and all intermediate certificates, as PEM, P7B or DER; the
    order does not matter.
  - No private key and no password: we have the key, and make the PFX ourselves.

A wildcard covers one label only: *.example.com covers a.example.com, not
a.b.example.com and not example.com.
",
        key = key_type.name(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_request_holds_every_name_once_and_is_signed_by_its_key() {
        let wanted = names(&["manage.example.com", "*.example.com", "bücher.example.com", "MANAGE.example.com"]);
        let request = make_request(&wanted, KeyType::EcdsaP256).unwrap();
        assert_eq!(request.names, ["manage.example.com", "*.example.com", "xn--bcher-kva.example.com"]);
        let parsed = X509Req::from_pem(request.pem.as_bytes()).unwrap();
        assert!(parsed.verify(request.key.private()).unwrap());
        let text = String::from_utf8(parsed.to_text().unwrap()).unwrap();
        assert!(text.contains("DNS:manage.example.com, DNS:*.example.com, DNS:xn--bcher-kva.example.com"), "{text}");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["https://a.example.com", "a_b.example.com", "a.example.com:443", "10.0.0.256", "host", "", "a..b.com", "*.*.b.com"] {
            let error = make_request(&names(&[name]), KeyType::EcdsaP256).unwrap_err();
            assert!(matches!(error, CsrError::BadName { .. }), "{name}");
        }
        assert!(matches!(make_request(&[], KeyType::EcdsaP256), Err(CsrError::NoNames)));
    }

    #[test]
    fn an_address_is_asked_for_as_one_and_the_reserved_are_known() {
        let request = make_request(&names(&["192.0.2.7", "a.example.com", "fd00::1"]), KeyType::EcdsaP256).unwrap();
        let text = X509Req::from_pem(request.pem.as_bytes()).unwrap().to_text().unwrap();
        let text = String::from_utf8(text).unwrap().replace(" = ", "=");
        for part in ["CN=a.example.com", "IP Address:192.0.2.7, DNS:a.example.com, IP Address:FD00:0:0:0:0:0:0:1"] {
            assert!(text.contains(part), "{text}");
        }
        let reserved = reserved_addresses(&names(&["10.0.0.1", "203.0.113.9", "a.example.com", "fd00::1", "::1"]));
        assert_eq!(reserved.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1", "fd00::1", "::1"]);
    }

    #[test]
    fn the_order_names_everything() {
        let text = order_text(Some("prod"), &names(&["a.example.com"]), KeyType::Rsa3072, "prod.csr");
        for part in ["\"prod\"", "  - a.example.com\n", "RSA 3072", "prod.csr"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
