//! Playbooks as text become steps that can be carried out. Everything that is wrong is told at once, each fault with
//! its line; a playbook's files are compared with the schema as the site file is.

mod error;
mod judge;
mod library;
mod rules;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use error::{LoadError, nearest};
pub use library::{Library, Source};
pub use schema::schema;
pub(crate) use schema::{KINDS, shape};

use super::model::{Kind, Machines, Playbook, Step};
use crate::site::FileProblem;
use judge::{Known, judge};

impl Library {
    /// The steps of `names`, one after the other; a playbook that comes twice counts once.
    pub fn load(&self, names: &[String]) -> Result<Playbook, LoadError> {
        let templates = self.templates()?.into_keys().collect();
        let mut gathering =
            Gathering { library: self, templates, whole: Playbook::empty(names), done: BTreeMap::new(), problems: Vec::new() };
        for name in names {
            gathering.collect(name, &mut Vec::new())?;
        }
        let Gathering { mut whole, done, problems, .. } = gathering;
        if !problems.is_empty() {
            return Err(LoadError::Invalid { problems });
        }
        let titles: Vec<&str> = names.iter().filter_map(|name| done.get(name)).map(String::as_str).collect();
        whole.title = titles.join("; ");
        match two_for_one_place(&whole.steps) {
            Some(error) => Err(error),
            None => Ok(whole),
        }
    }
}

impl Playbook {
    fn empty(names: &[String]) -> Self {
        Self {
            name: names.join("+"),
            title: String::new(),
            steps: Vec::new(),
            rolling: None,
            canary: None,
            gate: None,
            handouts: Vec::new(),
        }
    }
}

struct Gathering<'a> {
    library: &'a Library,
    templates: Vec<String>,
    whole: Playbook,
    // Titles of the playbooks that have been gone through.
    done: BTreeMap<String, String>,
    problems: Vec<FileProblem>,
}

impl Gathering<'_> {
    // `path`: the playbooks that include this one.
    fn collect(&mut self, name: &str, path: &mut Vec<String>) -> Result<(), LoadError> {
        if self.done.contains_key(name) {
            return Ok(());
        }
        let source = self.library.source(name)?;
        path.push(name.to_owned());
        let known = Known { playbooks: &self.library.names(), templates: &self.templates, path };
        let judged = judge(&source.file, &source.text, &known);
        self.problems.extend(judged.problems);
        if let Some(playbook) = judged.playbook {
            // What is included wrongly has been told of.
            for included in playbook.includes.iter().filter(|included| judged.includes.contains(included)) {
                self.collect(included, path)?;
            }
            self.done.insert(name.to_owned(), playbook.title);
            self.whole.steps.extend(judged.steps);
            self.whole.rolling = self.whole.rolling.into_iter().chain(playbook.rolling).min();
            self.whole.canary = self.whole.canary.or(playbook.canary);
            self.whole.gate = self.whole.gate.take().or(playbook.gate);
            self.whole.handouts.extend(playbook.handouts);
        }
        path.pop();
        Ok(())
    }
}

impl Step {
    /// The steps it names as those whose change concerns it.
    pub fn after(&self) -> &[String] {
        let after = match &self.kind {
            Kind::Service(step) => &step.after,
            Kind::Command(step) => &step.after,
            Kind::Wait(step) => &step.after,
            Kind::Template(_) | Kind::File(_) | Kind::Pfx(_) | Kind::Trust(_) => &None,
        };
        after.as_deref().unwrap_or_default()
    }

    /// The path that it says something of.
    fn place(&self) -> Option<&str> {
        match &self.kind {
            Kind::Template(step) => Some(&step.dest),
            Kind::File(step) => Some(&step.path),
            Kind::Pfx(step) => Some(&step.dest),
            Kind::Trust(_) | Kind::Service(_) | Kind::Command(_) | Kind::Wait(_) => None,
        }
    }

    /// Whether the two can never count on one machine.
    fn excludes(&self, other: &Self) -> bool {
        let machines =
            |of: &Self, others: &Self| of.machines != others.machines && of.machines != Machines::All && others.machines != Machines::All;
        machines(self, other) || self.when.iter().any(|(key, value)| other.when.get(key).is_some_and(|else_| else_ != value))
    }

    /// Of earlier steps, the one that says something else of the same place.
    fn rival<'s>(&self, earlier: &'s [Self]) -> Option<&'s Self> {
        let place = self.place()?;
        earlier.iter().find(|other| other.place() == Some(place) && !self.excludes(other))
    }
}

fn two_for_one_place(steps: &[Step]) -> Option<LoadError> {
    steps.iter().enumerate().find_map(|(index, step)| {
        let rival = step.rival(steps.get(..index)?)?;
        let named = |step: &Step| format!("{} ({})", step.id, step.playbook);
        Some(LoadError::TwoForOnePlace { one: named(rival), other: named(step), path: step.place()?.to_owned() })
    })
}
