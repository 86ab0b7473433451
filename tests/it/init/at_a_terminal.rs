//! `init` as a person meets it: through a pseudo-terminal, wide and narrow, with right and wrong answers.

use rexpect::session::PtySession;

use super::terminal::{at_a_terminal, say, site};

/// Right answers to all questions; a dead address, so that the trial ends at once.
const ANSWERS: [(&str, &str); 23] = [
    ("What kind of environment", "3"),
    ("What support", ""),
    ("Name of this site", ""),
    ("Domain of the appliance", "corp.example"),
    ("Management Dashboard", ""),
    ("configuration tenant", ""),
    ("webtask", ""),
    ("the app tenants", ""),
    ("tenants to come", ""),
    ("Jumphosts", "ops@127.0.0.1:1"),
    ("Nodes", "admin@10.0.0.1"),
    ("Private key files", "-"),
    ("Password that sudo", ""),
    ("Files from the CA", ""),
    ("Mail server", ""),
    ("What kind of proxy", ""),
    ("NTP servers", "ntp.corp.example"),
    ("Longest time", "4h"),
    ("What a ticket", ""),
    ("Persons who may be", ""),
    ("How many approvals", ""),
    ("Networks", ""),
    ("sessions recorded", ""),
];

fn answer(terminal: &mut PtySession, from: usize, to: usize) {
    for (question, text) in &ANSWERS[from..to] {
        say(terminal, question, text);
    }
}

#[test]
fn right_answers_end_in_a_site_file_and_the_next_command() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = at_a_terminal(folder.path(), 100, &[]);
    answer(&mut terminal, 0, 13);
    // What was tried in vain is told, and one may go on regardless.
    terminal.exp_string("cannot be reached").unwrap();
    answer(&mut terminal, 13, ANSWERS.len());
    say(&mut terminal, "AD/LDAP", "");
    let rest = terminal.exp_eof().unwrap();
    for expected in [
        "wrote corp/site.yaml",
        "wrote corp/answers.yaml",
        "still to do",
        "the certificate",
        "next: portcullis check --site corp/site.yaml",
    ] {
        assert!(rest.contains(expected), "{expected}: {rest}");
    }
    let site = site(folder.path());
    assert_eq!((site.name.as_str(), site.ntp_servers.as_slice()), ("corp", &["ntp.corp.example".to_owned()][..]));
}

#[test]
fn wrong_answers_are_refused_with_a_reason_and_a_question_mark_explains() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = at_a_terminal(folder.path(), 100, &[]);
    say(&mut terminal, "What kind of environment", "staging");
    terminal.exp_string("none of production, development, qa").unwrap();
    say(&mut terminal, "", "?");
    terminal.exp_string("--set environment=").unwrap();
    say(&mut terminal, "", "q");
    answer(&mut terminal, 1, 2);
    say(&mut terminal, "Name of this site", "Bad Name");
    terminal.exp_string("is no site's name").unwrap();
    say(&mut terminal, "", "good-name");
    say(&mut terminal, "Domain", "<");
    say(&mut terminal, "Name of this site", "better");
    say(&mut terminal, "Domain", "corp.example");
    // Keys that edit: what is typed wrong is taken back.
    say(&mut terminal, "Management Dashboard", "mange\x15manage.corp.exampleX\x7f");
    say(&mut terminal, "configuration tenant", "\x03");
    terminal.exp_eof().unwrap();
    let record = std::fs::read_to_string(folder.path().join("corp/.site.yaml.unfinished")).unwrap();
    assert!(record.contains("site: better\n") && record.contains("names.dashboard: manage.corp.example\n"), "{record}");
}

#[test]
fn a_secret_that_is_typed_goes_to_a_file_of_its_own_and_nowhere_else() {
    use std::os::unix::fs::PermissionsExt as _;
    const SECRET: &str = "canary-f3c1";
    let folder = tempfile::tempdir().unwrap();
    let known = [
        "--set",
        "route.vpn=true",
        "--set",
        "nodes=admin@127.0.0.1:1",
        "--set",
        "domain=corp.example",
        "--set",
        "smtp.host=127.0.0.1",
        "--set",
        "smtp.port=1",
        "--set",
        "smtp.username=appliance",
    ];
    let mut terminal = at_a_terminal(folder.path(), 100, &known);
    let mut shown = String::new();
    for _ in 0..40 {
        shown += &terminal.exp_string("\n\r> ").unwrap();
        let asked = shown.rsplit("\n\r\n").next().unwrap_or_default().to_owned();
        if shown.contains("Sender address") {
            break;
        }
        let is_password = asked.contains("Password at the mail server");
        let answer = if is_password { "type\r" } else { "\r" };
        terminal.send(answer).unwrap();
        terminal.flush().unwrap();
        if is_password {
            for invited in ["It is not shown", "Once more"] {
                shown += &terminal.exp_string(invited).unwrap();
                shown += &terminal.exp_string("> ").unwrap();
                terminal.send(&format!("{SECRET}\r")).unwrap();
                terminal.flush().unwrap();
            }
        }
    }
    terminal.send("\x03").unwrap();
    terminal.flush().unwrap();
    shown += &terminal.exp_eof().unwrap();
    let file = folder.path().join("corp/secrets/smtp-password");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), SECRET);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let record = std::fs::read_to_string(folder.path().join("corp/.site.yaml.unfinished")).unwrap();
    assert!(record.contains("smtp.password: \"file:secrets/smtp-password\""), "{record}");
    assert!(!shown.contains(SECRET) && !record.contains(SECRET), "{shown}");
}
