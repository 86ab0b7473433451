//! The chain itself: holes, order, strangers, roots.

use std::collections::HashMap;
use std::sync::Arc;

use super::subject_of;
use crate::certs::certificate::{Certificate, hex};
use crate::certs::chain::{Chain, End, MissingIssuer};
use crate::certs::read::Bag;
use crate::certs::verdict::{PATH_VALIDATION, SECURITY_AND_ACCESS, TLS_ORDER, Verdict};
use crate::finding::Finding;

const INCOMPLETE: Verdict<'_> = Verdict::new("cert.chain.incomplete", SECURITY_AND_ACCESS);
const ORDER: Verdict<'_> = Verdict::new("cert.chain.order", TLS_ORDER);
const EXTRA: Verdict<'_> = Verdict::new("cert.chain.extra", TLS_ORDER);
const ROOT_INCLUDED: Verdict<'_> = Verdict::new("cert.chain.root-included", TLS_ORDER);
const SIGNATURE: Verdict<'_> = Verdict::new("cert.chain.signature", PATH_VALIDATION);
const NOT_A_CA: Verdict<'_> = Verdict::new("cert.chain.not-a-ca", PATH_VALIDATION);
const SELF_SIGNED: Verdict<'_> = Verdict::new("cert.self-signed", SECURITY_AND_ACCESS);
const UNTRUSTED_ROOT: Verdict<'_> = Verdict::new("cert.untrusted-root", SECURITY_AND_ACCESS);
/// More findings of one kind than this help nobody.
const SHOWN: usize = 20;
const DUPLICATE: Verdict<'_> = Verdict::new("cert.duplicate", TLS_ORDER);

pub(super) fn review(bag: &Bag, chain: &Chain, findings: &mut Vec<Finding>) {
    end(chain, findings);
    path_lengths(chain, findings);
    order(bag, chain, findings);
    extra(chain, findings);
    duplicates(bag, findings);
}

fn end(chain: &Chain, findings: &mut Vec<Finding>) {
    match &chain.end {
        End::Trusted { root, given: true, private } if *root != chain.leaf => {
            let whose = if *private { "the private root" } else { "the public root" };
            let message = format!("{whose} is among the files; clients have it already and servers need not send it");
            findings.push(ROOT_INCLUDED.info(&subject_of(root), message, "nothing needs to be done: `portcullis cert pfx` leaves it out"));
        }
        End::Trusted { .. } => {}
        End::UntrustedRoot { root } if *root == chain.leaf => {
            let message = "it is self-signed: it was made here and not issued by a CA, so that no client trusts it";
            findings.push(SELF_SIGNED.error(
                &subject_of(root),
                message,
                "order a certificate from a public CA: `portcullis cert csr` makes the request and the text for the order",
            ));
        }
        End::UntrustedRoot { root } => {
            let message = format!(
                "the chain ends at {}, which is not among Mozilla's roots: clients outside your network do not trust it",
                root.subject
            );
            let fix = "order the certificate from a public CA; if this is your own CA and that is intended, say so: `--root FILE` with this root, `tls.certificate.roots` in a site file";
            findings.push(UNTRUSTED_ROOT.error(&subject_of(root), message, fix));
        }
        End::Missing(missing) => findings.push(incomplete(missing)),
        End::NotSigned { missing, named } => not_signed(missing, named, findings),
        End::NotACa { signed, signer } => {
            let message = format!(
                "it signed {}, and it is no CA: its basicConstraints or key usage do not allow it to sign certificates",
                subject_of(signed)
            );
            let fix =
                "ask whoever issued the certificate to issue it with a CA certificate (basicConstraints CA:TRUE, key usage keyCertSign)";
            findings.push(NOT_A_CA.error(&subject_of(signer), message, fix));
        }
        End::Circle => {
            let message = "the CA certificates in the files sign each other in a circle, and none leads to a root";
            let fix = "ask the CA for the chain to its public root, or give the root of your own CA: `--root FILE`, `tls.certificate.roots` in a site file";
            findings.push(INCOMPLETE.error(&subject_of(&chain.leaf), message, fix));
        }
    }
}

fn incomplete(missing: &MissingIssuer) -> Finding {
    let message =
        format!("the chain has a hole: the certificate of its issuer {} (key id {}) is missing", missing.name, missing.key_id_text());
    let own = "if that is the root of your own CA, give it with `--root FILE` (`tls.certificate.roots` in a site file)";
    // Windows' CAs name their directory first, which nobody outside reaches.
    let fix = match (missing.url(), missing.urls.first()) {
        (Some(url), _) => format!("run the command again with `--fetch-missing`, or download it from {url} and give it too; {own}"),
        (None, Some(place)) => format!(
            "ask the CA for the intermediate certificate {} and give it too (the certificate names {place} for it, which is not fetched here); {own}",
            missing.name.short()
        ),
        (None, None) => format!("ask the CA for the intermediate certificate {} and give it too; {own}", missing.name.short()),
    };
    INCOMPLETE.error(&subject_of(&missing.wanted_by), message, fix)
}

