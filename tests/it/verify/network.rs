//! What stands between the machines: filtered ports, names, other environments; each provoked on the lab, and mended.

use super::turn;

/// Undoes a fault on a machine whatever became of the test.
struct Fault<'t> {
    turn: &'t super::standing::Turn,
    machine: &'static str,
    undo: &'static str,
}

impl Drop for Fault<'_> {
    fn drop(&mut self) {
        self.turn.shell(self.machine, self.undo);
    }
}

#[test]
fn a_filtered_port_between_nodes_is_told_from_a_closed_one_and_costs_little() {
    let turn = turn();
    let fault = Fault { turn: &turn, machine: "a0-2", undo: "nft delete table inet portcullis_test" };
    turn.shell(
        "a0-2",
        "nft add table inet portcullis_test; nft 'add chain inet portcullis_test in { type filter hook input priority 0; }'; \
         nft add rule inet portcullis_test in tcp dport 27017 drop; nft add rule inet portcullis_test in tcp dport 7777 reject with tcp reset",
    );
    let run = turn.events(&["check", "--only", "cluster.ports"]);
    drop(fault);
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["cluster.ports"]);
    let told = run.told("cluster.ports");
    assert!(told.contains("a0-2 from a0-") && told.contains("27017 (database replication)") && told.contains("no answer within"), "{told}");
    assert!(!told.contains("7777"), "a reset says that packets pass: {told}");
    assert_eq!(run.findings().len(), 2, "from each of the two others");
    turn.events(&["check", "--only", "cluster.ports"]).assert_code(0);
}

#[test]
fn a_peer_that_does_not_answer_pings_is_a_warning_and_a_wrong_table_an_error() {
    let turn = turn();
    let fault = Fault { turn: &turn, machine: "a0-2", undo: "nft delete table inet portcullis_test; sed -i '/10.77.9.9/d' /etc/hosts" };
    turn.shell(
        "a0-2",
        "nft add table inet portcullis_test; nft 'add chain inet portcullis_test in { type filter hook input priority 0; }'; \
         nft add rule inet portcullis_test in icmp type echo-request drop; echo '10.77.9.9 a0-3' >>/etc/hosts",
    );
    let run = turn.events(&["check", "--only", "cluster,node.segment"]);
    drop(fault);
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["cluster.hosts"]);
    assert!(run.ids("warning").contains(&"cluster.icmp".to_owned()), "{:?}", run.ids("warning"));
    assert!(
        run.told("cluster.hosts").starts_with("a0-2: ") && run.told("cluster.hosts").contains("10.77.9.9"),
        "{}",
        run.told("cluster.hosts")
    );
    turn.events(&["check", "--only", "cluster,node.segment"]).assert_code(0);
}

#[test]
fn another_environment_that_answers_and_a_load_balancer_that_does_not_are_found() {
    let turn = turn();
    // The mail server plays a machine of another environment.
    let mail = turn.shell("a0-1", "getent ahostsv4 mail.lab.example | head -n 1 | cut -d ' ' -f 1");
    let site = format!(
        "{}load_balancer: {{address: 10.77.0.11, port: 4444}}\nother_environments: [{{name: dev, addresses: [{}]}}]\n",
        turn.site,
        mail.trim()
    );
    let run = turn.events_on(&site, &["check", "--only", "env.isolation,cluster.hairpin"]);
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["cluster.hairpin", "env.isolation"]);
    assert!(run.told("env.isolation").contains(":22 of the environment `dev`"), "{}", run.told("env.isolation"));
    let site = format!(
        "{}load_balancer: {{address: 10.77.0.11, port: 443}}\nother_environments: [{{name: dev, addresses: [10.77.0.250]}}]\n",
        turn.site
    );
    turn.events_on(&site, &["check", "--only", "env.isolation,cluster.hairpin"]).assert_code(0);
}

#[test]
fn passwords_and_few_startups_of_sshd_are_found_where_they_are() {
    let turn = turn();
    let conf = "/etc/ssh/sshd_config.d/00-portcullis-test.conf";
    let fault = Fault { turn: &turn, machine: "a0-3", undo: "rm -f /etc/ssh/sshd_config.d/00-portcullis-test.conf" };
    turn.shell("a0-3", &format!("printf 'PermitRootLogin yes\\nMaxStartups 3:50:10\\n' >{conf}"));
    let run = turn.events(&["check", "--only", "access"]);
    drop(fault);
    for id in ["access.root-login", "access.startups"] {
        assert!(run.told(id).starts_with("a0-3: "), "{}", run.told(id));
        assert_eq!(run.findings().iter().filter(|finding| finding["id"] == id).count(), 1, "{id}");
    }
    assert!(run.told("access.jump.key").contains("it takes password"), "{}", run.told("access.jump.key"));
    let conf = "/etc/ssh/sshd_config.d/00-portcullis-test.conf";
    turn.shell("jump", &format!("printf 'PasswordAuthentication no\\nKbdInteractiveAuthentication no\\n' >{conf}; systemctl reload ssh"));
    let mended = turn.events(&["check", "--only", "access"]);
    turn.shell("jump", &format!("rm {conf}; systemctl reload ssh"));
    for id in ["access.root-login", "access.jump.key"] {
        assert!(!mended.ids("warning").contains(&id.to_owned()), "{id}: {}", mended.stdout);
    }
}

#[test]
fn a_waiver_of_one_machine_is_recorded_and_one_that_has_ended_is_a_finding() {
    let turn = turn();
    let site = turn.site.replace("memory_gib: {minimum: 1, recommended: 1}", "memory_gib: {minimum: 4096, recommended: 4096}");
    let waived = format!(
        "{site}waivers:\n  - {{check: node.ram, machine: a0-1, reason: it moves in May, until: 2999-01-01}}\n  - {{check: node.cpu, reason: it was, until: 2020-01-01}}\n"
    );
    let run = turn.events_on(&waived, &["check", "--only", "node.ram,check"]);
    run.assert_code(3);
    let counted: Vec<_> = run.findings().into_iter().filter(|finding| finding["id"] == "node.ram").collect();
    assert_eq!(counted.len(), 2, "{counted:?}");
    assert_eq!(run.summary()["waived"][0]["subject"], "a0-1");
    assert!(run.told("check.waiver").contains("ended on 2020-01-01"), "{}", run.told("check.waiver"));
    let log = turn.events_on(&waived, &["audit", "log"]);
    assert!(log.stdout.contains("check.waived") && log.stdout.contains("it moves in May"), "{}", log.stdout);
}
