//! What every verb of `access` stands on: the site, its ledger with the windows in it, and what is kept beside it.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::super::clock;
use super::super::cluster::{Cluster, limited};
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::super::forward::Forwarding;
use super::super::record::{ledger_at, ledger_failure, ledger_to_read, open_ledger, origin};
use super::request::begins;
use crate::access::approval::{Asked, read_requests};
use crate::access::{Doorway, History, Keep, KeepError, Way, Window, WindowId, read_history};
use crate::ledger::{EventKind, Ledger, LedgerEvent, LogQuery, LoggedEvent, OpenOptions, Origin};
use crate::node::{Machine, RemoteError};
use crate::playbook::nearest;
use crate::site::model::Site;
use crate::site::secret::Secrets;

/// The site and its windows.
pub(super) struct Premises<'c> {
    pub(super) context: &'c Context,
    pub(super) site: Site,
    pub(super) secrets: Arc<Secrets>,
    pub(super) keep: Keep,
    ledger: Option<Ledger>,
    origin: Origin,
    forwarding: Forwarding,
}

impl<'c> Premises<'c> {
    /// For a verb that begins something, the ledger as well: what cannot be recorded is not done.
    pub(super) fn begin(context: &'c Context) -> Result<Self, Failure> {
        Self::with(context, |site| append_to(context, site).map(Some))
    }

    /// For a verb that changes what a ledger holds.
    pub(super) fn open(context: &'c Context) -> Result<Self, Failure> {
        Self::with(context, |site| ledger_to_read(context, site).and_then(|_| append_to(context, site)).map(Some))
    }

    /// For a verb that only looks: where there is no ledger yet there are no windows, and none is made.
    pub(super) fn look(context: &'c Context) -> Result<Self, Failure> {
        Self::with(context, |site| ledger_to_read(context, site))
    }

    fn with(context: &'c Context, open: impl FnOnce(&Site) -> Result<Option<Ledger>, Failure>) -> Result<Self, Failure> {
        let site = context.site()?;
        let location = ledger_at(context, &site);
        let ledger = open(&site)?;
        let folder = location.path().parent().map(|folder| folder.join("access")).unwrap_or_default();
        let keep = Keep::new(folder, site.access.ca_key.as_ref().map(|path| site.path(path)));
        let (origin, forwarding) = (origin(context, &site.name), Forwarding::of(context, &site));
        Ok(Self { context, secrets: context.secrets(&site.folder), keep, ledger, origin, forwarding, site })
    }

    /// The windows as the ledger knows them now.
    pub(super) fn history(&self) -> Result<History, Failure> {
        let Some(ledger) = &self.ledger else { return Ok(History::default()) };
        let query = LogQuery { kind: Some("window.".to_owned()), ..LogQuery::default() };
        let mut events = ledger.log(&query).map_err(ledger_failure)?;
        events.reverse();
        Ok(read_history(&events))
    }

    /// What was asked for, as the ledger knows it.
    pub(super) fn requests(&self) -> Result<Vec<Asked>, Failure> {
        let Some(ledger) = &self.ledger else { return Ok(Vec::new()) };
        let query = LogQuery { kind: Some("window.".to_owned()), ..LogQuery::default() };
        let mut events = ledger.log(&query).map_err(ledger_failure)?;
        events.reverse();
        Ok(read_requests(&events))
    }

    /// The jumphosts on the way to the nodes.
    pub(super) fn hop_names(&self) -> Vec<String> {
        self.site.route.hops.iter().map(|hop| hop.name.clone()).collect()
    }

    /// Records what happens to a window.
    pub(super) fn record(&self, kind: EventKind, window: &WindowId, details: Map<String, Value>) -> Result<(), Failure> {
        self.append(&self.origin.event(kind, clock::now(), Some(window.as_str()), details))
    }

