//! What `access show` tells of a window's use: logins, refusals, as the machines' sshd logged them.

use std::fmt::Write as _;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::premises::local;
use crate::access::{Evidence, Keeper, NOT_RECORDED, SshdLogin, SshdRefusal};
use crate::ledger::{EventKind, LoggedEvent};
use crate::report::text::{counted, escape};
use crate::site::duration::format_duration;

/// The newest evidence of each machine; each event covers all that came before it. Events: the newest first.
pub(super) fn of_events(events: &[LoggedEvent]) -> Vec<(String, Evidence)> {
    let mut found: Vec<(String, Evidence)> = Vec::new();
    let told = events.iter().filter(|logged| logged.event.kind == EventKind::WindowEvidence);
    for value in told.filter_map(|logged| logged.event.details.get("machines")?.as_array()).flatten() {
        let Some(machine) = value.get("machine").and_then(Value::as_str) else { continue };
        let Ok(evidence) = serde_json::from_value::<Evidence>(value.clone()) else { continue };
        match found.iter_mut().find(|(known, _)| known == machine) {
            // A machine tells once what was left behind there.
            Some((_, newer)) => newer.left_behind.extend(evidence.left_behind),
            None => found.push((machine.to_owned(), evidence)),
        }
    }
    found
}

/// The same for scripts.
pub(super) fn as_json(found: &[(String, Evidence)]) -> Value {
    let one = |(machine, evidence): &(String, Evidence)| {
        let mut value = serde_json::to_value(evidence).ok().and_then(|value| value.as_object().cloned()).unwrap_or_else(Map::new);
        value.insert("machine".to_owned(), json!(machine));
        Value::Object(value)
    };
    found.iter().map(one).collect()
}

/// The same for a person.
pub(super) fn as_text(found: &[(String, Evidence)]) -> String {
    let mut text = String::new();
    for (machine, evidence) in found {
        let kept = match evidence.kept_by {
            Keeper::Journal => "by its journal",
            Keeper::File => "by its system log",
            Keeper::None => "nothing is kept of what its sshd logs",
        };
        let counts = format!("{}, {} refused", counted(evidence.logins.len(), "login"), counted(evidence.refused.len(), "attempt"));
        let _infallible = writeln!(text, "  {machine}: {counts} ({kept})");
        evidence.logins.iter().for_each(|login| login_line(&mut text, login));
        evidence.refused.iter().for_each(|refusal| refusal_line(&mut text, refusal));
        text.push_str(&left_text(evidence));
        if evidence.omitted > 0 {
            let _infallible = writeln!(text, "    {} more, which the machine's own log holds", counted_lines(evidence.omitted));
        }
    }
    text
}

/// What could let in or run something later, in the name of the window's account.
pub(super) fn left_text(evidence: &Evidence) -> String {
    let line = |left: &String| format!("    left in its account: {}\n", escape(left));
    evidence.left_behind.iter().map(line).collect()
}

fn counted_lines(number: u64) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), "line")
}

fn login_line(text: &mut String, login: &SshdLogin) {
    let lasted = login.seconds().map_or_else(
        || "no end was logged: it was cut off".to_owned(),
        |seconds| {
            if seconds == 0 {
                "for less than a second".to_owned()
            } else {
                format!("for {}", format_duration(SignedDuration::from_secs(seconds)))
            }
        },
    );
    let SshdLogin { account, address, port, .. } = login;
    let _infallible =
        writeln!(text, "    {}  login as {} from {} port {port}, {lasted}", local(login.at), escape(account), escape(address));
}

fn refusal_line(text: &mut String, refusal: &SshdRefusal) {
    let account = refusal.account.as_ref().map(|account| format!(" as {}", escape(account))).unwrap_or_default();
    let address = refusal.address.as_ref().map(|address| format!(" from {}", escape(address))).unwrap_or_default();
    let whose = if refusal.is_ours { "this window's key" } else { "a certificate, it is not logged whose" };
    let _infallible = writeln!(text, "    {}  refused{account}{address}: {} ({whose})", local(refusal.at), escape(&refusal.why));
}

/// What `access show` tells of recordings, and of logins that have none.
pub(super) fn recorded_text(recordings: &[Value], unrecorded: &[Value]) -> String {
    let field = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut text = format!("  recorded  {}; not recorded: {}\n", counted(recordings.len(), "session"), NOT_RECORDED.join("; "));
    for one in unrecorded {
        let (machine, at, address) = (field(one, "machine"), field(one, "at"), field(one, "address"));
        let at = at.parse().map(local).unwrap_or(at);
        let _infallible = writeln!(
            text,
            "    {machine}: the login of {at} from {address} has no recording: it asked for no session, or ran past the recorder"
        );
    }
    text
}
