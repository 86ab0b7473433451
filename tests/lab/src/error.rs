//! What can go wrong with a lab, said so that the person at the terminal knows which part of the machinery it was.

use std::{io, path::PathBuf};

/// A failure of the lab's own machinery (never of what a test runs inside it).
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A file or folder of the lab could not be read, written or made.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried, as a verb: `read`, `write`, `create`, …
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A program of the host could not be started at all.
    #[error("cannot start `{program}`")]
    NotStarted {
        /// Its name.
        program: String,
        /// Why not; a missing program is the usual cause.
        source: io::Error,
    },
    /// A program of the host ran and failed.
    #[error("`{command}` failed: {stderr}")]
    CommandFailed {
        /// The command line (the lab gives no secrets there).
        command: String,
        /// The last of what it said.
        stderr: String,
    },
    /// A system call failed.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The kernel's answer.
        source: nix::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make the certificate of {subject}")]
    Certificate {
        /// Whose.
        subject: String,
        /// Why not.
        source: rcgen::Error,
    },
    /// A state file of the lab is not what it should be.
    #[error("cannot understand {}", path.display())]
    State {
        /// Which file.
        path: PathBuf,
        /// Where it is wrong.
        source: serde_json::Error,
    },
    /// No usable line among the machine's apt sources.
    #[error("no Debian or Ubuntu mirror with a suite among the apt sources of this machine")]
    NoMirror,
    /// The lab stands already.
    #[error("the lab `{0}` stands already")]
    AlreadyUp(String),
    /// No lab of this name stands.
    #[error("no lab `{0}` stands")]
    NotUp(String),
    /// The lab has no such machine.
    #[error("the lab has no machine `{0}`")]
    UnknownMachine(String),
    /// The machine is not running at the moment.
    #[error("the machine `{0}` is not running")]
    MachineDown(String),
    /// A lab's name becomes part of host names and paths.
    #[error("`{0}` is no lab name: 1 to 24 of a-z, 0-9 and `-`")]
    BadName(String),
    /// More nodes than the address plan has room for.
    #[error("{0} nodes are too many: at most 200")]
    TooManyNodes(usize),
    /// An offset that libfaketime does not understand.
    #[error("`{0}` is no clock offset: `+90s`, `-5m`, `+2h`, `-3d` or `0`")]
    BadOffset(String),
    /// Every loopback address tried was taken.
    #[error("no loopback address is free for the jumphost")]
    NoAddress(#[source] io::Error),
    /// The lab did not come up in time.
    #[error("the lab was not ready after {seconds} s: {waiting}")]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// What was still missing, and where its console is.
        waiting: String,
    },
    /// Something of the lab outlived `down`.
    #[error("left behind after down: {0}")]
    LeftBehind(String),
    /// The `lab` program is not where the tests look for it.
    #[error("no lab program at {}", .0.display())]
    ProgramMissing(PathBuf),
}

impl LabError {
    /// What to do next, where something can be done.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotStarted { program, .. } => Some(format!("`make deps` installs what the lab needs; is `{program}` in the PATH?")),
            Self::AlreadyUp(name) => Some(format!("`lab --lab {name} down` ends it; another `--lab NAME` stands beside it")),
            Self::NotUp(name) => Some(format!("`lab --lab {name} up` starts it; `lab status` lists those that stand")),
            Self::UnknownMachine(_) => Some("`lab status` lists the machines".to_owned()),
            Self::MachineDown(_) => Some("`lab status` shows its state; its console is under the lab's state folder".to_owned()),
            Self::ProgramMissing(_) => Some("`cargo build -p portcullis-lab` makes it; PORTCULLIS_LAB_BIN names another place".to_owned()),
            Self::NoMirror => Some("a `deb` line or a deb822 file for the distribution's main archive must stand in /etc/apt".to_owned()),
            Self::NotReady { .. } => Some("`lab down` cleans up what stands".to_owned()),
            Self::File { .. }
            | Self::CommandFailed { .. }
            | Self::System { .. }
            | Self::Certificate { .. }
            | Self::State { .. }
            | Self::BadName(_)
            | Self::TooManyNodes(_)
            | Self::BadOffset(_)
            | Self::NoAddress(_)
            | Self::LeftBehind(_) => None,
        }
    }

    /// For `map_err` on file operations.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
