//! What a person should know about a served chain: each rule on its own, so that one mistake does not hide another.

use openssl::x509::X509;

use super::handshake::{Served, TlsProbeError};
use super::roots::Roots;
use super::verdict::{covers, day, is_self_issued, moment, parse, path, same, shown};
use super::{
    CHECKS, EXPIRED, EXPIRES_SOON, EXTRA, HANDSHAKE, INCOMPLETE, NAME_MISSING, NOT_YET_VALID, ORDER, OTHER, REFUSED, ROOT_INCLUDED,
    SELF_SIGNED, UNTRUSTED_ROOT, VERSION,
};
use crate::checks::spec::{Outcome, Tally, findings};
use crate::finding::Finding;

/// Days before the end at which a renewal should be under way.
const SOON: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// What should be served.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The certificate that was installed (DER), where it is at hand.
    pub leaf: Option<&'a [u8]>,
    /// The names it must cover.
    pub names: &'a [String],
    /// The roots that clients trust.
    pub roots: &'a Roots,
    /// The time at which it is judged.
    pub now: jiff::Timestamp,
}

/// The findings of a served chain; `subject` says which machine served it under which name.
pub fn review_served(subject: &str, served: &Served, expected: &Expected<'_>) -> Vec<Finding> {
    findings(&review(subject, served, expected))
}

/// Every check of this subject, for one probe of one machine.
pub fn outcomes(subject: &str, probed: &Result<Served, TlsProbeError>, expected: &Expected<'_>) -> Vec<Outcome> {
    let error = match probed {
        Ok(served) => return review(subject, served, expected),
        Err(error) => error,
    };
    let mut tally = Tally::of(subject);
    let spec = if matches!(error, TlsProbeError::OldVersionOnly) { &VERSION } else { &HANDSHAKE };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let fix = error.help().unwrap_or_else(|| "look at the server's error log at this moment".to_owned());
    tally.found(spec, format!("{error}{cause}"), fix);
    tally.complete(CHECKS, "no handshake came about")
}

fn review(subject: &str, served: &Served, expected: &Expected<'_>) -> Vec<Outcome> {
    let mut tally = Tally::of(subject);
    tally.passed(&HANDSHAKE, format!("{} {}", served.version, served.cipher));
    tally.passed(&VERSION, served.version.clone());
    let certificates = match parse(&served.chain) {
        Ok(certificates) => certificates,
        Err(unreadable) => {
            tally.found(&REFUSED, unreadable.to_string(), REINSTALL);
            return tally.complete(CHECKS, "a served certificate cannot be read");
        }
    };
    let Some((leaf, rest)) = certificates.split_first() else {
        tally.found(&REFUSED, "no certificate was served", REINSTALL);
        return tally.complete(CHECKS, "no certificate was served");
    };
    look_at_chain(&mut tally, leaf, rest, expected);
    look_at_dates(&mut tally, &certificates, expected.now);
    look_at_names(&mut tally, &served.chain, expected);
    look_at_identity(&mut tally, &served.chain, leaf, expected);
    look_at_verdict(&mut tally, served);
    tally.complete(CHECKS, "not looked at")
}

const REINSTALL: &str = "install the full chain again: `portcullis apply tls`";

fn look_at_chain(tally: &mut Tally, leaf: &X509, rest: &[X509], expected: &Expected<'_>) {
    let path = path(leaf, rest);
    let names: Vec<String> = path.iter().map(|certificate| shown(certificate.subject_name())).collect();
    let last = path.last().copied().unwrap_or(leaf);
    let ends_well = path.iter().any(|certificate| expected.roots.issued(certificate) || expected.roots.hold(certificate));
    if ends_well {
        tally.passed(&INCOMPLETE, names.join(" ← "));
        tally.passed(&UNTRUSTED_ROOT, format!("signed by {}", shown(last.issuer_name())));
    } else if is_self_issued(last) && path.len() > 1 {
        tally.passed(&INCOMPLETE, names.join(" ← "));
        let root = shown(last.subject_name());
        let fix =
            format!("use a certificate of a public CA; where {root} is your own CA, name its certificate under `tls.certificate.roots`");
        tally.found(&UNTRUSTED_ROOT, format!("the chain ends at {root}, which clients do not trust"), fix);
    } else if !is_self_issued(last) {
        let (stops, issuer) = (shown(last.subject_name()), shown(last.issuer_name()));
        let fix = format!("add the certificate of {issuer} to the bundle (the CA offers it for download), then `portcullis apply tls`");
        tally.found(&INCOMPLETE, format!("the chain stops at {stops}: its issuer {issuer} is not served"), fix);
        tally.evidence(&INCOMPLETE, names.join(" ← "));
        tally.could_not_run(&UNTRUSTED_ROOT, "the chain is incomplete");
    }
    look_at_form(tally, leaf, rest, &path);
}

