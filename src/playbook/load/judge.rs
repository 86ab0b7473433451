//! One playbook file: from text to checked steps, and all that is wrong with it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize as _;

use super::rules::{self, Complaint};
use super::schema::{KINDS, PLAYBOOK, shape};
use crate::playbook::gate::Gate;
use crate::playbook::model::{Kind, PlaybookFile, Step, StepFile};
use crate::site::FileProblem;
use crate::site::file::problems::Problems;
use crate::site::file::shape::{check_root, nearest};
use crate::site::file::tree::{self, Node, Value};

/// What a playbook may refer to.
pub(super) struct Known<'a> {
    pub(super) playbooks: &'a [String],
    pub(super) templates: &'a [String],
    /// The playbooks that include this one, and last itself.
    pub(super) path: &'a [String],
}

/// What a playbook file says.
#[derive(Default)]
pub(super) struct Judged {
    /// The file, where it could be read at all.
    pub(super) playbook: Option<PlaybookFile>,
    /// Its own steps, those that are sound.
    pub(super) steps: Vec<Step>,
    /// What it includes, as far as that can be followed.
    pub(super) includes: Vec<String>,
    /// All that is wrong with it, in the order of the file.
    pub(super) problems: Vec<FileProblem>,
}

/// Reads and judges the text of a playbook; touches nothing.
pub(super) fn judge(file: &Path, text: &str, known: &Known<'_>) -> Judged {
    let mut problems = Problems::of(&PLAYBOOK, file, text);
    let mut judged = Judged::default();
    match tree::parse_as(&PLAYBOOK, text) {
        Err(error) => problems.add(error.span, error.message, error.help),
        Ok(root) if root.value == Value::Null => problems.add(0..0, "the file holds no playbook", PLAYBOOK.example.to_owned()),
        Ok(mut root) => {
            let starts: Vec<usize> = list(&root, "steps").iter().map(|step| step.span.start).collect();
            check_root(&mut root, shape(), &mut problems);
            match PlaybookFile::deserialize(&root) {
                Ok(playbook) => Court { problems: &mut problems, known, root: &root, starts: &starts }.hear(playbook, &mut judged),
                Err(error) if problems.is_empty() => problems.add(error.span.unwrap_or(root.span.clone()), error.message, None),
                // Told already, by its cause.
                Err(_) => {}
            }
        }
    }
    judged.problems = problems.into_list();
    judged
}

struct Court<'c, 't> {
    problems: &'c mut Problems<'t>,
    known: &'c Known<'c>,
    root: &'c Node,
    // Where each step of the text begins, sound or not.
    starts: &'c [usize],
}

impl Court<'_, '_> {
    fn hear(&mut self, playbook: PlaybookFile, judged: &mut Judged) {
        let own_name = self.known.path.last().map_or("", String::as_str);
        if playbook.name != own_name && !playbook.name.is_empty() {
            let message = format!("it calls itself `{}`; the file's name says `{own_name}`", playbook.name);
            self.problems.add(span(self.root, &["name"]), message, "give both the same name".to_owned());
        }
        if let Some((problem, help)) = playbook.gate.as_ref().and_then(Gate::problem) {
            self.problems.add(span(self.root, &["gate"]), problem, help.to_owned());
        }
        judged.includes = self.includes(&playbook.includes);
        let mut lines = BTreeMap::new();
        for (step, node) in playbook.steps.iter().zip(list(self.root, "steps")) {
            let sound = self.step(step, node, &playbook, &judged.steps);
            self.id(step, node, &mut lines);
            judged.steps.extend(sound);
        }
        for (index, handout) in playbook.handouts.iter().enumerate() {
            let index = index.to_string();
            if let Some(help) = rules::missing_template(&handout.template, self.known.templates) {
                let at = span(self.root, &["handouts", &index, "template"]);
                self.problems.add(at, format!("there is no template `{}`", handout.template), help);
            }
            if handout.name.is_empty() || handout.name.contains('/') || handout.name.starts_with('.') {
                let at = span(self.root, &["handouts", &index, "name"]);
                self.problems.add(at, "a handout's `name` is a file's name, without a folder", None);
            }
        }
        judged.playbook = Some(playbook);
    }

