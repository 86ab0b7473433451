//! TLS as it is served, by each node and by the load balancer: what a client meets, name by name.

use super::{CheckSpec, Moment, Team, Vantage};
use crate::finding::Severity;

const fn spec(id: &'static str, title: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, "Security and Access: certificates").at(Vantage::Jumphost).ask(Team::Certificates).when(Moment::After)
}

/// Port 443.
pub static TCP: CheckSpec = spec("tls.tcp", "The node accepts users' connections")
    .at(Vantage::Jumphost)
    .mend("`portcullis apply tls`, then see that the service runs");
/// A TLS handshake comes about.
pub static HANDSHAKE: CheckSpec =
    spec("tls.handshake", "A TLS handshake comes about").mend("see that the service runs and expects TLS on this port");
/// TLS 1.2 or later.
pub static VERSION: CheckSpec = spec("tls.version.old", "TLS 1.2 or later is spoken").mend("switch TLS 1.2 and 1.3 on");
/// All intermediates are served.
pub static INCOMPLETE: CheckSpec = spec("tls.served.chain-incomplete", "The served chain leads to a trusted root")
    .mend("serve the intermediates too: `portcullis apply tls` installs the whole chain");
/// Leaf first, then each one's issuer (RFC 5246, 7.4.2).
pub static ORDER: CheckSpec = spec("tls.served.order", "The chain is served leaf first, each followed by its issuer")
    .of(Severity::Warning)
    .mend("serve the leaf first, each followed by its issuer");
/// Nothing superfluous.
pub static EXTRA: CheckSpec = spec("tls.served.extra", "No certificate is served that is of no use to the chain")
    .of(Severity::Warning)
    .mend("leave the certificate out of what is served");
/// The root stays at home.
pub static ROOT_INCLUDED: CheckSpec =
    spec("tls.served.root-included", "The root is not served").of(Severity::Info).mend("leave the root out of what is served");
/// The chain ends at a root that clients know.
pub static UNTRUSTED_ROOT: CheckSpec =
    spec("tls.served.untrusted-root", "The chain ends at a root that clients trust").mend("serve a certificate of a public CA");
/// Not self-signed.
pub static SELF_SIGNED: CheckSpec =
    spec("tls.served.self-signed", "The served certificate is not self-signed").mend("serve a certificate of a public CA");
/// Every name of the site is covered.
pub static NAME_MISSING: CheckSpec = spec("tls.served.name-missing", "The served certificate covers every name of the site")
    .mend("serve a certificate that holds every name");
/// Not expired.
pub static EXPIRED: CheckSpec = spec("tls.served.expired", "No certificate of the served chain has expired")
    .mend("install the renewed certificate: `portcullis apply rotate-tls`");
/// Valid already.
pub static NOT_YET_VALID: CheckSpec =
    spec("tls.served.not-yet-valid", "The served certificates are valid already").mend("wait, or see that the clock is right");
/// Valid for another month.
pub static EXPIRES_SOON: CheckSpec = spec("tls.served.expires-soon", "The served certificate is valid for 30 more days")
    .of(Severity::Warning)
    .mend("renew it now, and agree on a window for its installation");
/// The one that was installed.
pub static OTHER: CheckSpec = spec("tls.served.other-certificate", "The served certificate is the one of the site file")
    .mend("`portcullis apply tls`; then see that the service has been reloaded");
/// Whatever else makes a client refuse the chain.
pub static REFUSED: CheckSpec =
    spec("tls.served.refused", "A client's verification accepts the served chain").mend("have the certificate issued again");

/// All checks of this subject.
pub static CHECKS: &[&CheckSpec] = &[
    &TCP,
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
/// Those of a handshake: all but the first, which needs none.
pub static HANDSHAKES: &[&CheckSpec] = CHECKS.split_at(1).1;
