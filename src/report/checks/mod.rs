//! What checks found, for a person: findings worst first, then how many of each kind; the evidence where it is wanted.

mod junit;
mod page;
mod reference;

use std::io::{self, Write};

use serde_json::{Value, json};

use super::findings::write_finding;
use super::text::{Look, Tone, counted, escape, padded};
use crate::checks::catalogue::team_of;
use crate::checks::{Assessment, Counts, Outcome, Team, Vantage, Verdict, merged};
use crate::finding::{Finding, Severity};

pub use junit::write_junit;
pub use page::{Link, Page, write_page};
pub use reference::{reference, short_name, write_list};

/// How one thing stands, in a mark and a word: neither needs a colour to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Met.
    Passed,
    /// Met, with something to be seen to.
    Reserved,
    /// Not met.
    Failed,
    /// Nobody knows.
    Unknown,
    /// Not asked for.
    NotAsked,
}

impl Standing {
    /// How outcomes stand together: the worst of them counts.
    pub fn of<'o>(outcomes: impl IntoIterator<Item = &'o Outcome>) -> Self {
        let worst = outcomes.into_iter().map(|outcome| match &outcome.verdict {
            Verdict::NotApplicable { .. } => Self::NotAsked,
            Verdict::Passed => Self::Passed,
            Verdict::CouldNotRun { .. } => Self::Unknown,
            Verdict::Found { findings } => match findings.iter().map(|finding| finding.severity).max() {
                Some(Severity::Error) => Self::Failed,
                Some(Severity::Warning) => Self::Reserved,
                Some(Severity::Info) | None => Self::Passed,
            },
        });
        worst.max_by_key(|standing| standing.weight()).unwrap_or(Self::NotAsked)
    }

    fn weight(self) -> u8 {
        match self {
            Self::NotAsked => 0,
            Self::Passed => 1,
            Self::Reserved => 2,
            Self::Unknown => 3,
            Self::Failed => 4,
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Reserved => "passed, see below",
            Self::Failed => "failed",
            Self::Unknown => "not looked at",
            Self::NotAsked => "not asked for",
        }
    }

    fn mark(self) -> (&'static str, Tone) {
        match self {
            Self::Passed => ("\u{2713}", Tone::Good),
            Self::Reserved => ("!", Tone::Warning),
            Self::Failed => ("\u{2717}", Tone::Bad),
            Self::Unknown => ("?", Tone::Warning),
            Self::NotAsked => ("\u{2013}", Tone::Quiet),
        }
    }
}

/// One machine and one subject, as `verify` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The machine.
    pub machine: String,
    /// What was looked at: `TLS`, `mail`, `proxy`.
    pub subject: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// What was seen, in a few words.
    pub detail: String,
}

/// Writes one line for each machine and subject.
pub fn write_lines(out: &mut dyn Write, lines: &[Line], look: &Look) -> io::Result<()> {
    let machines = lines.iter().map(|line| console::measure_text_width(&line.machine)).max().unwrap_or(0);
    let subjects = lines.iter().map(|line| line.subject.len()).max().unwrap_or(0);
    for line in lines {
        let (mark, tone) = line.standing.mark();
        let detail = if line.detail.is_empty() { String::new() } else { format!(": {}", escape(&line.detail)) };
        let text = format!(
            "{} {}  {}  {}{detail}",
            look.paint(tone, mark),
            padded(&escape(&line.machine), machines),
            padded(line.subject, subjects),
            line.standing.word()
        );
        writeln!(out, "{}", look.shorten(&text))?;
    }
    out.flush()
}

/// Writes findings, the worst first, and the counts; `verbose` adds what is worth knowing alone, and every check's evidence.
pub fn write_checks(out: &mut dyn Write, assessment: &Assessment, outcomes: &[Outcome], verbose: bool, look: &Look) -> io::Result<()> {
    if verbose {
        write_evidence(out, outcomes, look)?;
    }
    let shown: Vec<Finding> = assessment.findings.iter().filter(|finding| verbose || finding.severity != Severity::Info).cloned().collect();
    for (team, findings) in grouped(&shown) {
        let heading = if team == Team::Operator { format!("For {}:", team.name()) } else { format!("Ask {}:", team.name()) };
        writeln!(out, "{}", look.paint(Tone::Strong, &heading))?;
        for finding in &findings {
            write_finding(out, finding, look)?;
        }
        writeln!(out)?;
    }
    for waived in &assessment.waived {
        let Finding { id, subject, message, .. } = &waived.finding;
        let text = format!("waived  {}  {}: {} ({})", escape(id), escape(subject), escape(message), escape(&waived.reason));
        writeln!(out, "{}", look.paint(Tone::Quiet, &text))?;
    }
    writeln!(out, "{}", summary(assessment.counts, verbose, look))?;
    out.flush()
}

