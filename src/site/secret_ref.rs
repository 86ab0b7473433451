//! Reading and writing secret references: `env:NAME`, `file:PATH`, `cmd:COMMAND`, `prompt`.
//!
//! What is not a reference is taken to be a secret: no error says what was written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::model::SecretRef;

/// What a reference looks like, for messages.
pub const SHAPES: &str = "`env:NAME`, `file:PATH`, `cmd:COMMAND` or `prompt`";

/// Why a text is not a secret reference. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretRefError {
    /// It is no reference, so it may be the secret itself.
    #[error("not a reference to a secret; a secret itself may stand nowhere but in its own place")]
    NotAReference,
    /// `env:` is not followed by the name of a variable.
    #[error("`env:` must be followed by the name of an environment variable: letters, digits and `_`")]
    NoVariable,
    /// `file:` is not followed by a path.
    #[error("`file:` must be followed by a path")]
    NoPath,
    /// `cmd:` is not followed by a command.
    #[error("`cmd:` must be followed by a command")]
    NoCommand,
}

impl SecretRefError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(format!("say where the secret is to be had: {SHAPES}"))
    }
}

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "prompt" {
            return Ok(Self::Prompt);
        }
        match text.split_once(':') {
            Some(("env", name)) if is_variable(name) => Ok(Self::Env(name.to_owned())),
            Some(("env", _)) => Err(SecretRefError::NoVariable),
            Some(("file", path)) if path.trim().is_empty() => Err(SecretRefError::NoPath),
            Some(("file", path)) => Ok(Self::File(PathBuf::from(path))),
            Some(("cmd", command)) if command.trim().is_empty() => Err(SecretRefError::NoCommand),
            Some(("cmd", command)) => Ok(Self::Cmd(command.to_owned())),
            _ => Err(SecretRefError::NotAReference),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(formatter, "env:{name}"),
            Self::File(path) => write!(formatter, "file:{}", path.display()),
            Self::Cmd(command) => write!(formatter, "cmd:{command}"),
            Self::Prompt => formatter.write_str("prompt"),
        }
    }
}

fn is_variable(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_shape_is_read() {
        assert_eq!("env:SMTP_PW".parse(), Ok(SecretRef::Env("SMTP_PW".into())));
        assert_eq!("file:~/pw".parse(), Ok(SecretRef::File("~/pw".into())));
        assert_eq!("cmd:pass show a:b".parse(), Ok(SecretRef::Cmd("pass show a:b".into())));
        assert_eq!("prompt".parse(), Ok(SecretRef::Prompt));
    }

    #[test]
    fn what_is_no_reference_is_refused_and_not_repeated() {
        for text in ["hunter2", "", "env:", "env:1A", "env:A B", "file:", "cmd: ", "Prompt", "vault:x"] {
            assert!(text.parse::<SecretRef>().is_err(), "{text}");
        }
        let error = "hunter2".parse::<SecretRef>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "(env:[A-Z_][A-Z0-9_]{0,8}|file:/[a-z/]{1,9}|cmd:[a-z][a-z ]{0,9}|prompt)") {
            prop_assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
    }
}
