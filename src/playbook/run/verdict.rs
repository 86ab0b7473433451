//! How a run went on one node, in a word for scripts and in a sentence for a person, with what to do next.

use crate::node::{Holder, Outcome, RemoteError};

/// How a run went on one node.
#[derive(Debug)]
pub enum Verdict {
    /// It was as desired already.
    Unchanged,
    /// Everything is in place.
    Changed,
    /// The machine says how it failed.
    Failed(Outcome),
    /// The connection was lost and the machine could not be asked how it ended.
    Unknown(RemoteError),
    /// The machine could not be told at all; it stands as before.
    NotTold(RemoteError),
    /// Its turn did not come.
    Skipped,
    /// It was changed, and put back since another node failed.
    PutBack,
    /// It was changed, another node failed, and it could not be put back; this says why.
    LeftChanged(String),
}

impl Verdict {
    /// Whether the node is as desired.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Unchanged | Self::Changed)
    }

    /// What happened, for a person and the ledger.
    pub fn describe(&self) -> String {
        match self {
            Self::Unchanged => "unchanged".to_owned(),
            Self::Changed => "changed".to_owned(),
            Self::Skipped => "not begun: the run was stopped before its turn".to_owned(),
            Self::PutBack => "rolled back, since not every node could be done".to_owned(),
            Self::LeftChanged(why) => format!("still changed: it could not be rolled back: {why}"),
            Self::NotTold(error) => format!("stands as before: {error}"),
            Self::Unknown(error) => format!("not known: {error}"),
            Self::Failed(outcome) => describe_outcome(outcome),
        }
    }

    /// What to do next, where this says more than to run the same command again.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unchanged | Self::Changed | Self::Skipped | Self::PutBack => None,
            Self::LeftChanged(_) => Some("put it back when it can be reached: portcullis rollback".to_owned()),
            Self::NotTold(error) => error.help(),
            Self::Unknown(_) => Some(
                "the machine finishes or undoes by itself what it had accepted; `portcullis status` tells, once it can be reached"
                    .to_owned(),
            ),
            Self::Failed(outcome) => help_with(outcome),
        }
    }

    /// One word for scripts and the ledger.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed | Self::Failed(Outcome::Done | Outcome::RolledBack) => "changed",
            Self::Skipped => "skipped",
            Self::PutBack => "rolled-back",
            Self::LeftChanged(_) => "left-changed",
            Self::NotTold(_) | Self::Failed(Outcome::NotBegun { .. }) => "failed",
            Self::Unknown(_) => "unknown",
            Self::Failed(Outcome::Undone { .. }) => "undone",
            Self::Failed(Outcome::Broken { .. }) => "broken",
            Self::Failed(Outcome::Locked { .. }) => "locked",
            Self::Failed(Outcome::UnknownRun { .. }) => "unknown-run",
        }
    }
}

/// What a person can do about a machine's outcome.
pub fn help_with(outcome: &Outcome) -> Option<String> {
    let says = |reason: &str, words: &[&str]| words.iter().any(|word| reason.contains(word));
    Some(match outcome {
        Outcome::Locked { .. } => "wait until that run has ended (`--wait` does); one that was broken off gives way by itself".to_owned(),
        Outcome::Broken { .. } => {
            "put the files named right by hand; what stood there is kept on the machine below /var/lib/portcullis/runs".to_owned()
        }
        Outcome::NotBegun { reason, .. } | Outcome::Undone { reason, .. } if says(reason, &["No space left on device", "KiB free"]) => {
            "make room there (`df -h`, `df -i`)".to_owned()
        }
        Outcome::NotBegun { reason, .. } | Outcome::Undone { reason, .. } if says(reason, &["Read-only file system"]) => {
            "mount it for writing; a file system that became read-only by itself has a fault (`dmesg`)".to_owned()
        }
        Outcome::Done | Outcome::NotBegun { .. } | Outcome::Undone { .. } | Outcome::RolledBack | Outcome::UnknownRun { .. } => {
            return None;
        }
    })
}

/// What a machine's outcome means, in a sentence.
pub fn describe_outcome(outcome: &Outcome) -> String {
    let step_of = |step: &str| if step.is_empty() { String::new() } else { format!("step `{step}`: ") };
    match outcome {
        Outcome::Done => "changed".to_owned(),
        Outcome::RolledBack => "what the run replaced is back".to_owned(),
        Outcome::NotBegun { step, reason } => format!("stands as before: {}{reason}", step_of(step)),
        Outcome::Undone { step, reason } => format!("rolled back, and stands as before: {}{reason}", step_of(step)),
        Outcome::Broken { step, reason } => format!("NOT as before: {}{reason}", step_of(step)),
        Outcome::Locked { holder } => describe_holder(holder),
        Outcome::UnknownRun { reason } => reason.clone(),
    }
}

fn describe_holder(holder: &Holder) -> String {
    format!("stands as before: another run holds it: {holder}")
}
