//! Who answers: nobody (then everything that is missing is told at once), or a person at a terminal.

use secrecy::SecretString;

use super::WizardError;
use super::question::{Kind, Section};
use super::surroundings::Told;

/// A question as it is put: with what is proposed and what may be chosen.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The key that it answers.
    pub key: String,
    /// What it is about.
    pub section: Section,
    /// What is asked.
    pub ask: String,
    /// What helps to answer, in one line.
    pub help: String,
    /// What else there is to know, for `?`.
    pub more: String,
    /// How it is answered.
    pub kind: Kind,
    /// Whether it may be left without an answer.
    pub optional: bool,
    /// What is proposed.
    pub default: Option<String>,
    /// Where the proposal was seen.
    pub origin: Option<String>,
    /// What may be chosen; empty where any text will do.
    pub choices: Vec<&'static str>,
    /// Judges an answer by the site file's own rules; says what is wrong with it.
    pub check: &'a Check<'a>,
}

/// The judge of an answer.
pub struct Check<'a>(pub(super) &'a dyn Fn(&str) -> Result<(), String>);

impl std::fmt::Debug for Check<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Check")
    }
}

impl Check<'_> {
    /// Whether the answer will do; else what is wrong with it and what to do.
    pub fn judge(&self, answer: &str) -> Result<(), String> {
        (self.0)(answer)
    }
}

/// What comes back for a question.
#[derive(Debug)]
pub enum Reply {
    /// The answer; an empty text declines an optional question.
    Answer(String),
    /// A secret that was typed: it is kept in a file of its own, and the answer is where.
    Secret(SecretString),
    /// The question before this one, please.
    Back,
    /// There is no answer to be had.
    Nothing,
}

/// Answers questions.
pub trait Asker {
    /// Called before the first question; so many answers are `known` already.
    fn begin(&mut self, known: usize) -> Result<(), WizardError>;

    /// Puts one question.
    fn ask(&mut self, asking: &Asking<'_>) -> Result<Reply, WizardError>;

    /// Says that something is being tried, which may take a moment.
    fn trying(&mut self, what: &str) -> Result<(), WizardError>;

    /// Says what came of it.
    fn tell(&mut self, told: &Told) -> Result<(), WizardError>;

    /// Called after the last question; fails where answers are missing.
    fn finish(&mut self) -> Result<(), WizardError>;
}

/// An answer that is missing, and how it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The key.
    pub key: String,
    /// What is asked.
    pub ask: String,
    /// What helps to answer.
    pub help: String,
}

/// Takes what is proposed, and collects what is not.
#[derive(Debug, Default)]
pub struct Headless {
    missing: Vec<Missing>,
}

impl Asker for Headless {
    fn begin(&mut self, _: usize) -> Result<(), WizardError> {
        Ok(())
    }

    fn ask(&mut self, asking: &Asking<'_>) -> Result<Reply, WizardError> {
        if let Some(default) = &asking.default {
            return Ok(Reply::Answer(default.clone()));
        }
        if !asking.optional {
            self.missing.push(Missing { key: asking.key.clone(), ask: asking.ask.clone(), help: asking.help.clone() });
        }
        Ok(Reply::Nothing)
    }

    fn trying(&mut self, _: &str) -> Result<(), WizardError> {
        Ok(())
    }

    fn tell(&mut self, _: &Told) -> Result<(), WizardError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), WizardError> {
        if self.missing.is_empty() { Ok(()) } else { Err(WizardError::Unanswered { missing: std::mem::take(&mut self.missing) }) }
    }
}
