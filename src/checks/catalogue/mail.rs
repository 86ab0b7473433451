//! Mail: the dialogue with the site's server, from each node, and the node's own mail service.

use super::{CheckSpec, Moment, Team, Vantage};
use crate::finding::Severity;

const fn spec(id: &'static str, title: &'static str, fix: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, "Security and Access: SMTP").at(Vantage::Node).ask(Team::Mail).when(Moment::Always).mend(fix)
}

/// The port can be reached.
pub static TCP: CheckSpec =
    spec("smtp.tcp", "The mail server accepts the connection", "let the nodes connect to the mail server's port (587, 465 or 25)")
        .ask(Team::Network);
/// 220 in time.
pub static GREETING: CheckSpec =
    spec("smtp.greeting", "The mail server greets", "see that an SMTP service listens on the port of `smtp.port`");
/// 250 to EHLO.
pub static EHLO: CheckSpec = spec("smtp.ehlo", "The mail server speaks ESMTP", "have the server accept EHLO from the nodes' addresses");
/// TLS as the site demands.
pub static STARTTLS: CheckSpec =
    spec("smtp.starttls", "TLS begins as the site demands", "enable STARTTLS on the mail server, or set `smtp.starttls` to what it offers");
/// Chain and host name.
pub static CERTIFICATE: CheckSpec = spec(
    "smtp.certificate",
    "The mail server's certificate is trusted and names the host",
    "have the server serve its whole chain for the name in `smtp.host`; name a private CA under `smtp.ca_certificates`",
);
/// No password in clear.
pub static CLEARTEXT: CheckSpec = spec(
    "smtp.cleartext",
    "No password crosses the network in clear",
    "enable TLS; `smtp.starttls: off` is the explicit word for doing without",
);
/// PLAIN is offered.
pub static AUTH_PLAIN: CheckSpec = spec("smtp.auth.plain", "AUTH PLAIN is offered", "enable AUTH PLAIN on the mail server");
/// LOGIN is offered too.
pub static AUTH_LOGIN: CheckSpec = spec(
    "smtp.auth.login",
    "AUTH LOGIN is offered too, which a tenant's own SMTP provider needs",
    "enable AUTH LOGIN beside PLAIN where tenants have mail providers of their own",
)
.of(Severity::Warning);
/// 235.
pub static LOGIN: CheckSpec =
    spec("smtp.login", "The login is accepted", "check `smtp.username` and the secret behind `smtp.password` with the mail team");
/// The sender may send.
pub static SENDER: CheckSpec = spec("smtp.sender", "The sender address is accepted", "let the account send as `smtp.from`");
/// A mail is queued.
pub static MAIL: CheckSpec =
    spec("smtp.mail", "A mail is accepted for delivery", "look at the mail server's log of this moment").when(Moment::After);
/// The null client is there.
pub static RELAY: CheckSpec =
    spec("smtp.relay", "The node's own mail service takes a mail", "`portcullis apply smtp`, then `systemctl status postfix`")
        .ask(Team::Operator)
        .when(Moment::After);

/// All checks of the dialogue, in its order.
pub static CHECKS: &[&CheckSpec] =
    &[&TCP, &GREETING, &EHLO, &STARTTLS, &CERTIFICATE, &CLEARTEXT, &AUTH_PLAIN, &AUTH_LOGIN, &LOGIN, &SENDER, &MAIL];
