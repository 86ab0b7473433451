//! `portcullis access close`: always allowed, idempotent, proven. What cannot be reached is told of and tried again later.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::super::clock;
use super::super::cluster::Cluster;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::super::outcome::chain;
use super::attempt::Attempts;
use super::evidence::left_text;
use super::premises::{Premises, connect, local, map};
use super::withdraw::{Withdrawn, withdraw};
use super::witness::{self, Witness};
use super::{CloseArgs, recordings};
use crate::access::{
    ClosingOrder, Doorway, MachineClosing, Revocation, State, Step, Window, WindowId, close_doors, details_of_closing, details_of_evidence,
    encode_krl,
};
use crate::event::{Event, Sink};
use crate::ledger::EventKind;
use crate::node::{Machine, Probe as _};
use crate::report::text::{counted, escape};

/// So many windows are closed at once.
const AT_ONCE: usize = 8;
/// So long a command that is about something else tries again to close what is left.
const PATIENCE: Duration = Duration::from_secs(15);
/// Why a window is closed that was told to close before.
const AGAIN: &str = "it was not proven closed";

/// What a closing works with.
pub(super) struct Closer<'a> {
    cluster: &'a Cluster,
    pub(super) sink: &'a dyn Sink,
    attempts: Attempts<'a>,
    /// Machines that are not dialled, as if they were dead.
    dead: &'a [String],
}

impl<'a> Closer<'a> {
    pub(super) fn new(premises: &'a Premises<'a>, cluster: &'a Cluster, sink: &'a dyn Sink) -> Self {
        Self { cluster, sink, attempts: Attempts::new(premises, cluster), dead: &[] }
    }
}

/// How a closing ended.
pub(super) struct Shut {
    pub(super) machines: Vec<MachineClosing>,
    /// The nodes that were reached.
    nodes: Vec<Machine>,
}

impl Shut {
    /// Whether every door is known to be shut.
    pub(super) fn is_whole(&self) -> bool {
        self.machines.iter().all(MachineClosing::is_shut)
    }
}

