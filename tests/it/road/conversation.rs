//! `init` against real machines: from nothing to a site file that passes, with host keys compared, logins tried and the mail server asked.

use std::path::Path;

use assert_cmd::Command;
use portcullis::disk::{Existing, write_atomically};
use rexpect::session::PtySession;

use super::stage::machine::Machine;
use super::stage::site_text::{read_state, state};
use super::stage::standing::{lend_one, standing};
use crate::init::terminal::{at_a_terminal, say, type_in};

/// What an administrator reads on the machine's own console.
fn fingerprint(machine: &str) -> String {
    let key = state(&format!("machines/{machine}/ssh_host_ed25519_key.pub"));
    let said = Command::new("ssh-keygen").args(["-lf", &key]).output().unwrap().stdout;
    String::from_utf8(said).unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

fn portcullis(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::cargo_bin("portcullis").unwrap().current_dir(folder).env("HOME", folder).args(args).output().unwrap();
    (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// A home that knows the jumphost by a name of its own.
fn home() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let jump = standing().lab.jump_address();
    std::fs::create_dir(folder.path().join(".ssh")).unwrap();
    let config = format!("Host corp-gate\n  HostName {}\n  Port {}\n  User ops\n  IdentityFile ~/.ssh/corp\n", jump.ip(), jump.port());
    for (name, text) in [("config", config), ("corp", read_state("id_ed25519"))] {
        write_atomically(&folder.path().join(".ssh").join(name), text.as_bytes(), 0o600, Existing::Keep).unwrap();
    }
    folder
}

/// Answers of which nobody is asked: what the lab's CA has signed is no public CA's.
fn known() -> Vec<String> {
    let of_lab = |key: &str, name: &str| format!("{key}={}", state(&format!("tls/{name}")));
    let given = ["environment=qa", "sla=standard", "site=corp", "domain=acme.lab.example"].map(str::to_owned);
    let files = [of_lab("tls.certificate.files", "bundle.pem"), of_lab("tls.certificate.key", "key.pem")];
    let roots = [of_lab("tls.certificate.roots", "root.pem"), of_lab("smtp.ca_certificates", "root.pem")];
    given.into_iter().chain(files).chain(roots).flat_map(|answer| ["--set".to_owned(), answer]).collect()
}

/// From the first question to the one about the mail password: logins are tried, host keys compared, and it is broken off in between.
fn as_far_as_the_password(begin: &dyn Fn() -> PtySession, node: &Machine) {
    let mut terminal = begin();
    for question in ["Management", "configuration", "webtask", "app tenants", "tenants to come"] {
        say(&mut terminal, question, "");
    }
    say(&mut terminal, "Enter: ops@", "");
    say(&mut terminal, "Nodes", &format!("{}@{}", node.user, node.address));
    say(&mut terminal, "Enter: ~/.ssh/corp", "");
    say(&mut terminal, "Password that sudo", "");
    // Broken off at the question about the host key, it is put again.
    let shown = type_in(&mut terminal, "Is this the host key of jump", "\x03");
    assert!(shown.contains("logging in to the jumphost and the nodes"), "{shown}");
    terminal.exp_string("takes up where you stopped").unwrap();
    let mut terminal = begin();
    for machine in ["jump", "a0-1"] {
        let shown = say(&mut terminal, &format!("Is this the host key of {machine}"), "yes");
        let real = fingerprint(if machine == "jump" { "jump" } else { &node.name });
        assert!(shown.replace(['\r', '\n'], "").contains(&real), "{real} is not in {shown}");
    }
    let shown = say(&mut terminal, "Password of the key", "");
    assert!(shown.contains("ok: logged in to jump") && shown.contains("ok: logged in to a0-1"), "{shown}");
    let shown = say(&mut terminal, "Mail server", "mail.lab.example");
    assert!(shown.contains("ok: the certificate has its chain and its key"), "{shown}");
    for (question, answer) in
        [("Its port", ""), ("Is TLS demanded", ""), ("Login at the mail", "portcullis"), ("Password at the mail", "\x03")]
    {
        say(&mut terminal, question, answer);
    }
}

#[test]
fn a_new_customer_gets_from_nothing_to_a_site_file_that_passes() {
    let (node, folder, secret) = (lend_one(), home(), read_state("smtp-password"));
    let known = known();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let begin = || at_a_terminal(folder.path(), 80, &known);
    as_far_as_the_password(&begin, &node);
    // Broken off while a secret is typed: nothing of it is kept.
    let mut terminal = begin();
    say(&mut terminal, "Password at the mail", "type");
    type_in(&mut terminal, "It is not shown", &format!("{secret}\x03"));
    terminal.exp_string("takes up where you stopped").unwrap();
    assert!(!folder.path().join("corp/secrets").exists());
    let mut terminal = begin();
    let mut shown = say(&mut terminal, "Password at the mail", "type");
    for invited in ["It is not shown", "Once more"] {
        shown += &say(&mut terminal, invited, &secret);
    }
    say(&mut terminal, "Sender address", "noreply@lab.example");
    shown += &say(&mut terminal, "What kind of proxy", "");
    assert!(shown.contains("ok: mail.lab.example:587 offers AUTH PLAIN, seen from a0-1"), "{shown}");
    let rest = [
        "NTP servers",
        "Longest time",
        "What a ticket",
        "Persons who may be",
        "How many approvals",
        "Networks",
        "sessions recorded",
        "AD/LDAP",
    ];
    for question in rest {
        shown += &say(&mut terminal, question, "");
    }
    shown += &terminal.exp_eof().unwrap();
    assert!(shown.contains("next: portcullis check --site corp/site.yaml") && !shown.contains("still to do"), "{shown}");

    let (code, said) = portcullis(folder.path(), &["check", "--offline", "--site", "corp/site.yaml"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(portcullis(folder.path(), &["init", "again", "--answers", "corp/answers.yaml"]).0, Some(0));
    let site = std::fs::read_to_string(folder.path().join("corp/site.yaml")).unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("again/site.yaml")).unwrap(), site);
    let record = std::fs::read_to_string(folder.path().join("corp/answers.yaml")).unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("corp/secrets/smtp-password")).unwrap(), secret);
    assert!([&shown, &site, &record].iter().all(|text| !text.contains(&secret)));
}

#[test]
fn a_login_whose_sudo_asks_for_a_password_is_told_on_the_spot_and_goes_on_with_one() {
    let folder = home();
    let node = Machine::node(2);
    let known_hosts = format!("known_hosts={}", state("known_hosts"));
    let nodes = format!("nodes={}={}@{}", node.name, node.user, node.address);
    let mut known = known();
    known.extend([known_hosts, nodes].into_iter().flat_map(|answer| ["--set".to_owned(), answer]));
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let mut terminal = at_a_terminal(folder.path(), 80, &known);
    for question in [
        "Management",
        "configuration",
        "webtask",
        "app tenants",
        "tenants to come",
        "Enter: ops@",
        "Enter: ~/.ssh/corp",
        "Password that sudo",
    ] {
        say(&mut terminal, question, "");
    }
    let shown = say(&mut terminal, "Password of the key", "\x03").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("sudo asks for a password of admin") && shown.contains("`sudo_password`"), "{shown}");
    terminal.exp_eof().unwrap();
    let password = format!("ssh.sudo_password=file:{}", state("sudo-password"));
    let mut terminal = at_a_terminal(folder.path(), 80, &[&known[..], &["--set", &password]].concat());
    let shown = say(&mut terminal, "Password of the key", "\x03").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("and root is reached there") && !shown.contains("asks for a password"), "{shown}");
    terminal.exp_eof().unwrap();
}
