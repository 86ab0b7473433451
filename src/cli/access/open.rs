//! `portcullis access open`: policy, doors, closers, principals, certificates, in this order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::json;

use super::super::clock;
use super::super::cluster::{Cluster, secret_of_site_failure};
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::super::interrupt;
use super::super::outcome::{by_cause, chain};
use super::asking::{OpenArgs, Wanted, wanted};
use super::close::{Closer, Shut, close_window, settle};
use super::offer::Offer;
use super::premises::{Premises, connect, keep_failure, local, map, random, refused};
use super::witness::{self, Witness};
use crate::access::{
    Authority, DoorError, Doorway, Entered, Kind, LARGEST_SKEW, Step, Trust, Window, check_skew, details_of_opening, encode_krl, enter,
    give_trust, open_doors,
};
use crate::event::{Event, Sink};
use crate::ledger::event::NodeOutcome;
use crate::ledger::{Beginning, EventKind, WINDOWS};
use crate::node::{Machine, RunId};
use crate::playbook::Stop;
use crate::site::duration::format_duration;
use crate::site::model::SecretRef;

/// Runs `access open`.
pub(super) async fn run(args: &OpenArgs, context: &Context) -> Result<Exit, Failure> {
    let premises = Premises::begin(context)?;
    let witness = Witness::of(args.countersign.as_deref(), &premises)?;
    let Wanted { mut window, key_file, key } = wanted(args, &premises)?;
    let passphrase = key_of_authority(&premises)?;
    let doorways = premises.doorways(&window.nodes)?;
    let cluster = premises.cluster(&window.nodes)?;
    let sink = context.sink();
    let machines = doorways.iter().map(|doorway| doorway.name.clone()).collect();
    let site = premises.site.name.clone();
    sink.emit(&Event::Started { command: "access open".into(), site, run: Some(window.id.to_string()), nodes: machines });
    let entering = enter(doorways, |doorway| connect(&cluster, doorway), &clock::now, sink.as_ref());
    let (authority, entered) = interrupt::or_stop(async { tokio::join!(authority(&premises, passphrase), entering) }).await?;
    let (authority, entered) = (authority?, before_opening(args.partial, entered)?);
    let doors = Doors { premises: &premises, cluster: &cluster, authority: &authority, sink: Arc::clone(&sink) };
    doors.trust(&entered, context, &window).await?;
    settle(&premises, &Closer::new(&premises, &cluster, sink.as_ref()), Some(&window.id)).await?;
    premises.record(EventKind::WindowOpening, &window.id, details_of_opening(&window))?;
    step(&mut window, Step::BeginOpening)?;
    let open = doors.open_or_take_back(&entered, &window, args).await?;
    let out = args.out.clone().unwrap_or_else(|| premises.site.folder.join("windows").join(window.id.as_str()));
    // A JSON number holds it.
    let serial = random() & 0xffff_ffff_ffff;
    let offer = Offer {
        window: &window,
        authority: &authority,
        key: &key,
        key_file: &key_file,
        serial,
        sources: &premises.site.access.sources,
        doors: &open,
        now: context.now,
    };
    let given = premises.keep.keep_proof(&authority, &window, serial + 2).map_err(keep_failure).and_then(|()| offer.write(&out));
    if let Err(Failure { exit, error, help, .. }) = given {
        return Err(doors.take_back(&window, exit, chain(error.as_ref()), help).await);
    }
    let missing: Vec<String> =
        window.machines().filter(|name| !open.iter().any(|door| door.doorway.name == *name)).map(str::to_owned).collect();
    let valid_from = offer.valid_from();
    let details =
        json!({"missing": missing, "serial": serial, "valid_from": valid_from, "out": std::path::absolute(&out).unwrap_or(out.clone())});
    premises.record(EventKind::WindowOpened, &window.id, map(details))?;
    step(&mut window, Step::Opened { missing: missing.clone() })?;
    let nodes: Vec<Machine> = open.iter().filter(|door| !door.doorway.is_hop()).map(|door| door.work.machine().clone()).collect();
    witness::leave(&premises, witness.as_ref(), Some(&out), &nodes).await?;
    drop(open);
    drop(entered);
    cluster.close().await;
    drop(doors);
    let exit = if missing.is_empty() { Exit::Done } else { Exit::Partial };
    tell(context, sink, &window, &Opened { out: &out, missing: &missing, valid_from, exit })?;
    Ok(exit)
}

fn low(random: u64) -> u32 {
    u32::try_from(random & 0xffff_ffff).unwrap_or_default()
}

fn step(window: &mut Window, step: Step) -> Result<(), Failure> {
    window.take(step).map_err(|error| Failure::new(Exit::Failed, error, None))
}

