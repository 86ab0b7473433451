//! A command that failed: what failed and where, why, what to do next, and the exit code that says so.

use std::error::Error;

use super::exit::Exit;

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What failed and where; the causes follow as its sources.
    pub error: Box<dyn Error + Send + Sync>,
    /// What to do next.
    pub help: Option<String>,
}

/// A plain sentence as an error: for failures that no module but the command line knows.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Sentence(pub String);

impl Failure {
    /// A failure with this exit code.
    pub fn new(exit: Exit, error: impl Into<Box<dyn Error + Send + Sync>>, help: Option<String>) -> Self {
        Self { exit, error: error.into(), help }
    }

    /// The command line, or an input file, is wrong.
    pub fn usage(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Usage, Sentence(what.into()), Some(help.into()))
    }

    /// Something that had to be asked cannot be.
    pub fn not_asked(what: &str, flag: &str) -> Self {
        Self::usage(format!("{what}, and there is nobody to ask"), format!("answer it with {flag}"))
    }
}
