//! A person at a terminal. Questions go to standard error, so that standard output stays free.
//!
//! Lines follow each other and only the one that is being typed is redrawn, so that a narrow terminal and a screen
//! reader serve as well as a wide one. `?` explains, `<` goes back, Ctrl-C stops and loses nothing.

mod keyboard;
mod keys;
mod line;
mod prompt;
mod text;

use std::io;
use std::path::PathBuf;

use console::{Style, Term, measure_text_width};
use secrecy::{ExposeSecret, SecretString};

use super::WizardError;
use super::asker::{Asker, Asking, Reply};
use super::question::{Kind, Section};
use super::surroundings::Told;
use keyboard::Keyboard;
use keys::{LEAVE_PASTES, MARK_PASTES};
use line::{Effect, Line};
pub use prompt::{ask_hidden, ask_which};
pub use text::wrapped;

/// Wider lines are hard to read.
const WIDEST: usize = 100;
const PROMPT: &str = "> ";

/// Asks at a terminal.
#[derive(Debug)]
pub struct Terminal {
    term: Term,
    colour: bool,
    folder: PathBuf,
    home: PathBuf,
    section: Option<Section>,
}

/// Where a secret may be had: what is typed, and what it means.
const SOURCES: [(&str, &str); 5] = [
    ("prompt", "it is asked for at each run"),
    ("env:NAME", "an environment variable"),
    ("file:PATH", "a file"),
    ("cmd:COMMAND", "what a command prints"),
    ("type", "type it now; it is kept in a file of mode 0600 beside the site file"),
];

impl Asker for Terminal {
    fn begin(&mut self, known: usize) -> Result<(), WizardError> {
        self.quiet("? explains a question, < goes back, - leaves an optional one out, Ctrl-C stops and keeps what was answered.", "")?;
        if known > 0 {
            let verb = if known == 1 { "answer is" } else { "answers are" };
            self.quiet(&format!("{known} {verb} known already; the questions go on from there."), "")?;
        }
        Ok(())
    }

    fn ask(&mut self, asking: &Asking<'_>) -> Result<Reply, WizardError> {
        if self.section.replace(asking.section) != Some(asking.section) {
            self.say(&Style::new().bold().underlined(), &format!("\n{}", asking.section.title()), "")?;
        }
        self.put(asking)?;
        loop {
            let typed = self.read(asking.kind)?;
            match Self::weigh(asking, typed.trim()) {
                Weighed::Reply(reply) => return Ok(reply),
                Weighed::Explain => {
                    self.quiet(&asking.more, "  ")?;
                }
                Weighed::Wrong(why) => self.say(&Style::new().red(), &why, "  ! ")?,
                Weighed::Type => {
                    if let Some(secret) = self.type_secret()? {
                        return Ok(Reply::Secret(secret));
                    }
                }
            }
        }
    }

    fn trying(&mut self, what: &str) -> Result<(), WizardError> {
        self.quiet(&format!("{what} … (Ctrl-C leaves it out)"), "  ")
    }

    fn tell(&mut self, told: &Told) -> Result<(), WizardError> {
        match told {
            Told::Good(what) => self.say(&Style::new().green(), what, "  ok: "),
            Told::Doubt(what) => self.say(&Style::new().red(), what, "  ! "),
            Told::Bad { what, help } => {
                self.say(&Style::new().red(), what, "  ! ")?;
                if let Some(help) = help {
                    self.quiet(help, "    ")?;
                }
                self.quiet("< goes back to mend it; the next answer goes on regardless.", "    ")
            }
            // It is a question.
            Told::HostKey { .. } => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), WizardError> {
        Ok(())
    }
}

/// What was typed, weighed.
enum Weighed {
    Reply(Reply),
    Explain,
    Wrong(String),
    Type,
}

impl Terminal {
    /// Completes file names from `folder` and `home`; `colour` says whether colours are used.
    pub fn new(colour: bool, folder: PathBuf, home: PathBuf) -> Self {
        Self { term: Term::stderr(), colour, folder, home, section: None }
    }

    fn put(&self, asking: &Asking<'_>) -> Result<(), WizardError> {
        self.say(&Style::new().bold(), &asking.ask, "")?;
        self.quiet(&asking.help, "  ")?;
        for (number, choice) in asking.choices.iter().enumerate() {
            self.say(&Style::new(), choice, &format!("  {} ", number + 1))?;
        }
        if asking.kind == Kind::Reference {
            for (source, meaning) in SOURCES {
                self.say(&Style::new(), &format!("{source}: {meaning}"), "  ")?;
            }
        }
        match (&asking.default, &asking.origin) {
            (Some(default), Some(origin)) => self.say(&Style::new(), &format!("Enter: {default} (seen in {origin})"), "  "),
            (Some(default), None) => self.say(&Style::new(), &format!("Enter: {default}"), "  "),
            (None, _) if asking.optional => self.quiet("Enter leaves it out.", "  "),
            (None, _) => Ok(()),
        }
    }

