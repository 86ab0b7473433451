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

pub use crate::checks::catalogue::mail::{
    AUTH_LOGIN, AUTH_PLAIN, CERTIFICATE, CHECKS, CLEARTEXT, EHLO, GREETING, LOGIN, MAIL, RELAY, SENDER, STARTTLS, TCP,
};
pub use capability::Capabilities;
pub use dialogue::examine;
pub use login::Credentials;
pub use relay::{Handed, Handover, RELAY_CHECKS, hand_over, judge_fate, unreachable_relay};
pub use report::{Dialogue, Message, SmtpReport, unreachable};
