//! What the ledger records: who did what, when, from where, to what, with which outcome.
//!
//! An event never carries a secret: files are named by path and SHA-256, commands not at all.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::canonical::{CanonicalError, encode_canonical};
use super::runs::Beginning;
use super::sign::PublicKey;

/// The body's format; a reader refuses what it does not know.
pub const BODY_FORMAT: u64 = 1;

/// Why an event cannot be recorded or read.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The details have no canonical form.
    #[error("event {kind} cannot be encoded")]
    Canonical {
        /// The event's kind.
        kind: String,
        /// Why.
        source: CanonicalError,
    },
    /// The details hold what looks like a private key.
    #[error("event {kind} holds a private key and is not recorded")]
    HoldsPrivateKey {
        /// The event's kind.
        kind: String,
    },
    /// A stored body that is no event.
    #[error("not an event of this ledger's format")]
    Unreadable {
        /// What the reader said.
        source: serde_json::Error,
    },
    /// A body of another format.
    #[error("event of format {found}, while this version reads format {BODY_FORMAT}")]
    Format {
        /// The format found.
        found: u64,
    },
}

/// What kind of thing happened. Written and read as its dotted name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// `run.started`
    RunStarted,
    /// `run.finished`
    RunFinished,
    /// `run.settled`: how a run ended on nodes that had been lost sight of
    RunSettled,
    /// `run.rolled-back`
    RunRolledBack,
    /// `window.requested`
    WindowRequested,
    /// `window.approved`
    WindowApproved,
    /// `window.withdrawn`: a request was taken back before its window was opened
    WindowWithdrawn,
    /// `window.opening`
    WindowOpening,
    /// `window.opened`
    WindowOpened,
    /// `window.extended`
    WindowExtended,
    /// `window.closing`
    WindowClosing,
    /// `window.closed`
    WindowClosed,
    /// `window.evidence`
    WindowEvidence,
    /// `audit.read`
    AuditRead,
    /// `audit.verified`
    AuditVerified,
    /// `audit.exported`
    AuditExported,
    /// `checkpoint.countersigned`
    CheckpointCountersigned,
    /// `checkpoint.replaced`
    CheckpointReplaced,
    /// `key.admitted`: another key may sign the ledger's events
    KeyAdmitted,
    /// `key.retired`: a key signs no more of them
    KeyRetired,
    /// `check.waived`: findings that did not count
    CheckWaived,
    /// Recorded by a newer version; kept as it is.
    Unknown(String),
}

impl EventKind {
    /// Every kind this version knows.
    pub const KNOWN: [Self; 21] = [
        Self::RunStarted,
        Self::RunFinished,
        Self::RunSettled,
        Self::RunRolledBack,
        Self::WindowRequested,
        Self::WindowApproved,
        Self::WindowWithdrawn,
        Self::WindowOpening,
        Self::WindowOpened,
        Self::WindowExtended,
        Self::WindowClosing,
        Self::WindowClosed,
        Self::WindowEvidence,
        Self::AuditRead,
        Self::AuditVerified,
        Self::AuditExported,
        Self::CheckpointCountersigned,
        Self::CheckpointReplaced,
        Self::KeyAdmitted,
        Self::KeyRetired,
        Self::CheckWaived,
    ];

    /// The dotted name.
    pub fn name(&self) -> &str {
        match self {
            Self::RunStarted => "run.started",
            Self::RunFinished => "run.finished",
            Self::RunSettled => "run.settled",
            Self::RunRolledBack => "run.rolled-back",
            Self::WindowRequested => "window.requested",
            Self::WindowApproved => "window.approved",
            Self::WindowWithdrawn => "window.withdrawn",
            Self::WindowOpening => "window.opening",
            Self::WindowOpened => "window.opened",
            Self::WindowExtended => "window.extended",
            Self::WindowClosing => "window.closing",
            Self::WindowClosed => "window.closed",
            Self::WindowEvidence => "window.evidence",
            Self::AuditRead => "audit.read",
            Self::AuditVerified => "audit.verified",
            Self::AuditExported => "audit.exported",
            Self::CheckpointCountersigned => "checkpoint.countersigned",
            Self::CheckpointReplaced => "checkpoint.replaced",
            Self::KeyAdmitted => "key.admitted",
            Self::KeyRetired => "key.retired",
            Self::CheckWaived => "check.waived",
            Self::Unknown(name) => name,
        }
    }
}

impl From<String> for EventKind {
    fn from(name: String) -> Self {
        Self::KNOWN.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::Unknown(name))
    }
}

impl Serialize for EventKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// The person and the process that act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Login name on the operator's machine.
    pub user: String,
    /// The operator's machine.
    pub host: String,
    /// The process.
    pub pid: u32,
}

/// What all events of one process have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The site's name.
    pub site: String,
    /// Who acts.
    pub actor: Actor,
    /// Where the actor sits: the address of the SSH client the operator came in by, or the machine itself.
    pub from: String,
}

