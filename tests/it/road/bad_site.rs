//! Site files that cannot be used: refused before anything is dialled, with the place, the line and what to do.

use super::stage::operator::Operator;

const LEAST: &str = "site: acme\nenvironment: production\nroute: {vpn: true}\nnodes:\n  - {name: a0-1, address: 10.77.0.11}\n";

/// What the commands say of a site file of this text, which has to be refused.
#[track_caller]
fn assert_refused(text: &str, said: &[&str], help: &str) {
    let operator = Operator::with_text(text);
    for arguments in [["apply", "--yes"].as_slice(), &["plan"], &["site", "check"]] {
        let run = operator.run(arguments);
        run.assert_failed(2, said).assert_names_log(&operator.log());
        assert!(run.stderr.contains(help), "`{help}` is missing in:\n{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    let run = operator.run(&["apply", "--yes", "--output", "json"]);
    assert_eq!((run.assert_code(2).summary()["exit_code"].as_u64(), run.events()[0]["event"].as_str()), (Some(2), Some("error")));
    assert!(!operator.path("ledger.sqlite").exists());
}

#[test]
fn a_missing_site_file_is_named_with_the_way_to_get_one() {
    let operator = Operator::with_text(LEAST);
    std::fs::remove_file(operator.path("site.yaml")).unwrap();
    let run = operator.run(&["apply", "--yes"]);
    run.assert_failed(2, &["site.yaml"]);
    assert!(run.stderr.contains("portcullis init"), "{}", run.stderr);
}

#[test]
fn a_tab_is_shown_where_it_stands() {
    assert_refused(&LEAST.replace("  - {", "\t- {"), &["a tab where YAML wants spaces", "site.yaml:5:"], "spaces");
}

#[test]
fn a_key_that_stands_twice_is_shown_with_both_lines() {
    assert_refused(
        &format!("{LEAST}site: other\n"),
        &["`site` stands here twice", "line 1", "site.yaml:6:1", "site: other"],
        "take one of them out",
    );
}

#[test]
fn an_unknown_key_is_shown_with_the_nearest_known_one() {
    assert_refused(&format!("{LEAST}proxi: {{kind: none}}\n"), &["unknown key `proxi`", "site.yaml:6:1"], "did you mean `proxy`?");
}

#[test]
fn an_address_that_stands_twice_is_shown_with_the_machine_that_has_it() {
    let text = format!("{LEAST}  - {{name: a0-2, address: 10.77.0.11}}\n");
    assert_refused(&text, &["`10.77.0.11` with port 22 is `a0-1` in line 5 already", "site.yaml:6:"], "help:");
}

#[test]
fn nodes_without_a_route_are_told_how_to_get_one() {
    assert_refused(&LEAST.replace("route: {vpn: true}\n", ""), &["`route` is missing"], "vpn: true");
}

#[test]
fn a_playbook_that_there_is_not_is_told_the_nearest_that_there_is() {
    let operator = Operator::with_text(LEAST);
    let run = operator.run(&["apply", "bootstrp", "--yes"]);
    run.assert_failed(2, &["there is no playbook `bootstrp`"]);
    assert!(run.stderr.contains("did you mean `bootstrap`?"), "{}", run.stderr);
}

#[test]
fn a_node_that_the_site_does_not_have_is_told_those_that_it_has() {
    let operator = Operator::with_text(LEAST);
    operator
        .run(&["apply", "small", "--yes", "--limit", "a0-9"])
        .assert_failed(2, &["--limit names `a0-9`, which is no node of this site"]);
}

#[test]
fn without_a_terminal_and_without_yes_nobody_is_asked() {
    let operator = Operator::with_text(&LEAST.replace("a0-1, address: 10.77.0.11", "a0-1, address: 10.77.0.11, sudo_password: prompt"));
    operator.run(&["apply", "small"]).assert_failed(2, &["sudo password on a0-1"]);
}

#[test]
fn a_template_with_an_undefined_variable_is_named_with_its_line_and_the_variable() {
    let operator = Operator::with_text(LEAST);
    operator.write("templates/own/page", "one\n{{ site.nmae }}\n");
    operator
        .write("playbooks/own.yaml", "name: own\ntitle: own\nsteps:\n  - id: page\n    template: {src: own/page, dest: /etc/small/page}\n");
    operator.run(&["render", "own"]).assert_failed(2, &["own/page:2:", "site.nmae"]);
}

#[test]
fn a_private_key_among_ca_certificates_is_refused_and_shown_nowhere() {
    let mail =
        "smtp: {host: mail.corp.example, username: u, password: 'file:small.txt', from: a@corp.example, ca_certificates: [ca.pem]}\n";
    let proxy = "proxy: {kind: transparent, ca_certificates: [ca.pem]}\n";
    let example = |name: &str| std::fs::read(format!("{}/certs-examples/good/ecdsa/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (chain, key) = (example("chain.pem"), example("server.key"));
    for (section, playbook) in [(mail, "smtp"), (proxy, "proxy")] {
        let operator = Operator::with_text(&format!("{LEAST}{section}"));
        for bytes in [key.clone(), [chain.clone(), key.clone()].concat()] {
            operator.write("ca.pem", bytes);
            for arguments in [["plan", playbook].as_slice(), &["apply", playbook, "--yes"], &["render", playbook, "--node", "a0-1"]] {
                let run = operator.run(arguments);
                run.assert_failed(2, &["ca.pem", ".ca_certificates", "holds a private key"]);
                assert!(!format!("{}{}", run.stdout, run.stderr).contains("BEGIN PRIVATE KEY"), "{}", run.stdout);
            }
            let run = operator.run(&["check", "--offline"]);
            run.assert_code(3);
            assert!(run.stdout.contains("ca.pem holds a private key"), "{}", run.stdout);
        }
    }
    let operator = Operator::with_text(&format!("{LEAST}{mail}"));
    operator.write("ca.pem", [b"words around it\n".to_vec(), chain].concat());
    let run = operator.run(&["render", "smtp", "--node", "a0-1"]);
    run.assert_code(0);
    assert!(run.stdout.contains("BEGIN CERTIFICATE") && !run.stdout.contains("words around it"), "{}", run.stdout);
}
