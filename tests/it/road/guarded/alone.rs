//! While a run waits to be confirmed: reboots, other runs, looks; and machines that have no systemd.

use super::super::stage::standing::{lend_one, standing};
use super::*;

#[test]
fn a_reboot_before_the_confirmation_brings_the_old_files_back() {
    let node = lend_one();
    let operator = LISTENS_ELSEWHERE.operator(&node, "1h");
    let before = stand(&node);
    let mut child = operator.start(&["apply", "cut", "--yes"]);
    wait_for_state(&node, "guarded");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(node.holds("systemctl list-timers --all | grep -q portcullis-"));
    standing().lab.reboot(&node.name).unwrap();
    wait_for_state(&node, "reverted");
    node.wait_until("systemctl is-active ssh && ss -ltn | grep -q '0.0.0.0:22'");
    node.wait_until("flock -n /run/portcullis.lock true");
    assert_back(&node, &before, &operator);
    assert!(node.sh("cat /var/lib/portcullis/runs/*/why").contains("the machine restarted before anybody confirmed it"));
    assert_eq!(node.sh("systemctl --failed --no-legend --plain | grep portcullis; true"), "");
}

#[test]
fn while_a_run_waits_other_runs_are_refused_and_looks_touch_nothing() {
    let node = lend_one();
    let operator = LISTENS_ELSEWHERE.operator(&node, "1h");
    let mut child = operator.start(&["apply", "cut", "--yes"]);
    wait_for_state(&node, "guarded");
    child.kill().unwrap();
    child.wait().unwrap();
    // A way in for the looks, since the change has cut it.
    node.sh(&format!(
        "/usr/sbin/sshd -f /dev/null -o ListenAddress={} -o HostKey=/etc/ssh/ssh_host_ed25519_key -o UsePAM=yes -o PidFile=/run/small.sshd",
        node.address
    ));
    let armed =
        || node.sh("systemctl show -p ActiveState -p NextElapseUSecMonotonic 'portcullis-*.timer'; cat /var/lib/portcullis/runs/*/guard");
    let before = armed();
    assert!(before.contains("ActiveState=active"), "{before}");
    operator.run(&["plan", "small"]).assert_code(4);
    let status = operator.run(&["status"]);
    assert!(status.stdout.contains("which waits to be confirmed until"), "{}", status.stdout);
    let afresh = || operator.run(&["apply", "small", "--yes", "--new"]);
    let run = &node.runs()[0].0;
    afresh().assert_failed(7, &[&node.name, &format!("run {run}, which waits to be confirmed until")]);
    assert_eq!(armed(), before);
    operator.run(&["rollback", run, "--yes"]).assert_code(0);
    assert_nothing_armed(&node);
    afresh().assert_code(0);
    // The other one could not have its port meanwhile.
    node.sh("kill $(cat /run/small.sshd); until systemctl restart ssh && ss -ltn | grep -q '0.0.0.0:22'; do sleep 0.1; done");
}

#[test]
fn a_change_that_cuts_nothing_is_confirmed_and_leaves_nothing_armed() {
    let node = lend_one();
    let operator = LISTENS_ELSEWHERE.operator(&node, "60s");
    operator.write("cut.conf", "MaxAuthTries 5\n");
    let before = stand(&node);
    let run = operator.run(&["apply", "cut", "--yes", "--output", "json"]);
    assert_eq!(run.assert_code(0).summary()["nodes"][node.name.as_str()]["outcome"], "changed");
    assert!(run.stdout.contains("logging in anew"), "{}", run.stdout);
    assert_nothing_armed(&node);
    assert_eq!(node.runs()[0].1, "done");
    operator.run(&["plan", "cut"]).assert_code(0);
    operator.run(&["rollback", "--yes"]).assert_code(0);
    before.assert_same(&stand(&node));
}

#[test]
fn without_systemd_a_process_takes_it_back_and_a_job_of_at_stands_behind_it() {
    let node = lend_one();
    let operator = LISTENS_ELSEWHERE.operator(&node, "10s");
    // The service is left out: nothing would reload it here.
    operator.write(
        "playbooks/cut.yaml",
        "name: cut\ntitle: cut\nsteps:\n  - {id: cut, guard: 10s, file: {path: /etc/pam.d/sshd, src: cut.conf}}\n",
    );
    operator.write("cut.conf", node.sh(PAM_DENIES.made_by));
    let before = stand(&node);
    node.sh("mv /run/systemd/system /run/systemd/system.small");
    let mut child = operator.start(&["apply", "cut", "--yes"]);
    wait_for_state(&node, "guarded");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(node.holds("atq | grep -q . && pgrep -f '[r]evert after 10'"));
    wait_for_state(&node, "reverted");
    node.wait_until("! atq | grep -q .");
    // The process is killed as well: the job does it. It is run here as atd would, a minute or two later.
    let mut child = operator.start(&["apply", "cut", "--yes"]);
    wait_for_state(&node, "guarded");
    child.kill().unwrap();
    child.wait().unwrap();
    node.sh("pkill -KILL -f '[r]evert after 10'; at -c $(atq | cut -f1) | sh");
    wait_for_state(&node, "reverted");
    node.sh("mv /run/systemd/system.small /run/systemd/system");
    assert_back(&node, &before, &operator);
}
