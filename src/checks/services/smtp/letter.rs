//! The one mail that a check sends, and addresses as they go over the wire.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use sha2::{Digest, Sha256};

use super::report::Message;

/// Why a mail could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum LetterError {
    #[error("{address} is not a mail address")]
    Address { address: String },
    #[error("the mail could not be written: {source}")]
    Written { source: lettre::error::Error },
}

/// An address for `MAIL FROM` and `RCPT TO`, its domain in ASCII. Refuses what could smuggle a command.
pub(super) fn envelope_address(address: &str) -> Result<String, LetterError> {
    let parsed = mailbox(address)?;
    let Ok(domain) = idna::domain_to_ascii(parsed.email.domain()) else { return Err(LetterError::Address { address: address.to_owned() }) };
    Ok(format!("{}@{domain}", parsed.email.user()))
}

fn mailbox(address: &str) -> Result<Mailbox, LetterError> {
    let Ok(parsed) = address.parse() else { return Err(LetterError::Address { address: address.to_owned() }) };
    Ok(parsed)
}

/// The whole mail, dot-stuffed, with the line that ends it (RFC 5321, 4.5.2).
pub(super) fn data(from: &str, message: &Message<'_>, now: jiff::Timestamp) -> Result<Vec<u8>, LetterError> {
    let builder = MessageBuilder::new()
        .from(mailbox(from)?)
        .to(mailbox(message.to)?)
        .subject(message.subject)
        .date(now.into())
        .message_id(Some(message_id(from, message, now)))
        .header(ContentType::TEXT_PLAIN);
    let mail = builder.body(message.text.to_owned()).map_err(|source| LetterError::Written { source })?;
    Ok(stuffed(&mail.formatted()))
}

/// Unique for each mail of a moment, without the name of the operator's machine.
fn message_id(from: &str, message: &Message<'_>, now: jiff::Timestamp) -> String {
    let mut digest = Sha256::new();
    for part in [from, message.to, message.subject, message.text, &now.as_nanosecond().to_string()] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let unique = URL_SAFE_NO_PAD.encode(digest.finalize());
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain.trim_end_matches('>'));
    format!("<{unique}@{domain}>")
}

fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 16);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: Message<'_> = Message { to: "ops@corp.example", subject: "Portcullis verify", text: "All is well.\n.\nEnd" };

    #[test]
    fn a_mail_is_written_with_date_and_id_and_its_dots_are_doubled() {
        let data = data("appliance@corp.example", &MESSAGE, jiff::Timestamp::UNIX_EPOCH).unwrap();
        let text = String::from_utf8(data).unwrap();
        assert!(text.contains("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"), "{text}");
        assert!(text.contains("@corp.example>\r\n"), "{text}");
        assert!(text.ends_with("All is well.\r\n..\r\nEnd\r\n.\r\n"), "{text}");
    }

    #[test]
    fn an_address_cannot_smuggle_a_command() {
        for bad in ["a@b.example>\r\nDATA", "a b@c.example", "", "nobody"] {
            assert!(envelope_address(bad).is_err(), "{bad:?}");
        }
        assert_eq!(envelope_address("Appliance <a@bücher.example>").unwrap(), "a@xn--bcher-kva.example");
    }
}
