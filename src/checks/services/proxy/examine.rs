//! One destination, looked at through the proxy or directly: who answers, and who signed what came back.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::connect::{Answer, ConnectError, connect};
use super::exception::Exception;
use super::{AUTH, CHECKS, INTERCEPTED, PASSED, REFUSED, UNREACHABLE};
use crate::checks::services::reach::Unreached;
use crate::checks::services::tls::{Distrust, Hello, Roots, Served, TlsProbeError, judge, probe, top_issuer};
use crate::checks::spec::{Outcome, Tally, findings};
use crate::finding::{Finding, Severity};

/// What is to be reached, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// The machine from which the connection starts, for messages.
    pub origin: &'a str,
    /// The addresses of all machines that need it, for the exception.
    pub sources: &'a [String],
    /// The proxy as `host:port`, never with a login; `None`: no explicit proxy.
    pub proxy: Option<&'a str>,
    /// The destination's name.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The roots that the whole world trusts.
    pub public: &'a Roots,
    /// The site's own CAs, with which a mirror inside the house may sign.
    pub own_roots: &'a Roots,
    /// The site's proxy CAs.
    pub proxy_roots: &'a Roots,
    /// The time at which certificates are judged.
    pub now: jiff::Timestamp,
    /// How long each step may take.
    pub patience: Duration,
}

impl Destination<'_> {
    fn subject(&self) -> String {
        format!("{}:{} from {}", self.host, self.port, self.origin)
    }

    fn exception(&self) -> Exception {
        Exception { sources: self.sources.to_vec(), host: self.host.to_owned(), port: self.port }
    }
}

/// What was seen and what came of it.
#[derive(Debug, Clone, Default)]
pub struct ProxyReport {
    /// The proxy's status for CONNECT.
    pub status: Option<u16>,
    /// Who signed the top of the chain that came back.
    pub issuer: Option<String>,
    /// Whether somebody on the way opened TLS.
    pub intercepted: bool,
    /// Each check of the subject.
    pub outcomes: Vec<Outcome>,
}

impl ProxyReport {
    /// All findings.
    pub fn findings(&self) -> Vec<Finding> {
        findings(&self.outcomes)
    }
}

/// The report where no connection to the proxy (or, without one, to the destination) came about.
pub fn unreachable(asked: &Destination<'_>, why: &Unreached) -> ProxyReport {
    let mut tally = Tally::of(&asked.subject());
    let end = asked.proxy.map_or_else(|| format!("{}:{}", asked.host, asked.port), str::to_owned);
    tally.found(&UNREACHABLE, format!("{end}: {why}"), why.fix(asked.origin, &end));
    ProxyReport { outcomes: tally.complete(CHECKS, "no connection came about"), ..ProxyReport::default() }
}

/// Looks through an explicit proxy, over a stream that is connected to it.
pub async fn examine<S>(mut stream: S, asked: &Destination<'_>) -> ProxyReport
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut look = Look::at(asked);
    look.tally.passed(&UNREACHABLE, "connected");
    match connect(&mut stream, asked.host, asked.port, asked.patience).await {
        Ok(answer) => {
            look.report.status = Some(answer.status);
            if look.judge_answer(&answer) {
                return look.judge_tls(stream).await;
            }
            look.finish("the proxy did not connect")
        }
        Err(error) => look.no_answer(&error),
    }
}

/// Looks at a destination without an explicit proxy: a transparent one shows by the certificate that comes back.
pub async fn examine_direct<S>(stream: S, asked: &Destination<'_>) -> ProxyReport
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut look = Look::at(asked);
    look.tally.passed(&UNREACHABLE, "connected");
    look.tally.not_applicable(&AUTH, "there is no explicit proxy");
    look.tally.not_applicable(&REFUSED, "there is no explicit proxy");
    look.judge_tls(stream).await
}

/// A page's address without what follows it, which may be somebody's session.
fn without_query(place: &str) -> &str {
    place.split(['?', '#']).next().unwrap_or(place)
}

/// The ways of logging in that the proxy offers, in its order; one field may hold several (RFC 9110, 11.7.1).
fn schemes(answer: &Answer) -> String {
    let mut all: Vec<&str> = Vec::new();
    for (_, value) in answer.fields.iter().filter(|(name, _)| name == "proxy-authenticate") {
        let begun = value.split(',').filter_map(|part| part.split_whitespace().next()).filter(|word| !word.contains('='));
        all.extend(begun);
    }
    all.dedup();
    if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
}

struct Look<'a> {
    asked: &'a Destination<'a>,
    tally: Tally,
    report: ProxyReport,
}

impl<'a> Look<'a> {
    fn at(asked: &'a Destination<'a>) -> Self {
        Self { asked, tally: Tally::of(&asked.subject()), report: ProxyReport::default() }
    }

    fn finish(self, why: &str) -> ProxyReport {
        ProxyReport { outcomes: self.tally.complete(CHECKS, why), ..self.report }
    }

    fn no_answer(mut self, error: &ConnectError) -> ProxyReport {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let fix = error.help().unwrap_or_else(|| "ask the proxy team for its log of this moment".to_owned());
        self.tally.found(&UNREACHABLE, format!("{error}{cause}"), fix);
        self.finish("the proxy gave no answer")
    }