/// What the CA is opened with; everything that has to be asked is asked now.
pub(super) fn key_of_authority(premises: &Premises<'_>) -> Result<Option<SecretString>, Failure> {
    if premises.keep.is_in_agent() {
        return Ok(None);
    }
    let reference = premises.site.access.ca_passphrase.clone().unwrap_or(SecretRef::Prompt);
    let what = if premises.keep.has_authority() {
        "the passphrase of the site's user CA"
    } else {
        "a passphrase for the site's user CA, which is made now"
    };
    let passphrase = premises.secrets.resolve(&reference, what).map_err(|error| {
        let mut failure = secret_of_site_failure(error, &premises.site);
        if premises.site.access.ca_passphrase.is_none() {
            failure.help = Some(
                "give it by reference in the site file: `access: {ca_passphrase: \"file:PATH\"}` (or env:NAME, cmd:COMMAND), or have an ssh-agent hold the CA: `ca_key: FILE.pub`".to_owned(),
            );
        }
        failure
    })?;
    Ok(Some(passphrase))
}

/// Opens the CA beside whatever else goes on: its passphrase takes a while to be tried.
pub(super) async fn authority(premises: &Premises<'_>, passphrase: Option<SecretString>) -> Result<Authority, Failure> {
    let keep = premises.keep.clone();
    let agent = std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).map(PathBuf::from);
    let opening = tokio::task::spawn_blocking(move || match passphrase {
        Some(passphrase) => keep.authority(&passphrase),
        None => keep.authority_in_agent(agent.as_deref()),
    });
    let opened = opening.await.map_err(|broken_off| Failure::new(Exit::Failed, broken_off, None))?;
    opened.map_err(keep_failure)
}

/// All doors, or those that could be entered where that is enough; no clock may be off.
pub(super) fn before_opening(is_partial: bool, doors: Vec<(Doorway, Result<Entered, DoorError>)>) -> Result<Vec<Entered>, Failure> {
    let (mut entered, mut failed, mut help) = (Vec::new(), Vec::new(), None);
    let mut hop_is_missing = false;
    for (doorway, door) in doors {
        match door {
            Ok(door) => entered.push(door),
            Err(error) => {
                hop_is_missing |= doorway.is_hop();
                help = help.or(error.help());
                failed.push((doorway.name, chain(&error)));
            }
        }
    }
    let is_enough = is_partial && !hop_is_missing && entered.iter().any(|door| !door.doorway.is_hop());
    if !failed.is_empty() && !is_enough {
        let nobody = !entered.iter().any(|door| !door.doorway.is_hop());
        let lines = by_cause(failed.iter().map(|(name, why)| (name.as_str(), why.clone())));
        let what = Sentence(format!("no window was opened: not every machine can be reached\n  {}", lines.join("\n  ")));
        return Err(Failure::new(if nobody { Exit::Unreachable } else { Exit::Failed }, what, help));
    }
    let skewed: Vec<_> = entered.iter().filter_map(|door| check_skew(&door.doorway.name, door.clock).err()).collect();
    if let Some(first) = skewed.first() {
        let lines: Vec<String> = skewed.iter().map(ToString::to_string).collect();
        return Err(refused(&lines, first.help()));
    }
    Ok(entered)
}

struct Doors<'a> {
    premises: &'a Premises<'a>,
    cluster: &'a Cluster,
    authority: &'a Authority,
    sink: Arc<dyn Sink>,
}

