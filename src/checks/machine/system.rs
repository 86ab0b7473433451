//! The system: how it is mounted, whether it swaps, has random numbers, runs its newest kernel, and one network interface.

use super::not_seen;
use crate::checks::catalogue::machines::{ENTROPY, INTERFACES, KERNEL, MOUNTS, STATIC_ADDRESS, SWAP};
use crate::checks::spec::{CheckSpec, Outcome, Tally};
use crate::node::Facts;
use crate::site::model::{Node, Role};
use crate::site::profile::Hardware;

static TABLE: &[&CheckSpec] = &[&MOUNTS, &KERNEL, &SWAP, &ENTROPY, &INTERFACES, &STATIC_ADDRESS];
/// A part of swap in use, in percent, from which the machine lives on it.
const SWAP_USED_PERCENT: u64 = 50;
/// Bits that a machine has in its pool once it has gathered any (Linux 5.10 and later: always 256).
const ENTROPY_BITS: u32 = 128;

/// Judges a machine's system by what was seen of it.
pub fn system(node: &Node, facts: &Facts, hardware: &Hardware) -> Vec<Outcome> {
    let mut tally = Tally::of(&node.name);
    mounts(facts, &mut tally);
    kernel(facts, &mut tally);
    swap(facts, &mut tally);
    if let Some(bits) = facts.seen("entropy").next().and_then(|bits| bits.parse::<u32>().ok()) {
        if bits < ENTROPY_BITS {
            let fix = "add a virtio-rng device to the virtual machine, or install `rng-tools`: keys and TLS wait for random numbers";
            tally.found(&ENTROPY, format!("its pool of random numbers holds {bits} bits"), fix);
        } else {
            tally.passed(&ENTROPY, format!("{bits} bits"));
        }
    }
    interfaces(node, facts, hardware, &mut tally);
    addresses(node, facts, &mut tally);
    tally.complete(TABLE, &not_seen(facts))
}

fn mounts(facts: &Facts, tally: &mut Tally) {
    for mount in facts.seen("mount") {
        let mut words = mount.split(' ');
        let (Some(place), Some(kind), Some(options)) = (words.next(), words.next(), words.next()) else { continue };
        let has = |option: &str| options.split(',').any(|other| other == option);
        if has("ro") && place != "/boot" {
            let message = format!("{place} ({kind}) is mounted read-only");
            tally.found(&MOUNTS, message, format!("look for errors of its drive in the kernel's log; then `mount -o remount,rw {place}`"));
        } else if has("noexec") && matches!(place, "/" | "/var" | "/var/lib" | "/opt") {
            let message = format!("{place} is mounted `noexec`: what is installed there cannot run");
            tally.found(&MOUNTS, message, format!("take `noexec` from {place} in /etc/fstab, then `mount -o remount,exec {place}`"));
        } else {
            tally.passed(&MOUNTS, mount);
        }
    }
}

fn kernel(facts: &Facts, tally: &mut Tally) {
    let Some(kernels) = facts.seen("kernels").next() else { return };
    let (running, installed) = kernels.split_once(' ').unwrap_or((kernels, ""));
    let newest = installed.split(' ').filter(|version| !version.is_empty()).max_by(|one, other| version(one).cmp(&version(other)));
    match newest {
        None => tally.not_applicable(&KERNEL, "no kernel is installed on the machine itself"),
        Some(newest) if version(newest) > version(running) => {
            let message = format!("it runs the kernel {running}; {newest} is installed and waits for a restart");
            tally.found(&KERNEL, message, "restart the machine in the next window, one node after the other");
        }
        Some(_) => tally.passed(&KERNEL, running),
    }
}

/// Its numbers, so that 6.10 is newer than 6.9.
fn version(text: &str) -> Vec<u64> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

fn swap(facts: &Facts, tally: &mut Tally) {
    let Some((total, free)) = facts.seen("swap").next().and_then(|swap| swap.split_once(' ')) else { return };
    let (Ok(total), Ok(free)) = (total.parse::<u64>(), free.parse::<u64>()) else { return };
    let used = total.saturating_sub(free);
    if total > 0 && used * 100 >= total * SWAP_USED_PERCENT {
        let message = format!("{} MiB of its {} MiB of swap are in use", used / 1024, total / 1024);
        tally.found(&SWAP, message, "give the machine more memory: `ps -eo rss,comm --sort=-rss | head` shows what takes it");
    } else {
        tally.passed(&SWAP, format!("{} of {} MiB in use", used / 1024, total / 1024));
    }
}

