//! Going back, breaking off and coming again, and trials whose outcome is told.

use std::path::Path;

use portcullis::site::model::Site;
use portcullis::wizard::{InitOptions, Nowhere, Section, Seen, Surroundings, Told, WizardError, Written, init};

use super::conversation::Script;
use super::{unasked, with};

fn asked_of(script: &mut Script, options: &InitOptions) -> Result<Written, WizardError> {
    init(options, script, &mut Nowhere)
}

fn interactive(folder: &Path) -> InitOptions {
    InitOptions { interactive: true, ..with(folder, &[]) }
}

const DOMAIN: (&str, &[&str]) = ("domain", &["corp.example"]);
const HOPS: (&str, &[&str]) = ("route.hops", &["ops@jump.example"]);
const NODES: (&str, &[&str]) = ("nodes", &["admin@10.0.0.1"]);

#[test]
fn a_conversation_that_was_broken_off_is_taken_up_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let options = interactive(folder.path());
    let mut first = Script::new(&[DOMAIN, HOPS]);
    assert!(matches!(asked_of(&mut first, &options), Err(WizardError::Interrupted)));
    assert_eq!(first.asked.last().map(String::as_str), Some("nodes"));
    assert!(!options.dir.join("site.yaml").exists());

    let mut second = Script::new(&[NODES]);
    let written = asked_of(&mut second, &options).unwrap();
    assert_eq!(second.asked.first().map(String::as_str), Some("nodes"));
    assert_eq!(second.known, first.asked.len() - 1);
    assert_eq!(written.site.route.hops[0].login.address, "jump.example");
    let mut left: Vec<_> = std::fs::read_dir(&options.dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["answers.yaml", "site.yaml"], "the draft is gone");
}

#[test]
fn what_was_taken_up_can_be_gone_back_to() {
    let folder = tempfile::tempdir().unwrap();
    let options = interactive(folder.path());
    asked_of(&mut Script::new(&[DOMAIN, HOPS]), &options).unwrap_err();
    let mut second = Script::new(&[("nodes", &["<", "admin@10.0.0.1"]), ("route.hops", &["ops@other.example"])]);
    let written = asked_of(&mut second, &options).unwrap();
    assert_eq!(written.site.route.hops[0].login.address, "other.example");
}

#[test]
fn going_back_forgets_nothing_and_asks_what_the_new_answer_brings_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::new(&[
        DOMAIN,
        HOPS,
        NODES,
        ("smtp.host", &["mail.corp.example", "smtp.corp.example"]),
        ("smtp.port", &["25", "465"]),
        ("smtp.starttls", &["<"]),
        ("smtp.username", &["appliance"]),
    ]);
    let written = asked_of(&mut script, &interactive(folder.path())).unwrap();
    let smtp = written.site.smtp.unwrap();
    assert_eq!((smtp.host.as_str(), smtp.port), ("mail.corp.example", 465));
    let proposals: Vec<_> = script.proposed.iter().filter(|(key, _)| key == "smtp.port").map(|(_, default)| default.clone()).collect();
    assert_eq!(proposals, [Some("587".to_owned()), Some("25".to_owned())], "what was said before is proposed");
    assert_eq!(script.asked.iter().filter(|key| *key == "smtp.starttls").count(), 1, "on 465 TLS is always on");
}

#[test]
fn the_first_question_has_none_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::new(&[("environment", &["<", "<", "qa"]), DOMAIN, HOPS, NODES]);
    asked_of(&mut script, &interactive(folder.path())).unwrap();
    assert_eq!(script.asked.iter().filter(|key| *key == "environment").count(), 3);
}

#[test]
fn the_record_alone_makes_the_same_bytes_without_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::new(&[
        DOMAIN,
        HOPS,
        NODES,
        ("smtp.host", &["mail.corp.example"]),
        ("smtp.username", &["0123"]),
        ("smtp.password", &["cmd:pass show 'a: b' # c"]),
        ("access.ticket_pattern", &["^CHG[0-9]+: \"x\"$"]),
        ("access.record", &["yes"]),
        ("connectors", &["ldaps://dc.corp.example"]),
    ]);
    let written = asked_of(&mut script, &interactive(folder.path())).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let again = unasked(&InitOptions { answers_file: written.record.clone(), ..with(elsewhere.path(), &[]) }).unwrap();
    assert_eq!(std::fs::read_to_string(again.path).unwrap(), std::fs::read_to_string(written.path).unwrap());
    assert_eq!(written.site.connectors[0].tenant, "identity.corp.example");
    assert!(written.site.access.record);
}

