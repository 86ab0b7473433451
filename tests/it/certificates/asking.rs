//! A person at a terminal: several certificates could be the server's, and the one who knows is asked.

use std::path::Path;

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use rustix::termios::LocalModes;

use super::command::examples;

/// Long enough for a loaded machine; a prompt is there in no time.
const PATIENCE: u64 = 60_000;

#[expect(clippy::disallowed_methods, reason = "the program is run as a person runs it, at a terminal")]
fn at_a_terminal(folder: &Path, args: &[&str]) -> PtySession {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(args).current_dir(folder).env("HOME", folder).env("NO_COLOR", "1").env("TERM", "xterm");
    spawn_with_options(command, Options::new().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(true)).expect("the program starts")
}

/// A folder with the certificates of two servers and their root.
fn two_servers() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [("good/ecdsa/chain.pem", "first.pem"), ("good/rsa/chain.pem", "second.pem")] {
        std::fs::copy(examples().join(from), folder.path().join(to)).unwrap();
    }
    for root in ["root.pem", "rsa-root.pem"] {
        std::fs::copy(examples().join("authorities").join(root), folder.path().join(root)).unwrap();
    }
    folder
}

const CHECK: [&str; 10] =
    ["cert", "check", "first.pem", "second.pem", "--root", "root.pem", "--root", "rsa-root.pem", "--at", "2026-12-01"];

#[test]
fn whoever_sits_at_the_terminal_says_which_one_is_meant() {
    let folder = two_servers();
    let mut terminal = at_a_terminal(folder.path(), &CHECK);
    terminal.exp_string("Which is the server's certificate?").unwrap();
    // Both are offered with where they stand; the second one is taken.
    terminal.exp_string("first.pem:1").unwrap();
    terminal.exp_string("second.pem:1").unwrap();
    terminal.send("7\r").unwrap();
    terminal.flush().unwrap();
    terminal.exp_string("a number from 1 to 2").unwrap();
    terminal.send("2\r").unwrap();
    terminal.flush().unwrap();
    terminal.exp_string("cert.chain.extra").unwrap();
    let rest = terminal.exp_eof().unwrap();
    assert!(rest.contains("first.pem:1"), "what was not chosen is of no use to the chain: {rest}");
}

#[test]
fn ctrl_c_at_a_question_leaves_the_terminal_as_it_was() {
    let folder = two_servers();
    std::fs::copy(examples().join("good/ecdsa/server.key"), folder.path().join("first.key")).unwrap();
    let pfx = ["cert", "pfx", "--in", "first.pem", "first.key", "--root", "root.pem", "--password-from", "prompt", "--out", "x.pfx"];
    for (line, question) in [(&CHECK[..], "second.pem:1"), (&pfx, "the new PFX's password")] {
        let mut terminal = at_a_terminal(folder.path(), line);
        let before = modes(&terminal);
        terminal.exp_string(question).unwrap();
        while modes(&terminal) == before {
            std::thread::yield_now();
        }
        terminal.send("\x03").unwrap();
        terminal.flush().unwrap();
        terminal.exp_string("interrupted").unwrap();
        assert_eq!(modes(&terminal), before);
        let ended = terminal.process().wait().unwrap();
        assert!(format!("{ended:?}").contains(", 130)"), "{ended:?}");
    }
    assert!(!folder.path().join("x.pfx").exists());
}

/// Local modes of the session's terminal.
fn modes(session: &PtySession) -> LocalModes {
    let terminal = session.process().get_file_handle().unwrap();
    // Echo is off from the beginning, in a terminal that a program reads.
    rustix::termios::tcgetattr(&terminal).unwrap().local_modes & (LocalModes::ICANON | LocalModes::ISIG)
}

#[test]
fn nobody_is_asked_where_that_is_forbidden() {
    let folder = two_servers();
    let mut terminal = at_a_terminal(folder.path(), &[&CHECK[..], &["--non-interactive"]].concat());
    let text = terminal.exp_eof().unwrap();
    assert!(text.contains("it is not clear which one is meant") && !text.contains("Which is"), "{text}");
}

#[test]
fn the_password_of_a_new_pfx_is_typed_twice_and_a_slip_writes_nothing() {
    let folder = two_servers();
    std::fs::copy(examples().join("good/ecdsa/server.key"), folder.path().join("first.key")).unwrap();
    let line = ["cert", "pfx", "--in", "first.pem", "first.key", "--root", "root.pem", "--password-from", "prompt", "--out", "x.pfx"];
    for (again, written) in [("geheim2", false), ("geheim", true)] {
        let mut terminal = at_a_terminal(folder.path(), &line);
        terminal.exp_string("the new PFX's password").unwrap();
        terminal.send_line("geheim").unwrap();
        terminal.exp_string("once more").unwrap();
        terminal.send_line(again).unwrap();
        let rest = terminal.exp_eof().unwrap();
        assert_eq!((rest.contains("the two passwords differ"), folder.path().join("x.pfx").exists()), (!written, written), "{rest}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the program is run as a person runs it, in a pipe")]
fn what_another_program_prints_is_read_from_standard_input() {
    let chain = std::fs::File::open(examples().join("good/ecdsa/chain.pem")).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.args(["cert", "inspect", "-"]).stdin(chain).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("standard input:1"), "{output:?}");
}
