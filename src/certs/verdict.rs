//! How findings of this part of the house are made, and the requirements they cite.

use std::fmt;

use crate::finding::{Finding, Severity};

/// The customer's requirement document, section on SSL certificates.
pub(crate) const SECURITY_AND_ACCESS: &str = "Security and Access, SSL certificates";
/// The rules that public CAs and browsers agreed on.
pub(crate) const BASELINE: &str = "CA/Browser Forum Baseline Requirements";
/// What every TLS client checks of a chain.
pub(crate) const PATH_VALIDATION: &str = "RFC 5280, 6.1";
/// What every TLS client checks of names.
pub(crate) const SERVICE_IDENTITY: &str = "RFC 9525, 6.3";
/// Order of certificates that a server sends.
pub(crate) const TLS_ORDER: &str = "RFC 8446, 4.4.2; RFC 5246, 7.4.2";

/// Where a finding belongs and what it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict<'a> {
    pub(crate) id: &'a str,
    pub(crate) source: &'a str,
}

impl<'a> Verdict<'a> {
    pub(crate) const fn new(id: &'a str, source: &'a str) -> Self {
        Self { id, source }
    }

    pub(crate) fn error(self, subject: &dyn fmt::Display, message: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(Severity::Error, subject.to_string(), message.into(), fix.into())
    }

    pub(crate) fn warning(self, subject: &dyn fmt::Display, message: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(Severity::Warning, subject.to_string(), message.into(), fix.into())
    }

    pub(crate) fn info(self, subject: &dyn fmt::Display, message: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(Severity::Info, subject.to_string(), message.into(), fix.into())
    }

    fn finding(self, severity: Severity, subject: String, message: String, fix: String) -> Finding {
        Finding { id: self.id.to_owned(), severity, subject, message, fix, source: self.source.to_owned() }
    }
}
