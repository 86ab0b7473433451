//! Findings: what a look at something brought to light. Pure data, shared by every layer that judges.
//!
//! A finding never carries a secret: its texts go to terminals, reports and the ledger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding matters. Only `Error` makes a command end with exit code 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing, nothing to do.
    Info,
    /// Works today; somebody should act.
    Warning,
    /// Does not work, or will hurt.
    Error,
}

/// One thing found, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable id, such as `cert.chain.incomplete`.
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at: a file with line, a node, a name.
    pub subject: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do next, as a command or a sentence to send to the team concerned.
    pub fix: String,
    /// The requirement this comes from, by name.
    pub source: String,
}

/// Whether any of the findings is of severity error.
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}