/// Runs `access close`.
pub(super) async fn run(args: &CloseArgs, context: &Context) -> Result<Exit, Failure> {
    let premises = Premises::open(context)?;
    let witness = Witness::of(args.countersign.as_deref(), &premises)?;
    let history = premises.history()?;
    let is_request = |prefix: &String| history.beginning_with(prefix).is_empty();
    let withdrawn = match &args.id {
        Some(prefix) if !is_request(prefix) => Vec::new(),
        prefix => withdraw(prefix.as_deref(), &premises)?,
    };
    let windows: Vec<Window> = match &args.id {
        Some(_) if !withdrawn.is_empty() => Vec::new(),
        Some(prefix) => vec![premises.window(prefix)?],
        None => history.unsettled(context.now).cloned().collect(),
    };
    let mut names: Vec<String> = windows.iter().flat_map(|window| window.nodes.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let cluster = premises.cluster(&names)?;
    let sink = context.sink();
    let machines = premises.doorways(&names)?.into_iter().map(|doorway| doorway.name).collect();
    sink.emit(&Event::Started { command: "access close".into(), site: premises.site.name.clone(), run: args.id.clone(), nodes: machines });
    let closer = Closer { dead: &args.taken_for_dead, ..Closer::new(&premises, &cluster, sink.as_ref()) };
    let one = |window: Window| async {
        let shut = close_window(&premises, &closer, &window, "closed by hand").await?;
        Ok::<_, Failure>((window, shut))
    };
    let closing: Vec<_> = stream::iter(windows).map(one).buffered(AT_ONCE).collect().await;
    let (mut done, mut reached) = (Vec::new(), Vec::new());
    for outcome in closing {
        let (window, Shut { machines, nodes }) = outcome?;
        done.push((window, machines));
        reached.extend(nodes);
    }
    let folder = if let [(window, _)] = done.as_slice() { premises.out_of(&window.id)? } else { None };
    reached.dedup_by(|one, other| one.name() == other.name());
    if !done.is_empty() {
        witness::leave(&premises, witness.as_ref(), folder.as_deref(), &reached).await?;
    }
    cluster.close().await;
    tell(context, sink, &done, &withdrawn)
}

/// Tries once more to close what was told to close and is not proven closed. What stands in the way is said and stops nothing:
/// whoever asks for something else gets that.
pub(super) async fn retry(context: &Context) -> Result<(), Failure> {
    let is_due = |window: &&Window| window.state(context.now) == State::Closing;
    if Premises::look(context)?.history()?.unsettled(context.now).all(|window| !is_due(&window)) {
        return Ok(());
    }
    let trying = async {
        let premises = Premises::open(context)?;
        let due: Vec<Window> = premises.history()?.unsettled(context.now).filter(is_due).cloned().collect();
        let mut names: Vec<String> = due.iter().flat_map(|window| window.nodes.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let cluster = premises.cluster(&names)?;
        let sink = context.sink_for_query();
        let closer = Closer::new(&premises, &cluster, sink.as_ref());
        for window in &due {
            close_window(&premises, &closer, window, AGAIN).await?;
        }
        cluster.close().await;
        Ok::<_, Failure>(())
    };
    match tokio::time::timeout(PATIENCE, trying).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => {
            context.say(&format!("what is still to be closed could not be tried again: {}\n", chain(failure.error.as_ref())))
        }
        Err(_elapsed) => context.say("what is still to be closed gives no answer; `portcullis access close --all` waits longer\n"),
    }
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
pub(super) async fn close_window(premises: &Premises<'_>, closer: &Closer<'_>, window: &Window, why: &str) -> Result<Shut, Failure> {
    let mut window = window.clone();
    let before = window.left().to_vec();
    let refused_before = refused_before(premises, &window)?;
    let is_again = window.state(clock::now()) == State::Closing;
    if !is_again {
        premises.record(EventKind::WindowClosing, &window.id, map(json!({"why": why})))?;
        drop(window.take(Step::BeginClosing));
    }
    // What is proven shut stays so: nothing opens a window again.
    let is_left = |name: &str| if is_again { before.iter().any(|left| left == name) } else { window.machines().any(|own| own == name) };
    let names: Vec<String> = window.nodes.clone();
    let known = premises.doorways(&names)?;
    let is_dead = |name: &str| closer.dead.iter().any(|dead| dead == name);
    let (meant, strangers): (Vec<Doorway>, Vec<&str>) = (
        known.iter().filter(|doorway| is_left(&doorway.name) && !is_dead(&doorway.name)).cloned().collect(),
        window.machines().filter(|name| is_left(name) && !known.iter().any(|doorway| doorway.name == *name)).collect(),
    );
    let revocation = revocation(premises, &window)?;
    let order = ClosingOrder { window: &window, revocation: revocation.as_ref() };
    let attempt = |doorway: Doorway, machine: Machine| closer.attempts.attempt(&window.id, doorway, machine);
    let outcomes = close_doors(&order, meant, |doorway| connect(closer.cluster, doorway), attempt, closer.sink).await;
    let (mut machines, mut nodes) = (Vec::new(), Vec::new());
    for (mut closing, reached) in outcomes {
        if closing.outcome == "not-proven" && refused_before.contains(&closing.machine) {
            closing.outcome = "closed";
            closing.detail = Some("its credentials were refused when it was closed before, and are gone".to_owned());
        }
        nodes.extend(reached.filter(|machine| window.nodes.iter().any(|node| node == machine.name())));
        machines.push(closing);
    }
    machines.extend(strangers.iter().map(|name| gone(name, &window)));
    machines.extend(window.machines().filter(|name| is_left(name) && is_dead(name)).map(taken_for_dead));
    if window.record {
        nodes = recordings::bring(premises, closer, &window.id, nodes, &mut machines).await;
    }
    let left: Vec<&str> = machines.iter().filter(|machine| !machine.is_shut()).map(|machine| machine.machine.as_str()).collect();
    if let Some(details) = details_of_evidence(&machines) {
        premises.record(EventKind::WindowEvidence, &window.id, details)?;
    }
    // That nothing has changed is not told again and again.
    if !is_again || left != before {
        premises.record(EventKind::WindowClosed, &window.id, details_of_closing(&machines))?;
    }
    if left.is_empty() {
        premises.keep.forget_proof(&window.id);
    }
    Ok(Shut { machines, nodes })
}

// The machines that refused the credentials of a window that is closed already.
fn refused_before(premises: &Premises<'_>, window: &Window) -> Result<Vec<String>, Failure> {
    if window.state(clock::now()) != State::Closed {
        return Ok(Vec::new());
    }
    let events = premises.events(&window.id)?;
    let closings = events.iter().filter(|logged| logged.event.kind == EventKind::WindowClosed);
    let machines = closings.filter_map(|logged| logged.event.details.get("machines")?.as_array()).flatten();
    let refused = machines.filter(|machine| machine.get("refused").is_some_and(|refused| !refused.is_null()));
    Ok(refused.filter_map(|machine| machine.get("machine")?.as_str().map(str::to_owned)).collect())
}

fn taken_for_dead(name: &str) -> MachineClosing {
    let detail = Some("it was not dialled: a drill takes it for dead".to_owned());
    MachineClosing { machine: name.to_owned(), outcome: "unreached", ended: 0, refused: None, detail, evidence: None }
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
    Ok(Some(Revocation { krl, revoked: premises.keep.proof_certificate(&window.id).unwrap_or_default(), kept, version }))
}

fn tell(
    context: &Context,
    sink: Arc<dyn Sink>,
    closed: &[(Window, Vec<MachineClosing>)],
    withdrawn: &[Withdrawn],
) -> Result<Exit, Failure> {
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
                if state == "closing" {
                    value.insert("refuses_by_itself_from".to_owned(), json!(window.span.end()));
                }
                value.insert("id".to_owned(), json!(window.id.as_str()));
                value.insert("state".to_owned(), json!(state));
                Value::Object(value)
            })
            .collect();
        let requests: Vec<Value> = withdrawn.iter().map(Withdrawn::json).collect();
        let results = map(json!({"windows": windows, "requests": requests}));
        sink.emit(&Event::Summary { command: "access close".into(), exit_code: exit.code(), results });
        return Ok(exit);
    }
    drop(sink);
    for request in withdrawn {
        context.print(&request.text())?;
    }
    if closed.is_empty() && withdrawn.is_empty() {
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
        lines.extend(evidence.iter().map(|evidence| left_text(evidence).trim_end().to_owned()).filter(|text| !text.is_empty()));
        if *outcome == "unreached" {
            lines.push(format!("    its sshd refuses by itself from {} on", local(window.span.end())));
        }
    }
    lines.join("\n") + "\n"
}
