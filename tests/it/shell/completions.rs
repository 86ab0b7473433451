//! Completions as a person meets them: the tabulator key in bash, zsh and fish. PowerShell has no Debian package: its script is
//! only made, not tried.

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

use super::{command, desk, write};

/// Long enough for a loaded machine.
const PATIENCE: u64 = 30_000;

/// A shell, the file that it reads at its start where it may be named, and what makes it ask the program and be ready.
const SHELLS: [(&str, &[&str], &str, &str); 3] = [
    ("bash", &["--noprofile", "--rcfile", "start.bash", "-i"], "start.bash", "PS1='ready> '\nsource <(portcullis completions bash)\n"),
    (
        "zsh",
        &["-i"],
        ".zshrc",
        "PS1='ready> '\nautoload -U compinit && compinit -u -D\nsource <(portcullis completions zsh)\nunsetopt zle_bracketed_paste\n",
    ),
    (
        "fish",
        &["--no-config", "-i", "-C", "source start.fish"],
        "start.fish",
        "function fish_prompt; echo -n 'ready> '; end\nportcullis completions fish | source\n",
    ),
];

/// Half a line, and what the tabulator key has to bring; of a single word the rest.
const LINES: [(&str, &[&str]); 10] = [
    ("portcullis compl", &["etions"]),
    ("portcullis plan --non-in", &["teractive"]),
    ("portcullis plan --limit web-", &["web-one", "web-two"]),
    ("portcullis apply --limit web-one,web-", &["web-one", "web-two"]),
    ("portcullis plan t", &["time", "tls"]),
    ("portcullis apply kept-", &["file.plan"]),
    ("portcullis check --only smtp.st", &["arttls"]),
    ("portcullis access close w-", &["20261122-3f9a1c"]),
    ("portcullis rollback 2026", &["1122T120000.000Z-3f9a1c"]),
    ("portcullis help exit", &["-codes"]),
];

/// Starts a shell in a wide terminal that echoes: without that readline shows nothing.
fn start(shell: &str, arguments: &[&str], folder: &std::path::Path) -> PtySession {
    let mut command = command(folder, "sh");
    command.args(["-c", "stty cols 200 rows 50 echo; exec \"$@\"", "sh", shell]).args(arguments);
    spawn_with_options(command, Options::new().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(true)).expect("the shell starts")
}

#[test]
fn each_shell_completes_words_nodes_windows_runs_playbooks_checks_files_and_topics() {
    let folder = desk();
    write(folder.path(), "kept-file.plan", "{}");
    for (shell, arguments, file, setup) in SHELLS {
        write(folder.path(), file, setup);
        let mut session = start(shell, arguments, folder.path());
        for (line, wanted) in LINES {
            session.exp_string("ready> ").unwrap_or_else(|error| panic!("{shell} is not ready for `{line}`: {error}"));
            // The first completes as far as it goes, the second shows what there is.
            let keys = if wanted.len() == 1 { "\t" } else { "\t\t" };
            session.send(&format!("{line}{keys}")).unwrap();
            session.flush().unwrap();
            for word in wanted {
                session.exp_string(word).unwrap_or_else(|error| panic!("{shell}: `{line}`, then {word}: {error}"));
            }
            // The line is wiped away, and a prompt is new once something was said after it.
            session.send("\u{15}echo fre''sh\r").unwrap();
            session.flush().unwrap();
            session.exp_string("fresh").unwrap_or_else(|error| panic!("{shell} after `{line}`: {error}"));
        }
    }
}
