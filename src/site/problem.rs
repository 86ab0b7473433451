//! What is wrong with a site file, each problem with its place and the line itself.
//!
//! Secrets that stand in the file by mistake are masked before anything gets here: what this module
//! holds may go to a terminal, a log or JSON as it is.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// One thing wrong with a file (a site, a playbook, a template), and where.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileProblem {
    /// The file as it was named to us.
    pub file: PathBuf,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// The line of the file, secrets masked.
    pub excerpt: String,
    /// The stretch of `excerpt` that is meant, in bytes.
    pub span: std::ops::Range<usize>,
}

impl FileProblem {
    /// The problem as a person reads it: message, `FILE:LINE:COL`, the line with the place marked, help.
    pub fn render(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let before = self.excerpt.get(..self.span.start).unwrap_or(&self.excerpt);
        let meant = self.excerpt.get(self.span.clone()).unwrap_or_default();
        // A tab moves the marker as far as it moved the text.
        let indent: String = before.chars().map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect();
        let marker = "^".repeat(meant.chars().count().max(1));
        // Writing into a `String` cannot fail.
        let _ = writeln!(text, "{gutter}--> {}:{}:{}", self.file.display(), self.line, self.column);
        let _ = writeln!(text, "{gutter} |\n{number} | {}\n{gutter} | {indent}{marker}", self.excerpt);
        if let Some(help) = &self.help {
            let _ = writeln!(text, "{gutter} = help: {help}");
        }
        text
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

impl std::error::Error for FileProblem {}

impl Diagnostic for FileProblem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = SourceSpan::from(self.span.clone());
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".to_owned()), span))))
    }
}

/// The excerpt stands for the file: only the masked line is ever shown.
impl SourceCode for FileProblem {
    fn read_span<'a>(&'a self, span: &SourceSpan, before: usize, after: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        if span.offset() + span.len() > self.excerpt.len() {
            return Err(MietteError::OutOfBounds);
        }
        let whole = SourceSpan::from((0, self.excerpt.len()));
        // Without lines around it, it is the heading that is asked for, which names the column.
        let column = if before + after == 0 { self.column.saturating_sub(1) } else { 0 };
        let name = self.file.display().to_string();
        Ok(Box::new(MietteSpanContents::new_named(name, self.excerpt.as_bytes(), whole, self.line.saturating_sub(1), column, 1)))
    }
}

/// Why there is no site.
#[derive(Debug, thiserror::Error)]
pub enum SiteErrors {
    /// There is no such file.
    #[error("there is no site file {path}")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the site file {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The file is not a site file, by its size.
    #[error("{path} has {size} bytes, which is more than a site file can have ({limit})")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The most a site file can have, in bytes.
        limit: u64,
    },
    /// The file is there, and wrong.
    #[error("{} has {}", path.display(), count(problems.len()))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All that is wrong with it, in the order of the file; never empty.
        problems: Vec<FileProblem>,
    },
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") }
}

impl SiteErrors {
    /// The problems with their places; empty where the file could not be read at all.
    pub fn problems(&self) -> &[FileProblem] {
        match self {
            Self::Invalid { problems, .. } => problems,
            Self::Missing { .. } | Self::Unreadable { .. } | Self::TooLarge { .. } => &[],
        }
    }

    /// The file concerned.
    pub fn path(&self) -> &Path {
        match self {
            Self::Missing { path } | Self::Unreadable { path, .. } | Self::TooLarge { path, .. } | Self::Invalid { path, .. } => path,
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Missing { .. } => "`portcullis init` writes one; `--site FILE` or PORTCULLIS_SITE names one that is elsewhere",
            Self::Unreadable { .. } => "see that it is a file which you may read; `--site FILE` names another",
            Self::TooLarge { .. } => "see that `--site` names the site file and not something else",
            Self::Invalid { .. } => "mend the file, then look at it again with `portcullis site check`",
        };
        Some(help.to_owned())
    }

    /// All of it for a person: each problem with its line, or the one reason.
    pub fn render(&self) -> String {
        match self {
            Self::Invalid { problems, .. } => problems.iter().map(FileProblem::render).collect::<Vec<_>>().join("\n"),
            Self::Missing { .. } | Self::Unreadable { .. } | Self::TooLarge { .. } => {
                let cause = std::error::Error::source(self).map(|cause| format!(": {cause}")).unwrap_or_default();
                format!("error: {self}{cause}\n")
            }
        }
    }
}

impl Diagnostic for SiteErrors {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        SiteErrors::help(self).map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems().iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> FileProblem {
        FileProblem {
            file: "site.yaml".into(),
            message: "unknown key `nodez`".into(),
            help: Some("did you mean `nodes`?".into()),
            line: 12,
            column: 3,
            excerpt: "  nodez:".into(),
            span: 2..7,
        }
    }

    #[test]
    fn the_plain_rendering_has_file_line_column_and_the_line() {
        let expected =
            "error: unknown key `nodez`\n  --> site.yaml:12:3\n   |\n12 |   nodez:\n   |   ^^^^^\n   = help: did you mean `nodes`?\n";
        assert_eq!(problem().render(), expected);
    }

    #[test]
    fn miette_shows_the_same_place() {
        let mut shown = String::new();
        let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none());
        handler.render_report(&mut shown, &problem()).unwrap();
        assert!(shown.contains("[site.yaml:12:3]") && shown.contains("12 |   nodez:"), "{shown}");
    }
}