fn interfaces(node: &Node, facts: &Facts, hardware: &Hardware, tally: &mut Tally) {
    let names: Vec<&str> = facts.seen("interface").collect();
    let most = usize::try_from(hardware.network_interfaces).unwrap_or(usize::MAX);
    if !matches!(node.role, Role::Node | Role::Arbiter) {
        tally.not_applicable(&INTERFACES, "such a machine may have several");
    } else if names.len() > most {
        let message = format!("it has {} network interfaces: {}", names.len(), names.join(", "));
        tally.found(&INTERFACES, message, "take the others away: the appliance binds to one");
    } else if !names.is_empty() {
        tally.passed(&INTERFACES, names.join(", "));
    }
}

fn addresses(node: &Node, facts: &Facts, tally: &mut Tally) {
    for address in facts.seen("address") {
        let words: Vec<&str> = address.split(' ').collect();
        let [interface, network, kind] = words.as_slice() else { continue };
        let Ok(net) = network.parse::<ipnet::IpNet>() else { continue };
        let is_own = node.login.address.parse::<std::net::IpAddr>().is_ok_and(|own| own == net.addr());
        // Temporary addresses of IPv6 come beside the static one.
        if *kind == "dynamic" && (is_own || net.addr().is_ipv4()) {
            let message = format!("{} on {interface} was given by DHCP, and may be another one tomorrow", net.addr());
            tally.found(&STATIC_ADDRESS, message, "give the machine a static address, or reserve this one for it for ever");
        } else if is_public(net.addr()) && is_own {
            let message = format!("{} on {interface} is a public address", net.addr());
            tally.found(&STATIC_ADDRESS, message, "give the machine a private address, behind the load balancer");
        } else {
            tally.passed(&STATIC_ADDRESS, address);
        }
    }
}

fn is_public(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(address) => {
            // RFC 6598 too: carriers' addresses are no one's own.
            let carrier = address.octets().first() == Some(&100) && address.octets().get(1).is_some_and(|octet| octet & 0xc0 == 64);
            !(address.is_private() || address.is_link_local() || address.is_loopback() || address.is_documentation() || carrier)
        }
        std::net::IpAddr::V6(address) => address.segments().first().is_some_and(|first| first & 0xe000 == 0x2000),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, ids, site};
    use super::*;

    const WELL: [(&str, &str); 6] = [
        ("mount", "/ ext4 rw,relatime"),
        ("kernels", "6.10.2-amd64 6.9.9-amd64 6.10.2-amd64"),
        ("swap", "1048576 1048000"),
        ("entropy", "256"),
        ("interface", "ens3"),
        ("address", "ens3 10.0.0.1/24 static"),
    ];

    fn judged(key: &str, value: &str) -> Vec<String> {
        let site = site("");
        let seen = WELL.map(|pair| if pair.0 == key { (key, value) } else { pair });
        ids(&system(&site.nodes[0], &facts(&seen), &site.figures.hardware))
    }

    #[test]
    fn each_fault_is_found_under_its_own_id_and_none_where_all_is_well() {
        assert_eq!(judged("", ""), Vec::<String>::new());
        assert_eq!(judged("mount", "/var ext4 ro,relatime"), ["node.mount"]);
        assert_eq!(judged("mount", "/var/lib ext4 rw,noexec"), ["node.mount"]);
        assert_eq!(judged("mount", "/tmp tmpfs rw,noexec"), Vec::<String>::new());
        assert_eq!(judged("kernels", "6.9.9-amd64 6.9.9-amd64 6.10.2-amd64"), ["node.kernel"]);
        assert_eq!(judged("swap", "1048576 1000"), ["node.swap"]);
        assert_eq!(judged("entropy", "12"), ["node.entropy"]);
        assert_eq!(judged("address", "ens3 10.0.0.1/24 dynamic"), ["node.ip.static"]);
        let site = site("");
        let two = [&WELL[..], &[("interface", "ens4")]].concat();
        assert_eq!(ids(&system(&site.nodes[0], &facts(&two), &site.figures.hardware)), ["node.nic"]);
    }

    #[test]
    fn what_was_not_seen_is_not_green() {
        let site = site("");
        let outcomes = system(&site.nodes[0], &facts(&[]), &site.figures.hardware);
        assert!(outcomes.iter().all(|outcome| matches!(outcome.verdict, crate::checks::Verdict::CouldNotRun { .. })));
    }
}
