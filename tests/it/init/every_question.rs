//! Every question there is, at a terminal of 40 columns: answered, and broken off at.

use portcullis::wizard::questions;
use rexpect::session::PtySession;

use super::terminal::{at_a_terminal, say, site};

const APPROVER: &str = "ada=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqO6g7GH6sVeUj2tG3rHoETJTIpX2esl8/g6uDQyNyS";

/// Each question's beginning and an answer that brings up all that may follow. The addresses are dead, so that trials end at once.
const ANSWERS: [(&str, &str); 38] = [
    ("What kind of environment", "production"),
    ("What support", ""),
    ("Name of this site", ""),
    ("Domain of the", "corp.example"),
    ("DNS name of the Management", ""),
    ("DNS name of the configuration", ""),
    ("DNS name of webtask", ""),
    ("DNS names of the app tenants", "identity.corp.example, shop.corp.example"),
    ("DNS names of app tenants to come", "new.corp.example"),
    ("Jumphosts", "ops@127.0.0.1:1"),
    ("Nodes", "10.0.0.1, 10.0.0.2, admin@10.0.0.3"),
    ("Login user", "admin"),
    ("Private key files", "-"),
    ("Password that sudo", "env:SUDO_PASSWORD"),
    ("Address or name of the load", "203.0.113.7"),
    ("Files from the CA", "x.pem"),
    ("File of the private key", "-"),
    ("Password of the key", "env:KEY_PASSWORD"),
    ("Root of a CA", "-"),
    ("Where do users", ""),
    ("Mail server", "127.0.0.1"),
    ("Its port", "1"),
    ("Is TLS demanded", ""),
    ("Login at the mail", "appliance"),
    ("Password at the mail", "env:SMTP_PASSWORD"),
    ("Sender address", ""),
    ("What kind of proxy", "explicit"),
    ("Address of the proxy", "http://proxy.corp.example:3128"),
    ("Files with the proxy", ""),
    ("Destinations", ""),
    ("NTP servers", "ntp.corp.example"),
    ("Longest time", "4h"),
    ("What a ticket", "^CHG[0-9]+$"),
    ("Persons who may be", "Bob"),
    ("How many approvals", "1"),
    ("Persons who may approve", APPROVER),
    ("Networks", "198.51.100.0/24"),
    ("Are sessions recorded", "yes"),
];
const LAST: (&str, &str) = ("AD/LDAP", "ldaps://dc.corp.example");

fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("corp")).unwrap();
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/certs-examples/mistakes/expired/chain.pem");
    std::fs::copy(bundle, folder.path().join("x.pem")).unwrap();
    folder
}

fn answer(terminal: &mut PtySession, range: std::ops::Range<usize>) -> String {
    ANSWERS[range].iter().map(|(question, text)| say(terminal, question, text)).collect()
}

#[test]
fn the_answers_below_are_to_all_questions() {
    assert_eq!(questions().count(), ANSWERS.len() + 1, "a question is asked in no test");
}

#[test]
fn forty_columns_are_enough_for_the_whole_conversation() {
    let folder = prepared();
    let mut terminal = at_a_terminal(folder.path(), 40, &[]);
    let mut shown = say(&mut terminal, ANSWERS[0].0, &"x".repeat(80));
    shown += &terminal.exp_string("is none of").unwrap();
    shown += &say(&mut terminal, "", "?");
    shown += &say(&mut terminal, "--set", "");
    shown += &answer(&mut terminal, 1..ANSWERS.len());
    shown += &say(&mut terminal, LAST.0, LAST.1);
    let rest = terminal.exp_eof().unwrap();
    // The reader takes bytes for letters.
    let shown = shown.replace("â\u{80}¦", "…");
    let widest = shown.split(['\n', '\r']).max_by_key(|line| line.trim_end().chars().count()).unwrap();
    assert!(widest.trim_end().chars().count() <= 40, "{widest}");
    assert!(rest.contains("next: portcullis check"), "{rest}");
    let to_do = rest.split("still to do:").nth(1).unwrap().split("next:").next().unwrap();
    assert!(to_do.lines().all(|line| line.trim_end().chars().count() <= 40), "{to_do}");
    assert!(to_do.contains("cannot be"), "what was tried in vain is left to do: {to_do}");
    let site = site(folder.path());
    assert_eq!((site.nodes.len(), site.access.approvals, site.connectors.len()), (3, 1, 1));
}

#[test]
fn ctrl_c_at_each_question_loses_nothing_and_leaves_no_site_file() {
    let folder = prepared();
    for (stop, (question, _)) in ANSWERS.iter().enumerate() {
        // Each start takes up where the last one stopped, answers one question and is broken off at the next.
        let mut terminal = at_a_terminal(folder.path(), 80, &[]);
        answer(&mut terminal, stop.saturating_sub(1)..stop);
        say(&mut terminal, question, "\x03");
        let rest = terminal.exp_eof().unwrap();
        assert!(rest.contains("takes up where you stopped"), "{stop}: {rest}");
        let status = format!("{:?}", terminal.process().wait().unwrap());
        assert!(status.contains("130"), "{stop}: {status}");
        assert!(!folder.path().join("corp/site.yaml").exists());
    }
    let mut terminal = at_a_terminal(folder.path(), 80, &[]);
    answer(&mut terminal, ANSWERS.len() - 1..ANSWERS.len());
    say(&mut terminal, LAST.0, "\x03");
    terminal.exp_eof().unwrap();
    let mut terminal = at_a_terminal(folder.path(), 80, &[]);
    say(&mut terminal, LAST.0, LAST.1);
    terminal.exp_string("wrote corp/site.yaml").unwrap();
    terminal.exp_eof().unwrap();
    let in_pieces = std::fs::read_to_string(folder.path().join("corp/site.yaml")).unwrap();

    // In one go, and without anybody at a terminal, the same bytes.
    let other = prepared();
    let mut terminal = at_a_terminal(other.path(), 80, &[]);
    answer(&mut terminal, 0..ANSWERS.len());
    say(&mut terminal, LAST.0, LAST.1);
    terminal.exp_eof().unwrap();
    let own = |text: &str, folder: &std::path::Path| text.replace(&folder.display().to_string(), "FOLDER");
    let in_one_go = std::fs::read_to_string(other.path().join("corp/site.yaml")).unwrap();
    assert_eq!(own(&in_one_go, other.path()), own(&in_pieces, folder.path()));
    let mut headless = assert_cmd::Command::cargo_bin("portcullis").unwrap();
    headless
        .current_dir(other.path())
        .env("HOME", other.path())
        .args(["init", "again", "--answers", "corp/answers.yaml"])
        .assert()
        .success();
    assert_eq!(std::fs::read_to_string(other.path().join("again/site.yaml")).unwrap(), in_one_go);
}
