//! One mail handed to a node's own mail service, as the appliance's programs do: no login, no TLS, on loopback.
//! That it was taken is half the proof; what became of it the node's mail log says ([`judge_fate`]).

use std::time::Duration;

use super::letter;
use super::report::Message;
use super::wire::{Reply, Wire, WireError};
use super::{MAIL, RELAY};
use crate::checks::services::reach::Unreached;
use crate::checks::spec::{CheckSpec, Outcome, Tally};
use crate::node::MailFact;

/// A mail for a node's own mail service.
#[derive(Debug, Clone, Copy)]
pub struct Handover<'a> {
    /// The node.
    pub origin: &'a str,
    /// The site's mail server as `host:port`, for what became of the mail.
    pub server: &'a str,
    /// Sender address.
    pub from: &'a str,
    /// The mail.
    pub message: Message<'a>,
    /// The date that the mail bears.
    pub now: jiff::Timestamp,
    /// How long each reply may take.
    pub patience: Duration,
}

/// The checks of a mail that leaves by the node's own mail service, in their order.
pub static RELAY_CHECKS: &[&CheckSpec] = &[&RELAY, &MAIL];

/// What the node's mail service said.
#[derive(Debug)]
pub struct Handed {
    tally: Tally,
    /// The queue id under which its log speaks of the mail; `None` where it was not taken or none was told.
    pub queue_id: Option<String>,
}

/// Hands the mail over a stream that is connected to the mail service.
pub async fn hand_over<S>(stream: S, asked: &Handover<'_>) -> Handed
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let mut tally = Tally::of(asked.origin);
    let mut wire = Wire::over(Box::new(stream), asked.patience);
    let reply = match converse(&mut wire, asked).await {
        Ok(reply) => reply,
        Err(message) => {
            tally.found(
                &RELAY,
                message,
                "look at it on the node: `systemctl status postfix`, `journalctl -u 'postfix*'`; then `portcullis apply smtp`",
            );
            return Handed { tally, queue_id: None };
        }
    };
    // Courtesy alone: the mail is theirs.
    let _ignored = wire.command("QUIT").await;
    tally.passed(&RELAY, reply.shown());
    let queue_id = queue_id(&reply);
    if queue_id.is_none() {
        tally.could_not_run(&MAIL, format!("the node's mail service told no queue id: {}", reply.shown()));
    }
    Handed { tally, queue_id }
}

/// The outcomes where the node's mail service could not be reached.
pub fn unreachable_relay(asked: &Handover<'_>, why: &Unreached) -> Vec<Outcome> {
    let mut tally = Tally::of(asked.origin);
    let fix = match why {
        Unreached::Refused => "start the node's mail service: `systemctl enable --now postfix`, then `portcullis apply smtp`".to_owned(),
        Unreached::Filtered { .. }
        | Unreached::Reset
        | Unreached::NoRoute
        | Unreached::Unresolved { .. }
        | Unreached::Prohibited
        | Unreached::Refusal { .. } => why.fix(asked.origin, "127.0.0.1:25"),
    };
    tally.found(&RELAY, format!("the node's own mail service on 127.0.0.1:25: {why}"), fix);
    tally.complete(RELAY_CHECKS, "the node's mail service took no mail")
}

/// The outcomes, once the node's mail log has been asked; `fate` is `None` where it says nothing yet.
pub fn judge_fate(handed: Handed, fate: Result<Option<&MailFact>, String>, asked: &Handover<'_>) -> Vec<Outcome> {
    let mut tally = handed.tally;
    if handed.queue_id.is_some() {
        let id = handed.queue_id.unwrap_or_default();
        match fate {
            Ok(Some(fact)) if fact.status == "sent" => tally.passed(&MAIL, format!("{id}: sent: {}", fact.said)),
            Ok(Some(fact)) => {
                let message = format!("the mail did not leave, {} has it as {}: {}", asked.origin, fact.status, fact.said);
                tally.found(&MAIL, message, advise(&fact.said, asked));
            }
            Ok(None) => {
                let fix = format!(
                    "`portcullis check --only smtp` says whether {} is reached from there; the node's own log: `journalctl SYSLOG_FACILITY=2 | grep {id}`",
                    asked.server
                );
                tally.found(
                    &MAIL,
                    format!("mail {id} was taken, and the log says nothing of it within 15 s: it is still in the queue"),
                    fix,
                );
            }
            Err(why) => tally.could_not_run(&MAIL, format!("the node's mail log could not be asked: {why}")),
        }
    }
    let failed = tally.has_errors();
    tally.complete(RELAY_CHECKS, if failed { "the node's mail service took no mail" } else { "not looked at" })
}

async fn converse(wire: &mut Wire, asked: &Handover<'_>) -> Result<Reply, String> {
    let from = letter::envelope_address(asked.from).map_err(|error| error.to_string())?;
    let to = letter::envelope_address(asked.message.to).map_err(|error| error.to_string())?;
    let data = letter::data(asked.from, &asked.message, asked.now).map_err(|error| error.to_string())?;
    let greeting = wire.reply().await;
    accepted("the greeting", greeting)?;
    for line in ["EHLO localhost", &format!("MAIL FROM:<{from}>"), &format!("RCPT TO:<{to}>"), "DATA"] {
        let reply = wire.command(line).await;
        accepted(line, reply)?;
    }
    let outcome = match wire.send(&data).await {
        Ok(()) => wire.reply().await,
        Err(error) => Err(error),
    };
    accepted("the mail", outcome)
}

