//! Who answers: nobody (then everything that is missing is told at once), or a person at a terminal.

use super::WizardError;
use super::question::Question;

/// A question as it is put: with what is proposed and what may be chosen.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The question.
    pub question: &'a Question,
    /// What is proposed.
    pub default: Option<String>,
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

/// Answers questions.
pub trait Asker {
    /// Called before the first question; `known` answers are known already.
    fn begin(&mut self, known: usize) -> Result<(), WizardError>;

    /// The answer, an empty text to decline an optional question, or `None` where there is no answer to be had.
    fn ask(&mut self, asking: &Asking<'_>) -> Result<Option<String>, WizardError>;

    /// Called after the last question; fails where answers are missing.
    fn finish(&mut self) -> Result<(), WizardError>;
}

/// An answer that is missing, and how it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The key.
    pub key: &'static str,
    /// What is asked.
    pub ask: &'static str,
    /// What helps to answer.
    pub help: &'static str,
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

    fn ask(&mut self, asking: &Asking<'_>) -> Result<Option<String>, WizardError> {
        let question = asking.question;
        if asking.default.is_none() && !question.optional {
            self.missing.push(Missing { key: question.key, ask: question.ask, help: question.help });
        }
        Ok(asking.default.clone())
    }

    fn finish(&mut self) -> Result<(), WizardError> {
        if self.missing.is_empty() { Ok(()) } else { Err(WizardError::Unanswered { missing: std::mem::take(&mut self.missing) }) }
    }
}
