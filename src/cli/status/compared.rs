//! What each machine is compared with: the playbooks that ran there and are in place, the newest first to count.

use std::sync::Arc;

use crate::cli::context::Context;
use crate::cli::desired::{Desired, Wanted};
use crate::cli::failure::Failure;
use crate::ledger::{InPlace, Runs};
use crate::playbook::Library;
use crate::site::model::{Node, Role, Site};
use crate::site::secret::Secrets;

/// Machines that are compared with the same.
#[derive(Debug)]
pub(super) struct Compared {
    /// The machines.
    pub(super) nodes: Vec<Node>,
    /// What they are to be; `None` where no run says it.
    pub(super) desired: Option<Desired>,
    /// The playbooks that say so, as `plan` takes them.
    pub(super) playbooks: Vec<String>,
}

/// Groups the machines by what they are compared with.
pub(super) fn compared(
    context: &Context,
    (site, secrets): (&Site, &Arc<Secrets>),
    nodes: &[Node],
    runs: &Runs,
) -> Result<Vec<Compared>, Failure> {
    let mut groups: Vec<(Vec<InPlace>, Vec<Node>)> = Vec::new();
    for node in nodes {
        let in_place = wanted(runs.in_place(&node.name), node);
        match groups.iter_mut().find(|(known, _)| *known == in_place) {
            Some((_, alike)) => alike.push(node.clone()),
            None => groups.push((in_place, vec![node.clone()])),
        }
    }
    let group = |(in_place, nodes): (Vec<InPlace>, Vec<Node>)| {
        let (playbooks, desired) = load(context, site, secrets, &in_place)?.unzip();
        Ok(Compared { nodes, desired, playbooks: playbooks.unwrap_or_default() })
    };
    groups.into_iter().map(group).collect()
}

// Of a new site nobody has run anything yet: its nodes are to be prepared.
fn wanted(in_place: Vec<InPlace>, node: &Node) -> Vec<InPlace> {
    if in_place.is_empty() && node.role != Role::LoadBalancer {
        return vec![InPlace { playbook: "bootstrap".to_owned(), skip: Vec::new() }];
    }
    in_place
}

fn load(context: &Context, site: &Site, secrets: &Arc<Secrets>, in_place: &[InPlace]) -> Result<Option<(Vec<String>, Desired)>, Failure> {
    let library = Library::new(&site.folder);
    let mut names: Vec<String> = Vec::new();
    let mut steps = Vec::new();
    let mut last = None;
    for InPlace { playbook, .. } in in_place {
        let with = [std::slice::from_ref(playbook), &names].concat();
        // One that is there no longer says nothing; one that says something else of a file than a later one counts no more.
        match library.load(&with) {
            Ok(playbook) => (names, steps) = (with, playbook.steps),
            Err(error) => last = Some(error),
        }
    }
    if names.is_empty() {
        return last.map_or(Ok(None), |error| Err(crate::cli::desired::load_failure(error)));
    }
    let is_left_out = |id: &String| in_place.iter().any(|one| names.contains(&one.playbook) && one.skip.contains(id));
    let skip: Vec<String> = steps.into_iter().map(|step| step.id).filter(is_left_out).collect();
    let wanted = Wanted { playbooks: &names, skip: &skip, ..Wanted::default() };
    let desired = Desired::of(context, site.clone(), Arc::clone(secrets), &wanted)?;
    Ok(Some((names, desired)))
}