impl Doors<'_> {
    // Before the window is in the ledger: a machine that must not be changed is a reason not to begin.
    async fn trust(&self, entered: &[Entered], context: &Context, window: &Window) -> Result<(), Failure> {
        let krl = encode_krl(self.authority.public(), &[], 0, context.now);
        let trust = Trust::new(&self.authority.line(), krl, window.record);
        let run = RunId::new(context.now, low(random()));
        let owner = format!("{} (portcullis access open, {})", context.actor(), window.id);
        // Another way than the one we came by: what it proves is that the next one gets in, too.
        let anew = self.premises.cluster(&window.nodes)?;
        let lacking: Vec<&str> = entered
            .iter()
            .filter(|door| trust.stands(&door.doorway.name, &door.look, door.tenant()).is_ok_and(|stands| !stands))
            .map(|door| door.doorway.name.as_str())
            .collect();
        let origin = self.premises.origin();
        if !lacking.is_empty() {
            self.premises.append(&origin.run_started(clock::now(), run.as_str(), &Beginning::new(&[WINDOWS], &lacking)))?;
        }
        let given = give_trust(entered, &trust, (&run, &owner), |doorway| connect(&anew, doorway), self.sink.as_ref()).await;
        anew.close().await;
        if !lacking.is_empty() {
            // Where one failed, each machine's journal knows how it ended there.
            let (outcome, of_each) = if given.is_ok() { ("done", "changed") } else { ("failed", "unknown") };
            let one = |node: &&str| NodeOutcome { node: (*node).to_owned(), outcome: of_each.to_owned(), detail: None, files: Vec::new() };
            let nodes: Vec<NodeOutcome> = lacking.iter().map(one).collect();
            self.premises.append(&origin.run_finished(clock::now(), run.as_str(), outcome, &nodes))?;
        }
        given.map(drop).map_err(|error| {
            let help = error.help();
            Failure::new(Exit::Failed, error, help)
        })
    }

    /// Opens every door, or closes again those that were opened.
    async fn open_or_take_back<'e>(&self, entered: &'e [Entered], window: &Window, args: &OpenArgs) -> Result<Vec<&'e Entered>, Failure> {
        let interrupted = Stop::default();
        let opening = self.open(entered, window, args, &interrupted);
        match interrupt::let_finish(opening, &interrupted).await? {
            (Ok(open), false) => Ok(open),
            (Ok(_), true) => Err(self.take_back(window, Exit::Interrupted, "interrupted".to_owned(), None).await),
            (Err(Failure { exit, error, help, .. }), was_interrupted) => {
                let exit = if was_interrupted { Exit::Interrupted } else { exit };
                Err(self.take_back(window, exit, chain(error.as_ref()), help).await)
            }
        }
    }

    /// Opens every door; where one stays shut and that is not enough, what failed.
    async fn open<'e>(&self, entered: &'e [Entered], window: &Window, args: &OpenArgs, stop: &Stop) -> Result<Vec<&'e Entered>, Failure> {
        let outcomes = open_doors(entered, window, self.sink.as_ref()).await;
        let (mut open, mut failed, mut help) = (Vec::new(), Vec::new(), None);
        for (door, outcome) in outcomes {
            match outcome {
                Ok(_) => open.push(door),
                Err(error) => {
                    help = help.or(error.help());
                    failed.push((door.doorway.name.as_str(), chain(&error)));
                }
            }
        }
        let hops = entered.iter().filter(|door| door.doorway.is_hop()).count();
        let is_enough = args.partial && open.len() > hops && open.iter().filter(|door| door.doorway.is_hop()).count() == hops;
        if (failed.is_empty() || is_enough) && !stop.is_raised() {
            return Ok(open);
        }
        let lines = by_cause(failed.iter().map(|(name, why)| (*name, why.clone())));
        Err(Failure::new(Exit::Failed, Sentence(format!("not every machine could be opened\n  {}", lines.join("\n  "))), help))
    }

    /// Closes again what was opened; the failure says how that ended.
    async fn take_back(&self, window: &Window, exit: Exit, why: String, help: Option<String>) -> Failure {
        let closer = Closer::new(self.premises, self.cluster, self.sink.as_ref());
        let outcome = close_window(self.premises, &closer, window, "it could not be opened").await;
        let outcome = match outcome {
            Ok(shut) if shut.is_whole() => "no door is open".to_owned(),
            Ok(Shut { machines, .. }) => {
                let left: Vec<&str> =
                    machines.iter().filter(|machine| !machine.is_shut()).map(|machine| machine.machine.as_str()).collect();
                format!("{} could not be closed again and close by themselves at {}", left.join(", "), local(window.span.end()))
            }
            Err(failure) => chain(failure.error.as_ref()),
        };
        Failure::new(exit, Sentence(format!("window {} was not opened: {why}\n  {outcome}", window.id)), help)
    }
}

struct Opened<'a> {
    out: &'a Path,
    missing: &'a [String],
    valid_from: jiff::Timestamp,
    exit: Exit,
}

fn tell(context: &Context, sink: Arc<dyn Sink>, window: &Window, opened: &Opened<'_>) -> Result<(), Failure> {
    let Opened { out, missing, valid_from, exit } = opened;
    if context.is_json() {
        let results = json!({
            "window": Premises::window_json(window, clock::now()), "out": out, "missing": missing, "valid_from": valid_from,
            "tolerance_s": LARGEST_SKEW.as_secs(),
        });
        sink.emit(&Event::Summary { command: "access open".into(), exit_code: exit.code(), results: map(results) });
        return Ok(());
    }
    drop(sink);
    let span = window.span;
    let mut lines = vec![
        format!("window {} for {}: {}", window.id, window.who, window.state(clock::now()).word()),
        format!("  from   {}", local(span.start())),
        format!("  to     {}  ({} from its start)", local(span.end()), format_duration(span.length())),
        format!("  nodes  {}", window.nodes.join(", ")),
    ];
    if *valid_from < span.start() {
        let from = local(*valid_from);
        lines.push(format!("  valid  {from}  (clocks may differ; not part of the window)"));
    }
    if !missing.is_empty() {
        lines.push(format!("  not opened: {}", missing.join(", ")));
    }
    let node = window.nodes.first().map(String::as_str).unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    let out = out.strip_prefix(&here).unwrap_or(out);
    lines.push(format!("give this folder to {}:\n  {}", window.who, out.display()));
    lines.push(format!("it is used with:\n  ssh -F {} {node}", out.join("ssh_config").display()));
    if window.kind == Kind::Standing {
        lines.push(
            "it ends after this piece unless it is renewed, from cron or a timer:\n  portcullis access renew --timer cron".to_owned(),
        );
    }
    context.print(&(lines.join("\n") + "\n"))
}
