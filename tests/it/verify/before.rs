//! `check`: what is found before anything is touched, and how it is reported.

use std::os::unix::fs::PermissionsExt as _;

use super::turn;

#[test]
fn the_lab_passes_and_the_report_files_are_whole() {
    let turn = turn();
    let (page, junit) = (turn.path("report.html"), turn.path("junit.xml"));
    let run = turn.events(&["check", "--report", page.to_str().unwrap(), "--junit", junit.to_str().unwrap()]);
    run.assert_code(0);
    let counts = &run.summary()["counts"];
    // The lab's names are known to nobody here, so that nobody can say where they lead.
    assert_eq!((counts["error"].as_u64(), counts["not_run"].as_u64()), (Some(0), Some(1)), "{counts}");
    assert!(run.told("check.not-run").contains("dns.target"), "{}", run.told("check.not-run"));
    assert!(counts["passed"].as_u64().unwrap() > 100, "{counts}");
    crate::pages::assert_readable(&[&page]);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n") && page.contains("time.skew"));
    assert_as_published(&junit);
    let junit = std::fs::read_to_string(junit).unwrap();
    assert!(junit.contains("classname=\"node.ram\"") && !junit.contains("<failure"), "{junit}");
}

/// Whether the file is as `docs/reference/junit.xsd` publishes it.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "another program judges what was written")]
fn assert_as_published(junit: &std::path::Path) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/junit.xsd");
    let judged = std::process::Command::new("xmllint").args(["--noout", "--schema", schema]).arg(junit).output();
    let judged = judged.unwrap_or_else(|error| panic!("no xmllint, of the package libxml2-utils: {error}"));
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
}

