//! Runs that were broken off: taken up where they stopped, refused to another command, and settled by what the nodes tell.

use crate::road::engine::{held, kill, newest, send_signal};
use crate::road::stage::operator::{Operator, end_of};
use crate::road::stage::site_text::SiteText;
use crate::road::stage::standing::{lend, lend_one};

#[test]
fn a_killed_run_is_taken_up_where_it_stopped_and_goes_back_as_one() {
    let nodes = lend::<3>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    // The canary waits; the others have not begun.
    kill(held(&nodes[0], &operator, &["--rolling", "2"]));
    let broken = newest(&nodes[0]);
    for node in &nodes {
        node.sh("touch /run/small.go");
    }
    nodes[0].wait_until("grep -q done /var/lib/portcullis/runs/*/state");
    let refused = operator.run(&["apply", "small", "--yes"]);
    refused.assert_failed(7, &[&broken, "was broken off", "the playbook was held, now small", "--rolling was 2, now not given"]);
    refused.assert_helps("portcullis apply held --rolling 2");
    let run = operator.run(&["apply", "held", "--yes", "--rolling", "2"]);
    assert!(run.assert_code(0).stderr.contains(&format!("takes up run {broken}")), "{}", run.stderr);
    assert!(run.stdout.contains("2 changed, 1 as desired already"), "{}", run.stdout);
    let log = operator.run(&["audit", "log"]).stdout;
    assert!(log.contains(&format!("takes up {broken}")) && log.contains(&format!("{} changed", nodes[0].name)), "{log}");
    let back = operator.run(&["rollback", "--yes"]);
    assert!(back.assert_code(0).stdout.contains("on 3 of 3 nodes, 3 files"), "{}", back.stdout);
    assert!(nodes.iter().all(|node| !node.holds("[ -e /etc/small/file ]")));
}

#[test]
fn a_run_can_be_begun_afresh_instead() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    let child = held(&nodes[0], &operator, &["--rolling", "1"]);
    send_signal(&child, "-INT");
    for node in &nodes {
        node.sh("touch /run/small.go");
    }
    end_of(child).assert_failed(130, &["interrupted"]).assert_helps("takes up where this one stopped");
    assert!(operator.run(&["status"]).stdout.contains("broken off:"));
    operator.run(&["apply", "held", "--yes", "--limit", &nodes[0].name]).assert_code(0);
    let other = ["apply", "small", "--yes", "--limit", &nodes[1].name];
    operator.run(&other).assert_failed(7, &["--limit was not given, now"]);
    operator.run(&[&other[..], &["--new"]].concat()).assert_code(0);
    assert!(!operator.run(&["status"]).stdout.contains("broken off:"));
}

#[test]
fn a_run_that_ended_by_itself_after_its_client_was_killed_is_settled_by_status() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    kill(held(&node, &operator, &[]));
    let told = operator.run(&["status", "--output", "json"]);
    assert!(told.stdout.contains("a run is at work: operator@"), "{}", told.stdout);
    node.sh("touch /run/small.go");
    node.wait_until("grep -q done /var/lib/portcullis/runs/*/state");
    operator.run(&["status"]).assert_code(0);
    let log = operator.run(&["audit", "log"]).stdout;
    assert!(log.contains("run.settled") && log.contains(&format!("{} changed", node.name)), "{log}");
    assert!(!operator.run(&["status"]).stdout.contains("broken off:"));
    operator.apply_small().assert_code(0);
    operator.run(&["audit", "verify"]).assert_code(0);
}
