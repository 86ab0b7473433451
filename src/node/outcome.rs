//! What a machine answers to a transaction.

use super::lock::Holder;

/// How a transaction or a rollback ended on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is in place.
    Done,
    /// Refused or failed before anything was touched.
    NotBegun {
        /// The step that failed, where one did.
        step: String,
        /// Why.
        reason: String,
    },
    /// It failed, and what was there before is back, read back and compared.
    Undone {
        /// The step that failed.
        step: String,
        /// Why.
        reason: String,
    },
    /// It failed, and not everything could be put back; the reason names what.
    Broken {
        /// The step that failed.
        step: String,
        /// Why, and what is not as it was.
        reason: String,
    },
    /// Another run holds the machine.
    Locked {
        /// Who, and since when.
        holder: Holder,
    },
    /// The old state is back (answer to a rollback).
    RolledBack,
    /// The machine keeps no such run.
    UnknownRun {
        /// In the machine's words.
        reason: String,
    },
}

/// One line of progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The step, or `stage` and `undo`.
    pub step: String,
    /// `done`, `swapped`, `started`.
    pub state: String,
    /// A path, or an action.
    pub detail: String,
}

/// One line of a transaction's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Progress.
    Progress(Progress),
    /// An earlier run, broken off, was settled first.
    Recovered {
        /// The earlier run.
        run: String,
        /// What could not be put back; empty when all is well.
        trouble: String,
    },
    /// How it ended.
    Ended(Outcome),
}

/// Reads one line of a transaction's answer; `None` for a line that is not ours.
pub fn parse_answer(line: &str) -> Option<Answer> {
    let mut fields = line.split('\t').map(|field| field.replace('\u{1e}', "\n"));
    let kind = fields.next()?;
    let (first, second) = (fields.next()?, fields.next()?);
    let third = fields.next().unwrap_or_default();
    match kind.as_str() {
        "step" => Some(Answer::Progress(Progress { step: first, state: second, detail: third })),
        "recovered" => Some(Answer::Recovered { run: first, trouble: third }),
        "result" => outcome(&first, second, third).map(Answer::Ended),
        _ => None,
    }
}

fn outcome(word: &str, step: String, reason: String) -> Option<Outcome> {
    Some(match word {
        "done" => Outcome::Done,
        "failed" | "refused" => Outcome::NotBegun { step, reason },
        "undone" => Outcome::Undone { step, reason },
        "broken" => Outcome::Broken { step, reason },
        "locked" => Outcome::Locked { holder: Holder::parse(&reason, &step) },
        "rolled-back" => Outcome::RolledBack,
        "unknown" => Outcome::UnknownRun { reason },
        _ => return None,
    })
}
