//! The rules that other layers hold, as checks: what the site file says (`site`), and the certificate files (`certs`).
//! Their findings become outcomes here, so that a rule that found nothing is seen to have been looked at.

use super::SITE;
use crate::checks::spec::{CheckSpec, Outcome, Verdict};
use crate::finding::Finding;
use crate::site::model::{MailProvider, ProxyKind, Site};
use jiff::civil::Date;

/// What rules that look at `subject` found, as outcomes; rules of the table that found nothing are met.
pub fn judged(table: &'static [&'static CheckSpec], subject: &str, findings: &[Finding]) -> Vec<Outcome> {
    let is_in_table = |finding: &Finding| table.iter().any(|spec| spec.id == finding.id);
    let outcome = |(place, spec): (usize, &&'static CheckSpec)| {
        // A finding of no rule in the table must not be lost: it goes with the first.
        let is_own = |finding: &&Finding| finding.id == spec.id || (place == 0 && !is_in_table(finding));
        let own: Vec<Finding> = findings.iter().filter(is_own).cloned().collect();
        let verdict = if own.is_empty() { Verdict::Passed } else { Verdict::Found { findings: own } };
        Outcome { spec, subject: subject.to_owned(), verdict, evidence: Vec::new() }
    };
    table.iter().enumerate().map(outcome).collect()
}

/// What the rules of the site file found, on that day; rules that do not concern the site are told apart from those it keeps.
pub fn site_rules(site: &Site, today: Date) -> Vec<Outcome> {
    let findings = [crate::site::findings(site), crate::site::attested(site, today)].concat();
    let mut outcomes = judged(SITE, &site.file.display().to_string(), &findings);
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.verdict == Verdict::Passed) {
        if let Some(why) = no_concern(site, outcome.spec.id) {
            outcome.verdict = Verdict::NotApplicable { why: why.to_owned() };
        }
    }
    outcomes
}

fn no_concern(site: &Site, id: &str) -> Option<&'static str> {
    let surroundings = &site.surroundings;
    let next = surroundings.maintenance.as_ref().and_then(|maintenance| maintenance.next.as_ref());
    let unless = |is_concerned: bool, why: &'static str| if is_concerned { None } else { Some(why) };
    match id {
        "dns.rta.frozen" => unless(site.names.deployed_configuration.is_some(), "the site file names no `deployed_configuration`"),
        "dns.wt.root" => unless(site.names.extensions.is_some(), "the site has no extensions"),
        "lb.mode.connector" => unless(!site.connectors.is_empty(), "the site has no connector"),
        "lb.mode.aws" | "lb.xfp" | "lb.config.lint" => unless(site.load_balancer.is_some(), "the site has no load balancer"),
        "egress.restricted.ack" => unless(surroundings.is_restricted, "the site has the internet"),
        "egress.explicit.proxy" | "egress.exception.missing" | "template.proxy.lint" => {
            unless(site.proxy.kind != ProxyKind::None, "the site has no proxy")
        }
        "smtp.ses.domain" => {
            unless(site.smtp.as_ref().is_some_and(|smtp| smtp.provider == MailProvider::Ses), "mail goes not by Amazon SES")
        }
        "mail.provider.own" => None,
        "upd.ticket" | "upd.snapshot" | "upd.dev.first" | "upd.sequential" => {
            unless(next.is_some(), "no update is named under `maintenance.next`")
        }
        "upd.age" | "bkp.role" => unless(surroundings.maintenance.is_some(), "the site file says nothing under `maintenance`"),
        other if other.starts_with("conn.") => unless(!site.connectors.is_empty(), "the site has no connector"),
        other if other.starts_with("smtp.") => unless(site.smtp.is_some(), "the site file names no mail server"),
        other if other.starts_with("ops.") => unless(surroundings.operations.is_some(), "the site file says nothing under `operations`"),
        _ => None,
    }
}

/// The same where the rules could not be applied at all.
pub fn not_judged(table: &'static [&'static CheckSpec], subject: &str, why: &str) -> Vec<Outcome> {
    let verdict = || Verdict::CouldNotRun { why: why.to_owned() };
    table.iter().map(|spec| Outcome { spec, subject: subject.to_owned(), verdict: verdict(), evidence: Vec::new() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::offline::{CERTIFICATE, SITE};
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path, found) } else { found.push(path) }
        }
    }

    /// Ids that the sources name in the place of a rule: after `prefix`.
    fn named(folder: &str, prefixes: &[&str]) -> BTreeSet<String> {
        let mut files = Vec::new();
        sources(Path::new(folder), &mut files);
        let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap().replace(['\n', ' '], "")).collect();
        let after = |prefix: &str| -> Vec<String> {
            let pieces = texts.iter().flat_map(|text| text.split(prefix).skip(1).map(str::to_owned).collect::<Vec<_>>());
            pieces.map(|piece| piece.split('"').next().unwrap().to_owned()).filter(|id| id.contains('.')).collect()
        };
        prefixes.iter().flat_map(|prefix| after(prefix)).collect()
    }

    #[test]
    fn every_rule_of_the_site_and_of_certificates_is_in_the_tables() {
        let known: BTreeSet<String> = [SITE, CERTIFICATE].concat().iter().map(|spec| spec.id.to_owned()).collect();
        let site = named("src/site/findings", &["error(\"", "warning(\"", "info(\""]);
        let certs = named("src/certs", &["Verdict::new(\"", "id:\""]);
        assert!(site.len() > 15 && certs.len() > 15, "the search finds too little to mean anything: {site:?} {certs:?}");
        // One that the mail server's own check has too.
        let missing: Vec<&String> = site.union(&certs).filter(|id| !known.contains(*id) && *id != "smtp.starttls").collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_finding_of_a_rule_that_nobody_listed_is_not_lost() {
        let finding = Finding { id: "cert.new".to_owned(), ..CERTIFICATE[0].finding("x", "m", "f") };
        let outcomes = judged(CERTIFICATE, "site.yaml", std::slice::from_ref(&finding));
        assert_eq!(crate::checks::spec::findings(&outcomes), [finding]);
    }

    #[test]
    fn a_rule_that_found_nothing_is_met_and_one_that_could_not_look_is_not() {
        let finding = CERTIFICATE[0].finding("x", "unreadable", "mend");
        let outcomes = judged(CERTIFICATE, "site.yaml", &[finding]);
        assert!(matches!(outcomes[0].verdict, Verdict::Found { .. }));
        assert!(outcomes[1..].iter().all(|outcome| outcome.verdict == Verdict::Passed));
        let none = not_judged(CERTIFICATE, "site.yaml", "no files");
        assert!(none.iter().all(|outcome| matches!(outcome.verdict, Verdict::CouldNotRun { .. })));
    }
}