/// One thing that happened, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerEvent {
    /// What kind.
    pub kind: EventKind,
    /// The site's name.
    pub site: String,
    /// Who did it.
    pub actor: Actor,
    /// Where the actor sat.
    pub from: String,
    /// When, by the clock of the machine that records.
    pub at: Timestamp,
    /// The run or window concerned.
    pub subject: Option<String>,
    /// What else is to be known; integers, texts, truths, lists and maps of these.
    pub details: Map<String, Value>,
}

/// A file that a run changed, by hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path on the node.
    pub path: String,
    /// SHA-256 in hex of what was there; `None`: nothing.
    pub old: Option<String>,
    /// SHA-256 in hex of what is there now; `None`: nothing.
    pub new: Option<String>,
}

/// How a run ended on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeOutcome {
    /// The node.
    pub node: String,
    /// One word: `changed`, `unchanged`, `skipped`, `undone`, `rolled-back`, `unreached`, `unknown` …
    pub outcome: String,
    /// One line more, without secrets.
    pub detail: Option<String>,
    /// The files that changed.
    pub files: Vec<FileChange>,
}

impl Origin {
    /// An event of this origin.
    pub fn event(&self, kind: EventKind, at: Timestamp, subject: Option<&str>, details: Map<String, Value>) -> LedgerEvent {
        LedgerEvent {
            kind,
            site: self.site.clone(),
            actor: self.actor.clone(),
            from: self.from.clone(),
            at,
            subject: subject.map(str::to_owned),
            details,
        }
    }

    /// A run begins, asked for and on nodes as `beginning` says.
    pub fn run_started(&self, at: Timestamp, run: &str, beginning: &Beginning) -> LedgerEvent {
        // A struct of texts, numbers and truths has a JSON form.
        let details = match serde_json::to_value(beginning) {
            Ok(Value::Object(details)) => details,
            Ok(_) | Err(_) => Map::new(),
        };
        self.event(EventKind::RunStarted, at, Some(run), details)
    }

    /// How a run ended on nodes of which that was not known is known now.
    pub fn run_settled(&self, at: Timestamp, run: &str, nodes: &[NodeOutcome]) -> LedgerEvent {
        self.event(EventKind::RunSettled, at, Some(run), details([("nodes", json!(nodes))]))
    }

    /// A run ended with `outcome` (one word) overall and on each node.
    pub fn run_finished(&self, at: Timestamp, run: &str, outcome: &str, nodes: &[NodeOutcome]) -> LedgerEvent {
        self.event(EventKind::RunFinished, at, Some(run), details([("outcome", json!(outcome)), ("nodes", json!(nodes))]))
    }

    /// A run was rolled back, by itself or on request.
    pub fn run_rolled_back(&self, at: Timestamp, run: &str, outcome: &str, nodes: &[NodeOutcome]) -> LedgerEvent {
        self.event(EventKind::RunRolledBack, at, Some(run), details([("outcome", json!(outcome)), ("nodes", json!(nodes))]))
    }

    /// Somebody read `events` events of the ledger with the query described.
    pub fn audit_read(&self, at: Timestamp, events: u64, query: &str) -> LedgerEvent {
        self.event(EventKind::AuditRead, at, None, details([("events", json!(events)), ("query", json!(query))]))
    }

    /// Somebody verified the ledger up to `events` events; the verdicts in one word each.
    pub fn audit_verified(&self, at: Timestamp, events: u64, integrity: &str, completeness: &str) -> LedgerEvent {
        let verdicts = [("events", json!(events)), ("integrity", json!(integrity)), ("completeness", json!(completeness))];
        self.event(EventKind::AuditVerified, at, None, details(verdicts))
    }

    /// Somebody exports the ledger. Append it before the export, so that the export holds it.
    pub fn audit_exported(&self, at: Timestamp, format: &str, target: &str) -> LedgerEvent {
        self.event(EventKind::AuditExported, at, None, details([("format", json!(format)), ("target", json!(target))]))
    }

    /// `witness`, the other party, countersigned the checkpoint `note` of event `seq` with the key of that fingerprint.
    pub fn checkpoint_countersigned(&self, at: Timestamp, witness: &str, key: &str, (seq, note): (u64, &str)) -> LedgerEvent {
        let members = [("witness", json!(witness)), ("key", json!(key)), ("event", json!(seq)), ("note", json!(note))];
        self.event(EventKind::CheckpointCountersigned, at, None, details(members))
    }

    /// The checkpoint was lost, and is made anew after event `seq`; `heads` says who was asked for newer ones.
    pub fn checkpoint_replaced(&self, at: Timestamp, seq: u64, reason: &str, heads: &[String]) -> LedgerEvent {
        let members = [("event", json!(seq)), ("reason", json!(reason)), ("heads", json!(heads))];
        self.event(EventKind::CheckpointReplaced, at, None, details(members))
    }

