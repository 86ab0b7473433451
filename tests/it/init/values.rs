//! Answers by flags: what is written, what is missing, what will not do.

use portcullis::site::load;
use portcullis::site::model::*;
use portcullis::wizard::{InitOptions, WizardError};
use proptest::prelude::*;

use super::{FEWEST, init_with, unasked, with};

#[test]
fn the_fewest_answers_make_a_site_that_loads_and_has_no_errors() {
    let folder = tempfile::tempdir().unwrap();
    let written = init_with(folder.path(), &FEWEST).unwrap();
    let site = load(&written.path, folder.path()).unwrap();
    assert_eq!(site.name, "corp", "the folder's name is proposed");
    assert_eq!((site.route.hops[0].name.as_str(), site.route.hops[0].login.port), ("jump", 2222));
    assert_eq!(site.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["a0-1", "a0-2", "a0-3"]);
    assert_eq!(site.nodes[2].privilege, Privilege::Root);
    assert_eq!(site.names.dashboard, "manage.corp.example");
    assert_eq!(site.names.tenants, ["identity.corp.example"]);
    assert!(site.smtp.is_none() && site.tls.is_none());
    assert!(!portcullis::finding::has_errors(&written.findings), "{:?}", written.findings);
    let text = std::fs::read_to_string(&written.path).unwrap();
    assert!(text.contains("# smtp:") && text.contains("\nnodes:\n  - {name: a0-1, address: 10.77.0.11}\n"), "{text}");
}

#[test]
fn what_is_missing_is_told_at_once_with_its_flag() {
    let folder = tempfile::tempdir().unwrap();
    let error = init_with(folder.path(), &[("smtp.host", "mail.example")]).unwrap_err();
    let help = error.help().unwrap();
    for key in
        ["route.hops", "nodes", "names.dashboard", "names.configuration", "names.webtask", "names.tenants", "smtp.username", "smtp.from"]
    {
        assert!(help.contains(&format!("--set {key}=")), "{help}");
    }
    assert_eq!(error.to_string(), "8 answers are missing");
    assert!(!folder.path().join("corp").exists(), "nothing is written");
}

#[test]
fn all_answers_that_will_not_do_are_told_without_writing() {
    let folder = tempfile::tempdir().unwrap();
    let mut answers = FEWEST.to_vec();
    answers.extend([("site", "Bad Name"), ("smtp.host", "mail.example"), ("smtp.password", "hunter2-planted"), ("smtp.port", "many")]);
    let error = init_with(folder.path(), &answers).unwrap_err();
    let help = error.help().unwrap();
    assert_eq!(error.to_string(), "3 answers will not do");
    for expected in ["is no site's name", "`smtp.port`: expected a whole number", "`smtp.password`: not a reference"] {
        assert!(help.contains(expected), "{help}");
    }
    assert!(!format!("{help} {error:?}").contains("planted"));
    assert!(!folder.path().join("corp").exists());
}

#[test]
fn a_wrong_key_suggests_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let error = init_with(folder.path(), &[("names.dashbord", "x")]).unwrap_err();
    assert!(matches!(&error, WizardError::UnknownKey { near: Some(near), .. } if near == "names.dashboard"), "{error:?}");
}

#[test]
fn a_site_file_that_is_there_is_left_alone_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let path = init_with(folder.path(), &FEWEST).unwrap().path;
    let before = std::fs::read(&path).unwrap();
    let mut other = FEWEST.to_vec();
    other.push(("site", "other"));
    assert!(matches!(init_with(folder.path(), &other), Err(WizardError::Exists { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    unasked(&InitOptions { force: true, ..with(folder.path(), &other) }).unwrap();
    assert_eq!(load(&path, folder.path()).unwrap().name, "other");
}

#[test]
fn whatever_a_site_file_can_say_can_be_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut answers = FEWEST.to_vec();
    answers.extend([
        ("nodes[1].sudo_password", "env:SUDO"),
        ("tls.certificate.files", "a.pem, b c.pem"),
        ("tls.terminates", "load-balancer"),
        ("load_balancer.address", "203.0.113.7"),
        ("access.ticket_pattern", "^CHG[0-9]+: \"x\" # y$"),
        ("access.record", "yes"),
        ("smtp.provider", "sendgrid"),
        ("smtp.password", "cmd:pass show 'a: b' # c"),
        ("ntp", ""),
    ]);
    let site = init_with(folder.path(), &answers).unwrap().site;
    assert_eq!(site.nodes[1].privilege, Privilege::SudoPassword(SecretRef::Env("SUDO".into())));
    let tls = site.tls.unwrap();
    assert_eq!(tls.certificate.files, [std::path::PathBuf::from("a.pem"), "b c.pem".into()]);
    assert_eq!(site.access.ticket_pattern.as_deref(), Some("^CHG[0-9]+: \"x\" # y$"));
    assert!(site.access.record);
    assert_eq!(site.smtp.unwrap().password, SecretRef::Cmd("pass show 'a: b' # c".into()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_answered_is_what_the_site_file_says(
        name in "[a-z][a-z0-9]{2,12}",
        reason in "[^\\x00-\\x1f,]{1,20}",
        user in "[a-z0-9._-]{0,8}[a-z]",
        file in "[A-Za-z0-9 ._:#'\"{}\\[\\]&*!|>%@-]{1,16}",
        number in any::<u8>(),
    ) {
        prop_assume!(!reason.trim().is_empty() && !file.trim().is_empty() && !user.starts_with('-'));
        let folder = tempfile::tempdir().unwrap();
        let node = format!("{user}@10.0.0.{number}:2{number:03}");
        let answers = [("site", name.as_str()), ("environment", "qa"), ("route.vpn", "true"), ("nodes", &node), ("domain", "corp.example"),
            ("tls.certificate.files", &file), ("tls.pfx.friendly_name", &reason), ("access.persons", &reason)];
        let site = init_with(folder.path(), &answers).unwrap().site;
        prop_assert_eq!(&site.name, &name);
        prop_assert_eq!(site.nodes[0].login.user.as_deref(), Some(user.as_str()));
        prop_assert_eq!(site.nodes[0].login.port, 2000 + u16::from(number));
        let tls = site.tls.unwrap();
        prop_assert_eq!(&tls.certificate.files, &[std::path::PathBuf::from(file.trim())]);
        prop_assert_eq!(tls.friendly_name.as_deref(), Some(reason.trim()));
        prop_assert_eq!(site.access.persons, [reason.trim()]);
    }
}
