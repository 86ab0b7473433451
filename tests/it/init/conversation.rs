//! A conversation with a person, played from a script: what is asked when, and what is not taken for an answer.

use std::collections::HashMap;

use portcullis::wizard::{Answers, Asker, Asking, InitOptions, QUESTIONS, WizardError, init_with, run};

use super::with;

/// Answers by key, and records what was asked and refused. What the script does not know is taken as proposed.
#[derive(Default)]
struct Script {
    lines: HashMap<&'static str, Vec<&'static str>>,
    asked: Vec<&'static str>,
    refused: Vec<String>,
    known: usize,
}

impl Script {
    fn new(lines: &[(&'static str, &[&'static str])]) -> Self {
        Self { lines: lines.iter().map(|(key, lines)| (*key, lines.to_vec())).collect(), ..Self::default() }
    }
}

impl Asker for Script {
    fn begin(&mut self, known: usize) -> Result<(), WizardError> {
        self.known = known;
        Ok(())
    }

    fn ask(&mut self, asking: &Asking<'_>) -> Result<Option<String>, WizardError> {
        self.asked.push(asking.question.key);
        for line in self.lines.remove(asking.question.key).unwrap_or_default() {
            match asking.check.judge(line) {
                Ok(()) => return Ok(Some(line.to_owned())),
                Err(reason) => self.refused.push(reason),
            }
        }
        match &asking.default {
            Some(default) => Ok(Some(default.clone())),
            None if asking.question.optional => Ok(Some(String::new())),
            None => Err(WizardError::Interrupted),
        }
    }

    fn finish(&mut self) -> Result<(), WizardError> {
        Ok(())
    }
}

#[test]
fn an_answer_is_judged_when_it_is_given() {
    let mut script = Script::new(&[
        ("site", &["Corp", "corp"]),
        ("route.hops", &["ops@jump_host", "ops@jump.example"]),
        ("nodes", &["admin@10.0.0.300", "admin@10.0.0.1, admin@10.0.0.1", "admin@10.0.0.1"]),
        ("domain", &["corp_x.example", "corp.example"]),
        ("names.tenants", &["status.corp.example", "id.corp.example", "identity.corp.example"]),
        ("access.longest_window", &["ages", "4h"]),
    ]);
    let answers = run(&mut script, Answers::default()).unwrap();
    let expected = ["no site's name", "'_' in it", "no IP address", "is `a0-1`", "'_' in it", "reserved", "fewer than 3", "not a duration"];
    assert_eq!(script.refused.len(), expected.len(), "{:#?}", script.refused);
    for (refused, expected) in script.refused.iter().zip(expected) {
        assert!(refused.contains(expected), "{refused}");
    }
    assert_eq!(answers.text("access.longest_window"), Some("4h"));
}

#[test]
fn only_what_matters_is_asked() {
    let mut script =
        Script::new(&[("site", &["corp"]), ("route.hops", &["vpn"]), ("nodes", &["admin@10.0.0.1"]), ("domain", &["corp.example"])]);
    let answers = run(&mut script, Answers::default()).unwrap();
    for key in ["load_balancer.address", "ssh.user", "smtp.port", "smtp.password", "proxy.url", "tls.certificate.key", "tls.terminates"] {
        assert!(!script.asked.contains(&key), "{key} was asked");
    }
    assert_eq!(answers.get("route.vpn"), Some(&serde_json::Value::Bool(true)));
}

#[test]
fn what_is_known_is_not_asked() {
    let known = Answers::from_text(include_str!("../site_file/full.yaml"), std::path::Path::new("answers")).unwrap();
    let mut script = Script::default();
    let answers = run(&mut script, known.clone()).unwrap();
    assert_eq!(answers, known);
    assert_eq!(script.asked, Vec::<&str>::new());
}

#[test]
fn a_secret_is_not_taken_for_an_answer_and_not_repeated() {
    let mut script = Script::new(&[
        ("site", &["corp"]),
        ("route.hops", &["vpn"]),
        ("nodes", &["admin@10.0.0.1"]),
        ("domain", &["corp.example"]),
        ("smtp.host", &["mail.corp.example"]),
        ("smtp.username", &["appliance"]),
        ("smtp.password", &["hunter2-planted", "env:MAIL"]),
    ]);
    let answers = run(&mut script, Answers::default()).unwrap();
    assert_eq!(answers.text("smtp.password"), Some("env:MAIL"));
    assert_eq!(answers.text("smtp.from"), Some("appliance@corp.example"));
    let [refused] = script.refused.as_slice() else { panic!("{:?}", script.refused) };
    assert!(refused.contains("env:NAME") && !refused.contains("planted"), "{refused}");
}

#[test]
fn a_conversation_that_is_broken_off_ends_in_an_error_of_its_own() {
    let mut script = Script::new(&[("site", &["corp"])]);
    assert!(matches!(run(&mut script, Answers::default()), Err(WizardError::Interrupted)));
}

#[test]
fn every_question_answers_a_key_of_the_site_file() {
    for question in QUESTIONS {
        let mut answers = Answers::default();
        answers.set(question.key, "x").unwrap_or_else(|error| panic!("{}: {error}", question.key));
    }
}

#[test]
fn a_conversation_that_was_broken_off_is_taken_up_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let options = InitOptions { interactive: true, ..with(folder.path(), &[]) };
    let mut first = Script::new(&[("route.hops", &["ops@jump.example"])]);
    assert!(matches!(init_with(&options, &mut first), Err(WizardError::Interrupted)));
    assert_eq!(first.asked.last(), Some(&"nodes"));
    assert!(!options.dir.join("site.yaml").exists());

    let mut second = Script::new(&[("nodes", &["admin@10.0.0.1"]), ("domain", &["corp.example"])]);
    let written = init_with(&options, &mut second).unwrap();
    assert_eq!((second.asked.first(), second.known), (Some(&"nodes"), 4));
    assert_eq!(written.site.route.hops[0].login.address, "jump.example");
    let left: Vec<_> = std::fs::read_dir(&options.dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["site.yaml"], "the draft is gone");
}
