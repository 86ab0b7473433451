//! Desired minus facts. Pure: the same site, playbook and facts give the same plan, and a plan holds no machine
//! that it could change.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::block::with_block;
use super::context::{conditions, template_context};
use super::diff::unified;
use super::material::{Material, PfxFailed};
use super::model::{
    CommandStep, FileStep, Kind, OnChange, PfxStep, Playbook, Presence, ServiceStep, Step, TemplateStep, TrustStep, WaitStep,
};
use super::render::{RenderError, Templates};
use crate::node::{Action, Depth, Expected, Facts, FileFact, Inquiry, Placement, Removal, RunId, Transaction, sha256_hex};
use crate::site::model::{Node, Site};

/// Why no plan could be made for a node.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A template failed.
    #[error("step `{step}` on {node}")]
    Render {
        /// The node.
        node: String,
        /// The step.
        step: String,
        /// Why.
        source: RenderError,
    },
    /// What stands at a path cannot be replaced by a file.
    #[error("step `{step}` on {node}: {path} is {found}")]
    InTheWay {
        /// The node.
        node: String,
        /// The step.
        step: String,
        /// The path.
        path: String,
        /// What was found there.
        found: String,
    },
    /// The PFX could not be made.
    #[error("step `{step}` on {node}")]
    Pfx {
        /// The node.
        node: String,
        /// The step.
        step: String,
        /// Why.
        source: PfxFailed,
    },
    /// The step needs something that the site file does not have.
    #[error("step `{step}` on {node} needs {what}, which is not in the site file")]
    Missing {
        /// The node.
        node: String,
        /// The step.
        step: String,
        /// What is missing.
        what: String,
    },
}

impl PlanError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Render { source, .. } => source.help(),
            Self::InTheWay { path, node, .. } => {
                Some(format!("a link is never followed out of its place: look at {path} on {node} and move it away if it is not needed"))
            }
            Self::Pfx { .. } => Some("`portcullis cert check` on the site's files says more".to_owned()),
            Self::Missing { .. } => Some("add it, or give the step a `when` under which it does not count".to_owned()),
        }
    }
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A file that is not there yet.
    Create,
    /// A file whose content, mode or owner differs.
    Modify,
    /// A file that is to be gone.
    Remove,
    /// A service that is enabled, reloaded or restarted.
    Service,
    /// A command that runs.
    Command,
}

/// One difference between what is desired and what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The step.
    pub step: String,
    /// What it is for.
    pub title: String,
    /// The path, service or command.
    pub subject: String,
    /// What kind of change.
    pub kind: ChangeKind,
    /// Unified diff; `None` for secrets, services and commands.
    pub diff: Option<String>,
    /// What a diff does not show: `secret`, a mode, an action.
    pub note: Option<String>,
    /// SHA-256 before; `None` where nothing was there. Never set for secrets.
    pub before: Option<String>,
    /// SHA-256 after; `None` where nothing will be there. Never set for secrets.
    pub after: Option<String>,
}

/// What has to change on one node, and the transaction that changes it.
#[derive(Debug, Clone, Default)]
pub struct NodePlan {
    /// The node.
    pub node: String,
    /// The differences, in the order of the steps.
    pub changes: Vec<Change>,
    placements: Vec<Placement>,
    removals: Vec<Removal>,
    validations: Vec<(String, String)>,
    actions: Vec<(String, Action)>,
}

impl NodePlan {
    /// Whether the node is as desired already.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The transaction that makes it so.
    pub fn into_transaction(self, run: RunId, owner: String) -> Transaction {
        let Self { placements, removals, validations, actions, .. } = self;
        Transaction { run, owner, placements, removals, validations, actions }
    }
}

/// Plans a playbook for the nodes of one site.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    /// The site.
    pub site: &'a Site,
    /// What is desired.
    pub playbook: &'a Playbook,
    /// Parsed templates.
    pub templates: &'a Templates,
    /// What all nodes share.
    pub material: &'a Material,
}

