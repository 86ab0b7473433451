//! Runs that are broken off: the way is cut, the client is killed or interrupted. The node is whole, and the next run finishes.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::stage::machine::Machine;
use super::stage::operator::{Operator, end_of};
use super::stage::relay::Relay;
use super::stage::site_text::SiteText;
use super::stage::standing::lend_one;

/// A file, then a command that waits in the midst of the commit until the test lets it go on.
const HELD: &str = "name: held\ntitle: held\nsteps:\n  - id: held\n    file: {path: /etc/small/file, src: small.txt}\n  - id: hold\n    \
                    command: {run: 'touch /run/small.held; until [ -e /run/small.go ]; do sleep 0.05; done'}\n";

fn send_signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// An operator whose way to one node leads over a relay.
fn over_relay(node: &Machine) -> (Operator, Relay) {
    let mut site = SiteText::bare(&[node]);
    let operator = Operator::with(&site);
    operator.write("playbooks/held.yaml", HELD);
    let relay = Relay::new();
    relay.lead(&mut site, &operator);
    (operator, relay)
}

/// A run that has swapped its file and now waits in the midst of its commit.
fn held(node: &Machine, operator: &Operator) -> Child {
    let child = operator.start(&["apply", "held", "--yes"]);
    node.wait_until("[ -e /run/small.held ]");
    child
}

#[track_caller]
fn assert_next_run_finishes(operator: &Operator, node: &Machine, playbook: &str) {
    node.sh("touch /run/small.go");
    operator.run(&["apply", playbook, "--yes"]).assert_code(0);
    operator.run(&["plan", playbook]).assert_code(0);
    assert_eq!(node.sh("cat /etc/small/file"), std::fs::read_to_string(operator.path("small.txt")).unwrap());
}

#[test]
fn a_connection_cut_in_the_midst_of_the_upload_is_made_again_and_the_run_goes_on() {
    let node = lend_one();
    let (operator, relay) = over_relay(&node);
    let text = "0123456789abcdef".repeat(20 << 16);
    operator.write("small.txt", &text);
    relay.cut_after(5 << 20);
    let run = operator.apply_small();
    assert!(relay.was_cut());
    run.assert_code(0);
    assert_eq!(node.sh("cat /etc/small/file"), text);
    assert_eq!(node.runs().len(), 1, "{:?}", node.runs());
    operator.run(&["plan", "small"]).assert_code(0);
}

#[test]
fn a_connection_cut_during_the_commit_is_taken_up_again_and_the_outcome_learnt() {
    let node = lend_one();
    let (operator, relay) = over_relay(&node);
    let child = held(&node, &operator);
    relay.cut();
    node.sh("touch /run/small.go");
    end_of(child).assert_code(0);
    assert_eq!(node.sh("cat /etc/small/file"), "new\n");
    assert_eq!(node.runs()[0].1, "done");
    assert_next_run_finishes(&operator, &node, "held");
}

#[test]
fn where_the_way_stays_cut_the_outcome_is_said_not_to_be_known() {
    let node = lend_one();
    let (operator, relay) = over_relay(&node);
    let child = operator.start(&["apply", "held", "--yes", "--timeout", "3s"]);
    node.wait_until("[ -e /run/small.held ]");
    relay.die();
    node.sh("touch /run/small.go");
    end_of(child).assert_failed(1, &[&node.name, "not known"]);
    node.wait_until("grep -q done /var/lib/portcullis/runs/*/state");
    assert_eq!(node.sh("cat /etc/small/file"), "new\n");
    let direct = Operator::with(&SiteText::bare(&[&node]));
    direct.write("playbooks/held.yaml", HELD);
    let run = direct.run(&["apply", "held", "--yes"]);
    assert_eq!(run.assert_code(0).stdout, "nothing to change: 1 node stands as desired\n");
}

#[test]
fn a_client_that_is_killed_during_the_upload_leaves_the_node_as_before() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("small.txt", "0123456789abcdef".repeat(20 << 16));
    let before = node.fingerprint();
    let mut child = operator.start(&["apply", "small", "--yes"]);
    node.wait_until("[ -n \"$(find /var/lib/portcullis/runs/*/new -type f -size +0)\" ]");
    child.kill().unwrap();
    child.wait().unwrap();
    node.wait_until("flock -n /run/portcullis.lock true");
    before.assert_same(&node.fingerprint());
    assert_next_run_finishes(&operator, &node, "small");
}

#[test]
fn a_client_that_is_killed_during_the_commit_leaves_a_node_that_finishes_by_itself() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("playbooks/held.yaml", HELD);
    let mut child = held(&node, &operator);
    child.kill().unwrap();
    child.wait().unwrap();
    node.sh("touch /run/small.go");
    node.wait_until("grep -q done /var/lib/portcullis/runs/*/state");
    assert_eq!(node.sh("cat /etc/small/file"), "new\n");
    assert_next_run_finishes(&operator, &node, "held");
}

