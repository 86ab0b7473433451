//! The dialogue with postfix and Dovecot, each finding provoked by the fault it names.

use std::time::Duration;

use portcullis::checks::services::reach::Unreached;
use portcullis::checks::services::smtp::{Credentials, Dialogue, Message, SmtpReport, examine, unreachable};
use portcullis::checks::services::tls::Roots;
use portcullis::site::model::{MailProvider, StartTls};
use secrecy::SecretString;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::authority::{Authority, now, self_signed};
use super::peers::{MAIL_PASSWORD, MAIL_USER, Peer, postfix};
use super::{not_passed, told};

const HOST: &str = "mail.corp.example";
const MAIL: Message<'_> = Message { to: "ops@corp.example", subject: "Portcullis verify a0-1", text: "It works.\n.\n" };

/// A server with a good chain, and the roots that trust it.
fn server(options: &[&str]) -> (Peer, Roots) {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&[HOST]);
    (postfix(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf, options), authority.roots())
}

struct Asked<'a> {
    starttls: StartTls,
    password: &'a str,
    message: Option<Message<'a>>,
    port: u16,
}

const USUAL: Asked<'_> = Asked { starttls: StartTls::Required, password: MAIL_PASSWORD, message: None, port: 587 };

async fn look(server: &Peer, roots: &Roots, asked: &Asked<'_>) -> SmtpReport {
    let password = SecretString::from(asked.password);
    let report = examine(server.connect().await, &dialogue(roots, asked, &password)).await;
    for finding in report.findings() {
        assert!(!format!("{finding:?}").contains(asked.password), "the password stands in {finding:?}");
    }
    report
}

