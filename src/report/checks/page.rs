//! Outcomes as one HTML page, for people who were not there: no script, nothing fetched, everything escaped.

use std::io::{self, Write};

use super::{Standing, severity_word};
use crate::checks::{Assessment, Outcome, Verdict, merged};
use crate::finding::Severity;

/// What a page is about.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The site's name.
    pub site: &'a str,
    /// What kind of environment, and how many nodes, in words.
    pub about: &'a str,
    /// When it was looked at.
    pub at: jiff::Timestamp,
    /// What counts.
    pub assessment: &'a Assessment,
    /// Each check.
    pub outcomes: &'a [Outcome],
}

const STYLE: &str = include_str!("page.css");

/// Writes the page.
pub fn write_page(out: &mut dyn Write, page: &Page<'_>) -> io::Result<()> {
    let site = escape(page.site);
    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">")?;
    writeln!(out, "<title>Checks of {site}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>")?;
    writeln!(out, "<h1>Checks of {site}</h1>")?;
    writeln!(out, "<p class=\"about\">{}, looked at {}</p>", escape(page.about), page.at.strftime("%Y-%m-%d %H:%M UTC"))?;
    write_counts(out, page)?;
    write_findings(out, page)?;
    write_waived(out, page)?;
    write_outcomes(out, page)?;
    writeln!(out, "</main>\n</body>\n</html>")?;
    out.flush()
}

fn write_counts(out: &mut dyn Write, page: &Page<'_>) -> io::Result<()> {
    let counts = page.assessment.counts;
    let verdict = match (counts.error, counts.warning) {
        (0, 0) => "Nothing has to be done.".to_owned(),
        (0, warnings) => format!("Nothing stands in the way; {warnings} to be seen to."),
        (1, _) => "One thing does not work and has to be mended first.".to_owned(),
        (errors, _) => format!("{errors} things do not work and have to be mended first."),
    };
    writeln!(out, "<p class=\"verdict\">{verdict}</p>\n<ul class=\"counts\">")?;
    let all = [
        ("error", counts.error, "errors"),
        ("warning", counts.warning, "warnings"),
        ("info", counts.info, "notes"),
        ("passed", counts.passed, "passed"),
        ("unknown", counts.not_run, "could not be run"),
        ("quiet", counts.waived, "waived"),
        ("quiet", counts.not_applicable, "not asked for"),
    ];
    for (class, count, what) in all {
        writeln!(out, "<li class=\"{class}\"><b>{count}</b> {what}</li>")?;
    }
    writeln!(out, "</ul>")
}

fn write_findings(out: &mut dyn Write, page: &Page<'_>) -> io::Result<()> {
    let findings = merged(&page.assessment.findings);
    for (severity, heading) in
        [(Severity::Error, "What does not work"), (Severity::Warning, "What should be seen to"), (Severity::Info, "Worth knowing")]
    {
        let mut own = findings.iter().filter(|finding| finding.severity == severity).peekable();
        if own.peek().is_none() {
            continue;
        }
        writeln!(out, "<h2>{heading}</h2>")?;
        for finding in own {
            writeln!(out, "<article class=\"{}\">", severity_word(severity))?;
            writeln!(out, "<h3>{}</h3>\n<p>{}</p>", escape(&finding.subject), escape(&finding.message))?;
            if !finding.fix.is_empty() {
                writeln!(out, "<p class=\"fix\"><b>To do:</b> {}</p>", escape(&finding.fix))?;
            }
            writeln!(out, "<p class=\"source\"><code>{}</code> · {}</p>\n</article>", escape(&finding.id), escape(&finding.source))?;
        }
    }
    Ok(())
}

fn write_waived(out: &mut dyn Write, page: &Page<'_>) -> io::Result<()> {
    if page.assessment.waived.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Waived</h2>\n<ul>")?;
    for waived in &page.assessment.waived {
        let finding = &waived.finding;
        let (id, subject, message, reason) =
            (escape(&finding.id), escape(&finding.subject), escape(&finding.message), escape(&waived.reason));
        writeln!(out, "<li><code>{id}</code> {subject}: {message} <i>({reason})</i></li>")?;
    }
    writeln!(out, "</ul>")
}

fn write_outcomes(out: &mut dyn Write, page: &Page<'_>) -> io::Result<()> {
    writeln!(
        out,
        "<h2>Every check</h2>\n<table>\n<thead><tr><th>Verdict</th><th>Check</th><th>Subject</th><th>Seen</th></tr></thead>\n<tbody>"
    )?;
    for outcome in page.outcomes {
        let standing = Standing::of([outcome]);
        let class = match standing {
            Standing::Passed => "passed",
            Standing::Reserved => "warning",
            Standing::Failed => "error",
            Standing::Unknown => "unknown",
            Standing::NotAsked => "quiet",
        };
        let seen = match &outcome.verdict {
            Verdict::CouldNotRun { why } | Verdict::NotApplicable { why } => escape(why),
            Verdict::Passed | Verdict::Found { .. } => outcome.evidence.iter().map(|seen| escape(seen)).collect::<Vec<_>>().join("<br>"),
        };
        writeln!(
            out,
            "<tr class=\"{class}\"><td>{}</td><td>{}<br><code>{}</code></td><td>{}</td><td>{seen}</td></tr>",
            standing.word(),
            escape(outcome.spec.title),
            escape(outcome.spec.id),
            escape(&outcome.subject),
        )?;
    }
    writeln!(out, "</tbody>\n</table>")
}

/// Text for HTML, in content and in quoted attributes; what would turn the text around is made visible.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in crate::report::text::escape(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{CheckSpec, assess};
    use proptest::prelude::*;

    static SPEC: CheckSpec = CheckSpec::new("a.b", "All is well", "s");

    fn page(text: &str) -> String {
        let finding = SPEC.finding(text, text, text);
        let outcomes = [
            Outcome {
                spec: &SPEC,
                subject: text.to_owned(),
                verdict: Verdict::Found { findings: vec![finding] },
                evidence: vec![text.to_owned()],
            },
            Outcome { spec: &SPEC, subject: "x".to_owned(), verdict: Verdict::CouldNotRun { why: text.to_owned() }, evidence: Vec::new() },
        ];
        let assessment = assess(&outcomes, &[]);
        let mut out = Vec::new();
        let at = jiff::Timestamp::UNIX_EPOCH;
        write_page(&mut out, &Page { site: text, about: text, at, assessment: &assessment, outcomes: &outcomes }).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_page_says_what_is_wrong_and_what_to_do_and_fetches_nothing() {
        let page = page("mail.example");
        for wanted in ["One thing does not work", "<b>To do:</b> mail.example", "could not be run", "1970-01-01 00:00 UTC"] {
            assert!(page.contains(wanted), "{wanted} in {page}");
        }
        for unwanted in ["http://", "https://", "<script", "src=", "url("] {
            assert!(!page.contains(unwanted), "{unwanted}");
        }
    }

    proptest! {
        #[test]
        fn no_text_opens_an_element(text in "[<>\"'&a-z/=\u{202e} ]{1,30}") {
            let tags = |page: &str| page.matches('<').count();
            prop_assert_eq!(tags(&page(&text)), tags(&page("x")));
            let turned = page(&text).contains('\u{202e}');
            prop_assert!(!turned);
        }
    }
}
