//! Four changes that cut the way in, each with the client alive, and with the client killed right after the swap.

use super::super::stage::operator::end_of;
use super::super::stage::standing::lend_one;
use super::*;

/// With the client alive: exit 1, what cut the way in, what was put back and when. `guard` is the node's time.
#[track_caller]
fn taken_back_before_our_eyes(cut: &Cut, guard: &str, said: &[&str]) {
    let node = lend_one();
    let operator = cut.operator(&node, guard);
    let before = stand(&node);
    let run = operator.run(&["apply", "cut", "--yes"]);
    let mut all = vec![node.name.as_str(), "taken back by the node, and stands as before", "put back at", cut.path];
    all.extend(said);
    run.assert_failed(1, &all).assert_names_log(&operator.log()).assert_helps("mend what cut the way in");
    assert_back(&node, &before, &operator);
    assert_eq!(node.runs().last().unwrap().1, "reverted");
    let log = operator.run(&["audit", "log", "--output", "json"]);
    assert!(log.stdout.contains("\"reverted\""), "{}", log.stdout);
}

/// With the client killed as soon as the files are swapped.
#[track_caller]
fn taken_back_behind_our_backs(cut: &Cut) {
    let node = lend_one();
    let operator = cut.operator(&node, "10s");
    let before = stand(&node);
    let mut child = operator.start(&["apply", "cut", "--yes"]);
    while !node.holds("grep -qsx -e committing -e guarded -e reverted /var/lib/portcullis/runs/*/state") {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it changed anything: {:?}", end_of(child));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    drop(end_of(child));
    wait_for_state(&node, "reverted");
    node.wait_until("flock -n /run/portcullis.lock true");
    assert_back(&node, &before, &operator);
    assert!(node.sh("cat /var/lib/portcullis/runs/*/why").contains("nobody confirmed it in time"));
}

#[test]
fn an_sshd_that_listens_elsewhere_is_put_right_at_once_over_the_connection_that_still_stands() {
    taken_back_before_our_eyes(&LISTENS_ELSEWHERE, "5m", &["a new login failed", "connection refused"]);
}

#[test]
fn an_sshd_that_listens_elsewhere_is_put_right_by_the_node_alone() {
    taken_back_behind_our_backs(&LISTENS_ELSEWHERE);
}

#[test]
fn a_pam_line_that_denies_new_logins_is_taken_back_at_once() {
    taken_back_before_our_eyes(&PAM_DENIES, "5m", &["a new login failed"]);
}

#[test]
fn a_pam_line_that_denies_new_logins_is_taken_back_by_the_node_alone() {
    taken_back_behind_our_backs(&PAM_DENIES);
}

#[test]
fn a_firewall_that_drops_the_jumphost_is_opened_again_by_the_node() {
    taken_back_before_our_eyes(&FIREWALL_DROPS, "15s", &["nobody confirmed it in time"]);
}

#[test]
fn a_firewall_that_drops_the_jumphost_is_opened_again_without_us() {
    taken_back_behind_our_backs(&FIREWALL_DROPS);
}

#[test]
fn a_network_that_moves_away_comes_back_by_the_node() {
    taken_back_before_our_eyes(&NETWORK_MOVES, "15s", &["nobody confirmed it in time"]);
}

#[test]
fn a_network_that_moves_away_comes_back_without_us() {
    taken_back_behind_our_backs(&NETWORK_MOVES);
}
