//! A playbook: a named list of steps, each one desired thing on a node. Data, not a language: no loops, and no
//! condition but `when: <key equals value>`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::guard::GuardFile;
use crate::node::Guard;

/// A playbook as it stands in its file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaybookFile {
    /// Its name, the same as the file's.
    pub name: String,
    /// What it does, for a person.
    pub title: String,
    /// Playbooks whose steps come first, in order.
    #[serde(default)]
    pub includes: Vec<String>,
    /// So many nodes at a time, unless `--rolling` says otherwise; a failure keeps the rest untouched.
    pub rolling: Option<u16>,
    /// What a node has to show, after its run, before the next is touched; else its run is undone.
    pub gate: Option<Gate>,
    /// As a step's `guard`, for every run of this playbook, whichever step changes something.
    #[serde(default)]
    pub guard: GuardFile,
    /// The steps, in the order in which they are carried out.
    #[serde(default)]
    #[schemars(with = "Vec<StepFile>")]
    pub steps: Vec<Spanned<StepFile>>,
    /// Files for other people, rendered by `portcullis render` and never installed on a node.
    #[serde(default)]
    pub handouts: Vec<Handout>,
}

/// A step as it stands in its file: an id, and exactly one of the kinds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepFile {
    /// Unique in the playbook; appears in plans, events and the ledger.
    pub id: String,
    /// What it is for, for a person.
    #[serde(default)]
    pub title: String,
    /// The step counts only where each of these holds: `role`, `proxy`, `tls`, `smtp`, `smtp-ca`, `os`, `init`.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    /// The step could cut the way in: sshd, PAM, firewall, network. `true` (60 seconds) or a time such as `90s`.
    ///
    /// Where such a step changes something, the node starts a timer before anything is replaced. It takes the whole run
    /// back when the time is over, and when it restarts meanwhile, unless Portcullis has logged in anew after the change,
    /// the playbook's gate has passed, and the node finds its services well (their `validate`, `listens`, and each `wait`).
    /// A run that was taken back has failed. Nothing else is changed on a node while it waits.
    #[serde(default)]
    pub guard: GuardFile,
    /// A file out of a template.
    pub template: Option<TemplateStep>,
    /// A file copied as it is, or one that is to be gone.
    pub file: Option<FileStep>,
    /// The site's full-chain PFX.
    pub pfx: Option<PfxStep>,
    /// CA certificates in the system's trust store.
    pub trust: Option<TrustStep>,
    /// A service that runs and takes up what changed.
    pub service: Option<ServiceStep>,
    /// A command, guarded.
    pub command: Option<CommandStep>,
    /// Waiting until a command succeeds.
    pub wait: Option<WaitStep>,
}

/// A file out of a template.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateStep {
    /// The template, below `templates/`.
    pub src: String,
    /// Where it goes; an absolute path.
    pub dest: String,
    /// Mode in octal digits.
    #[serde(default = "default_mode")]
    pub mode: String,
    /// `owner:group`.
    #[serde(default = "default_owner")]
    pub owner: String,
    /// It holds a secret: never shown in a plan, and only such templates see secrets.
    #[serde(default)]
    pub secret: bool,
    /// Only a marked block of the file is ours; the rest stays as it is.
    #[serde(default)]
    pub block: bool,
}

/// Whether a file is to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// There, with the content of `src`.
    #[default]
    Present,
    /// Gone.
    Absent,
}

/// A file copied as it is, or one that is to be gone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileStep {
    /// Where it is on the node; an absolute path.
    pub path: String,
    /// The local file, relative to the site's folder; needed unless it is to be gone.
    pub src: Option<String>,
    /// Whether it is to be there.
    #[serde(default)]
    pub state: Presence,
    /// Mode in octal digits.
    #[serde(default = "default_mode")]
    pub mode: String,
    /// `owner:group`.
    #[serde(default = "default_owner")]
    pub owner: String,
    /// It holds a secret: never shown in a plan.
    #[serde(default)]
    pub secret: bool,
}

/// The site's full-chain PFX. Its password goes beside it (`.password`) unless the site refers to one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PfxStep {
    /// Where it goes; an absolute path. Mode 0600, owner root.
    pub dest: String,
}

/// CA certificates in the system's trust store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustStep {
    /// Name of the file below `/usr/local/share/ca-certificates`, without `.crt`. Holds the proxy's CA certificates.
    pub name: String,
}

/// What a service does when something that it reads has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnChange {
    /// Reload, or restart where it cannot reload.
    #[default]
    Reload,
    /// Restart.
    Restart,
}

/// A service that runs and takes up what changed in the steps before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceStep {
    /// The systemd unit.
    pub name: String,
    /// A command that has to succeed before the service is touched.
    pub validate: Option<String>,
    /// What it does when something changed.
    #[serde(default)]
    pub on_change: OnChange,
    /// TCP ports on which something must listen afterwards.
    #[serde(default)]
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
    /// Run again when a failed run's files have been put back.
    #[serde(default)]
    pub again_on_undo: bool,
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
    pub seconds: u16,
    /// Steps whose change concerns it; every earlier step of the playbook unless given.
    pub after: Option<Vec<String>>,
}

/// What a node has to show from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The port on which it has to serve the site's certificate with the full chain.
    pub serves_chain_on: u16,
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
    /// What a node has to show before the next is touched.
    pub gate: Option<Gate>,
    /// Where every change is guarded: how long the node waits to be confirmed.
    pub guard: Option<Guard>,
    /// Files for other people.
    pub handouts: Vec<Handout>,
}

fn default_mode() -> String {
    "0644".to_owned()
}

fn default_owner() -> String {
    "root:root".to_owned()
}

fn default_wait() -> u16 {
    30
}

/// JSON Schema of a playbook file, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(PlaybookFile).into()
}
