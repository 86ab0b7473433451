//! Many outcomes as one answer: what was found, what is waived, what could not be looked at. Pure.

use serde::Serialize;

use super::catalogue::offline::here::NOT_RUN;
use super::spec::{Outcome, Verdict};
use crate::finding::{Finding, Severity};

/// A check that is known to fail, and whose findings do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waived {
    /// Its id, or the beginning of several: `smtp` stands for `smtp.tcp` and all the others.
    pub check: String,
    /// The one machine, host or file that is meant; `None`: whatever the check finds.
    pub machine: Option<String>,
    /// Why, for the report.
    pub reason: String,
}

impl Waived {
    /// Whether it stands for what that check found of `subject`.
    pub fn covers(&self, id: &str, subject: &str) -> bool {
        is_meant(&self.check, id) && self.machine.as_deref().is_none_or(|machine| is_about(subject, machine))
    }
}

/// Whether a subject such as `mail:587 from a0-1` speaks of `machine`: as a whole word of it.
fn is_about(subject: &str, machine: &str) -> bool {
    let is_within = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    subject == machine || subject.split(|c| !is_within(c)).any(|word| word.trim_end_matches('.').eq_ignore_ascii_case(machine))
}

/// A finding that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaivedFinding {
    /// The finding as it would have counted.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it does not.
    pub reason: String,
}

/// How many outcomes of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Findings of severity error.
    pub error: usize,
    /// Findings of severity warning.
    pub warning: usize,
    /// Findings worth knowing.
    pub info: usize,
    /// Checks that were met.
    pub passed: usize,
    /// Checks that could not be run.
    pub not_run: usize,
    /// Checks that do not concern this site.
    pub not_applicable: usize,
    /// Findings that are waived.
    pub waived: usize,
}

/// What came of it all.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// Everything that counts, the worst first.
    pub findings: Vec<Finding>,
    /// What would have counted.
    pub waived: Vec<WaivedFinding>,
    /// How many of each.
    pub counts: Counts,
}

/// Whether `id` is `pattern`, or one of those that begin with it.
pub fn is_meant(pattern: &str, id: &str) -> bool {
    id.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || pattern.ends_with('.'))
}

