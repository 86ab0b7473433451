//! Recordings of a closing window: brought here, their sums into the ledger, then removed from the nodes; in this order.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::super::outcome::chain;
use super::close::Closer;
use super::premises::{Premises, map};
use crate::access::{DoorWork, Evidence, MachineClosing, NOT_RECORDED, SshdLogin, WindowId};
use crate::event::{Event, Phase, State};
use crate::ledger::{EventKind, LoggedEvent};
use crate::node::{Machine, Probe as _};
use crate::report::text::counted;

/// Brings the recordings of `window` from the `nodes`, which are logged in to. What cannot be brought stays on its node, and
/// its closing says so.
pub(super) async fn bring(
    premises: &Premises<'_>,
    closer: &Closer<'_>,
    window: &WindowId,
    nodes: Vec<Machine>,
    machines: &mut [MachineClosing],
) -> Vec<Machine> {
    let one = |node: Machine| async move {
        let work = DoorWork::new(node);
        let brought = bring_from(premises, closer, window, &work).await;
        (work.into_machine(), brought)
    };
    let mut back = Vec::new();
    for (node, brought) in join_all(nodes.into_iter().map(one)).await {
        let closing = machines.iter_mut().find(|closing| closing.machine == node.name());
        if let (Some(closing), Err(why)) = (closing, brought) {
            let told = closing.detail.take().map(|detail| format!("{detail}; ")).unwrap_or_default();
            closing.detail = Some(format!("{told}recordings are left there: {why}"));
        }
        back.push(node);
    }
    back
}

async fn bring_from(premises: &Premises<'_>, closer: &Closer<'_>, window: &WindowId, work: &DoorWork) -> Result<(), String> {
    let name = work.machine().name().to_owned();
    let all = work.recordings(window).await.map_err(|error| chain(&error))?;
    for names in batches(all) {
        let detail = Some(counted(names.len(), "recording"));
        closer.sink.emit(&Event::Node { node: name.clone(), phase: Phase::Stage, state: State::Started, detail });
        let fetched = work.fetch_recordings(window, &names).await.map_err(|error| chain(&error))?;
        let mut told: Vec<Value> = Vec::new();
        for recording in &fetched {
            premises.keep.keep_recording(window, &name, recording).map_err(|error| chain(&error))?;
            told.push(recording.details(&name));
        }
        let details = map(json!({"recordings": told, "not_recorded": NOT_RECORDED}));
        premises.record(EventKind::WindowEvidence, window, details).map_err(|failure| chain(failure.error.as_ref()))?;
        work.forget_recordings(window, &names).await.map_err(|error| chain(&error))?;
    }
    Ok(())
}

/// So many bytes go in one answer, and so many recordings; one that is larger goes alone.
const BATCH: (u64, usize) = (8 << 20, 200);

fn batches(all: Vec<(String, u64)>) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut room = 0;
    for (name, size) in all {
        match batches.last_mut() {
            Some(last) if size <= room && last.len() < BATCH.1 => last.push(name),
            _ => {
                batches.push(vec![name]);
                room = BATCH.0;
            }
        }
        room = room.saturating_sub(size);
    }
    batches
}

/// Logins to recorded nodes that no recording belongs to: no session was asked for, or it was run past the recorder.
pub(super) fn without_recording(evidence: &[(String, Evidence)], recordings: &[Value], nodes: &[String]) -> Vec<Value> {
    let logins = evidence.iter().filter(|(machine, _)| nodes.contains(machine));
    let logins = logins.flat_map(|(machine, evidence)| evidence.logins.iter().map(move |login| (machine, login)));
    let is_recorded = |machine: &str, login: &SshdLogin| {
        let begin = format!("{} {} ", login.address, login.port);
        let connection = |one: &Value| one.get("connection").and_then(Value::as_str).is_some_and(|text| text.starts_with(&begin));
        recordings.iter().any(|one| one.get("machine").and_then(Value::as_str) == Some(machine) && connection(one))
    };
    let left = logins.filter(|(machine, login)| !is_recorded(machine, login));
    left.map(|(machine, login)| json!({"machine": machine, "at": login.at, "address": login.address, "port": login.port})).collect()
}

/// The recordings that the ledger knows of, the oldest first, each once: what `Recording::details` made. Events: the newest first.
pub(super) fn of_events(events: &[LoggedEvent]) -> Vec<Value> {
    let told = events.iter().rev().filter(|logged| logged.event.kind == EventKind::WindowEvidence);
    let mut found: Vec<Value> = Vec::new();
    for recording in told.filter_map(|logged| logged.event.details.get("recordings")?.as_array()).flatten() {
        let is_same = |other: &Value| other["machine"] == recording["machine"] && other["name"] == recording["name"];
        if !found.iter().any(is_same) {
            found.push(recording.clone());
        }
    }
    found.sort_by(|one, other| one["start"].as_str().cmp(&other["start"].as_str()));
    found
}
