//! What a machine must have, compared with what the probe saw. A figure that the probe could not tell is not met
//! by default: the check could not be run.

mod clock;
pub(super) mod longer;

pub use clock::{Reading, clocks};
pub use longer::table as longer_table;

use super::{ARCHITECTURE, CORES, DISK_FREE, DISK_SIZE, MACHINE, MEMORY, SYSTEM};
use crate::checks::spec::{CheckSpec, Outcome, Tally};
use crate::finding::Severity;
use crate::node::{DiskFact, Facts};
use crate::site::model::{Node, Role};
use crate::site::profile::{Figure, Profile};

/// How much less than it was given a machine sees of its memory, in percent: kernel and firmware keep some (ours).
const MEMORY_KEPT_PERCENT: u64 = 7;
const KIB_PER_GIB: u64 = 1024 * 1024;

/// Compares a node with its profile.
pub(super) fn machine(node: &Node, facts: &Facts, profile: &Profile) -> Vec<Outcome> {
    let mut tally = Tally::of(&node.name);
    let hardware = &profile.hardware;
    let (memory, cores) = match node.role {
        Role::Node => (hardware.memory_gib, hardware.cores),
        Role::Arbiter => (hardware.arbiter_memory_gib, hardware.arbiter_cores),
        Role::Connector => (profile.connector.memory_gib, profile.connector.cores),
        // The profile says nothing of it.
        Role::LoadBalancer => return Vec::new(),
    };
    let number = |key: &str| facts.machine.get(key).and_then(|value| value.trim().parse::<u64>().ok());
    if let Some(kib) = number("memory-kib") {
        // Tenths of a GiB, so that a machine just below a figure shows it.
        let tenths = kib * 10 / KIB_PER_GIB;
        let enough = |wanted: u64| kib * 100 >= wanted * KIB_PER_GIB * (100 - MEMORY_KEPT_PERCENT);
        let size = Size { seen: format!("{}.{} GiB of memory", tenths / 10, tenths % 10), unit: "GiB of memory", enough: &enough };
        look_at_figure(&mut tally, &MEMORY, memory, &size);
    }
    if let Some(count) = number("cores") {
        let size = Size { seen: format!("{count} processors"), unit: "processors", enough: &|wanted| count >= wanted };
        look_at_figure(&mut tally, &CORES, cores, &size);
    }
    if node.role == Role::Connector {
        tally.not_applicable(&DISK_SIZE, "a connector has no disk of a given size");
    } else if let Some(root) = facts.disks.iter().find(|disk| disk.mount == "/") {
        look_at_disk(&mut tally, root, hardware.system_disk_gb, hardware.disk_rounding_percent);
    }
    look_at_free_space(&mut tally, facts, profile.health.disk_used_percent);
    look_at_system(&mut tally, facts);
    tally.complete(MACHINE, "the probe could not tell")
}

/// How much there is of something.
struct Size<'a> {
    seen: String,
    unit: &'static str,
    enough: &'a dyn Fn(u64) -> bool,
}

fn look_at_figure(tally: &mut Tally, spec: &'static CheckSpec, figure: Figure, size: &Size<'_>) {
    let Size { seen, unit, enough } = size;
    if !enough(figure.minimum) {
        let fix = format!("give the machine {} {unit} (at least {})", figure.recommended.max(figure.minimum), figure.minimum);
        tally.found(spec, format!("it has {seen}; the minimum is {}", figure.minimum), fix);
    } else if enough(figure.recommended) {
        tally.passed(spec, seen.clone());
    } else {
        let fix = format!("give the machine {} {unit} before it carries users", figure.recommended);
        tally.found_as(Severity::Warning, spec, format!("it has {seen}; {} are recommended", figure.recommended), fix);
    }
}

fn look_at_disk(tally: &mut Tally, root: &DiskFact, figure: Figure, rounding_percent: u64) {
    // Disks are sold in GB of 1000³ bytes, and a file system keeps some for itself.
    let gigabytes = root.total_kib.saturating_mul(1024) / 1_000_000_000;
    let enough = |wanted: u64| gigabytes.saturating_mul(100) >= wanted * 100_u64.saturating_sub(rounding_percent);
    let size = Size { seen: format!("a system disk of {gigabytes} GB"), unit: "GB of system disk", enough: &enough };
    look_at_figure(tally, &DISK_SIZE, figure, &size);
}

fn look_at_free_space(tally: &mut Tally, facts: &Facts, most_used_percent: u32) {
    for disk in &facts.disks {
        let free = disk.free_kib.saturating_mul(100) / disk.total_kib.max(1);
        let gigabytes = disk.free_kib / KIB_PER_GIB;
        if free < u64::from(100_u32.saturating_sub(most_used_percent)) {
            let message = format!("{} has {free} % free ({gigabytes} GiB)", disk.mount);
            let fix = format!("make room on {}, or grow it: `du -xh {} | sort -h | tail` shows what fills it", disk.mount, disk.mount);
            tally.found(&DISK_FREE, message, fix);
        } else {
            tally.passed(&DISK_FREE, format!("{}: {free} % free, {gigabytes} GiB", disk.mount));
        }
    }
}

