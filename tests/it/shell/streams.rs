//! What becomes of an answer that nobody reads, or that does not fit: `… | head -1`, a full disk. And of words from the environment.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::{WINDOW, command, desk};

/// Commands of each way to print: help, text, one object, events, documents, certificates.
const COMMANDS: [&[&str]; 12] = [
    &["--help"],
    &["--version"],
    &["help", "secrets"],
    &["site", "schema"],
    &["playbook", "show", "bootstrap"],
    &["completions", "bash"],
    &["access", "list"],
    &["access", "list", "--output", "json"],
    &["audit", "log"],
    &["check", "--offline", "--output", "json"],
    &["cert", "inspect", "chain.pem"],
    &["cert", "inspect", "chain.pem", "--output", "json"],
];

fn with_a_chain() -> tempfile::TempDir {
    let folder = desk();
    let chain = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-examples/good/rsa/chain.pem");
    std::fs::copy(chain, folder.path().join("chain.pem")).unwrap();
    folder
}

fn portcullis(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(folder, "portcullis");
    command.args(arguments).stdin(Stdio::null());
    command
}

fn ends(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn an_answer_that_does_not_fit_is_a_failure_that_is_told() {
    let folder = with_a_chain();
    for arguments in COMMANDS {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let (code, _, said) = ends(portcullis(folder.path(), arguments).stdout(full));
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(said.contains("error: ") && said.contains("No space left") && said.contains("help: "), "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = with_a_chain();
    for arguments in COMMANDS {
        let line = format!("portcullis {} | head -1; echo \"code ${{PIPESTATUS[0]}}\"", arguments.join(" "));
        let (_, out, said) = ends(command(folder.path(), "bash").args(["-c", &line]));
        // What `check` finds is its exit code as ever.
        assert!(out.ends_with("code 0\n") || arguments[0] == "check" && out.ends_with("code 3\n"), "{arguments:?}: {out}{said}");
        assert!(!said.contains("panic") && !said.contains("error:"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_variable_that_is_empty_is_one_that_is_not_set() {
    let folder = desk();
    let mut empty = portcullis(folder.path(), &["access", "list"]);
    for variable in ["PORTCULLIS_SITE", "PORTCULLIS_OUTPUT", "PORTCULLIS_PROGRESS"] {
        empty.env(variable, "");
    }
    let (code, out, said) = ends(&mut empty);
    assert!(code == Some(0) && out.contains(WINDOW), "{out}{said}");
    let (code, out, said) = ends(portcullis(folder.path(), &["access", "list"]).env("PORTCULLIS_OUTPUT", "json"));
    assert!(code == Some(0) && out.starts_with('{'), "{out}{said}");
    let (code, _, said) = ends(portcullis(folder.path(), &["access", "list"]).env("PORTCULLIS_OUTPUT", "xml"));
    assert!(code == Some(2) && said.contains("'xml'"), "{said}");
}

#[test]
fn a_misspelt_name_is_refused_with_the_nearest() {
    let folder = desk();
    for (arguments, wrong, near) in [
        (&["render", "tls", "--node", "web-onne"][..], "--node names `web-onne`", "did you mean `web-one`?"),
        (&["plan", "--limit", "web-onne"], "--limit names `web-onne`", "did you mean `web-one`?"),
        (
            &["access", "open", "--who", "x", "--for", "1h", "--reason", "x", "--node", "web-onne"],
            "--node names",
            "did you mean `web-one`?",
        ),
        (&["access", "show", "w-20261122-3f9a1d"], "no window w-20261122-3f9a1d", "did you mean `w-20261122-3f9a1c`?"),
        (&["check", "--only", "smtp.strattls"], "`smtp.strattls`, which is no check", "did you mean `smtp.starttls`?"),
        (&["audit", "log", "--ledger", "mysql://host/ledger"], "`mysql:`, which is none that is known", "name a file"),
        (&["audit", "log", "--ledger", "/tmp"], "/tmp is not a ledger", "name the ledger"),
    ] {
        let (code, _, said) = ends(&mut portcullis(folder.path(), arguments));
        assert!(code.is_some_and(|code| code != 0) && said.contains(wrong) && said.contains(near), "{arguments:?}: {said}");
    }
}

/// A site whose mail password comes from a program that takes its time.
fn with_a_slow_secret(seconds: u32) -> tempfile::TempDir {
    let folder = desk();
    let mail = format!(
        "smtp: {{host: mail.example, port: 587, username: a, from: a@mail.example, password: 'cmd:touch begun; sleep {seconds}; echo x'}}\n"
    );
    super::write(folder.path(), "site.yaml", &format!("{}{mail}", super::SITE));
    folder
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

/// Starts `apply smtp`, and waits until the secret is being fetched.
fn begun(folder: &Path) -> Child {
    let line = ["apply", "smtp", "--yes", "--non-interactive", "--output", "json"];
    let child = portcullis(folder, &line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !folder.join("begun").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child
}

#[test]
fn an_interrupt_before_any_machine_is_dialled_is_told_in_json() {
    let folder = with_a_slow_secret(1);
    let child = begun(folder.path());
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let events = crate::docs::events_of(&String::from_utf8_lossy(&output.stdout));
    let last = events.last().unwrap();
    assert!(last["event"] == "summary" && last["exit_code"] == 130, "{events:?}");
}

#[test]
fn a_second_interrupt_ends_even_what_waits_for_a_program_that_hangs() {
    let folder = with_a_slow_secret(30);
    let mut child = begun(folder.path());
    interrupt(&child);
    // Signals that arrive together count as one: it is asked until it goes.
    let asked = std::iter::from_fn(|| child.try_wait().unwrap().is_none().then(|| interrupt(&child)));
    let asked = asked.inspect(|()| std::thread::sleep(std::time::Duration::from_millis(200))).count();
    assert!(child.wait().unwrap().code() == Some(130) && asked < 100, "it waits for the program");
}

#[test]
fn where_nobody_can_be_asked_all_keys_that_would_ask_are_named_at_once() {
    let folder = desk();
    let mail =
        "smtp: {host: mail.example, port: 587, username: a, from: a@mail.example, password: prompt}\naccess: {ca_passphrase: prompt}\n";
    let site = super::SITE.replace("name: web-two,", "name: web-two, sudo_password: prompt,");
    super::write(folder.path(), "site.yaml", &format!("{site}{mail}"));
    let (code, _, said) = ends(&mut portcullis(folder.path(), &["apply", "smtp", "--yes"]));
    assert!(code == Some(2) && said.contains("password of a at mail.example: there is no terminal to ask at"), "{said}");
    assert!(said.contains("`prompt` stands at: nodes.web-two.sudo_password, access.ca_passphrase, smtp.password\n"), "{said}");
}

#[test]
fn watching_ends_with_an_interrupt_and_without_complaint() {
    let folder = desk();
    let mut watching =
        portcullis(folder.path(), &["status", "--watch", "1s"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One look after another: the second has a head of its own.
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let heads = lines.by_ref().filter(|line| line.as_ref().is_ok_and(|line| line.starts_with("20") && line.ends_with('Z'))).take(2);
    assert_eq!(heads.count(), 2);
    interrupt(&watching);
    let output = watching.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(130) && !said.contains("interrupted"), "{said}");
}

#[test]
fn init_writes_the_site_file_where_site_says() {
    let folder = tempfile::tempdir().unwrap();
    let answers = r#"{"route.hops": ["ops@jump.example"], "nodes": ["10.0.0.1"], "environment": "qa", "domain": "qa.corp.example"}"#;
    std::fs::write(folder.path().join("answers"), answers).unwrap();
    let init = |more: &[&str]| {
        let arguments = [&["init", "--answers", "answers"], more].concat();
        ends(portcullis(folder.path(), &arguments).env_remove("PORTCULLIS_SITE"))
    };
    let (code, said, next) = init(&["--site", "corp/named.yaml"]);
    assert_eq!(code, Some(0), "{next}");
    assert!(said.starts_with("wrote corp/named.yaml: ") && next.contains("portcullis check --site corp/named.yaml"), "{said}{next}");
    assert!(folder.path().join("corp/named.yaml").is_file() && !folder.path().join("site.yaml").exists());
    let (code, _, said) = init(&["other", "--site", "named.yaml"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("both say where the site file goes") && said.contains("give one of the two"), "{said}");
}
