//! Collects what is wrong with one file, and makes excerpts of it in which no secret is left.

use std::ops::Range;
use std::path::Path;

use super::mask;
use super::schema;
use crate::site::problem::{FileProblem, SiteErrors};

/// Longest value that a message repeats, in letters.
const LONGEST_SHOWN: usize = 60;

/// What a kind of file is called in messages, and what it may hold.
pub(crate) struct Document {
    /// What one file is: `site`, `playbook`.
    pub(crate) noun: &'static str,
    /// Where to get one.
    pub(crate) example: &'static str,
    /// Its schema.
    pub(crate) schema: fn() -> &'static serde_json::Value,
}

/// The site file.
pub(crate) const SITE: Document = Document { noun: "site", example: "`portcullis init` writes one", schema: schema::schema };

/// The problems found so far in `text`.
pub(crate) struct Problems<'a> {
    document: &'static Document,
    path: &'a Path,
    text: &'a str,
    secrets: Vec<Range<usize>>,
    found: Vec<(Range<usize>, String, Option<String>)>,
}

impl<'a> Problems<'a> {
    /// No problems yet; what looks like a secret is hidden from the start.
    pub(crate) fn new(path: &'a Path, text: &'a str) -> Self {
        Self::of(&SITE, path, text)
    }

    /// The same for another kind of file.
    pub(crate) fn of(document: &'static Document, path: &'a Path, text: &'a str) -> Self {
        Self { document, path, text, secrets: mask::find_secrets(text), found: Vec::new() }
    }

    /// The kind of file.
    pub(crate) fn document(&self) -> &'static Document {
        self.document
    }

    /// Adds a problem at a place.
    pub(crate) fn add(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.found.push((span, message.into(), help.into()));
    }

    /// Hides a stretch of the text from every excerpt and message.
    pub(crate) fn hide(&mut self, span: Range<usize>) {
        if !span.is_empty() && !self.secrets.contains(&span) {
            self.secrets.push(span);
        }
    }

    /// A value as a message may repeat it: in backticks, or not at all where it may be a secret.
    pub(crate) fn show(&self, span: &Range<usize>, value: &str) -> String {
        let hidden = self.secrets.iter().any(|secret| secret.start < span.end.max(span.start + 1) && span.start < secret.end);
        let unfit = value.chars().any(char::is_control) || value.chars().count() > LONGEST_SHOWN;
        if hidden {
            "a value that is not shown".to_owned()
        } else if unfit {
            let short: String = value.chars().filter(|letter| !letter.is_control()).take(LONGEST_SHOWN / 2).collect();
            format!("`{short}…`")
        } else {
            format!("`{value}`")
        }
    }

    /// The line of a place, from 1.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.text.get(..offset).unwrap_or(self.text).matches('\n').count() + 1
    }

    /// Whether anything was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether anything was found that begins within this stretch of the text.
    pub(crate) fn any_within(&self, stretch: &Range<usize>) -> bool {
        self.found.iter().any(|(span, ..)| stretch.contains(&span.start))
    }

    /// The problems in the order of the file.
    pub(crate) fn finish(self) -> SiteErrors {
        SiteErrors::Invalid { path: self.path.to_owned(), problems: self.into_list() }
    }

    /// The same as they are.
    pub(crate) fn into_list(mut self) -> Vec<FileProblem> {
        self.secrets.sort_by_key(|range| (range.start, range.end));
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|(span, ..)| span.start);
        found.into_iter().map(|(span, message, help)| self.excerpt(&span, message, help)).collect()
    }

    fn excerpt(&self, span: &Range<usize>, message: String, help: Option<String>) -> FileProblem {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let place = span.start.saturating_sub(start).min(line.len());
        let meant = place..span.end.saturating_sub(start).clamp(place, line.len());
        let moved = |secret: &Range<usize>| secret.start.saturating_sub(start)..secret.end.saturating_sub(start);
        let secrets: Vec<_> = self.secrets.iter().map(moved).filter(|secret| !secret.is_empty()).collect();
        let column = line.get(..place).unwrap_or_default().chars().count() + 1;
        let (excerpt, marked) = mask::mask_line(line, &secrets, meant);
        FileProblem { file: self.path.to_owned(), message, help, line: self.line_of(span.start), column, excerpt, span: marked }
    }
}
