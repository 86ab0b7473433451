//! One question outside of the conversation: for a secret, or which of several is meant. Ctrl-C leaves the terminal as it
//! was, and is an answer of its own: [`io::ErrorKind::Interrupted`].

use std::io;
use std::path::PathBuf;

use console::{Style, measure_text_width};
use secrecy::SecretString;

use super::line::Line;
use super::{PROMPT, Terminal, WizardError};

/// Asks for `what`, and shows nothing of what is typed.
pub fn ask_hidden(what: &str) -> io::Result<SecretString> {
    let terminal = plain();
    let asked = format!("{what}: ");
    let mut line = Line::default();
    let edited = if measure_text_width(&asked) < terminal.width() / 2 {
        terminal.edit(&asked, &mut line, false, false)
    } else {
        terminal.say(&Style::new(), &format!("{what}:"), "").and_then(|()| terminal.edit(PROMPT, &mut line, false, false))
    };
    edited.map_err(reason)?;
    Ok(SecretString::from(line.text()))
}

/// Asks which of `choices` is meant; Enter takes the first. Gives back its place.
pub fn ask_which(what: &str, choices: &[String]) -> io::Result<usize> {
    let terminal = plain();
    let say = |text: &str, first: &str| terminal.say(&Style::new(), text, first).map_err(reason);
    say(what, "")?;
    for (number, choice) in (1..).zip(choices) {
        say(choice, &format!("  {number} "))?;
    }
    say("Enter: 1", "  ")?;
    loop {
        let mut line = Line::default();
        terminal.edit(PROMPT, &mut line, true, false).map_err(reason)?;
        let typed = line.text();
        let place =
            if typed.trim().is_empty() { Some(0) } else { typed.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1)) };
        match place.filter(|place| *place < choices.len()) {
            Some(place) => return Ok(place),
            None => say(&format!("type a number from 1 to {}", choices.len()), "  ! ")?,
        }
    }
}

fn plain() -> Terminal {
    Terminal::new(false, PathBuf::new(), PathBuf::new())
}

fn reason(error: WizardError) -> io::Error {
    if let WizardError::Terminal { source } = error {
        return source;
    }
    // Nothing else comes of reading a line.
    io::Error::new(io::ErrorKind::Interrupted, "interrupted")
}
