//! A person's terminal: the program in a pseudo-terminal of so many columns, questions waited for and answered.

use std::path::Path;

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

/// Long enough for a loaded machine; a question is there in no time.
const PATIENCE: u64 = 60_000;

/// Starts `init` in a terminal of so many columns, where nothing but the folder is seen: it is the home as well.
pub(crate) fn at_a_terminal(folder: &Path, columns: u16, args: &[&str]) -> PtySession {
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

/// Waits for a question and answers it; what was shown since the last answer.
#[track_caller]
pub(crate) fn say(terminal: &mut PtySession, question: &str, answer: &str) -> String {
    type_in(terminal, question, &format!("{answer}\r"))
}

/// Waits for a question and sends these keys; what was shown since the last ones.
#[track_caller]
pub(crate) fn type_in(terminal: &mut PtySession, question: &str, keys: &str) -> String {
    let mut shown = terminal.exp_string(question).unwrap_or_else(|error| panic!("{question}: {error}"));
    shown += question;
    shown += &terminal.exp_string("> ").unwrap();
    terminal.send(keys).unwrap();
    terminal.flush().unwrap();
    shown
}

/// The site file that was written.
pub(crate) fn site(folder: &Path) -> portcullis::site::model::Site {
    portcullis::site::load(&folder.join("corp/site.yaml"), folder).unwrap()
}