    /// Appends an event, and sends it on where the site wants that.
    pub(super) fn append(&self, event: &LedgerEvent) -> Result<(), Failure> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        ledger.append(event).map_err(ledger_failure)?;
        self.forwarding.push(ledger);
        Ok(())
    }

    /// The ledger; `None` where there is none to look at.
    pub(super) fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// Who acts.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The one window whose id begins with `prefix`.
    pub(super) fn window(&self, prefix: &str) -> Result<Window, Failure> {
        let history = self.history()?;
        match history.beginning_with(prefix).as_slice() {
            [window] => Ok((*window).clone()),
            [] => {
                if let Some(asked) = self.requests()?.iter().find(|asked| begins(asked.signed.request().id.as_str(), prefix)) {
                    let id = &asked.signed.request().id;
                    let help = format!("`portcullis access show {id}` says how far it has come");
                    return Err(Failure::usage(format!("{id} is a request, of which no window was opened"), help));
                }
                let known: Vec<String> = history.windows().iter().map(|window| window.id.to_string()).collect();
                let near = nearest(prefix, &known).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
                let help = format!("{near}`portcullis access list --all` shows those it knows");
                Err(Failure::usage(format!("the ledger knows no window {prefix}"), help))
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|window| window.id.as_str()).collect();
                Err(Failure::usage(format!("several windows begin with {prefix}"), format!("they are: {}", ids.join(", "))))
            }
        }
    }

    /// The way to these nodes and to the jumphosts before them; everything that has to be asked is asked now.
    pub(super) fn cluster(&self, nodes: &[String]) -> Result<Cluster, Failure> {
        let all = limited(&self.site, &[])?;
        let meant: Vec<_> = all.into_iter().filter(|node| nodes.contains(&node.name)).collect();
        let cluster = Cluster::new(self.context, &self.site, Arc::clone(&self.secrets), &meant)?;
        cluster.ask_for_hops()?;
        Ok(cluster)
    }

    /// The nodes of those names that the site still has, as a window's doorways with the jumphosts before them.
    pub(super) fn doorways(&self, nodes: &[String]) -> Result<Vec<Doorway>, Failure> {
        let all = limited(&self.site, &[])?;
        let meant: Vec<_> = all.into_iter().filter(|node| nodes.contains(&node.name)).collect();
        Ok(crate::access::doorways(&self.site, &meant))
    }

    /// The folder that a window's person was given, where it is known.
    pub(super) fn out_of(&self, window: &WindowId) -> Result<Option<PathBuf>, Failure> {
        let events = self.events(window)?;
        let opened = events.iter().find(|logged| logged.event.kind == EventKind::WindowOpened);
        Ok(opened.and_then(|logged| logged.event.details.get("out")?.as_str().map(PathBuf::from)))
    }

    /// What the ledger holds of a window, for scripts.
    pub(super) fn events_of(&self, window: &WindowId) -> Result<Value, Failure> {
        Ok(crate::report::audit::log_json(&self.events(window)?).get_mut("events").map(Value::take).unwrap_or_default())
    }

    /// What the ledger holds of a window, the newest first.
    pub(super) fn events(&self, window: &WindowId) -> Result<Vec<LoggedEvent>, Failure> {
        let Some(ledger) = &self.ledger else { return Ok(Vec::new()) };
        let query = LogQuery { subject: Some(window.to_string()), ..LogQuery::default() };
        ledger.log(&query).map_err(ledger_failure)
    }

    /// `window` for scripts.
    pub(super) fn window_json(window: &Window, now: Timestamp) -> Value {
        json!({
            "id": window.id.as_str(), "state": window.state(now).word(), "who": window.who.as_str(), "kind": window.kind.word(),
            "from": window.span.start(), "to": window.span.end(), "reason": window.reason, "ticket": window.ticket, "key": window.key,
            "nodes": window.nodes, "jumphosts": window.hops, "record": window.record, "left": window.left(),
        })
    }
}

fn append_to(context: &Context, site: &Site) -> Result<Ledger, Failure> {
    open_ledger(context, site, &OpenOptions::append())
}

/// Logs in to a doorway.
pub(super) async fn connect(cluster: &Cluster, doorway: Doorway) -> Result<Machine, RemoteError> {
    match doorway.way {
        Way::Hop(index) => cluster.connect_hop(index).await,
        Way::Node(node) => cluster.connect(*node).await,
    }
}

/// What is kept could not be had.
pub(super) fn keep_failure(error: KeepError) -> Failure {
    let help = error.help();
    Failure::new(Exit::Failed, error, help)
}

/// A moment as a person reads it: local, with its zone.
pub(super) fn local(moment: Timestamp) -> String {
    let zoned = moment.to_zoned(TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// A random number, for ids and serials: a guess at one opens nothing.
pub(super) fn random() -> u64 {
    let mut bytes = [0u8; 8];
    // Without randomness the time alone sets them apart.
    if openssl::rand::rand_bytes(&mut bytes).is_err() {
        bytes = clock::now().as_nanosecond().to_ne_bytes().first_chunk().copied().unwrap_or_default();
    }
    u64::from_ne_bytes(bytes)
}

/// A JSON object's members.
pub(super) fn map(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

/// A refusal by policy.
pub(super) fn refused(lines: &[String], help: Option<String>) -> Failure {
    Failure::new(Exit::Refused, Sentence(format!("the window is refused\n  {}", lines.join("\n  "))), help)
}
