//! Why there is no site file at the end of `init`.

use std::path::PathBuf;

use super::asker::Missing;
use crate::disk::WriteError;
use crate::site::SiteErrors;

/// Why there is no site file at the end.
#[derive(Debug, thiserror::Error)]
pub enum WizardError {
    /// The person broke off, by Ctrl-C or by ending the input.
    #[error("interrupted; no site file was written")]
    Interrupted,
    /// There is no terminal.
    #[error("there is no terminal to ask at")]
    NobodyToAsk,
    /// The terminal failed.
    #[error("cannot ask at the terminal")]
    Terminal {
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Answers are missing, and nobody may be asked.
    #[error("{} missing", count(missing.len(), "answer is", "answers are"))]
    Unanswered {
        /// Each of them.
        missing: Vec<Missing>,
    },
    /// Answers were given that will not do.
    #[error("{} not do", count(problems.len(), "answer will", "answers will"))]
    Unsound {
        /// What is wrong with each, and what to do.
        problems: Vec<String>,
    },
    /// No such key.
    #[error("there is no answer `{key}`")]
    UnknownKey {
        /// The key as given.
        key: String,
        /// The nearest one.
        near: Option<String>,
    },
    /// The answers file is not there or cannot be read.
    #[error("cannot read the answers file {path}")]
    AnswersMissing {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The answers file is neither YAML nor JSON.
    #[error("the answers file cannot be understood")]
    AnswersUnreadable {
        /// Where and why.
        source: Box<SiteErrors>,
    },
    /// The answers file holds something else.
    #[error("{path} holds no keys with answers")]
    NotAnswers {
        /// The file.
        path: PathBuf,
    },
    /// There is a site file already.
    #[error("{path} exists already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The folder cannot be made.
    #[error("cannot make the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The site file cannot be written.
    #[error("cannot write the site file")]
    Write {
        /// Why.
        #[from]
        source: WriteError,
    },
}

fn count(number: usize, one: &str, several: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {several}") }
}

impl WizardError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Unanswered { missing } => {
                let line = |missing: &Missing| format!("--set {}=…   {}. {}", missing.key, missing.ask, missing.help);
                let lines: Vec<String> = missing.iter().map(line).collect();
                return Some(format!(
                    "answer them with flags, or under the same keys in a file given by `--answers`:\n{}",
                    lines.join("\n")
                ));
            }
            Self::Unsound { problems } => return Some(problems.join("\n")),
            Self::UnknownKey { near: Some(near), .. } => return Some(format!("did you mean `{near}`?")),
            Self::AnswersUnreadable { source } => return Some(source.render()),
            Self::UnknownKey { near: None, .. } => "the keys are those of the site file: `portcullis site schema`",
            Self::Interrupted => "`portcullis init` takes up where you stopped",
            Self::NobodyToAsk => "answer with `--answers FILE` and `--set key=value`",
            Self::Exists { .. } => "`--force` replaces it; another folder can be given as an argument",
            Self::NotAnswers { .. } => "write `key: answer` lines, or a JSON object; the keys are those of the site file",
            Self::AnswersMissing { .. } => "see that `--answers` names a file which you may read",
            Self::Folder { .. } => "name a folder that you may make or write to: `portcullis init DIR`",
            Self::Terminal { .. } | Self::Write { .. } => return None,
        };
        Some(text.to_owned())
    }
}
