//! A playbook: a named list of steps, each one desired thing on a node. Data, not a language: no loops, and no
//! condition but `when: <key equals value>`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition;
use super::gate::Gate;

use super::guard::GuardFile;
use crate::node::Guard;

/// A playbook as it stands in its file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = demand_name_and_title)]
pub(crate) struct PlaybookFile {
    /// Its name, the same as the file's.
    // Where it is missing, that was told by the shape, and the steps are judged all the same.
    #[serde(default)]
    pub name: String,
    /// What it does, for a person.
    #[serde(default)]
    pub title: String,
    /// The machines whose steps these are. Included playbooks keep to their own.
    #[serde(default)]
    pub machines: Machines,
    /// Playbooks whose steps come first, in order.
    #[serde(default)]
    pub includes: Vec<String>,
    /// So many nodes at a time, unless `--rolling` says otherwise; a failure keeps the rest untouched.
    #[schemars(range(min = 1))]
    pub rolling: Option<u16>,
    /// Whether a rolling run begins with one node alone; it does unless this says `false`.
    pub canary: Option<bool>,
    /// What a node has to show, after its run, before the next is touched; else its run is undone.
    pub gate: Option<Gate>,
    /// As a step's `guard`, for every run of this playbook, whichever step changes something.
    pub guard: Option<GuardFile>,
    /// The steps, in the order in which they are carried out.
    #[serde(default)]
    pub steps: Vec<StepFile>,
    /// Files for other people, rendered by `portcullis render` and never installed on a node.
    #[serde(default)]
    pub handouts: Vec<Handout>,
}

/// A step: an id, and exactly one of the kinds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepFile {
    /// Unique in the playbook; appears in plans, events and the ledger.
    pub id: String,
    /// What it is for, for a person.
    #[serde(default)]
    pub title: String,
    /// The step counts only where each of these holds; a key equals a value, and nothing else.
    #[serde(default)]
    #[schemars(schema_with = "condition::schema")]
    pub when: BTreeMap<String, String>,
    /// The step could cut the way in (sshd, PAM, firewall, network): the time within which it has to be confirmed, from 10
    /// seconds to an hour, such as `60s`.
    ///
    /// Where such a step changes something, the node starts a timer before anything is replaced. It takes the whole run
    /// back when the time is over, and when it restarts meanwhile, unless Portcullis has logged in anew after the change,
    /// the playbook's gate has passed, and the node finds its services well (their `validate`, `listens`, and each `wait`).
    /// A run that was taken back has failed. Nothing else is changed on a node while it waits.
    pub guard: Option<GuardFile>,
    /// A file out of a template.
    pub template: Option<TemplateStep>,
    /// A file copied as it is, its mode and owner alone, a folder, or a file that is to be gone.
    pub file: Option<FileStep>,
    /// The site's full-chain PFX.
    pub pfx: Option<PfxStep>,
    /// CA certificates in the system's trust store.
    pub trust: Option<TrustStep>,
    /// A service that runs and takes up what changed, or one that is stopped.
    pub service: Option<ServiceStep>,
    /// A command, guarded.
    pub command: Option<CommandStep>,
    /// Waiting until a command succeeds.
    pub wait: Option<WaitStep>,
}

/// The machines of a site that a playbook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Machines {
    /// Those under `nodes`.
    #[default]
    Nodes,
    /// Those under `load_balancer.machines`.
    LoadBalancers,
    /// Both.
    All,
    /// The servers under `connectors` that have an address.
    Connectors,
}

/// Whose CA certificates are to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// The proxy's: the site's `proxy.ca_certificates`.
    #[default]
    Proxy,
    /// The directory's of a connector: its `ca_certificates`.
    Directory,
}

/// A file out of a template.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateStep {
    /// The template, below `templates/` beside the site file, or a built-in one.
    pub src: String,
    /// Where it goes; an absolute path. Missing folders are made.
    pub dest: String,
    /// Mode in octal digits.
    #[serde(default = "default_mode")]
    pub mode: String,
    /// `owner:group`.
    #[serde(default = "default_owner")]
    pub owner: String,
    /// It holds a secret: never shown in a plan, and only such templates see secrets. Nobody but owner and group may read it then.
    #[serde(default)]
    pub secret: bool,
    /// Only a marked block of the file is ours (`# BEGIN portcullis ID` to `# END …`); the rest stays as it is.
    #[serde(default)]
    pub block: bool,
}

/// What is to stand at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// A file: with this content where `src` or `content` is given, else as it is.
    #[default]
    Present,
    /// Nothing. A folder is never taken away.
    Absent,
    /// A folder. One that a run made is gone again when that is undone, unless something is in it by then.
    Folder,
}

/// A file copied as it is, its mode and owner alone, a folder, or a file that is to be gone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileStep {
    /// Where it is on the node; an absolute path. Missing folders are made.
    pub path: String,
    /// The local file with its content, relative to the site's folder.
    pub src: Option<String>,
    /// Its content itself, in place of `src`.
    pub content: Option<String>,
    /// What is to stand there.
    #[serde(default)]
    pub state: Presence,
    /// Mode in octal digits. 0644 for a content, 0755 for a folder that is made, else as it is.
    pub mode: Option<String>,
    /// `owner:group`. `root:root` for a content and for a folder that is made, else as it is.
    pub owner: Option<String>,
    /// It holds a secret: never shown in a plan. Nobody but owner and group may read it then.
    #[serde(default)]
    pub secret: bool,
}

