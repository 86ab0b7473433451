//! The rules of a site file as `check --offline` tells them: each faulty line has its finding, and a sound file has none.

#![expect(clippy::disallowed_methods, reason = "the program itself is what is tested, on files of the test's own")]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const SOUND: &str = "site: prod\nenvironment: production\nplatform: aws\nsla: standard\n\
    smtp: {host: mail.corp.example, username: a, password: 'cmd:echo x', from: a@corp.example}\nroute: {vpn: true}\n\
    load_balancer: {address: lb.corp.example, balance: round-robin, health_check: /testall, proxy_protocol: true}\n\
    nodes:\n  - {name: a0-1, address: 10.0.0.1}\n  - {name: a0-2, address: 10.0.0.2}\n  - {name: a0-3, address: 10.0.0.3}\n\
    names: {dashboard: manage.corp.example, configuration: config.corp.example, webtask: webtask.corp.example, tenants: [identity.corp.example]}\n";
const ATTESTED: &str = "maintenance:\n  last_major_update: TODAY\n\
    \x20 next: {ticket: T-1, version: '22', at: '2999-10-05T20:00+02:00[Europe/Berlin]', call: false, snapshots: true, sequential: true, development_since: 2026-01-20}\n\
    \x20 backup_nodes: [a0-3]\noperations: {admins: [a, b], security_contact: s@corp.example, bulletins_read: TODAY, status_subscribed: true}\n";
const CONNECTOR: &str = "connectors: [{name: c, tenant: identity.corp.example, ldap_url: 'ldaps://dc.corp.example', instances: 2}]\n";

