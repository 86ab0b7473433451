//! A plan for one node in the making: each desired thing is compared with what is there, and what differs is noted.

use zeroize::Zeroizing;

use super::diff::unified;
use super::{Change, ChangeKind, NodePlan, PlanError, folder_guard};
use crate::node::{Action, Expected, Facts, FileFact, Placement, Removal, sha256_hex};
use crate::playbook::model::{CommandStep, FileStep, OnChange, ServiceState, ServiceStep, Step, WaitStep};
use crate::site::model::Node;

pub(super) struct Desired<'a> {
    pub(super) path: &'a str,
    pub(super) content: Option<Zeroizing<Vec<u8>>>,
    pub(super) mode: &'a str,
    pub(super) owner: &'a str,
    pub(super) secret: bool,
}

pub(super) struct Draft<'a> {
    pub(super) node: &'a Node,
    pub(super) facts: &'a Facts,
    pub(super) steps: &'a [Step],
    /// Whether the playbook guards anything: what its runs do may have to be taken back.
    pub(super) is_guarded: bool,
    pub(super) plan: NodePlan,
}

impl Draft<'_> {
    pub(super) fn in_the_way(&self, step: &Step, path: &str, found: &str) -> PlanError {
        PlanError::InTheWay { node: self.node.name.clone(), step: step.id.clone(), path: path.to_owned(), found: found.to_owned() }
    }

    /// What stands there, or on the way there, is nothing that a file could be put in the place of.
    fn no_file(&self, step: &Step, path: &str, found: &FileFact) -> PlanError {
        let found = match found {
            FileFact::Absent => "absent".to_owned(),
            FileFact::File { .. } => "a file".to_owned(),
            FileFact::Link => "a symbolic link".to_owned(),
            FileFact::BehindLink { link, .. } => format!("behind the symbolic link {link}"),
            FileFact::Other(kind) => format!("a {kind}"),
            FileFact::Failed(why) => format!("not readable: {why}"),
        };
        self.in_the_way(step, path, &found)
    }

    pub(super) fn missing(&self, step: &Step, what: &str) -> PlanError {
        PlanError::Missing { node: self.node.name.clone(), step: step.id.clone(), what: what.to_owned() }
    }

    pub(super) fn change(&mut self, step: &Step, subject: &str, kind: ChangeKind, note: Option<String>) {
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

    pub(super) fn file(&mut self, step: &Step, desired: Desired<'_>) -> Result<(), PlanError> {
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
            found @ (FileFact::Link | FileFact::BehindLink { .. } | FileFact::Other(_) | FileFact::Failed(_)) => {
                return Err(self.no_file(step, path, &found));
            }
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

    /// Mode and owner of a file whose content stays as it is; what is not given stays too.
    pub(super) fn attributes(&mut self, step: &Step, file: &FileStep) -> Result<(), PlanError> {
        let path = file.path.as_str();
        let (sha256, old_mode, old_owner) = match self.facts.file(path) {
            FileFact::File { sha256, mode, owner, .. } => (sha256, mode, owner),
            FileFact::Absent => return Err(self.in_the_way(step, path, "not there, and the step says nothing of its content")),
            found @ (FileFact::Link | FileFact::BehindLink { .. } | FileFact::Other(_) | FileFact::Failed(_)) => {
                return Err(self.no_file(step, path, &found));
            }
        };
        let plain = |mode: &str| mode.trim_start_matches('0').to_owned();
        let mode = file.mode.clone().unwrap_or_else(|| old_mode.clone());
        let owner = file.owner.clone().unwrap_or_else(|| old_owner.clone());
        if plain(&mode) == plain(&old_mode) && owner == old_owner {
            return Ok(());
        }
        self.change(step, path, ChangeKind::Modify, Some(format!("{old_mode} {old_owner} → {} {owner}", plain(&mode))));
        let (step, path, content) = (step.id.clone(), path.to_owned(), Zeroizing::default());
        self.plan.placements.push(Placement { step, path, content, mode, owner, expected: Expected::Kept(sha256) });
        Ok(())
    }

    /// A folder with its mode and owner.
    pub(super) fn folder(&mut self, step: &Step, file: &FileStep) -> Result<(), PlanError> {
        let is_there = match self.facts.file(&file.path) {
            FileFact::Absent => false,
            FileFact::Other(kind) if kind == "folder" => true,
            found @ (FileFact::File { .. } | FileFact::Link | FileFact::BehindLink { .. } | FileFact::Other(_) | FileFact::Failed(_)) => {
                return Err(self.no_file(step, &file.path, &found));
            }
        };
        if self.facts.guards.get(&folder_guard(file)) == Some(&0) {
            return Ok(());
        }
        let given = |value: &Option<String>, usual: &str| value.clone().or_else(|| (!is_there).then(|| usual.to_owned()));
        let (mode, owner) = (given(&file.mode, "0755"), given(&file.owner, "root:root"));
        let words: Vec<&str> = [mode.as_deref().map(|mode| mode.trim_start_matches('0')), owner.as_deref()].into_iter().flatten().collect();
        let (kind, note) = if is_there { (ChangeKind::Modify, "folder, to be") } else { (ChangeKind::Folder, "folder") };
        self.change(step, &file.path, kind, Some(format!("{note} {}", words.join(" "))));
        self.plan.actions.push((step.id.clone(), Action::Folder { path: file.path.clone(), mode, owner }));
        Ok(())
    }

    pub(super) fn absent(&mut self, step: &Step, path: &str) -> Result<(), PlanError> {
        let expected = match self.facts.file(path) {
            FileFact::Absent | FileFact::BehindLink { is_there: false, .. } => return Ok(()),
            FileFact::File { sha256, .. } => Expected::Sha256(sha256),
            FileFact::Link => Expected::Link,
            found @ (FileFact::BehindLink { .. } | FileFact::Other(_) | FileFact::Failed(_)) => {
                return Err(self.no_file(step, path, &found));
            }
        };
        self.change(step, path, ChangeKind::Remove, matches!(expected, Expected::Link).then(|| "a symbolic link".to_owned()));
        self.plan.removals.push(Removal { step: step.id.clone(), path: path.to_owned(), expected });
        Ok(())
    }

    // Whether something that concerns this step has changed: the steps it names, or all before it in its playbook.
    pub(super) fn is_touched(&self, step: &Step, after: Option<&Vec<String>>) -> bool {
        let mut concerns: Vec<&str> = Vec::new();
        for earlier in self.steps.iter().take_while(|earlier| *earlier != step).filter(|earlier| earlier.playbook == step.playbook) {
            if after.is_none_or(|names| names.contains(&earlier.id)) {
                concerns.push(&earlier.id);
            }
        }
        let is_file =
            |change: &&Change| matches!(change.kind, ChangeKind::Create | ChangeKind::Modify | ChangeKind::Remove | ChangeKind::Folder);
        self.plan.changes.iter().filter(is_file).any(|change| concerns.contains(&change.step.as_str()))
    }

    pub(super) fn service(&mut self, step: &Step, service: &ServiceStep) {
        let known = self.facts.services.get(&service.name).cloned().unwrap_or_default();
        if service.state == ServiceState::Stopped {
            // What is not installed has no state; `static` and the like start by others' wish alone.
            if matches!(known.active.as_str(), "active" | "activating" | "reloading") || known.enabled == "enabled" {
                self.plan.actions.push((step.id.clone(), Action::Disable(service.name.clone())));
                self.change(step, &service.name, ChangeKind::Service, Some("stop and disable".to_owned()));
            }
            return;
        }
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

    pub(super) fn command(&mut self, step: &Step, command: &CommandStep) {
        let CommandStep { run, creates, unless, undo, again_on_undo, after } = command;
        let has_condition = creates.is_some() || unless.is_some();
        let is_there = creates.as_deref().is_some_and(|path| self.facts.is_there(path));
        let is_so = unless.as_ref().is_some_and(|guard| self.facts.guards.get(guard) == Some(&0));
        let needed = if has_condition { !is_there && !is_so } else { self.is_touched(step, after.as_ref()) };
        if needed {
            let is_run_again = again_on_undo.unwrap_or(self.is_guarded && !has_condition && undo.is_none());
            self.plan.actions.extend(undo.iter().map(|undo| (step.id.clone(), Action::Undo(undo.clone()))));
            let action = if is_run_again { Action::Refresh(run.clone()) } else { Action::Command(run.clone()) };
            self.plan.actions.push((step.id.clone(), action));
            self.change(step, run, ChangeKind::Command, None);
        }
    }

    pub(super) fn wait(&mut self, step: &Step, wait: &WaitStep) {
        if self.is_touched(step, wait.after.as_ref()) {
            self.plan.actions.push((step.id.clone(), Action::Wait(u32::from(wait.seconds) * 10, wait.until.clone())));
        }
    }
}
