//! Every question of `init`, as data, in the order in which people know things. Each is a key of the site file; its
//! validator is the site file's own reader.

mod access;
mod appliance;
mod machines;
mod services;

use serde_json::Value;

use super::document::Answers;

const REFERENCE_MORE: &str = "env:NAME reads an environment variable, file:PATH a file, cmd:COMMAND what a command prints, and prompt asks at each run. \
     `type` takes it now, without showing it, and keeps it in a file that you alone may read.";

/// How an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text or a number.
    Text,
    /// Several, separated by commas.
    List,
    /// Several files, separated by commas.
    Files,
    /// One of the schema's words; yes or no where the schema wants either.
    Choice,
    /// Where a secret is to be had; never the secret.
    Reference,
}

/// What questions are about; what belongs together is tried out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The environment and the site's name.
    Environment,
    /// DNS names.
    Names,
    /// Machines and the way to them.
    Machines,
    /// Certificate files.
    Certificate,
    /// The mail server.
    Mail,
    /// Proxy and clock.
    Network,
    /// Who may be let in.
    Access,
    /// AD/LDAP connectors.
    Connectors,
}

impl Section {
    /// All of them, in their order.
    pub const ALL: [Self; 8] =
        [Self::Environment, Self::Names, Self::Machines, Self::Certificate, Self::Mail, Self::Network, Self::Access, Self::Connectors];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Environment => "Environment",
            Self::Names => "Names",
            Self::Machines => "Machines and the way to them",
            Self::Certificate => "Certificate",
            Self::Mail => "Mail",
            Self::Network => "Proxy and clock",
            Self::Access => "Access",
            Self::Connectors => "Connectors",
        }
    }
}

/// One question.
pub struct Question {
    /// The key that it answers.
    pub key: &'static str,
    /// What it is about.
    pub section: Section,
    /// What is asked.
    pub ask: &'static str,
    /// What helps to answer, in one line; shown before the question.
    pub help: &'static str,
    /// What else there is to know; shown for `?`.
    pub more: &'static str,
    /// How it is answered.
    pub kind: Kind,
    /// Whether it may be left without an answer.
    pub optional: bool,
    /// What is proposed.
    pub default: fn(&Answers) -> Option<String>,
    /// Where the proposal was seen, where it was seen anywhere.
    pub origin: fn(&Answers) -> Option<&'static str>,
    /// Whether it is asked, after the answers so far.
    pub when: fn(&Answers) -> bool,
}

impl std::fmt::Debug for Question {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Question").field("key", &self.key).field("kind", &self.kind).finish_non_exhaustive()
    }
}

const fn question(section: Section, key: &'static str, ask: &'static str, help: &'static str) -> Question {
    Question { key, section, ask, help, more: "", kind: Kind::Text, optional: false, default: |_| None, origin: |_| None, when: |_| true }
}

const fn optional(section: Section, key: &'static str, ask: &'static str, help: &'static str) -> Question {
    Question { optional: true, ..question(section, key, ask, help) }
}

/// All questions, in the order in which they are asked.
pub fn questions() -> impl Iterator<Item = &'static Question> {
    PARTS.iter().flat_map(|part| part.iter())
}

const PARTS: [&[Question]; 4] = [appliance::QUESTIONS, machines::QUESTIONS, services::QUESTIONS, access::QUESTIONS];

/// The question at a place in the order.
pub(super) fn question_at(place: usize) -> Option<&'static Question> {
    questions().nth(place)
}

fn elements(answers: &Answers, key: &str) -> usize {
    answers.get(key).and_then(Value::as_array).map_or(0, Vec::len)
}

pub(super) use appliance::has_role;
