//! Exit codes: a documented promise that scripts rely on.

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done; nothing found.
    Done = 0,
    /// Failed, or rolled back; nothing is left half-done.
    Failed = 1,
    /// Usage, or an unreadable or invalid site, playbook, template or answer.
    Usage = 2,
    /// Something of severity error was found.
    Findings = 3,
    /// `plan`: there are changes.
    Changes = 4,
    /// Some nodes failed and stand as they stood before; the others are done.
    Partial = 5,
    /// No node could be reached, or no login was accepted.
    Unreachable = 6,
    /// Refused by policy, or a lock is held.
    Refused = 7,
    /// Interrupted; the state is as after 1.
    Interrupted = 130,
}

/// What each number tells a script.
const MEANINGS: [(Exit, &str); 9] = [
    (Exit::Done, "done; nothing found"),
    (
        Exit::Failed,
        "failed, or rolled back (also with `--all-or-nothing`); nothing is left half-done, and the message says what was undone",
    ),
    (Exit::Usage, "usage, or an unreadable or invalid site, playbook, template or answer"),
    (Exit::Findings, "something of severity error was found: `check`, `cert check`, `verify`, `audit verify`, `site check`"),
    (Exit::Changes, "`plan`: there are changes"),
    (
        Exit::Partial,
        "some nodes failed, or were left out after the first failure of a rolling run, and stand as they stood before; the others are done",
    ),
    (Exit::Unreachable, "no node could be reached, or no login was accepted"),
    (
        Exit::Refused,
        "refused by policy: a lock is held (also after `--wait`), a kept plan no longer holds, a broken-off run began with other options, \
         a checkpoint does not continue what was countersigned",
    ),
    (Exit::Interrupted, "interrupted; the state is as after 1"),
];

/// The reference page, in Markdown.
pub(crate) fn page() -> String {
    let rows: Vec<String> = MEANINGS.iter().map(|(exit, meaning)| format!("| {} | {meaning} |\n", exit.code())).collect();
    format!("# Exit codes\n\n| code | meaning |\n| --- | --- |\n{}", rows.concat())
}

impl Exit {
    /// The exit with that number; what is no exit code of ours is a failure.
    pub(crate) fn from_code(code: u8) -> Self {
        MEANINGS.into_iter().map(|(exit, _)| exit).find(|exit| exit.code() == code).unwrap_or(Self::Failed)
    }

    /// The number.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}
