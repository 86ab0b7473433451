//! A request taken back: what was asked for and not opened yet is not opened any more.

use serde_json::{Value, json};

use super::premises::{Premises, map};
use super::request::begins;
use crate::access::WindowId;
use crate::access::approval::{Asked, Fate};
use crate::cli::failure::Failure;
use crate::ledger::EventKind;
use crate::report::text::escape;

/// A request of which nothing is opened any more.
pub(super) struct Withdrawn {
    id: WindowId,
    who: String,
}

impl Withdrawn {
    pub(super) fn text(&self) -> String {
        format!("request {} for {}: withdrawn\n", self.id, escape(&self.who))
    }

    pub(super) fn json(&self) -> Value {
        json!({"id": self.id.as_str(), "state": "withdrawn"})
    }
}

/// Withdraws the requests whose ids begin with `prefix`, or all that could still be opened. Those that are withdrawn
/// already are given back again where they are meant by name.
pub(super) fn withdraw(prefix: Option<&str>, premises: &Premises<'_>) -> Result<Vec<Withdrawn>, Failure> {
    let mut meant: Vec<Asked> = premises.requests()?;
    let now = premises.context.now;
    meant.retain(|asked| {
        let request = asked.signed.request();
        match prefix {
            Some(prefix) => begins(request.id.as_str(), prefix) && asked.fate != Fate::Used,
            None => asked.fate == Fate::Awaited && request.span.end() > now,
        }
    });
    if let (Some(prefix), [_, _, ..]) = (prefix, meant.as_slice()) {
        let ids: Vec<&str> = meant.iter().map(|asked| asked.signed.request().id.as_str()).collect();
        return Err(Failure::usage(format!("several requests begin with {prefix}"), format!("they are: {}", ids.join(", "))));
    }
    for asked in meant.iter().filter(|asked| asked.fate == Fate::Awaited) {
        premises.record(EventKind::WindowWithdrawn, &asked.signed.request().id, map(json!({"why": "closed by hand"})))?;
    }
    let withdrawn = |asked: &Asked| {
        let request = asked.signed.request();
        Withdrawn { id: request.id.clone(), who: request.who.to_string() }
    };
    Ok(meant.iter().map(withdrawn).collect())
}
