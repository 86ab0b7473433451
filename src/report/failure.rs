//! The one place that says that something failed: what and where, why, and what to do next.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use super::text::{Look, Tone, escape_lines};
use crate::event::Event;

/// A failure with all that a person needs.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// What failed and where; its sources say why.
    pub error: &'a dyn Error,
    /// What to do next.
    pub help: Option<&'a str>,
    /// The place in a file, with the line itself, as it is to be shown.
    pub excerpt: Option<&'a str>,
    /// Where more is written.
    pub log: Option<&'a Path>,
}

impl<'a> Failure<'a> {
    /// A failure of which no more is known than the error says.
    pub fn of(error: &'a dyn Error) -> Self {
        Self { error, help: None, excerpt: None, log: None }
    }

    /// The causes, outermost first; those that only repeat what was said are left out.
    pub fn causes(&self) -> Vec<String> {
        let mut said = self.error.to_string();
        let mut causes = Vec::new();
        let mut next = self.error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !said.ends_with(&text) {
                causes.push(text.clone());
                said = text;
            }
            next = cause.source();
        }
        causes
    }

    /// The same as an event, for `--output json`.
    pub fn event(&self) -> Event {
        Event::Error { message: self.error.to_string(), causes: self.causes(), help: self.help.map(str::to_owned) }
    }
}

/// Writes `error:`, the place, the numbered causes, `help:` and last of all `log:`.
pub fn write_failure(out: &mut dyn Write, failure: &Failure<'_>, look: &Look) -> io::Result<()> {
    writeln!(out, "{} {}", look.paint(Tone::Bad, "error:"), indented(&wrapped(&failure.error.to_string(), 7, look), 7))?;
    if let Some(excerpt) = failure.excerpt {
        escape_lines(excerpt).trim_end().lines().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    for (number, cause) in (1..).zip(failure.causes()) {
        writeln!(out, "  {} {}", look.paint(Tone::Quiet, &format!("{number}.")), indented(&wrapped(&cause, 5, look), 5))?;
    }
    if let Some(help) = failure.help {
        writeln!(out, "{} {}", look.paint(Tone::Good, "help:"), indented(help, 6))?;
    }
    if let Some(log) = failure.log {
        writeln!(out, "{} {}", look.paint(Tone::Quiet, "log:"), indented(&log.display().to_string(), 5))?;
    }
    out.flush()
}

/// Lines that are too long beside so many columns, broken between words. What is to be done next is not: commands are copied.
fn wrapped(text: &str, columns: usize, look: &Look) -> String {
    let width = look.width.saturating_sub(columns);
    if width < 10 {
        return text.to_owned();
    }
    let one = |line: &str| {
        let blanks = " ".repeat(line.len() - line.trim_start().len());
        textwrap::fill(line, textwrap::Options::new(width).subsequent_indent(&blanks).break_words(false))
    };
    text.lines().map(one).collect::<Vec<_>>().join("\n")
}

/// Several lines, those after the first beginning where the first did.
fn indented(text: &str, columns: usize) -> String {
    let blanks = format!("\n{:columns$}", "");
    escape_lines(text.trim_end()).replace('\n', &blanks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let source = (texts.len() > 1).then(|| Box::new(layers(&texts[1..])));
        Layer { text: texts[0], source }
    }

    fn written(failure: &Failure<'_>, look: &Look) -> String {
        let mut out = Vec::new();
        write_failure(&mut out, failure, look).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_failure_says_what_why_what_next_and_last_where_the_log_is() {
        let error = layers(&["cannot reach a0-1 by way of jump", "jump refused to forward", "administratively prohibited"]);
        let failure = Failure {
            error: &error,
            help: Some("allow forwarding to 10.0.0.1:22\nin the jumphost's sshd_config"),
            excerpt: Some("site.yaml:7:5\n  7 |   address: 10.0.0.1\n    |            ^^^^^^^^\n"),
            log: Some(Path::new("/var/log/portcullis.log")),
        };
        insta::assert_snapshot!(written(&failure, &Look::plain()), @r"
        error: cannot reach a0-1 by way of jump
          site.yaml:7:5
            7 |   address: 10.0.0.1
              |            ^^^^^^^^
          1. jump refused to forward
          2. administratively prohibited
        help: allow forwarding to 10.0.0.1:22
              in the jumphost's sshd_config
        log: /var/log/portcullis.log
        ");
    }

    #[test]
    fn in_a_narrow_terminal_lines_break_between_words_and_commands_do_not() {
        let error =
            layers(&["no window was opened: not every machine can be reached\n  a0-1: connection refused by it", "a cause of some length"]);
        let failure = Failure { help: Some("portcullis access open --who ada --for 1h --reason TEXT"), ..Failure::of(&error) };
        insta::assert_snapshot!(written(&failure, &Look { colour: false, width: 30 }), @r"
        error: no window was opened:
               not every machine can
               be reached
                 a0-1: connection
                 refused by it
          1. a cause of some length
        help: portcullis access open --who ada --for 1h --reason TEXT
        ");
    }

    #[test]
    fn a_cause_that_only_repeats_is_left_out() {
        let error = layers(&["cannot read x: permission denied", "permission denied", "os error 13"]);
        assert_eq!(Failure::of(&error).causes(), ["os error 13"]);
    }

    #[test]
    fn what_a_node_said_does_not_drive_the_terminal() {
        let error = layers(&["a0-1 said \u{1b}[2J\u{9b}1m"]);
        assert_eq!(written(&Failure::of(&error), &Look::plain()), "error: a0-1 said \\u{1b}[2J\\u{9b}1m\n");
        let coloured = written(&Failure::of(&error), &Look { colour: true, width: 80 });
        assert!(coloured.starts_with("\u{1b}[31m\u{1b}[1merror:\u{1b}[0m "), "{coloured:?}");
    }

    #[test]
    fn the_event_holds_the_same_three_parts() {
        let error = layers(&["outer", "inner"]);
        let event = Failure { help: Some("do this"), ..Failure::of(&error) }.event();
        let value = serde_json::to_value(event).unwrap();
        assert_eq!(value, serde_json::json!({"event": "error", "message": "outer", "causes": ["inner"], "help": "do this"}));
    }
}
