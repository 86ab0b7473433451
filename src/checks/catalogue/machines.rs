//! Machines: what they must have, and how they keep the time. Seen by one probe of each node.

use super::{CheckSpec, Team, Vantage};
use crate::finding::Severity;

const MACHINES: &str = "Infrastructure: virtual machines";
const CLOCK: &str = "Clock";

const fn spec(id: &'static str, title: &'static str, source: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, source).at(Vantage::Node).ask(Team::Machines)
}

/// Memory.
pub static MEMORY: CheckSpec = spec("node.ram", "The machine has enough memory", MACHINES).mend("give the machine more memory");
/// Processors.
pub static CORES: CheckSpec = spec("node.cpu", "The machine has enough processors", MACHINES).mend("give the machine more processors");
/// Size of the system disk.
pub static DISK_SIZE: CheckSpec = spec("node.disk.size", "The system disk is large enough", MACHINES).mend("grow the system disk");
/// Free space.
pub static DISK_FREE: CheckSpec = spec("node.disk.free", "The disks have room", "Monitoring: disk").mend("make room, or grow the disk");
/// Separate drives.
pub static DISK_COUNT: CheckSpec = spec("node.disk.count", "System, data and user search have drives of their own", MACHINES)
    .of(Severity::Warning)
    .mend("add a drive for each, thick provisioned");
/// One backup drive.
pub static DISK_BACKUP: CheckSpec = spec("node.disk.backup", "One node of a production cluster has a backup drive", MACHINES)
    .of(Severity::Warning)
    .mend("add a backup drive to one node, and to no more");
/// How file systems are mounted.
pub static MOUNTS: CheckSpec =
    spec("node.mount", "The file systems can be written, and programs on them run", MACHINES).mend("mount it `rw,exec`: see /etc/fstab");
/// Processors' kind.
pub static ARCHITECTURE: CheckSpec =
    spec("node.arch", "The machine has x86-64 processors", MACHINES).mend("use a machine with x86-64 processors");
/// Operating system.
pub static SYSTEM: CheckSpec =
    spec("node.os", "The machine runs a system that the playbooks know", MACHINES).mend("use Debian or Ubuntu with systemd");
/// Kernel.
pub static KERNEL: CheckSpec = spec("node.kernel", "The machine runs the newest kernel that is installed on it", MACHINES)
    .of(Severity::Info)
    .mend("restart the machine in the next window");
/// Swap.
pub static SWAP: CheckSpec = spec("node.swap", "The machine does not live on swap", MACHINES)
    .of(Severity::Warning)
    .mend("give the machine more memory: its databases stand still while it swaps");
/// Entropy.
pub static ENTROPY: CheckSpec = spec("node.entropy", "The machine has random numbers at hand", "Clock: cryptography")
    .of(Severity::Warning)
    .mend("add a virtio-rng device, or install `rng-tools`");
/// Interfaces.
pub static INTERFACES: CheckSpec =
    spec("node.nic", "The machine has one network interface", "Network").of(Severity::Warning).mend("take the other interfaces away");
/// The address.
pub static STATIC_ADDRESS: CheckSpec = spec("node.ip.static", "The machine's address is private and stays", "Network")
    .of(Severity::Warning)
    .mend("give the machine a static private address");
/// Time.
pub static SKEW: CheckSpec = spec("time.skew", "All clocks show the same time", CLOCK).mend("mend the machine's time source");
/// Nodes among themselves.
pub static PAIRWISE: CheckSpec =
    spec("time.pairwise", "The nodes' clocks agree with each other", CLOCK).mend("give all nodes the same time source");
/// A daemon that follows a source.
pub static NTP_SYNC: CheckSpec = spec("time.ntp.sync", "A time service runs and follows a source", CLOCK)
    .of(Severity::Warning)
    .mend("`portcullis apply time`; let the nodes reach the time servers on port 123/udp");
/// Its options.
pub static NTP_OPTIONS: CheckSpec = spec("time.ntp.opts", "The time service asks neither too often nor too seldom", CLOCK)
    .of(Severity::Warning)
    .mend("keep `minpoll` at 4 or more, `maxpoll` at 17 or less, and the first below the second");
/// The host keeps its hands off.
pub static VMWARE_TIME: CheckSpec = spec("time.vmware", "The VMware host does not set the machine's clock", CLOCK)
    .of(Severity::Warning)
    .mend("untick the time synchronization in VMware Tools");

/// What the machine's own facts tell.
pub static FIGURES: &[&CheckSpec] = &[&MEMORY, &CORES, &DISK_SIZE, &DISK_FREE, &ARCHITECTURE, &SYSTEM];
/// What a longer look at the machine tells.
pub static SURVEYED: &[&CheckSpec] =
    &[&DISK_COUNT, &MOUNTS, &KERNEL, &SWAP, &ENTROPY, &INTERFACES, &STATIC_ADDRESS, &NTP_SYNC, &NTP_OPTIONS, &VMWARE_TIME];
/// All checks of this subject.
pub static CHECKS: &[&CheckSpec] = &[
    &MEMORY,
    &CORES,
    &DISK_SIZE,
    &DISK_FREE,
    &DISK_COUNT,
    &DISK_BACKUP,
    &MOUNTS,
    &ARCHITECTURE,
    &SYSTEM,
    &KERNEL,
    &SWAP,
    &ENTROPY,
    &INTERFACES,
    &STATIC_ADDRESS,
    &SKEW,
    &PAIRWISE,
    &NTP_SYNC,
    &NTP_OPTIONS,
    &VMWARE_TIME,
];
