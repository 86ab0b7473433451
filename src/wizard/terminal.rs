//! A person at a terminal. Questions go to standard error, so that standard output stays free.

use std::io;

use console::{Style, Term};
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Input, Select};

use super::WizardError;
use super::asker::{Asker, Asking};
use super::question::Kind;

/// Asks at a terminal.
pub struct Terminal {
    term: Term,
    theme: ColorfulTheme,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Terminal")
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self { term: Term::stderr(), theme: ColorfulTheme::default() }
    }
}

/// Where a secret may be had: what is shown, what the reference begins with, what is asked then.
const SOURCES: [(&str, &str, &str); 4] = [
    ("ask for it at each run", "prompt", ""),
    ("an environment variable", "env:", "Its name"),
    ("a file", "file:", "Its path"),
    ("a command's output", "cmd:", "The command"),
];

impl Asker for Terminal {
    fn begin(&mut self, known: usize) -> Result<(), WizardError> {
        if known == 0 {
            return Ok(());
        }
        let line = format!("{known} of the answers are known already; the questions go on from there.");
        self.term.write_line(&line).map_err(|source| WizardError::Terminal { source })
    }

    fn ask(&mut self, asking: &Asking<'_>) -> Result<Option<String>, WizardError> {
        let answer = self.put(asking);
        if answer.is_err() {
            // A prompt that was broken off leaves the cursor hidden.
            drop(self.term.show_cursor());
        }
        answer.map(Some).map_err(broken_off)
    }

    fn finish(&mut self) -> Result<(), WizardError> {
        Ok(())
    }
}

impl Terminal {
    fn put(&self, asking: &Asking<'_>) -> io::Result<String> {
        let question = asking.question;
        if !question.help.is_empty() {
            self.term.write_line(&format!("  {}", Style::new().for_stderr().dim().apply_to(question.help)))?;
        }
        match question.kind {
            Kind::Choice => self.choose(asking),
            Kind::Reference => self.refer(asking),
            Kind::Text | Kind::List => {
                self.input(question.ask, asking.default.as_deref(), question.optional, &|text| asking.check.judge(text))
            }
        }
    }

    fn choose(&self, asking: &Asking<'_>) -> io::Result<String> {
        let default = asking.default.as_deref().and_then(|default| asking.choices.iter().position(|choice| *choice == default));
        let select = Select::with_theme(&self.theme).with_prompt(asking.question.ask).items(&asking.choices).default(default.unwrap_or(0));
        let chosen = select.interact_on(&self.term).map_err(io::Error::from)?;
        Ok(asking.choices.get(chosen).copied().unwrap_or_default().to_owned())
    }

    fn refer(&self, asking: &Asking<'_>) -> io::Result<String> {
        let mut shown: Vec<&str> = SOURCES.iter().map(|(shown, ..)| *shown).collect();
        if asking.question.optional {
            shown.insert(0, "it has none");
        }
        let prompt = format!("{}: where is it to be had", asking.question.ask);
        let chosen = Select::with_theme(&self.theme)
            .with_prompt(prompt)
            .items(&shown)
            .default(0)
            .interact_on(&self.term)
            .map_err(io::Error::from)?;
        let chosen = if asking.question.optional { chosen.checked_sub(1) } else { Some(chosen) };
        let Some((_, prefix, ask)) = chosen.and_then(|chosen| SOURCES.get(chosen)) else { return Ok(String::new()) };
        if ask.is_empty() {
            return Ok((*prefix).to_owned());
        }
        let rest = self.input(ask, None, false, &|text| asking.check.judge(&format!("{prefix}{text}")))?;
        Ok(format!("{prefix}{rest}"))
    }

    fn input(&self, ask: &str, default: Option<&str>, optional: bool, check: &dyn Fn(&str) -> Result<(), String>) -> io::Result<String> {
        let mut input = Input::<String>::with_theme(&self.theme).with_prompt(ask).allow_empty(optional);
        if let Some(default) = default {
            input = input.default(default.to_owned());
        }
        let input = input.validate_with(|text: &String| if text.trim().is_empty() && optional { Ok(()) } else { check(text) });
        input.interact_text_on(&self.term).map_err(io::Error::from)
    }
}

fn broken_off(error: io::Error) -> WizardError {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof) {
        WizardError::Interrupted
    } else if kind == io::ErrorKind::NotConnected {
        WizardError::NobodyToAsk
    } else {
        WizardError::Terminal { source: error }
    }
}
