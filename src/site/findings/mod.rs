//! What a sound site file says that will hurt: the appliance's rules, applied to values that are valid in themselves.
//!
//! Nothing here keeps a site from being loaded. Sites that stand already break some of these rules, and must still be worked on.

mod attested;
mod balancer;
mod connectors;
mod names;
mod surroundings;

use super::model::Site;
use crate::finding::{Finding, Severity};

/// Looks at a site against its profile. Pure; touches neither files nor network. Waivers are not applied.
pub fn findings(site: &Site) -> Vec<Finding> {
    let mut found = Found { site, findings: Vec::new() };
    names::look(&mut found);
    surroundings::look(&mut found);
    balancer::look(&mut found);
    connectors::look(&mut found);
    found.findings
}

/// What people attest in the site file, and whether it still holds on that day. Pure.
pub fn attested(site: &Site, today: jiff::civil::Date) -> Vec<Finding> {
    let mut found = Found { site, findings: Vec::new() };
    attested::look(today, &mut found);
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

    const SOUND: &str = "site: prod\nenvironment: production\nplatform: aws\nsmtp: {host: m.example, username: a, password: prompt, from: a@b.example}\nroute: {vpn: true}\nload_balancer: {address: lb.corp.example}\nnodes:\n  - {name: a0-1, address: 10.0.0.1}\n  - {name: a0-2, address: 10.0.0.2}\n  - {name: a0-3, address: 10.0.0.3}\nnames: {dashboard: manage.corp.example, configuration: config.corp.example, webtask: webtask.corp.example, tenants: [identity.corp.example]}\n";

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
            ids(&SOUND.replace("{host: m.example, ", "{host: m.example, port: 25, starttls: off, ")),
            ["smtp.port25", "smtp.starttls"]
        );
        assert_eq!(ids(&SOUND.replace("{host: m.example, ", "{provider: sendgrid, ")), ["smtp.provider.user"]);
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
    fn what_the_load_balancer_s_team_says_is_judged() {
        let balancer = |keys: &str| SOUND.replace("{address: lb.corp.example}", &format!("{{address: lb.corp.example, {keys}}}"));
        assert_eq!(ids(&balancer("balance: round-robin, health_check: /testall, proxy_protocol: true")), Vec::<String>::new());
        assert_eq!(ids(&balancer("balance: source, health_check: /, proxy_protocol: false")), ["lb.config.lint"; 3]);
        let ending = format!("{}tls: {{terminates: load-balancer, certificate: {{files: [a]}}}}\n", balancer("headers: [X-Forwarded-For]"));
        assert_eq!(ids(&ending), ["lb.mode.aws", "lb.xfp"]);
    }

    #[test]
    fn connectors_are_one_for_each_account() {
        let two = format!(
            "{SOUND}connectors:\n  - {{name: c, tenant: identity.corp.example, ldap_url: ldaps://dc.example}}\n  - {{name: d, tenant: identity.corp.example, ldap_url: ldaps://dc.example, instances: 1}}\n"
        );
        assert_eq!(ids(&two), ["conn.one2one", "conn.ha.count"]);
        let browsers = "{name: c, tenant: identity.corp.example, ldap_url: ldaps://dc.example, inbound: true, instances: 2, system: linux}";
        assert_eq!(ids(&format!("{SOUND}connectors: [{browsers}]\n")), ["conn.krb.lb", "conn.os"]);
    }

    #[test]
    fn the_other_rules_of_the_site_find_their_case() {
        assert_eq!(ids(&SOUND.replace("platform: aws", "platform: vmware")), ["time.ntp.set"]);
        assert_eq!(ids(&format!("{SOUND}internet: {{restricted: true}}\n")), ["egress.restricted.ack"]);
        assert_eq!(ids(&format!("{SOUND}access: {{longest_window: 3d}}\n")), ["access.window.bound"]);
        let deployed = SOUND.replace("webtask:", "deployed_configuration: rta.corp.example, webtask:");
        assert_eq!(ids(&deployed), ["dns.rta.frozen"]);
        let wrong = "{kind: transparent, exceptions: ['cdn.auth0.com:8443', cdn.auth0.com]}";
        assert_eq!(ids(&format!("{SOUND}proxy: {wrong}\n")).iter().filter(|id| *id == "template.proxy.lint").count(), 1);
    }

    #[test]
    fn what_people_attest_holds_for_its_time() {
        let on = |text: &str, day: &str| -> Vec<String> {
            let site = parse(&format!("{SOUND}{text}"), Path::new("site.yaml")).unwrap();
            attested(&site, day.parse().unwrap()).into_iter().map(|finding| finding.id).collect()
        };
        let sound = "maintenance:\n  last_major_update: 2026-09-01\n  next: {ticket: T-1, version: '22', at: '2026-10-05T20:00+02:00[Europe/Berlin]', call: false, snapshots: true, sequential: true, development_since: 2026-09-20}\n  backup_nodes: [a0-3]\noperations: {admins: [a, b], security_contact: s@corp.example, bulletins_read: 2026-09-20, status_subscribed: true}\n";
        assert_eq!(on(sound, "2026-10-01"), Vec::<String>::new());
        assert_eq!(on(sound, "2026-09-26"), ["upd.dev.first"]);
        assert_eq!(on(sound, "2026-12-24"), ["upd.age", "ops.bulletins.review"]);
        assert_eq!(
            on("maintenance: {next: {at: tomorrow}}\noperations: {}\n", "2026-10-01"),
            [
                "upd.age",
                "upd.ticket",
                "upd.ticket",
                "upd.snapshot",
                "upd.sequential",
                "upd.dev.first",
                "bkp.role",
                "ops.admins",
                "ops.admins",
                "ops.bulletins.review",
                "ops.status.subscribed"
            ]
        );
        assert_eq!(on("", "2026-10-01"), Vec::<String>::new(), "what is not attested at all is no rule's matter");
    }

    #[test]
    fn mail_connectors_and_the_way_in_find_their_case() {
        let has = |text: &str, id: &str| {
            let found = ids(text);
            assert!(found.iter().any(|found| found == id), "{id} is not among {found:?}");
        };
        let mail = |keys: &str| SOUND.replace("{host: m.example, ", &format!("{{{keys}, "));
        has(&SOUND.replace("smtp: {host: m.example, username: a, password: prompt, from: a@b.example}\n", ""), "mail.provider.own");
        has(&mail("provider: ses, host: smtp.corp.example"), "smtp.provider.host");
        has(&mail("provider: ses, host: email-smtp.eu-west-1.amazonaws.com"), "smtp.ses.domain");
        let connector = |keys: &str| format!("{SOUND}connectors: [{{name: c, ldap_url: 'ldaps://dc.example', {keys}}}]\n");
        has(&connector("tenant: identity.corp.example, http_proxy: 'http://p.example:3128'"), "conn.proxy");
        has(&connector("tenant: identity.elsewhere.example"), "conn.tenant");
        let ending =
            format!("{}tls: {{terminates: load-balancer, certificate: {{files: [a]}}}}\n", connector("tenant: identity.corp.example"));
        has(&ending, "lb.mode.connector");
        let hops = "route: {hops: [{name: h1, address: h1.example}, {name: h2, address: h2.example}, {name: h3, address: h3.example}]}";
        has(&SOUND.replace("route: {vpn: true}", hops), "access.method");
        has(&format!("{SOUND}access: {{approvals: 2, approvers: []}}\n"), "access.approvers");
    }

    #[test]
    fn a_site_can_override_the_rules() {
        let text = format!("{}profile_overrides: {{naming: {{shortest_label: 2}}}}\n", SOUND.replace("identity", "id"));
        assert_eq!(ids(&text), Vec::<String>::new());
    }
}
