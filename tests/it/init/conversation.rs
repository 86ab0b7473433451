//! A conversation with a person, played from a script: what is asked when, and what is not taken for an answer.

use std::collections::HashMap;

use portcullis::wizard::{Answers, Asker, Asking, Reply, Told, WizardError, questions, run};

/// Answers by key, and records what was asked, refused, proposed and told. What the script does not know is taken as
/// proposed; `<` goes back.
#[derive(Default)]
pub(super) struct Script {
    lines: HashMap<String, Vec<&'static str>>,
    pub(super) asked: Vec<String>,
    pub(super) proposed: Vec<(String, Option<String>)>,
    pub(super) told: Vec<Told>,
    refused: Vec<String>,
    pub(super) known: usize,
}

impl Script {
    pub(super) fn new(lines: &[(&'static str, &[&'static str])]) -> Self {
        Self { lines: lines.iter().map(|(key, lines)| ((*key).to_owned(), lines.to_vec())).collect(), ..Self::default() }
    }
}

impl Asker for Script {
    fn begin(&mut self, known: usize) -> Result<(), WizardError> {
        self.known = known;
        Ok(())
    }

    fn ask(&mut self, asking: &Asking<'_>) -> Result<Reply, WizardError> {
        self.asked.push(asking.key.clone());
        self.proposed.push((asking.key.clone(), asking.default.clone()));
        let lines = self.lines.entry(asking.key.clone()).or_default();
        while !lines.is_empty() {
            let line = lines.remove(0);
            if line == "<" {
                return Ok(Reply::Back);
            }
            match asking.check.judge(line) {
                Ok(()) => return Ok(Reply::Answer(line.to_owned())),
                Err(reason) => self.refused.push(reason),
            }
        }
        match &asking.default {
            Some(default) => Ok(Reply::Answer(default.clone())),
            None if asking.optional => Ok(Reply::Answer(String::new())),
            None => Err(WizardError::Interrupted),
        }
    }

    fn trying(&mut self, _: &str) -> Result<(), WizardError> {
        Ok(())
    }

    fn tell(&mut self, told: &Told) -> Result<(), WizardError> {
        self.told.push(told.clone());
        Ok(())
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
    let expected = ["no site's name", "'_' in it", "reserved", "fewer than 3", "'_' in it", "no IP address", "is `a0-1`", "not a duration"];
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
        assert!(!script.asked.iter().any(|asked| asked == key), "{key} was asked");
    }
    assert_eq!(answers.get("route.vpn"), Some(&serde_json::Value::Bool(true)));
}

#[test]
fn what_is_known_is_not_asked() {
    let known = Answers::from_text(include_str!("../site_file/full.yaml"), std::path::Path::new("answers")).unwrap();
    let mut script = Script::default();
    let answers = run(&mut script, known.clone()).unwrap();
    assert_eq!(answers, known);
    let nobody_said = ["names.planned", "ssh.identities"];
    script.asked.retain(|asked| !nobody_said.contains(&asked.as_str()));
    assert_eq!(script.asked, Vec::<String>::new());
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
    for question in questions() {
        let mut answers = Answers::default();
        answers.set(question.key, "x").unwrap_or_else(|error| panic!("{}: {error}", question.key));
    }
}

#[test]
fn a_file_of_another_kind_is_refused_and_a_secret_that_is_not_there_is_doubted_once() {
    let example = |name: &str| format!("{}/certs-examples/good/ecdsa/{name}", env!("CARGO_MANIFEST_DIR")).leak() as &'static str;
    let (chain, key) = (example("chain.pem"), example("server.key"));
    let mut script = Script::new(&[
        ("site", &["corp"]),
        ("route.hops", &["vpn"]),
        ("nodes", &["admin@10.0.0.1"]),
        ("ssh.identities", &[chain, key]),
        ("ssh.sudo_password", &["file:/nonexistent/password"]),
        ("domain", &["corp.example"]),
        ("proxy.kind", &["transparent"]),
        ("proxy.ca_certificates", &[key, chain]),
    ]);
    let answers = run(&mut script, Answers::default()).unwrap();
    let [identity, authority] = script.refused.as_slice() else { panic!("{:?}", script.refused) };
    assert!(identity.contains("holds no private key; name the private key's own file"), "{identity}");
    assert!(authority.contains("holds a private key; name a file with the CA's certificate alone"), "{authority}");
    assert_eq!(answers.text("proxy.ca_certificates.0"), Some(chain));
    let doubts: Vec<&Told> = script.told.iter().filter(|told| matches!(told, Told::Doubt(_))).collect();
    assert!(matches!(doubts.as_slice(), [Told::Doubt(doubt)] if doubt.contains("/nonexistent/password")), "{doubts:?}");
    assert_eq!(answers.text("ssh.sudo_password"), Some("file:/nonexistent/password"));
}
