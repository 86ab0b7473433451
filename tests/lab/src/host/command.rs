//! Running the host's programs (`ip`, `ssh-keygen`, `debootstrap`, …) with errors that show what they said.

use std::{
    ffi::OsStr,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use crate::error::LabError;

/// A command that can be added to before it runs.
#[expect(clippy::disallowed_methods, reason = "the lab is made of the host's own tools; this is the one place they start from")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C");
    command
}

/// Runs to the end and gives what it printed; anything but success is an error that carries its last words.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String, LabError> {
    finish(command(program).args(arguments).stdin(Stdio::null()).output(), program, arguments)
}

/// Like [`run`], with text on its stdin (secrets travel there, never in the arguments).
pub(crate) fn run_with_input(program: &str, arguments: &[&str], input: &str) -> Result<String, LabError> {
    let ran = command(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().and_then(
        |mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(input.as_bytes())?;
            }
            child.wait_with_output()
        },
    );
    finish(ran, program, arguments)
}

fn finish(ran: std::io::Result<Output>, program: &str, arguments: &[&str]) -> Result<String, LabError> {
    let output = ran.map_err(|source| LabError::NotStarted { program: program.to_owned(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let mut last: Vec<&str> = said.trim().lines().rev().take(8).collect();
    last.reverse();
    Err(LabError::CommandFailed {
        command: format!("{program} {}", arguments.join(" ")),
        stderr: format!("{} ({})", last.join(" / "), output.status),
    })
}