    /// Whether the tunnel stands.
    fn judge_answer(&mut self, answer: &Answer) -> bool {
        let destination = format!("{}:{}", self.asked.host, self.asked.port);
        match answer.status {
            200..=299 => {
                self.tally.passed(&AUTH, answer.shown());
                self.tally.passed(&REFUSED, answer.shown());
                return true;
            }
            407 => {
                let schemes = schemes(answer);
                let message = format!("the proxy demands a login{schemes} for {destination}: the exception is missing");
                self.tally.found(&AUTH, message, self.asked.exception().fix());
            }
            502..=504 => {
                self.tally.passed(&AUTH, answer.shown());
                let fix = format!("ask the proxy team whether the proxy itself resolves and reaches {destination}");
                self.tally.found(&REFUSED, format!("the proxy could not reach {destination}: {}", answer.shown()), fix);
            }
            300..=399 => {
                let place = answer.field("location").map(|place| format!(" ({})", without_query(place))).unwrap_or_default();
                let message =
                    format!("the proxy leads to a page{place} in place of {destination}: {}; nodes cannot log in there", answer.shown());
                self.tally.found(&AUTH, message, self.asked.exception().fix());
            }
            400 | 404 | 405 | 501 => {
                let who = answer.field("server").map(|server| format!(" (it calls itself {server})")).unwrap_or_default();
                let message = format!("what answers takes no CONNECT: {}{who}", answer.shown());
                let fix = "correct `proxy.url`: most often this is a web server's port, or a proxy's for other uses; else ask the proxy team for the port that takes CONNECT";
                self.tally.found(&REFUSED, message, fix);
            }
            _ => {
                self.tally.passed(&AUTH, answer.shown());
                let message = format!("the proxy refuses {destination}: {}", answer.shown());
                self.tally.found(&REFUSED, message, self.asked.exception().fix());
            }
        }
        for name in ["server", "via", "x-squid-error"] {
            if let Some(value) = answer.field(name) {
                let is_about_login = matches!(answer.status, 300..=399 | 407);
                self.tally.evidence(if is_about_login { &AUTH } else { &REFUSED }, format!("{name}: {value}"));
            }
        }
        false
    }

    async fn judge_tls<S>(mut self, stream: S) -> ProxyReport
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let asked = self.asked;
        let hello = Hello { name: asked.host, alpn: &[], roots: asked.public, now: asked.now, within: asked.patience };
        match probe(stream, &hello).await {
            Ok(served) => self.judge_signer(&served),
            Err(error) => self.no_tls(&error),
        }
        self.finish("no TLS came about")
    }

    fn judge_signer(&mut self, served: &Served) {
        self.report.issuer = top_issuer(&served.chain);
        let issuer = self.report.issuer.clone().unwrap_or_else(|| "nobody".to_owned());
        let reason = match &served.verified {
            Ok(()) => {
                self.tally.passed(&INTERCEPTED, format!("signed by {issuer}"));
                return self.tally.passed(&PASSED, served.version.clone());
            }
            Err(reason) => reason,
        };
        let known = judge(&served.chain, self.asked.host, self.asked.proxy_roots, self.asked.now).is_ok();
        let host = self.asked.host;
        if !known && judge(&served.chain, host, self.asked.own_roots, self.asked.now).is_ok() {
            let message = format!("what answers for {host} is signed by {issuer}, the site's own CA (`tls.certificate.roots`): a mirror");
            let fix = "nothing to do where that is meant; otherwise ask the proxy team who opens this TLS";
            self.tally.found_as(Severity::Info, &INTERCEPTED, message, fix);
            return self.tally.passed(&PASSED, served.version.clone());
        }
        let bypass = format!("ask the proxy team not to open TLS to {host} for the nodes");
        if known {
            self.report.intercepted = true;
            let message =
                format!("the proxy opens TLS to {host}: the certificate that came back is signed by {issuer}, one of the site's proxy CAs");
            let fix = format!(
                "{bypass}; until then the nodes trust it by `portcullis apply proxy`. Containers and programs with roots of their own do not"
            );
            self.tally.found_as(Severity::Warning, &INTERCEPTED, message, fix);
            return self.tally.passed(&PASSED, served.version.clone());
        }
        match reason {
            Distrust::Expired { .. } | Distrust::NotYetValid { .. } | Distrust::NameMissing { .. } => {
                let fix = format!("see who answers for {host} from this machine: DNS, a captive page, or the destination's own mistake");
                self.tally.found(&PASSED, format!("the certificate that came back does not serve: {reason}"), fix);
                self.tally.could_not_run(&INTERCEPTED, reason.to_string());
            }
            Distrust::NoCertificate
            | Distrust::Unreadable { .. }
            | Distrust::SelfSigned { .. }
            | Distrust::ChainIncomplete { .. }
            | Distrust::UntrustedRoot { .. }
            | Distrust::Refused { .. } => {
                self.report.intercepted = true;
                let message = format!("TLS to {host} is opened on the way: what came back is signed by {issuer}, no public CA ({reason})");
                let fix = format!("{bypass}; or have the proxy's CA certificate (from a public CA) named under `proxy.ca_certificates`");
                self.tally.found(&INTERCEPTED, message, fix);
                self.tally.could_not_run(&PASSED, "TLS does not reach the destination");
            }
        }
    }

    fn no_tls(&mut self, error: &TlsProbeError) {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let destination = format!("{}:{}", self.asked.host, self.asked.port);
        let fix = format!("ask the firewall or proxy team what stands between {} and {destination}", self.asked.origin);
        self.tally.found(&PASSED, format!("{destination}: {error}{cause}"), fix);
    }
}
