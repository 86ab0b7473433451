//! The machine itself: mounts, interfaces, addresses, time service, system, kernel, logins, figures.

use super::{Fault, assert_provoked, finds, turn};

#[test]
fn a_machine_that_was_mistreated_in_many_ways_is_told_each_of_them() {
    let turn = turn();
    let link = turn.shell("a0-3", "ip -o -4 addr show scope global | awk '{print $2; exit}'");
    let link = link.trim().to_owned();
    let make = format!(
        "mount -t tmpfs -o noexec tmpfs /opt; ip link add eth7 type veth peer name eth8; \
         ip addr add 10.77.0.200/24 dev {link} valid_lft 900 preferred_lft 900; systemctl stop chrony; \
         cp -p /etc/chrony/chrony.conf /run/chrony.good; echo 'server 10.77.0.250 minpoll 2 maxpoll 18' >>/etc/chrony/chrony.conf; \
         touch /boot/vmlinuz-99.0.0-test; sed 's/^ID=.*/ID=plan9/' /etc/os-release >/run/os-release; mount --bind /run/os-release /usr/lib/os-release; \
         printf 'PasswordAuthentication yes\\nPermitRootLogin yes\\n' >/etc/ssh/sshd_config.d/00-portcullis-test.conf"
    );
    let undo = "umount /opt; umount /usr/lib/os-release; ip link del eth7; ip addr del 10.77.0.200/24 dev \
                $(ip -o -4 addr show to 10.77.0.200 | awk '{print $2; exit}'); mv /run/chrony.good /etc/chrony/chrony.conf; \
                systemctl start chrony; rm -f /boot/vmlinuz-99.0.0-test /etc/ssh/sshd_config.d/00-portcullis-test.conf";
    let ask = ["check", "--only", "node,time.ntp,access"];
    let fault = Fault::on(&turn, "a0-3", &make, undo);
    let ill = turn.events(&ask);
    drop(fault);
    turn.shell(
        "a0-3",
        "printf 'PasswordAuthentication no\\nKbdInteractiveAuthentication no\\n' >/etc/ssh/sshd_config.d/00-portcullis-test.conf",
    );
    // It takes chrony a moment to find its source again.
    turn.shell(
        "a0-3",
        "for i in $(seq 600); do chronyc -n -c tracking 2>/dev/null | grep -q ',Normal$' && exit 0; sleep 0.1; done; exit 1",
    );
    turn.shell("a0-3", "touch /boot/vmlinuz-$(uname -r)");
    let well = turn.events(&ask);
    turn.shell("a0-3", "rm -f /boot/vmlinuz-* /etc/ssh/sshd_config.d/00-portcullis-test.conf");
    let ids =
        ["node.mount", "node.nic", "node.ip.static", "time.ntp.sync", "node.kernel", "node.os", "access.passwords", "access.root-login"];
    assert_provoked(&ids, "a0-3", &ill, &well);
    assert!(finds(&ill, "time.ntp.opts", "a0-3") && !finds(&ill, "node.mount", "a0-1"), "{}", ill.stdout);
}

#[test]
fn figures_that_a_machine_does_not_reach_are_found() {
    let turn = turn();
    let large = "cores: {minimum: 512, recommended: 512}\n    system_disk_gb: {minimum: 4096, recommended: 4096}";
    let site = turn.site.replace("cores: {minimum: 1, recommended: 1}\n    system_disk_gb: {minimum: 1, recommended: 1}", large);
    assert_ne!(site, turn.site);
    let site =
        site.replace("profile_overrides:\n", "profile_overrides:\n  health: {disk_used_percent: 0}\n  topology: {geo_round_trip_ms: 0}\n");
    let ask = ["check", "--only", "node,cluster"];
    let ill = turn.events_on(&site, &ask);
    let well = turn.events(&ask);
    assert_provoked(&["node.cpu", "node.disk.size", "node.disk.free", "cluster.rtt"], "a0-1", &ill, &well);
    assert!(finds(&ill, "node.disk.count", "a0-1"), "the lab's machines have no drives of their own: {}", ill.stdout);
}

#[test]
fn clocks_that_are_apart_are_told_though_none_of_them_is_far_off() {
    let turn = turn();
    let site = turn.site.replace("profile_overrides:\n", "profile_overrides:\n  clock: {warn_skew_ms: 5000, fail_skew_ms: 60000}\n");
    turn.lab.clock("a0-1", 4).unwrap();
    turn.lab.clock("a0-3", -4).unwrap();
    let ill = turn.events_on(&site, &["check", "--only", "time"]);
    turn.lab.clock("a0-1", 0).unwrap();
    turn.lab.clock("a0-3", 0).unwrap();
    let well = turn.events_on(&site, &["check", "--only", "time"]);
    assert_provoked(&["time.pairwise"], "lab-", &ill, &well);
    assert!(ill.told("time.pairwise").contains("a0-1 and a0-3"), "{}", ill.told("time.pairwise"));
}

#[test]
fn a_sudo_that_refuses_is_said_of_the_node_and_of_nothing_else() {
    let turn = turn();
    let fault = Fault::on(&turn, "a0-3", "mv /etc/sudoers.d/lab /root/lab.sudoers", "mv /root/lab.sudoers /etc/sudoers.d/lab");
    let ill = turn.events(&["check", "--only", "access,node.ram"]);
    drop(fault);
    let well = turn.events(&["check", "--only", "access,node.ram"]);
    assert_provoked(&["access.sudo"], "a0-3", &ill, &well);
    assert!(!finds(&ill, "access.path", "a0-3"), "{}", ill.stdout);
}

#[test]
fn a_host_key_that_is_another_is_refused_and_said_to_be_that() {
    let turn = turn();
    let fault = Fault::on(
        &turn,
        "a0-3",
        "mkdir /root/keys; mv /etc/ssh/ssh_host_* /root/keys; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh",
        "rm -f /etc/ssh/ssh_host_*; mv /root/keys/* /etc/ssh; rmdir /root/keys; systemctl restart ssh",
    );
    let ill = turn.events(&["check", "--only", "access"]);
    drop(fault);
    let well = turn.events(&["check", "--only", "access"]);
    assert_provoked(&["access.jump.hostkey"], "a0-3", &ill, &well);
}

#[test]
fn names_and_resolvers_are_looked_up_from_each_node() {
    let turn = turn();
    // A resolver that is silent, and no table that knows better.
    let make = "cp /etc/hosts /run/hosts.good; cp -L /etc/resolv.conf /run/resolv.good; \
                grep -v -e acme.lab -e mail.lab -e proxy.lab /run/hosts.good >/run/hosts.ill; cat /run/hosts.ill >/etc/hosts; \
                echo nameserver 10.77.0.250 >/etc/resolv.conf";
    let fault = Fault::on(&turn, "a0-3", make, "cat /run/hosts.good >/etc/hosts; cat /run/resolv.good >/etc/resolv.conf");
    let ill = turn.events(&["check", "--only", "dns,egress.dns"]);
    drop(fault);
    let well = turn.events(&["check", "--only", "dns,egress.dns"]);
    assert_provoked(&["egress.dns", "dns.nodes"], "a0-3", &ill, &well);
    assert!(!finds(&ill, "egress.dns", "a0-1"), "{}", ill.stdout);
}
