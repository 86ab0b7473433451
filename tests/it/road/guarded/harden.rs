//! The playbook `harden`: who may log in by SSH.

use super::super::stage::standing::lend_one;
use super::*;

fn effective(node: &Machine, setting: &str) -> String {
    node.sh(&format!("sshd -T -C user={},host=localhost,addr=127.0.0.1 | grep '^{setting} '", node.user)).trim().to_owned()
}

#[test]
fn who_can_log_in_today_still_can_and_nobody_else_by_password_or_as_root() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    node.sh(
        "id kim 2>/dev/null || useradd --create-home --shell /bin/sh kim; id daily 2>/dev/null || useradd --shell /usr/sbin/nologin daily",
    );
    let before = stand(&node).below(&["/etc/ssh"]);
    operator.run(&["apply", "harden", "--yes"]).assert_code(0);
    assert_nothing_armed(&node);
    let members = node.sh("getent group portcullis-ssh");
    assert!(members.contains("kim") && members.contains(node.user) && !members.contains("daily"), "{members}");
    for (setting, value) in [("permitrootlogin", "no"), ("passwordauthentication", "no"), ("allowgroups", "portcullis-ssh")] {
        assert_eq!(effective(&node, setting), format!("{setting} {value}"));
    }
    operator.run(&["plan", "harden"]).assert_code(0);
    operator.run(&["rollback", "--yes"]).assert_code(0);
    before.assert_same(&stand(&node).below(&["/etc/ssh"]));
    assert_eq!(effective(&node, "passwordauthentication"), "passwordauthentication yes");
    node.sh("groupdel portcullis-ssh; userdel -r kim 2>/dev/null; userdel daily");
}

#[test]
fn where_it_would_shut_us_out_it_is_taken_back_at_once() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    // Somebody has made the group before, and did not think of us.
    node.sh("groupadd -r portcullis-ssh");
    let before = stand(&node);
    let run = operator.run(&["apply", "harden", "--yes"]);
    run.assert_failed(1, &[&node.name, "taken back by the node", "a new login failed", "00-portcullis.conf"]);
    assert_back(&node, &before, &operator);
    node.sh("groupdel portcullis-ssh");
}
