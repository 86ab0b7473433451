//! TLS as a client of the appliance meets it: one handshake for each name, the chain recorded as it was
//! served, and judged from what was served alone, the way a client without a cache must.

mod handshake;
mod review;
mod roots;
mod verdict;

pub use handshake::{Hello, Served, TlsProbeError, danger_handshake, probe};
pub use review::{Expected, outcomes, review_served};
pub use roots::{Roots, RootsError};
pub use verdict::{Distrust, covers, judge, top_issuer};

use super::spec::{CheckSpec, Vantage};
use crate::finding::Severity;

const SOURCE: &str = "Security and Access: certificates";

const fn spec(id: &'static str, title: &'static str, severity: Severity) -> CheckSpec {
    CheckSpec { id, title, source: SOURCE, severity, vantage: Vantage::Here }
}

/// A TLS handshake comes about.
pub static HANDSHAKE: CheckSpec = spec("tls.handshake", "A TLS handshake comes about", Severity::Error);
/// TLS 1.2 or later.
pub static VERSION: CheckSpec = spec("tls.version.old", "TLS 1.2 or later is spoken", Severity::Error);
/// All intermediates are served.
pub static INCOMPLETE: CheckSpec = spec("tls.served.chain-incomplete", "The served chain leads to a trusted root", Severity::Error);
/// Leaf first, then each one's issuer (RFC 5246, 7.4.2).
pub static ORDER: CheckSpec = spec("tls.served.order", "The chain is served leaf first, each followed by its issuer", Severity::Warning);
/// Nothing superfluous.
pub static EXTRA: CheckSpec = spec("tls.served.extra", "No certificate is served that is of no use to the chain", Severity::Warning);
/// The root stays at home.
pub static ROOT_INCLUDED: CheckSpec = spec("tls.served.root-included", "The root is not served", Severity::Info);
/// The chain ends at a root that clients know.
pub static UNTRUSTED_ROOT: CheckSpec = spec("tls.served.untrusted-root", "The chain ends at a root that clients trust", Severity::Error);
/// Not self-signed.
pub static SELF_SIGNED: CheckSpec = spec("tls.served.self-signed", "The served certificate is not self-signed", Severity::Error);
/// Every name of the site is covered.
pub static NAME_MISSING: CheckSpec =
    spec("tls.served.name-missing", "The served certificate covers every name of the site", Severity::Error);
/// Not expired.
pub static EXPIRED: CheckSpec = spec("tls.served.expired", "No certificate of the served chain has expired", Severity::Error);
/// Valid already.
pub static NOT_YET_VALID: CheckSpec = spec("tls.served.not-yet-valid", "The served certificates are valid already", Severity::Error);
/// Valid for another month.
pub static EXPIRES_SOON: CheckSpec = spec("tls.served.expires-soon", "The served certificate is valid for 30 more days", Severity::Warning);
/// The one that was installed.
pub static OTHER: CheckSpec = spec("tls.served.other-certificate", "The served certificate is the one of the site file", Severity::Error);
/// Whatever else makes a client refuse the chain.
pub static REFUSED: CheckSpec = spec("tls.served.refused", "A client's verification accepts the served chain", Severity::Error);

/// All checks of this subject.
pub static CHECKS: &[&CheckSpec] = &[
    &HANDSHAKE,
    &VERSION,
    &INCOMPLETE,
    &ORDER,
    &EXTRA,
    &ROOT_INCLUDED,
    &UNTRUSTED_ROOT,
    &SELF_SIGNED,
    &NAME_MISSING,
    &EXPIRED,
    &NOT_YET_VALID,
    &EXPIRES_SOON,
    &OTHER,
    &REFUSED,
];
