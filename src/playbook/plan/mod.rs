//! Desired minus facts. Pure: the same site, playbook and facts give the same plan, and a plan holds no machine
//! that it could change.

mod block;
mod diff;
mod draft;
mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use block::with_block;
use draft::{Desired, Draft};
pub use error::PlanError;

use super::condition::conditions;
use super::guard::longest;
use super::material::Material;
use super::model::{Authority, FileStep, Kind, Machines, PfxStep, Playbook, Presence, Step, TemplateStep, TrustStep};
use super::template::{Kitchen, RenderError, Templates};
use crate::node::{Action, Depth, Expected, Facts, FileFact, Guard, Inquiry, Placement, Removal, RunId, Transaction, quote, sha256_hex};
use crate::site::model::{Node, Role, Site};

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A file that is not there yet.
    Create,
    /// A file whose content, mode or owner differs.
    Modify,
    /// A file that is to be gone.
    Remove,
    /// A folder that is made, or whose mode or owner differs.
    Folder,
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
    /// Its address.
    pub address: String,
    /// The differences, in the order of the steps.
    pub changes: Vec<Change>,
    pub(in crate::playbook) placements: Vec<Placement>,
    pub(in crate::playbook) removals: Vec<Removal>,
    pub(in crate::playbook) validations: Vec<(String, String)>,
    pub(in crate::playbook) actions: Vec<(String, Action)>,
    /// How long the node waits to be confirmed, where something guarded changes.
    pub guard: Option<Guard>,
}

impl NodePlan {
    /// Whether the node is as desired already.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// SHA-256 of what `step` replaces at `path`, secrets too, and so never to be shown; `None` where nothing is there or is placed.
    pub fn replaced(&self, step: &str, path: &str) -> Option<&str> {
        let placement = self.placements.iter().find(|placement| placement.step == step && placement.path == path)?;
        match &placement.expected {
            Expected::Sha256(hash) | Expected::Kept(hash) => Some(hash),
            Expected::Absent | Expected::Link => None,
        }
    }

    /// The transaction that makes it so.
    pub fn into_transaction(self, run: RunId, owner: String) -> Transaction {
        let Self { placements, removals, validations, actions, guard, .. } = self;
        Transaction { run, owner, placements, removals, validations, actions, guard }
    }
}

/// Plans a playbook for the nodes of one site. What comes out the same for several nodes is made once.
#[derive(Debug)]
pub struct Planner<'a> {
    site: &'a Site,
    playbook: &'a Playbook,
    material: &'a Material,
    kitchen: Kitchen<'a>,
    journal: bool,
}

impl<'a> Planner<'a> {
    /// Plans `playbook` with these templates and what all nodes share.
    pub fn new(site: &'a Site, playbook: &'a Playbook, templates: &'a Templates, material: &'a Material) -> Self {
        Self { site, playbook, material, kitchen: Kitchen::new(site, templates, material), journal: false }
    }

    /// The same, which also asks the nodes by which runs their files came.
    #[must_use]
    pub fn with_journal(mut self) -> Self {
        self.journal = true;
        self
    }

