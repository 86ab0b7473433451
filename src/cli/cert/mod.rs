//! `portcullis cert …`: arguments in, outcome out. The work is done in [`crate::certs`]; here files are read and
//! written, passwords resolved, and answers printed.

mod check;
mod csr;
mod error;
mod explain;
mod fetch;
mod identity;
mod input;
mod inspect;
mod pfx;
mod place;
mod proxied;
mod show;

use std::fmt;
use std::io::Write;

use crate::site::model::{SecretRef, Site};
use crate::site::secret::Secrets;
use crate::site::secret_ref::SecretRefError;

pub use error::CertError;

/// Certificates: what came from the CA, what is wrong with it, and the PFX that comes of it.
#[derive(Debug, clap::Subcommand)]
pub enum CertCommand {
    /// Show what is in the files, in chain order.
    Inspect(inspect::InspectArgs),
    /// Look at every rule; each finding comes with a fix.
    Check(check::CheckArgs),
    /// Say which platforms can open a PFX, which cannot, and why.
    Explain(explain::ExplainArgs),
    /// Make one full-chain PFX of PEM, DER, P7B and PFX files in any order.
    Pfx(pfx::PfxArgs),
    /// Make a key and a signing request that hold every name the site needs.
    Csr(csr::CsrArgs),
}

/// What a command works with besides its arguments.
pub struct CertContext<'a> {
    /// Answers as JSON on `out`, nothing else there.
    pub json: bool,
    /// Whether `out` takes colours.
    pub color: bool,
    /// Columns of the terminal that `out` is; `usize::MAX` where it is none.
    pub width: usize,
    /// The instant for which everything is judged, unless `--at` names another.
    pub now: jiff::Timestamp,
    /// The site, where there is one.
    pub site: Option<&'a Site>,
    /// The operator's home, for `~` in other sites' files.
    pub home: &'a std::path::Path,
    /// Resolves secret references, and asks where it may.
    pub secrets: &'a Secrets,
    /// Whether a person may be asked.
    pub interactive: bool,
    /// How long a server that is asked for an issuer may take, where somebody said so.
    pub patience: Option<std::time::Duration>,
    /// The log file.
    pub log: Option<&'a std::path::Path>,
    /// Where answers go.
    pub out: &'a mut dyn Write,
    /// Where progress and diagnoses go.
    pub err: &'a mut dyn Write,
}

impl fmt::Debug for CertContext<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CertContext").field("json", &self.json).field("now", &self.now).finish_non_exhaustive()
    }
}

/// Done; nothing found.
pub(crate) const DONE: u8 = 0;
/// Findings of severity error.
pub(crate) const FOUND: u8 = 3;

/// Runs a command and gives the exit code of the contract. Errors are printed on `err`, in three parts.
pub fn run(command: &CertCommand, context: &mut CertContext<'_>) -> u8 {
    let outcome = match command {
        CertCommand::Inspect(args) => inspect::run(args, context),
        CertCommand::Check(args) => check::run(args, context),
        CertCommand::Explain(args) => explain::run(args, context),
        CertCommand::Pfx(args) => pfx::run(args, context),
        CertCommand::Csr(args) => csr::run(args, context),
    };
    match outcome {
        Ok(code) => code,
        // Whoever reads us has enough (`… | head`): no failure of ours.
        Err(CertError::Output { source }) if source.kind() == std::io::ErrorKind::BrokenPipe => DONE,
        Err(error) => {
            // Nowhere is left to complain where this fails.
            drop(error::tell(&error, context));
            error.exit_code()
        }
    }
}

/// Parses a secret reference. What is none may be the secret itself, given by mistake, and is not repeated.
fn secret_ref(text: &str) -> Result<SecretRef, String> {
    text.parse().map_err(|error: SecretRefError| format!("{error}; {}", error.help().unwrap_or_default()))
}

/// Parses RFC 3339, a day (its first second in UTC), or `now`, which is `None` here: the context knows it.
fn instant(text: &str) -> Result<At, String> {
    if text == "now" {
        return Ok(At(None));
    }
    let midnight = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    let time = text.parse().ok().or_else(midnight);
    time.map(|time| At(Some(time))).ok_or_else(|| "write it as 2027-01-31T12:00:00Z (RFC 3339), as 2027-01-31 or as now".to_owned())
}

/// Parses a name that a certificate may be for.
fn host(text: &str) -> Result<String, String> {
    let help = "write it as host.example.com, *.example.com or an IP address, without scheme, port or path";
    if crate::certs::host_name(text).is_some() { Ok(text.to_owned()) } else { Err(help.to_owned()) }
}

/// An instant given on the command line; `None`: now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At(Option<jiff::Timestamp>);

impl CertContext<'_> {
    fn instant(&self, at: Option<At>) -> jiff::Timestamp {
        at.and_then(|at| at.0).unwrap_or(self.now)
    }

    /// Names that the certificate must cover: those given, else the site's.
    fn names(&self, given: &[String]) -> Vec<String> {
        match self.site {
            Some(site) if given.is_empty() => site.names.required(),
            _ => given.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests;
