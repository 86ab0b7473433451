//! Dovecot's own submission service as mail server, with postfix behind it: as good as postfix itself, and its faults told.

use std::time::Duration;

use portcullis::checks::services::smtp::{Credentials, Dialogue, Message, SmtpReport, examine};
use portcullis::site::model::{MailProvider, StartTls};
use secrecy::SecretString;

use super::authority::{Authority, now};
use super::peers::{MAIL_PASSWORD, MAIL_USER, Peer, dovecot, postfix};
use super::{not_passed, told};

const HOST: &str = "mail.corp.example";

/// The server, with these lines of configuration, and postfix behind it; what a mail by it comes to.
async fn mail_by(lines: &str, password: &str, has_relay: bool) -> SmtpReport {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&[HOST]);
    let chain = format!("{}{}", leaf.pem, authority.intermediate());
    let trusting = ["mynetworks = 127.0.0.0/8", "smtpd_relay_restrictions = permit_mynetworks, reject"];
    let relay: Option<Peer> = has_relay.then(|| postfix(&chain, &leaf, &trusting));
    // Nobody listens on port 1.
    let server = dovecot(&chain, &leaf, relay.as_ref().map_or(1, |relay| relay.port), lines);
    let (roots, password) = (authority.roots(), SecretString::from(password));
    let asked = Dialogue {
        origin: "a0-1",
        hello: "a0-1.corp.example",
        host: HOST,
        port: 587,
        starttls: StartTls::Required,
        provider: MailProvider::Smtp,
        from: "appliance@corp.example",
        credentials: Some(Credentials { username: MAIL_USER, password: &password }),
        message: Some(Message { to: "ops@corp.example", subject: "Portcullis verify a0-1", text: "It works." }),
        roots: &roots,
        now: now(),
        patience: Duration::from_secs(10),
    };
    examine(server.connect().await, &asked).await
}

#[tokio::test]
async fn a_mail_by_dovecot_arrives_and_what_it_refuses_is_told() {
    let report = mail_by("", MAIL_PASSWORD, true).await;
    // Whoever asks on loopback is offered a login in clear.
    assert_eq!(not_passed(&report.outcomes), ["smtp.cleartext=warning"]);
    assert!(told(&report.outcomes, "smtp.cleartext").contains("`disable_plaintext_auth = yes`"));
    assert!(report.delivered.is_some());
    let wrong = mail_by("", "wr0ng-Horse", true).await;
    assert!(told(&wrong.outcomes, "smtp.login").contains("535"), "{:?}", wrong.findings());
}

#[tokio::test]
async fn a_server_whose_relay_is_gone_takes_the_login_and_is_told_what_it_says_of_the_mail() {
    let report = mail_by("", MAIL_PASSWORD, false).await;
    assert!(report.logged_in);
    let told = told(&report.outcomes, "smtp.sender");
    assert!(told.contains("421") && told.contains("`submission_relay_host`") && !told.contains("grey"), "{told}");
}
