//! The files that a site names, on a real disk.

#![expect(clippy::disallowed_methods, reason = "tests write their own files")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use portcullis::checks::offline::files;
use portcullis::checks::{Outcome, Verdict};
use portcullis::site::model::{
    AccessPolicy, CertificateFiles, Environment, LedgerLocation, MailProvider, Names, Proxy, Route, SecretRef, Site, Sla, Smtp, StartTls,
    Surroundings, Termination, Tls,
};

use super::{not_passed, told};

fn site(folder: &Path) -> Site {
    Site {
        hop_privileges: Vec::new(),
        name: "shop-prod".to_owned(),
        file: folder.join("site.yaml"),
        folder: folder.to_owned(),
        environment: Environment::Production,
        sla: Sla::Standard,
        profile: "psaas-appliance".to_owned(),
        route: Route::default(),
        figures: portcullis::site::profile::Profile::built_in("psaas-appliance").unwrap(),
        nodes: Vec::new(),
        known_hosts: Vec::new(),
        load_balancer: None,
        names: Names::default(),
        tls: Some(Tls {
            terminates: Termination::Appliance,
            certificate: CertificateFiles { files: vec!["bundle.pem".into()], key: Some("key.pem".into()), ..CertificateFiles::default() },
            pfx_password: None,
            pfx_target: "appliance".to_owned(),
            friendly_name: None,
        }),
        smtp: Some(Smtp {
            provider: MailProvider::Smtp,
            host: "mail.corp.example".to_owned(),
            port: 587,
            username: "appliance".to_owned(),
            password: SecretRef::File("smtp.secret".into()),
            from: "appliance@corp.example".to_owned(),
            starttls: StartTls::Required,
            ca_certificates: Vec::new(),
        }),
        proxy: Proxy::default(),
        ntp_servers: Vec::new(),
        access: AccessPolicy::default(),
        connectors: Vec::new(),
        ledger: LedgerLocation::File("ledger.db".into()),
        witnesses: Vec::new(),
        forward: None,
        waivers: Vec::new(),
        surroundings: Surroundings::default(),
    }
}

fn put(folder: &Path, name: &str, mode: u32) {
    fs::write(folder.join(name), "x").unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn private_files_that_others_can_read_are_a_warning_with_the_command_that_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "bundle.pem", 0o644);
    put(folder.path(), "key.pem", 0o640);
    put(folder.path(), "smtp.secret", 0o600);
    let outcomes = files(&site(folder.path()));
    assert_eq!(not_passed(&outcomes), ["access.key.perm=warning"]);
    let key = folder.path().join("key.pem");
    assert!(told(&outcomes, "access.key.perm").ends_with(&format!("`chmod 600 {}`", key.display())));

    put(folder.path(), "key.pem", 0o600);
    assert_eq!(not_passed(&files(&site(folder.path()))), Vec::<String>::new());
}

#[test]
fn every_missing_file_is_named_with_its_key_and_its_mode_is_not_green() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("bundle.pem")).unwrap();
    let outcomes = files(&site(folder.path()));
    assert_eq!(not_passed(&outcomes), ["site.files=error,error,error", "access.key.perm=could-not-run"]);
    assert!(told(&outcomes, "site.files").starts_with("tls.certificate.files: "));
}

#[test]
fn a_file_of_another_kind_than_its_place_wants_is_an_error_and_a_private_key_among_ca_certificates_too() {
    let folder = tempfile::tempdir().unwrap();
    let example = |name: &str| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-examples/good/ecdsa").join(name)).unwrap();
    for (name, text) in [
        ("bundle.pem", example("chain.pem")),
        ("key.pem", example("server.key")),
        ("both.pem", [example("chain.pem"), example("server.key")].concat()),
        ("smtp.secret", b"x".to_vec()),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let mut site = site(folder.path());
    site.known_hosts = vec!["bundle.pem".into()];
    site.proxy.ca_certificates = vec!["key.pem".into(), "smtp.secret".into()];
    site.smtp.as_mut().unwrap().ca_certificates = vec!["both.pem".into()];
    let outcomes = files(&site);
    assert_eq!(not_passed(&outcomes), ["site.files=error,error,error,error"]);
    let found = |outcome: &Outcome| match &outcome.verdict {
        Verdict::Found { findings } => findings.iter().map(|finding| finding.message.clone()).collect(),
        Verdict::Passed | Verdict::CouldNotRun { .. } | Verdict::NotApplicable { .. } => Vec::new(),
    };
    let messages: Vec<String> = outcomes.iter().flat_map(found).collect();
    for (key, why) in [
        ("known_hosts", "holds no host key"),
        ("smtp.ca_certificates", "both.pem holds a private key"),
        ("proxy.ca_certificates", "key.pem holds a private key"),
        ("proxy.ca_certificates", "smtp.secret holds no certificate"),
    ] {
        assert!(messages.iter().any(|message| message.starts_with(key) && message.ends_with(why)), "{key} {why}: {messages:?}");
    }
    site.known_hosts.clear();
    site.proxy.ca_certificates = vec!["bundle.pem".into()];
    site.smtp.as_mut().unwrap().ca_certificates = vec!["bundle.pem".into()];
    assert_eq!(not_passed(&files(&site)), Vec::<String>::new());
}
