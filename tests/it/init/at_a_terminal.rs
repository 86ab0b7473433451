//! `init` as a person meets it: through a pseudo-terminal, wide and narrow, with right and wrong answers.

use std::path::Path;

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

/// Long enough for a loaded machine; a question is there in no time.
const PATIENCE: u64 = 60_000;

/// Starts `init` in a terminal of so many columns, where nothing but the folder is seen.
fn at_a_terminal(folder: &Path, columns: u16, args: &[&str]) -> PtySession {
    // `stty` sets what the terminal itself would say; nothing else runs in between.
    let program = env!("CARGO_BIN_EXE_portcullis");
    let mut command = shell();
    let script = format!("stty cols {columns} rows 24; exec \"$@\"");
    command.args(["-c", &script, "sh", program, "init", "corp"]).args(args);
    command.current_dir(folder).env("HOME", folder).env("NO_COLOR", "1").env("TERM", "xterm").env_remove("SSH_AUTH_SOCK");
    for proxy in ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    spawn_with_options(command, Options::new().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(true)).expect("the program starts")
}

#[expect(clippy::disallowed_methods, reason = "the program is run as a person runs it, at a terminal")]
fn shell() -> std::process::Command {
    std::process::Command::new("sh")
}

/// Waits for a question and answers it.
fn say(terminal: &mut PtySession, question: &str, answer: &str) {
    terminal.exp_string(question).unwrap_or_else(|error| panic!("{question}: {error}"));
    terminal.exp_string("> ").unwrap();
    terminal.send(&format!("{answer}\r")).unwrap();
    terminal.flush().unwrap();
}

/// Right answers to all questions; a dead address, so that the trial ends at once.
const ANSWERS: [(&str, &str); 22] = [
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

fn site(folder: &Path) -> portcullis::site::model::Site {
    portcullis::site::load(&folder.join("corp/site.yaml"), folder).unwrap()
}

#[test]
fn right_answers_end_in_a_site_file_and_the_next_command() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = at_a_terminal(folder.path(), 100, &[]);
    answer(&mut terminal, 0, 11);
    // What was tried in vain is told, and one may go on regardless.
    say(&mut terminal, "Private key files", "-");
    terminal.exp_string("cannot be reached").unwrap();
    answer(&mut terminal, 12, ANSWERS.len());
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
fn ctrl_c_at_each_question_loses_nothing_and_leaves_no_site_file() {
    let folder = tempfile::tempdir().unwrap();
    for stop in 0..ANSWERS.len() {
        // Each start takes up where the last one stopped, answers one question and is broken off at the next.
        let mut terminal = at_a_terminal(folder.path(), 80, &[]);
        if stop > 0 {
            say(&mut terminal, ANSWERS[stop - 1].0, ANSWERS[stop - 1].1);
        }
        say(&mut terminal, ANSWERS[stop].0, "\x03");
        let rest = terminal.exp_eof().unwrap();
        assert!(rest.contains("takes up where you stopped"), "{stop}: {rest}");
        let status = format!("{:?}", terminal.process().wait().unwrap());
        assert!(status.contains("130"), "{stop}: {status}");
        assert!(!folder.path().join("corp/site.yaml").exists());
    }
    let mut terminal = at_a_terminal(folder.path(), 80, &[]);
    answer(&mut terminal, ANSWERS.len() - 1, ANSWERS.len());
    say(&mut terminal, "AD/LDAP", "ldaps://dc.corp.example");
    terminal.exp_string("wrote corp/site.yaml").unwrap();
    terminal.exp_eof().unwrap();
    assert_eq!(site(folder.path()).connectors[0].ldap_url, "ldaps://dc.corp.example");
}

#[test]
fn forty_columns_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = at_a_terminal(folder.path(), 40, &["--set", "route.vpn=true", "--set", "nodes=admin@127.0.0.1:1"]);
    let mut shown = String::new();
    for (question, answer) in [("environment is it", "qa"), ("support was agreed", ""), ("Name of this site", &"x".repeat(80))] {
        shown += &terminal.exp_string(question).unwrap();
        shown += &terminal.exp_string("> ").unwrap();
        terminal.send(&format!("{answer}\r")).unwrap();
        terminal.flush().unwrap();
    }
    shown += &terminal.exp_string("no site's name").unwrap();
    terminal.send("\x03").unwrap();
    terminal.flush().unwrap();
    shown += terminal.exp_eof().unwrap().split("error:").next().unwrap_or_default();
    // The reader takes bytes for letters.
    let shown = shown.replace("â\u{80}¦", "…");
    let widest = shown.split(['\n', '\r']).map(|line| line.trim_end().chars().count()).max().unwrap();
    assert!(widest <= 40, "{widest}: {shown}");
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
