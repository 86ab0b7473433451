//! Machines that lack what a look at them takes, and time services of other makers: what cannot be told is said to be untold.

use super::{Fault, assert_provoked, finds, turn};

const PROGRAMS: &str = "getent timeout openssl curl ping ip nproc systemctl sha256sum chronyc";

#[test]
fn a_machine_without_the_usual_programs_is_called_so_and_nothing_is_made_up_of_it() {
    let turn = turn();
    let each = |what: &str| format!("cd /usr/bin; mkdir -p /root/gone; for p in {PROGRAMS}; do {what}; done");
    let undo = "mv /root/gone/* /usr/bin/; rmdir /root/gone";
    let ask = ["check", "--only", "node,cluster,time,dns.nodes,egress.dns", "--limit", "a0-3"];
    let fault = Fault::on(&turn, "a0-3", &each("mv $p /root/gone/"), undo);
    let bare = turn.events(&ask);
    drop(fault);
    let well = turn.events(&ask);
    for id in ["dns.nodes", "egress.dns", "cluster.icmp", "cluster.rtt", "node.ip.static"] {
        let told =
            bare.summary()["checks"].as_array().unwrap().iter().find(|check| check["id"] == id && check["subject"] == "a0-3").cloned();
        let told = told.unwrap_or_else(|| panic!("{id} is not told of"));
        assert_eq!(told["verdict"], "could-not-run", "{id}: {told}");
        assert!(!finds(&bare, id, "a0-3") && !finds(&well, id, "a0-3"), "{id}: {}", bare.stdout);
    }
    let why = bare.told("check.not-run");
    assert!(bare.stdout.contains("the machine lacks `getent`, `ip`, `ping`, `systemctl`"), "{why}");
    // A service that runs is no less there for want of systemctl.
    assert!(!bare.stdout.contains("no time service runs"), "{}", bare.stdout);
    assert!(!finds(&bare, "node.cpu", "a0-3"), "{}", bare.stdout);
}

const TIMESYNCD: &str = "cp -a /opt/rivals/systemd-timesyncd/usr/. /usr/; cp /opt/rivals/systemd-timesyncd/lib/systemd/system/systemd-timesyncd.service /lib/systemd/system/; \
    cp /opt/rivals/systemd-timesyncd/lib/systemd/systemd-timesyncd /lib/systemd/; id systemd-timesync >/dev/null 2>&1 || useradd --system systemd-timesync; \
    printf '[Time]\\nNTP=10.77.0.250\\n' >/etc/systemd/timesyncd.conf; mkdir -p /run/systemd/system/systemd-timesyncd.service.d; \
    printf '[Unit]\\nConditionCapability=\\nConditionVirtualization=\\n' >/run/systemd/system/systemd-timesyncd.service.d/lab.conf; \
    systemctl daemon-reload; systemctl stop chrony; systemctl start systemd-timesyncd";
const CHRONY: &str = "systemctl stop systemd-timesyncd; rm -f /lib/systemd/system/systemd-timesyncd.service; systemctl daemon-reload; systemctl start chrony; \
    for i in $(seq 600); do chronyc -n -c tracking 2>/dev/null | grep -q ',Normal$' && exit 0; sleep 0.1; done; exit 1";

#[test]
fn timesyncd_without_a_server_is_told_with_its_own_command_and_not_judged_by_chrony_s_file() {
    let turn = turn();
    let ask = ["check", "--only", "time.ntp", "--limit", "a0-3"];
    let fault = Fault::on(&turn, "a0-3", TIMESYNCD, CHRONY);
    let ill = turn.events(&ask);
    drop(fault);
    let well = turn.events(&ask);
    assert_provoked(&["time.ntp.sync"], "a0-3", &ill, &well);
    let told = ill.told("time.ntp.sync");
    assert!(told.contains("systemd-timesyncd runs and follows no source") && told.contains("timedatectl timesync-status"), "{told}");
    assert!(!finds(&ill, "time.ntp.opts", "a0-3"), "chrony's configuration is read by nobody: {}", ill.stdout);
}

const BUSYBOX: &str = "mkdir /opt/box; busybox --install -s /opt/box; ln -s /usr/bin/sudo /opt/box/sudo; \
    echo 'SetEnv PATH=/opt/box' >/etc/ssh/sshd_config.d/00-box.conf; echo 'Defaults secure_path=/opt/box' >/etc/sudoers.d/box; systemctl restart ssh";
const NO_BUSYBOX: &str = "rm -rf /opt/box /etc/ssh/sshd_config.d/00-box.conf /etc/sudoers.d/box; systemctl restart ssh";

#[test]
fn a_machine_whose_programs_are_busybox_s_is_looked_at_like_any_other() {
    let turn = turn();
    let fault = Fault::on(&turn, "a0-3", BUSYBOX, NO_BUSYBOX);
    let run = turn.events(&["check", "--limit", "a0-3", "--only", "node,cluster,time,dns.nodes,smtp.tcp,access"]);
    drop(fault);
    run.assert_code(0);
    let summary = run.summary();
    let verdict = |id: &str| {
        let checks = summary["checks"].as_array().unwrap().iter();
        let of_machine = |check: &&serde_json::Value| check["id"] == id && check["subject"].as_str().unwrap().contains("a0-3");
        checks.filter(of_machine).map(|check| check["verdict"].as_str().unwrap().to_owned()).next().unwrap_or_default()
    };
    let seen = [
        "node.ram",
        "node.cpu",
        "node.disk.free",
        "node.mount",
        "node.nic",
        "node.swap",
        "cluster.icmp",
        "cluster.rtt",
        "cluster.ports",
        "time.skew",
        "smtp.tcp",
        "access.sudo",
    ];
    let others: Vec<(&str, String)> = seen.into_iter().map(|id| (id, verdict(id))).filter(|(_, verdict)| verdict != "passed").collect();
    assert!(others.is_empty(), "{others:?}");
    // What it lacks is named.
    assert_eq!(verdict("dns.nodes"), "could-not-run");
    assert!(run.stdout.contains("the machine lacks `getent`, `systemctl`"), "{}", run.stdout);
}
