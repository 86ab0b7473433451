//! Whether a client would trust a served chain for a name, and if not, the one reason that a person can act on.
//!
//! OpenSSL builds and verifies (it says at which depth it stopped); names are matched by the webpki rules, which say what was presented.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::{X509, X509NameRef, X509Ref, X509StoreContext, X509VerifyResult};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use super::roots::Roots;

/// Why a client would not trust what was served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// The server sent no certificate.
    #[error("no certificate was served")]
    NoCertificate,
    /// A served certificate cannot be read.
    #[error("served certificate {} cannot be read", .position + 1)]
    Unreadable {
        /// Its place in the served order, from 0.
        position: usize,
    },
    /// The leaf is not for this name.
    #[error("the certificate is not for {expected}; it names {}", list(.presented))]
    NameMissing {
        /// The name the client asked for.
        expected: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// A certificate of the chain has expired.
    #[error("{subject} expired on {}", day(*.ended))]
    Expired {
        /// Whose.
        subject: String,
        /// When.
        ended: jiff::Timestamp,
    },
    /// A certificate of the chain is not valid yet.
    #[error("{subject} is valid from {} on", day(*.begins))]
    NotYetValid {
        /// Whose.
        subject: String,
        /// When.
        begins: jiff::Timestamp,
    },
    /// The leaf signed itself.
    #[error("{subject} is self-signed")]
    SelfSigned {
        /// Whose.
        subject: String,
    },
    /// An issuer is neither served nor a trusted root.
    #[error("the chain stops at {subject}: its issuer {issuer} is not served and no trusted root")]
    ChainIncomplete {
        /// The last certificate that could be placed.
        subject: String,
        /// Who signed it.
        issuer: String,
    },
    /// The chain is whole and ends at a root that is not trusted.
    #[error("the chain ends at {root}, which is no trusted root")]
    UntrustedRoot {
        /// That root.
        root: String,
    },
    /// What else OpenSSL objects to.
    #[error("{subject}: {reason}")]
    Refused {
        /// Whose certificate.
        subject: String,
        /// OpenSSL's words.
        reason: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

pub(super) fn day(moment: jiff::Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Whether a client that trusts `roots` accepts `chain` (DER, as served, leaf first) for `name` at `now`.
pub fn judge(chain: &[Vec<u8>], name: &str, roots: &Roots, now: jiff::Timestamp) -> Result<(), Distrust> {
    let certificates = parse(chain)?;
    let (leaf, rest) = certificates.split_first().ok_or(Distrust::NoCertificate)?;
    verify(leaf, rest, roots, now)?;
    covers(chain.first().ok_or(Distrust::NoCertificate)?, name)
}

/// Whether the certificate (DER) is valid for `name`: a DNS name, a wildcard of the site, or an address.
pub fn covers(leaf: &[u8], name: &str) -> Result<(), Distrust> {
    let der = CertificateDer::from(leaf);
    let presented = presented_names(leaf);
    let missing = |presented: Vec<String>| Distrust::NameMissing { expected: name.to_owned(), presented };
    if name.starts_with("*.") {
        // A client never asks for a wildcard: the site means all names under it, which only the same wildcard covers.
        let covered = presented.iter().any(|other| other.eq_ignore_ascii_case(name));
        return if covered { Ok(()) } else { Err(missing(presented)) };
    }
    let Ok(certificate) = ParsedCertificate::try_from(&der) else { return Err(Distrust::Unreadable { position: 0 }) };
    let wanted = idna::domain_to_ascii(name).unwrap_or_else(|_| name.to_owned());
    let Ok(wanted) = ServerName::try_from(wanted) else { return Err(missing(presented)) };
    if verify_server_name(&certificate, &wanted).is_ok() { Ok(()) } else { Err(missing(presented)) }
}

/// Who signed the last certificate of a served chain: on an intercepted connection, the proxy's CA.
pub fn top_issuer(chain: &[Vec<u8>]) -> Option<String> {
    let last = X509::from_der(chain.last()?).ok()?;
    Some(shown(last.issuer_name()))
}

pub(super) fn parse(chain: &[Vec<u8>]) -> Result<Vec<X509>, Distrust> {
    let read = |(position, der): (usize, &Vec<u8>)| X509::from_der(der).map_err(|_reason| Distrust::Unreadable { position });
    chain.iter().enumerate().map(read).collect()
}

/// The names in a certificate (DER).
pub fn presented_names(leaf: &[u8]) -> Vec<String> {
    let Ok(leaf) = X509::from_der(leaf) else { return Vec::new() };
    let names = leaf.subject_alt_names();
    names.iter().flatten().filter_map(|name| name.dnsname().map(str::to_owned).or_else(|| name.ipaddress().map(address))).collect()
}

fn address(octets: &[u8]) -> String {
    let v4 = <[u8; 4]>::try_from(octets).map(|octets| std::net::Ipv4Addr::from(octets).to_string());
    let v6 = || <[u8; 16]>::try_from(octets).map(|octets| std::net::Ipv6Addr::from(octets).to_string());
    v4.or_else(|_| v6()).unwrap_or_default()
}

fn verify(leaf: &X509, rest: &[X509], roots: &Roots, now: jiff::Timestamp) -> Result<(), Distrust> {
    let outcome = run_openssl(leaf, rest, roots, now);
    let objected = match outcome {
        Ok(None) => return Ok(()),
        Ok(Some(objected)) => objected,
        Err(error) => return Err(Distrust::Refused { subject: shown(leaf.subject_name()), reason: error.to_string() }),
    };
    Err(explain(&objected, leaf, rest, roots))
}

/// What OpenSSL stopped at.
struct Objection {
    code: X509VerifyResult,
    at: Option<X509>,
}

fn run_openssl(leaf: &X509, rest: &[X509], roots: &Roots, now: jiff::Timestamp) -> Result<Option<Objection>, ErrorStack> {
    let store = roots.store(now)?;
    let mut served = Stack::new()?;
    for certificate in rest {
        served.push(certificate.clone())?;
    }
    X509StoreContext::new()?.init(&store, leaf, &served, |context| {
        let trusted = context.verify_cert()?;
        let at = || context.current_cert().map(ToOwned::to_owned);
        Ok(if trusted { None } else { Some(Objection { code: context.error(), at: at() }) })
    })
}

/// Turns OpenSSL's code (`x509_vfy.h`) into the reason that a person can act on.
fn explain(objected: &Objection, leaf: &X509, rest: &[X509], roots: &Roots) -> Distrust {
    let at = objected.at.as_ref().unwrap_or(leaf);
    let subject = shown(at.subject_name());
    match objected.code.as_raw() {
        10 => Distrust::Expired { subject, ended: moment(at.not_after()) },
        9 => Distrust::NotYetValid { subject, begins: moment(at.not_before()) },
        18 => Distrust::SelfSigned { subject },
        19 => Distrust::UntrustedRoot { root: subject },
        2 | 20 | 21 => {
            let path = path(leaf, rest);
            let last = path.last().copied().unwrap_or(leaf);
            if is_self_issued(last) && !roots.hold(last) {
                return Distrust::UntrustedRoot { root: shown(last.subject_name()) };
            }
            Distrust::ChainIncomplete { subject: shown(last.subject_name()), issuer: shown(last.issuer_name()) }
        }
        _ => Distrust::Refused { subject, reason: objected.code.error_string().to_owned() },
    }
}

/// The certificates from the leaf upwards, as far as the served ones lead, whatever their order.
pub(super) fn path<'a>(leaf: &'a X509, rest: &'a [X509]) -> Vec<&'a X509> {
    let mut path = vec![leaf];
    while let Some(last) = path.last().copied().filter(|last| !is_self_issued(last)) {
        let next = rest.iter().find(|other| other.issued(last) == X509VerifyResult::OK && !path.iter().any(|seen| same(seen, other)));
        match next {
            Some(next) => path.push(next),
            None => break,
        }
    }
    path
}

pub(super) fn same(one: &X509, other: &X509) -> bool {
    one.to_der().ok() == other.to_der().ok()
}

pub(super) fn is_self_issued(certificate: &X509Ref) -> bool {
    certificate.issued(certificate) == X509VerifyResult::OK
}

/// A name as a person would call it: the common name, or all there is.
pub(super) fn shown(name: &X509NameRef) -> String {
    let text = |entry: &openssl::x509::X509NameEntryRef| {
        let value = entry.data().to_string().unwrap_or_default();
        entry.object().nid().short_name().map_or(value.clone(), |kind| format!("{kind}={value}"))
    };
    let common = name.entries_by_nid(openssl::nid::Nid::COMMONNAME).next().map(text);
    common.unwrap_or_else(|| {
        let all: Vec<String> = name.entries().map(text).collect();
        if all.is_empty() { "a certificate without a subject".to_owned() } else { all.join(", ") }
    })
}

/// A certificate's time. One that cannot be read counts as the beginning of time: expired, never valid.
pub(super) fn moment(time: &Asn1TimeRef) -> jiff::Timestamp {
    let epoch = Asn1Time::from_unix(0);
    let seconds = epoch.and_then(|epoch| epoch.diff(time)).map(|diff| i64::from(diff.days) * 86_400 + i64::from(diff.secs));
    seconds.ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()).unwrap_or(jiff::Timestamp::MIN)
}
