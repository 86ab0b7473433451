//! A POSIX shell script to run on a machine, with its payload on standard input.

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

/// What is to be run. The text is no secret; the payload may be, and travels on standard input alone.
#[derive(Debug, Clone)]
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
