//! A plan kept in a file, bound to what was seen: carried out only while a new look gives the same plan.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::context::Context;
use super::desired::Desired;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::outcome::{chain, change_json, kind_word, origin_of};
use super::record::{ledger_at, ledger_failure};
use super::seal::{Seal, Veil};
use crate::disk::{Existing, write_atomically};
use crate::ledger::ledger_key;
use crate::ledger::sign::SigningKey;
use crate::playbook::{Change, NodePlan, SurveyError, Surveyed};
use crate::site::model::{Node, Site};

/// The version of the format; 1 was not signed, 2 was not bound to secrets.
const FORMAT: u32 = 3;

/// What every version has.
#[derive(Deserialize)]
struct Format {
    portcullis_plan: u32,
}

/// What a plan file holds. Secrets are in it neither as text nor as hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanFile {
    /// Version of this format.
    pub(crate) portcullis_plan: u32,
    /// The site's name.
    pub(crate) site: String,
    /// The playbooks.
    pub(crate) playbooks: Vec<String>,
    /// Steps that were left out.
    #[serde(default)]
    pub(crate) skip: Vec<String>,
    /// Who made it: `user@host`.
    pub(crate) by: String,
    /// When.
    pub(crate) at: jiff::Timestamp,
    /// The nodes, each with its changes.
    pub(crate) nodes: Vec<PlannedNode>,
    /// The ledger's signature over all of the above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seal: Option<Seal>,
}

/// A node's part of a plan file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedNode {
    /// The node.
    pub(crate) node: String,
    /// Its changes in order.
    pub(crate) changes: Vec<PlannedChange>,
}

/// A change: what was seen and what is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedChange {
    /// The step.
    pub(crate) step: String,
    /// `create`, `modify`, `remove`, `service` or `command`.
    pub(crate) kind: String,
    /// Path, service or command.
    pub(crate) subject: String,
    /// SHA-256 of what was seen; null for nothing and for secrets.
    pub(crate) before: Option<String>,
    /// SHA-256 of what is to be; null for nothing and for secrets.
    pub(crate) after: Option<String>,
    /// Where a secret is replaced: a keyed hash of the one that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<String>,
}

impl PlanFile {
    fn new(context: &Context, desired: &Desired, skip: &[String], plans: &[NodePlan], veil: &Veil) -> Self {
        let seen = |plan: &NodePlan, change: &Change| {
            let is_told = change.before.is_some() || change.after.is_some();
            let hash = plan.replaced(&change.step, &change.subject).filter(|_| !is_told)?;
            Some(veil.over(&format!("{}\0{}\0{hash}", plan.node, change.subject)))
        };
        let nodes = plans.iter().map(|plan| PlannedNode {
            node: plan.node.clone(),
            changes: plan
                .changes
                .iter()
                .map(|change| PlannedChange {
                    step: change.step.clone(),
                    kind: kind_word(change.kind).to_owned(),
                    subject: change.subject.clone(),
                    before: change.before.clone(),
                    after: change.after.clone(),
                    seen: seen(plan, change),
                })
                .collect(),
        });
        let playbooks = desired.playbook.name.split('+').map(str::to_owned).collect();
        Self {
            portcullis_plan: FORMAT,
            site: desired.site.name.clone(),
            playbooks,
            skip: skip.to_vec(),
            by: context.actor(),
            at: context.now,
            nodes: nodes.collect(),
            seal: None,
        }
    }

    /// The machines that it is for, by name.
    pub(crate) fn machines(&self) -> Vec<String> {
        self.nodes.iter().map(|planned| planned.node.clone()).collect()
    }

