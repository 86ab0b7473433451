//! The dialogue with a mail server, stage by stage, as RFC 5321 and RFC 3207 order them. A stage that fails
//! ends it, and what comes after is said not to have been looked at.
//!
//! The password goes out only over verified TLS, or where the site says `starttls: off` in so many words,
//! and only where PLAIN is offered: it is never sent to find something out.

use super::capability::Capabilities;
use super::login;
use super::report::{Dialogue, SmtpReport};
use super::wire::{ByteStream, Reply, Wire, WireError};
use super::{AUTH_LOGIN, AUTH_PLAIN, CERTIFICATE, CHECKS, CLEARTEXT, EHLO, GREETING, LOGIN, MAIL, SENDER, STARTTLS, TCP, advice, letter};
use crate::checks::services::tls::{Hello, TlsProbeError, danger_handshake};
use crate::checks::spec::{CheckSpec, Tally};
use crate::finding::Severity;
use crate::site::model::{MailProvider, StartTls};

/// Bytes of a mail of the appliance with a template and a picture in it; ours, no source says.
const USUAL_MAIL: u32 = 256 * 1024;

/// Holds the dialogue over a stream that is connected to the server.
pub async fn examine<S>(stream: S, asked: &Dialogue<'_>) -> SmtpReport
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let mut look = Look { asked, tally: Tally::of(&asked.subject()), report: SmtpReport::default() };
    look.tally.passed(&TCP, "connected");
    let ended = match look.converse(Box::new(stream)).await {
        Ok(()) => "not looked at".to_owned(),
        Err(Ended(why)) => why,
    };
    let mut report = look.report;
    report.outcomes = look.tally.complete(CHECKS, &ended);
    report
}

/// Why the dialogue went no further; the finding has been noted.
struct Ended(String);

/// How the wire is protected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protection {
    Verified,
    Unverified,
    Clear,
}

struct Look<'a> {
    asked: &'a Dialogue<'a>,
    tally: Tally,
    report: SmtpReport,
}