/// Machines whose host keys are not known, and a mail server that offers nothing.
#[derive(Default)]
struct Strangers {
    forgotten: usize,
    tried: Vec<Section>,
}

impl Surroundings for Strangers {
    fn forget(&mut self) {
        self.forgotten += 1;
    }

    fn seen(&mut self) -> Seen {
        Seen {
            hops: Some("ops@jump.example".into()),
            names: vec!["admin.corp.example".into(), "sso.corp.example".into()],
            ..Seen::default()
        }
    }

    fn trial(&self, section: Section, site: &Site) -> Option<String> {
        let has_mail = section == Section::Mail && site.smtp.is_some();
        (section == Section::Machines || has_mail).then(|| "trying".to_owned())
    }

    fn try_out(&mut self, section: Section, site: &Site) -> Vec<Told> {
        self.tried.push(section);
        let key = |key: &str, machine: &str| Told::HostKey {
            key: key.into(),
            machine: machine.into(),
            algorithm: "ssh-ed25519".into(),
            fingerprint: format!("SHA256:{}", "A".repeat(43)),
        };
        if section == Section::Mail {
            vec![Told::Bad { what: "no AUTH PLAIN".into(), help: None }]
        } else if site.route.hops[0].login.host_keys.is_empty() {
            vec![key("route.hops[0].host_keys", "jump")]
        } else if site.nodes[0].login.host_keys.is_empty() {
            vec![key("nodes[0].host_keys", "a0-1")]
        } else {
            vec![Told::Good("logged in".into())]
        }
    }
}

#[test]
fn host_keys_are_shown_and_pinned_and_what_is_wrong_is_gone_past() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::new(&[
        NODES,
        ("host_keys", &["yes", "yes"]),
        ("names.configuration", &["config.corp.example"]),
        ("smtp.host", &["mail.corp.example"]),
        ("smtp.username", &["appliance"]),
    ]);
    let mut strangers = Strangers::default();
    let written =
        init(&interactive(folder.path()), &mut script, &mut strangers).unwrap_or_else(|error| panic!("{error}: {:?}", script.proposed));
    let pinned = [format!("SHA256:{}", "A".repeat(43))];
    assert_eq!(written.site.route.hops[0].login.host_keys, pinned);
    assert_eq!(written.site.nodes[0].login.host_keys, pinned);
    assert_eq!(strangers.tried, [Section::Machines, Section::Machines, Section::Machines, Section::Mail]);
    assert_eq!(written.wrong, ["no AUTH PLAIN"]);
    assert!(script.told.contains(&Told::Good("logged in".into())));
    assert_eq!(written.site.names.dashboard, "admin.corp.example", "the certificate says so");
    assert_eq!(written.site.names.tenants, ["sso.corp.example"]);
    assert_eq!(written.site.names.webtask.as_deref(), Some("webtask.corp.example"));
}

#[test]
fn a_host_key_that_is_not_accepted_is_left_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::new(&[NODES, ("names.configuration", &["config.corp.example"]), ("host_keys", &["no"])]);
    let written = init(&interactive(folder.path()), &mut script, &mut Strangers::default()).unwrap();
    assert!(written.site.route.hops[0].login.host_keys.is_empty());
    assert!(matches!(written.wrong.as_slice(), [left] if left.contains("jump") && left.contains("SHA256:AAAA")), "{:?}", written.wrong);
}

#[test]
fn host_keys_that_were_accepted_are_kept_when_somebody_goes_back_and_secrets_are_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::new(&[
        NODES,
        ("host_keys", &["yes", "yes"]),
        ("names.configuration", &["config.corp.example"]),
        ("tls.certificate.files", &["<", ""]),
    ]);
    let mut strangers = Strangers::default();
    let written = init(&interactive(folder.path()), &mut script, &mut strangers).unwrap();
    assert_eq!(script.asked.iter().filter(|key| *key == "host_keys").count(), 2, "{:?}", script.asked);
    assert_eq!(written.site.nodes[0].login.host_keys.len(), 1);
    assert_eq!(written.site.route.hops[0].login.host_keys.len(), 1);
    assert_eq!(strangers.forgotten, 1);
}
