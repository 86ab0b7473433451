//! Mail from a node: the login at the site's server through the node's own tunnel, or one mail handed to the
//! node's mail service, followed in its log until it has left.

use secrecy::SecretString;

use super::{Survey, within};
use crate::checks::services::reach::Unreached;
use crate::checks::services::smtp::{
    self, Credentials, Dialogue, Handover, LOGIN, MAIL, Message, RELAY_CHECKS, SENDER, examine, hand_over, judge_fate, unreachable,
    unreachable_relay,
};
use crate::checks::spec::{Outcome, Tally, Verdict};
use crate::node::{Inquiry, Probe};
use crate::site::model::{Node, Smtp};

/// Logs in at the mail server from the node; no mail is sent.
pub(super) async fn log_in<P: Probe>(node: &Node, machine: &P, survey: &Survey<'_>) -> Vec<Outcome> {
    let Some(smtp) = &survey.site.smtp else { return not_asked(&node.name, smtp::CHECKS) };
    let hello = hello(node, smtp);
    let password = survey.mail_password.as_ref();
    let asked = dialogue(node, smtp, survey, &hello, password.and_then(|password| password.as_ref().ok()));
    let report = match within(survey.patience, machine.connect_tcp(&smtp.host, smtp.port)).await {
        Ok(stream) => examine(stream, &asked).await,
        Err(Some(error)) => unreachable(&asked, &Unreached::from_remote(&error, &smtp.host, survey.patience)),
        Err(None) => unreachable(&asked, &Unreached::Filtered { after: survey.patience }),
    };
    let mut outcomes = report.outcomes;
    if let Some(Err(why)) = password {
        // Without the password nothing was asked, which is not the same as nothing being wanted.
        for outcome in outcomes.iter_mut().filter(|outcome| [LOGIN.id, SENDER.id].contains(&outcome.spec.id)) {
            outcome.verdict = Verdict::CouldNotRun { why: format!("the password could not be had: {why}") };
        }
    }
    // A login alone is asked for here; that no mail goes out is not worth a word.
    outcomes.retain(|outcome| outcome.spec.id != MAIL.id);
    outcomes
}

fn dialogue<'a>(
    node: &'a Node,
    smtp: &'a Smtp,
    survey: &'a Survey<'_>,
    hello: &'a str,
    password: Option<&'a SecretString>,
) -> Dialogue<'a> {
    Dialogue {
        origin: &node.name,
        hello,
        host: &smtp.host,
        port: smtp.port,
        starttls: smtp.starttls,
        provider: smtp.provider,
        from: &smtp.from,
        credentials: password.map(|password| Credentials { username: &smtp.username, password }),
        message: None,
        roots: &survey.trust.mail,
        now: survey.now,
        patience: survey.patience,
    }
}

fn not_asked(subject: &str, table: &[&'static crate::checks::CheckSpec]) -> Vec<Outcome> {
    let mut tally = Tally::of(subject);
    for spec in table {
        tally.not_applicable(spec, "the site file names no mail server");
    }
    tally.complete(table, "")
}

/// The node's name under the sender's domain: some servers refuse a name without a dot.
fn hello(node: &Node, smtp: &Smtp) -> String {
    let domain = smtp.from.rsplit_once('@').map_or("invalid", |(_, domain)| domain.trim_end_matches('>'));
    if node.name.contains('.') { node.name.clone() } else { format!("{}.{domain}", node.name) }
}

/// Hands one mail to the node's own mail service, and asks the node what became of it.
pub(super) async fn send<P: Probe>(node: &Node, machine: &P, to: &str, survey: &Survey<'_>) -> Vec<Outcome> {
    let Some(smtp) = &survey.site.smtp else { return not_asked(&node.name, RELAY_CHECKS) };
    let server = format!("{}:{}", smtp.host, smtp.port);
    let subject = format!("portcullis verify: a mail from {} of {}", node.name, survey.site.name);
    let text =
        format!("This mail left {} of {} by {server}, to prove that mail works. Nothing has to be done.\n", node.name, survey.site.name);
    let message = Message { to, subject: &subject, text: &text };
    let asked = Handover { origin: &node.name, server: &server, from: &smtp.from, message, now: survey.now, patience: survey.patience };
    let handed = match within(survey.patience, machine.connect_tcp("127.0.0.1", 25)).await {
        Ok(stream) => hand_over(stream, &asked).await,
        Err(Some(error)) => return unreachable_relay(&asked, &Unreached::from_remote(&error, "127.0.0.1", survey.patience)),
        Err(None) => return unreachable_relay(&asked, &Unreached::Filtered { after: survey.patience }),
    };
    let Some(queue_id) = handed.queue_id.clone() else { return judge_fate(handed, Ok(None), &asked) };
    let mut inquiry = Inquiry::machine();
    inquiry.mail(&queue_id);
    match machine.look(&inquiry).await {
        Ok(facts) => judge_fate(handed, Ok(facts.mails.get(&queue_id)), &asked),
        Err(error) => judge_fate(handed, Err(error.to_string()), &asked),
    }
}