impl Look<'_> {
    async fn converse(&mut self, stream: Box<dyn ByteStream>) -> Result<(), Ended> {
        let implicit = self.asked.port == 465;
        let (mut wire, mut protection) =
            if implicit { self.begin_tls(stream).await? } else { (Wire::over(stream, self.asked.patience), Protection::Clear) };
        self.greeting(&mut wire).await?;
        let mut offered = self.ehlo(&mut wire).await?;
        if !implicit {
            self.report.before_tls = Some(offered.clone());
            if self.wants_starttls(&offered)? {
                (wire, protection) = self.starttls(wire).await?;
                offered = self.ehlo(&mut wire).await?;
            }
        }
        self.mechanisms(&offered);
        let may_log_in = self.may_log_in(&offered, protection);
        self.report.capabilities = Some(offered);
        if may_log_in && self.log_in(&mut wire).await? {
            self.send(&mut wire).await?;
        }
        // Courtesy alone: all verdicts stand.
        let _ignored = wire.command("QUIT").await;
        Ok(())
    }

    fn end(&mut self, spec: &'static CheckSpec, message: String, fix: String) -> Ended {
        let ended = Ended(format!("{} was not met: {message}", spec.id));
        self.tally.found(spec, message, fix);
        ended
    }

    fn by_hand(&self) -> String {
        let kind = if self.asked.port == 465 { "" } else { "-starttls smtp " };
        format!("try it by hand from {}: `openssl s_client {kind}-connect {}:{}`", self.asked.origin, self.asked.host, self.asked.port)
    }

    async fn greeting(&mut self, wire: &mut Wire) -> Result<(), Ended> {
        match wire.reply().await {
            Ok(reply) if reply.code == 220 => {
                self.tally.passed(&GREETING, reply.shown());
                self.report.greeting = Some(reply.shown());
                Ok(())
            }
            Ok(reply) => {
                let fix = format!("ask the mail team to allow {} on port {}", self.asked.origin, self.asked.port);
                Err(self.end(&GREETING, format!("the server refuses: {}", reply.shown()), fix))
            }
            Err(error) => {
                let fix = advice::no_greeting(&error, self.asked.host, self.asked.port);
                Err(self.end(&GREETING, error.to_string(), fix))
            }
        }
    }

    async fn ehlo(&mut self, wire: &mut Wire) -> Result<Capabilities, Ended> {
        let outcome = wire.command(&format!("EHLO {}", self.asked.hello)).await;
        match outcome {
            Ok(reply) if reply.code == 250 => {
                self.tally.passed(&EHLO, reply.shown());
                Ok(Capabilities::parse(&reply))
            }
            other => {
                let fix = format!("the server must speak ESMTP (RFC 5321); {}", self.by_hand());
                Err(self.end(&EHLO, refusal("EHLO", other), fix))
            }
        }
    }

    /// Whether STARTTLS is to be begun; `Err` where the site demands it and the server has none.
    fn wants_starttls(&mut self, offered: &Capabilities) -> Result<bool, Ended> {
        let missing = || advice::no_starttls(offered, self.asked.host);
        match (self.asked.starttls, offered.starttls) {
            (StartTls::Required | StartTls::Optional, true) => Ok(true),
            (StartTls::Required, false) => {
                let fix = missing();
                Err(self.end(&STARTTLS, "the server does not offer STARTTLS, and the site demands it".to_owned(), fix))
            }
            (StartTls::Optional, false) => {
                let fix = missing();
                self.tally.found_as(Severity::Warning, &STARTTLS, "the server does not offer STARTTLS", fix);
                self.tally.not_applicable(&CERTIFICATE, "there is no TLS");
                Ok(false)
            }
            (StartTls::Off, true) => {
                let message = "the server offers STARTTLS, and the site file turns it off";
                self.tally.found_as(Severity::Warning, &STARTTLS, message, "set `smtp.starttls: required`");
                self.tally.not_applicable(&CERTIFICATE, "the site says `starttls: off`");
                Ok(false)
            }
            (StartTls::Off, false) => {
                self.tally.not_applicable(&STARTTLS, "the site says `starttls: off`");
                self.tally.not_applicable(&CERTIFICATE, "the site says `starttls: off`");
                Ok(false)
            }
        }
    }

    async fn starttls(&mut self, mut wire: Wire) -> Result<(Wire, Protection), Ended> {
        match wire.command("STARTTLS").await {
            Ok(reply) if reply.code == 220 => {}
            other => {
                let fix = "ask the mail team why its server offers STARTTLS and then refuses it; often its key cannot be read".to_owned();
                return Err(self.end(&STARTTLS, refusal("STARTTLS", other), fix));
            }
        }
        let (stream, spoke_ahead) = wire.into_stream();
        if spoke_ahead {
            let fix = "somebody on the way, or an old server, sends words ahead of TLS (CVE-2011-0411): update the server, look at what is between".to_owned();
            return Err(self.end(&STARTTLS, "the server sent words in clear after agreeing to TLS".to_owned(), fix));
        }
        self.begin_tls(stream).await
    }

    async fn begin_tls(&mut self, stream: Box<dyn ByteStream>) -> Result<(Wire, Protection), Ended> {
        let asked = self.asked;
        let hello = Hello { name: asked.host, alpn: &[], roots: asked.roots, now: asked.now, within: asked.patience };
        let (tls, served) = match danger_handshake(stream, &hello).await {
            Ok(done) => done,
            Err(error) => return Err(self.no_tls(&error)),
        };
        self.tally.passed(&STARTTLS, format!("{} {}", served.version, served.cipher));
        let protection = match &served.verified {
            Ok(()) => {
                self.tally.passed(&CERTIFICATE, format!("trusted for {}", asked.host));
                Protection::Verified
            }
            Err(reason) => {
                self.tally.found(&CERTIFICATE, reason.to_string(), advice::certificate(reason, asked.host));
                Protection::Unverified
            }
        };
        self.report.tls = Some(served);
        Ok((Wire::over(Box::new(tls), asked.patience), protection))
    }

    fn no_tls(&mut self, error: &TlsProbeError) -> Ended {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let fix = advice::no_tls(error, self.asked.port).unwrap_or_else(|| self.by_hand());
        self.end(&STARTTLS, format!("{error}{cause}"), fix)
    }

    fn mechanisms(&mut self, offered: &Capabilities) {
        let list = offered.auth.join(" ");
        if offered.offers("PLAIN") {
            self.tally.passed(&AUTH_PLAIN, format!("AUTH {list}"));
        } else {
            let (message, fix) = advice::no_plain(offered);
            self.tally.found(&AUTH_PLAIN, message, fix);
        }
        if offered.offers("LOGIN") {
            self.tally.passed(&AUTH_LOGIN, format!("AUTH {list}"));
        } else {
            let fix = "needed only where a tenant names this server as its own SMTP provider: enable LOGIN too (Dovecot: `auth_mechanisms = plain login`)";
            self.tally.found(&AUTH_LOGIN, "AUTH LOGIN is not offered", fix);
        }
    }

    /// Judges whether the password may go out, and notes why where it may not.
    fn may_log_in(&mut self, offered: &Capabilities, protection: Protection) -> bool {
        let allowed = self.may_trust(protection);
        if self.asked.credentials.is_none() {
            for spec in [&LOGIN, &SENDER, &MAIL] {
                self.tally.not_applicable(spec, "no login was asked for");
            }
            return false;
        }
        let why = match allowed {
            Err(why) => why,
            Ok(()) if offered.offers("PLAIN") => return true,
            Ok(()) => "AUTH PLAIN is not offered, so the password was not sent",
        };
        for spec in [&LOGIN, &SENDER, &MAIL] {
            self.tally.could_not_run(spec, why);
        }
        false
    }

    fn may_trust(&mut self, protection: Protection) -> Result<(), &'static str> {
        let early = self.report.before_tls.as_ref().is_some_and(|before| !before.auth.is_empty());
        match (protection, self.asked.starttls) {
            (Protection::Clear, StartTls::Off) => {
                let fix = "set `smtp.starttls: required` as soon as the server offers it";
                self.tally.found_as(Severity::Warning, &CLEARTEXT, "the password crosses the network in clear, as the site file says", fix);
                Ok(())
            }
            (Protection::Clear, StartTls::Required | StartTls::Optional) => {
                let fix = "ask the mail team for STARTTLS; to send the password in clear all the same, the site file must say `smtp.starttls: off`";
                self.tally.found(&CLEARTEXT, "the password would cross the network in clear; it was not sent", fix);
                Err("the password would cross the network in clear, so it was not sent")
            }
            (Protection::Verified | Protection::Unverified, _) => {
                if early {
                    let fix = "let the server offer AUTH after STARTTLS alone (postfix: `smtpd_tls_auth_only = yes`, Dovecot: `disable_plaintext_auth = yes`)";
                    self.tally.found_as(Severity::Warning, &CLEARTEXT, "the server also takes passwords before TLS", fix);
                } else {
                    self.tally.passed(&CLEARTEXT, "TLS comes before any login");
                }
                let trusted = protection == Protection::Verified;
                if trusted { Ok(()) } else { Err("the server's certificate is not trusted, so the password was not sent") }
            }
        }
    }

    async fn log_in(&mut self, wire: &mut Wire) -> Result<bool, Ended> {
        let Some(credentials) = &self.asked.credentials else { return Ok(false) };
        match login::plain(wire, credentials).await {
            Ok(reply) if reply.code == 235 => {
                self.tally.passed(&LOGIN, reply.shown());
                self.report.logged_in = true;
                Ok(true)
            }
            Ok(reply) => {
                let fix = advice::login(&reply, advice::provider(self.asked.provider, self.asked.host), credentials.username);
                Err(self.end(&LOGIN, format!("the login of {} was refused: {}", credentials.username, reply.shown()), fix))
            }
            Err(error) => Err(self.end(&LOGIN, error.to_string(), "ask the mail team for its log of this moment".to_owned())),
        }
    }

    async fn send(&mut self, wire: &mut Wire) -> Result<(), Ended> {
        let from = match letter::envelope_address(self.asked.from) {
            Ok(from) => from,
            Err(error) => return Err(self.end(&SENDER, error.to_string(), "correct `smtp.from` in the site file".to_owned())),
        };
        // A server that has a limit judges the size at once (RFC 1870, 6.1).
        let has_limit = self.report.capabilities.as_ref().is_some_and(|offered| offered.size.is_some());
        let size = if has_limit { format!(" SIZE={USUAL_MAIL}") } else { String::new() };
        let reply = self.step(wire, &SENDER, &format!("MAIL FROM:<{from}>{size}")).await?;
        self.tally.passed(&SENDER, reply.shown());
        if advice::provider(self.asked.provider, self.asked.host) == MailProvider::Mandrill {
            self.tally.evidence(
                &SENDER,
                "Mandrill takes every mail of a login and judges the domain afterwards: its activity shows `unsigned` then",
            );
        }
        let Some(message) = &self.asked.message else {
            self.tally.evidence(&SENDER, "some servers judge the sender only when a recipient is named");
            self.tally.not_applicable(&MAIL, "no mail was asked for");
            return Ok(());
        };
        let data = letter::envelope_address(message.to).and_then(|to| Ok((to, letter::data(self.asked.from, message, self.asked.now)?)));
        let (to, data) = match data {
            Ok(written) => written,
            Err(error) => return Err(self.end(&MAIL, error.to_string(), "correct the recipient's address".to_owned())),
        };
        self.step(wire, &MAIL, &format!("RCPT TO:<{to}>")).await?;
        self.step(wire, &MAIL, "DATA").await?;
        let outcome = match wire.send(&data).await {
            Ok(()) => wire.reply().await,
            Err(error) => Err(error),
        };
        let reply = self.accepted(&MAIL, "the mail", outcome)?;
        self.tally.passed(&MAIL, reply.shown());
        self.report.delivered = Some(reply.shown());
        Ok(())
    }

    async fn step(&mut self, wire: &mut Wire, spec: &'static CheckSpec, line: &str) -> Result<Reply, Ended> {
        let outcome = wire.command(line).await;
        self.accepted(spec, line, outcome)
    }

    fn accepted(&mut self, spec: &'static CheckSpec, what: &str, outcome: Result<Reply, WireError>) -> Result<Reply, Ended> {
        let refused = match outcome {
            Ok(reply) if (200..400).contains(&reply.code) => return Ok(reply),
            refused => refused,
        };
        let fix = match &refused {
            Ok(reply) => advice::refused(reply, advice::provider(self.asked.provider, self.asked.host), self.asked.from),
            Err(_) => "ask the mail team for its log of this moment".to_owned(),
        };
        Err(self.end(spec, refusal(what, refused), fix))
    }
}

fn refusal(what: &str, outcome: Result<Reply, WireError>) -> String {
    match outcome {
        Ok(reply) => format!("{what} was refused: {}", reply.shown()),
        Err(error) => format!("{what}: {error}"),
    }
}
