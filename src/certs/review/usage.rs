//! What the certificate may be used for, and where else it is used.

use super::{Demands, subject_of};
use crate::certs::algorithm::KeyKind;
use crate::certs::certificate::Certificate;
use crate::certs::chain::Chain;
use crate::certs::extensions::SERVER_AUTH;
use crate::certs::verdict::{BASELINE, PATH_VALIDATION, SECURITY_AND_ACCESS, Verdict};
use crate::finding::Finding;

const NO_SERVER_AUTH: Verdict<'_> = Verdict::new("cert.usage.no-server-auth", PATH_VALIDATION);
const CA: Verdict<'_> = Verdict::new("cert.usage.ca", BASELINE);
const SHARED: Verdict<'_> = Verdict::new("cert.shared", SECURITY_AND_ACCESS);
const ANY_PURPOSE: &str = "2.5.29.37.0";

pub(super) fn review(chain: &Chain, demands: &Demands<'_>, findings: &mut Vec<Finding>) {
    for certificate in chain.served() {
        let is_leaf = *certificate == chain.leaf;
        if let Some(reason) = no_server(certificate, is_leaf) {
            let fix = if is_leaf {
                "ask the CA for a TLS server certificate (extended key usage serverAuth, key usage digitalSignature)"
            } else {
                "ask the CA which of its intermediates issues TLS server certificates, and for a certificate from that one"
            };
            findings.push(NO_SERVER_AUTH.error(&subject_of(certificate), reason, fix));
        }
    }
    // One that nobody else signed is told of as such.
    if chain.leaf.extensions.ca == Some(true) && chain.root() != Some(&chain.leaf) {
        let message = "it is the server's and a CA's at once (basicConstraints CA:TRUE): whoever has its key can issue certificates for any name, and public CAs may not issue such ones to servers";
        let fix = "ask the CA for a server certificate (basicConstraints CA:FALSE): `portcullis cert csr` makes the request";
        findings.push(CA.warning(&subject_of(&chain.leaf), message, fix));
    }
    for other in demands.elsewhere {
        let same = *other.certificate == *chain.leaf;
        let same_key = other.certificate.public_key_info() == chain.leaf.public_key_info();
        if same || same_key {
            let what = if same { "the same certificate is" } else { "another certificate with the same key is" };
            let message = format!(
                "{what} in use in the environment {} ({}); each environment needs its own",
                other.environment, other.certificate.origin
            );
            let fix = "make a key of its own for this environment and order a certificate for it: `portcullis cert csr`";
            findings.push(SHARED.warning(&subject_of(&chain.leaf), message, fix));
        }
    }
}

/// Why it cannot serve TLS (RFC 5280, 4.2.1.3 and 4.2.1.12). Extensions that are absent restrict nothing.
fn no_server(certificate: &Certificate, is_leaf: bool) -> Option<String> {
    let extensions = &certificate.extensions;
    if let Some(purposes) = &extensions.purposes
        && !purposes.iter().any(|purpose| purpose == SERVER_AUTH || (purpose == ANY_PURPOSE && !is_leaf))
    {
        let named: Vec<&str> = purposes.iter().map(|purpose| purpose_name(purpose)).collect();
        return Some(format!("it is issued for {} alone, not for TLS servers", named.join(", ")));
    }
    let usage = extensions.key_usage.filter(|_| is_leaf)?;
    let signs = usage.digital_signature();
    // RSA keys that may only encipher still serve TLS 1.2 without forward secrecy, which clients give up.
    let kind = if matches!(certificate.key, KeyKind::Rsa { .. }) { "TLS 1.3 and all forward-secret handshakes" } else { "TLS" };
    (!signs).then(|| format!("its key usage does not allow digital signatures, without which {kind} cannot be served"))
}

fn purpose_name(oid: &str) -> &str {
    match oid {
        "1.3.6.1.5.5.7.3.2" => "TLS clients (clientAuth)",
        "1.3.6.1.5.5.7.3.3" => "signing programs (codeSigning)",
        "1.3.6.1.5.5.7.3.4" => "e-mail (emailProtection)",
        "1.3.6.1.5.5.7.3.8" => "time stamps (timeStamping)",
        "1.3.6.1.5.5.7.3.9" => "OCSP answers (OCSPSigning)",
        "1.3.6.1.4.1.311.20.2.2" => "smart card logon",
        ANY_PURPOSE => "any purpose (which servers' certificates may not say)",
        _ => oid,
    }
}
