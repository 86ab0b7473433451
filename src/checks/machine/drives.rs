//! Drives: system, data and user search each have one of their own, and one node of a cluster has one more, for backups.

use super::not_seen;
use crate::checks::catalogue::machines::{DISK_BACKUP, DISK_COUNT};
use crate::checks::spec::{Outcome, Tally};
use crate::node::Facts;
use crate::site::model::{Environment, Node, Role, Site};

const GB: u64 = 1_000_000_000;

/// A node's drives, as far as the cluster's judgment needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drives {
    /// The node.
    pub node: String,
    /// Whether there is one more than the node itself needs, large enough for backups.
    pub has_spare: bool,
}

/// Judges a node's drives by the profile. `None` where it has not to have any of its own.
pub fn drives(node: &Node, facts: &Facts, site: &Site) -> (Vec<Outcome>, Option<Drives>) {
    let mut tally = Tally::of(&node.name);
    if node.role != Role::Node {
        tally.not_applicable(&DISK_COUNT, "such a machine has no drives of its own for data");
        return (tally.complete(&[&DISK_COUNT], ""), None);
    }
    let (hardware, other) = (&site.figures.hardware, site.environment != Environment::Production);
    let sizes = if other { &hardware.other_disks_gb } else { &hardware.production_disks_gb };
    let mut needed = vec![("system", hardware.system_disk_gb.minimum), ("data", sizes.data)];
    if site.surroundings.uses("user-search") {
        needed.push(("user search", sizes.search));
    }
    needed.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let size_of = |drive: &str| drive.split_once(' ').and_then(|(_, bytes)| bytes.parse::<u64>().ok());
    let mut there: Vec<u64> = facts.seen("drive").filter_map(size_of).map(|bytes| bytes / GB).collect();
    if there.is_empty() {
        return (tally.complete(&[&DISK_COUNT], &not_seen(facts)), None);
    }
    there.sort_by_key(|size| std::cmp::Reverse(*size));
    let is_enough = |size: u64, wanted: u64| size * 100 >= wanted * 100_u64.saturating_sub(hardware.disk_rounding_percent);
    let shown = |sizes: &[u64]| sizes.iter().map(|size| format!("{size} GB")).collect::<Vec<_>>().join(", ");
    let is_lacking = needed.iter().enumerate().any(|(place, (_, wanted))| there.get(place).is_none_or(|size| !is_enough(*size, *wanted)));
    if is_lacking {
        let all = needed.iter().map(|(what, size)| format!("{what} {size} GB")).collect::<Vec<_>>().join(", ");
        let message = format!("it has {} ({}); needed are {all}", drives_of(there.len()), shown(&there));
        tally.found(&DISK_COUNT, message, "give it a drive for each, thick provisioned");
    } else {
        tally.passed(&DISK_COUNT, format!("drives of {}", shown(&there)));
    }
    // What is left over once each need has taken the smallest drive that does.
    let mut left = there.clone();
    for (_, wanted) in needed.iter().rev() {
        if let Some(place) = left.iter().rposition(|size| is_enough(*size, *wanted)) {
            left.remove(place);
        }
    }
    let has_spare = left.first().is_some_and(|size| is_enough(*size, sizes.backup));
    (tally.complete(&[&DISK_COUNT], &not_seen(facts)), Some(Drives { node: node.name.clone(), has_spare }))
}

fn drives_of(count: usize) -> String {
    if count == 1 { "one drive".to_owned() } else { format!("{count} drives") }
}

/// Judges the backup drives of all nodes together; nothing where not every node has been seen.
pub fn backup_drive(site: &Site, seen: &[Drives]) -> Vec<Outcome> {
    let mut tally = Tally::of(&site.name);
    let nodes = site.nodes.iter().filter(|node| node.role == Role::Node).count();
    let spare: Vec<&str> = seen.iter().filter(|drives| drives.has_spare).map(|drives| drives.node.as_str()).collect();
    let wanted = site.figures.hardware.production_disks_gb.backup;
    if site.environment != Environment::Production || nodes < 2 {
        tally.not_applicable(&DISK_BACKUP, "a single node's backups are for rehearsal alone");
    } else if seen.len() < nodes {
        tally.could_not_run(&DISK_BACKUP, "not every node's drives have been seen");
    } else if spare.is_empty() {
        let message = format!("no node has a drive more for backups ({wanted} GB)");
        tally.found(&DISK_BACKUP, message, format!("add a drive of {wanted} GB to one node: by custom the last one"));
    } else if spare.len() == nodes {
        let message = "every node has a drive for backups: one is needed, and a backup slows its node down";
        tally.found(&DISK_BACKUP, message, "leave it on one node");
    } else {
        tally.passed(&DISK_BACKUP, spare.join(", "));
    }
    tally.complete(&[&DISK_BACKUP], "not looked at")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, ids, site};
    use super::*;

    fn judged(sizes: &[&str], more: &str) -> (Vec<String>, bool) {
        let site = site(more);
        let seen: Vec<(&str, &str)> = sizes.iter().map(|size| ("drive", *size)).collect();
        let (outcomes, drives) = drives(&site.nodes[0], &facts(&seen), &site);
        (ids(&outcomes), drives.unwrap().has_spare)
    }

    #[test]
    fn data_and_search_have_drives_of_their_own() {
        let small = ["sda 42949672960", "sdb 107374182400"];
        assert_eq!(judged(&small, ""), (vec![], false));
        assert_eq!(judged(&small, "features: [user-search]\n").0, ["node.disk.count"]);
        assert_eq!(judged(&small[1..], "").0, ["node.disk.count"]);
        assert_eq!(judged(&["sda 42949672960", "sdb 53687091200"], "").0, ["node.disk.count"]);
        assert_eq!(judged(&["sda 42949672960", "sdb 107374182400", "sdc 107374182400"], "").0, Vec::<String>::new());
    }

    #[test]
    fn one_node_has_the_backup_drive_and_no_more() {
        let site = site("");
        let seen = |spare: [bool; 3]| {
            let drives: Vec<Drives> =
                site.nodes.iter().zip(spare).map(|(node, has_spare)| Drives { node: node.name.clone(), has_spare }).collect();
            ids(&backup_drive(&site, &drives))
        };
        assert_eq!(seen([false, false, true]), Vec::<String>::new());
        assert_eq!(seen([false; 3]), ["node.disk.backup"]);
        assert_eq!(seen([true; 3]), ["node.disk.backup"]);
        assert!(matches!(backup_drive(&site, &[])[0].verdict, crate::checks::Verdict::CouldNotRun { .. }));
    }
}
