//! Nodes that are dead cost the others nothing, and no more than one time-out.

use std::time::{Duration, Instant};

use portcullis_lab::{Lab, Options};

use crate::road::stage::machine::Machine;
use crate::road::stage::operator::Operator;
use crate::road::stage::site_text::SiteText;
use crate::road::stage::standing::{lend, standing};

#[test]
fn of_five_nodes_three_are_dead_and_the_rest_is_done_within_one_time_out_more() {
    let nodes = lend::<5>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    let lab = &standing().lab;
    let dead: [&Machine; 3] = [&nodes[1], &nodes[3], &nodes[4]];
    for node in &dead {
        lab.cut(&node.name).unwrap();
    }
    let began = Instant::now();
    let run = operator.run(&["apply", "small", "--yes", "--timeout", "6s"]);
    let took = began.elapsed();
    for node in &dead {
        lab.heal(&node.name).unwrap();
    }
    run.assert_failed(
        5,
        &["3 of 5 nodes", &format!("{}: ", dead[0].name), &format!("{}: ", dead[1].name), &format!("{}: ", dead[2].name), "no answer"],
    );
    assert!(run.stdout.contains("2 changed, 3 not done"), "{}", run.stdout);
    // One after the other, the time-outs alone would take as long.
    assert!(took < Duration::from_secs(3 * 6), "{took:?}");
    operator.run(&["apply", "small", "--yes", "--all-or-nothing"]).assert_code(0);
}

#[test]
fn of_fifty_nodes_five_are_dead_and_the_rest_is_done_within_one_time_out_more() {
    let lab = Lab::up(&Options { nodes: 50, mail: false, proxy: false, ..Options::of_this_process("fifty") }).unwrap();
    let operator = Operator::with_text(&lab.site_yaml().unwrap());
    let timed = |content: &str| {
        operator.write("small.txt", content);
        let began = Instant::now();
        (operator.run(&["apply", "small", "--yes", "--timeout", "10s"]), began.elapsed())
    };
    let (whole, without_the_dead) = timed("first\n");
    whole.assert_code(0);
    let dead: Vec<String> = [3, 9, 20, 21, 50].map(|number| format!("a0-{number}")).to_vec();
    for name in &dead {
        lab.cut(name).unwrap();
    }
    let (run, with_the_dead) = timed("second\n");
    run.assert_failed(5, &["5 of 50 nodes", "no answer"]);
    assert!(run.stdout.contains("45 changed, 5 not done"), "{}", run.stdout);
    for name in &dead {
        assert!(
            run.stderr.contains(&format!("{name}:")) || run.stderr.contains(&format!("{name},")),
            "{name} is not named: {}",
            run.stderr
        );
    }
    // One time-out, and as much again for a machine that is busy with fifty others.
    assert!(with_the_dead < without_the_dead + 2 * Duration::from_secs(10), "{without_the_dead:?} and {with_the_dead:?}");
    lab.down().unwrap();
}

#[test]
fn all_or_nothing_does_not_begin_where_a_node_is_dead() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    standing().lab.cut(&nodes[1].name).unwrap();
    let run = operator.run(&["apply", "small", "--yes", "--all-or-nothing", "--timeout", "2s"]);
    standing().lab.heal(&nodes[1].name).unwrap();
    run.assert_failed(1, &["2 of 2 nodes", &format!("{}: not begun", nodes[0].name), "no answer"]);
    assert!(!nodes[0].holds("[ -e /etc/small ]"));
}

/// A node whose sshd takes connections and says nothing, for as long as this lives.
struct Hanging<'a>(&'a Machine);

impl<'a> Hanging<'a> {
    fn new(node: &'a Machine) -> Self {
        node.sh("systemctl kill --kill-whom=main --signal=STOP ssh");
        Self(node)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        drop(self.0.try_sh("systemctl kill --kill-whom=main --signal=CONT ssh"));
    }
}

#[test]
fn a_node_that_hangs_times_out_alone() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    let hanging = Hanging::new(&nodes[0]);
    let run = operator.run(&["apply", "small", "--yes", "--timeout", "4s"]);
    drop(hanging);
    run.assert_failed(5, &["1 of 2 nodes", &nodes[0].name, "did not answer within 4 s"]);
    assert_eq!(nodes[1].sh("cat /etc/small/file"), "new\n");
    operator.run(&["apply", "small", "--yes"]).assert_code(0);
}
