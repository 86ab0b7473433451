//! `portcullis access ssh`: plain ssh with the window's folder; this program is out of the way once it runs.

use std::path::PathBuf;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::failure::{Failure, Sentence};
use super::SshArgs;
use super::premises::{Premises, local};
use crate::access::State;

/// Runs `access ssh`.
#[expect(clippy::disallowed_methods, reason = "the person's own ssh is what a window is used with")]
pub(super) fn run(args: &SshArgs, context: &Context) -> Result<Exit, Failure> {
    let premises = Premises::look(context)?;
    let window = premises.window(&args.id)?;
    if !window.nodes.contains(&args.node) {
        let nodes = window.nodes.join(", ");
        return Err(Failure::usage(format!("window {} does not open `{}`", window.id, args.node), format!("it opens: {nodes}")));
    }
    match window.state(context.now) {
        State::Open => {}
        State::Scheduled => {
            let what = format!("window {} opens at {}", window.id, local(window.span.start()));
            return Err(Failure::new(Exit::Refused, Sentence(what), None));
        }
        state @ (State::Requested | State::Opening | State::Ended | State::Closing | State::Closed) => {
            let what = format!("window {} is {}", window.id, state.word());
            return Err(Failure::new(Exit::Refused, Sentence(what), Some("open another: portcullis access open".to_owned())));
        }
    }
    let folder = premises.out_of(&window.id)?.unwrap_or_else(|| PathBuf::from("windows").join(window.id.as_str()));
    let mut command = std::process::Command::new("ssh");
    command.arg("-F").arg(folder.join("ssh_config")).arg(&args.node).args(&args.command);
    let error = match become_it(&mut command) {
        Ok(code) => return Ok(code),
        Err(error) => error,
    };
    Err(Failure::new(Exit::Failed, Sentence(format!("ssh cannot be started: {error}")), Some("install OpenSSH's client".to_owned())))
}

/// Gives the process over to the command.
#[cfg(unix)]
fn become_it(command: &mut std::process::Command) -> std::io::Result<Exit> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec())
}

/// Runs the command, and ends as it ends.
#[cfg(not(unix))]
fn become_it(command: &mut std::process::Command) -> std::io::Result<Exit> {
    command.status().map(|status| if status.success() { Exit::Done } else { Exit::Failed })
}
