//! A check as data, and what came of looking: the vocabulary that all subjects share.
//!
//! A check that could not be run says why and is never green; one that does not concern this site is told
//! apart from both. Texts here go to people: no secret ever enters them.

use serde::Serialize;

use crate::finding::{Finding, Severity};

/// From where a requirement matters, and is therefore looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vantage {
    /// The operator's machine.
    Here,
    /// The jumphost.
    Jumphost,
    /// Each node of the appliance.
    Node,
    /// An AD/LDAP connector server.
    Connector,
}

/// Who can mend what a check finds, and is asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Team {
    /// Whoever runs Portcullis and keeps the site file.
    Operator,
    /// Names.
    Dns,
    /// Certificates and keys.
    Certificates,
    /// Virtual machines, their systems and clocks.
    Machines,
    /// Networks and firewalls.
    Network,
    /// The load balancer.
    LoadBalancer,
    /// Proxies.
    Proxy,
    /// Mail.
    Mail,
    /// The directory, and connectors to it.
    Directory,
    /// Access and security.
    Access,
    /// The appliance's vendor.
    Vendor,
}

impl Team {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "you, who keep the site file",
            Self::Dns => "the DNS team",
            Self::Certificates => "the certificate team",
            Self::Machines => "the virtual machine team",
            Self::Network => "the network and firewall team",
            Self::LoadBalancer => "the load balancer team",
            Self::Proxy => "the proxy team",
            Self::Mail => "the mail team",
            Self::Directory => "the directory team",
            Self::Access => "the access and security team",
            Self::Vendor => "the vendor",
        }
    }
}

/// When a check is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// By `check`, before anything is touched.
    Before,
    /// By `verify`, once the appliance runs.
    After,
    /// By both.
    Always,
}

/// One requirement that can be looked at.
#[derive(Debug, PartialEq, Eq, Hash, Serialize)]
pub struct CheckSpec {
    /// Stable id; a finding of this check carries it.
    pub id: &'static str,
    /// What is required, as a person would say it when all is well.
    pub title: &'static str,
    /// The requirement's name.
    pub source: &'static str,
    /// How much it matters where it is not met; one look may judge milder.
    pub severity: Severity,
    /// From where it is looked at.
    pub vantage: Vantage,
    /// Who is asked to mend what it finds.
    pub team: Team,
    /// By which command it is looked at.
    pub moment: Moment,
    /// What mends it, in general; a finding says it of the case.
    #[serde(rename = "mended_by")]
    pub fix: &'static str,
}

impl CheckSpec {
    /// A check of this machine before anything is touched, an error where it is not met, and the operator's own to mend.
    pub const fn new(id: &'static str, title: &'static str, source: &'static str) -> Self {
        let (severity, vantage) = (Severity::Error, Vantage::Here);
        Self { id, title, source, severity, vantage, team: Team::Operator, moment: Moment::Before, fix: "" }
    }

    /// The same, that matters this much.
    #[must_use]
    pub const fn of(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// The same, looked at from there.
    #[must_use]
    pub const fn at(self, vantage: Vantage) -> Self {
        Self { vantage, ..self }
    }

    /// The same, for that team to mend.
    #[must_use]
    pub const fn ask(self, team: Team) -> Self {
        Self { team, ..self }
    }

    /// The same, looked at by that command.
    #[must_use]
    pub const fn when(self, moment: Moment) -> Self {
        Self { moment, ..self }
    }

    /// The same, mended so.
    #[must_use]
    pub const fn mend(self, fix: &'static str) -> Self {
        Self { fix, ..self }
    }

    /// A finding of this check, with its own severity.
    pub fn finding(&self, subject: impl Into<String>, message: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding {
            id: self.id.to_owned(),
            severity: self.severity,
            subject: subject.into(),
            message: message.into(),
            fix: fix.into(),
            source: self.source.to_owned(),
        }
    }
}

/// What came of looking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Met.
    Passed,
    /// Not met, or met with a reservation.
    Found {
        /// What was found.
        findings: Vec<Finding>,
    },
    /// Nobody knows: the look itself failed, or an earlier check it depends on did. Never green.
    CouldNotRun {
        /// Why.
        why: String,
    },
    /// The site does not ask for it.
    NotApplicable {
        /// Why.
        why: String,
    },
}

/// One check of one subject, looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The check.
    #[serde(flatten)]
    pub spec: &'static CheckSpec,
    /// What was looked at, and from where.
    pub subject: String,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was seen, line by line.
    pub evidence: Vec<String>,
}

/// All findings of some outcomes, in their order.
pub fn findings(outcomes: &[Outcome]) -> Vec<Finding> {
    let found =
        outcomes.iter().filter_map(|outcome| if let Verdict::Found { findings } = &outcome.verdict { Some(findings) } else { None });
    found.flatten().cloned().collect()
}

/// Servers' words and certificates' names come from outside: what a terminal would obey is made visible.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The same of a text of several lines, as what to do may be: a command stands in one of its own.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// Keeps the outcomes of one subject while it is being looked at.
#[derive(Debug)]
pub(crate) struct Tally {
    subject: String,
    outcomes: Vec<Outcome>,
}

