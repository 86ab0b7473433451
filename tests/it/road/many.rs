//! Several nodes, several operators: dead nodes, held locks, and the exit code that each gives.

use super::stage::machine::Machine;
use super::stage::operator::{Operator, end_of};
use super::stage::site_text::SiteText;
use super::stage::standing::{lend, lend_one, standing};

/// A machine that does not answer for as long as this lives.
struct Dead<'a>(&'a Machine);

impl<'a> Dead<'a> {
    fn new(node: &'a Machine) -> Self {
        standing().lab.cut(&node.name).unwrap();
        Self(node)
    }
}

impl Drop for Dead<'_> {
    fn drop(&mut self) {
        if let Err(error) = standing().lab.heal(&self.0.name) {
            eprintln!("{} stays cut off: {error}", self.0.name);
        }
    }
}

#[test]
fn where_one_node_of_three_is_dead_the_others_are_done_and_the_dead_one_is_named() {
    let nodes = lend::<3>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    let dead = Dead::new(&nodes[1]);
    let run = operator.run(&["apply", "small", "--yes", "--timeout", "3s"]);
    run.assert_failed(5, &["1 of 3 nodes", &nodes[1].name, "no answer"]).assert_names_log(&operator.log());
    assert!(run.stdout.contains("2 changed, 1 not done"), "{}", run.stdout);
    for done in [&nodes[0], &nodes[2]] {
        assert_eq!(done.sh("cat /etc/small/file"), "new\n");
        assert!(!run.stderr[run.stderr.find("error: ").unwrap()..].contains(&format!("{}:", done.name)), "{}", run.stderr);
    }
    drop(dead);
    let next = operator.run(&["apply", "small", "--yes", "--output", "json"]).assert_code(0).summary();
    let outcome = |number: usize| next["nodes"][&nodes[number].name]["outcome"].as_str().unwrap().to_owned();
    assert_eq!([outcome(0), outcome(1), outcome(2)], ["unchanged", "changed", "unchanged"]);
}

#[test]
fn where_all_nodes_are_dead_none_could_be_reached() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    let _dead = nodes.each_ref().map(|lent| Dead::new(&lent.node));
    for command in [
        ["apply", "small", "--yes", "--timeout", "2s"].as_slice(),
        &["plan", "small", "--timeout", "2s"],
        &["rollback", "--yes", "--timeout", "2s"],
    ] {
        operator.run(command).assert_failed(6, &[&nodes[0].name, &nodes[1].name, "no answer"]).assert_helps("firewall");
    }
    let json = operator.run(&["apply", "small", "--yes", "--timeout", "2s", "--output", "json"]).assert_code(6).summary();
    assert_eq!(json["exit_code"], 6);
}

#[test]
fn a_lock_that_another_run_holds_is_refused_with_its_owner() {
    let node = lend_one();
    let (first, second) = (Operator::with(&SiteText::bare(&[&node])), Operator::with(&SiteText::bare(&[&node])));
    let held = "name: held\ntitle: held\nsteps:\n  - id: held\n    command: {run: 'touch /run/small.held; until [ -e /run/small.go ]; do sleep 0.05; done', creates: /run/small.go}\n";
    first.write("playbooks/held.yaml", held);
    let child = first.start(&["apply", "held", "--yes"]);
    node.wait_until("[ -e /run/small.held ]");
    let before = node.fingerprint();
    let run = second.apply_small();
    run.assert_failed(7, &[&node.name, "another run holds it", "operator@", "portcullis apply"]);
    run.assert_helps("wait until that run has ended");
    before.assert_same(&node.fingerprint());
    second.run(&["plan", "small"]).assert_code(4);
    node.sh("touch /run/small.go");
    end_of(child).assert_code(0);
    second.apply_small().assert_code(0);
}

#[test]
fn nodes_that_fail_for_one_cause_share_a_line() {
    let nodes = lend::<2>();
    let mut site = SiteText::bare(&nodes.each_ref().map(|lent| &lent.node));
    site.jump.user = "nobody-here".to_owned();
    let both = format!("{}, {}: jump (", nodes[0].name, nodes[1].name);
    Operator::with(&site).apply_small().assert_failed(6, &["2 of 2 nodes", &both]);
}

#[test]
fn a_plan_that_no_longer_holds_is_refused() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.run(&["plan", "small", "--out", "kept.plan"]).assert_code(4);
    node.sh("mkdir -p /etc/small; echo meanwhile >/etc/small/file");
    let run = operator.run(&["apply", "kept.plan", "--yes"]);
    run.assert_failed(7, &["the plan no longer holds", &node.name, "/etc/small/file"]);
    assert_eq!(node.sh("cat /etc/small/file"), "meanwhile\n");
    operator.run(&["plan", "small", "--out", "kept.plan"]).assert_code(4);
    let kept = std::fs::read_to_string(operator.path("kept.plan")).unwrap();
    operator.write("forged.plan", kept.replace("/etc/small/file", "/etc/small/other"));
    operator.run(&["apply", "./forged.plan", "--yes"]).assert_failed(7, &["not to be trusted", "changed after it was signed"]);
    operator.run(&["apply", "kept.plan", "--yes"]).assert_code(0);
    assert_eq!(node.sh("cat /etc/small/file"), "new\n");
}

