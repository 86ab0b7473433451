//! What was changed by hand, which run a file came by, and what a rollback can and cannot put back.

use crate::road::engine::newest;
use crate::road::stage::operator::Operator;
use crate::road::stage::site_text::SiteText;
use crate::road::stage::standing::{lend, lend_one};

#[test]
fn status_and_plan_say_what_was_changed_by_hand_and_by_which_run_it_came() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.apply_small().assert_code(0);
    let run = newest(&node);
    let files = operator.run(&["status", "--files"]).assert_code(0).stdout.clone();
    assert!(files.contains("/etc/small/file") && files.contains("as it was left") && files.contains(&run), "{files}");
    node.sh("echo by hand >>/etc/small/file");
    let status = operator.run(&["status"]).assert_code(0).stdout.clone();
    assert!(status.contains("changed by hand") && status.contains(&run), "{status}");
    let json: serde_json::Value = serde_json::from_str(&operator.run(&["status", "--output", "json"]).stdout).unwrap();
    assert_eq!(json["nodes"][0]["files"][0]["changed_by_hand"], true, "{json}");
    assert_eq!(json["nodes"][0]["last_run"], run);
    let plan = operator.run(&["plan", "small"]);
    assert!(plan.assert_code(4).stdout.contains(&format!("changed by hand since run {run}")), "{}", plan.stdout);
    let json: serde_json::Value = serde_json::from_str(&operator.run(&["plan", "small", "--output", "json"]).stdout).unwrap();
    assert_eq!(json["nodes"][&node.name]["changes"][0]["origin"]["run"], run);
}

#[test]
fn an_older_run_is_put_back_only_when_the_later_one_that_changed_its_file_is() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    operator.apply_small().assert_code(0);
    let older = newest(&nodes[0]);
    operator.write("small.txt", "newer\n");
    operator.run(&["apply", "small", "--yes", "--limit", &nodes[0].name]).assert_code(0);
    let later = newest(&nodes[0]);
    let run = operator.run(&["rollback", &older, "--yes"]);
    run.assert_failed(1, &[&nodes[0].name, "/etc/small/file was changed since run", &format!("by run {later}"), "nothing was touched"]);
    run.assert_helps(&format!("portcullis rollback {later}"));
    run.assert_helps(&format!("--limit {}", nodes[1].name));
    operator.run(&["rollback", &older, "--yes", "--limit", &nodes[1].name]).assert_code(0);
    assert!(!nodes[1].holds("[ -e /etc/small/file ]"));
    operator.run(&["rollback", "--yes"]).assert_code(0);
    assert_eq!(nodes[0].sh("cat /etc/small/file"), "new\n");
    operator.run(&["rollback", &older, "--yes"]).assert_code(0);
    assert!(!nodes[0].holds("[ -e /etc/small ]"));
    operator.run(&["rollback", &older, "--yes"]).assert_failed(1, &["put back already"]);
    let log = operator.run(&["audit", "log"]).stdout;
    assert!(log.contains("rolled-back: 1 node, 1 file"), "{log}");
}

#[test]
fn a_rollback_says_before_it_begins_what_cannot_be_put_back() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    let step = "  - id: act\n    command: {run: 'touch /run/small.acted', creates: /run/small.acted}\n";
    operator.write("playbooks/lasting.yaml", format!("name: lasting\ntitle: t\nincludes: [small]\nsteps:\n{step}"));
    operator.run(&["apply", "lasting", "--yes"]).assert_code(0);
    let asked = operator.run(&["rollback", "--non-interactive"]);
    asked.assert_code(2);
    let told = format!("what cannot be put back:\n  {}: the command was run: touch /run/small.acted (step `act`)\n", node.name);
    assert!(asked.stderr.contains(&told), "{}", asked.stderr);
    assert!(node.holds("[ -e /etc/small/file ]"));
    let json: serde_json::Value = serde_json::from_str(&operator.run(&["rollback", "--yes", "--output", "json"]).stdout).unwrap();
    assert_eq!(json["not_put_back"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(json["nodes"][0]["files"][0]["path"], "/etc/small/file");
}
