//! What a remote command left behind.

/// How a remote command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Code(u32),
    /// By this signal (without `SIG`).
    Signal(String),
    /// The server did not say: the channel closed first.
    Missing,
}

/// A finished command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Standard output after the start marker; what a login shell printed before is cut away.
    pub stdout: Vec<u8>,
    /// The last lines of standard error, for messages; never parsed.
    pub stderr_tail: String,
}

impl Output {
    /// Whether the command ended with status 0.
    pub fn is_success(&self) -> bool {
        self.exit == Exit::Code(0)
    }
}
