//! What a hypervisor gives a machine: processors, drives, swap and random numbers. All of the lab's machines have the host's, so
//! that the kernel's own answers are laid over with others, as containers of other makers do.

use super::{Fault, assert_provoked, finds, turn};

/// Drives of so many bytes, as the kernel lists them.
fn drives(bytes: &[u64]) -> String {
    let each = |(place, bytes): (usize, &u64)| {
        let letter = ["a", "b", "c", "d"][place];
        format!("; mkdir /sys/block/sd{letter}; echo {} >/sys/block/sd{letter}/size", bytes / 512)
    };
    format!("mount -t tmpfs tmpfs /sys/block{}", bytes.iter().enumerate().map(each).collect::<String>())
}

#[test]
fn a_machine_of_another_kind_that_swaps_and_lacks_random_numbers_is_told_each_of_it() {
    let turn = turn();
    let make = "mkdir -p /run/systemd/system/ssh.service.d; printf '[Service]\\nPersonality=x86\\n' >/run/systemd/system/ssh.service.d/kind.conf; \
                systemctl daemon-reload; systemctl restart ssh; \
                sed 's/^SwapTotal:.*/SwapTotal: 2097152 kB/; s/^SwapFree:.*/SwapFree: 4096 kB/' /proc/meminfo >/run/meminfo; \
                mount --bind /run/meminfo /proc/meminfo; \
                echo 40 >/run/entropy; mount --bind /run/entropy /proc/sys/kernel/random/entropy_avail";
    let undo = "umount /proc/meminfo /proc/sys/kernel/random/entropy_avail; rm /run/systemd/system/ssh.service.d/kind.conf; \
                systemctl daemon-reload; systemctl restart ssh";
    let ask = ["check", "--only", "node"];
    let fault = Fault::on(&turn, "a0-3", make, undo);
    let ill = turn.events(&ask);
    drop(fault);
    let well = turn.events(&ask);
    assert_provoked(&["node.arch", "node.swap", "node.entropy"], "a0-3", &ill, &well);
    assert!(ill.told("node.arch").contains("i686") && ill.told("node.swap").contains("2044 MiB of its 2048 MiB"), "{}", ill.stdout);
    assert!(!finds(&ill, "node.arch", "a0-1"), "{}", ill.stdout);
}

#[test]
fn the_drives_of_a_cluster_are_counted_node_by_node_and_one_of_them_keeps_backups() {
    let turn = turn();
    let (system, data) = (42_949_672_960, 107_374_182_400);
    let undo = "umount /sys/block";
    let ask = ["check", "--only", "node.disk"];
    let faults = ["a0-1", "a0-2", "a0-3"].map(|node| Fault::on(&turn, node, &drives(&[system, data]), undo));
    let none = turn.events(&ask);
    drop(faults);
    let faults = [("a0-1", &[system, data][..]), ("a0-2", &[system, data]), ("a0-3", &[system, data, data])]
        .map(|(node, sizes)| Fault::on(&turn, node, &drives(sizes), undo));
    let one = turn.events(&ask);
    drop(faults);
    let faults = ["a0-1", "a0-2", "a0-3"].map(|node| Fault::on(&turn, node, &drives(&[system, data, data]), undo));
    let all = turn.events(&ask);
    drop(faults);
    let bare = turn.events(&ask);
    assert_provoked(&["node.disk.backup"], "lab-", &none, &one);
    assert_provoked(&["node.disk.backup"], "lab-", &all, &one);
    assert_provoked(&["node.disk.count"], "a0-1", &bare, &one);
}