impl Planner<'_> {
    /// What has to be known of a node, whatever its facts turn out to be, so that one probe is enough.
    pub fn inquiry(&self) -> Inquiry {
        let mut inquiry = Inquiry::machine();
        for step in &self.playbook.steps {
            match &step.kind {
                Kind::Template(template) => inquiry.file(&template.dest, depth(template.secret)),
                Kind::File(file) => inquiry.file(&file.path, depth(file.secret)),
                Kind::Pfx(pfx) => {
                    inquiry.file(&pfx.dest, Depth::Hash);
                    inquiry.file(&beside(pfx, "identity"), Depth::Content);
                    inquiry.file(&beside(pfx, "password"), Depth::Hash);
                }
                Kind::Trust(trust) => {
                    for path in trust_paths(trust, self.material.proxy_cas.len()) {
                        inquiry.file(&path, Depth::Content);
                    }
                }
                Kind::Service(service) => inquiry.service(&service.name),
                Kind::Command(command) => {
                    if let Some(path) = &command.creates {
                        inquiry.file(path, Depth::Hash);
                    }
                    if let Some(guard) = &command.unless {
                        inquiry.guard(guard);
                    }
                }
                Kind::Wait(_) => {}
            }
        }
        inquiry
    }

    /// What has to change on `node`, given its facts.
    pub fn plan(&self, node: &Node, facts: &Facts) -> Result<NodePlan, PlanError> {
        let conditions = conditions(self.site, node, facts);
        let mut draft =
            Draft { node, facts, steps: &self.playbook.steps, plan: NodePlan { node: node.name.clone(), ..NodePlan::default() } };
        for step in &self.playbook.steps {
            if holds(step, &conditions) {
                self.plan_step(&mut draft, step)?;
            }
        }
        Ok(draft.plan)
    }

    /// Whether a step counts on `node`.
    pub fn applies(&self, step: &Step, node: &Node, facts: &Facts) -> bool {
        holds(step, &conditions(self.site, node, facts))
    }

    fn plan_step(&self, draft: &mut Draft<'_>, step: &Step) -> Result<(), PlanError> {
        match &step.kind {
            Kind::Template(template) => {
                let content = self.rendered(draft, step, template)?;
                let file = Desired { path: &template.dest, content, mode: &template.mode, owner: &template.owner, secret: template.secret };
                draft.file(step, file)
            }
            Kind::File(file) => self.plan_file(draft, step, file),
            Kind::Pfx(pfx) => self.plan_pfx(draft, step, pfx),
            Kind::Trust(trust) => self.plan_trust(draft, step, trust),
            Kind::Service(service) => {
                draft.service(step, service);
                Ok(())
            }
            Kind::Command(command) => {
                draft.command(step, command);
                Ok(())
            }
            Kind::Wait(wait) => {
                draft.wait(step, wait);
                Ok(())
            }
        }
    }

    /// The text of a template step on a node, without its block's surroundings.
    pub fn render(&self, node: &Node, facts: &Facts, template: &TemplateStep) -> Result<Zeroizing<String>, RenderError> {
        self.templates.render(&template.src, &template_context(self.site, node, facts, self.material, template.secret))
    }

    fn rendered(&self, draft: &Draft<'_>, step: &Step, template: &TemplateStep) -> Result<Option<Zeroizing<Vec<u8>>>, PlanError> {
        let failed = |source| PlanError::Render { node: draft.node.name.clone(), step: step.id.clone(), source };
        let text = self.render(draft.node, draft.facts, template).map_err(failed)?;
        if !template.block {
            return Ok(Some(Zeroizing::new(text.as_bytes().to_vec())));
        }
        let current = match draft.facts.file(&template.dest) {
            FileFact::File { content: Some(bytes), .. } => String::from_utf8_lossy(&bytes).into_owned(),
            FileFact::File { content: None, .. } => return Err(draft.in_the_way(step, &template.dest, "too large for a block of ours")),
            _ if text.is_empty() => return Ok(None),
            _ => String::new(),
        };
        Ok(Some(Zeroizing::new(with_block(&current, &step.id, &text).into_bytes())))
    }

    fn plan_file(&self, draft: &mut Draft<'_>, step: &Step, file: &FileStep) -> Result<(), PlanError> {
        if file.state == Presence::Absent {
            return draft.absent(step, &file.path);
        }
        let source = file.src.as_deref().unwrap_or_default();
        let content = self.material.files.get(source).cloned().ok_or_else(|| draft.missing(step, &format!("the local file {source}")))?;
        let desired = Desired { path: &file.path, content: Some(content), mode: &file.mode, owner: &file.owner, secret: file.secret };
        draft.file(step, desired)
    }

    // A PFX differs in every byte each time it is made, so its identity file says what it was made of.
    fn plan_pfx(&self, draft: &mut Draft<'_>, step: &Step, pfx: &PfxStep) -> Result<(), PlanError> {
        let tls = self.material.tls.as_ref().ok_or_else(|| draft.missing(step, "tls"))?;
        let (identity_path, password_path) = (beside(pfx, "identity"), beside(pfx, "password"));
        let keeps_password = tls.password.is_none();
        let hash_there = match draft.facts.file(&pfx.dest) {
            FileFact::File { sha256, mode, owner, .. } if mode == "600" && owner == "root:root" => Some(sha256),
            _ => None,
        };
        let identity_there = match draft.facts.file(&identity_path) {
            FileFact::File { content: Some(bytes), .. } => Some(bytes),
            _ => None,
        };
        let password_there = matches!(draft.facts.file(&password_path), FileFact::File { ref mode, .. } if mode == "600");
        if let (Some(hash), Some(identity)) = (&hash_there, &identity_there) {
            if *identity == identity_line(&tls.identity, hash).into_bytes() && password_there == keeps_password {
                return Ok(());
            }
        }
        let made = tls.pfx().map_err(|source| PlanError::Pfx { node: draft.node.name.clone(), step: step.id.clone(), source })?;
        let identity = identity_line(&tls.identity, &sha256_hex(&made.bytes)).into_bytes();
        let private =
            |path, content| Desired { path, content: Some(Zeroizing::new(content)), mode: "0600", owner: "root:root", secret: true };
        draft.file(step, private(&pfx.dest, made.bytes.to_vec()))?;
        draft.file(step, private(&identity_path, identity))?;
        if keeps_password {
            draft.file(step, private(&password_path, format!("{}\n", made.password.expose_secret()).into_bytes()))
        } else {
            draft.absent(step, &password_path)
        }
    }

    fn plan_trust(&self, draft: &mut Draft<'_>, step: &Step, trust: &TrustStep) -> Result<(), PlanError> {
        let before = draft.plan.changes.len();
        for (path, pem) in trust_paths(trust, self.material.proxy_cas.len()).zip(&self.material.proxy_cas) {
            let content = Some(Zeroizing::new(pem.clone().into_bytes()));
            draft.file(step, Desired { path: &path, content, mode: "0644", owner: "root:root", secret: false })?;
        }
        let changed = draft.plan.changes.get(before..).unwrap_or_default();
        let actions: Vec<Action> = if changed.iter().all(|change| change.kind == ChangeKind::Create) {
            changed.iter().map(|change| Action::Trust(change.subject.clone())).collect()
        } else {
            vec![Action::Refresh("update-ca-certificates".to_owned())]
        };
        draft.plan.actions.extend(actions.into_iter().map(|action| (step.id.clone(), action)));
        Ok(())
    }
}

