//! The ledger as text for other eyes: JSON Lines that can be verified off-line, CSV for people, CEF for a SIEM.
//!
//! JSON Lines begin with a line that says which ledger and key, and end with the newest checkpoint; in between each
//! event stands in its signed bytes. CSV and CEF are for reading and prove nothing.

use std::io::{self, Write};
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::canonical::encode_canonical;
use super::chain::{Found, Hash};
use super::checkpoint::SignedCheckpoint;
use super::event::{EventError, EventKind, LedgerEvent};
use super::verify::Identity;

/// The format of the JSON Lines.
pub(super) const EXPORT_FORMAT: u64 = 1;

/// What an export looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// JSON Lines, for `audit verify`.
    Jsonl,
    /// Comma-separated values (RFC 4180) with a heading.
    Csv,
    /// Common Event Format, version 0.
    Cef,
}

impl ExportFormat {
    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Cef => "cef",
        }
    }
}

/// Why an event could not be exported.
#[derive(Debug)]
pub(super) enum LineError {
    /// The receiver took no more.
    Io(io::Error),
    /// The event cannot be read.
    Event(EventError),
}

impl From<io::Error> for LineError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What stands before the events.
pub(super) fn write_opening(format: ExportFormat, identity: &Identity, out: &mut dyn Write) -> io::Result<()> {
    match format {
        ExportFormat::Jsonl => write_json(&opening(identity), out),
        ExportFormat::Csv => out.write_all(b"seq,at,kind,site,subject,user,host,pid,from,details,hash\r\n"),
        ExportFormat::Cef => Ok(()),
    }
}

/// The first line of the JSON Lines.
pub(super) fn opening(identity: &Identity) -> Value {
    json!({"format": EXPORT_FORMAT, "key": identity.key.encode_base64(), "ledger": identity.ledger.to_string(), "type": "ledger"})
}

/// What stands after the events.
pub(super) fn write_closing(format: ExportFormat, note: Option<&SignedCheckpoint>, out: &mut dyn Write) -> io::Result<()> {
    if let (ExportFormat::Jsonl, Some(note)) = (format, note) {
        write_json(&json!({"note": note.render_note(), "type": "checkpoint"}), out)?;
    }
    out.flush()
}

fn write_json(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    let line = encode_canonical(value).map_err(io::Error::other)?;
    writeln!(out, "{line}")
}

/// One event.
pub(super) fn write_event(format: ExportFormat, found: &Found<'_>, out: &mut dyn Write) -> Result<(), LineError> {
    if format == ExportFormat::Jsonl {
        out.write_all(b"{\"event\":")?;
        out.write_all(found.body)?;
        let (hash, prev, signature) = (hex(found.hash), hex(found.prev), STANDARD.encode(found.signature));
        return Ok(writeln!(out, ",\"hash\":\"{hash}\",\"prev\":\"{prev}\",\"signature\":\"{signature}\",\"type\":\"event\"}}")?);
    }
    let (seq, event) = LedgerEvent::parse_body(found.body).map_err(LineError::Event)?;
    let details = encode_canonical(&Value::Object(event.details.clone())).map_err(io::Error::other)?;
    match format {
        ExportFormat::Csv => write_csv(seq, &event, &details, &hex(found.hash), out)?,
        ExportFormat::Cef | ExportFormat::Jsonl => write_cef(seq, &event, &details, &hex(found.hash), out)?,
    }
    Ok(())
}

fn hex(hash: &[u8]) -> String {
    Hash::parse_bytes(hash).map(|hash| hash.to_string()).unwrap_or_default()
}

fn write_csv(seq: u64, event: &LedgerEvent, details: &str, hash: &str, out: &mut dyn Write) -> io::Result<()> {
    let (at, pid) = (event.at.to_string(), event.actor.pid.to_string());
    let texts = [
        &at,
        event.kind.name(),
        &event.site,
        event.subject.as_deref().unwrap_or_default(),
        &event.actor.user,
        &event.actor.host,
        &pid,
        &event.from,
        details,
        hash,
    ];
    write!(out, "{seq}")?;
    texts.iter().try_for_each(|text| write!(out, ",{}", csv_field(text)))?;
    out.write_all(b"\r\n")
}

