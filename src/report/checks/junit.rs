//! Outcomes as `JUnit` XML, as continuous integration reads it: a suite a subject, a case a check (`docs/reference/junit.xsd`).
//!
//! A check that could not be run is an `error`, as the format means it: never passed. Only findings of severity error fail a case.

use std::io::{self, Write};

use crate::checks::{Outcome, Verdict, Waived};
use crate::finding::{Finding, Severity};

/// Writes the outcomes of `command` (such as `check`) on a site.
pub fn write_junit(out: &mut dyn Write, command: &str, site: &str, outcomes: &[Outcome], waivers: &[Waived]) -> io::Result<()> {
    let mut subjects: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !subjects.contains(&outcome.subject.as_str()) {
            subjects.push(&outcome.subject);
        }
    }
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let of = |subject: &str| -> Vec<String> {
        outcomes.iter().filter(|outcome| outcome.subject == subject).map(|outcome| case(outcome, waivers)).collect()
    };
    let suites: Vec<(&str, Vec<String>)> = subjects.into_iter().map(|subject| (subject, of(subject))).collect();
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    writeln!(out, "<testsuites name=\"portcullis {} {}\"{}>", escape(command), escape(site), counts(all()))?;
    for (subject, cases) in &suites {
        let skipped = count(cases.iter(), "skipped");
        writeln!(out, "  <testsuite name=\"{}\"{} skipped=\"{skipped}\">", escape(subject), counts(cases.iter()))?;
        for case in cases {
            write!(out, "{case}")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")?;
    out.flush()
}

fn count<'c>(cases: impl Iterator<Item = &'c String>, element: &str) -> usize {
    let begun = format!("\n      <{element} ");
    cases.filter(|case| case.contains(&begun)).count()
}

/// The attributes that suites and all of them together have.
fn counts<'c>(cases: impl Iterator<Item = &'c String> + Clone) -> String {
    let (failures, errors) = (count(cases.clone(), "failure"), count(cases.clone(), "error"));
    format!(" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", cases.count())
}

fn case(outcome: &Outcome, waivers: &[Waived]) -> String {
    let head = format!("    <testcase classname=\"{}\" name=\"{}\">", escape(outcome.spec.id), escape(outcome.spec.title));
    match inside(outcome, waivers) {
        Some(inside) => format!("{head}\n      {inside}\n    </testcase>\n"),
        None => format!("{head}</testcase>\n"),
    }
}

/// What a case says beyond having passed.
fn inside(outcome: &Outcome, waivers: &[Waived]) -> Option<String> {
    let findings = match &outcome.verdict {
        Verdict::Passed => return None,
        Verdict::NotApplicable { why } => return Some(format!("<skipped message=\"{}\"/>", escape(why))),
        Verdict::CouldNotRun { why } => return Some(format!("<error type=\"not-run\" message=\"{}\"/>", escape(why))),
        Verdict::Found { findings } => findings,
    };
    if let Some(waiver) = waivers.iter().find(|waiver| waiver.covers(outcome.spec.id, &outcome.subject)) {
        return Some(format!("<skipped message=\"waived: {}\"/>", escape(&waiver.reason)));
    }
    let told = |findings: &[&Finding]| {
        let lines: Vec<String> = findings.iter().map(|finding| format!("{}\nfix: {}", finding.message, finding.fix)).collect();
        escape(&lines.join("\n"))
    };
    let errors: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    Some(match errors.first() {
        Some(first) => format!("<failure type=\"error\" message=\"{}\">{}</failure>", escape(&first.message), told(&errors)),
        None => format!("<system-out>{}</system-out>", told(&findings.iter().collect::<Vec<_>>())),
    })
}

/// Text for XML 1.0, in content and in quoted attributes: what no XML may hold becomes U+FFFD (section 2.2).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            control if control.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CheckSpec;

    static SPEC: CheckSpec = CheckSpec::new("a.b", "All is well", "s");

    fn outcome(verdict: Verdict) -> Outcome {
        Outcome { spec: &SPEC, subject: "a0-1".to_owned(), verdict, evidence: Vec::new() }
    }

    fn finding(severity: Severity) -> Finding {
        Finding { severity, ..SPEC.finding("a0-1", "it said <\u{1b}\"&>", "mend") }
    }

    #[test]
    fn each_verdict_has_its_element_and_nothing_escapes_from_it() {
        let outcomes = [
            outcome(Verdict::Passed),
            outcome(Verdict::Found { findings: vec![finding(Severity::Error)] }),
            outcome(Verdict::Found { findings: vec![finding(Severity::Warning)] }),
            outcome(Verdict::CouldNotRun { why: "no road".to_owned() }),
            outcome(Verdict::NotApplicable { why: "no mail".to_owned() }),
        ];
        let mut out = Vec::new();
        write_junit(&mut out, "check", "north", &outcomes, &[]).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="portcullis check north" tests="5" failures="1" errors="1">
          <testsuite name="a0-1" tests="5" failures="1" errors="1" skipped="1">
            <testcase classname="a.b" name="All is well"></testcase>
            <testcase classname="a.b" name="All is well">
              <failure type="error" message="it said &lt;�&quot;&amp;&gt;">it said &lt;�&quot;&amp;&gt;
        fix: mend</failure>
            </testcase>
            <testcase classname="a.b" name="All is well">
              <system-out>it said &lt;�&quot;&amp;&gt;
        fix: mend</system-out>
            </testcase>
            <testcase classname="a.b" name="All is well">
              <error type="not-run" message="no road"/>
            </testcase>
            <testcase classname="a.b" name="All is well">
              <skipped message="no mail"/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
