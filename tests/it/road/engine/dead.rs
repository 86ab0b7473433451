//! Nodes that are dead cost the others nothing, and no more than one time-out.

use std::time::{Duration, Instant};

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
fn all_or_nothing_does_not_begin_where_a_node_is_dead() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    standing().lab.cut(&nodes[1].name).unwrap();
    let run = operator.run(&["apply", "small", "--yes", "--all-or-nothing", "--timeout", "2s"]);
    standing().lab.heal(&nodes[1].name).unwrap();
    run.assert_failed(1, &["2 of 2 nodes", &format!("{}: not begun", nodes[0].name), "no answer"]);
    assert!(!nodes[0].holds("[ -e /etc/small ]"));
}