/// Quotes what RFC 4180 says, and keeps spreadsheets from taking a text for a formula.
fn csv_field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn write_cef(seq: u64, event: &LedgerEvent, details: &str, hash: &str, out: &mut dyn Write) -> io::Result<()> {
    let kind = event.kind.name();
    write!(
        out,
        "CEF:0|Portcullis|Portcullis|{}|{}|{}|{}|",
        env!("CARGO_PKG_VERSION"),
        cef_header(kind),
        cef_header(&kind.replace(['.', '-'], " ")),
        cef_severity(event),
    )?;
    let address = event.from.parse::<IpAddr>().is_ok();
    let fields = [
        ("rt", event.at.as_millisecond().to_string()),
        ("externalId", seq.to_string()),
        ("suser", event.actor.user.clone()),
        ("spid", event.actor.pid.to_string()),
        ("dvchost", event.actor.host.clone()),
        (if address { "src" } else { "shost" }, event.from.clone()),
        ("cs1Label", "site".to_owned()),
        ("cs1", event.site.clone()),
        ("cs2Label", "subject".to_owned()),
        ("cs2", event.subject.clone().unwrap_or_default()),
        ("cs3Label", "hash".to_owned()),
        ("cs3", hash.to_owned()),
        ("msg", details.to_owned()),
    ];
    let texts: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", cef_value(value))).collect();
    writeln!(out, "{}", texts.join(" "))
}

pub(super) fn cef_severity(event: &LedgerEvent) -> u8 {
    match &event.kind {
        EventKind::RunFinished if event.details.get("outcome").and_then(Value::as_str) == Some("failed") => 7,
        EventKind::CheckpointReplaced | EventKind::KeyAdmitted | EventKind::KeyRetired => 7,
        EventKind::RunRolledBack => 6,
        EventKind::WindowRequested
        | EventKind::WindowApproved
        | EventKind::WindowWithdrawn
        | EventKind::WindowOpening
        | EventKind::WindowOpened
        | EventKind::WindowExtended
        | EventKind::WindowClosing
        | EventKind::WindowClosed => 5,
        EventKind::RunStarted
        | EventKind::RunFinished
        | EventKind::RunSettled
        | EventKind::WindowEvidence
        | EventKind::CheckWaived
        | EventKind::Unknown(_) => 3,
        EventKind::AuditRead | EventKind::AuditVerified | EventKind::AuditExported | EventKind::CheckpointCountersigned => 2,
    }
}

fn cef_header(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ")
}

fn cef_value(text: &str) -> String {
    text.replace('\\', "\\\\").replace('=', "\\=").replace('\r', "\\r").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::event::tests::{noon, origin};

    fn exported(format: ExportFormat, event: &LedgerEvent) -> String {
        let body = event.encode_body(3).unwrap();
        let found = Found { place: 3, prev: &[1; 32], hash: &[2; 32], signature: &[3; 64], body: body.as_bytes() };
        let mut out = Vec::new();
        write_event(format, &found, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_quotes_and_disarms_formulas() {
        let mut event = origin().audit_read(noon(0), 1, "a \"b\"");
        event.actor.user = "=cmd|' /C calc'!A0".into();
        let line = exported(ExportFormat::Csv, &event);
        assert!(line.starts_with("3,2026-11-22T12:00:00Z,audit.read,north,,'=cmd|' /C calc'!A0,desk,42,192.0.2.7,"), "{line}");
        assert!(line.contains("\"{\"\"events\"\":1,\"\"query\"\":\"\"a \\\"\"b\\\"\"\"\"}\""), "{line}");
        assert!(line.ends_with("0202\r\n"));
    }

    #[test]
    fn cef_escapes_what_its_readers_would_take_for_structure() {
        let mut event = origin().event(EventKind::Unknown("a|b\\c".into()), noon(0), Some("x=y\nz"), serde_json::Map::new());
        event.from = "desk".into();
        let line = exported(ExportFormat::Cef, &event);
        assert!(line.starts_with("CEF:0|Portcullis|Portcullis|0.1.0|a\\|b\\\\c|a\\|b\\\\c|3|rt=1795348800000 externalId=3 "), "{line}");
        assert!(line.contains(" shost=desk ") && line.contains(" cs2=x\\=y\\nz "), "{line}");
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn a_line_of_json_is_canonical_as_a_whole() {
        let line = exported(ExportFormat::Jsonl, &origin().audit_read(noon(0), 1, "all"));
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(encode_canonical(&value).unwrap(), line.trim_end());
    }
}