#[test]
fn a_node_that_dies_during_the_commit_is_put_right_by_the_next_run() {
    let node = lend_one();
    node.sh("mkdir -p /etc/small; echo old >/etc/small/file; chmod 640 /etc/small/file");
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("playbooks/held.yaml", HELD);
    let mut child = held(&node, &operator);
    child.kill().unwrap();
    child.wait().unwrap();
    // As if the power had gone: whatever holds the lock ends without a word.
    node.sh("fuser -k -KILL /run/portcullis.lock >/dev/null 2>&1 || for p in /proc/[0-9]*; do ls -l $p/fd 2>/dev/null | grep -q portcullis.lock && kill -9 ${p#/proc/}; done; true");
    node.wait_until("flock -n /run/portcullis.lock true");
    assert_eq!(node.runs()[0].1, "committing");
    node.sh("touch /run/small.go");
    let run = operator.run(&["apply", "held", "--yes"]);
    assert!(run.assert_code(0).stdout.contains("an earlier run that was broken off was undone first"), "{}", run.stdout);
    // What was half there had been planned around; it is put back first, and planned anew.
    assert_eq!(node.sh("cat /etc/small/file"), "new\n");
    operator.run(&["plan", "held"]).assert_code(0);
    operator.run(&["rollback", "--yes"]).assert_code(0);
    assert_eq!(node.sh("cat /etc/small/file; stat -c %a /etc/small/file"), "old\n640\n");
}

#[test]
fn an_interrupt_during_the_commit_lets_it_finish_and_ends_with_130() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("playbooks/held.yaml", HELD);
    let child = held(&node, &operator);
    send_signal(&child, "-INT");
    node.sh("touch /run/small.go");
    end_of(child).assert_code(130);
    assert_eq!(node.sh("cat /etc/small/file"), "new\n");
    assert_eq!(node.runs()[0].1, "done");
    operator.run(&["audit", "verify"]).assert_code(0);
}

#[test]
fn a_second_interrupt_leaves_at_once_and_the_node_finishes_by_itself() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("playbooks/held.yaml", HELD);
    let mut child = held(&node, &operator);
    send_signal(&child, "-INT");
    let deadline = Instant::now() + Duration::from_secs(30);
    // Signals that arrive together count as one: it is asked until it goes.
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it does not leave");
        send_signal(&child, "-INT");
        std::thread::sleep(Duration::from_millis(50));
    }
    end_of(child).assert_code(130);
    node.sh("touch /run/small.go");
    node.wait_until("grep -q done /var/lib/portcullis/runs/*/state");
    assert_next_run_finishes(&operator, &node, "held");
}

#[test]
fn an_interrupt_before_anything_has_begun_changes_nothing() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    // A probe that hangs: the guard waits.
    let playbook = "name: own\ntitle: own\nsteps:\n  - id: own\n    command: {run: 'touch /etc/small', unless: 'touch /run/small.probed; sleep 300'}\n";
    operator.write("playbooks/own.yaml", playbook);
    let before = node.fingerprint();
    let child = operator.start(&["apply", "own", "--yes", "--non-interactive", "--output", "json"]);
    node.wait_until("[ -e /run/small.probed ]");
    send_signal(&child, "-INT");
    let run = end_of(child);
    run.assert_code(130);
    // JSON stays JSON: the error is an event, and the last one says how it ended.
    assert_eq!(run.summary()["exit_code"], 130);
    let errors: Vec<_> = run.events().into_iter().filter(|event| event["event"] == "error").collect();
    assert!(matches!(errors.as_slice(), [error] if error["message"] == "interrupted; nothing was changed"), "{errors:?}");
    before.assert_same(&node.fingerprint());
}

#[test]
fn wherever_the_way_is_cut_the_node_is_old_or_new_and_the_next_run_finishes() {
    let node = lend_one();
    let (operator, relay) = over_relay(&node);
    for bytes in [1_000, 4_000, 8_000, 14_000, 20_000, 26_000, 40_000] {
        node.sweep();
        relay.cut_after(bytes);
        let run = operator.apply_small();
        let was_cut = relay.was_cut();
        if run.code != Some(0) {
            let code = run.code.filter(|code| [1, 6].contains(code)).unwrap_or(1);
            run.assert_failed(code, &[&node.name]);
            assert!(was_cut, "it failed after {bytes} bytes without a cut");
        }
        node.wait_until("[ ! -e /run/portcullis.lock ] || flock -n /run/portcullis.lock true");
        let content = node.sh("cat /etc/small/file 2>/dev/null; ls -A /etc/small 2>/dev/null; true");
        assert!(["", "new\nfile\n"].contains(&content.as_str()), "after {bytes} bytes: {content}");
        assert_next_run_finishes(&operator, &node, "small");
    }
}
