//! From nothing to a cluster that serves, and back.

use super::stage::machine::Fingerprint;
use super::stage::site_text::read_state;
use super::story::{Served, pem_blocks, story};

fn of_each(test: impl Fn(&Served)) {
    assert_eq!(story().served.len(), 3);
    story().served.iter().for_each(test);
}

#[test]
fn a_plan_says_that_there_are_changes_and_changes_nothing() {
    let story = story();
    story.first_plan.assert_code(4);
    for path in ["/etc/portcullis/tls/site.pfx", "/etc/nginx/conf.d/portcullis.conf", "/etc/postfix/main.cf", "/etc/environment"] {
        assert!(story.first_plan.stdout.contains(path), "{path} is missing in:\n{}", story.first_plan.stdout);
    }
    for (before, after) in story.before.iter().zip(&story.after_plan) {
        before.assert_same(after);
    }
}

#[test]
fn a_first_apply_changes_each_node_and_says_so_in_json_line_by_line() {
    let run = &story().first_apply;
    run.assert_code(0);
    let events = run.events();
    assert_eq!(events[0]["event"], "started");
    let summary = run.summary();
    assert_eq!((summary["command"].as_str(), summary["exit_code"].as_u64()), (Some("apply"), Some(0)));
    for node in ["a0-1", "a0-2", "a0-3"] {
        assert_eq!(summary["nodes"][node]["outcome"], "changed", "{node}");
        let changed = events.iter().any(|event| event["event"] == "changed" && event["node"] == node && event["step"] == "nginx-site");
        assert!(changed, "{node}");
    }
    assert!(story().runs_after_first.iter().all(|runs| runs.len() == 1 && runs[0].1 == "done"), "{:?}", story().runs_after_first);
}

#[test]
fn https_is_served_with_the_full_chain_in_order() {
    let mut expected = pem_blocks(&read_state("tls/leaf.pem"));
    expected.extend(pem_blocks(&read_state("tls/intermediates.pem")));
    assert_eq!(expected.len(), 3);
    of_each(|served| assert_eq!(served.chain, expected, "{}", served.node.name));
}

#[test]
fn the_pfx_is_for_root_alone_and_opens_with_the_password_beside_it() {
    of_each(|served| {
        assert_eq!(served.pfx_modes, "600 root:root\n600 root:root\n");
        assert_eq!(pem_blocks(&served.pfx_content).len(), 3, "{}", served.node.name);
        assert!(served.pfx_content.contains("PRIVATE KEY"));
        assert!(served.pfx_password.len() >= 20);
    });
}

#[test]
fn a_mail_arrives_through_the_authenticated_server() {
    of_each(|served| {
        // RFC 3848: ESMTP with authentication over TLS.
        assert!(served.mail.contains("with ESMTPSA"), "{}", served.mail);
        assert!(served.mail.contains("From noreply@lab.example"), "{}", served.mail);
    });
}

#[test]
fn logins_services_and_apt_know_the_proxy() {
    of_each(|served| {
        let url = "http://proxy.lab.example:3128";
        for line in [format!("http_proxy={url}"), format!("HTTPS_PROXY={url}")] {
            assert!(served.login_environment.lines().any(|known| known == line), "{line} in:\n{}", served.login_environment);
            assert!(served.systemd_environment.lines().any(|known| known == line), "{line} in:\n{}", served.systemd_environment);
        }
        assert!(served.login_environment.lines().any(|line| line.starts_with("no_proxy=") && line.contains("mail.lab.example")));
        assert!(served.apt_configuration.contains(&format!("Acquire::http::Proxy \"{url}")), "{}", served.apt_configuration);
    });
}

#[test]
fn the_proxys_ca_is_in_the_systems_trust_store() {
    of_each(|served| assert!(served.proxy_ca.trim_end().ends_with(": OK"), "{}", served.proxy_ca));
}

#[test]
fn a_node_passes_the_proxy_once_its_administrators_have_the_exceptions() {
    assert!(!story().page_before_exceptions.contains("this is cdn.auth0.com"), "{}", story().page_before_exceptions);
    assert_eq!(story().page_after_exceptions, "this is cdn.auth0.com\n");
}

#[test]
fn a_second_apply_changes_nothing_and_says_so() {
    let story = story();
    story.second_apply.assert_code(0);
    assert_eq!(story.second_apply.stdout, "nothing to change: 3 nodes stand as desired\n");
    let summary = story.second_apply_json.assert_code(0).summary();
    let outcomes: Vec<_> = summary["nodes"].as_object().unwrap().values().map(|node| node["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["unchanged"; 3]);
    assert_eq!(story.runs_after_second, story.runs_after_first);
}

#[test]
fn a_plan_after_an_apply_finds_nothing_to_change() {
    story().second_plan.assert_code(0);
    assert!(story().second_plan.stdout.contains("No changes"), "{}", story().second_plan.stdout);
}

#[test]
fn a_rollback_puts_everything_back_to_the_byte() {
    story().rollback.assert_code(0);
    let inside = |fingerprint: &Fingerprint| fingerprint.below(&["/etc", "/usr/local"]);
    for (before, after) in story().before.iter().zip(&story().after_rollback) {
        inside(before).assert_same(&inside(after));
    }
}

#[test]
fn the_ledger_has_each_event_once_and_verifies() {
    let log = &story().audit_log.assert_code(0).stdout;
    let log: serde_json::Value = serde_json::from_str(log).unwrap();
    let events = log["events"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().rev().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["run.started", "run.finished", "run.rolled-back"], "{log:#}");
    let text = log.to_string();
    for part in ["operator", "a0-1", "a0-2", "a0-3", "/etc/nginx/conf.d/portcullis.conf", "bootstrap"] {
        assert!(text.contains(part), "{part} is missing in {log:#}");
    }
    let verdict: serde_json::Value = serde_json::from_str(&story().audit_verify.assert_code(0).stdout).unwrap();
    assert_eq!(verdict["findings"], serde_json::json!([]));
}
