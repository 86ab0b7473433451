//! The private key and the strength of keys and signatures.

use super::{Demands, subject_of};
use crate::certs::algorithm::KeyKind;
use crate::certs::chain::Chain;
use crate::certs::read::Bag;
use crate::certs::verdict::{BASELINE, SECURITY_AND_ACCESS, Verdict};
use crate::finding::{Finding, Severity};

const MISMATCH: Verdict<'_> = Verdict::new("cert.key.mismatch", SECURITY_AND_ACCESS);
const MISSING: Verdict<'_> = Verdict::new("cert.key.missing", SECURITY_AND_ACCESS);
const WEAK: Verdict<'_> = Verdict::new("cert.key.weak", BASELINE);
const WEAK_SIGNATURE: Verdict<'_> = Verdict::new("cert.signature.weak", BASELINE);
const CURVE: Verdict<'_> = Verdict::new("cert.key.type", "Mozilla Root Store Policy, 5.1: RSA, P-256 and P-384");
const KIND: Verdict<'_> = Verdict::new("cert.key.type", "Appliance settings: RSA is the only kind of key that is named");

pub(super) fn review(bag: &Bag, chain: &Chain, demands: &Demands<'_>, findings: &mut Vec<Finding>) {
    private_key(bag, chain, demands.key, findings);
    for certificate in chain.whole() {
        if let Some(weakness) = certificate.key.weakness() {
            let fix =
                "make a new key and ask for a new certificate: `portcullis cert csr`; for a CA's own key, ask the CA for its current chain";
            findings.push(WEAK.error(&subject_of(certificate), format!("its key is weak: {weakness}"), fix));
        }
    }
    // A root's own signature proves nothing, so that its kind does not matter.
    for certificate in chain.served().filter(|certificate| chain.root() != Some(certificate)) {
        if let Some(weakness) = certificate.signature.weakness {
            let message = format!("it is signed by {}: {weakness}", certificate.signature.name);
            findings.push(WEAK_SIGNATURE.error(
                &subject_of(certificate),
                message,
                "ask the CA to issue it again, signed with SHA-256 or better",
            ));
        }
    }
    kind(chain, demands, findings);
}

fn private_key(bag: &Bag, chain: &Chain, demanded: bool, findings: &mut Vec<Finding>) {
    if chain.key.is_some() {
        // Whatever else is locked is not needed for this certificate.
        for locked in findings.iter_mut().filter(|finding| finding.id == "cert.key.encrypted") {
            locked.severity = Severity::Warning;
            locked.message.push_str("; the certificate's own key was found without it");
            locked.fix = format!("nothing needs to be done for this certificate; to read it nevertheless, {}", locked.fix);
        }
        return;
    }
    let leaf = subject_of(&chain.leaf);
    if let [first, ..] = bag.keys.as_slice() {
        let others = bag.keys.len() - 1;
        let others = if others == 0 { String::new() } else { format!(", nor do the {others} others") };
        let message = format!(
            "the private key in {} ({}) does not belong to it (its own key is {}){others}",
            first.origin, first.kind, chain.leaf.key
        );
        let owner = bag.certificates.iter().find(|certificate| first.fits(certificate));
        let fix = owner.map_or_else(
            || "give the key from which this certificate's signing request was made; if it is lost, make a new one and ask the CA to issue the certificate again: `portcullis cert csr`".to_owned(),
            |owner| format!("the key belongs to {}: give that certificate's files, or this one's key", subject_of(owner)),
        );
        findings.push(MISMATCH.error(&leaf, message, fix));
    } else if demanded && bag.unread_keys == 0 {
        let fix = "give the key that was made together with the signing request: `--key FILE`; a CA never has it and cannot send it";
        findings.push(MISSING.error(&leaf, "its private key is not in any of the files", fix));
    }
}

fn kind(chain: &Chain, demands: &Demands<'_>, findings: &mut Vec<Finding>) {
    let fix = "ask for a certificate with an RSA key: `portcullis cert csr --key-type rsa-3072`";
    match &chain.leaf.key {
        KeyKind::Ed25519 | KeyKind::Ed448 => {
            let message = format!(
                "its key is {}: no public CA issues such certificates, browsers refuse them, and Windows and NSS cannot import the key",
                chain.leaf.key
            );
            findings.push(KIND.warning(&subject_of(&chain.leaf), message, fix));
        }
        KeyKind::Ec { curve } if curve == "P-521" => {
            let message = "its key is ECDSA P-521: Mozilla's policy allows public CAs P-256 and P-384 alone, so that none issues it, and clients need not know it".to_owned();
            findings.push(CURVE.warning(&subject_of(&chain.leaf), message, fix));
        }
        KeyKind::Ec { .. } if demands.appliance => {
            let message = format!("its key is {}; it should work, but the appliance's documents name RSA alone", chain.leaf.key);
            findings.push(KIND.info(&subject_of(&chain.leaf), message, fix));
        }
        KeyKind::Ec { .. } | KeyKind::Rsa { .. } | KeyKind::Other(_) => {}
    }
}