#[test]
fn findings_waivers_and_what_could_not_be_run_are_told_to_continuous_integration_as_published() {
    let turn = turn();
    let (page, junit) = (turn.path("faults.html"), turn.path("faults.xml"));
    let site = turn.site.replace("memory_gib: {minimum: 1, recommended: 1}", "memory_gib: {minimum: 4096, recommended: 4096}");
    let waived = "waivers:\n  - {check: node.disk.count, reason: \"they <said> \\\"& meant\\\" it\", until: 2999-01-01}\n";
    turn.lab.cut("a0-3").unwrap();
    let run = turn.events_on(
        &format!("{site}{waived}"),
        &["check", "--timeout", "5s", "--junit", junit.to_str().unwrap(), "--report", page.to_str().unwrap()],
    );
    turn.lab.heal("a0-3").unwrap();
    run.assert_code(3);
    assert_as_published(&junit);
    crate::pages::assert_readable(&[&page]);
    let text = std::fs::read_to_string(&junit).unwrap();
    for part in [
        "<failure type=\"error\" message=\"it has",
        "<error type=\"not-run\" message=\"",
        "<skipped message=\"waived: they &lt;said&gt;",
        "<system-out>",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    // Numbers add up: what failed is what the terminal calls an error's check.
    let number = |attribute: &str| -> usize {
        let head = text.lines().find(|line| line.starts_with("<testsuites ")).unwrap();
        head.split(&format!(" {attribute}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    assert_eq!((number("tests"), number("failures")), (text.matches("<testcase ").count(), text.matches("<failure ").count()));
    assert_eq!(number("errors"), text.matches("<error ").count());
    assert!(text.contains("<testsuite name=\"a0-3\""), "a machine that is down is a suite too: {text}");
}

const NOBODY: &str = "    - {name: jump, address: 127.0.0.1, port: 1, user: ops}";

#[test]
fn offline_nothing_leaves_this_machine() {
    let turn = turn();
    // Whoever dialled would fail: nothing listens there.
    let site = turn.site.lines().map(|line| if line.contains("name: jump") { NOBODY } else { line });
    let site = site.collect::<Vec<_>>().join("\n");
    turn.events_on(&site, &["check", "--offline"]).assert_code(0);
    let online = turn.events_on(&site, &["check", "--only", "smtp", "-v"]);
    online.assert_code(3);
    assert_eq!(online.ids("error"), ["access.path"]);
    assert!(online.told("access.path").starts_with("jump: "), "{}", online.told("access.path"));
    let verified = turn.events_on(&site, &["verify"]);
    verified.assert_code(6);
    assert_eq!(verified.ids("error"), ["access.path"], "what nobody could ask is no fault of the nodes");
    let checks = online.summary()["checks"].as_array().unwrap().clone();
    assert!(
        checks.iter().all(|check| check["verdict"] != "passed" || check["subject"].as_str().unwrap().ends_with("other.yaml")),
        "{checks:?}"
    );
}

#[test]
fn files_that_others_can_read_and_names_that_nothing_covers_are_found_offline() {
    let turn = turn();
    let key = turn.write("key.pem", &turn.tls("key.pem"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let theirs = turn.lab.state_dir().join("tls/key.pem").display().to_string();
    let open = turn.events_on(&turn.site.replace(&theirs, key.to_str().unwrap()), &["check", "--offline"]);
    open.assert_code(0);
    assert!(open.told("access.key.perm").contains("chmod 600"), "{}", open.told("access.key.perm"));
    let named = turn.site.replace("[partners.acme.lab.example]", "[partners.acme.lab.example, shop.other.lab.example]");
    let run = turn.events_on(&named, &["check", "--offline"]);
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["cert.name.missing"]);
    assert!(run.told("cert.name.missing").contains("shop.other.lab.example"));
}

#[test]
fn a_secret_that_is_not_there_is_found_and_bars_only_what_needs_it() {
    let turn = turn();
    let password = turn.lab.state_dir().join("smtp-password").display().to_string();
    let site = turn.site.replace(&password, "/nowhere/smtp-password");
    let run = turn.events_on(&site, &["check", "--only", "site,smtp,node"]);
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["site.files", "site.secrets"]);
    assert!(run.told("check.not-run").contains("smtp.login"), "{}", run.told("check.not-run"));
    assert!(!run.stdout.contains("node.ram could not"), "{}", run.stdout);
}

#[test]
fn a_machine_that_is_too_small_is_found_and_can_be_waived_with_a_reason() {
    let turn = turn();
    let site = turn.site.replace("memory_gib: {minimum: 1, recommended: 1}", "memory_gib: {minimum: 4096, recommended: 4096}");
    let run = turn.events_on(&site, &["check", "--only", "node"]);
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["node.ram"]);
    let skipped = turn.events_on(&site, &["check", "--only", "node", "--skip", "node.ram"]);
    skipped.assert_code(0);
    assert_eq!(skipped.summary()["waived"].as_array().unwrap().len(), 3);
    let waived = format!("{site}waivers:\n  - {{check: node.ram, reason: memory is on its way, until: 2999-01-01}}\n");
    let waived = turn.events_on(&waived, &["check", "--only", "node"]);
    waived.assert_code(0);
    assert!(waived.summary()["waived"][0]["reason"].as_str().unwrap().contains("memory is on its way"));
    let expired = format!("{site}waivers:\n  - {{check: node.ram, reason: it was, until: 2020-01-01}}\n");
    turn.events_on(&expired, &["check", "--only", "node"]).assert_code(3);
}

#[test]
fn the_machine_whose_clock_is_off_is_named_and_no_other() {
    let turn = turn();
    turn.lab.clock("a0-1", -90).unwrap();
    let run = turn.events(&["check", "--only", "time"]);
    turn.lab.clock("a0-1", 0).unwrap();
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["time.skew"]);
    let told = run.told("time.skew");
    assert!(told.starts_with("a0-1: ") && told.contains("behind") && told.contains("1m"), "{told}");
    turn.events(&["check", "--only", "time"]).assert_code(0);
}

#[test]
fn a_check_that_does_not_exist_is_refused_with_the_nearest() {
    let turn = turn();
    let run = turn.run(&["check", "--only", "smtp.strattls"]);
    run.assert_code(2);
    assert!(run.stderr.contains("`smtp.starttls`"), "{}", run.stderr);
    let list = turn.events(&["check", "--list"]);
    assert!(list.assert_code(0).stdout.contains("\"cert.chain.incomplete\""));
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_anything_is_looked_at() {
    let turn = turn();
    let run = turn.run(&["check", "--report", "nowhere/page.html"]);
    run.assert_code(2);
    assert!(run.stderr.contains("nowhere/page.html cannot be written") && run.stdout.is_empty(), "{}", run.stderr);
    let run = turn.run(&["check", "--report", "both", "--junit", "both"]);
    run.assert_code(2);
    assert!(run.stderr.contains("--report and --junit both name both"), "{}", run.stderr);
}
