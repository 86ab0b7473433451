//! What hands do at a keyboard: pasting, naming files that are not there, calling machines as the SSH client does.

use std::path::Path;

use portcullis::disk::{Existing, write_atomically};

use super::terminal::{at_a_terminal, say, type_in};

const PASTED: (&str, &str) = ("\x1b[200~", "\x1b[201~");

fn record(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("corp/.site.yaml.unfinished")).unwrap()
}

/// `--set` for each of these answers, after those about the environment and the names.
fn known<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let named = [
        "environment=production",
        "sla=standard",
        "site=corp",
        "names.dashboard=manage.corp.example",
        "names.configuration=config.corp.example",
        "names.webtask=webtask.corp.example",
        "names.tenants=id.corp.example",
        "names.planned=new.corp.example",
    ];
    named.iter().chain(more).flat_map(|answer| ["--set", answer]).collect()
}

const DEAD_NODE: [&str; 4] = ["route.vpn=true", "nodes=admin@127.0.0.1:1", "ssh.identities=", "ssh.sudo_password="];

#[test]
fn pasted_lines_are_one_answer_and_answer_no_further_question() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = at_a_terminal(folder.path(), 80, &known(&["route.hops=ops@127.0.0.1:1"]));
    let (begin, end) = PASTED;
    type_in(&mut terminal, "Nodes", &format!("{begin}admin@10.0.0.1\r\nadmin@10.0.0.2,\n\x03admin@10.0.0.3\n{end}\r"));
    say(&mut terminal, "Private key files", "\x03");
    terminal.exp_eof().unwrap();
    let record = record(folder.path());
    assert!(record.contains("nodes: \"admin@10.0.0.1, admin@10.0.0.2, admin@10.0.0.3\"\n"), "{record}");
}

#[test]
fn letters_of_any_language_are_letters() {
    let folder = tempfile::tempdir().unwrap();
    let rest = ["tls.certificate.files=", "smtp.host=", "proxy.kind=none", "ntp=", "access.longest_window=8h", "access.ticket_pattern="];
    let mut terminal = at_a_terminal(folder.path(), 40, &known(&[&DEAD_NODE[..], &rest].concat()));
    // Wide letters, and one taken back: a letter is a letter, whatever its bytes and columns.
    say(&mut terminal, "Persons who may be", "Zoë Müllerß\x7f, 山田花子, Ада");
    say(&mut terminal, "How many approvals", "\x03");
    terminal.exp_eof().unwrap();
    let record = record(folder.path());
    assert!(record.contains("access.persons: \"Zoë Müller, 山田花子, Ада\"\n"), "{record}");
}

#[test]
fn a_file_that_is_not_there_is_doubted_once_and_a_certificate_that_cannot_be_read_is_never_praised() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = at_a_terminal(folder.path(), 100, &known(&DEAD_NODE));
    say(&mut terminal, "Files from the CA", "yes");
    terminal.exp_string("there is no file `yes`, seen from ").unwrap();
    say(&mut terminal, "Enter: yes", "bundel.pem");
    terminal.exp_string("there is no file `bundel.pem`").unwrap();
    say(&mut terminal, "Enter: bundel.pem", "");
    say(&mut terminal, "File of the private key", "-");
    say(&mut terminal, "Password of the key", "-");
    say(&mut terminal, "Root of a CA", "-");
    let shown = say(&mut terminal, "Mail server", "\x03");
    assert!(shown.contains("does not exist") && !shown.contains("ok:"), "{shown}");
    terminal.exp_eof().unwrap();
}

#[test]
fn a_machine_may_be_called_as_the_ssh_client_calls_it() {
    // No key, and begins as one.
    const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".ssh")).unwrap();
    let config =
        "Host corp-way\n  HostName 127.0.0.1\n  Port 1\n  User ops\n  IdentityFile ~/.ssh/corp\nHost other\n  HostName 127.0.0.11\n";
    for (name, text) in [("config", config), ("corp", KEY), ("id_rsa", KEY)] {
        write_atomically(&folder.path().join(".ssh").join(name), text.as_bytes(), 0o600, Existing::Keep).unwrap();
    }
    let mut terminal = at_a_terminal(folder.path(), 80, &known(&[]));
    say(&mut terminal, "Jumphosts", "corp-way");
    say(&mut terminal, "Nodes", "admin@10.0.0.1, admin@10.0.0.2, db=admin@other");
    // Its key is proposed before the usual ones.
    say(&mut terminal, "Enter: ~/.ssh/corp (seen in ~/.ssh)", "");
    say(&mut terminal, "Password that sudo", "");
    say(&mut terminal, "load balancer", "\x03");
    terminal.exp_eof().unwrap();
    let record = record(folder.path());
    assert!(record.contains("route.hops: \"ops@127.0.0.1:1\"\n") && record.contains("db=admin@127.0.0.11"), "{record}");
}
