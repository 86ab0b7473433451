//! Outcomes as one HTML page, for people who were not there: what is wrong, who must act, a section for each team to cut
//! out and send. No script, nothing fetched; the template engine escapes everything but our own style sheet.

mod chain;
mod topology;

use std::io::{self, Write};

use serde::Serialize;
use tera::{Context, Tera};

use super::{Standing, grouped, named_first, severity_word};
use crate::checks::{Assessment, Counts, NOT_RUN, Outcome, Team, Verdict};
use crate::finding::{Finding, Severity};
use crate::report::text::escape;
use crate::site::model::Site;

pub use chain::Link;

/// What a page is about.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Its heading's first word, such as `Checks`.
    pub title: &'a str,
    /// The site.
    pub site: &'a Site,
    /// What kind of environment, and how many nodes, in words.
    pub about: &'a str,
    /// When it was looked at.
    pub at: jiff::Timestamp,
    /// The chain of the site's certificate, the server's first; empty where there is none.
    pub chain: &'a [Link],
    /// What counts.
    pub assessment: &'a Assessment,
    /// Each check.
    pub outcomes: &'a [Outcome],
}

const STYLE: &str = include_str!("page.css");
const TEMPLATE: &str = include_str!("page.html");
/// The name's ending switches the escaping on.
const NAME: &str = "page.html";

#[derive(Debug, Serialize)]
struct CountShown {
    class: &'static str,
    count: usize,
    what: &'static str,
}

#[derive(Debug, Serialize)]
struct FindingShown {
    class: &'static str,
    mark: &'static str,
    word: &'static str,
    id: String,
    subject: String,
    message: String,
    fix: String,
    source: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct TeamShown {
    anchor: String,
    name: &'static str,
    errors: usize,
    warnings: usize,
    first: String,
    findings: Vec<FindingShown>,
}

#[derive(Debug, Serialize)]
struct CheckShown {
    class: &'static str,
    word: &'static str,
    title: &'static str,
    id: &'static str,
    subject: String,
    seen: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PageShown<'a> {
    title: &'a str,
    site: String,
    about: String,
    at: String,
    style: &'static str,
    class: &'static str,
    verdict: String,
    counts: Vec<CountShown>,
    teams: Vec<TeamShown>,
    topology: topology::Topology,
    chain: Option<chain::ChainPicture>,
    waived: Vec<FindingShown>,
    checks: Vec<CheckShown>,
}

/// Writes the page.
pub fn write_page(out: &mut dyn Write, page: &Page<'_>) -> io::Result<()> {
    let teams = teams(&page.assessment.findings);
    let (class, verdict) = verdict(&teams, page.assessment.counts.not_run);
    let counts = counts(page.assessment.counts, &teams);
    let shown = PageShown {
        title: page.title,
        site: escape(&page.site.name).into_owned(),
        about: escape(page.about).into_owned(),
        at: page.at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        style: STYLE,
        class,
        verdict,
        counts,
        teams,
        topology: topology::topology(page.site, page.outcomes),
        chain: chain::picture(page.chain, page.at, page.site.figures.tls.expiry_days.notice),
        waived: page.assessment.waived.iter().map(|waived| FindingShown::new(&waived.finding, &waived.reason)).collect(),
        checks: rows(page.outcomes),
    };
    let mut tera = Tera::new();
    tera.autoescape_on(vec![".html"]);
    tera.add_raw_template(NAME, TEMPLATE).map_err(io::Error::other)?;
    let context = Context::from_serialize(&shown).map_err(io::Error::other)?;
    out.write_all(tera.render(NAME, &context).map_err(io::Error::other)?.as_bytes())?;
    out.flush()
}

/// One sentence for all: what many machines have in common is one thing.
fn verdict(teams: &[TeamShown], not_run: usize) -> (&'static str, String) {
    let errors: usize = teams.iter().map(|team| team.errors).sum();
    let acting: Vec<&str> = teams.iter().filter(|team| team.errors > 0).map(|team| team.name).collect();
    // Of many the table tells.
    let by = match acting.as_slice() {
        many if many.len() > 3 => format!("{} teams", many.len()),
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        all => all.concat(),
    };
    let warnings: usize = teams.iter().map(|team| team.warnings).sum();
    match (errors, warnings) {
        (0, 0) if not_run > 0 => ("warning", "Nothing was found, and not everything could be looked at.".to_owned()),
        (0, 0) => ("passed", "Nothing has to be done.".to_owned()),
        (0, 1) => ("warning", "Nothing stands in the way; one thing is to be seen to.".to_owned()),
        (0, warnings) => ("warning", format!("Nothing stands in the way; {warnings} things are to be seen to.")),
        (1, _) => ("error", format!("One thing does not work and has to be mended first, by {by}.")),
        (errors, _) => ("error", format!("{errors} things do not work and have to be mended first, by {by}.")),
    }
}

/// Findings as the page tells them, each once, however many machines it is about; checks machine by machine.
fn counts(counts: Counts, teams: &[TeamShown]) -> Vec<CountShown> {
    let told = |class: &str| teams.iter().flat_map(|team| &team.findings).filter(|finding| finding.class == class).count();
    let all = [
        ("error", told("error"), "errors"),
        ("warning", told("warning"), "warnings"),
        ("info", told("info"), "notes"),
        ("passed", counts.passed, "checks passed"),
        ("unknown", counts.not_run, "could not be run"),
        ("quiet", counts.waived, "waived"),
        ("quiet", counts.not_applicable, "not asked for"),
    ];
    let is_told = |(class, count, _): &(&str, usize, &str)| *count > 0 || !matches!(*class, "unknown" | "quiet");
    all.into_iter().filter(is_told).map(|(class, count, what)| CountShown { class, count, what }).collect()
}

/// What each team is told. That a check could not be run for a reason that is told of itself stands in the table of all checks alone.
fn teams(findings: &[Finding]) -> Vec<TeamShown> {
    let is_echo = |finding: &&Finding| finding.id == NOT_RUN.id && finding.severity == Severity::Info;
    let own: Vec<Finding> = findings.iter().filter(|finding| !is_echo(finding)).cloned().collect();
    let shown = grouped(&own).into_iter().map(|(team, findings)| {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let first = findings.first().map(|finding| format!("{} ({})", finding.message, finding.subject)).unwrap_or_default();
        TeamShown {
            anchor: format!("ask-{}", super::short_name(team).replace(' ', "-")),
            name: reader(team),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            first: cut(&escape(&first)),
            findings: findings.iter().map(|finding| FindingShown::new(finding, "")).collect(),
        }
    });
    shown.collect()
}

/// The page goes to people of whom nobody knows who reads it: nobody is `you` there.
fn reader(team: Team) -> &'static str {
    if team == Team::Operator { "whoever keeps the site file" } else { team.name() }
}

