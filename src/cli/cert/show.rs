//! How certificates and findings look, for people and as JSON.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CertError;
use crate::certs::{Bag, Certificate, Chain, End};
use crate::finding::{Finding, Severity};

/// Colours where the terminal takes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Prints one JSON object and a line break.
pub(super) fn print_json(value: &Value, out: &mut dyn Write) -> Result<(), CertError> {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    writeln!(out, "{text}").map_err(|source| CertError::Output { source })
}

/// One certificate as JSON.
pub(super) fn certificate_json(certificate: &Certificate, role: &str, now: Timestamp) -> Value {
    let hex = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat());
    json!({
        "role": role,
        "subject": certificate.subject.to_string(),
        "issuer": certificate.issuer.to_string(),
        "names": certificate.extensions.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "serial": certificate.serial,
        "not_before": certificate.not_before.to_string(),
        "not_after": certificate.not_after.to_string(),
        "days_left": certificate.days_left(now),
        "key": certificate.key.to_string(),
        "signature": certificate.signature.name,
        "ca": certificate.is_ca(),
        "key_id": hex(&certificate.extensions.key_id),
        "issuer_key_id": hex(&certificate.extensions.issuer_key_id),
        "issuer_urls": certificate.extensions.issuer_urls,
        "sha256": hex(&Some(certificate.fingerprint.to_vec())),
        "file": certificate.origin.file,
        "line": certificate.origin.line,
        "friendly_name": certificate.origin.friendly_name,
    })
}

/// The chain's certificates with their roles, in order; the root only where it was among the files.
pub(super) fn in_order(chain: &Chain) -> Vec<(&'static str, &Arc<Certificate>)> {
    let mut list = vec![("leaf", &chain.leaf)];
    list.extend(chain.intermediates.iter().map(|one| ("intermediate", one)));
    match &chain.end {
        End::Trusted { root, given: true, .. } | End::UntrustedRoot { root } if *root != chain.leaf => list.push(("root", root)),
        End::Trusted { .. } | End::UntrustedRoot { .. } | End::Missing(_) | End::NotSigned { .. } | End::NotACa { .. } | End::Circle => {}
    }
    list
}

/// Private keys as JSON: kind and place, never what is in them.
pub(super) fn keys_json(bag: &Bag, leaves: &[&Arc<Certificate>]) -> Vec<Value> {
    let one = |key: &Arc<crate::certs::Key>| {
        let fits = leaves.iter().find(|leaf| key.fits(leaf)).map(|leaf| leaf.subject.to_string());
        json!({"kind": key.kind.to_string(), "file": key.origin.file, "line": key.origin.line, "fits": fits})
    };
    bag.keys.iter().map(one).collect()
}

/// Findings for people, worst first, and a line that sums them up.
pub(super) fn print_findings(findings: &[Finding], paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in &sorted {
        let (word, painted) = match finding.severity {
            Severity::Error => ("error  ", paint.red("error  ")),
            Severity::Warning => ("warning", paint.yellow("warning")),
            Severity::Info => ("info   ", paint.dim("info   ")),
        };
        let indent = " ".repeat(word.len() + 1);
        writeln!(out, "{painted} {} {}", paint.bold(&finding.id), finding.subject)?;
        writeln!(out, "{indent}{}", finding.message)?;
        writeln!(out, "{indent}{} {}", paint.dim("fix:"), finding.fix)?;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let parts = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning"), (count(Severity::Info), "note")];
    let parts =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }));
    let sum = parts.collect::<Vec<_>>().join(", ");
    if sum.is_empty() { Ok(()) } else { writeln!(out, "{sum}") }
}
