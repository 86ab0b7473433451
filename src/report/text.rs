//! Text for a terminal: colours where they are wanted, widths as they are seen, nothing that drives the terminal.

use std::borrow::Cow;
use std::io::{self, Write};

use console::{Style, measure_text_width, truncate_str};

/// How a report looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colours may be used (`--color`, `NO_COLOR`).
    pub colour: bool,
    /// Columns of the terminal; what is longer is shortened where a report says so.
    pub width: usize,
}

impl Look {
    /// For files and pipes: without colours, nothing shortened.
    pub fn plain() -> Self {
        Self { colour: false, width: usize::MAX }
    }

    /// `text` in `tone`, if colours are wanted.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if self.colour { tone.style().force_styling(true).apply_to(text).to_string() } else { text.to_owned() }
    }

    /// `text` cut to the width, with an ellipsis; colours are kept whole.
    pub fn shorten<'t>(&self, text: &'t str) -> Cow<'t, str> {
        truncate_str(text, self.width, "\u{2026}")
    }
}

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something is wrong.
    Bad,
    /// Somebody should look.
    Warning,
    /// All is well.
    Good,
    /// Of less weight.
    Quiet,
    /// Of more weight.
    Strong,
    /// A mark in a text, such as the head of a diff's hunk.
    Mark,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Bad => Style::new().red().bold(),
            Self::Warning => Style::new().yellow().bold(),
            Self::Good => Style::new().green(),
            Self::Quiet => Style::new().dim(),
            Self::Strong => Style::new().bold(),
            Self::Mark => Style::new().cyan(),
        }
    }
}

/// Makes characters visible that would move the cursor, change the terminal or turn the text around.
///
/// Line breaks become `\n` too: the result is one line.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_all_but(text, &[])
}

/// Like [`escape`], but line breaks and tabs stay.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_all_but(text, &['\n', '\t'])
}

fn escape_all_but<'t>(text: &'t str, kept: &[char]) -> Cow<'t, str> {
    let drives = |letter: char| !kept.contains(&letter) && drives_terminal(letter);
    if !text.contains(drives) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if drives(letter) {
            escaped.extend(letter.escape_default());
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

fn drives_terminal(letter: char) -> bool {
    // C0, DEL and C1; then what breaks lines or turns them around (Unicode TR 36, section 2.7).
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `count` with the noun in its right number: `1 node`, `3 nodes`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `text` filled up with blanks to `width` columns as they are seen.
pub fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(measure_text_width(text));
    format!("{text}{:missing$}", "")
}

/// Writes columns as wide as their widest cell, two blanks apart; lines are shortened to the look's width.
pub fn write_table(out: &mut dyn Write, headings: &[&str], rows: &[Vec<String>], look: &Look) -> io::Result<()> {
    let width_of = |column: usize, heading: &str| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell)).fold(measure_text_width(heading), usize::max)
    };
    let widths: Vec<_> = headings.iter().enumerate().map(|(column, heading)| width_of(column, heading)).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let line: Vec<_> = cells.zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
        line.join("  ").trim_end().to_owned()
    };
    writeln!(out, "{}", look.paint(Tone::Quiet, &look.shorten(&line(&mut headings.iter().copied()))))?;
    rows.iter().try_for_each(|row| writeln!(out, "{}", look.shorten(&line(&mut row.iter().map(String::as_str)))))
}

/// The same where a terminal is wide enough; else each row as a few lines, of which nothing is left out.
pub fn write_rows(out: &mut dyn Write, headings: &[&str], rows: &[Vec<String>], look: &Look) -> io::Result<()> {
    if fits(headings, rows, look) { write_table(out, headings, rows, look) } else { write_lists(out, headings, rows, look) }
}

/// The same, but for the last column, which is cut short where the others leave it too little room.
pub fn write_rows_with_detail(out: &mut dyn Write, headings: &[&str], rows: &[Vec<String>], look: &Look) -> io::Result<()> {
    let others = |cells: &Vec<String>| cells.iter().take(headings.len().saturating_sub(1)).cloned().collect::<Vec<_>>();
    let figures: Vec<Vec<String>> = rows.iter().map(others).collect();
    let are_whole = fits(headings.split_last().map_or(headings, |(_, others)| others), &figures, look);
    if are_whole { write_table(out, headings, rows, look) } else { write_lists(out, headings, rows, look) }
}

fn fits(headings: &[&str], rows: &[Vec<String>], look: &Look) -> bool {
    let mut table = Vec::new();
    let wide = Look { colour: false, width: usize::MAX };
    let written = write_table(&mut table, headings, rows, &wide);
    written.is_ok() && String::from_utf8_lossy(&table).lines().all(|line| measure_text_width(line) <= look.width)
}

fn write_lists(out: &mut dyn Write, headings: &[&str], rows: &[Vec<String>], look: &Look) -> io::Result<()> {
    let names = headings.iter().map(|heading| measure_text_width(heading)).max().unwrap_or_default();
    let blanks = " ".repeat(names + 4);
    let options = textwrap::Options::new(look.width.max(names + 20)).subsequent_indent(&blanks);
    for row in rows {
        let mut cells = headings.iter().zip(row);
        if let Some((_, first)) = cells.next() {
            writeln!(out, "{}", look.paint(Tone::Strong, first))?;
        }
        for (heading, cell) in cells {
            writeln!(out, "{}", textwrap::fill(&format!("  {}  {cell}", padded(&heading.to_lowercase(), names)), &options))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_table_that_does_not_fit_is_told_line_by_line_and_whole() {
        let rows = vec![vec!["w-1".to_owned(), "open".to_owned(), "update of the whole cluster".to_owned()]];
        let written = |width| {
            let mut out = Vec::new();
            write_rows(&mut out, &["ID", "STATE", "REASON"], &rows, &Look { colour: false, width }).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(80), "ID   STATE  REASON\nw-1  open   update of the whole cluster\n");
        assert_eq!(written(30), "w-1\n  state   open\n  reason  update of the whole\n          cluster\n");
    }

    #[test]
    fn what_drives_a_terminal_is_shown_and_the_rest_is_left() {
        assert_eq!(escape("\u{1b}[2Jh\u{f6}he\r\n\t\u{9b}\u{202e}"), "\\u{1b}[2Jh\u{f6}he\\r\\n\\t\\u{9b}\\u{202e}");
        assert_eq!(escape_lines("a\n\tb\u{7}"), "a\n\tb\\u{7}");
        assert!(matches!(escape("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn colours_appear_where_they_are_wanted_alone() {
        assert_eq!(Look::plain().paint(Tone::Bad, "x"), "x");
        assert_eq!(Look { colour: true, width: 10 }.paint(Tone::Good, "x"), "\u{1b}[32mx\u{1b}[0m");
    }

    #[test]
    fn columns_line_up_as_they_are_seen() {
        let mut out = Vec::new();
        let rows = [vec!["\u{6771}\u{4eac}".into(), "x".into()], vec!["a".into(), "a very long last column".into()]];
        write_table(&mut out, &["node", "state"], &rows, &Look { colour: false, width: 16 }).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "node  state\n\u{6771}\u{4eac}  x\na     a very lo\u{2026}\n");
    }

    proptest! {
        #[test]
        fn an_escaped_line_never_holds_a_control_character(text in any::<String>()) {
            prop_assert!(!escape(&text).chars().any(char::is_control));
        }
    }
}