/// What to do in the words of a section that is that team's own.
fn own_words(fix: &str) -> &str {
    let rest = named_first(fix).and_then(|(_, rest)| rest.strip_prefix(": ").or_else(|| rest.strip_prefix(" to ")));
    rest.unwrap_or(fix)
}

/// As much as a cell of a table holds.
fn cut(text: &str) -> String {
    const MOST: usize = 140;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST - 1).chain(['\u{2026}']).collect() }
}

impl FindingShown {
    fn new(finding: &Finding, reason: &str) -> Self {
        let mark = match finding.severity {
            Severity::Error => "\u{2717}",
            Severity::Warning => "!",
            Severity::Info => "i",
        };
        let word = severity_word(finding.severity);
        let text = |text: &str| escape(text).into_owned();
        Self {
            class: word,
            mark,
            word,
            id: text(&finding.id),
            subject: text(&finding.subject),
            message: text(&finding.message),
            fix: text(own_words(&finding.fix)),
            source: text(&finding.source),
            reason: text(reason),
        }
    }
}

impl CheckShown {
    /// As many subjects are named in one row.
    const SUBJECTS: usize = 3;
    /// As much of what was seen is shown in one row.
    const SEEN: usize = 4;

    /// Adds another subject of the same check and verdict; `count`: how many there are.
    fn take_in(&mut self, other: Self, count: &mut usize) {
        if *count < Self::SUBJECTS {
            self.subject = format!("{}, {}", self.subject, other.subject);
        }
        *count += 1;
        for seen in other.seen {
            if self.seen.len() < Self::SEEN && !self.seen.contains(&seen) {
                self.seen.push(seen);
            }
        }
    }

    fn new(outcome: &Outcome) -> Self {
        let standing = Standing::of([outcome]);
        let class = match standing {
            Standing::Passed => "passed",
            Standing::Reserved => "warning",
            Standing::Failed => "error",
            Standing::Unknown => "unknown",
            Standing::NotAsked => "quiet",
        };
        let seen = match &outcome.verdict {
            Verdict::CouldNotRun { why } | Verdict::NotApplicable { why } => vec![escape(why).into_owned()],
            Verdict::Passed | Verdict::Found { .. } => outcome.evidence.iter().map(|seen| escape(seen).into_owned()).collect(),
        };
        let subject = escape(&outcome.subject).into_owned();
        Self { class, word: standing.word(), title: outcome.spec.title, id: outcome.spec.id, subject, seen }
    }
}

