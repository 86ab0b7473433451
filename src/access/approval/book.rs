//! Requests as the ledger knows them: who asked, who approved, and whether the window was opened.

use serde_json::{Map, Value, json};

use super::request::SignedRequest;
use crate::access::key::PersonKey;
use crate::access::window::WindowId;
use crate::ledger::{EventKind, LoggedEvent};
use crate::sshsig::SshSignature;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing yet: it may be approved and opened.
    Awaited,
    /// Its window was opened: a request is used once.
    Used,
    /// It was taken back before that: nothing is opened of it any more.
    Withdrawn,
}

/// A request with what came of it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The request.
    pub signed: SignedRequest,
    /// The public key of the person who is to be let in, where it was recorded and is the one that was asked for.
    pub person: Option<PersonKey>,
    /// Signatures of those who approved; whether they count is for [`release`](super::release()) to say.
    pub approvals: Vec<SshSignature>,
    /// What became of it.
    pub fate: Fate,
}

/// Reads requests from events, the oldest first. A request whose signature does not hold is none, and the first of an id
/// is the one that counts.
pub fn read_requests<'e>(events: impl IntoIterator<Item = &'e LoggedEvent>) -> Vec<Asked> {
    let mut requests: Vec<Asked> = Vec::new();
    for LoggedEvent { event, .. } in events {
        let Some(id) = event.subject.as_deref().and_then(|subject| WindowId::parse(subject).ok()) else { continue };
        let known = requests.iter_mut().find(|asked| asked.signed.request().id == id);
        match (&event.kind, known) {
            (EventKind::WindowRequested, None) => requests.extend(asked(&event.details).filter(|asked| asked.signed.request().id == id)),
            (EventKind::WindowApproved, Some(asked)) => asked.approvals.extend(approval(&event.details)),
            (EventKind::WindowOpening, Some(asked)) => asked.fate = Fate::Used,
            (EventKind::WindowWithdrawn, Some(asked)) if asked.fate == Fate::Awaited => asked.fate = Fate::Withdrawn,
            _ => {}
        }
    }
    requests
}

/// The details of the event that says that a window was asked for.
pub fn details_of_request(signed: &SignedRequest, person: Option<&PersonKey>) -> Map<String, Value> {
    let mut details = signed.value().as_object().cloned().unwrap_or_default();
    details.insert("person_key".to_owned(), json!(person.and_then(PersonKey::line)));
    details
}

/// The details of the event that says that `by` approved.
pub fn details_of_approval(by: &str, signature: &SshSignature) -> Map<String, Value> {
    let members = [("by", json!(by)), ("key", json!(signature.fingerprint())), ("signature", json!(signature.encode()))];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn asked(details: &Map<String, Value>) -> Option<Asked> {
    let both = json!({"request": details.get("request")?, "signature": details.get("signature")?});
    let signed = SignedRequest::parse(both.to_string().as_bytes()).ok()?;
    let person = details.get("person_key").and_then(Value::as_str).and_then(|line| PersonKey::parse(line.as_bytes()).ok());
    let person = person.filter(|key| key.fingerprint() == signed.request().key);
    Some(Asked { signed, person, approvals: Vec::new(), fate: Fate::Awaited })
}

fn approval(details: &Map<String, Value>) -> Option<SshSignature> {
    SshSignature::parse(details.get("signature")?.as_str()?.as_bytes()).ok()
}
