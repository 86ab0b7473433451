//! A POSIX shell script to run on a machine, with its payload on standard input.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use zeroize::Zeroizing;

/// How a script gets the rights it needs.
#[derive(Debug, Clone)]
pub enum Elevation {
    /// It runs as the login user.
    None,
    /// Through `sudo` without a password.
    Sudo,
    /// Through `sudo`, the password given on standard input.
    SudoPassword(SecretString),
}

impl Elevation {
    /// Whether a script runs as root by it.
    pub(crate) fn is_to_root(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// What is to be run. The text is no secret; the payload may be, and travels on standard input alone.
#[derive(Clone)]
pub struct Script {
    /// A name for messages, such as `probe`.
    pub label: &'static str,
    /// POSIX shell text, run by `/bin/sh`. Its standard input is the payload.
    pub text: String,
    /// Bytes for the script's standard input.
    pub payload: Zeroizing<Vec<u8>>,
    /// The rights it runs with.
    pub elevation: Elevation,
    /// How long it may take, from its start to its end.
    pub timeout: Duration,
}

impl fmt::Debug for Script {
    /// Without the payload: it may be a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = format_args!("{} bytes", self.payload.len());
        formatter.debug_struct("Script").field("label", &self.label).field("payload", &payload).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_does_not_show_in_debug_output() {
        let payload = Zeroizing::new(b"hunter2".to_vec());
        let script = Script { label: "apply", text: String::new(), payload, elevation: Elevation::None, timeout: Duration::ZERO };
        assert_eq!(format!("{script:?}"), "Script { label: \"apply\", payload: 7 bytes, .. }");
    }
}
