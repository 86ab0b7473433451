//! `portcullis access close`: always allowed, idempotent, proven. What cannot be reached is told of and tried again later.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::clock;
use super::super::cluster::Cluster;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::premises::{Premises, connect, local, map};
use super::{CloseArgs, recordings};
use crate::access::{
    ClosingOrder, Doorway, MachineClosing, Revocation, State, Step, Tried, Way, Window, WindowId, close_doors, details_of_closing,
    details_of_evidence, encode_krl,
};
use crate::event::{Event, Sink};
use crate::ledger::EventKind;
use crate::report::text::{counted, escape};
use crate::site::model::Login;
use crate::ssh;

/// What a closing works with.
pub(super) struct Closer<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) sink: &'a dyn Sink,
}

/// Runs `access close`.
pub(super) async fn run(args: &CloseArgs, context: &Context) -> Result<Exit, Failure> {
    let premises = Premises::open(context)?;
    let windows: Vec<Window> = match &args.id {
        Some(prefix) => vec![premises.window(prefix)?],
        None => premises.history()?.unsettled(context.now).cloned().collect(),
    };
    let mut names: Vec<String> = windows.iter().flat_map(|window| window.nodes.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let cluster = premises.cluster(&names)?;
    let sink = context.sink();
    let machines = premises.doorways(&names)?.into_iter().map(|doorway| doorway.name).collect();
    sink.emit(&Event::Started { command: "access close".into(), site: premises.site.name.clone(), run: args.id.clone(), nodes: machines });
    let mut closed = Vec::new();
    for window in windows {
        let machines = close_window(&premises, &Closer { cluster: &cluster, sink: sink.as_ref() }, &window, "closed by hand").await?;
        closed.push((window, machines));
    }
    cluster.close().await;
    tell(context, sink, &closed)
}

/// Closes again what was told to close and is not proven, what has ended by itself, and what was broken off while it was
/// being opened; but for `except`.
pub(super) async fn settle(premises: &Premises<'_>, closer: &Closer<'_>, except: Option<&WindowId>) -> Result<(), Failure> {
    let now = clock::now();
    // Somebody else may be opening it just now.
    let patience = jiff::SignedDuration::from_mins(5);
    let history = premises.history()?;
    let is_due = |window: &&Window| match window.state(now) {
        State::Closing | State::Ended => true,
        State::Opening => now.duration_since(window.span.start()) > patience,
        State::Requested | State::Scheduled | State::Open | State::Closed => false,
    };
    let due: Vec<Window> = history.unsettled(now).filter(is_due).filter(|window| Some(&window.id) != except).cloned().collect();
    for window in due {
        close_window(premises, closer, &window, "its end has passed, or it was not proven closed").await?;
    }
    Ok(())
}

/// Closes one window on all its machines, and records it.
pub(super) async fn close_window(
    premises: &Premises<'_>,
    closer: &Closer<'_>,
    window: &Window,
    why: &str,
) -> Result<Vec<MachineClosing>, Failure> {
    let mut window = window.clone();
    premises.record(EventKind::WindowClosing, &window.id, map(json!({"why": why})))?;
    drop(window.take(Step::BeginClosing));
    let names: Vec<String> = window.nodes.clone();
    let known = premises.doorways(&names)?;
    let (meant, strangers): (Vec<Doorway>, Vec<&str>) = (
        known.iter().filter(|doorway| window.machines().any(|name| name == doorway.name)).cloned().collect(),
        window.machines().filter(|name| !known.iter().any(|doorway| doorway.name == *name)).collect(),
    );
    let revocation = revocation(premises, &window)?;
    let order = ClosingOrder { window: &window, revocation: revocation.as_ref() };
    let nodes: Vec<Doorway> = if window.record { meant.iter().filter(|doorway| !doorway.is_hop()).cloned().collect() } else { Vec::new() };
    let attempt = |doorway: Doorway| attempt(premises, closer.cluster, &window.id, doorway);
    let mut machines = close_doors(&order, meant, |doorway| connect(closer.cluster, doorway), attempt, closer.sink).await;
    machines.extend(strangers.iter().map(|name| gone(name, &window)));
    recordings::bring(premises, closer, &window, nodes, &mut machines).await;
    if let Some(details) = details_of_evidence(&machines) {
        premises.record(EventKind::WindowEvidence, &window.id, details)?;
    }
    premises.record(EventKind::WindowClosed, &window.id, details_of_closing(&machines))?;
    if machines.iter().all(MachineClosing::is_shut) {
        premises.keep.forget_proof(&window.id);
    }
    Ok(machines)
}

// A machine that the site no longer has: its sshd refuses by itself from the end on.
fn gone(name: &str, window: &Window) -> MachineClosing {
    let has_ended = window.span.end() <= clock::now();
    let (outcome, detail) = if has_ended {
        ("not-proven", "it is no longer in the site file; the window's end has passed".to_owned())
    } else {
        ("unreached", "it is no longer in the site file".to_owned())
    };
    MachineClosing { machine: name.to_owned(), outcome, ended: 0, refused: None, detail: Some(detail), evidence: None }
}

// Every window that was told to close before its end, this one included; none of them once the end has passed.
fn revocation(premises: &Premises<'_>, window: &Window) -> Result<Option<Revocation>, Failure> {
    let now = clock::now();
    let (Ok(line), Ok(kept)) = (premises.keep.authority_line(), premises.keep.control_line()) else { return Ok(None) };
    if window.span.end() <= now {
        return Ok(None);
    }
    let Ok(authority) = russh::keys::PublicKey::from_openssh(&line) else { return Ok(None) };
    let history = premises.history()?;
    let version = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let krl = encode_krl(&authority, &history.revoked(now), version, now);
    Ok(Some(Revocation { krl, revoked: premises.keep.proof_certificate(&window.id).unwrap_or_default(), kept }))
}

// The window's credentials, tried once: over connections of the operator's own, with the key that nobody else has.
async fn attempt(premises: &Premises<'_>, cluster: &Cluster, window: &WindowId, doorway: Doorway) -> Tried {
    let proof = premises.keep.proof(window, &doorway.door);
    if !proof.is_file() {
        return Tried::NotTried("no key for that was kept".to_owned());
    }
    let (fleet, login, is_own) = match &doorway.way {
        Way::Node(node) => (cluster.fleet().clone(), node.login.clone(), false),
        Way::Hop(index) => match cluster.hops().get(*index) {
            Some(hop) => (cluster.fleet_before_hop(*index), hop.login.clone(), true),
            None => return Tried::NotTried("it is no longer on the route".to_owned()),
        },
    };
    let user = doorway.account.clone().or(login.user.clone());
    let login = Login { user, identities: vec![proof], passphrase: None, agent: false, password: None, one_time_code: None, ..login };
    let session = fleet.session(&doorway.name, &login).await;
    let outcome: Result<(), ssh::Error> = match session {
        Ok(session) => {
            session.close().await;
            Ok(())
        }
        Err(error) => Err(error),
    };
    if is_own {
        fleet.close().await;
    }
    Tried::of(&outcome)
}

fn tell(context: &Context, sink: Arc<dyn Sink>, closed: &[(Window, Vec<MachineClosing>)]) -> Result<Exit, Failure> {
    let all: Vec<&MachineClosing> = closed.iter().flat_map(|(_, machines)| machines).collect();
    let left = all.iter().filter(|machine| !machine.is_shut()).count();
    let exit = match left {
        0 => Exit::Done,
        _ if left < all.len() => Exit::Partial,
        _ if all.iter().all(|machine| machine.outcome == "unreached") => Exit::Unreachable,
        _ => Exit::Failed,
    };
    if context.is_json() {
        let windows: Vec<Value> = closed
            .iter()
            .map(|(window, machines)| {
                let mut value = details_of_closing(machines);
                let state = if machines.iter().all(MachineClosing::is_shut) { "closed" } else { "closing" };
                value.insert("id".to_owned(), json!(window.id.as_str()));
                value.insert("state".to_owned(), json!(state));
                Value::Object(value)
            })
            .collect();
        sink.emit(&Event::Summary { command: "access close".into(), exit_code: exit.code(), results: map(json!({"windows": windows})) });
        return Ok(exit);
    }
    drop(sink);
    if closed.is_empty() {
        context.print("no window is open\n")?;
    }
    for (window, machines) in closed {
        context.print(&text_of(window, machines))?;
    }
    if exit == Exit::Done {
        return Ok(exit);
    }
    let what = Sentence("not every door is proven shut".to_owned());
    let help =
        "a machine that was not reached refuses by itself from the window's end on; run `portcullis access close --all` when it is back";
    Err(Failure::new(exit, what, Some(help.to_owned())))
}

fn text_of(window: &Window, machines: &[MachineClosing]) -> String {
    let is_shut = machines.iter().all(MachineClosing::is_shut);
    let head = format!("window {} for {}: {}", window.id, window.who, if is_shut { "closed" } else { "closing" });
    let mut lines = vec![head];
    for MachineClosing { machine, outcome, ended, refused, detail, evidence } in machines {
        let mut parts = vec![format!("  {machine}: {outcome}")];
        if *ended > 0 {
            parts.push(format!("{} ended", counted(usize::try_from(*ended).unwrap_or(usize::MAX), "connection")));
        }
        if let Some((_, after)) = refused {
            parts.push(format!("its credentials were refused after {:.1} s", Duration::from_millis(*after).as_secs_f64()));
        }
        if let Some(evidence) = evidence {
            parts.push(counted(evidence.logins.len(), "login"));
        }
        parts.extend(detail.as_ref().map(|detail| escape(detail).into_owned()));
        lines.push(parts.join(", "));
        if *outcome == "unreached" {
            lines.push(format!("    its sshd refuses by itself from {} on", local(window.span.end())));
        }
    }
    lines.join("\n") + "\n"
}
