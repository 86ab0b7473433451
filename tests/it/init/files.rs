//! Answers files: YAML or JSON, nested as in the site file, or flat with dotted keys.

use portcullis::disk::{Existing, write_atomically};
use portcullis::site::model::*;
use portcullis::wizard::{InitOptions, WizardError, Written};

use super::{unasked, with};

fn init_from(text: &str, set: &[(&str, &str)]) -> Result<Written, WizardError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers");
    write_atomically(&file, text.as_bytes(), 0o644, Existing::Keep).unwrap();
    unasked(&InitOptions { answers_file: Some(file), ..with(folder.path(), set) })
}

const NESTED: &str = "
site: from-file
environment: production
route: {vpn: true}
nodes:
  - {name: n1, address: 10.0.0.1, user: admin}
  - {name: n2, address: 10.0.0.2, user: admin, port: '2222'}
names:
  dashboard: manage.corp.example
  configuration: config.corp.example
  webtask: webtask.corp.example
  tenants: identity.corp.example, shop.corp.example
smtp.host: mail.corp.example
smtp.port: '465'
smtp: {username: 12, password: env:MAIL, from: a@corp.example}
";

#[test]
fn nested_and_dotted_keys_can_be_mixed() {
    let site = init_from(NESTED, &[]).unwrap().site;
    assert_eq!(site.name, "from-file");
    assert_eq!(site.nodes[1].login.port, 2222);
    assert_eq!(site.names.tenants.len(), 2);
    let smtp = site.smtp.unwrap();
    assert_eq!((smtp.host.as_str(), smtp.port, smtp.username.as_str()), ("mail.corp.example", 465, "12"));
}

#[test]
fn json_serves_as_well() {
    let json = r#"{"route.hops": ["ops@jump.example"], "nodes": ["10.0.0.1"], "environment": "qa", "domain": "qa.corp.example"}"#;
    let site = init_from(json, &[]).unwrap().site;
    assert_eq!(site.route.hops[0].login.user.as_deref(), Some("ops"));
    assert_eq!(site.names.dashboard, "manage.qa.corp.example");
}

#[test]
fn a_whole_site_file_is_an_answers_file() {
    let full = include_str!("../site_file/full.yaml");
    let written = init_from(full, &[]).unwrap().site;
    let mut expected = portcullis::site::parse(full, &written.file).unwrap();
    expected.folder.clone_from(&written.folder);
    assert_eq!(written, expected);
}

#[test]
fn flags_win_over_the_file() {
    let site = init_from(NESTED, &[("environment", "qa"), ("names.webtask", "tasks.corp.example")]).unwrap().site;
    assert_eq!((site.environment, site.names.webtask.as_deref()), (Environment::Qa, Some("tasks.corp.example")));
    assert_eq!(site.names.dashboard, "manage.corp.example");
}

#[test]
fn what_is_no_answers_file_is_called_so() {
    assert!(matches!(init_from("- a\n", &[]), Err(WizardError::NotAnswers { .. })));
    let error = init_from("a: [\n", &[]).unwrap_err();
    assert!(matches!(error, WizardError::AnswersUnreadable { .. }));
    assert!(error.help().unwrap().contains("answers:"), "{:?}", error.help());
    assert!(matches!(init_from("nodez: 1\n", &[]), Err(WizardError::UnknownKey { near: Some(_), .. })));
    let folder = tempfile::tempdir().unwrap();
    let options = InitOptions { answers_file: Some(folder.path().join("none")), ..with(folder.path(), &[]) };
    assert!(matches!(unasked(&options), Err(WizardError::AnswersMissing { .. })));
}

#[test]
fn an_empty_flag_takes_the_files_answer_away_and_declines_nothing_that_is_needed() {
    let text = format!("{NESTED}names.planned: [new.corp.example]\n");
    let planned = |set: &[(&str, &str)]| init_from(&text, set).unwrap().site.names.planned;
    assert_eq!(planned(&[]), ["new.corp.example"]);
    assert_eq!(planned(&[("names.planned", "")]), Vec::<String>::new());
    let site = init_from(&text, &[("names.dashboard", "")]).unwrap().site;
    assert_eq!(site.names.dashboard, "manage.corp.example", "asked again, and proposed by the other names' domain");
    let error = init_from(&text, &[("smtp.from", ""), ("nodes", "")]).unwrap_err();
    assert!(error.help().unwrap().contains("--set nodes="), "{:?}", error.help());
}