    fn includes(&mut self, names: &[String]) -> Vec<String> {
        let mut sound = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let at = span(self.root, &["includes", &index.to_string()]);
            if !self.known.playbooks.contains(name) {
                let near = nearest(name, self.known.playbooks.iter().map(String::as_str));
                let help = near
                    .map_or_else(|| format!("there are: {}", self.known.playbooks.join(", ")), |near| format!("did you mean `{near}`?"));
                let name = self.problems.show(&at, name);
                self.problems.add(at, format!("there is no playbook {name}"), help);
            } else if let Some(first) = self.known.path.iter().position(|above| above == name) {
                let way = self.known.path.get(first..).unwrap_or_default().join(" → ");
                self.problems.add(at, format!("`{name}` includes itself: {way} → {name}"), "take one of the includes out".to_owned());
            } else {
                sound.push(name.clone());
            }
        }
        sound
    }

    // `lines`: where the ids above stand.
    fn id(&mut self, step: &StepFile, node: &Node, lines: &mut BTreeMap<String, usize>) {
        let at = span(node, &["id"]);
        if !rules::is_name(&step.id) {
            let shown = self.problems.show(&at, &step.id);
            self.problems.add(at.clone(), format!("{shown} is no id"), "use letters, digits and dashes".to_owned());
        }
        if let Some(line) = lines.insert(step.id.clone(), self.problems.line_of(node.span.start)) {
            let message = format!("step `{}` stands already in line {line}", step.id);
            self.problems.add(at, message, "give each step an id of its own".to_owned());
        }
    }

    fn step(&mut self, step: &StepFile, node: &Node, of: &PlaybookFile, earlier: &[Step]) -> Option<Step> {
        let end = self.starts.iter().find(|start| **start > node.span.start).copied().unwrap_or(usize::MAX);
        // What follows from a fault that was told already is noise.
        let was_told = self.problems.any_within(&(node.span.start..end));
        let kind = self.kind(step, node, was_told)?;
        let checked = Step {
            id: step.id.clone(),
            playbook: of.name.clone(),
            machines: of.machines,
            title: step.title.clone(),
            when: step.when.clone(),
            kind,
        };
        let mut complaints = rules::complaints(&checked, self.known.templates);
        complaints.extend(rules::place_among(&checked, earlier));
        if !was_told {
            complaints.extend(after(&checked, of, earlier));
        }
        complaints.retain(|complaint| !(was_told && complaint.is_of_whole));
        for complaint in &complaints {
            self.complain(node, &step.id, complaint);
        }
        (complaints.is_empty() && !was_told).then_some(checked)
    }

    fn kind(&mut self, step: &StepFile, node: &Node, was_told: bool) -> Option<Kind> {
        let mut kinds = step.kinds();
        match kinds.len() {
            1 => return kinds.pop(),
            _ if was_told => {}
            0 => {
                let message = format!("step `{}` says nothing that is desired", step.id);
                self.problems.add(span(node, &["id"]), message, format!("give it one of {}", KINDS.join(", ")));
            }
            _ => {
                let there: Vec<&str> = KINDS.into_iter().filter(|kind| find(node, &[kind]).is_some()).collect();
                let message = format!("step `{}` has {} kinds: {}", step.id, there.len(), there.join(", "));
                let last = keys(node).filter(|(key, _)| there.contains(key)).last();
                let at = last.map_or_else(|| node.span.clone(), |(_, span)| span);
                self.problems.add(at, message, "make a step of each".to_owned());
            }
        }
        None
    }

    fn complain(&mut self, node: &Node, step: &str, complaint: &Complaint) {
        let path: Vec<&str> = complaint.at.iter().map(String::as_str).collect();
        self.problems.add(span(node, &path), format!("step `{step}` {}", complaint.message), complaint.help.clone());
    }
}

fn after(step: &Step, of: &PlaybookFile, earlier: &[Step]) -> Vec<Complaint> {
    let is_earlier = |id: &str| of.steps.iter().take_while(|other| other.id != step.id).any(|other| other.id == id);
    let mut complaints = Vec::new();
    for (index, after) in step.after().iter().enumerate().filter(|(_, after)| !is_earlier(after)) {
        let ids = of.steps.iter().take_while(|other| other.id != step.id).map(|other| other.id.as_str());
        let help = match nearest(after, ids) {
            _ if of.steps.iter().any(|other| other.id == *after) => "move it above this one".to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None => "`after` names steps of this playbook that stand above".to_owned(),
        };
        let message = format!("comes after `{after}`, which is no earlier step of this playbook");
        complaints.push(Complaint::new(&[step.kind.word(), "after", &index.to_string()], message, help));
    }
    complaints.extend(rules::never_runs(step, earlier));
    complaints
}

impl StepFile {
    fn kinds(&self) -> Vec<Kind> {
        let kinds = [
            self.template.clone().map(Kind::Template),
            self.file.clone().map(Kind::File),
            self.pfx.clone().map(Kind::Pfx),
            self.trust.clone().map(Kind::Trust),
            self.service.clone().map(Kind::Service),
            self.command.clone().map(Kind::Command),
            self.wait.clone().map(Kind::Wait),
        ];
        kinds.into_iter().flatten().collect()
    }
}

impl Kind {
    /// Its name, as it is written.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Template(_) => "template",
            Self::File(_) => "file",
            Self::Pfx(_) => "pfx",
            Self::Trust(_) => "trust",
            Self::Service(_) => "service",
            Self::Command(_) => "command",
            Self::Wait(_) => "wait",
        }
    }
}

fn keys(node: &Node) -> impl Iterator<Item = (&str, Range<usize>)> {
    let entries = if let Value::Map(entries) = &node.value { entries.as_slice() } else { &[] };
    entries.iter().map(|entry| (entry.key.as_str(), entry.key_span.clone()))
}

fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    match find(node, &[key]).map(|found| &found.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

// Down by keys of mappings and by places in lists.
fn find<'n>(node: &'n Node, path: &[&str]) -> Option<&'n Node> {
    let Some((first, rest)) = path.split_first() else { return Some(node) };
    let inner = match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == *first).map(|entry| &entry.node),
        Value::List(items) => items.get(first.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => None,
    };
    find(inner?, rest)
}

// Where the value of a path stands, or the key of the mapping in which it is missing.
fn span(node: &Node, path: &[&str]) -> Range<usize> {
    if let Some(found) = find(node, path) {
        return found.span.clone();
    }
    let Some((last, above)) = path.split_last() else { return node.span.clone() };
    match (above.split_last(), find(node, above)) {
        (Some((key, outer)), Some(_)) => {
            let outer = find(node, outer).unwrap_or(node);
            keys(outer).find(|(own, _)| own == key).map_or_else(|| node.span.clone(), |(_, span)| span)
        }
        (None, Some(found)) => keys(found).find(|(own, _)| own == last).map_or_else(|| node.span.clone(), |(_, span)| span),
        (_, None) => span(node, above),
    }
}
