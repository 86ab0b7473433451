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

impl Exit {
    /// The exit with that number; what is no exit code of ours is a failure.
    pub(crate) fn from_code(code: u8) -> Self {
        let all =
            [Self::Done, Self::Usage, Self::Findings, Self::Changes, Self::Partial, Self::Unreachable, Self::Refused, Self::Interrupted];
        all.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Failed)
    }

    /// The number.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}
