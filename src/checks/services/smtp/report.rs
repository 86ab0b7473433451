//! What is asked of a mail server, and what came of it.

use std::time::Duration;

use super::capability::Capabilities;
use super::login::Credentials;
use super::{CHECKS, TCP};
use crate::checks::services::reach::Unreached;
use crate::checks::services::tls::{Roots, Served};
use crate::checks::spec::{Outcome, Tally, findings};
use crate::finding::Finding;
use crate::site::model::{MailProvider, StartTls};

/// A mail to send.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Recipient.
    pub to: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// Text.
    pub text: &'a str,
}

/// What is asked of the mail server.
#[derive(Debug, Clone, Copy)]
pub struct Dialogue<'a> {
    /// The machine from which the connection starts, for messages.
    pub origin: &'a str,
    /// The name for EHLO: the origin's own.
    pub hello: &'a str,
    /// The server's name, demanded of its certificate.
    pub host: &'a str,
    /// Its port; on 465 TLS begins with the first byte.
    pub port: u16,
    /// Whether STARTTLS is demanded.
    pub starttls: StartTls,
    /// Who relays, for hints.
    pub provider: MailProvider,
    /// Sender address.
    pub from: &'a str,
    /// The login; `None` ends the dialogue before it.
    pub credentials: Option<Credentials<'a>>,
    /// A mail to send; `None` sends none.
    pub message: Option<Message<'a>>,
    /// Roots that the server's certificate may end at.
    pub roots: &'a Roots,
    /// The time at which it is judged.
    pub now: jiff::Timestamp,
    /// How long each reply may take.
    pub patience: Duration,
}

impl Dialogue<'_> {
    pub(super) fn subject(&self) -> String {
        format!("{}:{} from {}", self.host, self.port, self.origin)
    }
}

/// What was seen and what came of it.
#[derive(Debug, Clone, Default)]
pub struct SmtpReport {
    /// The server's greeting.
    pub greeting: Option<String>,
    /// What it offered before TLS.
    pub before_tls: Option<Capabilities>,
    /// What it offers where the login takes place.
    pub capabilities: Option<Capabilities>,
    /// The TLS that came about.
    pub tls: Option<Served>,
    /// Whether the login was accepted.
    pub logged_in: bool,
    /// The server's reply to the mail, which holds its queue id.
    pub delivered: Option<String>,
    /// Each check of the subject.
    pub outcomes: Vec<Outcome>,
}

impl SmtpReport {
    /// All findings, in the order of the dialogue.
    pub fn findings(&self) -> Vec<Finding> {
        findings(&self.outcomes)
    }
}

/// The report where no connection came about.
pub fn unreachable(asked: &Dialogue<'_>, why: &Unreached) -> SmtpReport {
    let mut tally = Tally::of(&asked.subject());
    let fix = why.fix(asked.origin, &format!("{}:{}", asked.host, asked.port));
    tally.found(&TCP, why.to_string(), fix);
    SmtpReport { outcomes: tally.complete(CHECKS, "no connection came about"), ..SmtpReport::default() }
}
