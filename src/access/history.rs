//! Windows as the ledger knows them: each event of one is a step, and the steps make up its state.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::evidence::Evidence;
use super::window::{Kind, Person, Span, State, Step, Window, WindowId};
use crate::ledger::{EventKind, LoggedEvent};

/// What became of a machine at a closing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineClosing {
    /// The machine.
    pub machine: String,
    /// `closed`, `not-proven`, `unreached`, `failed` or `unknown` (no longer in the site).
    pub outcome: &'static str,
    /// Connections that were ended.
    pub ended: u64,
    /// How the window's credentials were refused, and after how many milliseconds; `None`: not tried.
    pub refused: Option<(String, u64)>,
    /// Why it is not closed.
    pub detail: Option<String>,
    /// What its sshd logged of the window; `None` where it was not asked.
    pub evidence: Option<Evidence>,
}

impl MachineClosing {
    /// Whether the door there is known to be shut.
    pub fn is_shut(&self) -> bool {
        matches!(self.outcome, "closed" | "not-proven" | "unknown")
    }
}

/// The details of the event that says that a window is about to be opened.
pub fn details_of_opening(window: &Window) -> Map<String, Value> {
    map(json!({
        "who": window.who.as_str(), "kind": window.kind.word(), "from": window.span.start(), "to": window.span.end(),
        "reason": window.reason, "ticket": window.ticket, "key": window.key, "nodes": window.nodes, "jumphosts": window.hops,
        "record": window.record,
    }))
}

/// The details of the event that says how a closing ended.
pub fn details_of_closing(machines: &[MachineClosing]) -> Map<String, Value> {
    let left: Vec<&str> = machines.iter().filter(|machine| !machine.is_shut()).map(|machine| machine.machine.as_str()).collect();
    let all: Vec<Value> = machines
        .iter()
        .map(|MachineClosing { machine, outcome, ended, refused, detail, evidence }| {
            let refused = refused.as_ref().map(|(how, after)| json!({"how": how, "after_ms": after}));
            let left_behind = evidence.as_ref().map(|evidence| &evidence.left_behind);
            json!({"machine": machine, "outcome": outcome, "ended": ended, "refused": refused, "detail": detail, "left_behind": left_behind})
        })
        .collect();
    map(json!({"left": left, "machines": all}))
}

/// The details of the event that holds what each machine's sshd logged of a window; `None` where none was asked.
pub fn details_of_evidence(machines: &[MachineClosing]) -> Option<Map<String, Value>> {
    let told = machines.iter().filter_map(|closing| {
        let mut value = serde_json::to_value(closing.evidence.as_ref()?).ok()?;
        value.as_object_mut()?.insert("machine".to_owned(), json!(closing.machine));
        Some(value)
    });
    let told: Vec<Value> = told.collect();
    (!told.is_empty()).then(|| map(json!({"machines": told})))
}

pub(super) fn map(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

/// All windows of a ledger, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    windows: Vec<Window>,
}

/// Reads windows from events, the oldest first; events of other things are passed over.
pub fn read_history<'e>(events: impl IntoIterator<Item = &'e LoggedEvent>) -> History {
    let mut history = History::default();
    for LoggedEvent { event, .. } in events {
        let Some(id) = event.subject.as_deref().and_then(|subject| WindowId::parse(subject).ok()) else { continue };
        if event.kind == EventKind::WindowOpening && history.window(&id).is_none() {
            history.windows.extend(window_of(id.clone(), &event.details));
        }
        let Some(window) = history.windows.iter_mut().find(|window| window.id == id) else { continue };
        let step = match &event.kind {
            EventKind::WindowOpening => Step::BeginOpening,
            EventKind::WindowOpened => Step::Opened { missing: names(&event.details, "missing") },
            EventKind::WindowExtended => match moment(&event.details, "to") {
                Some(end) => Step::Extend(end),
                None => continue,
            },
            EventKind::WindowClosing => Step::BeginClosing,
            EventKind::WindowClosed => Step::Closed { left: names(&event.details, "left") },
            EventKind::RunStarted
            | EventKind::RunFinished
            | EventKind::RunSettled
            | EventKind::RunRolledBack
            | EventKind::WindowRequested
            | EventKind::WindowApproved
            | EventKind::WindowWithdrawn
            | EventKind::WindowEvidence
            | EventKind::AuditRead
            | EventKind::AuditVerified
            | EventKind::AuditExported
            | EventKind::CheckpointCountersigned
            | EventKind::CheckpointReplaced
            | EventKind::KeyAdmitted
            | EventKind::KeyRetired
            | EventKind::CheckWaived
            | EventKind::Unknown(_) => continue,
        };
        // What the state does not allow did not happen: a window never reopens, whatever an event says.
        drop(window.take(step));
    }
    history
}

fn window_of(id: WindowId, details: &Map<String, Value>) -> Option<Window> {
    let text = |key: &str| details.get(key).and_then(Value::as_str);
    let kind = Kind::ALL.into_iter().find(|kind| Some(kind.word()) == text("kind"))?;
    let span = Span::recorded(moment(details, "from")?, moment(details, "to")?)?;
    let mut window = Window::new(id, Person::parse(text("who")?).ok()?, kind, span);
    text("reason").unwrap_or_default().clone_into(&mut window.reason);
    window.ticket = text("ticket").map(str::to_owned);
    text("key").unwrap_or_default().clone_into(&mut window.key);
    window.nodes = names(details, "nodes");
    window.hops = names(details, "jumphosts");
    window.record = details.get("record").and_then(Value::as_bool).unwrap_or_default();
    Some(window)
}

