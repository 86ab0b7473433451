//! Findings: the worst first, each in one line with what to do about it below.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::text::{Look, Tone, counted, escape};
use crate::finding::{Finding, Severity};

/// Writes the findings grouped by severity, then a line that counts them.
pub fn write_findings(out: &mut dyn Write, findings: &[Finding], look: &Look) -> io::Result<()> {
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        for finding in findings.iter().filter(|finding| finding.severity == severity) {
            write_finding(out, finding, look)?;
        }
    }
    writeln!(out, "{}", summarize(findings, look))?;
    out.flush()
}

/// Writes one finding: severity, id, subject and message in a line, its fix below.
pub fn write_finding(out: &mut dyn Write, finding: &Finding, look: &Look) -> io::Result<()> {
    let (word, tone) = word_of(finding.severity);
    let (id, subject, message) = (escape(&finding.id), escape(&finding.subject), escape(&finding.message));
    writeln!(out, "{} {id}  {}: {message}", look.paint(tone, word), look.paint(Tone::Strong, &subject))?;
    if finding.fix.is_empty() {
        return Ok(());
    }
    let mut lines = finding.fix.lines();
    writeln!(out, "        {} {}", look.paint(Tone::Quiet, "fix:"), escape(lines.next().unwrap_or_default()))?;
    lines.try_for_each(|line| writeln!(out, "             {}", escape(line)))
}

/// The severity's word, as wide as the others.
fn word_of(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Error => ("error  ", Tone::Bad),
        Severity::Warning => ("warning", Tone::Warning),
        Severity::Info => ("info   ", Tone::Quiet),
    }
}

/// One line: how many of each.
pub fn summarize(findings: &[Finding], look: &Look) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counts: Vec<_> = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")]
        .into_iter()
        .filter(|(severity, _)| count(*severity) > 0)
        .map(|(severity, noun)| look.paint(word_of(severity).1, &counted(count(severity), noun)))
        .collect();
    if counts.is_empty() { look.paint(Tone::Good, "Nothing found.") } else { format!("Found {}.", counts.join(", ")) }
}

/// `{"findings":[…]}`, the worst first.
pub fn findings_json(findings: &[Finding]) -> Value {
    let mut sorted: Vec<_> = findings.iter().collect();
    // Stable: within a severity they stay as they were found.
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    json!({"findings": sorted})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &str, severity: Severity, fix: &str) -> Finding {
        Finding {
            id: id.into(),
            severity,
            subject: "site.pem".into(),
            message: "CN=\u{1b}[2J".into(),
            fix: fix.into(),
            source: "Security and Access".into(),
        }
    }

    fn some() -> Vec<Finding> {
        vec![
            finding("cert.chain.root-included", Severity::Info, ""),
            finding("cert.expired", Severity::Error, "ask the CA for another"),
            finding("cert.duplicate", Severity::Warning, "remove one"),
            finding("cert.key.mismatch", Severity::Error, "use the key that belongs to it"),
        ]
    }

    #[test]
    fn the_worst_come_first_with_their_fix_below() {
        let mut out = Vec::new();
        write_findings(&mut out, &some(), &Look::plain()).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        error   cert.expired  site.pem: CN=\u{1b}[2J
                fix: ask the CA for another
        error   cert.key.mismatch  site.pem: CN=\u{1b}[2J
                fix: use the key that belongs to it
        warning cert.duplicate  site.pem: CN=\u{1b}[2J
                fix: remove one
        info    cert.chain.root-included  site.pem: CN=\u{1b}[2J
        Found 2 errors, 1 warning, 1 note.
        ");
    }

    #[test]
    fn a_command_in_a_fix_stands_in_its_line() {
        let mut text = Vec::new();
        let fix = "accept it by\n    echo key >> known_hosts\nor refuse";
        write_finding(&mut text, &finding("a.b", Severity::Error, fix), &Look::plain()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("fix: accept it by\n                 echo key >> known_hosts\n             or refuse\n"), "{text}");
    }

    #[test]
    fn nothing_found_is_said() {
        assert_eq!(summarize(&[], &Look::plain()), "Nothing found.");
    }

    #[test]
    fn json_holds_all_the_worst_first() {
        let value = findings_json(&some());
        let ids: Vec<_> = value["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["cert.expired", "cert.key.mismatch", "cert.duplicate", "cert.chain.root-included"]);
        assert_eq!(value["findings"][0]["severity"], "error");
    }
}
