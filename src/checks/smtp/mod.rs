//! The mail server as the appliance will use it: a staged dialogue over a given stream, each stage with its
//! own verdict, so that a person learns *where* it ends and whom to ask.
//!
//! The dialogue is our own (`wire`), messages and addresses are lettre's. lettre's connection reads greeting
//! and EHLO as one, knows three mechanisms and no size limit, hides the chain when verification fails, and
//! keeps bytes that came before TLS across STARTTLS; each of these is what this check is there to tell.

mod advice;
mod capability;
mod dialogue;
mod letter;
mod login;
mod relay;
mod report;
mod wire;

pub use capability::Capabilities;
pub use dialogue::examine;
pub use login::Credentials;
pub use relay::{Handed, Handover, RELAY_CHECKS, hand_over, judge_fate, unreachable_relay};
pub use report::{Dialogue, Message, SmtpReport, unreachable};

use super::spec::{CheckSpec, Vantage};
use crate::finding::Severity;

const SOURCE: &str = "Security and Access: SMTP";

const fn spec(id: &'static str, title: &'static str, severity: Severity) -> CheckSpec {
    CheckSpec { id, title, source: SOURCE, severity, vantage: Vantage::Node }
}

/// The port can be reached.
pub static TCP: CheckSpec = spec("smtp.tcp", "The mail server accepts the connection", Severity::Error);
/// 220 in time.
pub static GREETING: CheckSpec = spec("smtp.greeting", "The mail server greets", Severity::Error);
/// 250 to EHLO.
pub static EHLO: CheckSpec = spec("smtp.ehlo", "The mail server speaks ESMTP", Severity::Error);
/// TLS as the site demands.
pub static STARTTLS: CheckSpec = spec("smtp.starttls", "TLS begins as the site demands", Severity::Error);
/// Chain and host name.
pub static CERTIFICATE: CheckSpec =
    spec("smtp.certificate", "The mail server's certificate is trusted and names the host", Severity::Error);
/// No password in clear.
pub static CLEARTEXT: CheckSpec = spec("smtp.cleartext", "No password crosses the network in clear", Severity::Error);
/// PLAIN is offered.
pub static AUTH_PLAIN: CheckSpec = spec("smtp.auth.plain", "AUTH PLAIN is offered", Severity::Error);
/// LOGIN is offered too.
pub static AUTH_LOGIN: CheckSpec =
    spec("smtp.auth.login", "AUTH LOGIN is offered too, which a tenant's own SMTP provider needs", Severity::Warning);
/// 235.
pub static LOGIN: CheckSpec = spec("smtp.login", "The login is accepted", Severity::Error);
/// The sender may send.
pub static SENDER: CheckSpec = spec("smtp.sender", "The sender address is accepted", Severity::Error);
/// A mail is queued.
pub static MAIL: CheckSpec = spec("smtp.mail", "A mail is accepted for delivery", Severity::Error);
/// The null client is there.
pub static RELAY: CheckSpec = spec("smtp.relay", "The node's own mail service takes a mail", Severity::Error);

/// All checks of this subject, in the order of the dialogue.
pub static CHECKS: &[&CheckSpec] =
    &[&TCP, &GREETING, &EHLO, &STARTTLS, &CERTIFICATE, &CLEARTEXT, &AUTH_PLAIN, &AUTH_LOGIN, &LOGIN, &SENDER, &MAIL];