/// Findings by whom to ask, those with the worst first; what differs in nothing but whom it is about is one finding.
pub fn grouped(findings: &[Finding]) -> Vec<(Team, Vec<Finding>)> {
    let mut teams: Vec<(Team, Vec<Finding>)> = Vec::new();
    for finding in merged(findings) {
        let team = addressee(&finding);
        match teams.iter_mut().find(|(known, _)| *known == team) {
            Some((_, own)) => own.push(finding),
            None => teams.push((team, vec![finding])),
        }
    }
    for (_, own) in &mut teams {
        own.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }
    let errors = |own: &[Finding]| own.iter().filter(|finding| finding.severity == Severity::Error).count();
    teams
        .sort_by_key(|(team, own)| (std::cmp::Reverse(own.first().map(|finding| finding.severity)), std::cmp::Reverse(errors(own)), *team));
    teams
}

/// Whom to ask: the team that the fix itself names first, else the check's own. A name that does not resolve is no firewall's matter.
fn addressee(finding: &Finding) -> Team {
    named_first(&finding.fix).map_or_else(|| team_of(&finding.id), |(team, _)| team)
}

/// The team that `ask the … team` at a fix' beginning means, and what follows these words.
fn named_first(fix: &str) -> Option<(Team, &str)> {
    const NAMED: [(&str, Team); 8] = [
        ("DNS", Team::Dns),
        ("firewall", Team::Network),
        ("network", Team::Network),
        ("proxy", Team::Proxy),
        ("mail", Team::Mail),
        ("directory", Team::Directory),
        ("load balancer", Team::LoadBalancer),
        ("virtual machine", Team::Machines),
    ];
    let words = fix.strip_prefix("ask the ")?;
    NAMED.into_iter().find_map(|(name, team)| Some((team, words.strip_prefix(name)?.strip_prefix(" team")?)))
}

/// Whom to ask, as JSON: the team, how many errors and warnings are its own, and which checks found them.
pub fn teams_json(findings: &[Finding]) -> Value {
    let team = |(team, own): (Team, Vec<Finding>)| {
        let count = |severity| own.iter().filter(|finding| finding.severity == severity).count();
        let mut ids: Vec<&str> = own.iter().map(|finding| finding.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        json!({"team": team, "errors": count(Severity::Error), "warnings": count(Severity::Warning), "checks": ids})
    };
    grouped(findings).into_iter().map(team).collect()
}

fn write_evidence(out: &mut dyn Write, outcomes: &[Outcome], look: &Look) -> io::Result<()> {
    for outcome in outcomes {
        let (mark, tone) = Standing::of([outcome]).mark();
        let why = match &outcome.verdict {
            Verdict::CouldNotRun { why } | Verdict::NotApplicable { why } => format!(": {}", escape(why)),
            Verdict::Passed | Verdict::Found { .. } => String::new(),
        };
        writeln!(out, "{} {}  {}{why}", look.paint(tone, mark), outcome.spec.id, escape(&outcome.subject))?;
        for seen in &outcome.evidence {
            writeln!(out, "      {}", look.paint(Tone::Quiet, &escape(seen)))?;
        }
    }
    Ok(())
}

/// One line that counts everything.
pub fn summary(counts: Counts, verbose: bool, look: &Look) -> String {
    let mut found: Vec<String> =
        [(counts.error, "error", Tone::Bad), (counts.warning, "warning", Tone::Warning), (counts.info, "note", Tone::Quiet)]
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, noun, tone)| look.paint(tone, &counted(count, noun)))
            .collect();
    if counts.info > 0 && !verbose {
        found.push("-v shows notes".to_owned());
    }
    let head = if found.is_empty() { look.paint(Tone::Good, "Nothing found.") } else { format!("Found {}.", found.join(", ")) };
    let mut rest = vec![format!("{} passed", counted(counts.passed, "check"))];
    let others = [(counts.not_run, "could not be run"), (counts.waived, "waived"), (counts.not_applicable, "not asked for by this site")];
    rest.extend(others.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    format!("{head} {}.", rest.join(", "))
}

/// From where a check is run, for people.
pub fn place(vantage: Vantage) -> &'static str {
    match vantage {
        Vantage::Here => "here",
        Vantage::Jumphost => "jumphost",
        Vantage::Node => "nodes",
        Vantage::Connector => "connectors",
    }
}

/// The severity's word.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}
