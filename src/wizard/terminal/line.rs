//! One line of input: edited with the usual keys, shown in one row however long it is.

use std::path::Path;

use super::keys::Key;
use super::text::width_of;

/// What a key did to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It may look different now.
    Edited,
    /// It is complete.
    Complete,
    /// The person breaks off.
    BrokenOff,
}

/// A line that is being typed.
#[derive(Debug, Default)]
pub(super) struct Line {
    letters: Vec<char>,
    cursor: usize,
    /// What stands in the place of a line break that is pasted.
    separator: &'static str,
    /// Whether what comes is pasted; and whether a line break of it is still to be put.
    pasting: Option<bool>,
}

impl Line {
    /// An empty line, in which pasted lines are put together with `separator` between.
    pub(super) fn with(separator: &'static str) -> Self {
        Self { separator, ..Self::default() }
    }

    /// Takes a key.
    pub(super) fn take(&mut self, key: Key) -> Effect {
        if let Some(is_broken) = self.pasting {
            return self.take_pasted(key, is_broken);
        }
        match key {
            Key::PasteBegins => self.pasting = Some(false),
            Key::Char(letter) => self.insert(letter.encode_utf8(&mut [0; 4])),
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.letters.remove(self.cursor);
            }
            Key::Delete if self.cursor < self.letters.len() => drop(self.letters.remove(self.cursor)),
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.letters.len()),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.letters.len(),
            Key::EraseLine => {
                self.letters.drain(..self.cursor);
                self.cursor = 0;
            }
            Key::EraseWord => self.erase_word(),
            Key::Enter => return Effect::Complete,
            Key::Interrupt | Key::Gone => return Effect::BrokenOff,
            // As a shell: it deletes nothing and ends an empty line.
            Key::EndOfInput if self.letters.is_empty() => return Effect::BrokenOff,
            Key::Backspace | Key::Delete | Key::Tab | Key::EndOfInput | Key::PasteEnds | Key::Other => {}
        }
        Effect::Edited
    }

    /// Of a pasted text the letters count alone: it neither completes the line nor edits it.
    fn take_pasted(&mut self, key: Key, is_broken: bool) -> Effect {
        let letter = match key {
            Key::Gone => return Effect::BrokenOff,
            Key::PasteEnds => {
                self.pasting = None;
                return Effect::Edited;
            }
            Key::Enter => {
                self.pasting = Some(true);
                return Effect::Edited;
            }
            Key::Char(letter) => letter,
            Key::Tab => ' ',
            Key::Backspace
            | Key::Delete
            | Key::Left
            | Key::Right
            | Key::Home
            | Key::End
            | Key::EraseLine
            | Key::EraseWord
            | Key::Interrupt
            | Key::EndOfInput
            | Key::PasteBegins
            | Key::Other => return Effect::Edited,
        };
        let last = self.letters.get(..self.cursor).unwrap_or_default().iter().rfind(|letter| !letter.is_whitespace());
        let is_apart = last.is_none_or(|last| self.separator.starts_with(*last));
        if is_broken && !is_apart && !self.separator.starts_with(letter) {
            self.insert(self.separator);
        }
        self.pasting = Some(false);
        self.insert(letter.encode_utf8(&mut [0; 4]));
        Effect::Edited
    }

    fn insert(&mut self, text: &str) {
        for letter in text.chars() {
            self.letters.insert(self.cursor, letter);
            self.cursor += 1;
        }
    }

    fn erase_word(&mut self) {
        let before = self.letters.get(..self.cursor).unwrap_or_default();
        let end = before.iter().rposition(|letter| !letter.is_whitespace()).map_or(0, |place| place + 1);
        let word = before.get(..end).unwrap_or_default();
        let start = word.iter().rposition(|letter| letter.is_whitespace()).map_or(0, |place| place + 1);
        self.letters.drain(start..self.cursor);
        self.cursor = start;
    }

    /// What was typed.
    pub(super) fn text(&self) -> String {
        self.letters.iter().collect()
    }

    /// Completes the last file name before the cursor, as far as there is one way to go on.
    pub(super) fn complete_path(&mut self, folder: &Path, home: &Path) {
        let before: String = self.letters.iter().take(self.cursor).collect();
        let word = before.rsplit(',').next().unwrap_or_default().trim_start();
        if let Some(rest) = completion(word, folder, home) {
            for letter in rest.chars() {
                self.take(Key::Char(letter));
            }
        }
    }

    /// The part that fits into `room` columns, with the cursor in it, and the cursor's column in that part.
    pub(super) fn view(&self, room: usize) -> (String, usize) {
        let room = room.max(1);
        let mut start = 0;
        // One column is the cursor's own.
        while start < self.cursor && self.columns(start, self.cursor) >= room {
            start += 1;
        }
        let mut shown = String::new();
        for letter in self.letters.iter().skip(start) {
            let mut longer = shown.clone();
            longer.push(*letter);
            if width_of(&longer) >= room {
                break;
            }
            shown = longer;
        }
        (shown, self.columns(start, self.cursor))
    }

    fn columns(&self, from: usize, to: usize) -> usize {
        width_of(&self.letters.get(from..to).unwrap_or_default().iter().collect::<String>())
    }
}