/// A row a check and what was seen; what passed, or was not asked for, once for all machines whatever was seen of each.
fn rows(outcomes: &[Outcome]) -> Vec<CheckShown> {
    let mut rows: Vec<(CheckShown, usize)> = Vec::new();
    for outcome in outcomes {
        let row = CheckShown::new(outcome);
        let is_quiet = matches!(row.class, "passed" | "quiet");
        let is_same = |known: &CheckShown| (known.id, known.class) == (row.id, row.class) && (is_quiet || known.seen == row.seen);
        let known = rows.iter_mut().find(|(known, _)| is_same(known));
        match known {
            Some((known, count)) => known.take_in(row, count),
            None => rows.push((row, 1)),
        }
    }
    let shown = |(mut row, count): (CheckShown, usize)| {
        if count > CheckShown::SUBJECTS {
            row.subject = format!("{} and {} more", row.subject, count - CheckShown::SUBJECTS);
        }
        row
    };
    rows.into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{CheckSpec, assess};
    use proptest::prelude::*;

    static SPEC: CheckSpec = CheckSpec::new("smtp.tcp", "All is well", "s");

    fn site(more: &str) -> Site {
        let text = format!("site: north\nenvironment: qa\nroute: {{vpn: true}}\nnodes: [{{name: a0-1, address: 10.0.0.1}}]\n{more}");
        crate::site::parse(&text, std::path::Path::new("site.yaml")).unwrap()
    }

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
        let at = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let link = |days: i64| Link {
            subject: text.to_owned(),
            issuer: text.to_owned(),
            begins: jiff::Timestamp::from_second(1_790_000_000).unwrap(),
            ends: jiff::Timestamp::from_second(1_800_000_000 + days * 86_400).unwrap(),
        };
        let site = site("smtp: {host: mail.example, username: a, password: prompt, from: a@b.example}\n");
        let chain = [link(20), link(900)];
        let mut out = Vec::new();
        let shown = Page { title: "Checks", site: &site, about: text, at, chain: &chain, assessment: &assessment, outcomes: &outcomes };
        write_page(&mut out, &shown).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_page_says_what_is_wrong_who_must_act_and_what_to_do_and_fetches_nothing() {
        let page = page("mail.example");
        let wanted = [
            "One thing does not work and has to be mended first, by the network and firewall team.",
            "For the network and firewall team",
            "<b>To do:</b> mail.example",
            "could not be run",
            "2027-01-15 08:00 UTC",
            "20 days left",
            "<svg",
        ];
        for wanted in wanted {
            assert!(page.contains(wanted), "{wanted} in {page}");
        }
        for unwanted in ["http://", "https://", "<script", "src=", "url(", "@import"] {
            assert!(!page.contains(unwanted), "{unwanted}");
        }
        let mail = page.find("mail server</text>").unwrap();
        assert!(page[..mail].rfind("class=\"place error\"").is_some(), "the mail server is red");
    }

    #[test]
    fn what_passed_on_many_machines_is_one_row_and_what_was_found_on_many_is_counted_once() {
        let of = |node: &str, verdict: Verdict| Outcome {
            spec: &SPEC,
            subject: node.to_owned(),
            verdict,
            evidence: vec![format!("{node} was seen")],
        };
        let nodes = ["a0-1", "a0-2", "a0-3", "a0-4", "a0-5", "a0-6"];
        let passed = rows(&nodes.map(|node| of(node, Verdict::Passed)));
        assert_eq!(passed.len(), 1);
        assert_eq!((passed[0].subject.as_str(), passed[0].seen.len()), ("a0-1, a0-2, a0-3 and 3 more", 4));
        let found = nodes.map(|node| of(node, Verdict::Found { findings: vec![SPEC.finding(node, "refused", format!("let {node} in"))] }));
        assert_eq!(rows(&found).len(), 6, "what was seen differs, and has to be read");
        let told = teams(&assess(&found, &[]).findings);
        let counted = counts(assess(&found, &[]).counts, &told);
        assert_eq!((counted[0].class, counted[0].count), ("error", 1));
        assert_eq!(told[0].findings[0].fix, "let each of them in");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_text_opens_an_element(text in "[<>\"'&a-z/=\u{202e} ]{1,30}") {
            let tags = |page: &str| page.matches('<').count();
            // Of no other machine's name: what two have in common is told once.
            let text = format!("t{text}");
            prop_assert_eq!(tags(&page(&text)), tags(&page("t")));
            let turned = page(&text).contains('\u{202e}');
            prop_assert!(!turned);
        }
    }

    #[test]
    fn a_team_is_not_told_to_ask_itself() {
        assert_eq!(own_words("ask the DNS team: a.example must lead to b"), "a.example must lead to b");
        assert_eq!(own_words("ask the load balancer team to pass TLS"), "pass TLS");
        for other in [
            "ask the mail team whether it answers",
            "ask the team of a.example to help",
            "ask the vendor and the mail team to help",
            "mend it",
        ] {
            assert_eq!(own_words(other), other);
        }
    }
}