impl Tally {
    pub(crate) fn of(subject: &str) -> Self {
        Self { subject: subject.to_owned(), outcomes: Vec::new() }
    }

    /// Met, with what was seen.
    pub(crate) fn passed(&mut self, spec: &'static CheckSpec, evidence: impl Into<String>) {
        if !self.has(spec) {
            self.push(spec, Verdict::Passed);
        }
        self.evidence(spec, evidence);
    }

    /// Not met.
    pub(crate) fn found(&mut self, spec: &'static CheckSpec, message: impl Into<String>, fix: impl Into<String>) {
        self.found_as(spec.severity, spec, message, fix);
    }

    /// Not met, and milder or graver than the check's own severity.
    pub(crate) fn found_as(&mut self, severity: Severity, spec: &'static CheckSpec, message: impl Into<String>, fix: impl Into<String>) {
        let finding = Finding { severity, ..spec.finding(&self.subject, printable(&message.into()), printable_lines(&fix.into())) };
        match self.outcomes.iter_mut().find(|outcome| outcome.spec.id == spec.id) {
            Some(Outcome { verdict: Verdict::Found { findings }, .. }) => findings.push(finding),
            Some(outcome) => outcome.verdict = Verdict::Found { findings: vec![finding] },
            None => self.push(spec, Verdict::Found { findings: vec![finding] }),
        }
    }

    pub(crate) fn could_not_run(&mut self, spec: &'static CheckSpec, why: impl Into<String>) {
        if !self.has(spec) {
            self.push(spec, Verdict::CouldNotRun { why: printable(&why.into()) });
        }
    }

    pub(crate) fn not_applicable(&mut self, spec: &'static CheckSpec, why: impl Into<String>) {
        self.push(spec, Verdict::NotApplicable { why: why.into() });
    }

    /// Adds a line of evidence to a check that has been looked at.
    pub(crate) fn evidence(&mut self, spec: &'static CheckSpec, seen: impl Into<String>) {
        if let Some(outcome) = self.outcomes.iter_mut().find(|outcome| outcome.spec.id == spec.id) {
            outcome.evidence.push(printable(&seen.into()));
        }
    }

    /// The outcomes in the table's order; what was not looked at could not be run, for that reason.
    pub(crate) fn complete(mut self, table: &[&'static CheckSpec], why: &str) -> Vec<Outcome> {
        for spec in table {
            if !self.has(spec) {
                self.could_not_run(spec, why);
            }
        }
        let place = |outcome: &Outcome| table.iter().position(|spec| spec.id == outcome.spec.id);
        self.outcomes.sort_by_key(place);
        self.outcomes
    }

    /// Whether anything found so far is an error.
    pub(crate) fn has_errors(&self) -> bool {
        crate::finding::has_errors(&findings(&self.outcomes))
    }

    fn has(&self, spec: &CheckSpec) -> bool {
        self.outcomes.iter().any(|outcome| outcome.spec.id == spec.id)
    }

    fn push(&mut self, spec: &'static CheckSpec, verdict: Verdict) {
        self.outcomes.push(Outcome { spec, subject: self.subject.clone(), verdict, evidence: Vec::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FIRST: CheckSpec = CheckSpec::new("a.first", "First", "test");
    static SECOND: CheckSpec = CheckSpec::new("a.second", "Second", "test");

    #[test]
    fn what_was_not_looked_at_is_never_green() {
        let mut tally = Tally::of("x");
        tally.passed(&SECOND, "seen");
        let outcomes = tally.complete(&[&FIRST, &SECOND], "the server closed the connection");
        assert_eq!(outcomes[0].verdict, Verdict::CouldNotRun { why: "the server closed the connection".to_owned() });
        assert_eq!(outcomes[1].verdict, Verdict::Passed);
    }

    #[test]
    fn a_finding_turns_a_pass_into_a_failure_and_never_the_other_way() {
        let mut tally = Tally::of("x");
        tally.passed(&FIRST, "looked well");
        tally.found(&FIRST, "was not", "mend it");
        tally.passed(&FIRST, "looked well again");
        let outcomes = tally.complete(&[&FIRST], "");
        assert_eq!(findings(&outcomes).len(), 1);
        assert_eq!(outcomes[0].evidence, ["looked well", "looked well again"]);
    }

    #[test]
    fn a_server_cannot_write_to_the_terminal() {
        let mut tally = Tally::of("x");
        tally.found(&FIRST, "550 \u{1b}[2Jall is well", "run\n    mend \u{1b}[2J\nor ask");
        let found = findings(&tally.complete(&[], ""));
        assert_eq!(found[0].fix, "run\n    mend \u{fffd}[2J\nor ask", "a command keeps its line");
        assert_eq!(found[0].message, "550 \u{fffd}[2Jall is well");
    }

    #[test]
    fn an_outcome_is_one_flat_object_in_json() {
        let mut tally = Tally::of("mail");
        tally.could_not_run(&FIRST, "no route");
        let outcomes = tally.complete(&[], "");
        let json = serde_json::to_value(&outcomes[0]).unwrap();
        assert_eq!(json["id"], "a.first");
        assert_eq!(json["verdict"], "could-not-run");
        assert_eq!(json["why"], "no route");
    }
}