    /// Reads a plan file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
            let help = Some("make a new one: portcullis plan --out FILE".to_owned());
            Failure::new(Exit::Usage, PlanFileError { path: path.display().to_string(), source: error }, help)
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.into()))?;
        let format: Format = serde_json::from_str(&text).map_err(|error| wrong(error.into()))?;
        if format.portcullis_plan != FORMAT {
            return Err(wrong(Sentence(format!("its format {} is not known", format.portcullis_plan)).into()));
        }
        serde_json::from_str(&text).map_err(|error| wrong(error.into()))
    }

    /// What is signed: everything but the seal, in one form.
    fn message(&self) -> Vec<u8> {
        serde_json::to_vec(&Self { seal: None, ..self.clone() }).unwrap_or_default()
    }

    /// Refuses unless the key of the site's ledger signed it as it is.
    pub(crate) fn must_be_signed(&self, context: &Context, site: &Site) -> Result<(), Failure> {
        let key = ledger_key(&ledger_at(context, site)).map_err(ledger_failure)?;
        let what = match &self.seal {
            None => "nobody signed it",
            Some(seal) if seal.is_by(key.public(), &self.message()) => return Ok(()),
            Some(seal) if seal.key != key.public().encode_base64() => "it is signed with another ledger's key",
            Some(_) => "it was changed after it was signed",
        };
        let help =
            "make a new one where it is to be carried out: portcullis plan --out FILE; it is signed with the key beside the site's ledger";
        Err(Failure::new(Exit::Refused, Sentence(format!("this plan is not to be trusted: {what}")), Some(help.to_owned())))
    }

    /// Refuses, and says where, if a new look no longer gives this plan.
    pub(crate) fn must_still_hold(&self, context: &Context, desired: &Desired, plans: &[NodePlan]) -> Result<(), Failure> {
        let key = ledger_key(&ledger_at(context, &desired.site)).map_err(ledger_failure)?;
        let now = Self::new(context, desired, &self.skip, plans, &veil(&key)?);
        let mut differences = Vec::new();
        if now.site != self.site {
            differences.push(format!("it was made for the site {}, this is {}", self.site, now.site));
        }
        let is_left_out = |planned: &PlannedNode| {
            desired.site.node(&planned.node).is_some() && !desired.nodes.iter().any(|node| node.name == planned.node)
        };
        for planned in self.nodes.iter().filter(|planned| !is_left_out(planned)) {
            match now.nodes.iter().find(|node| node.node == planned.node) {
                None if desired.site.node(&planned.node).is_none() => {
                    differences.push(format!("{} is no node of the site", planned.node));
                }
                None => differences.push(format!("{} could not be looked at", planned.node)),
                Some(node) if node.changes != planned.changes => differences.extend(planned.differences(node)),
                Some(_) => {}
            }
        }
        for node in now.nodes.iter().filter(|node| !self.nodes.iter().any(|planned| planned.node == node.node)) {
            differences.push(format!("{} is not in the plan", node.node));
        }
        if differences.is_empty() {
            return Ok(());
        }
        let text = format!("the plan no longer holds\n  {}", differences.join("\n  "));
        let help = "look at the difference: portcullis plan; then keep a new plan with --out FILE".to_owned();
        Err(Failure::new(Exit::Refused, Sentence(text), Some(help)))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{path} is not a plan that can be used")]
struct PlanFileError {
    path: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl PlannedNode {
    /// What of the plan is different now, a line each.
    fn differences(&self, now: &Self) -> Vec<String> {
        let gone = self.changes.iter().filter(|change| !now.changes.contains(change));
        let come = now.changes.iter().filter(|change| !self.changes.contains(change));
        let mut subjects: Vec<&str> = gone.chain(come).map(|change| change.subject.as_str()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        if subjects.is_empty() {
            subjects.push("the order of changes");
        }
        let find = |node: &Self, subject: &str| node.changes.iter().find(|change| change.subject == subject).cloned();
        let told = |subject: &&str| difference(subject, find(self, subject).as_ref(), find(now, subject).as_ref());
        subjects.iter().map(|subject| format!("{}: {}", now.node, told(subject))).collect()
    }
}

/// In what a change of the plan differs from what a new look gives: was it the machine, or what is wanted of it?
fn difference(subject: &str, planned: Option<&PlannedChange>, now: Option<&PlannedChange>) -> String {
    match (planned, now) {
        (Some(planned), Some(now)) if planned.before != now.before || planned.seen != now.seen => {
            format!("{subject} has changed since the plan was made")
        }
        (Some(_), Some(_)) => format!("what is wanted of {subject} has changed since the plan was made (site file, playbook or secret)"),
        _ => format!("{subject} is not as planned: the machine, the site file, a playbook or a secret has changed since the plan was made"),
    }
}

fn veil(key: &SigningKey) -> Result<Veil, Failure> {
    Veil::of(key).map_err(|error| Failure::new(Exit::Failed, error, None))
}

/// Keeps a plan in `path`, mode 0600, signed with the key of the site's ledger.
pub(crate) fn write(path: &Path, context: &Context, desired: &Desired, skip: &[String], plans: &[NodePlan]) -> Result<(), Failure> {
    let key = ledger_key(&ledger_at(context, &desired.site)).map_err(ledger_failure)?;
    let mut plan = PlanFile::new(context, desired, skip, plans, &veil(&key)?);
    let seal = Seal::over(&plan.message(), &key).map_err(|error| Failure::new(Exit::Failed, error, None))?;
    plan.seal = Some(seal);
    let text = serde_json::to_string_pretty(&plan).unwrap_or_default() + "\n";
    write_atomically(path, text.as_bytes(), 0o600, Existing::Replace).map_err(Failure::not_written)
}

/// A plan as scripts see it.
pub(crate) fn json<'a, P: 'a>(
    desired: &Desired,
    skip: &[String],
    surveyed: impl Iterator<Item = &'a Surveyed<P>>,
    failed: &[(&Node, &SurveyError)],
) -> Value {
    let mut nodes = Map::new();
    for Surveyed { plan, facts, .. } in surveyed {
        let change = |change: &Change| {
            let mut value = change_json(change);
            if let (Some(origin), Some(members)) = (origin_of(change, facts), value.as_object_mut()) {
                members.insert("origin".to_owned(), origin.json());
            }
            value
        };
        nodes.insert(plan.node.clone(), json!({"changes": plan.changes.iter().map(change).collect::<Vec<_>>()}));
    }
    for (node, error) in failed {
        nodes.insert(node.name.clone(), json!({"error": chain(error)}));
    }
    json!({"site": desired.site.name, "playbook": desired.playbook.name, "skip": skip, "nodes": nodes})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(subject: &str, before: &str) -> PlannedChange {
        let (subject, before) = (subject.to_owned(), Some(before.to_owned()));
        PlannedChange { step: "s".into(), kind: "modify".into(), subject, before, after: None, seen: None }
    }

    #[test]
    fn every_place_that_changed_is_named_once() {
        let node = |changes: Vec<PlannedChange>| PlannedNode { node: "a0-1".into(), changes };
        let planned = node(vec![change("/etc/a", "1"), change("/etc/b", "1"), change("/etc/c", "1")]);
        let now = node(vec![change("/etc/a", "1"), change("/etc/b", "2"), change("/etc/d", "1")]);
        let told = planned.differences(&now);
        assert_eq!(told[0], "a0-1: /etc/b has changed since the plan was made");
        assert!(
            told[1].starts_with("a0-1: /etc/c is not as planned: ") && told[2].starts_with("a0-1: /etc/d is not as planned: "),
            "{told:?}"
        );
        assert_eq!(told.len(), 3);
    }

    #[test]
    fn a_site_file_that_says_something_else_is_not_laid_to_the_node() {
        let wanted = |after: &str| PlannedChange { after: Some(after.to_owned()), ..change("/etc/a", "1") };
        let told = difference("/etc/a", Some(&wanted("2")), Some(&wanted("3")));
        assert_eq!(told, "what is wanted of /etc/a has changed since the plan was made (site file, playbook or secret)");
    }
}