fn look_at_system(tally: &mut Tally, facts: &Facts) {
    if let Some(kernel) = facts.machine.get("kernel").filter(|kernel| !kernel.is_empty()) {
        let is_x86 = kernel.ends_with("x86_64") || kernel.ends_with("amd64");
        if is_x86 {
            tally.passed(&ARCHITECTURE, kernel.clone());
        } else {
            tally.found(&ARCHITECTURE, format!("it runs {kernel}"), "use a machine with x86-64 processors");
        }
    }
    if let Some((id, version)) = facts.os.as_ref().filter(|(id, _)| !id.is_empty() && id != "unknown") {
        let is_known = matches!(id.as_str(), "debian" | "ubuntu");
        let init = facts.machine.get("init").map(String::as_str).unwrap_or_default();
        if !is_known {
            let fix = "use Debian or Ubuntu, or overrule the playbooks' steps that name their packages and paths";
            tally.found_as(Severity::Warning, &SYSTEM, format!("it runs {id} {version}, for which no playbook was tried"), fix);
        } else if init == "systemd" {
            tally.passed(&SYSTEM, format!("{id} {version}, {init}"));
        } else {
            tally.found(
                &SYSTEM,
                format!("{id} {version} was not started by systemd"),
                "boot the machine with systemd: services are managed by it",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Verdict;
    use crate::checks::spec::findings;
    use crate::site::profile::DEFAULT;

    fn node() -> Node {
        let text = "site: a\nenvironment: qa\nroute: {vpn: true}\nnodes: [{name: a0-1, address: 10.0.0.1}]\n";
        crate::site::parse(text, std::path::Path::new("site.yaml")).unwrap().nodes[0].clone()
    }

    fn facts(pairs: &[(&str, &str)], disk_gb: u64, free_gb: u64) -> Facts {
        let kib = |gigabytes: u64| gigabytes * 1_000_000_000 / 1024;
        Facts {
            machine: pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            os: Some(("debian".to_owned(), "12".to_owned())),
            disks: vec![DiskFact { mount: "/".to_owned(), total_kib: kib(disk_gb), free_kib: kib(free_gb) }],
            ..Facts::default()
        }
    }

    const WELL: [(&str, &str); 4] = [("kernel", "Linux 6.1.0 x86_64"), ("cores", "4"), ("memory-kib", "16300000"), ("init", "systemd")];

    fn judged(pairs: &[(&str, &str)], disk: u64, free: u64) -> Vec<Outcome> {
        machine(&node(), &facts(pairs, disk, free), &Profile::built_in(DEFAULT).unwrap())
    }

    #[test]
    fn a_machine_of_the_recommended_size_passes_whatever_its_kernel_keeps() {
        let outcomes = judged(&WELL, 60, 40);
        assert!(outcomes.iter().all(|outcome| outcome.verdict == Verdict::Passed), "{outcomes:#?}");
    }

    #[test]
    fn each_lack_is_found_under_its_own_id() {
        let ids = |pairs: &[(&str, &str)], disk, free| {
            findings(&judged(pairs, disk, free)).into_iter().map(|finding| (finding.id, finding.severity)).collect::<Vec<_>>()
        };
        let error = |id: &str| vec![(id.to_owned(), Severity::Error)];
        let with = |key: &'static str, value: &'static str| WELL.map(|pair| if pair.0 == key { (key, value) } else { pair });
        assert_eq!(ids(&with("memory-kib", "4000000"), 60, 40), error("node.ram"));
        assert_eq!(ids(&with("memory-kib", "8100000"), 60, 40), vec![("node.ram".to_owned(), Severity::Warning)]);
        assert_eq!(ids(&with("cores", "1"), 60, 40), error("node.cpu"));
        assert_eq!(ids(&with("kernel", "Linux 6.1.0 aarch64"), 60, 40), error("node.arch"));
        assert_eq!(ids(&with("init", "other"), 60, 40), error("node.os"));
        assert_eq!(ids(&WELL, 20, 15), error("node.disk.size"));
        assert_eq!(ids(&WELL, 100, 5), error("node.disk.free"));
    }

    #[test]
    fn what_the_probe_could_not_tell_is_not_green() {
        let outcomes = judged(&WELL[..1], 60, 40);
        let memory = outcomes.iter().find(|outcome| outcome.spec.id == "node.ram").unwrap();
        assert!(matches!(memory.verdict, Verdict::CouldNotRun { .. }));
    }
}
