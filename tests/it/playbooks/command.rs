//! `portcullis playbook`, and what a wrong playbook, template or command line is told as.

#![expect(clippy::disallowed_methods, reason = "tests write their own files")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

const SITE: &str = "site: shop
environment: development
route: {vpn: true}
nodes:
  - {name: a0-1, address: 127.0.0.1, port: 1, user: root}
names: {dashboard: manage.corp.example, configuration: config.corp.example}
";

fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files.iter().chain(&[("site.yaml", SITE)]) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn run(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("portcullis").unwrap();
    command.current_dir(folder).env("HOME", folder).env_remove("PORTCULLIS_OUTPUT").args(words);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(folder: &Path, words: &[&str]) -> (i32, Value) {
    let (code, stdout, _) = run(folder, &[words, &["--output", "json"]].concat());
    (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}")))
}

#[test]
fn playbooks_are_listed_with_where_they_come_from() {
    let folder = site(&[("playbooks/mine.yaml", "name: mine\ntitle: My own\n"), ("playbooks/smtp.yaml", "name: smpt\n")]);
    let (code, listed) = json(folder.path(), &["playbook", "list"]);
    assert_eq!(code, 0);
    let of = |name: &str| listed["playbooks"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    assert_eq!((&of("mine")["from"], &of("mine")["title"]), (&Value::from("site"), &Value::from("My own")));
    assert_eq!(of("tls")["from"], "built-in");
    assert!(of("smtp")["error"].as_str().unwrap().contains("2 problems"), "{listed}");
    let (_, text, _) = run(folder.path(), &["playbook", "show", "tls"]);
    assert_eq!(text, std::fs::read_to_string("playbooks/tls.yaml").unwrap());
}

#[test]
fn all_faults_of_a_playbook_are_told_with_their_lines_before_anything_is_dialled() {
    let mine = "name: mine\ntitle: t\nsteps:\n  - id: a\n    template: {src: a.conf, dst: /etc/a}\n  - id: b\n    when: {role: nod}\n    file: {path: /etc/b, state: absent}\n";
    let folder = site(&[("playbooks/mine.yaml", mine)]);
    let (code, _, stderr) = run(folder.path(), &["plan", "mine"]);
    assert_eq!(code, 2, "{stderr}");
    for part in [
        "error: ./playbooks/mine.yaml has 3 problems\n",
        "--> ./playbooks/mine.yaml:5:29",
        "5 |     template: {src: a.conf, dst: /etc/a}",
        "did you mean `dest`?",
        "7 |     when: {role: nod}",
        "did you mean `node`?",
    ] {
        assert!(stderr.replace(&folder.path().display().to_string(), ".").contains(part), "{part}: {stderr}");
    }
    let (code, error) = json(folder.path(), &["playbook", "check"]);
    assert_eq!((code, error["error"]["causes"].as_array().unwrap().len()), (2, 3), "{error}");
}

#[test]
fn a_templates_misspelt_variables_are_told_before_anything_is_dialled() {
    let mine = "name: mine\ntitle: t\nsteps:\n  - id: a\n    template: {src: own/a.conf, dest: /etc/a}\n  - id: b\n    template: {src: own/b.conf, dest: /etc/b}\n";
    let template = "line\n  {{ node.nmae }}\n";
    let folder = site(&[("playbooks/mine.yaml", mine), ("templates/own/a.conf", template), ("templates/own/b.conf", "{{ flux }}")]);
    let (code, _, stderr) = run(folder.path(), &["plan", "mine"]);
    assert_eq!(code, 2, "{stderr}");
    for part in [
        "templates/own/a.conf:2:6",
        "2 |   {{ node.nmae }}",
        "did you mean `node.name`?",
        "templates/own/b.conf:1:4",
        "templates see site.name",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
}

#[test]
fn a_playbook_for_load_balancers_wants_some() {
    let folder = site(&[(
        "playbooks/mine.yaml",
        "name: mine\ntitle: t\nmachines: load-balancers\nsteps:\n  - id: a\n    file: {path: /etc/b, state: absent}\n",
    )]);
    let (code, _, stderr) = run(folder.path(), &["plan", "mine"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("the site names none") && stderr.contains("load_balancer: {address: …, machines:"), "{stderr}");
}

#[test]
fn a_wrong_command_line_is_one_object_for_a_script() {
    let folder = site(&[]);
    let (code, error) = json(folder.path(), &["aply"]);
    assert_eq!((code, &error["exit_code"]), (2, &Value::from(2)));
    assert!(error["error"]["message"].as_str().unwrap().contains("aply"), "{error}");
    assert!(error["error"]["help"].as_str().unwrap().contains("`apply`"), "{error}");
    let mut command = Command::cargo_bin("portcullis").unwrap();
    let output = command.current_dir(folder.path()).env("PORTCULLIS_OUTPUT", "json").args(["plan", "--limt", "a"]).output().unwrap();
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(error["error"]["help"].as_str().unwrap().contains("`--limit`"), "{error}");
    assert!(output.stderr.is_empty());
}

#[test]
fn a_log_that_cannot_be_written_is_told() {
    let folder = site(&[]);
    let (code, _, stderr) = run(folder.path(), &["playbook", "list", "--log-file", "/proc/none/log"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot write the log /proc/none/log") && stderr.contains("--log-file"), "{stderr}");
}
