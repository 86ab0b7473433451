//! The ledger for people: one line an event, and the two verdicts with what led to them.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::findings::write_finding;
use super::text::{Look, Tone, counted, escape, write_table};
use crate::ledger::{EventKind, LedgerEvent, LoggedEvent, Verdict, Verdicts};

/// Writes one line an event, in the order given.
pub fn write_log(out: &mut dyn Write, events: &[LoggedEvent], look: &Look) -> io::Result<()> {
    if events.is_empty() {
        return writeln!(out, "No events.");
    }
    let rows: Vec<_> = events.iter().map(row).collect();
    write_table(out, &["EVENT", "WHEN", "KIND", "WHO", "FROM", "SUBJECT", "DETAILS"], &rows, look)?;
    out.flush()
}

fn row(logged: &LoggedEvent) -> Vec<String> {
    let event = &logged.event;
    let who = format!("{}@{}", event.actor.user, event.actor.host);
    let texts = [event.kind.name(), &who, &event.from, event.subject.as_deref().unwrap_or("-"), &details(event)]
        .map(|text| escape(text).into_owned());
    [logged.seq.to_string(), format!("{:.0}", event.at)].into_iter().chain(texts).collect()
}

/// What an event's details come down to in a few words.
fn details(event: &LedgerEvent) -> String {
    let text = |name: &str| event.details.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| event.details.get(name).and_then(Value::as_u64).unwrap_or_default();
    let names = |name: &str| {
        let items = event.details.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
    };
    match event.kind {
        EventKind::RunStarted => {
            let more = [("takes_up", "takes up"), ("skip", "without")].map(|(name, word)| (names(name), word));
            let more: Vec<_> =
                more.iter().filter(|(names, _)| !names.is_empty()).map(|(names, word)| format!("; {word} {names}")).collect();
            format!("{} on {}{}", names("playbooks"), names("nodes"), more.concat())
        }
        EventKind::RunSettled => {
            let nodes = event.details.get("nodes").and_then(Value::as_array).into_iter().flatten();
            let told = nodes.filter_map(|node| Some(format!("{} {}", node.get("node")?.as_str()?, node.get("outcome")?.as_str()?)));
            told.collect::<Vec<_>>().join(", ")
        }
        EventKind::RunFinished | EventKind::RunRolledBack => {
            let nodes = event.details.get("nodes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            // Those that a run did not concern are not what it is about.
            let nodes: Vec<_> = nodes.iter().filter(|node| node.get("outcome").and_then(Value::as_str) != Some("not-concerned")).collect();
            let files: usize = nodes.iter().filter_map(|node| node.get("files")?.as_array()).map(Vec::len).sum();
            format!("{}: {}, {}", text("outcome"), counted(nodes.len(), "node"), counted(files, "file"))
        }
        EventKind::CheckWaived => {
            let findings = event.details.get("findings").and_then(Value::as_array).map(Vec::len).unwrap_or_default();
            format!("{} of `{}` did not count", counted(findings, "finding"), text("command"))
        }
        EventKind::AuditRead => text("query").to_owned(),
        EventKind::AuditVerified => format!("integrity {}, completeness {}", text("integrity"), text("completeness")),
        EventKind::AuditExported => format!("{} to {}", text("format"), text("target")),
        EventKind::CheckpointCountersigned => format!("event {} by {}", number("event"), text("witness")),
        EventKind::CheckpointReplaced => format!("after event {}: {}", number("event"), text("reason")),
        EventKind::KeyAdmitted => format!("{} of {}", text("fingerprint"), text("who")),
        EventKind::KeyRetired => text("fingerprint").to_owned(),
        EventKind::WindowOpening => format!("{} from {} to {}: {}", text("who"), text("from"), text("to"), text("reason")),
        EventKind::WindowExtended => format!("to {}, before {}", text("to"), text("before")),
        EventKind::WindowClosing | EventKind::WindowWithdrawn => text("why").to_owned(),
        EventKind::WindowClosed if names("left").is_empty() => "on all machines".to_owned(),
        EventKind::WindowClosed => format!("not on {}", names("left")),
        EventKind::WindowRequested
        | EventKind::WindowApproved
        | EventKind::WindowOpened
        | EventKind::WindowEvidence
        | EventKind::Unknown(_) => serde_json::to_string(&event.details).unwrap_or_default(),
    }
}

/// `{"events":[…]}`, each with its number and hash.
pub fn log_json(events: &[LoggedEvent]) -> Value {
    json!({"events": events.iter().map(event_json).collect::<Vec<_>>()})
}

/// One event with its number and hash.
pub fn event_json(logged: &LoggedEvent) -> Value {
    let event = &logged.event;
    json!({
        "seq": logged.seq,
        "at": event.at,
        "kind": event.kind,
        "site": event.site,
        "actor": event.actor,
        "from": event.from,
        "subject": event.subject,
        "details": event.details,
        "hash": logged.hash.to_string(),
    })
}

/// Writes all that was recorded of one event.
pub fn write_event(out: &mut dyn Write, logged: &LoggedEvent, look: &Look) -> io::Result<()> {
    let event = &logged.event;
    writeln!(out, "{} {}", look.paint(Tone::Strong, &format!("event {}", logged.seq)), escape(event.kind.name()))?;
    let actor = &event.actor;
    let who = format!("{}@{} (process {})", actor.user, actor.host, actor.pid);
    let rows = [
        ("when", event.at.to_string()),
        ("who", who),
        ("from", event.from.clone()),
        ("site", event.site.clone()),
        ("subject", event.subject.clone().unwrap_or_else(|| "-".to_owned())),
        ("hash", logged.hash.to_string()),
    ];
    for (name, value) in rows {
        writeln!(out, "{} {}", look.paint(Tone::Quiet, &format!("{name:8}")), escape(&value))?;
    }
    writeln!(out, "{}", look.paint(Tone::Quiet, "details"))?;
    let details = serde_json::to_string_pretty(&event.details).unwrap_or_default();
    for line in details.lines() {
        writeln!(out, "  {}", escape(line))?;
    }
    out.flush()
}

/// Writes both verdicts, then what was found. For JSON the verdicts are written as they are.
pub fn write_verdicts(out: &mut dyn Write, verdicts: &Verdicts, look: &Look) -> io::Result<()> {
    let integrity = match verdicts.integrity {
        Verdict::Ok => "each event is what was signed, in its place",
        Verdict::Broken => "events are not what was signed",
        Verdict::Unproven => "nothing to measure it by",
    };
    let completeness = match verdicts.completeness {
        Verdict::Ok => "nothing is missing, the tail neither",
        Verdict::Broken => "events are missing",
        Verdict::Unproven => "no checkpoint shows where it should end",
    };
    for (name, verdict, meaning) in
        [("integrity:   ", verdicts.integrity, integrity), ("completeness:", verdicts.completeness, completeness)]
    {
        let tone = match verdict {
            Verdict::Ok => Tone::Good,
            Verdict::Broken => Tone::Bad,
            Verdict::Unproven => Tone::Warning,
        };
        writeln!(out, "{name} {}  {meaning}", look.paint(tone, &format!("{:8}", verdict.name())))?;
    }
    let events = usize::try_from(verdicts.events).unwrap_or(usize::MAX);
    writeln!(out, "{} in ledger {}", counted(events, "event"), verdicts.ledger.as_deref().unwrap_or("(no name)"))?;
    if let Some(key) = &verdicts.key {
        writeln!(out, "signed with {key}")?;
    }
    for signer in verdicts.signers.iter().filter(|signer| signer.admitted.is_some()) {
        let who = escape(signer.who.as_deref().unwrap_or_default());
        let retired = signer.retired.map_or_else(String::new, |event| format!(" to event {event}"));
        writeln!(out, "signed also with {} of {who}, after event {}{retired}", signer.key, signer.admitted.unwrap_or_default())?;
    }
    if let Some(head) = &verdicts.head {
        writeln!(out, "newest hash {head}")?;
    }
    for witnessed in &verdicts.witnessed {
        let (witness, key) = (escape(&witnessed.witness), &witnessed.key);
        writeln!(out, "countersigned up to event {} by {witness} ({key})", witnessed.event)?;
    }
    verdicts.findings.iter().try_for_each(|finding| write_finding(out, finding, look))?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Finding, Severity};
    use crate::ledger::Beginning;
    use crate::ledger::chain::Hash;
    use crate::ledger::event::tests::{noon, origin};
    use crate::ledger::event::{FileChange, NodeOutcome};
    use crate::ledger::verify::Witnessed;

    fn logged() -> Vec<LoggedEvent> {
        let file = FileChange { path: "/etc/x".into(), old: None, new: Some("00".into()) };
        let node = NodeOutcome { node: "a0-1".into(), outcome: "done".into(), detail: None, files: vec![file] };
        let mut read = origin().audit_read(noon(9), 2, "all\u{1b}[2J");
        read.from = "desk".into();
        let events = [
            read,
            origin().run_finished(noon(5), "r1", "done", &[node]),
            origin().run_started(noon(1), "r1", &Beginning::new(&["tls"], &["a0-1"])),
        ];
        let hash = Hash::parse_bytes(&[0xab; 32]).unwrap();
        (1..=3).rev().zip(events).map(|(seq, event)| LoggedEvent { seq, hash, event }).collect()
    }

    #[test]
    fn the_log_has_a_line_an_event() {
        let mut out = Vec::new();
        write_log(&mut out, &logged(), &Look { colour: false, width: 120 }).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        EVENT  WHEN                  KIND          WHO       FROM       SUBJECT  DETAILS
        3      2026-11-22T12:00:09Z  audit.read    ada@desk  desk       -        all\u{1b}[2J
        2      2026-11-22T12:00:05Z  run.finished  ada@desk  192.0.2.7  r1       done: 1 node, 1 file
        1      2026-11-22T12:00:01Z  run.started   ada@desk  192.0.2.7  r1       tls on a0-1
        ");
        let mut out = Vec::new();
        write_log(&mut out, &[], &Look::plain()).unwrap();
        assert_eq!(out, b"No events.\n");
    }

    #[test]
    fn the_json_of_an_event_has_its_number_and_hash() {
        let value = log_json(&logged());
        assert_eq!(value["events"][1]["seq"], 2);
        assert_eq!(value["events"][1]["kind"], "run.finished");
        assert_eq!(value["events"][1]["details"]["nodes"][0]["files"][0]["path"], "/etc/x");
        assert_eq!(value["events"][1]["hash"], "ab".repeat(32));
    }

    #[test]
    fn two_verdicts_and_what_led_to_them() {
        let finding = Finding {
            id: "audit.tail.cut".into(),
            severity: Severity::Error,
            subject: "events 5 to 6".into(),
            message: "cut off".into(),
            fix: "restore".into(),
            source: "s".into(),
        };
        let verdicts = Verdicts {
            signers: Vec::new(),
            integrity: Verdict::Ok,
            completeness: Verdict::Broken,
            findings: vec![finding],
            ledger: Some("L".into()),
            key: Some("SHA256:K".into()),
            events: 4,
            head: Some("h".into()),
            witnessed: vec![Witnessed { witness: "vendor".into(), key: "SHA256:W".into(), event: 3 }],
        };
        let mut out = Vec::new();
        write_verdicts(&mut out, &verdicts, &Look::plain()).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        integrity:    ok        each event is what was signed, in its place
        completeness: broken    events are missing
        4 events in ledger L
        signed with SHA256:K
        newest hash h
        countersigned up to event 3 by vendor (SHA256:W)
        error   audit.tail.cut  events 5 to 6: cut off
                fix: restore
        ");
        let value = serde_json::to_value(&verdicts).unwrap();
        assert_eq!((&value["integrity"], &value["completeness"]), (&json!("ok"), &json!("broken")));
    }
}