    fn weigh(asking: &Asking<'_>, typed: &str) -> Weighed {
        let text = match typed {
            "?" => return Weighed::Explain,
            "<" => return Weighed::Reply(Reply::Back),
            "type" if asking.kind == Kind::Reference => return Weighed::Type,
            "-" if asking.optional => return Weighed::Reply(Reply::Answer(String::new())),
            "" => match &asking.default {
                Some(default) => default.as_str(),
                None if asking.optional => return Weighed::Reply(Reply::Answer(String::new())),
                None => return Weighed::Wrong("this has to be answered; ? explains it".to_owned()),
            },
            typed => typed,
        };
        let text = match chosen(text, &asking.choices) {
            Ok(text) => text,
            Err(why) => return Weighed::Wrong(why),
        };
        match asking.check.judge(&text) {
            Ok(()) => Weighed::Reply(Reply::Answer(text)),
            Err(why) => Weighed::Wrong(why),
        }
    }

    /// A secret, typed twice without being shown; `None` where it differs.
    fn type_secret(&self) -> Result<Option<SecretString>, WizardError> {
        self.quiet("It is not shown while you type.", "  ")?;
        let first = self.read_hidden()?;
        self.quiet("Once more:", "  ")?;
        let second = self.read_hidden()?;
        if first.expose_secret().is_empty() || first.expose_secret() != second.expose_secret() {
            self.say(&Style::new().red(), "the two are not the same, or empty; nothing was kept", "  ! ")?;
            return Ok(None);
        }
        Ok(Some(first))
    }

    fn read(&self, kind: Kind) -> Result<String, WizardError> {
        let is_several = matches!(kind, Kind::List | Kind::Files);
        let mut line = Line::with(if is_several { ", " } else { " " });
        self.edit(PROMPT, &mut line, true, kind == Kind::Files)?;
        Ok(line.text())
    }

    fn read_hidden(&self) -> Result<SecretString, WizardError> {
        let mut line = Line::default();
        self.edit(PROMPT, &mut line, false, false)?;
        Ok(SecretString::from(line.text()))
    }

    fn edit(&self, prompt: &str, line: &mut Line, is_shown: bool, is_path: bool) -> Result<(), WizardError> {
        let mut keyboard = Keyboard::take().map_err(terminal)?;
        self.term.write_str(MARK_PASTES).map_err(terminal)?;
        let effect = loop {
            self.draw(prompt, line, is_shown).map_err(terminal)?;
            let key = keyboard.next().map_err(terminal)?;
            if key == keys::Key::Tab && is_path {
                line.complete_path(&self.folder, &self.home);
                continue;
            }
            let effect = line.take(key);
            if effect != Effect::Edited {
                break effect;
            }
        };
        drop(keyboard);
        self.term.write_line(LEAVE_PASTES).map_err(terminal)?;
        if effect == Effect::BrokenOff { Err(WizardError::Interrupted) } else { Ok(()) }
    }

    fn draw(&self, prompt: &str, line: &Line, is_shown: bool) -> io::Result<()> {
        let indent = measure_text_width(prompt);
        let room = self.width().saturating_sub(indent);
        let (shown, column) = if is_shown { line.view(room) } else { (String::new(), 0) };
        // One write, so that nothing flickers: back to the margin, the line, the rest of the row cleared, the cursor in its place.
        let text = format!("\r{prompt}{shown}\x1b[K\r\x1b[{}C", indent + column);
        self.term.write_str(&text)?;
        self.term.flush()
    }

    fn width(&self) -> usize {
        usize::from(self.term.size().1).clamp(20, WIDEST)
    }

    fn quiet(&self, text: &str, first: &str) -> Result<(), WizardError> {
        self.say(&Style::new().dim(), text, first)
    }

    fn say(&self, style: &Style, text: &str, first: &str) -> Result<(), WizardError> {
        if text.is_empty() {
            return Ok(());
        }
        // What machines and files say must not steer the terminal.
        let safe: String = text.chars().map(|letter| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter }).collect();
        for line in wrapped(&safe, first, self.width()).lines() {
            let style = style.clone().force_styling(self.colour);
            self.term.write_line(&style.apply_to(line).to_string()).map_err(terminal)?;
        }
        Ok(())
    }
}

/// A choice by its word, its number, or as many letters as tell it from the others.
fn chosen(text: &str, choices: &[&str]) -> Result<String, String> {
    if choices.is_empty() || choices.contains(&text) {
        return Ok(text.to_owned());
    }
    if let Some(choice) = text.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?)) {
        return Ok((*choice).to_owned());
    }
    let begun: Vec<&&str> = choices.iter().filter(|choice| choice.starts_with(&text.to_lowercase())).collect();
    match begun.as_slice() {
        [one] => Ok((**one).to_owned()),
        _ => Err(format!("`{text}` is none of {}", choices.join(", "))),
    }
}

fn terminal(error: io::Error) -> WizardError {
    WizardError::Terminal { source: error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_taken_by_word_number_or_beginning() {
        let choices = ["production", "development", "qa"];
        for (typed, taken) in [("qa", "qa"), ("2", "development"), ("Prod", "production"), ("q", "qa")] {
            assert_eq!(chosen(typed, &choices).as_deref(), Ok(taken));
        }
        for typed in ["0", "4", "x", "production!"] {
            assert!(chosen(typed, &choices).is_err(), "{typed}");
        }
    }
}