struct Desired<'a> {
    path: &'a str,
    content: Option<Zeroizing<Vec<u8>>>,
    mode: &'a str,
    owner: &'a str,
    secret: bool,
}

struct Draft<'a> {
    node: &'a Node,
    facts: &'a Facts,
    steps: &'a [Step],
    plan: NodePlan,
}

impl Draft<'_> {
    fn in_the_way(&self, step: &Step, path: &str, found: &str) -> PlanError {
        PlanError::InTheWay { node: self.node.name.clone(), step: step.id.clone(), path: path.to_owned(), found: found.to_owned() }
    }

    fn missing(&self, step: &Step, what: &str) -> PlanError {
        PlanError::Missing { node: self.node.name.clone(), step: step.id.clone(), what: what.to_owned() }
    }

    fn change(&mut self, step: &Step, subject: &str, kind: ChangeKind, note: Option<String>) {
        self.plan.changes.push(Change {
            step: step.id.clone(),
            title: step.title.clone(),
            subject: subject.to_owned(),
            kind,
            diff: None,
            note,
            before: None,
            after: None,
        });
    }

    fn file(&mut self, step: &Step, desired: Desired<'_>) -> Result<(), PlanError> {
        let Desired { path, content: Some(content), mode, owner, secret } = desired else { return Ok(()) };
        let new_hash = sha256_hex(&content);
        let (expected, before, old, note) = match self.facts.file(path) {
            FileFact::Absent => (Expected::Absent, None, None, None),
            FileFact::File { sha256, mode: old_mode, owner: old_owner, content: old, .. } => {
                let as_it_was = old_mode.trim_start_matches('0') == mode.trim_start_matches('0') && old_owner == owner;
                if sha256 == new_hash && as_it_was {
                    return Ok(());
                }
                let note = (!as_it_was).then(|| format!("{old_mode} {old_owner} → {} {owner}", mode.trim_start_matches('0')));
                (Expected::Sha256(sha256.clone()), Some(sha256), old, note)
            }
            FileFact::Link => return Err(self.in_the_way(step, path, "a symbolic link")),
            FileFact::Other(kind) => return Err(self.in_the_way(step, path, &format!("a {kind}"))),
            FileFact::Failed(why) => return Err(self.in_the_way(step, path, &format!("not readable: {why}"))),
        };
        let kind = if before.is_some() { ChangeKind::Modify } else { ChangeKind::Create };
        let note = if secret { Some(note.map_or_else(|| "secret".to_owned(), |note| format!("secret, {note}"))) } else { note };
        self.change(step, path, kind, note);
        if let (false, Some(change)) = (secret, self.plan.changes.last_mut()) {
            // A file too large to fetch is shown as a change of its size alone.
            let comparable = before.is_none() || old.is_some();
            change.diff = if comparable { unified(path, old.as_deref(), Some(&content)) } else { None };
            change.before = before;
            change.after = Some(new_hash);
        }
        self.plan.placements.push(Placement {
            step: step.id.clone(),
            path: path.to_owned(),
            content,
            mode: mode.to_owned(),
            owner: owner.to_owned(),
            expected,
        });
        Ok(())
    }

    fn absent(&mut self, step: &Step, path: &str) -> Result<(), PlanError> {
        let expected = match self.facts.file(path) {
            FileFact::Absent => return Ok(()),
            FileFact::File { sha256, .. } => Expected::Sha256(sha256),
            FileFact::Link => Expected::Link,
            FileFact::Other(kind) => return Err(self.in_the_way(step, path, &format!("a {kind}"))),
            FileFact::Failed(why) => return Err(self.in_the_way(step, path, &format!("not readable: {why}"))),
        };
        self.change(step, path, ChangeKind::Remove, matches!(expected, Expected::Link).then(|| "a symbolic link".to_owned()));
        self.plan.removals.push(Removal { step: step.id.clone(), path: path.to_owned(), expected });
        Ok(())
    }

    // Whether something that concerns this step has changed: the steps it names, or all before it in its playbook.
    fn is_touched(&self, step: &Step, after: Option<&Vec<String>>) -> bool {
        let mut concerns: Vec<&str> = Vec::new();
        for earlier in self.steps.iter().take_while(|earlier| *earlier != step).filter(|earlier| earlier.playbook == step.playbook) {
            if after.is_none_or(|names| names.contains(&earlier.id)) {
                concerns.push(&earlier.id);
            }
        }
        let is_file = |change: &&Change| matches!(change.kind, ChangeKind::Create | ChangeKind::Modify | ChangeKind::Remove);
        self.plan.changes.iter().filter(is_file).any(|change| concerns.contains(&change.step.as_str()))
    }

    fn service(&mut self, step: &Step, service: &ServiceStep) {
        let known = self.facts.services.get(&service.name).cloned().unwrap_or_default();
        let is_running = known.active == "active";
        let starts_by_itself = !matches!(known.enabled.as_str(), "disabled" | "masked" | "");
        let touched = self.is_touched(step, service.after.as_ref());
        if !touched && is_running && starts_by_itself {
            return;
        }
        let mut push = |action| self.plan.actions.push((step.id.clone(), action));
        let mut doings = Vec::new();
        if !is_running || !starts_by_itself {
            push(Action::Enable(service.name.clone()));
            doings.push("enable and start");
        }
        if touched && is_running {
            let (action, doing) = match service.on_change {
                OnChange::Reload => (Action::Reload(service.name.clone()), "reload"),
                OnChange::Restart => (Action::Restart(service.name.clone()), "restart"),
            };
            push(action);
            doings.push(doing);
        }
        push(Action::Active(service.name.clone()));
        for port in &service.listens {
            push(Action::Listens(*port));
        }
        if let Some(command) = &service.validate {
            self.plan.validations.push((step.id.clone(), command.clone()));
        }
        self.change(step, &service.name, ChangeKind::Service, Some(doings.join(", ")));
    }

    fn command(&mut self, step: &Step, command: &CommandStep) {
        let CommandStep { run, creates, unless, again_on_undo, after } = command;
        let is_guarded = creates.is_some() || unless.is_some();
        let is_there = creates.as_deref().is_some_and(|path| self.facts.file(path) != FileFact::Absent);
        let is_so = unless.as_ref().is_some_and(|guard| self.facts.guards.get(guard) == Some(&0));
        let needed = if is_guarded { !is_there && !is_so } else { self.is_touched(step, after.as_ref()) };
        if needed {
            let action = if *again_on_undo { Action::Refresh(run.clone()) } else { Action::Command(run.clone()) };
            self.plan.actions.push((step.id.clone(), action));
            self.change(step, run, ChangeKind::Command, None);
        }
    }

    fn wait(&mut self, step: &Step, wait: &WaitStep) {
        if self.is_touched(step, wait.after.as_ref()) {
            self.plan.actions.push((step.id.clone(), Action::Wait(u32::from(wait.seconds) * 10, wait.until.clone())));
        }
    }
}

fn holds(step: &Step, conditions: &BTreeMap<&'static str, String>) -> bool {
    step.when.iter().all(|(key, value)| conditions.get(key.as_str()) == Some(value))
}

fn depth(secret: bool) -> Depth {
    if secret { Depth::Hash } else { Depth::Content }
}

fn beside(pfx: &PfxStep, what: &str) -> String {
    format!("{}.{what}", pfx.dest)
}

fn identity_line(identity: &str, sha256: &str) -> String {
    format!("{identity} {sha256}\n")
}

// `update-ca-certificates` takes one certificate a file.
fn trust_paths(trust: &TrustStep, count: usize) -> impl Iterator<Item = String> {
    let name = trust.name.clone();
    (1..=count).map(move |number| format!("/usr/local/share/ca-certificates/{name}-{number}.crt"))
}
