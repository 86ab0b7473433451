//! A second opinion: OpenSSL validates the chain that was found. What it refuses and the rules here did not see
//! (name constraints, policies, an unknown critical extension) becomes a finding rather than a surprise at a client.

use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509PurposeId, X509StoreContext, X509VerifyResult};

use super::subject_of;
use crate::certs::certificate::{Certificate, hex};
use crate::certs::chain::{Chain, End};
use crate::certs::verdict::{PATH_VALIDATION, Verdict};
use crate::finding::{Finding, Severity};

const REFUSED: Verdict<'_> = Verdict::new("cert.chain.refused", PATH_VALIDATION);

/// `X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY`.
const NO_ISSUER: i32 = 20;

/// Errors of which OpenSSL would say the same once more. Names and dates it is not asked about.
const SEEN: [&str; 5] =
    ["cert.chain.signature", "cert.chain.not-a-ca", "cert.usage.no-server-auth", "cert.key.weak", "cert.signature.weak"];

/// Asks OpenSSL of a chain that leads to a trusted root, unless the rules found what it would find.
pub(super) fn review(chain: &Chain, findings: &mut Vec<Finding>) {
    let seen = |finding: &Finding| finding.severity == Severity::Error && SEEN.contains(&finding.id.as_str());
    if findings.iter().any(seen) || !matches!(chain.end, End::Trusted { .. }) {
        return;
    }
    let contradictions = contradictions(chain);
    if !contradictions.is_empty() {
        return findings.extend(contradictions);
    }
    // Where OpenSSL cannot even be asked there is nothing to report of its opinion.
    if let Ok((result, depth)) = ask(chain)
        && result != X509VerifyResult::OK
    {
        let at = chain.whole().nth(depth).unwrap_or(&chain.leaf);
        // The search found who signed: what OpenSSL misses is an issuer of the name and serial number stated beside the key id.
        let of_authority = if result.as_raw() == NO_ISSUER {
            " (its authorityKeyIdentifier names another certificate than the one that signed it)"
        } else {
            ""
        };
        let message = format!("OpenSSL refuses the chain here: {}{of_authority}", result.error_string());
        let fix = "send this message to the CA, and ask for a certificate from a chain that allows it";
        findings.push(REFUSED.error(&subject_of(at), message, fix));
    }
}

/// Whether OpenSSL takes the chain, dates aside.
pub(crate) fn is_accepted(chain: &Chain) -> bool {
    contradictions(chain).is_empty() && ask(chain).is_ok_and(|(result, _)| result == X509VerifyResult::OK)
}

/// Certificates that name another key id than that of the one who signed them: OpenSSL then finds no issuer, and does not
/// say why.
fn contradictions(chain: &Chain) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (signed, signer) in chain.whole().zip(chain.whole().skip(1)) {
        if let (Some(wanted), Some(had)) = (&signed.extensions.issuer_key_id, &signer.extensions.key_id)
            && wanted != had
        {
            let message = format!(
                "{} signed it, and it names another key id as its issuer's: {} (authorityKeyIdentifier), where {} is right; many clients find no issuer then",
                subject_of(signer),
                hex(wanted, ":"),
                hex(had, ":")
            );
            let fix = "send this message to the CA, and ask it to issue the certificate again";
            findings.push(REFUSED.error(&subject_of(signed), message, fix));
        }
    }
    findings
}

fn ask(chain: &Chain) -> Result<(X509VerifyResult, usize), ErrorStack> {
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_purpose(X509PurposeId::SSL_SERVER)?;
    // The chain ends where the search found a trusted root, whatever OpenSSL would look for above it.
    // Dates are rules of their own, and of the last second of validity OpenSSL thinks otherwise than RFC 5280.
    // Policies it is not asked about either: without being told that any is welcome, which this binding has no word for,
    // it refuses chains that are right.
    parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::NO_CHECK_TIME)?;
    let mut store = X509StoreBuilder::new()?;
    store.set_param(&parameters)?;
    let parsed = |certificate: &Certificate| certificate.x509().cloned().ok_or_else(ErrorStack::get);
    if let Some(root) = chain.root() {
        store.add_cert(parsed(root)?)?;
    }
    let mut above = Stack::new()?;
    for certificate in &chain.intermediates {
        above.push(parsed(certificate)?)?;
    }
    let leaf = parsed(&chain.leaf)?;
    X509StoreContext::new()?.init(&store.build(), &leaf, &above, |context| {
        context.verify_cert()?;
        Ok((context.error(), usize::try_from(context.error_depth()).unwrap_or(0)))
    })
}
