//! The ledger's newest checkpoint is left on the nodes: what the operator's machine forgets, they know.

use super::stage::operator::Operator;
use super::stage::site_text::SiteText;
use super::stage::standing::lend_one;

const KEPT: &str = "ls /var/lib/portcullis/heads/*/ | wc -l";

#[test]
fn a_tail_cut_off_with_its_checkpoint_and_a_second_history_are_found_by_what_a_node_keeps() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.apply_small().assert_code(0);
    assert_eq!(node.sh(KEPT).trim(), "1");
    let keep = |from: &str, to: &str| std::fs::copy(operator.path(from), operator.path(to)).unwrap();
    keep("ledger.sqlite", "older.sqlite");
    keep("ledger.head", "older.head");
    operator.write("small.txt", "newer\n");
    operator.apply_small().assert_code(0);
    assert_eq!(node.sh(KEPT).trim(), "2");
    let verified = operator.run(&["audit", "verify", "--live"]);
    assert!(verified.assert_code(0).stderr.contains(&format!("2 checkpoints are kept by {}", node.name)), "{}", verified.stderr);
    // The second run is forgotten, with the checkpoint that would tell of it.
    keep("older.sqlite", "ledger.sqlite");
    keep("older.head", "ledger.head");
    operator.run(&["audit", "verify"]).assert_code(0);
    let found = operator.run(&["audit", "verify", "--live"]);
    assert!(found.assert_code(3).stdout.contains("audit.tail.cut"), "{}", found.stdout);
    assert!(found.stdout.contains(&node.name), "{}", found.stdout);
    // And another one takes its place, signed with the same key.
    operator.write("small.txt", "other\n");
    operator.apply_small().assert_code(0);
    assert_eq!(node.sh(KEPT).trim(), "3", "no head replaces another");
    let found = operator.run(&["audit", "verify", "--live"]);
    assert!(found.assert_code(3).stdout.contains("audit.fork"), "{}", found.stdout);
}