fn look_at_form(tally: &mut Tally, leaf: &X509, rest: &[X509], path: &[&X509]) {
    let of_use = |certificate: &&X509| path.iter().any(|placed| same(placed, certificate));
    let used: Vec<&X509> = rest.iter().filter(of_use).collect();
    let in_order = used.iter().zip(path.iter().skip(1)).all(|(served, placed)| same(served, placed));
    if in_order {
        tally.passed(&ORDER, "leaf first, each followed by its issuer");
    } else {
        let order: Vec<String> = path.iter().map(|certificate| shown(certificate.subject_name())).collect();
        tally.found(&ORDER, "the certificates are not served in chain order", format!("serve them in this order: {}", order.join(", ")));
    }
    tally.passed(&EXTRA, format!("{} served", rest.len() + 1));
    for extra in rest.iter().filter(|certificate| !of_use(certificate)) {
        let name = shown(extra.subject_name());
        tally.found(&EXTRA, format!("{name} is served and of no use to the chain"), format!("take {name} out of the bundle"));
    }
    let root = path.iter().skip(1).find(|certificate| is_self_issued(certificate));
    match root {
        Some(root) => {
            let message = format!("the root {} is served; clients have it already", shown(root.subject_name()));
            tally.found(&ROOT_INCLUDED, message, "leave the root out; it costs each handshake some 1,000 bytes and does no other harm");
        }
        None => tally.passed(&ROOT_INCLUDED, "no root among the served certificates"),
    }
    if is_self_issued(leaf) {
        let message = format!("{} signed itself", shown(leaf.subject_name()));
        tally.found(&SELF_SIGNED, message, "order a certificate from a public CA: `portcullis cert csr --out-dir DIR` makes the request");
        tally.could_not_run(&INCOMPLETE, "the certificate is self-signed");
        tally.could_not_run(&UNTRUSTED_ROOT, "the certificate is self-signed");
    } else {
        tally.passed(&SELF_SIGNED, format!("signed by {}", shown(leaf.issuer_name())));
    }
}

fn look_at_dates(tally: &mut Tally, certificates: &[X509], now: jiff::Timestamp) {
    for (position, certificate) in certificates.iter().enumerate() {
        let name = shown(certificate.subject_name());
        let (begins, ends) = (moment(certificate.not_before()), moment(certificate.not_after()));
        if ends < now {
            let fix = if position == 0 { "renew the certificate and install it" } else { "get the CA's current intermediate certificate" };
            tally.found(&EXPIRED, format!("{name} expired on {}", day(ends)), format!("{fix}: `portcullis apply tls`"));
        } else {
            tally.passed(&EXPIRED, format!("{name} until {}", day(ends)));
        }
        if begins > now {
            let fix = "wait until then, or correct the clock of the machine that judged";
            tally.found(&NOT_YET_VALID, format!("{name} is valid from {} on", day(begins)), fix);
        } else {
            tally.passed(&NOT_YET_VALID, format!("{name} since {}", day(begins)));
        }
        if position == 0 && ends >= now && ends.duration_since(now) < SOON {
            let days = ends.duration_since(now).as_hours() / 24;
            tally.found(&EXPIRES_SOON, format!("{name} has {days} days left"), "renew it now: `portcullis cert csr --out-dir DIR`");
        }
    }
    tally.passed(&EXPIRES_SOON, "looked at");
}

fn look_at_names(tally: &mut Tally, chain: &[Vec<u8>], expected: &Expected<'_>) {
    let Some(leaf) = chain.first() else { return };
    if expected.names.is_empty() {
        return tally.not_applicable(&NAME_MISSING, "no name was asked for");
    }
    for name in expected.names {
        match covers(leaf, name) {
            Ok(()) => tally.passed(&NAME_MISSING, name.clone()),
            Err(reason) => {
                let fix = format!(
                    "order a certificate that also names {name}: `portcullis cert csr --out-dir DIR` asks for every name of the site"
                );
                tally.found(&NAME_MISSING, reason.to_string(), fix);
            }
        }
    }
}

fn look_at_identity(tally: &mut Tally, chain: &[Vec<u8>], leaf: &X509, expected: &Expected<'_>) {
    let Some(installed) = expected.leaf else {
        return tally.not_applicable(&OTHER, "no certificate to compare with was given");
    };
    let Some(served) = chain.first() else { return };
    if served == installed {
        return tally.passed(&OTHER, format!("SHA-256 {}", fingerprint(leaf)));
    }
    let wanted = X509::from_der(installed).map(|wanted| fingerprint(&wanted)).unwrap_or_default();
    let message = format!(
        "another certificate is served: {} (SHA-256 {}) instead of SHA-256 {wanted}",
        shown(leaf.subject_name()),
        fingerprint(leaf)
    );
    tally.found(&OTHER, message, "run `portcullis apply tls`; where a load balancer ends TLS, install the certificate there too");
}

/// The client's own verdict: what it refuses is never green, also where no rule above names the reason (a bad
/// signature, a CA that is none, a weak key).
fn look_at_verdict(tally: &mut Tally, served: &Served) {
    match &served.verified {
        Ok(()) => tally.passed(&REFUSED, "verified"),
        Err(named) if tally.has_errors() => tally.not_applicable(&REFUSED, format!("named by another check: {named}")),
        Err(reason) => tally.found(&REFUSED, reason.to_string(), REINSTALL),
    }
}

fn fingerprint(certificate: &X509) -> String {
    use std::fmt::Write as _;
    let digest = certificate.digest(openssl::hash::MessageDigest::sha256());
    digest.map_or_else(
        |_| "unknown".to_owned(),
        |digest| {
            digest.iter().take(8).fold(String::new(), |mut text, byte| {
                // Writing to a String cannot fail.
                let _infallible = write!(text, "{byte:02x}");
                text
            })
        },
    )
}