impl FileStep {
    /// Whether mode and owner alone are desired, of a file that is there already.
    pub fn is_attributes_only(&self) -> bool {
        self.state == Presence::Present && self.src.is_none() && self.content.is_none()
    }
}

/// The site's full-chain PFX. Its password goes beside it (`.password`) unless the site refers to one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PfxStep {
    /// Where it goes; an absolute path.
    pub dest: String,
    /// Mode in octal digits. Nobody but owner and group may read it.
    #[serde(default = "default_private_mode")]
    pub mode: String,
    /// `owner:group`.
    #[serde(default = "default_owner")]
    pub owner: String,
}

/// CA certificates in the system's trust store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustStep {
    /// Name of the files below `/usr/local/share/ca-certificates`: `NAME-1.crt`, `NAME-2.crt` …
    pub name: String,
    /// Local files with the CA certificates, relative to the site's folder; those of `of` unless given.
    pub files: Option<Vec<String>>,
    /// Whose CA certificates, where no files are named.
    #[serde(default)]
    pub of: Authority,
}

/// How a service is to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// It runs, and starts by itself.
    #[default]
    Running,
    /// It does not run, and does not start by itself. One that is not installed is stopped.
    Stopped,
}

/// What a service does when something that it reads has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnChange {
    /// Reload, or restart where it cannot reload.
    #[default]
    Reload,
    /// Restart.
    Restart,
}

/// A service that runs and takes up what changed in the steps before it, or one that is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceStep {
    /// The systemd unit.
    pub name: String,
    /// How it is to stand.
    #[serde(default)]
    pub state: ServiceState,
    /// A command that has to succeed before the service is touched.
    pub validate: Option<String>,
    /// What it does when something changed.
    #[serde(default)]
    pub on_change: OnChange,
    /// TCP ports on which something must listen afterwards.
    #[serde(default)]
    #[schemars(inner(range(min = 1)))]
    pub listens: Vec<u16>,
    /// Steps whose change concerns it; every earlier step of the playbook unless given.
    pub after: Option<Vec<String>>,
}

/// A command. Without a guard it runs when a step before it changed something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandStep {
    /// What to run, by `sh -c`, as root. No secrets: it stands in the process list.
    pub run: String,
    /// Not needed where this path exists.
    pub creates: Option<String>,
    /// Not needed where this command succeeds; it must only look.
    pub unless: Option<String>,
    /// A command that takes it back: run when a run that began it is undone, once its files have been put back.
    pub undo: Option<String>,
    /// Run again when a run is undone, once its files have been put back. Unless given, `true` in a playbook that guards
    /// anything for a command without `creates`, `unless` and `undo`, else `false`. What is loaded from a file that is new
    /// needs an `undo`: there is nothing then to load again.
    pub again_on_undo: Option<bool>,
    /// Steps whose change concerns it; every earlier step of the playbook unless given.
    pub after: Option<Vec<String>>,
}

/// Waiting until a command succeeds, when a step before it changed something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitStep {
    /// The command that has to succeed.
    pub until: String,
    /// For how many seconds at most.
    #[serde(default = "default_wait")]
    #[schemars(range(min = 1))]
    pub seconds: u16,
    /// Steps whose change concerns it; every earlier step of the playbook unless given.
    pub after: Option<Vec<String>>,
}

/// A file for other people, such as the proxy's administrators.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Handout {
    /// The template, below `templates/`.
    pub template: String,
    /// The file's name.
    pub name: String,
}

/// A step that has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Unique in the playbook.
    pub id: String,
    /// The playbook it stands in; `after` without a list means earlier steps of the same one.
    pub playbook: String,
    /// The machines it is for.
    pub machines: Machines,
    /// What it is for.
    pub title: String,
    /// Conditions, all of which have to hold.
    pub when: BTreeMap<String, String>,
    /// Where it could cut the way in: how long the node waits to be confirmed.
    pub guard: Option<Guard>,
    /// What is desired.
    pub kind: Kind,
}

/// What a step desires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file out of a template.
    Template(TemplateStep),
    /// A file.
    File(FileStep),
    /// The PFX.
    Pfx(PfxStep),
    /// Trusted CA certificates.
    Trust(TrustStep),
    /// A service.
    Service(ServiceStep),
    /// A command.
    Command(CommandStep),
    /// Waiting.
    Wait(WaitStep),
}

/// A playbook with everything it includes, ready for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playbook {
    /// Its name.
    pub name: String,
    /// What it does.
    pub title: String,
    /// All steps in order.
    pub steps: Vec<Step>,
    /// So many nodes at a time.
    pub rolling: Option<u16>,
    /// Whether a rolling run begins with one node alone.
    pub canary: Option<bool>,
    /// What a node has to show before the next is touched.
    pub gate: Option<Gate>,
    /// Where every change is guarded: how long the node waits to be confirmed.
    pub guard: Option<Guard>,
    /// Files for other people.
    pub handouts: Vec<Handout>,
}

fn demand_name_and_title(schema: &mut schemars::Schema) {
    schema.insert("required".to_owned(), serde_json::json!(["name", "title"]));
    for name in ["name", "title"] {
        drop(schema.pointer_mut(&format!("/properties/{name}")).and_then(|field| field.as_object_mut()?.remove("default")));
    }
}

fn default_mode() -> String {
    "0644".to_owned()
}

fn default_private_mode() -> String {
    "0600".to_owned()
}

fn default_owner() -> String {
    "root:root".to_owned()
}

fn default_wait() -> u16 {
    30
}
