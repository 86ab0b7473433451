//! A second opinion: OpenSSL validates the chain that was found. What it refuses and the rules here did not see
//! (name constraints, policies, an unknown critical extension) becomes a finding rather than a surprise at a client.

use jiff::Timestamp;
use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509StoreContext, X509VerifyResult};

use super::subject_of;
use crate::certs::chain::{Chain, End};
use crate::certs::verdict::{PATH_VALIDATION, Verdict};
use crate::finding::{Finding, has_errors};

const REFUSED: Verdict<'_> = Verdict::new("cert.chain.refused", PATH_VALIDATION);

/// Asks OpenSSL where the rules found no error in a chain that leads to a trusted root.
pub(super) fn review(chain: &Chain, now: Timestamp, findings: &mut Vec<Finding>) {
    if has_errors(findings) || !matches!(chain.end, End::Trusted { .. }) {
        return;
    }
    // Where OpenSSL cannot even be asked there is nothing to report of its opinion.
    if let Ok((result, depth)) = ask(chain, now)
        && result != X509VerifyResult::OK
    {
        let at = chain.whole().nth(depth).unwrap_or(&chain.leaf);
        let message = format!("OpenSSL refuses the chain here: {}", result.error_string());
        let fix = "send this message to the CA, and ask for a certificate from a chain that allows it";
        findings.push(REFUSED.error(&subject_of(at), message, fix));
    }
}

fn ask(chain: &Chain, now: Timestamp) -> Result<(X509VerifyResult, usize), ErrorStack> {
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_time(now.as_second());
    parameters.set_purpose(X509PurposeId::SSL_SERVER)?;
    // The chain ends where the search found a trusted root, whatever OpenSSL would look for above it.
    parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    let mut store = X509StoreBuilder::new()?;
    store.set_param(&parameters)?;
    if let Some(root) = chain.root() {
        store.add_cert(X509::from_der(root.der())?)?;
    }
    let mut above = Stack::new()?;
    for certificate in &chain.intermediates {
        above.push(X509::from_der(certificate.der())?)?;
    }
    let leaf = X509::from_der(chain.leaf.der())?;
    X509StoreContext::new()?.init(&store.build(), &leaf, &above, |context| {
        context.verify_cert()?;
        Ok((context.error(), usize::try_from(context.error_depth()).unwrap_or(0)))
    })
}
