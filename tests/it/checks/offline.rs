//! The files that a site names, on a real disk.

#![expect(clippy::disallowed_methods, reason = "tests write their own files")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use portcullis::checks::offline::files;
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
