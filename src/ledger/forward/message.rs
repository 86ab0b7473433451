//! An event as a syslog message (RFC 5424), framed by its length (RFC 6587, section 3.4.1; RFC 5425, section 4.3).
//!
//! The text is the event's signed body; number, hashes and signature stand in the structured data, so that what a receiver
//! keeps can be verified like an export.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::ledger::canonical::encode_canonical;
use crate::ledger::chain::{Hash, Record};
use crate::ledger::event::LedgerEvent;
use crate::ledger::export::cef_severity;

/// What a receiver should take (RFC 5424, section 6.1; RFC 5425, section 4.3.1), and rsyslog takes unless told otherwise.
const LONGEST: usize = 8192;
/// Log audit (RFC 5424, table 1).
const FACILITY: u8 = 13;
/// The number that RFC 5612 sets aside where nobody has one: ours has none.
const SD_ID: &str = "portcullis@32473";

/// One message with its length before it.
pub(super) fn encode_frame(ledger: &str, record: &Record) -> Vec<u8> {
    let whole = encode_message(ledger, record, &record.body, true);
    let message = if whole.len() > LONGEST { encode_message(ledger, record, &shorten(record), false) } else { whole };
    [format!("{} ", message.len()).as_bytes(), message.as_bytes()].concat()
}

/// The body without its details, which stand in the ledger.
fn shorten(record: &Record) -> String {
    let Ok((seq, event)) = LedgerEvent::parse_body(record.body.as_bytes()) else { return String::new() };
    let details = json!({"left_out": record.body.len()});
    let short = json!({"v": 1, "seq": seq, "kind": event.kind.name(), "at": event.at, "details": details});
    encode_canonical(&short).unwrap_or_default()
}

fn encode_message(ledger: &str, Record { prev, hash, signature, body }: &Record, text: &str, is_whole: bool) -> String {
    let parsed = LedgerEvent::parse_body(body.as_bytes()).ok();
    let Some((seq, event)) = parsed else {
        // A newer version's event: told all the same, without what only that version can read.
        return format!("<{}>1 - - portcullis - - [{SD_ID} ledger=\"{ledger}\" hash=\"{hash}\"] {text}", FACILITY * 8 + 6);
    };
    let severity = match cef_severity(&event) {
        7.. => 4,
        5..=6 => 5,
        0..=4 => 6,
    };
    let mut message = format!(
        "<{}>1 {:.6} {} portcullis {} {} [{SD_ID}",
        FACILITY * 8 + severity,
        event.at,
        header(&event.actor.host, 255),
        event.actor.pid,
        header(event.kind.name(), 32)
    );
    let number = seq.to_string();
    let signature = STANDARD.encode(signature);
    let hex = |hash: &Hash| hash.to_string();
    let whole = if is_whole { "yes" } else { "no" };
    let parameters = [
        ("ledger", ledger),
        ("event", &number),
        ("site", &event.site),
        ("user", &event.actor.user),
        ("from", &event.from),
        ("subject", event.subject.as_deref().unwrap_or_default()),
        ("hash", &hex(hash)),
        ("prev", &hex(prev)),
        ("signature", &signature),
        ("whole", whole),
    ];
    for (name, value) in parameters {
        let _infallible = write!(message, " {name}=\"{}\"", parameter(value));
    }
    message.push_str("] ");
    message.push_str(text);
    message
}

/// Printable ASCII without blanks, or the nil value.
fn header(text: &str, longest: usize) -> String {
    let sound: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if sound.is_empty() { "-".to_owned() } else { sound }
}

/// RFC 5424, section 6.3.3: these three are escaped, and nothing else. Control characters have no place in a log's line.
fn parameter(text: &str) -> String {
    let shown = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(500);
    shown.collect::<String>().replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::chain::{LedgerId, genesis, seal};
    use crate::ledger::event::tests::{noon, origin};
    use crate::ledger::runs::Beginning;
    use crate::ledger::sign::SigningKey;
    use regex::Regex;

    /// RFC 5424, section 6, as a regular expression: header, one element of structured data, text.
    const RFC5424: &str = r#"^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) \[([!#-<>-\\^-~]{1,32})((?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] (.*)$"#;

    fn record(event: &LedgerEvent) -> Record {
        let key = SigningKey::generate().unwrap();
        seal(genesis(LedgerId::made_at(noon(0)), key.public()), event.encode_body(3).unwrap(), &key).unwrap()
    }

    fn message_of(event: &LedgerEvent) -> (Record, String) {
        let record = record(event);
        let frame = String::from_utf8(encode_frame("L", &record)).unwrap();
        let (length, message) = frame.split_once(' ').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), message.len());
        (record, message.to_owned())
    }

    #[test]
    fn a_message_has_the_form_of_the_rfc_and_the_signed_body() {
        let (record, message) = message_of(&origin().run_started(noon(0), "r1", &Beginning::new(&["tls"], &["a0-1"])));
        let parts = Regex::new(RFC5424).unwrap().captures(&message).unwrap_or_else(|| panic!("{message}"));
        let part = |index| parts.get(index).unwrap().as_str();
        assert_eq!((part(1), part(2), part(3), part(4)), ("110", "2026-11-22T12:00:00.000000Z", "desk", "portcullis"));
        assert_eq!((part(5), part(6), part(7)), ("42", "run.started", "portcullis@32473"));
        assert!(part(8).contains(&format!(" hash=\"{}\" prev=\"{}\"", record.hash, record.prev)), "{message}");
        assert_eq!(part(9), record.body);
    }

    #[test]
    fn odd_names_cannot_break_out_of_their_place() {
        let mut event = origin().audit_read(noon(0), 1, "x");
        event.actor.host = "de sk\n\u{e4}".into();
        event.actor.user = "a\"] x=\"\\\n".into();
        event.subject = Some("]".into());
        let (_, message) = message_of(&event);
        let parts = Regex::new(RFC5424).unwrap().captures(&message).unwrap_or_else(|| panic!("{message}"));
        assert_eq!(parts.get(3).unwrap().as_str(), "desk");
        assert!(parts.get(8).unwrap().as_str().contains(r#" user="a\"\] x=\"\\ " "#), "{message}");
    }

    #[test]
    fn what_is_too_long_is_told_of_without_its_details() {
        let (record, message) = message_of(&origin().audit_read(noon(0), 1, &"x".repeat(9000)));
        assert!(message.len() <= LONGEST && message.contains(" whole=\"no\"]"), "{}", message.len());
        assert!(message.contains(&record.hash.to_string()), "the hash still says which event it is");
        assert!(message.ends_with("\"kind\":\"audit.read\",\"seq\":3,\"v\":1}"), "{message}");
    }
}
