//! The rules: a chain is looked at, and what is wrong with it becomes findings, each with a fix that can be followed.
//!
//! Ids are a contract. Each file here holds the rules of one subject; all are pure.

mod chain;
mod keys;
mod lifetime;
mod names;
mod opinion;
mod usage;

use std::sync::Arc;

use jiff::Timestamp;

use super::certificate::Certificate;
use super::chain::{Chain, ChainError};
use super::read::Bag;
use super::verdict::{SECURITY_AND_ACCESS, Verdict};
use crate::finding::Finding;

pub use names::{covers, host_name};
pub(crate) use opinion::is_accepted;

/// A certificate of another environment, for comparison.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// The other environment's name.
    pub environment: String,
    /// Its certificate.
    pub certificate: Arc<Certificate>,
}

/// What is asked of the certificate.
#[derive(Debug, Clone)]
pub struct Demands<'a> {
    /// DNS names (or addresses) that must be covered.
    pub names: &'a [String],
    /// The instant for which everything is judged.
    pub now: Timestamp,
    /// Whether a private key must be there.
    pub key: bool,
    /// Whether the appliance is the target, for which RSA is the only kind of key that is documented.
    pub appliance: bool,
    /// Certificates of other environments.
    pub elsewhere: &'a [Elsewhere],
}

impl<'a> Demands<'a> {
    /// These names at `now`, nothing else.
    pub fn new(names: &'a [String], now: Timestamp) -> Self {
        Self { names, now, key: false, appliance: false, elsewhere: &[] }
    }
}

/// Everything that is wrong with the bag and the chain found in it, what was unreadable first.
pub fn review(bag: &Bag, chain: &Chain, demands: &Demands<'_>) -> Vec<Finding> {
    let mut findings = bag.findings.clone();
    chain::review(bag, chain, &mut findings);
    keys::review(bag, chain, demands, &mut findings);
    lifetime::review(chain, demands.now, &mut findings);
    names::review(&chain.leaf, demands.names, &mut findings);
    usage::review(chain, demands, &mut findings);
    opinion::review(chain, &mut findings);
    findings
}

/// What can be said where no chain was found. `None`: the files were given wrongly, and the error itself says how.
pub fn review_without_chain(bag: &Bag, error: &ChainError) -> Option<Vec<Finding>> {
    let mut findings = bag.findings.clone();
    let id = match error {
        ChainError::NoCertificate if findings.is_empty() => return None,
        ChainError::SeveralServerCertificates { .. } => return None,
        ChainError::NoCertificate => return Some(findings),
        ChainError::NoServerCertificate { .. } => "cert.chain.incomplete",
        ChainError::TooTangled { .. } => "cert.chain.signature",
    };
    let subject = bag.certificates.first().map(|first| first.origin.file.clone()).unwrap_or_default();
    findings.push(Verdict::new(id, SECURITY_AND_ACCESS).error(&subject, error.to_string(), error.help()));
    Some(findings)
}

/// `CN (file:line)`: how a certificate is called in findings.
fn subject_of(certificate: &Certificate) -> String {
    let name = certificate.extensions.dns_names().next().filter(|_| !certificate.is_ca());
    format!("{} ({})", name.map_or_else(|| certificate.subject.short(), ToOwned::to_owned), certificate.origin)
}

#[cfg(test)]
mod tests;