/// Gathers outcomes: what is found twice counts once, and what could not be run is a finding of its own.
pub fn assess(outcomes: &[Outcome], waivers: &[Waived]) -> Assessment {
    let mut counts = Counts::default();
    let mut all: Vec<Finding> = Vec::new();
    let mut not_run: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for outcome in outcomes {
        match &outcome.verdict {
            Verdict::Passed => counts.passed += 1,
            Verdict::NotApplicable { .. } => counts.not_applicable += 1,
            Verdict::Found { findings } => {
                for finding in findings {
                    if !all.contains(finding) {
                        all.push(finding.clone());
                    }
                }
            }
            Verdict::CouldNotRun { why } => {
                counts.not_run += 1;
                match not_run.iter_mut().find(|(subject, known, _)| *subject == outcome.subject && known == why) {
                    Some((.., ids)) if ids.contains(&outcome.spec.id) => {}
                    Some((.., ids)) => ids.push(outcome.spec.id),
                    None => not_run.push((&outcome.subject, why, vec![outcome.spec.id])),
                }
            }
        }
    }
    let unknown: Vec<Finding> = not_run.iter().map(|(subject, why, ids)| said_not_run(&all, subject, why, ids)).collect();
    all.extend(unknown);
    let mut findings = Vec::new();
    let mut waived = Vec::new();
    for finding in all {
        match waivers.iter().find(|waiver| waiver.covers(&finding.id, &finding.subject)) {
            Some(found) => waived.push(WaivedFinding { finding, reason: found.reason.clone() }),
            None => findings.push(finding),
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in &findings {
        match finding.severity {
            Severity::Error => counts.error += 1,
            Severity::Warning => counts.warning += 1,
            Severity::Info => counts.info += 1,
        }
    }
    counts.waived = waived.len();
    Assessment { findings, waived, counts }
}

fn said_not_run(found: &[Finding], subject: &str, why: &str, ids: &[&str]) -> Finding {
    const SHOWN: usize = 3;
    // A destination's verdict follows from the way to it.
    let kind = |id: &str| id.split('.').next().map(|kind| if kind == "egress" { "proxy" } else { kind }.to_owned());
    // Where a dialogue ended early, what ended it has been said already.
    let is_consequence = ids.iter().all(|id| {
        found.iter().any(|finding| finding.severity == Severity::Error && finding.subject == subject && kind(&finding.id) == kind(id))
    });
    let named = ids.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = if ids.len() > SHOWN { format!(" and {} more", ids.len() - SHOWN) } else { String::new() };
    let verb = if ids.len() == 1 { "could not be run" } else { "could not be run, and nobody knows what they would have found" };
    let finding = NOT_RUN.finding(subject, format!("{named}{more} {verb}: {why}"), "mend that first, then run the command again");
    Finding { severity: if is_consequence { Severity::Info } else { finding.severity }, ..finding }
}

/// Findings that differ in nothing but whom they are about, as one: for people, who read each sentence once.
pub fn merged(findings: &[Finding]) -> Vec<Finding> {
    const SHOWN: usize = 3;
    let mut groups: Vec<(Finding, Vec<String>)> = Vec::new();
    for finding in findings {
        let (message, fix) = (without_machine(&finding.message, &finding.subject), without_machine(&finding.fix, &finding.subject));
        let is_same = |known: &Finding| {
            (known.id.as_str(), known.severity) == (finding.id.as_str(), finding.severity)
                && message == without_machine(&known.message, &known.subject)
                && fix == without_machine(&known.fix, &known.subject)
        };
        match groups.iter_mut().find(|(known, _)| is_same(known)) {
            Some((_, subjects)) => subjects.push(finding.subject.clone()),
            None => groups.push((finding.clone(), vec![finding.subject.clone()])),
        }
    }
    for (finding, _) in groups.iter_mut().filter(|(_, subjects)| subjects.len() > 1) {
        finding.message = without_machine(&finding.message, &finding.subject).replace(MACHINE, "each of them");
        finding.fix = without_machine(&finding.fix, &finding.subject).replace(MACHINE, "each of them");
    }
    let joined = |subjects: &[String]| {
        // `mail:587 from a0-1`, `mail:587 from a0-2` → `mail:587 from a0-1, a0-2`
        let common = subjects.first().and_then(|first| first.split_once(" from ")).map(|(common, _)| format!("{common} from "));
        let common = common.filter(|common| subjects.len() > 1 && subjects.iter().all(|subject| subject.starts_with(common.as_str())));
        let common = common.unwrap_or_default();
        let subjects: Vec<&str> = subjects.iter().map(|subject| subject.get(common.len()..).unwrap_or_default()).collect();
        let first = subjects.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        let more = if subjects.len() > SHOWN { format!(" and {} more", subjects.len() - SHOWN) } else { String::new() };
        format!("{common}{first}{more}")
    };
    groups.into_iter().map(|(finding, subjects)| Finding { subject: joined(&subjects), ..finding }).collect()
}

/// What stands for a machine's name while sentences are compared; no text from outside holds it.
const MACHINE: char = '\u{e000}';

/// The sentence with a mark in the place of the machine that `subject` names: `a0-1`, or the last word of `mail:587 from a0-1`.
fn without_machine(text: &str, subject: &str) -> String {
    let machine = subject.rsplit_once(" from ").map_or(subject, |(_, machine)| machine);
    if machine.is_empty() || !machine.chars().all(is_of_a_name) {
        return text.to_owned();
    }
    let mut rest = text;
    let mut told = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once(machine) {
        let is_whole = !before.ends_with(is_of_a_name) && !after.trim_start_matches('.').starts_with(is_of_a_name);
        told.push_str(before);
        if is_whole {
            told.push(MACHINE);
        } else {
            told.push_str(machine);
        }
        rest = after;
    }
    told.push_str(rest);
    told
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::spec::{CheckSpec, Tally};

    #[test]
    fn a_sentence_that_names_each_machine_is_read_once() {
        let found = |node: &str| TCP.finding(format!("mail:587 from {node}"), "refused", format!("allow TCP from {node} to mail:587"));
        let one = merged(&[found("a0-1"), found("a0-2"), found("a0-10")]);
        assert_eq!(one.len(), 1);
        assert_eq!(
            (one[0].subject.as_str(), one[0].fix.as_str()),
            ("mail:587 from a0-1, a0-2, a0-10", "allow TCP from each of them to mail:587")
        );
        let alone = merged(&[found("a0-1")]);
        assert_eq!(alone[0].fix, "allow TCP from a0-1 to mail:587");
        let others = [TCP.finding("a0-1", "a0-10 is silent", "f"), TCP.finding("a0-2", "a0-20 is silent", "f")];
        assert_eq!(merged(&others), others, "another machine's name is no part of the sentence's own");
    }

    static TCP: CheckSpec = CheckSpec::new("smtp.tcp", "t", "s");
    static MAIL: CheckSpec = CheckSpec::new("smtp.mail", "t", "s");

    fn refused(node: &str) -> Vec<Outcome> {
        let mut tally = Tally::of(node);
        tally.found(&TCP, "refused", "ask");
        tally.complete(&[&TCP, &MAIL], "no connection")
    }

    #[test]
    fn what_could_not_be_run_is_a_warning_and_never_passed() {
        let mut tally = Tally::of("a0-1");
        tally.could_not_run(&TCP, "nobody logged in");
        let assessment = assess(&tally.complete(&[&TCP, &MAIL], "nobody logged in"), &[]);
        assert_eq!(assessment.findings.len(), 1);
        assert_eq!((assessment.findings[0].id.as_str(), assessment.findings[0].severity), ("check.not-run", Severity::Warning));
        assert_eq!(assessment.counts, Counts { warning: 1, not_run: 2, ..Counts::default() });
    }

    #[test]
    fn what_an_error_already_explains_is_a_note_and_still_not_passed() {
        let assessment = assess(&refused("a0-1"), &[]);
        let ids: Vec<(&str, Severity)> = assessment.findings.iter().map(|finding| (finding.id.as_str(), finding.severity)).collect();
        assert_eq!(ids, [("smtp.tcp", Severity::Error), ("check.not-run", Severity::Info)]);
        assert_eq!(assessment.counts, Counts { error: 1, info: 1, not_run: 1, ..Counts::default() });
    }

    #[test]
    fn a_waiver_takes_a_finding_out_of_the_count_and_leaves_it_in_sight() {
        let waiver = Waived { check: "smtp.tcp".to_owned(), machine: None, reason: "the port opens on Monday".to_owned() };
        let assessment = assess(&refused("a0-1"), &[waiver]);
        assert_eq!((assessment.counts.error, assessment.counts.waived), (0, 1));
        assert_eq!(assessment.waived[0].finding.id, "smtp.tcp");
    }

    #[test]
    fn a_waiver_for_one_machine_leaves_the_others_counting() {
        let waiver = Waived { check: "smtp".to_owned(), machine: Some("a0-1".to_owned()), reason: "it moves".to_owned() };
        assert!(waiver.covers("smtp.tcp", "a0-1") && waiver.covers("smtp.tcp", "mail:587 from a0-1"));
        assert!(
            !waiver.covers("smtp.tcp", "a0-11") && !waiver.covers("smtp.tcp", "mail from a0-1.corp") && !waiver.covers("node.ram", "a0-1")
        );
        let outcomes = ["a0-1", "a0-2"].map(refused).concat();
        assert_eq!(assess(&outcomes, &[waiver]).counts.error, 1);
    }

    #[test]
    fn the_same_finding_of_many_machines_is_one_sentence() {
        let outcomes = ["a0-1", "a0-2", "a0-3", "a0-4"].map(refused).concat();
        let merged = merged(&assess(&outcomes, &[]).findings);
        assert_eq!(merged[0].subject, "a0-1, a0-2, a0-3 and 1 more");
        assert_eq!(merged.len(), 2);
    }

    #[test]
    fn a_prefix_means_whole_parts() {
        assert!(is_meant("smtp", "smtp.tcp") && is_meant("smtp.tcp", "smtp.tcp") && is_meant("smtp.", "smtp.tcp"));
        assert!(!is_meant("smt", "smtp.tcp") && !is_meant("smtp.tcp.x", "smtp.tcp"));
    }
}
