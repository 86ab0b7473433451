//! The page of `check --report`, of sites that need much and of outcomes of every kind, with words that are no friends.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use portcullis::checks::{self, CheckSpec, Outcome, Verdict, Waived, assess};
use portcullis::finding::Severity;
use portcullis::report::checks::{Link, Page, write_page};
use portcullis::site::model::Site;

use super::{assert_readable, write};

/// What servers, certificates and site files may hold: markup, quotes, a line that never ends, and letters that turn lines around.
const HOSTILE: [&str; 4] = [
    "<script>document.body.textContent = 'all is well'</script>",
    "\"><img src=http://192.0.2.1/x onerror=alert(1)>&lt;b&gt;{{ site }}",
    "AVeryLongWordWithoutAnyBlankInItAsTokensAndDistinguishedNamesAreWontToBe/0123456789abcdef0123456789abcdef0123456789abcdef",
    "\u{202e}eman a ton si siht\u{202c} \u{1b}[2J",
];

const MUCH: &str = r"
smtp: {host: smtp-relay.frankfurt.corp.example, username: a, password: prompt, from: a@b.example}
proxy: {kind: explicit, url: 'http://proxy.frankfurt.corp.example:3128'}
load_balancer: {address: 10.20.30.40}
ntp: [ntp1.corp.example, ntp2.corp.example]
names: {dashboard: manage.corp.example, configuration: config.corp.example, webtask: webtask.corp.example, tenants: [identity.corp.example]}
connectors:
  - {name: ad-frankfurt-production-1, tenant: identity.corp.example, ldap_url: 'ldaps://dc1.frankfurt.corp.example'}
  - {name: ad-2, tenant: identity.corp.example, ldap_url: 'ldaps://dc2.corp.example'}
";

fn site(nodes: usize, more: &str) -> Site {
    let nodes: Vec<String> = (1..=nodes).map(|n| format!("{{name: frankfurt-production-node-{n}, address: 10.0.0.{n}}}")).collect();
    let hops = "{hops: [{name: jump-frankfurt-production, address: 203.0.113.9, user: ops}]}";
    let text = format!("site: frankfurt\nenvironment: production\nroute: {hops}\nnodes: [{}]\n{more}", nodes.join(", "));
    portcullis::site::parse(&text, Path::new("site.yaml")).unwrap()
}

/// Every check there is of each of some machines: what `kind` of outcome by its number.
fn outcomes(site: &Site, kind: fn(usize) -> usize) -> Vec<Outcome> {
    let subjects: Vec<&str> = site.nodes.iter().map(|node| node.name.as_str()).take(3).collect();
    let all = checks::all();
    let outcome = |(number, spec): (usize, &'static CheckSpec)| {
        let subject = subjects[number % subjects.len()].to_owned();
        let words = HOSTILE[number % HOSTILE.len()];
        let finding = spec.finding(
            &subject,
            format!("it answered {words}"),
            format!("ask its team to mend this:\n    mend {words}\nthen run it again"),
        );
        let verdict = match kind(number) {
            0 => Verdict::Found { findings: vec![finding] },
            1 => Verdict::CouldNotRun { why: format!("no answer: {words}") },
            2 => Verdict::NotApplicable { why: "the site file names none".to_owned() },
            _ => Verdict::Passed,
        };
        Outcome { spec, subject, verdict, evidence: vec![format!("seen: {words}"), "and some more".to_owned()] }
    };
    all.into_iter().enumerate().map(outcome).collect()
}

fn chain(words: &str, days: &[i64]) -> Vec<Link> {
    let now = now();
    let day = |days: i64| now + SignedDuration::from_hours(24 * days);
    let link = |(number, days): (usize, &i64)| {
        let name = format!("CN={words} {number}, O=A corporation whose name is of some length");
        Link { subject: name.clone(), issuer: name, begins: day(-60), ends: day(*days) }
    };
    days.iter().enumerate().map(link).collect()
}

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn rendered(site: &Site, outcomes: &[Outcome], chain: &[Link], waived: &[Waived]) -> Vec<u8> {
    let assessment = assess(outcomes, waived);
    let about = "production environment, 3 nodes";
    let page = Page { title: "Checks", site, about, at: now(), chain, assessment: &assessment, outcomes };
    let mut text = Vec::new();
    write_page(&mut text, &page).unwrap();
    text
}

#[test]
fn pages_can_be_read_by_everybody_whatever_was_found_and_whatever_words_it_came_in() {
    let folder = tempfile::tempdir().unwrap();
    let waived = Waived { check: "lb".to_owned(), machine: None, reason: HOSTILE[1].to_owned() };
    let much = site(3, MUCH);
    let all = outcomes(&much, |number| number % 5);
    assert!(all.iter().any(|outcome| outcome.spec.severity == Severity::Warning));
    let bad = rendered(&much, &all, &chain(HOSTILE[0], &[20, 900, 4000]), &[waived]);
    let expired = rendered(&much, &outcomes(&much, |_| 0), &chain(HOSTILE[2], &[-3, 9]), &[]);
    let many = site(12, MUCH);
    let well = rendered(&many, &outcomes(&many, |_| 3), &chain("manage.corp.example", &[300]), &[]);
    let little = site(1, "");
    let unknown = rendered(&little, &outcomes(&little, |_| 1), &[], &[]);
    let pages = [("mixed.html", bad), ("worst.html", expired), ("well.html", well), ("unknown.html", unknown)];
    let paths: Vec<_> = pages.iter().map(|(name, text)| write(folder.path(), name, text)).collect();
    assert_readable(&paths.iter().map(AsRef::as_ref).collect::<Vec<_>>());
}