#[test]
fn a_plan_is_bound_to_a_secret_that_it_replaces_without_telling_it() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("secret.txt", "the new one\n");
    let steps = "name: hidden\ntitle: One secret\nsteps:\n  - {id: hidden, file: {path: /etc/small/secret, src: secret.txt, mode: \"0600\", secret: true}}\n";
    operator.write("playbooks/hidden.yaml", steps);
    node.sh("mkdir -p /etc/small; echo swordfish >/etc/small/secret");
    operator.run(&["plan", "hidden", "--out", "kept.plan"]).assert_code(4);
    let kept = std::fs::read_to_string(operator.path("kept.plan")).unwrap();
    // Whoever reads the file cannot try passwords: neither the text nor its plain hash is in it.
    let hash = node.sh("sha256sum </etc/small/secret");
    assert!(!kept.contains("swordfish") && !kept.contains(hash.split_whitespace().next().unwrap()), "{kept}");
    node.sh("echo marlin >/etc/small/secret");
    let run = operator.run(&["apply", "kept.plan", "--yes"]);
    run.assert_failed(7, &["the plan no longer holds", &node.name, "/etc/small/secret has changed since"]);
    assert_eq!(node.sh("cat /etc/small/secret"), "marlin\n");
    operator.run(&["plan", "hidden", "--out", "kept.plan"]).assert_code(4);
    operator.run(&["apply", "kept.plan", "small", "--yes"]).assert_failed(2, &["kept.plan is a kept plan"]);
    operator.run(&["apply", "kept.plan", "--yes"]).assert_code(0);
    assert_eq!(node.sh("cat /etc/small/secret"), "the new one\n");
}

#[test]
fn a_rolling_apply_stops_at_the_first_node_that_fails() {
    let nodes = lend::<3>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    nodes[1].sh("mkdir -p /var/lib/portcullis; mount -t tmpfs -o size=64k,nr_inodes=2 none /var/lib/portcullis");
    let run = operator.run(&["apply", "small", "--yes", "--rolling", "1"]);
    run.assert_failed(5, &[&format!("{}: stands as before", nodes[1].name), &format!("{}: not begun", nodes[2].name)]);
    let there = nodes.each_ref().map(|lent| lent.holds("[ -e /etc/small/file ]"));
    assert_eq!(there, [true, false, false]);
    nodes[1].sh("umount /var/lib/portcullis");
}

#[test]
fn a_rollback_that_would_lose_a_later_change_is_refused() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.apply_small().assert_code(0);
    node.sh("echo by hand >/etc/small/file");
    operator.run(&["rollback", "--yes"]).assert_failed(1, &[&node.name, "/etc/small/file was changed since run"]);
    assert_eq!(node.sh("cat /etc/small/file"), "by hand\n");
}

#[test]
fn a_run_that_one_node_keeps_no_longer_is_not_put_back_on_the_other_alone() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&[&nodes[0], &nodes[1]]));
    operator.apply_small().assert_code(0);
    let after = nodes.each_ref().map(|node| node.fingerprint());
    nodes[1].sh("rm -r /var/lib/portcullis/runs/*");
    let run = operator.run(&["rollback", "--yes", &nodes[0].runs()[0].0]);
    run.assert_failed(1, &[&nodes[1].name, "keeps it no longer", "nothing was touched"]);
    for (node, after) in nodes.iter().zip(&after) {
        after.assert_same(&node.fingerprint());
    }
    operator.run(&["rollback", "--yes", "--limit", &nodes[0].name]).assert_code(0);
    nodes[1].sh("rm -r /etc/small");
}

#[test]
fn a_plan_for_some_of_the_nodes_is_carried_out_by_the_command_that_it_tells() {
    let nodes = lend::<2>();
    let operator = Operator::with(&SiteText::bare(&nodes.each_ref().map(|lent| &lent.node)));
    operator.run(&["plan", "small", "--limit", &nodes[0].name, "--out", "kept.plan"]).assert_code(4);
    operator.run(&["apply", "kept.plan", "--yes"]).assert_code(0);
    assert_eq!(nodes[0].sh("cat /etc/small/file"), "new\n");
    assert_eq!(nodes[1].sh("ls /etc/small 2>/dev/null || echo none"), "none\n");
}