fn not_signed(missing: &MissingIssuer, named: &[Arc<Certificate>], findings: &mut Vec<Finding>) {
    let mut another_key = true;
    for candidate in named {
        let ids = (&missing.key_id, &candidate.extensions.key_id);
        let why = match ids {
            (Some(wanted), Some(had)) if wanted != had => {
                format!("it is another of that name: its key id is {}, and {} is wanted", hex(had, ":"), hex(wanted, ":"))
            }
            _ => {
                another_key = false;
                "the signature does not verify: one of the two is damaged, forged, or from another CA of that name".to_owned()
            }
        };
        let message = format!("it has the name of the issuer of {}, but did not sign it; {why}", subject_of(&missing.wanted_by));
        let fix = "ask the CA for the intermediate that belongs to this certificate, and leave this one out";
        findings.push(SIGNATURE.error(&subject_of(candidate), message, fix));
    }
    if another_key {
        findings.push(incomplete(missing));
    }
}

/// basicConstraints may limit how many intermediates follow below; those that a CA issued to itself, to change its key,
/// do not count, nor does the last certificate (RFC 5280, 4.2.1.9).
fn path_lengths(chain: &Chain, findings: &mut Vec<Finding>) {
    let mut below = 0;
    for authority in chain.whole().skip(1) {
        if let Some(allowed) = authority.extensions.path_length.filter(|allowed| *allowed < below) {
            let message = format!("it allows {allowed} intermediates below it, and there are {below}");
            let fix = "ask the CA for a certificate from an intermediate that may issue it";
            findings.push(NOT_A_CA.error(&subject_of(authority), message, fix));
        }
        below += u64::from(!authority.is_self_issued());
    }
}

/// In each text file, whose order somebody chose, certificates should stand as servers send them.
fn order(bag: &Bag, chain: &Chain, findings: &mut Vec<Finding>) {
    let ranks: HashMap<[u8; 32], usize> = chain.whole().enumerate().map(|(rank, certificate)| (certificate.fingerprint, rank)).collect();
    for file in &bag.ordered_files {
        let placed = bag.certificates.iter().filter(|certificate| certificate.origin.file == *file);
        let found: Vec<(usize, &Arc<Certificate>)> =
            placed.filter_map(|one| ranks.get(&one.fingerprint).map(|rank| (*rank, one))).collect();
        let wrong = found.iter().zip(found.iter().skip(1)).find(|((first, _), (second, _))| first > second);
        if let Some(((_, early), (_, late))) = wrong {
            let message = format!(
                "{} stands before {}; servers such as nginx need the server's certificate first, then each one's issuer",
                subject_of(early),
                subject_of(late)
            );
            findings.push(ORDER.warning(file, message, "nothing for a PFX: `portcullis cert pfx` puts them in order; for use as PEM, put the blocks in the order that `portcullis cert inspect` shows"));
        }
    }
}

fn extra(chain: &Chain, findings: &mut Vec<Finding>) {
    // With a hole in it, what is of use above the hole cannot be known.
    if !chain.is_whole() {
        return;
    }
    for certificate in chain.extra.iter().take(SHOWN) {
        let twin = chain.whole().find(|used| {
            used.public_key_info() == certificate.public_key_info() && used.subject.canonical() == certificate.subject.canonical()
        });
        let message = twin.map_or_else(|| "it has no part in the chain".to_owned(), |twin| beside(certificate, twin, chain));
        findings.push(EXTRA.warning(&subject_of(certificate), message, "leave it out; `portcullis cert pfx` does"));
    }
    if let Some(more) = chain.extra.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        findings.push(EXTRA.warning(
            &subject_of(&chain.leaf),
            format!("{more} more certificates have no part in the chain"),
            "leave them out; `portcullis cert pfx` does",
        ));
    }
}

/// What a certificate is that has name and key of another, which is in the chain.
fn beside(certificate: &Certificate, used: &Arc<Certificate>, chain: &Chain) -> String {
    if *used == chain.leaf {
        return "an older or newer certificate for the same key; it is not used".to_owned();
    }
    if certificate.issuer.canonical() != used.issuer.canonical() {
        let by = certificate.issuer.short();
        return format!("a cross-sign of a CA in the chain, by {by}: there is a shorter or better way to a trusted root");
    }
    let age = if certificate.not_after < used.not_after { "an older" } else { "another" };
    let what =
        if certificate.is_self_issued() { "self-signed certificate of the root" } else { "certificate of the same CA, by the same issuer" };
    let ends = certificate.not_after.strftime("%F");
    format!("{age} {what}, valid to {ends}: the chain has the one of {}, valid to {}", used.origin, used.not_after.strftime("%F"))
}

fn duplicates(bag: &Bag, findings: &mut Vec<Finding>) {
    let mut first: HashMap<[u8; 32], &Arc<Certificate>> = HashMap::new();
    let mut repeated = Vec::new();
    for certificate in &bag.certificates {
        if let Some(earlier) = first.get(&certificate.fingerprint) {
            repeated.push((certificate, *earlier));
        } else {
            first.insert(certificate.fingerprint, certificate);
        }
    }
    for (certificate, earlier) in repeated.iter().take(SHOWN) {
        let message = format!("it is there already, in {}", earlier.origin);
        findings.push(DUPLICATE.warning(&subject_of(certificate), message, "leave one of the two out; `portcullis cert pfx` does"));
    }
}
