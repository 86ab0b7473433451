//! The rules that other layers hold, as checks: what the site file says (`site`), and the certificate files (`certs`).
//! Their findings become outcomes here, so that a rule that found nothing is seen to have been looked at.

use crate::checks::spec::{CheckSpec, Outcome, Vantage, Verdict};
use crate::finding::{Finding, Severity};

const fn rule(id: &'static str, title: &'static str, source: &'static str, severity: Severity) -> CheckSpec {
    CheckSpec { id, title, source, severity, vantage: Vantage::Here }
}

const fn dns(id: &'static str, title: &'static str, severity: Severity) -> CheckSpec {
    rule(id, title, "DNS", severity)
}

const fn cert(id: &'static str, title: &'static str, severity: Severity) -> CheckSpec {
    rule(id, title, "Security and Access: SSL Certificates", severity)
}

use Severity::{Error, Info, Warning};

/// The rules of the site file.
pub static SITE: &[&CheckSpec] = &[
    &dns("dns.names.complete", "Dashboard, configuration, webtask and a tenant have names", Error),
    &dns("dns.label.length", "No label is too short", Error),
    &dns("dns.tenant.reserved", "No tenant has a reserved name", Error),
    &dns("dns.tenant.levenshtein", "No tenant's name resembles the product's", Error),
    &dns("dns.depth", "Names have as many parts as the appliance takes", Warning),
    &dns("dns.parent.shared", "Dashboard, configuration and tenants share a parent domain", Warning),
    &dns("dns.env.reserved", "The environment has no reserved name", Error),
    &dns("dns.wt.root", "The webtask domain collides with no other", Error),
    &rule("node.count", "There are as many nodes as the environment needs", "Infrastructure", Warning),
    &rule("lb.present", "A cluster has a load balancer", "Network", Warning),
    &rule("lb.mode.connector", "TLS ends where connectors need it to", "Network", Error),
    &rule("smtp.port25", "Mail does not leave by port 25", "Email providers", Warning),
    &rule("smtp.provider.user", "The mail account's user is of the provider's form", "Email providers", Warning),
    &rule("smtp.provider.host", "The mail server is the provider's", "Email providers", Warning),
    &rule("smtp.ses.domain", "The sender's domain is validated at Amazon SES", "Security and Access", Info),
    &rule("egress.explicit.proxy", "The appliance itself needs no explicit proxy", "Network", Warning),
    &rule("egress.exception.missing", "Every destination that is needed is among the proxy's exceptions", "Security and Access", Warning),
    &rule("conn.url.scheme", "Connectors speak LDAP over TLS", "AD/LDAP prerequisites", Warning),
    &rule("conn.proxy", "Connectors go out directly", "AD/LDAP prerequisites", Warning),
    &rule("conn.tenant", "Each connector serves a tenant of this site", "AD/LDAP prerequisites", Warning),
    &rule("access.approvers", "As many persons may approve a window as it needs", "Security and Access", Warning),
    &rule("access.window.sla", "Approvals can be had around the clock where the SLA asks for it", "Security and Access", Info),
];

/// The rules of certificate files.
pub static CERTIFICATE: &[&CheckSpec] = &[
    &cert("cert.unreadable", "Every certificate file can be read", Error),
    &cert("cert.chain.incomplete", "The chain leads to a trusted root", Error),
    &cert("cert.chain.order", "The files are in chain order", Warning),
    &cert("cert.chain.extra", "No certificate is of no use to the chain", Warning),
    &cert("cert.chain.root-included", "The root is not among the files", Info),
    &cert("cert.chain.signature", "Every signature of the chain holds", Error),
    &cert("cert.chain.not-a-ca", "Every issuer is a CA", Error),
    &cert("cert.chain.refused", "A client's verification accepts the chain", Error),
    &cert("cert.self-signed", "The certificate is not self-signed", Error),
    &cert("cert.untrusted-root", "The chain ends at a root that clients trust", Error),
    &cert("cert.key.mismatch", "The private key belongs to the certificate", Error),
    &cert("cert.key.missing", "The private key is there", Error),
    &cert("cert.key.encrypted", "The private key can be opened", Error),
    &cert("cert.key.weak", "No key is weak", Error),
    &cert("cert.key.type", "The key is of a kind that the appliance's documents name", Warning),
    &cert("cert.signature.weak", "No signature is weak", Error),
    &cert("cert.expired", "No certificate has expired", Error),
    &cert("cert.not-yet-valid", "Every certificate is valid already", Error),
    &cert("cert.expires-soon", "The certificate is valid for some time yet", Warning),
    &cert("cert.name.missing", "Every name of the site is covered", Error),
    &cert("cert.name.wildcard-depth", "No wildcard is trusted to cover more than one label", Error),
    &cert("cert.usage.no-server-auth", "The certificate is for servers", Error),
    &cert("cert.usage.ca", "The server's certificate is no CA's", Warning),
    &cert("cert.lifetime.too-long", "Clients accept the certificate's lifetime", Warning),
    &cert("cert.duplicate", "No certificate is there twice", Warning),
    &cert("cert.shared", "No certificate serves two environments", Warning),
];

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

/// The same where the rules could not be applied at all.
pub fn not_judged(table: &'static [&'static CheckSpec], subject: &str, why: &str) -> Vec<Outcome> {
    let verdict = || Verdict::CouldNotRun { why: why.to_owned() };
    table.iter().map(|spec| Outcome { spec, subject: subject.to_owned(), verdict: verdict(), evidence: Vec::new() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
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