fn accepted(what: &str, outcome: Result<Reply, WireError>) -> Result<Reply, String> {
    match outcome {
        Ok(reply) if (200..400).contains(&reply.code) => Ok(reply),
        Ok(reply) => Err(format!("the node's own mail service refuses {what}: {}", reply.shown())),
        Err(error) => Err(format!("the node's own mail service, at {what}: {error}")),
    }
}

/// `250 2.0.0 Ok: queued as 4ABC` → `4ABC`.
fn queue_id(reply: &Reply) -> Option<String> {
    let words = reply.lines.last()?;
    let (_, id) = words.rsplit_once("queued as ")?;
    let id: String = id.chars().take_while(char::is_ascii_alphanumeric).collect();
    (!id.is_empty()).then_some(id)
}

// postfix's own words, which name the stage at which it stopped.
fn advise(said: &str, asked: &Handover<'_>) -> String {
    let has = |part: &str| said.contains(part);
    let server = asked.server;
    if has("authentication failed") || has("SASL") {
        return format!(
            "the login at {server} fails from this node: check the secret behind `smtp.password`, then `portcullis apply smtp`; `portcullis check --only smtp` shows whether the account itself works"
        );
    }
    if has("Cannot start TLS") || has("TLS is required") || has("certificate") || has("not verified") || has("Server certificate") {
        return format!("TLS with {server} fails: `portcullis check --only smtp` names what is wrong with its certificate or STARTTLS");
    }
    if has("Connection refused") || has("Connection timed out") || has("No route") || has("Network is unreachable") {
        return format!("ask the firewall team: allow TCP from {} to {server}", asked.origin);
    }
    if has("Host or domain name not found") || has("Name service error") {
        return format!("ask the DNS team: {} must resolve on {}", server.rsplit_once(':').map_or(server, |(host, _)| host), asked.origin);
    }
    format!("ask the mail team of {server} what its words mean; the mail stays in the queue of {} (`postqueue -p`)", asked.origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Verdict;
    use crate::checks::spec::findings;

    const HANDOVER: Handover<'_> = Handover {
        origin: "a0-1",
        server: "mail.example:587",
        from: "a@corp.example",
        message: Message { to: "b@corp.example", subject: "s", text: "t" },
        now: jiff::Timestamp::UNIX_EPOCH,
        patience: Duration::from_secs(5),
    };

    async fn handed(script: &'static str) -> Handed {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let server = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let (mut read, mut write) = tokio::io::split(theirs);
            write.write_all(script.as_bytes()).await.unwrap();
            drop(read.read_to_end(&mut Vec::new()).await);
        });
        let handed = hand_over(ours, &HANDOVER).await;
        server.abort();
        handed
    }

    const TAKEN: &str = "220 hi\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 Ok: queued as 4XyZ12\r\n221 bye\r\n";

    #[tokio::test]
    async fn a_mail_that_was_sent_passes_with_the_server_s_words() {
        let taken = handed(TAKEN).await;
        assert_eq!(taken.queue_id.as_deref(), Some("4XyZ12"));
        let fact = MailFact { status: "sent".to_owned(), said: "250 queued as 9".to_owned() };
        let outcomes = judge_fate(taken, Ok(Some(&fact)), &HANDOVER);
        assert!(outcomes.iter().all(|outcome| outcome.verdict == Verdict::Passed), "{outcomes:#?}");
    }

    #[tokio::test]
    async fn a_deferred_mail_is_named_with_the_server_s_words() {
        let said = "SASL authentication failed; server mail.example[192.0.2.1] said: 535 5.7.8 Error".to_owned();
        let fact = MailFact { status: "deferred".to_owned(), said };
        let found = findings(&judge_fate(handed(TAKEN).await, Ok(Some(&fact)), &HANDOVER));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, "smtp.mail");
        assert!(found[0].message.contains("deferred") && found[0].message.contains("535 5.7.8"), "{}", found[0].message);
        assert!(found[0].fix.contains("smtp.password"), "{}", found[0].fix);
    }

    #[tokio::test]
    async fn a_mail_that_nobody_speaks_of_is_no_success() {
        let found = findings(&judge_fate(handed(TAKEN).await, Ok(None), &HANDOVER));
        assert_eq!(found[0].id, "smtp.mail");
        let outcomes = judge_fate(handed(TAKEN).await, Err("gone".to_owned()), &HANDOVER);
        assert!(matches!(outcomes[1].verdict, Verdict::CouldNotRun { .. }));
    }

    #[tokio::test]
    async fn a_refusal_is_shown_and_nothing_is_asked_after_it() {
        let refused = handed("220 hi\r\n250 ok\r\n250 ok\r\n554 5.7.1 relay denied\r\n").await;
        assert_eq!(refused.queue_id, None);
        let outcomes = judge_fate(refused, Ok(None), &HANDOVER);
        assert!(findings(&outcomes)[0].message.contains("554 5.7.1 relay denied"), "{outcomes:#?}");
        assert!(matches!(outcomes[1].verdict, Verdict::CouldNotRun { .. }));
    }
}