    /// From the next event on `key` may sign, too; it is `who`'s.
    pub fn key_admitted(&self, at: Timestamp, who: &str, key: &PublicKey) -> LedgerEvent {
        let members = [("who", json!(who)), ("key", json!(key.encode_base64())), ("fingerprint", json!(key.fingerprint()))];
        self.event(EventKind::KeyAdmitted, at, None, details(members))
    }

    /// From the next event on `key` signs no more.
    pub fn key_retired(&self, at: Timestamp, key: &PublicKey) -> LedgerEvent {
        self.event(
            EventKind::KeyRetired,
            at,
            None,
            details([("key", json!(key.encode_base64())), ("fingerprint", json!(key.fingerprint()))]),
        )
    }
}

impl Origin {
    /// Findings of a look at the site did not count, each for its reason.
    pub fn check_waived(&self, at: Timestamp, command: &str, waived: &Value) -> LedgerEvent {
        self.event(EventKind::CheckWaived, at, None, details([("command", json!(command)), ("findings", waived.clone())]))
    }
}

fn details<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The stored body: the event with its format and its number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    v: u64,
    seq: u64,
    kind: EventKind,
    site: String,
    actor: Actor,
    from: String,
    at: Timestamp,
    #[serde(default)]
    subject: Option<String>,
    details: Map<String, Value>,
}

impl LedgerEvent {
    /// The canonical body of this event as number `seq`.
    pub fn encode_body(&self, seq: u64) -> Result<String, EventError> {
        let body = json!({
            "v": BODY_FORMAT,
            "seq": seq,
            "kind": self.kind.name(),
            "site": self.site,
            "actor": {"user": self.actor.user, "host": self.actor.host, "pid": self.actor.pid},
            "from": self.from,
            // Nine digits always: one moment, one text, sortable as text.
            "at": format!("{:.9}", self.at),
            "subject": self.subject,
            "details": self.details,
        });
        let text = encode_canonical(&body).map_err(|source| EventError::Canonical { kind: self.kind.name().to_owned(), source })?;
        if text.contains("PRIVATE KEY-----") {
            return Err(EventError::HoldsPrivateKey { kind: self.kind.name().to_owned() });
        }
        Ok(text)
    }

    /// Reads a body that [`encode_body`](Self::encode_body) wrote: the event's number and the event.
    pub fn parse_body(body: &[u8]) -> Result<(u64, Self), EventError> {
        let body: Body = serde_json::from_slice(body).map_err(|source| EventError::Unreadable { source })?;
        if body.v != BODY_FORMAT {
            return Err(EventError::Format { found: body.v });
        }
        let Body { seq, kind, site, actor, from, at, subject, details, v: _ } = body;
        Ok((seq, Self { kind, site, actor, from, at, subject, details }))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An origin for tests.
    pub(crate) fn origin() -> Origin {
        let actor = Actor { user: "ada".into(), host: "desk".into(), pid: 42 };
        Origin { site: "north".into(), actor, from: "192.0.2.7".into() }
    }

    /// A fixed moment, `seconds` after noon.
    pub(crate) fn noon(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_348_800 + seconds).unwrap()
    }

    #[test]
    fn a_body_reads_back_as_the_event_it_was() {
        let file = FileChange { path: "/etc/nginx/nginx.conf".into(), old: None, new: Some("ab".repeat(32)) };
        let node = NodeOutcome { node: "a0-1".into(), outcome: "done".into(), detail: None, files: vec![file] };
        let event = origin().run_finished(noon(0), "r1", "done", &[node]);
        let body = event.encode_body(7).unwrap();
        assert_eq!(LedgerEvent::parse_body(body.as_bytes()).unwrap(), (7, event));
        assert!(body.contains("\"at\":\"2026-11-22T12:00:00.000000000Z\""), "{body}");
        assert!(body.starts_with("{\"actor\":{\"host\":\"desk\",\"pid\":42,\"user\":\"ada\"},\"at\""), "{body}");
    }

    #[test]
    fn kinds_have_distinct_names_and_unknown_ones_survive() {
        for kind in EventKind::KNOWN {
            assert_eq!(EventKind::from(kind.name().to_owned()), kind);
        }
        assert_eq!(EventKind::from("moon.landed".to_owned()).name(), "moon.landed");
    }

    #[test]
    fn a_private_key_in_the_details_is_refused() {
        let pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let event = origin().audit_read(noon(0), 1, pem);
        assert!(matches!(event.encode_body(1), Err(EventError::HoldsPrivateKey { .. })));
    }

    #[test]
    fn a_fraction_in_the_details_is_refused_with_its_place() {
        let event = origin().event(EventKind::RunStarted, noon(0), None, details([("load", json!(0.5))]));
        let error = event.encode_body(1).unwrap_err();
        assert_eq!(std::error::Error::source(&error).unwrap().to_string().split(" is not").next(), Some("number 0.5 at /details/load"));
    }
}
