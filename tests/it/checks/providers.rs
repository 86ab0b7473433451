//! The hints of known providers: postfix under their host names, answering what their documentation says that they answer.
//!
//! Amazon SES: "SMTP response codes" and "email sending errors" of its developer guide (554 not verified, 454 throttling). SendGrid:
//! "SMTP errors and troubleshooting" (403 not authorized, user `apikey`). Mandrill: "About SPF and DKIM" (mail is taken, and rejected
//! as `unsigned` afterwards), "SMTP integration" (the password is an API key).

use std::time::Duration;

use portcullis::checks::services::smtp::{Credentials, Dialogue, Message, SmtpReport, examine};
use portcullis::site::model::{MailProvider, StartTls};
use secrecy::SecretString;

use super::authority::{Authority, now};
use super::peers::{MAIL_PASSWORD, MAIL_USER, postfix};
use super::{not_passed, outcome, told};

const SES: &str = "email-smtp.eu-west-1.amazonaws.com";
const SENDGRID: &str = "smtp.sendgrid.net";
const MANDRILL: &str = "smtp.mandrillapp.com";

/// A mail to the provider, whose server has these settings, with this password.
async fn mail_by(host: &str, options: &[&str], password: &str) -> SmtpReport {
    let authority = Authority::new("World");
    let leaf = authority.leaf(&[host]);
    let server = postfix(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf, options);
    let (roots, password) = (authority.roots(), SecretString::from(password));
    let asked = Dialogue {
        origin: "a0-1",
        hello: "a0-1.corp.example",
        host,
        port: 587,
        starttls: StartTls::Required,
        // As a site file says it that knows the host alone.
        provider: MailProvider::Smtp,
        from: "appliance@corp.example",
        credentials: Some(Credentials { username: MAIL_USER, password: &password }),
        message: Some(Message { to: "ops@corp.example", subject: "Portcullis verify a0-1", text: "It works." }),
        roots: &roots,
        now: now(),
        patience: Duration::from_secs(5),
    };
    examine(server.connect().await, &asked).await
}

/// What is told of a mail that is answered so at the end of its data.
async fn at_the_end(host: &str, answer: &str) -> String {
    let options = format!("smtpd_end_of_data_restrictions = check_sender_access static:{{{answer}}}");
    told(&mail_by(host, &[&options], MAIL_PASSWORD).await.outcomes, "smtp.mail")
}

#[tokio::test]
async fn amazon_ses_says_what_it_lacks_and_the_fix_names_where_to_give_it() {
    let unverified = "554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: appliance@corp.example";
    let fix = at_the_end(SES, unverified).await;
    assert!(fix.contains("verify the domain of appliance@corp.example") && fix.contains("sandbox"), "{fix}");
    for throttled in ["454 Throttling failure: Maximum sending rate exceeded", "454 Throttling failure: Daily message quota exceeded"] {
        let fix = at_the_end(SES, throttled).await;
        assert!(fix.contains("quota is used up") && !fix.contains("grey"), "{fix}");
    }
    let refused = "554 Access denied: User is not authorized to perform ses:SendRawEmail";
    assert!(at_the_end(SES, refused).await.contains("allow it `ses:SendRawEmail`"));
    let login = told(&mail_by(SES, &[], "an-IAM-secret").await.outcomes, "smtp.login");
    assert!(login.contains("535") && login.contains("SMTP credentials") && login.contains("this very region"), "{login}");
}

#[tokio::test]
async fn sendgrid_s_user_and_sender_identity_are_named() {
    let login = told(&mail_by(SENDGRID, &[], "SG.wrong").await.outcomes, "smtp.login");
    assert!(login.contains("`smtp.username: apikey`"), "{login}");
    let option = "smtpd_sender_restrictions = check_sender_access static:{403 You are not authorized to send from that email address}";
    let report = mail_by(SENDGRID, &["smtpd_delay_reject = no", option], MAIL_PASSWORD).await;
    let told = told(&report.outcomes, "smtp.sender");
    assert!(told.contains("verified sender") && !told.contains("grey"), "{told}");
}

#[tokio::test]
async fn mandrill_takes_mail_that_it_rejects_later_and_that_is_said() {
    let report = mail_by(MANDRILL, &[], MAIL_PASSWORD).await;
    assert_eq!(not_passed(&report.outcomes), Vec::<String>::new());
    let seen = &outcome(&report.outcomes, "smtp.sender").evidence;
    assert!(seen.iter().any(|seen| seen.contains("unsigned")), "{seen:?}");
    let login = told(&mail_by(MANDRILL, &[], "not-a-key").await.outcomes, "smtp.login");
    assert!(login.contains("API key"), "{login}");
}
