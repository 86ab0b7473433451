//! What a sound site file says that will hurt: the appliance's rules, applied to values that are valid in themselves.
//!
//! Nothing here keeps a site from being loaded. Sites that stand already break some of these rules, and must still be worked on.

mod names;
mod surroundings;

use super::model::Site;
use crate::finding::{Finding, Severity};

/// Looks at a site against its profile. Pure; touches neither files nor network. Waivers are not applied.
pub fn findings(site: &Site) -> Vec<Finding> {
    let mut found = Found { site, findings: Vec::new() };
    names::look(&mut found);
    surroundings::look(&mut found);
    found.findings
}

/// The documents that rules come from, as they are called in findings.
const DNS: &str = "DNS";
const SECURITY: &str = "Security and Access";
const NETWORK: &str = "Network";

struct Found<'s> {
    site: &'s Site,
    findings: Vec<Finding>,
}

/// What a rule has to say, but for whom it concerns.
struct Rule {
    id: &'static str,
    severity: Severity,
    source: &'static str,
}

impl Found<'_> {
    fn add(&mut self, rule: &Rule, subject: &str, message: String, fix: &str) {
        self.findings.push(Finding {
            id: rule.id.to_owned(),
            severity: rule.severity,
            subject: subject.to_owned(),
            message,
            fix: fix.to_owned(),
            source: rule.source.to_owned(),
        });
    }
}

const fn error(id: &'static str, source: &'static str) -> Rule {
    Rule { id, severity: Severity::Error, source }
}

const fn warning(id: &'static str, source: &'static str) -> Rule {
    Rule { id, severity: Severity::Warning, source }
}

const fn info(id: &'static str, source: &'static str) -> Rule {
    Rule { id, severity: Severity::Info, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::parse;
    use std::path::Path;

    const SOUND: &str = "site: prod\nenvironment: production\nroute: {vpn: true}\nload_balancer: {address: lb.corp.example}\nnodes:\n  - {name: a0-1, address: 10.0.0.1}\n  - {name: a0-2, address: 10.0.0.2}\n  - {name: a0-3, address: 10.0.0.3}\nnames: {dashboard: manage.corp.example, configuration: config.corp.example, webtask: webtask.corp.example, tenants: [identity.corp.example]}\n";

    fn ids(text: &str) -> Vec<String> {
        findings(&parse(text, Path::new("site.yaml")).unwrap()).into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn a_sound_site_has_no_findings() {
        assert_eq!(ids(SOUND), Vec::<String>::new());
    }

    #[test]
    fn each_naming_rule_finds_its_case() {
        let tenant = |name: &str| ids(&SOUND.replace("identity.corp.example", name));
        assert_eq!(tenant("id.corp.example"), ["dns.label.length"]);
        assert_eq!(tenant("status.corp.example"), ["dns.tenant.reserved"]);
        assert_eq!(tenant("oauth.corp.example"), ["dns.tenant.levenshtein"]);
        assert_eq!(tenant("auth.corp.example"), ["dns.tenant.reserved", "dns.tenant.levenshtein"]);
        assert_eq!(tenant("identity.other.example"), ["dns.parent.shared"]);
        assert_eq!(tenant("identity.example"), ["dns.depth", "dns.parent.shared"]);
        assert_eq!(ids(&SOUND.replace("site: prod", "site: manage")), ["dns.env.reserved"]);
        assert_eq!(ids(&SOUND.replace("webtask: webtask.corp.example, ", "")), ["dns.names.complete"]);
        assert_eq!(ids(&SOUND.replace("tenants:", "extensions: {domain: corp.example}, tenants:")), ["dns.depth", "dns.wt.root"]);
        assert_eq!(ids(&SOUND.replace("tenants:", "extensions: {domain: wt.corp.example}, tenants:")), Vec::<String>::new());
    }

    #[test]
    fn the_surroundings_are_judged_too() {
        assert_eq!(ids(&SOUND.replace("load_balancer: {address: lb.corp.example}\n", "")), ["lb.present"]);
        assert_eq!(ids(&SOUND.replace("  - {name: a0-3, address: 10.0.0.3}\n", "")), ["node.count"]);
        assert_eq!(
            ids(&format!("{SOUND}smtp: {{host: m.example, port: 25, username: a, password: prompt, from: a@b.example, starttls: off}}\n")),
            ["smtp.port25", "smtp.starttls"]
        );
        assert_eq!(
            ids(&format!("{SOUND}smtp: {{provider: sendgrid, username: a, password: prompt, from: a@b.example}}\n")),
            ["smtp.provider.user"]
        );
        assert_eq!(
            ids(&format!(
                "{SOUND}proxy: {{kind: explicit, url: 'http://p.example:3128', exceptions: [apt-mirror.it.auth0.com, docker.it.auth0.com, cdn.auth0.com, app-gateway.it.auth0.com]}}\n"
            )),
            ["egress.explicit.proxy"]
        );
        assert_eq!(ids(&format!("{SOUND}proxy: {{kind: transparent}}\n")).iter().filter(|id| *id == "egress.exception.missing").count(), 4);
        assert_eq!(
            ids(&format!("{SOUND}connectors: [{{name: c, tenant: identity.corp.example, ldap_url: ldap://dc.example}}]\n")),
            ["conn.url.scheme"]
        );
    }

    #[test]
    fn a_site_can_override_the_rules() {
        let text = format!("{}profile_overrides: {{naming: {{shortest_label: 2}}}}\n", SOUND.replace("identity", "id"));
        assert_eq!(ids(&text), Vec::<String>::new());
    }
}