fn dialogue<'a>(roots: &'a Roots, asked: &Asked<'a>, password: &'a SecretString) -> Dialogue<'a> {
    Dialogue {
        origin: "a0-1",
        hello: "a0-1.corp.example",
        host: HOST,
        port: asked.port,
        starttls: asked.starttls,
        provider: MailProvider::Smtp,
        from: "appliance@corp.example",
        credentials: Some(Credentials { username: MAIL_USER, password }),
        message: asked.message,
        roots,
        now: now(),
        patience: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn a_good_server_passes_every_check_and_the_mail_arrives() {
    let (server, roots) = server(&[]);
    let report = look(&server, &roots, &Asked { message: Some(MAIL), ..USUAL }).await;
    assert_eq!(not_passed(&report.outcomes), Vec::<String>::new());
    assert!(report.delivered.unwrap().contains("queued as"));
    assert!(report.before_tls.unwrap().auth.is_empty() && report.capabilities.unwrap().auth == ["PLAIN", "LOGIN"]);
    let inbox = server.path("mail/inbox/new");
    let arrived = || std::fs::read_dir(&inbox).ok()?.flatten().next();
    let mut waited = Duration::ZERO;
    let mail = loop {
        match arrived() {
            Some(mail) => break std::fs::read_to_string(mail.path()).unwrap(),
            None if waited > Duration::from_secs(10) => panic!("no mail arrived"),
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        waited += Duration::from_millis(50);
    };
    assert!(mail.contains("Subject: Portcullis verify a0-1") && mail.contains("It works.\n.\n"), "{mail}");
}

#[tokio::test]
async fn without_a_mail_to_send_the_login_is_tried_and_the_sender_asked_about() {
    let (server, roots) = server(&[]);
    let report = look(&server, &roots, &USUAL).await;
    assert_eq!(not_passed(&report.outcomes), ["smtp.mail=n/a"]);
    assert!(report.logged_in);
}

#[tokio::test]
async fn port_465_speaks_tls_from_the_first_byte() {
    let (server, roots) = server(&["smtpd_tls_wrappermode = yes"]);
    let report = look(&server, &roots, &Asked { port: 465, ..USUAL }).await;
    assert_eq!(not_passed(&report.outcomes), ["smtp.mail=n/a"]);
    assert!(report.before_tls.is_none());
}

#[tokio::test]
async fn port_465_without_tls_points_to_587() {
    let (server, roots) = server(&[]);
    let report = look(&server, &roots, &Asked { port: 465, ..USUAL }).await;
    assert!(told(&report.outcomes, "smtp.starttls").contains("set `smtp.port: 587`"));
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_the_server_s_words() {
    let (server, roots) = server(&[]);
    let report = look(&server, &roots, &Asked { password: "wr0ng-Horse", ..USUAL }).await;
    assert_eq!(not_passed(&report.outcomes), ["smtp.login=error", "smtp.sender=could-not-run", "smtp.mail=could-not-run"]);
    assert!(told(&report.outcomes, "smtp.login").contains("535 5.7.8"));
}

#[tokio::test]
async fn a_name_that_the_certificate_lacks_stops_the_password() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["mx.corp.example"]);
    let server = postfix(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf, &[]);
    let report = look(&server, &authority.roots(), &USUAL).await;
    let told = told(&report.outcomes, "smtp.certificate");
    assert!(told.contains("it names mx.corp.example → set `smtp.host: mx.corp.example`"), "{told}");
    let others = ["smtp.login=could-not-run", "smtp.sender=could-not-run", "smtp.mail=could-not-run"];
    assert_eq!(not_passed(&report.outcomes)[1..], others);
    assert!(!std::fs::read_to_string(server.path("mail.log")).unwrap().contains("sasl_username"));
}

#[tokio::test]
async fn an_expired_a_short_and_a_private_chain_are_told_apart() {
    let authority = Authority::new("Corp");
    let expired = authority.leaf_until(&[HOST], 2025);
    let server = postfix(&format!("{}{}", expired.pem, authority.intermediate()), &expired, &[]);
    let report = look(&server, &authority.roots(), &USUAL).await;
    assert!(told(&report.outcomes, "smtp.certificate").contains("expired on 2025-01-31"));

    let leaf = authority.leaf(&[HOST]);
    let server = postfix(&leaf.pem, &leaf, &[]);
    let report = look(&server, &authority.roots(), &USUAL).await;
    assert!(told(&report.outcomes, "smtp.certificate").contains("CN=Corp Intermediate is not served"));

    let own = self_signed(HOST);
    let server = postfix(&own.pem, &own, &[]);
    let report = look(&server, &authority.roots(), &USUAL).await;
    assert!(told(&report.outcomes, "smtp.certificate").contains("is self-signed"));
}

#[tokio::test]
async fn a_server_without_starttls_is_an_error_a_warning_or_neither_as_the_site_says() {
    let (server, roots) = server(&["smtpd_tls_security_level = none", "smtpd_tls_auth_only = no"]);
    let report = look(&server, &roots, &USUAL).await;
    assert!(told(&report.outcomes, "smtp.starttls").contains("the site demands it"));

    let report = look(&server, &roots, &Asked { starttls: StartTls::Optional, ..USUAL }).await;
    assert_eq!(
        not_passed(&report.outcomes),
        [
            "smtp.starttls=warning",
            "smtp.certificate=n/a",
            "smtp.cleartext=error",
            "smtp.login=could-not-run",
            "smtp.sender=could-not-run",
            "smtp.mail=could-not-run"
        ]
    );
    assert!(!std::fs::read_to_string(server.path("mail.log")).unwrap().contains("sasl_username"), "the password was sent");

    let report = look(&server, &roots, &Asked { starttls: StartTls::Off, ..USUAL }).await;
    assert!(report.logged_in);
    assert_eq!(not_passed(&report.outcomes), ["smtp.starttls=n/a", "smtp.certificate=n/a", "smtp.cleartext=warning", "smtp.mail=n/a"]);
}

#[tokio::test]
async fn a_server_that_takes_passwords_before_tls_is_a_warning() {
    let (server, roots) = server(&["smtpd_tls_auth_only = no"]);
    let report = look(&server, &roots, &USUAL).await;
    assert_eq!(not_passed(&report.outcomes), ["smtp.cleartext=warning", "smtp.mail=n/a"]);
}

#[tokio::test]
async fn login_alone_is_named_and_the_password_kept_back() {
    let (server, roots) = server(&["smtpd_sasl_mechanism_filter = login"]);
    let report = look(&server, &roots, &USUAL).await;
    assert!(told(&report.outcomes, "smtp.auth.plain").contains("AUTH LOGIN alone is offered"));
    assert!(!report.logged_in);
}

#[tokio::test]
async fn plain_alone_is_a_warning_for_tenants() {
    let (server, roots) = server(&["smtpd_sasl_mechanism_filter = plain"]);
    let report = look(&server, &roots, &USUAL).await;
    assert_eq!(not_passed(&report.outcomes), ["smtp.auth.login=warning", "smtp.mail=n/a"]);
}

#[tokio::test]
async fn a_sender_that_the_account_does_not_own_is_refused() {
    let options = [
        "smtpd_sender_login_maps = static:somebody-else",
        "smtpd_sender_restrictions = reject_sender_login_mismatch",
        "smtpd_delay_reject = no",
    ];
    let (server, roots) = server(&options);
    let report = look(&server, &roots, &USUAL).await;
    assert!(told(&report.outcomes, "smtp.sender").contains("553 5.7.1"));
}

#[tokio::test]
async fn a_recipient_that_is_refused_is_a_finding_of_the_mail() {
    let (server, roots) = server(&["smtpd_recipient_restrictions = reject"]);
    let report = look(&server, &roots, &Asked { message: Some(MAIL), ..USUAL }).await;
    assert!(told(&report.outcomes, "smtp.mail").contains("RCPT TO:<ops@corp.example> was refused: 554 5.7.1"));
}

#[tokio::test]
async fn a_server_that_does_not_want_this_machine_says_so_in_its_greeting() {
    let (server, roots) = server(&["smtpd_client_restrictions = reject", "smtpd_delay_reject = no"]);
    let report = look(&server, &roots, &USUAL).await;
    assert!(told(&report.outcomes, "smtp.greeting").contains("allow a0-1 on port 587"));
}

#[tokio::test]
async fn a_server_whose_size_limit_is_too_low_for_the_appliance_is_found_before_any_mail_is_sent() {
    let (server, roots) = server(&["message_size_limit = 20000"]);
    let report = look(&server, &roots, &USUAL).await;
    let told = told(&report.outcomes, "smtp.sender");
    assert!(told.contains("552 5.3.4") && told.contains("message_size_limit"), "{told}");
}

#[tokio::test]
async fn a_server_without_8bitmime_pipelining_and_size_is_good_enough() {
    let (server, roots) = server(&["smtpd_discard_ehlo_keywords = 8bitmime, pipelining, size, chunking, dsn, smtputf8, etrn, vrfy"]);
    let report = look(&server, &roots, &Asked { message: Some(MAIL), ..USUAL }).await;
    assert_eq!(not_passed(&report.outcomes), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_of_old_tls_alone_is_told_in_the_mail_team_s_words() {
    let old = ["smtpd_tls_protocols = TLSv1.1", "smtpd_tls_mandatory_protocols = TLSv1.1", "tls_medium_cipherlist = ALL:@SECLEVEL=0"];
    let (server, roots) = server(&old);
    let report = look(&server, &roots, &USUAL).await;
    let told = told(&report.outcomes, "smtp.starttls");
    assert!(told.contains("nothing later than TLS 1.1") && told.contains("smtpd_tls_protocols") && !told.contains("nginx"), "{told}");
}

#[tokio::test]
async fn a_greeting_that_stalls_in_its_midst_is_told_with_what_was_said() {
    let teased = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = teased.local_addr().unwrap();
    let greeting = tokio::spawn(async move {
        let (mut stream, _) = teased.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"220-Welcome, please wait\r\n").await.unwrap();
        let mut seen = Vec::new();
        stream.read_to_end(&mut seen).await.unwrap();
        seen
    });
    let (roots, password) = (Roots::none(), SecretString::from("x"));
    let asked = Dialogue { patience: Duration::from_millis(400), ..dialogue(&roots, &USUAL, &password) };
    let report = examine(tokio::net::TcpStream::connect(address).await.unwrap(), &asked).await;
    let told = told(&report.outcomes, "smtp.greeting");
    assert!(told.contains("Welcome, please wait") && told.contains("--timeout 1m"), "{told}");
    assert!(greeting.await.unwrap().is_empty(), "who is greeted in part must not speak");
}

#[tokio::test]
async fn a_server_that_refuses_ehlo_is_told_with_its_words() {
    let (server, roots) = server(&["smtpd_helo_restrictions = reject", "smtpd_delay_reject = no"]);
    let report = look(&server, &roots, &USUAL).await;
    let told = told(&report.outcomes, "smtp.ehlo");
    assert!(told.contains("EHLO") && told.contains("554 5.7.1"), "{told}");
    assert!(not_passed(&report.outcomes)[1..].iter().all(|line| line.ends_with("=could-not-run")), "{:?}", report.outcomes);
}

#[tokio::test]
async fn a_host_that_accepts_and_says_nothing_is_a_finding_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let accepted = tokio::spawn(async move {
        let (mut stream, _) = silent.accept().await.unwrap();
        let mut seen = Vec::new();
        stream.read_to_end(&mut seen).await.unwrap();
        seen
    });
    let (roots, password) = (Roots::none(), SecretString::from("x"));
    let asked = Dialogue { patience: Duration::from_millis(300), ..dialogue(&roots, &USUAL, &password) };
    let report = examine(tokio::net::TcpStream::connect(address).await.unwrap(), &asked).await;
    let told = told(&report.outcomes, "smtp.greeting");
    assert!(told.contains("said nothing for 300ms") && told.contains("`smtp.port: 465`"), "{told}");
    assert_eq!(report.findings().len(), 1);
    assert!(accepted.await.unwrap().is_empty(), "something was sent to a server that had not greeted");
}

#[test]
fn an_unreachable_server_leaves_every_other_check_not_green() {
    let (roots, password) = (Roots::none(), SecretString::from("x"));
    let report = unreachable(&dialogue(&roots, &USUAL, &password), &Unreached::Filtered { after: Duration::from_secs(5) });
    assert!(told(&report.outcomes, "smtp.tcp").ends_with("allow TCP from a0-1 to mail.corp.example:587"));
    assert!(not_passed(&report.outcomes)[1..].iter().all(|line| line.ends_with("=could-not-run")));
}
