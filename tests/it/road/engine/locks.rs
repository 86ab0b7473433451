//! Locks: who holds them, waiting for them, and that nobody holds them after a kill.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::road::engine::{held, kill, send_signal};
use crate::road::stage::operator::{Operator, end_of};
use crate::road::stage::site_text::SiteText;
use crate::road::stage::standing::lend_one;

/// The program, once it says that it waits.
fn waiting(operator: &Operator, arguments: &[&str]) -> Child {
    let said = operator.path("said");
    let child = operator.command(arguments).stderr(std::fs::File::create(&said).unwrap()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !std::fs::read_to_string(&said).unwrap().contains("waiting") {
        assert!(Instant::now() < deadline, "it does not wait: {}", std::fs::read_to_string(&said).unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn a_node_that_another_run_holds_is_waited_for_and_planned_anew() {
    let node = lend_one();
    let (first, second) = (Operator::with(&SiteText::bare(&[&node])), Operator::with(&SiteText::bare(&[&node])));
    let holder = held(&node, &first, &[]);
    let refused = second.run(&["apply", "small", "--yes", "--wait=1s"]);
    refused.assert_failed(7, &["another run holds it: operator@", "portcullis apply, run", ", for "]);
    let waiting = waiting(&second, &["apply", "small", "--yes", "--wait"]);
    node.sh("touch /run/small.go");
    end_of(holder).assert_code(0);
    // The first run has put the same file there: the plan made before it no longer holds, and is not carried out.
    let run = end_of(waiting);
    assert_eq!(run.assert_code(0).stdout, "nothing to change: 1 node stands as desired\n", "{}", run.stderr);
}

#[test]
fn two_operators_of_one_ledger_do_not_work_on_a_site_at_once() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    let holder = held(&node, &operator, &[]);
    for command in [&["apply", "small", "--yes"][..], &["rollback", "--yes"]] {
        let run = operator.run(command);
        run.assert_failed(7, &["operator@", "(portcullis apply, process ", "works on this site since"]).assert_helps("--wait");
    }
    operator.run(&["status"]).assert_code(0);
    let waiting = waiting(&operator, &["apply", "small", "--yes", "--wait", "1m"]);
    node.sh("touch /run/small.go");
    end_of(holder).assert_code(0);
    end_of(waiting).assert_code(0);
}

#[test]
fn a_killed_client_leaves_neither_lease_nor_lock() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    kill(held(&node, &operator, &[]));
    node.sh("touch /run/small.go");
    operator.run(&["apply", "held", "--yes", "--wait=30s"]).assert_code(0);
    assert!(node.holds("flock -n /run/portcullis.lock true"));
}

#[test]
fn sigterm_lets_what_has_begun_finish_and_gives_the_lock_back() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    let child = held(&node, &operator, &[]);
    send_signal(&child, "-TERM");
    node.sh("touch /run/small.go");
    let run = end_of(child);
    run.assert_code(130);
    assert!(node.holds("flock -n /run/portcullis.lock true"));
    assert_eq!(node.sh("cat /etc/small/file"), "new\n");
}

#[test]
fn sigterm_ends_a_wait_for_a_lock() {
    let node = lend_one();
    let (first, second) = (Operator::with(&SiteText::bare(&[&node])), Operator::with(&SiteText::bare(&[&node])));
    let holder = held(&node, &first, &[]);
    let waiting = waiting(&second, &["apply", "small", "--yes", "--wait", "10m"]);
    send_signal(&waiting, "-TERM");
    end_of(waiting).assert_code(130);
    node.sh("touch /run/small.go");
    end_of(holder).assert_code(0);
}
