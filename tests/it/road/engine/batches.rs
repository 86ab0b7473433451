//! A canary, batches, gates of each kind, and a cluster that goes back whole.

use crate::road::stage::machine::Machine;
use crate::road::stage::operator::Operator;
use crate::road::stage::site_text::SiteText;
use crate::road::stage::standing::{Lent, lend};

fn operator(nodes: &[Lent]) -> Operator {
    Operator::with(&SiteText::bare(&nodes.iter().map(|lent| &lent.node).collect::<Vec<&Machine>>()))
}

/// Where the file is on these nodes.
fn there(nodes: &[Lent]) -> Vec<bool> {
    nodes.iter().map(|node| node.holds("[ -e /etc/small/file ]")).collect()
}

#[test]
fn a_gate_that_is_shut_on_the_canary_keeps_all_others_untouched() {
    let nodes = lend::<3>();
    let operator = operator(&nodes);
    let gate = "gate: {command: 'grep -q never /etc/small/file', seconds: 1}\n";
    operator.write("playbooks/gated.yaml", format!("name: gated\ntitle: t\nincludes: [small]\nrolling: 2\n{gate}"));
    let run = operator.run(&["apply", "gated", "--yes", "--output", "json"]);
    let summary = run.assert_code(1).summary();
    let outcome = |number: usize| summary["nodes"][&nodes[number].name]["outcome"].as_str().unwrap().to_owned();
    assert_eq!([outcome(0), outcome(1), outcome(2)], ["undone", "skipped", "skipped"]);
    assert!(summary["nodes"][&nodes[0].name]["detail"].as_str().unwrap().contains("ended with status 1"), "{summary}");
    assert_eq!(there(&nodes), [false, false, false]);
    operator.write("playbooks/gated.yaml", format!("name: gated\ntitle: t\nincludes: [small]\nrolling: 2\ncanary: false\n{gate}"));
    let summary = operator.run(&["apply", "gated", "--yes", "--output", "json"]).assert_code(1).summary();
    let outcome = |number: usize| summary["nodes"][&nodes[number].name]["outcome"].as_str().unwrap().to_owned();
    assert_eq!([outcome(0), outcome(1), outcome(2)], ["undone", "undone", "skipped"]);
}

#[test]
fn a_gate_asks_over_http_and_for_a_name_and_says_what_it_got() {
    let [node] = lend::<1>();
    let operator = Operator::with(&SiteText::with_tls(&[&node]));
    let before = node.fingerprint();
    let gated = |gate: &str| {
        operator.write("playbooks/gated.yaml", format!("name: gated\ntitle: t\nincludes: [tls]\ngate: {gate}\n"));
        operator.run(&["apply", "gated", "--yes"])
    };
    let run = gated("{tls_name: {name: mail.elsewhere.example}, seconds: 1}");
    run.assert_failed(1, &["step `gate`", "mail.elsewhere.example", "rolled back"]);
    before.assert_same(&node.fingerprint());
    let run = gated("{http: {port: 80, tls: false, path: /testall}, seconds: 1}");
    run.assert_failed(1, &["answers /testall with 308, not 200"]);
    before.assert_same(&node.fingerprint());
    let all = "{http: {path: /none, status: 404}, tls_name: {name: identity.acme.lab.example}, serves_chain_on: 443, command: nginx -t}";
    gated(all).assert_code(0);
    operator.run(&["rollback", "--yes"]).assert_code(0);
}

#[test]
fn with_all_or_nothing_a_node_that_fails_takes_the_whole_cluster_back() {
    let nodes = lend::<3>();
    let operator = operator(&nodes);
    let fails = format!("touch /etc/small/last; [ \"$(hostname)\" != {} ]", nodes[2].name);
    let playbook = format!(
        "name: one\ntitle: t\nincludes: [small]\nsteps:\n  - id: act\n    command: {{run: '{fails}', unless: '[ -e /etc/small/file ]'}}\n"
    );
    operator.write("playbooks/one.yaml", playbook);
    for more in [&["--rolling", "1"][..], &[]] {
        let run = operator.run(&[&["apply", "one", "--yes", "--all-or-nothing"][..], more].concat());
        run.assert_failed(1, &["rolled back, since not every node could be done", "step `act`"]);
        assert!(run.stdout.contains("0 changed, 2 rolled back, 1 not done"), "{}", run.stdout);
        assert_eq!(there(&nodes), [false, false, false]);
        for node in &nodes {
            node.sh("rm -rf /etc/small");
        }
    }
    let log = operator.run(&["audit", "log"]).stdout;
    assert!(log.contains("rolled-back: 3 nodes, 2 files"), "{log}");
    // It ended, if badly: nothing is left to take up.
    operator.run(&["apply", "small", "--yes"]).assert_code(0);
}

#[test]
fn a_step_that_is_left_out_is_neither_planned_nor_done_and_the_ledger_says_so() {
    let [node] = lend::<1>();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write(
        "playbooks/two.yaml",
        "name: two\ntitle: t\nincludes: [small]\nsteps:\n  - id: more\n    file: {path: /etc/small/more, src: small.txt}\n",
    );
    operator.run(&["apply", "two", "--skip", "mroe"]).assert_failed(2, &["--skip names `mroe`"]).assert_helps("`more`");
    let plan = operator.run(&["plan", "two", "--skip", "more", "--out", "kept.plan"]);
    assert!(!plan.assert_code(4).stdout.contains("/etc/small/more"), "{}", plan.stdout);
    operator.run(&["apply", "kept.plan", "--yes"]).assert_code(0);
    assert_eq!(node.sh("ls /etc/small"), "file\n");
    assert!(operator.run(&["audit", "log"]).stdout.contains("two on"), "the log names the playbook");
    assert!(operator.run(&["audit", "log"]).stdout.contains("without more"), "the log names what was left out");
    operator.run(&["plan", "two"]).assert_code(4);
}
