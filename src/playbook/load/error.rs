//! What is wrong with playbooks, told all at once.

use std::path::PathBuf;

use crate::site::FileProblem;

/// Why playbooks cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no playbook of that name.
    #[error("there is no playbook `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// They are there, and wrong.
    #[error("{}", summary(.problems))]
    Invalid {
        /// All that is wrong with them, in the order of the files; never empty.
        problems: Vec<FileProblem>,
    },
    /// Two steps want different things of one place, so that no apply would ever settle it.
    #[error("steps `{one}` and `{other}` both say what {path} is to be")]
    TwoForOnePlace {
        /// One step, with its playbook.
        one: String,
        /// The other.
        other: String,
        /// The path.
        path: String,
    },
}

fn summary(problems: &[FileProblem]) -> String {
    let mut files: Vec<String> = problems.iter().map(|problem| problem.file.display().to_string()).collect();
    files.dedup();
    let count = if problems.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", problems.len()) };
    format!("{} {} {count}", files.join(", "), if files.len() == 1 { "has" } else { "have" })
}

impl LoadError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { name, known } => Some(match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`? There are: {}", known.join(", ")),
                None => format!("there are: {}; a site's own stand in `playbooks/` beside its site file", known.join(", ")),
            }),
            Self::TwoForOnePlace { .. } => Some("leave one of them out, or give them a `when` under which only one counts".to_owned()),
            Self::Invalid { .. } => Some("mend the playbook, then look at it again with `portcullis playbook check`".to_owned()),
            Self::Unreadable { .. } => Some("see that it is a file of UTF-8 text which you may read".to_owned()),
        }
    }

    /// The problems with their places; empty where they have none.
    pub fn problems(&self) -> &[FileProblem] {
        match self {
            Self::Invalid { problems } => problems,
            Self::Unknown { .. } | Self::Unreadable { .. } | Self::TwoForOnePlace { .. } => &[],
        }
    }
}

/// The known word that is nearest to a misspelt one, if one is near at all.
pub fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a String> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()
        .filter(|(d, _)| *d <= (word.len() / 3).clamp(1, 3))
        .map(|(_, c)| c)
}