fn check(folder: &Path, text: &str, arguments: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    std::fs::write(folder.join("site.yaml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["check", "--offline", "-v", "--output", "json"]).args(arguments).current_dir(folder).env_clear().env("HOME", folder);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    if output.status.code() == Some(2) {
        return (Some(2), Vec::new(), text);
    }
    let events = crate::docs::events_of(&text);
    crate::seen::in_events(&events);
    (output.status.code(), events, text)
}

/// The ids that were found, those of certificates aside: the site names none.
fn found(folder: &Path, text: &str) -> Vec<String> {
    let (_, events, _) = check(folder, text, &[]);
    let findings = events.iter().filter(|event| event["event"] == "finding");
    let mut ids: Vec<String> = findings.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect();
    ids.retain(|id| !id.starts_with("check."));
    ids.dedup();
    ids
}

fn sound() -> String {
    let today = Command::new("date").arg("+%F").output().unwrap();
    format!("{SOUND}{CONNECTOR}{}", ATTESTED.replace("TODAY", String::from_utf8(today.stdout).unwrap().trim()))
}

#[test]
fn every_rule_of_the_site_finds_its_line_and_nothing_else() {
    let (folder, sound) = (tempfile::tempdir().unwrap(), sound());
    assert_eq!(found(folder.path(), &sound), Vec::<String>::new());
    let mut wrong = Vec::new();
    for (id, from, to) in FAULTS {
        let text = if from.is_empty() { format!("{sound}{to}") } else { sound.replace(from, to) };
        assert_ne!(text, sound, "{id}: {from} stands nowhere");
        let ids = found(folder.path(), &text);
        if !ids.iter().any(|found| found == id) {
            wrong.push(format!("{id}: {from} → {to}: {ids:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An id, the line of a sound site that is spoilt (none: one is added), and what stands in its place.
const FAULTS: [(&str, &str, &str); 44] = [
    ("dns.label.length", "identity.corp", "id.corp"),
    ("dns.tenant.reserved", "identity.corp", "status.corp"),
    ("dns.tenant.levenshtein", "identity.corp", "oauth.corp"),
    ("dns.parent.shared", "[identity.corp.example]", "[identity.other.example]"),
    ("dns.depth", "manage.corp.example", "manage.a.b.c.corp.example"),
    ("dns.env.reserved", "site: prod", "site: manage"),
    ("dns.names.complete", "webtask: webtask.corp.example, ", ""),
    ("dns.wt.root", "tenants:", "extensions: {domain: corp.example}, tenants:"),
    ("dns.rta.frozen", "webtask:", "deployed_configuration: rta.corp.example, webtask:"),
    ("node.count", "  - {name: a0-3, address: 10.0.0.3}\n", ""),
    ("time.ntp.set", "platform: aws", "platform: vmware"),
    ("lb.present", "load_balancer: {address: lb.corp.example, balance: round-robin, health_check: /testall, proxy_protocol: true}\n", ""),
    ("lb.config.lint", "balance: round-robin", "balance: source"),
    ("lb.mode.aws", "site: prod", "tls: {terminates: load-balancer, certificate: {files: [a]}}\nsite: prod"),
    (
        "lb.xfp",
        "load_balancer: {",
        "tls: {terminates: load-balancer, certificate: {files: [a]}}\nload_balancer: {headers: [X-Forwarded-For], ",
    ),
    ("lb.mode.connector", "site: prod", "tls: {terminates: load-balancer, certificate: {files: [a]}}\nsite: prod"),
    ("smtp.port25", "smtp: {", "smtp: {port: 25, "),
    ("smtp.provider.user", "smtp: {host: mail.corp.example", "smtp: {provider: sendgrid"),
    ("smtp.provider.host", "smtp: {host", "smtp: {provider: ses, host"),
    ("smtp.ses.domain", "smtp: {host: mail.corp.example", "smtp: {provider: ses, host: email-smtp.eu-west-1.amazonaws.com"),
    ("mail.provider.own", "smtp: {host: mail.corp.example, username: a, password: 'cmd:echo x', from: a@corp.example}\n", ""),
    ("egress.explicit.proxy", "", "proxy: {kind: explicit, url: 'http://p.corp.example:3128'}\n"),
    ("egress.exception.missing", "", "proxy: {kind: transparent}\n"),
    ("egress.restricted.ack", "", "internet: {restricted: true}\n"),
    ("template.proxy.lint", "", "proxy: {kind: transparent, exceptions: ['cdn.auth0.com:8443']}\n"),
    (
        "access.method",
        "{vpn: true}",
        "{hops: [{name: x, address: x.example}, {name: y, address: y.example}, {name: z, address: z.example}]}",
    ),
    ("access.window.bound", "", "access: {longest_window: 3d}\n"),
    ("access.approvers", "", "access: {approvals: 2, approvers: []}\n"),
    ("access.window.sla", "sla: standard", "access: {approvals: 1}\nsla: custom"),
    ("conn.url.scheme", "ldaps://", "ldap://"),
    ("conn.tenant", "tenant: identity.corp.example", "tenant: identity.elsewhere.example"),
    ("conn.proxy", "instances: 2", "instances: 2, http_proxy: 'http://p.corp.example:3128'"),
    ("conn.ha.count", "instances: 2", "instances: 1"),
    ("conn.krb.lb", "instances: 2", "instances: 2, inbound: true"),
    ("conn.os", "instances: 2", "instances: 2, inbound: true, system: linux"),
    ("conn.one2one", "connectors: [", "connectors: [{name: d, tenant: identity.corp.example, ldap_url: 'ldaps://dc.corp.example'}, "),
    ("upd.age", "last_major_update: 2", "last_major_update: 1"),
    ("upd.ticket", "ticket: T-1, ", ""),
    ("upd.snapshot", "snapshots: true, ", ""),
    ("upd.sequential", "sequential: true, ", ""),
    ("upd.dev.first", ", development_since: 2026-01-20", ""),
    ("bkp.role", "  backup_nodes: [a0-3]\n", ""),
    ("ops.admins", "admins: [a, b]", "admins: [a]"),
    ("ops.bulletins.review", "bulletins_read: 2", "bulletins_read: 1"),
];

#[test]
fn rules_of_what_a_site_seldom_has_pass_where_it_is_right() {
    let (folder, sound) = (tempfile::tempdir().unwrap(), sound());
    for (id, from, to) in [
        ("dns.rta.frozen", "webtask:", "deployed_configuration: config.corp.example, webtask:"),
        ("dns.wt.root", "tenants:", "extensions: {domain: wt.corp.example}, tenants:"),
        ("egress.restricted.ack", "route:", "internet: {restricted: true, accepted_by: J. Doe}\nroute:"),
    ] {
        let ids = found(folder.path(), &sound.replace(from, to));
        assert!(!ids.iter().any(|found| found == id), "{id}: {ids:?}");
    }
}

#[test]
fn a_connectors_server_that_another_environment_names_too_is_an_error_on_both_sides() {
    let (folder, sound) = (tempfile::tempdir().unwrap(), sound());
    let of = |address: &str| sound.replace("instances: 2", &format!("instances: 2, address: {address}, user: admin"));
    let other = |addresses: &str| format!("other_environments: [{{name: dev, addresses: [{addresses}]}}]\n");
    let shared = format!("{}{}", of("10.9.0.5"), other("10.9.0.1, 10.9.0.5"));
    assert_eq!(found(folder.path(), &shared), ["conn.one2one"]);
    assert_eq!(found(folder.path(), &format!("{}{}", of("10.9.0.6"), other("10.9.0.1, 10.9.0.5"))), Vec::<String>::new());
}

#[test]
fn what_the_status_page_says_is_subscribed_to() {
    let (folder, sound) = (tempfile::tempdir().unwrap(), sound());
    assert_eq!(found(folder.path(), &sound.replace(", status_subscribed: true", "")), ["ops.status.subscribed"]);
}

#[test]
fn a_name_that_no_host_may_have_and_a_mail_server_without_a_user_end_the_reading_by_name() {
    let (folder, sound) = (tempfile::tempdir().unwrap(), sound());
    for (spoilt, words) in [
        (sound.replace("identity.corp", "my_identity.corp"), "my_identity.corp.example"),
        (sound.replace("username: a, ", ""), "username"),
        (sound.replace("smtp: {", "smtp: {port: 0, "), "port"),
    ] {
        let (code, _, said) = check(folder.path(), &spoilt, &["--only", "dns.label.charset,smtp.fields"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(words), "{words} is not in {said}");
        crate::seen::in_findings(
            ["dns.label.charset", "smtp.fields"].into_iter().filter(|id| (*id == "smtp.fields") != spoilt.contains("my_identity")),
        );
    }
    assert_eq!(check(folder.path(), &sound, &["--only", "dns.label.charset,smtp.fields"]).0, Some(0));
}