    /// Renders what `nodes` would get, as far as it is known without looking at them, so that a misspelt variable is
    /// told before anything is dialled.
    pub fn rehearse(&self, nodes: &[Node]) -> Result<(), RenderError> {
        let facts = Facts::default();
        let mut problems = Vec::new();
        for step in &self.playbook.steps {
            let Kind::Template(template) = &step.kind else { continue };
            let is_known = !step.when.contains_key("os") && !step.when.contains_key("init");
            let Some(node) = nodes.iter().find(|node| is_known && self.applies(step, node, &facts)) else { continue };
            match self.render(node, &facts, template) {
                // Without facts, nothing else can be said for sure.
                Err(error) if error.is_about_a_variable() => {
                    problems.extend(error.problems().iter().filter(|problem| !problems.contains(*problem)).cloned().collect::<Vec<_>>());
                }
                Ok(_) | Err(_) => {}
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(RenderError::Invalid { problems }) }
    }

    /// What has to be known of a node, whatever its facts turn out to be, so that one probe is enough.
    pub fn inquiry(&self) -> Inquiry {
        let mut inquiry = Inquiry::standing();
        if self.journal {
            inquiry.journal();
        }
        for step in &self.playbook.steps {
            match &step.kind {
                Kind::Template(template) => inquiry.file(&template.dest, depth(template.secret)),
                Kind::File(file) if file.state == Presence::Folder => {
                    inquiry.file(&file.path, Depth::Hash);
                    inquiry.guard(&folder_guard(file));
                }
                Kind::File(file) => inquiry.file(&file.path, depth(file.secret || file.is_attributes_only())),
                Kind::Pfx(pfx) => {
                    inquiry.file(&pfx.dest, Depth::Hash);
                    inquiry.file(&beside(pfx, "identity"), Depth::Content);
                    inquiry.file(&beside(pfx, "password"), Depth::Hash);
                }
                Kind::Trust(trust) => {
                    for path in trust_paths(trust, self.most_cas(trust).max(TRUST_SLOTS)) {
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
        let unfit = || PlanError::Lacks { node: node.name.clone(), programs: facts.lacks.clone() };
        if facts.lacks_what_looks_need() {
            return Err(unfit());
        }
        let conditions = conditions(self.site, node, facts);
        let mut draft = Draft {
            node,
            facts,
            steps: &self.playbook.steps,
            is_guarded: self.playbook.guard.is_some() || self.playbook.steps.iter().any(|step| step.guard.is_some()),
            plan: NodePlan { node: node.name.clone(), address: node.login.address.clone(), ..NodePlan::default() },
        };
        for step in &self.playbook.steps {
            if holds(self.site, step, node, &conditions) {
                let before = draft.plan.changes.len();
                self.plan_step(&mut draft, step)?;
                if draft.plan.changes.len() > before {
                    draft.plan.guard = longest(draft.plan.guard, longest(step.guard, self.playbook.guard));
                }
            }
        }
        if draft.plan.changes.is_empty() || facts.lacks.is_empty() { Ok(draft.plan) } else { Err(unfit()) }
    }

    /// Whether a step counts on `node`.
    pub fn applies(&self, step: &Step, node: &Node, facts: &Facts) -> bool {
        holds(self.site, step, node, &conditions(self.site, node, facts))
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
    pub fn render(&self, node: &Node, facts: &Facts, template: &TemplateStep) -> Result<Arc<Zeroizing<String>>, RenderError> {
        self.kitchen.render(node, facts, template)
    }

    fn cas(&self, trust: &TrustStep, node: &Node) -> &[String] {
        match (&trust.files, trust.of) {
            (Some(_), _) => self.material.own_cas.get(&trust.name).map(Vec::as_slice).unwrap_or_default(),
            (None, Authority::Proxy) => &self.material.proxy_cas,
            (None, Authority::Directory) => self.material.directory_cas.get(&node.name).map(Vec::as_slice).unwrap_or_default(),
        }
    }

    /// How many there are at most on one machine: all are asked the same.
    fn most_cas(&self, trust: &TrustStep) -> usize {
        let own = self.material.own_cas.get(&trust.name).map(Vec::len);
        let directories = self.material.directory_cas.values().map(Vec::len);
        directories.chain(own).chain([self.material.proxy_cas.len()]).max().unwrap_or_default()
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
            FileFact::Absent if text.is_empty() => return Ok(None),
            FileFact::Absent | FileFact::Link | FileFact::BehindLink { .. } | FileFact::Other(_) | FileFact::Failed(_) => String::new(),
        };
        Ok(Some(Zeroizing::new(with_block(&current, &step.id, &text).into_bytes())))
    }

    fn plan_file(&self, draft: &mut Draft<'_>, step: &Step, file: &FileStep) -> Result<(), PlanError> {
        match file.state {
            Presence::Absent => return draft.absent(step, &file.path),
            Presence::Folder => return draft.folder(step, file),
            Presence::Present if file.is_attributes_only() => return draft.attributes(step, file),
            Presence::Present => {}
        }
        let content = match (&file.src, &file.content) {
            (Some(source), _) => {
                self.material.files.get(source).cloned().ok_or_else(|| draft.missing(step, &format!("the local file {source}")))?
            }
            (None, content) => Zeroizing::new(content.clone().unwrap_or_default().into_bytes()),
        };
        let mode = file.mode.as_deref().unwrap_or("0644");
        let owner = file.owner.as_deref().unwrap_or("root:root");
        draft.file(step, Desired { path: &file.path, content: Some(content), mode, owner, secret: file.secret })
    }

    // A PFX differs in every byte each time it is made, so its identity file says what it was made of.
    fn plan_pfx(&self, draft: &mut Draft<'_>, step: &Step, pfx: &PfxStep) -> Result<(), PlanError> {
        let tls = self.material.tls.as_ref().ok_or_else(|| draft.missing(step, "tls"))?;
        let (identity_path, password_path) = (beside(pfx, "identity"), beside(pfx, "password"));
        let keeps_password = tls.password.is_none();
        let plain_mode = pfx.mode.trim_start_matches('0');
        let is_ours = |mode: &str, owner: &str| mode == plain_mode && owner == pfx.owner;
        let password_there = matches!(draft.facts.file(&password_path), FileFact::File { mode, owner, .. } if is_ours(&mode, &owner));
        if let (FileFact::File { sha256, mode, owner, .. }, FileFact::File { content: Some(identity), .. }) =
            (draft.facts.file(&pfx.dest), draft.facts.file(&identity_path))
            && is_ours(&mode, &owner)
            && identity == identity_line(&tls.identity, &sha256).into_bytes()
            && password_there == keeps_password
        {
            return Ok(());
        }
        let made = tls.pfx().map_err(|source| PlanError::Pfx { node: draft.node.name.clone(), step: step.id.clone(), source })?;
        let identity = identity_line(&tls.identity, &sha256_hex(&made.bytes)).into_bytes();
        let private =
            |path, content| Desired { path, content: Some(Zeroizing::new(content)), mode: &pfx.mode, owner: &pfx.owner, secret: true };
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
        let cas = self.cas(trust, draft.node);
        for (path, pem) in trust_paths(trust, cas.len()).zip(cas) {
            let content = Some(Zeroizing::new(pem.clone().into_bytes()));
            draft.file(step, Desired { path: &path, content, mode: "0644", owner: "root:root", secret: false })?;
        }
        for path in trust_paths(trust, TRUST_SLOTS).skip(cas.len()) {
            draft.absent(step, &path)?;
        }
        let changed = draft.plan.changes.get(before..).unwrap_or_default();
        let actions: Vec<Action> = if changed.iter().all(|change| change.kind == ChangeKind::Create) {
            changed.iter().map(|change| Action::Trust(change.subject.clone())).collect()
        } else {
            vec![Action::Refresh(update_trust(trust))]
        };
        draft.plan.actions.extend(actions.into_iter().map(|action| (step.id.clone(), action)));
        Ok(())
    }
}

fn holds(site: &Site, step: &Step, node: &Node, conditions: &BTreeMap<&'static str, String>) -> bool {
    // One under `nodes` may have the role of a connector, and is a node for all that.
    let is_connector = node.role == Role::Connector && site.node(&node.name).is_none();
    let is_meant = match step.machines {
        Machines::Nodes => node.role != Role::LoadBalancer && !is_connector,
        Machines::LoadBalancers => node.role == Role::LoadBalancer,
        Machines::All => !is_connector,
        Machines::Connectors => is_connector,
    };
    is_meant && step.when.iter().all(|(key, value)| conditions.get(key.as_str()) == Some(value))
}

/// Succeeds where the folder stands as it is to be; a link to one is none.
pub(super) fn folder_guard(file: &FileStep) -> String {
    let path = quote(&file.path);
    let mut guard = format!("[ -d {path} ] && [ ! -h {path} ]");
    for (format, wanted) in [("%a", file.mode.as_deref().map(|mode| mode.trim_start_matches('0'))), ("%U:%G", file.owner.as_deref())] {
        if let Some(wanted) = wanted {
            let _infallible = write!(guard, " && [ \"$(stat -c {format} {path})\" = {} ]", quote(wanted));
        }
    }
    guard
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

// `update-ca-certificates` leaves the links of a certificate that is gone where nothing was added meanwhile, so
// that an undo would leave them behind: those of ours that lead nowhere are taken away.
fn update_trust(trust: &TrustStep) -> String {
    let name = quote(&format!("{}-*", trust.name));
    let target = quote(&format!("/usr/local/share/ca-certificates/{}-*", trust.name));
    let ours = format!(r"\( -lname {target} -o -lname {name} \)");
    format!("update-ca-certificates && find /etc/ssl/certs -type l {ours} ! -exec test -e {{}} \\; -delete")
}

// Looked at even where the site names fewer, so that a CA that is no longer named is trusted no longer.
const TRUST_SLOTS: usize = 8;

// `update-ca-certificates` takes one certificate a file.
fn trust_paths(trust: &TrustStep, count: usize) -> impl Iterator<Item = String> {
    let name = trust.name.clone();
    (1..=count).map(move |number| format!("/usr/local/share/ca-certificates/{name}-{number}.crt"))
}