fn moment(details: &Map<String, Value>, key: &str) -> Option<Timestamp> {
    details.get(key)?.as_str()?.parse().ok()
}

fn names(details: &Map<String, Value>, key: &str) -> Vec<String> {
    let names = details.get(key).and_then(Value::as_array).into_iter().flatten();
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

impl History {
    /// All of them, the oldest first.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The window of that id.
    pub fn window(&self, id: &WindowId) -> Option<&Window> {
        self.windows.iter().find(|window| window.id == *id)
    }

    /// Those whose id begins with `prefix`; the leading `w-` may be left out.
    pub fn beginning_with(&self, prefix: &str) -> Vec<&Window> {
        let fits =
            |id: &str| !prefix.is_empty() && (id.starts_with(prefix) || id.strip_prefix("w-").is_some_and(|rest| rest.starts_with(prefix)));
        self.windows.iter().filter(|window| fits(window.id.as_str())).collect()
    }

    /// Those that somebody could still come in by, or whose closing is not proven.
    pub fn unsettled(&self, now: Timestamp) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(move |window| !matches!(window.state(now), State::Closed | State::Requested))
    }

    /// Windows whose certificates have to be on the list of revoked ones: told to close before their end has passed.
    pub fn revoked(&self, now: Timestamp) -> Vec<&WindowId> {
        let gone = |window: &&Window| window.span.end() > now && matches!(window.state(now), State::Closing | State::Closed);
        self.windows.iter().filter(gone).map(|window| &window.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LedgerEvent;
    use crate::ledger::chain::Hash;
    use crate::ledger::event::tests::{noon, origin};

    fn logged(events: Vec<LedgerEvent>) -> Vec<LoggedEvent> {
        let hash = Hash::parse_bytes(&[0; 32]).unwrap();
        events.into_iter().zip(1..).map(|(event, seq)| LoggedEvent { seq, hash, event }).collect()
    }

    fn event(kind: EventKind, id: &str, details: Map<String, Value>) -> LedgerEvent {
        origin().event(kind, noon(0), Some(id), details)
    }

    fn window(id: &str) -> Window {
        let span = Span::between(noon(0), noon(3600), noon(0)).unwrap();
        let mut window = Window::new(WindowId::parse(id).unwrap(), Person::parse("ada").unwrap(), Kind::Maintenance, span);
        window.reason = "update".to_owned();
        window.nodes = vec!["a0-1".to_owned(), "a0-2".to_owned()];
        window.hops = vec!["jump".to_owned()];
        window
    }

    const ID: &str = "w-20261122-000001";

    #[test]
    fn a_window_reads_back_with_its_state() {
        let opening = event(EventKind::WindowOpening, ID, details_of_opening(&window(ID)));
        let opened = event(EventKind::WindowOpened, ID, map(json!({"missing": ["a0-2"]})));
        let history = read_history(&logged(vec![opening.clone(), opened]));
        let read = &history.windows()[0];
        assert_eq!((read.state(noon(1)), read.reason.as_str(), read.nodes.as_slice()), (State::Open, "update", &["a0-1".to_owned()][..]));
        assert_eq!(read_history(&logged(vec![opening])).windows()[0].state(noon(1)), State::Opening);
    }

    #[test]
    fn a_closing_that_is_not_proven_everywhere_is_left_over_and_revoked() {
        let closing =
            |outcome| MachineClosing { machine: "a0-2".to_owned(), outcome, ended: 0, refused: None, detail: None, evidence: None };
        let mut events = vec![
            event(EventKind::WindowOpening, ID, details_of_opening(&window(ID))),
            event(EventKind::WindowOpened, ID, Map::new()),
            event(EventKind::WindowClosing, ID, Map::new()),
            event(EventKind::WindowClosed, ID, details_of_closing(&[closing("unreached")])),
        ];
        let history = read_history(&logged(events.clone()));
        assert_eq!(history.windows()[0].left(), ["a0-2"]);
        assert_eq!(history.revoked(noon(1)).len(), 1);
        assert_eq!(history.unsettled(noon(1)).count(), 1);
        events.push(event(EventKind::WindowClosed, ID, details_of_closing(&[closing("closed")])));
        events.push(event(EventKind::WindowOpened, ID, Map::new()));
        let history = read_history(&logged(events));
        assert_eq!(history.windows()[0].state(noon(1)), State::Closed);
        assert_eq!((history.revoked(noon(1)).len(), history.revoked(noon(3601)).len()), (1, 0));
        assert_eq!(history.unsettled(noon(1)).count(), 0);
    }

    #[test]
    fn a_beginning_is_enough_to_name_a_window() {
        let events =
            ["w-20261122-000001", "w-20261122-00ff01"].map(|id| event(EventKind::WindowOpening, id, details_of_opening(&window(id))));
        let history = read_history(&logged(events.to_vec()));
        for (prefix, found) in [("w-20261122-000", 1), ("w-2026", 2), ("20261122-00f", 1), ("", 0), ("x", 0)] {
            assert_eq!(history.beginning_with(prefix).len(), found, "{prefix}");
        }
    }
}