/// What can be added to `word` without a choice being made.
fn completion(word: &str, folder: &Path, home: &Path) -> Option<String> {
    let (parent, begun) = word.rsplit_once('/').map_or(("", word), |(parent, begun)| (if parent.is_empty() { "/" } else { parent }, begun));
    let place = match parent.strip_prefix('~') {
        Some(rest) => home.join(rest.trim_start_matches('/')),
        None => folder.join(parent),
    };
    let entries = std::fs::read_dir(place).ok()?.filter_map(Result::ok);
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_wanted = name.starts_with(begun) && (begun.starts_with('.') || !name.starts_with('.'));
            is_wanted.then(|| if entry.path().is_dir() { format!("{name}/") } else { name })
        })
        .collect();
    names.sort();
    let (first, last) = (names.first()?, names.last()?);
    // In order, what the first and the last have in common all have.
    let common: String = first.chars().zip(last.chars()).take_while(|(one, other)| one == other).map(|(one, _)| one).collect();
    common.strip_prefix(begun).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Existing, write_atomically};
    use proptest::prelude::*;

    fn typed(keys: &[Key]) -> Line {
        let mut line = Line::default();
        for key in keys {
            line.take(*key);
        }
        line
    }

    fn letters(text: &str) -> Vec<Key> {
        text.chars().map(Key::Char).collect()
    }

    #[test]
    fn the_usual_keys_edit() {
        let keys = [letters("corp x"), vec![Key::Home, Key::Delete, Key::Char('C'), Key::End, Key::Backspace, Key::EraseWord]].concat();
        let line = typed(&keys);
        assert_eq!(line.text(), "");
        let line = typed(&[letters("a b"), vec![Key::Left, Key::EraseLine]].concat());
        assert_eq!(line.text(), "b");
    }

    #[test]
    fn what_is_pasted_neither_completes_the_line_nor_edits_it() {
        let pasted = |before: &str, separator: &'static str, text: &str| {
            let mut line = Line::with(separator);
            let keys = text.chars().map(|letter| if letter == '\n' { Key::Enter } else { Key::Char(letter) });
            let keys = letters(before).into_iter().chain([Key::PasteBegins]).chain(keys).chain([Key::Interrupt, Key::PasteEnds]);
            for key in keys {
                assert_eq!(line.take(key), Effect::Edited);
            }
            line.text()
        };
        assert_eq!(pasted("", ", ", "\na\n\nb,\n c\n"), "a, b, c");
        assert_eq!(pasted("x", ", ", "y\nz"), "xy, z");
        assert_eq!(pasted("", "", "hunter2\n"), "hunter2");
    }

    #[test]
    fn a_terminal_that_is_gone_ends_a_line_that_is_begun() {
        let mut line = typed(&letters("begun"));
        assert_eq!(line.take(Key::EndOfInput), Effect::Edited);
        assert_eq!(line.take(Key::Gone), Effect::BrokenOff);
        line.take(Key::PasteBegins);
        assert_eq!(line.take(Key::Gone), Effect::BrokenOff);
    }

    #[test]
    fn a_file_name_is_completed_as_far_as_it_is_clear() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bundle-1.pem", "bundle-2.pem", ".hidden"] {
            write_atomically(&folder.path().join(name), b"", 0o600, Existing::Keep).unwrap();
        }
        std::fs::create_dir(folder.path().join("certs")).unwrap();
        for (begun, whole) in [
            ("b", "bundle-"),
            ("bundle-1", "bundle-1.pem"),
            ("x, c", "x, certs/"),
            ("z", "z"),
            ("~/bundle-2", "~/bundle-2.pem"),
            ("bundle-x", "bundle-x"),
        ] {
            let mut line = typed(&letters(begun));
            line.complete_path(folder.path(), folder.path());
            assert_eq!(line.text(), whole, "{begun}");
        }
    }

    fn key() -> impl Strategy<Value = Key> {
        prop_oneof![
            5 => any::<char>().prop_filter("no control", |letter| !letter.is_control()).prop_map(Key::Char),
            1 => prop::sample::select(vec![Key::Backspace, Key::Delete, Key::Left, Key::Right, Key::Home, Key::End, Key::EraseLine, Key::EraseWord, Key::Tab]),
        ]
    }

    proptest! {
        #[test]
        fn a_line_never_leaves_its_row(keys in prop::collection::vec(key(), 0..120), room in 1..60_usize) {
            let line = typed(&keys);
            let (shown, column) = line.view(room);
            prop_assert!(width_of(&shown) <= room && column <= room, "{shown:?} {column} of {room}");
        }
    }
}
