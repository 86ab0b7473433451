//! Sound site files and what becomes of their values.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use portcullis::disk::{Existing, write_atomically};
use portcullis::site::load;
use portcullis::site::model::*;

use super::{FULL, LAB, LEAST, least_with, read};

#[test]
fn the_least_site_has_its_defaults() {
    let site = read(LEAST).unwrap();
    assert_eq!((site.name.as_str(), site.environment, site.sla), ("dev", Environment::Development, Sla::Standard));
    assert_eq!(site.profile, "psaas-appliance");
    assert_eq!(site.route, Route::default());
    let node = site.node("a0-1").unwrap();
    assert_eq!((node.role, node.login.port, node.login.agent), (Role::Node, 22, true));
    assert_eq!((&node.login.user, &node.privilege), (&None, &Privilege::Sudo));
    assert_eq!(site.ledger, LedgerLocation::File("ledger.sqlite".into()));
    assert_eq!(site.proxy, Proxy::default());
    assert_eq!(site.access, AccessPolicy::default());
    assert!(site.known_hosts.is_empty(), "left to the operator's own files");
    assert!(site.tls.is_none() && site.smtp.is_none() && site.load_balancer.is_none());
}

#[test]
fn every_value_of_a_full_site_arrives() {
    let site = read(FULL).unwrap();
    let hop = &site.route.hops[0];
    assert_eq!((hop.name.as_str(), hop.login.port, hop.login.agent), ("jump", 2222, true));
    assert_eq!(hop.login.password, Some(SecretRef::Cmd("pass show jump".into())));
    assert_eq!(site.nodes[0].privilege, Privilege::SudoPassword(SecretRef::File("/run/secrets/sudo".into())));
    assert_eq!(site.nodes[1].privilege, Privilege::Root);
    assert_eq!(site.nodes[2].login.user.as_deref(), Some("ops"), "the site's `ssh` is the default");
    assert_eq!(site.nodes[2].login.passphrase, Some(SecretRef::Prompt));
    assert!(!site.nodes[2].login.agent);
    assert_eq!(site.names.dashboard, "manage.corp.example");
    assert_eq!(site.names.tenants[1], "xn--bro-hoa.corp.example");
    assert_eq!(site.names.custom_domains[0].certificate.as_ref().unwrap().key_password, Some(SecretRef::Env("BRAND".into())));
    let tls = site.tls.unwrap();
    assert_eq!((tls.terminates, tls.pfx_target.as_str()), (Termination::LoadBalancer, "windows-2016"));
    assert_eq!(tls.certificate.files, [PathBuf::from("certs/bundle.p7b"), "certs/leaf.crt".into()]);
    let smtp = site.smtp.unwrap();
    assert_eq!((smtp.port, smtp.starttls, smtp.from.as_str()), (587, StartTls::Required, "appliance@corp.example"));
    assert_eq!(site.proxy.bypass, [".corp.example", "10.0.0.0/8", "localhost"]);
    assert_eq!(site.proxy.exceptions, ["cdn.auth0.com", "apt-mirror.it.auth0.com:443"]);
    assert_eq!(site.access.longest_window, SignedDuration::from_hours(36));
    assert_eq!(site.access.hours.unwrap().to_string(), "mon-fri 18:00-06:00; sat,sun 00:00-24:00 (Europe/Zurich)");
    assert_eq!(site.access.sources[1].to_string(), "203.0.113.9/32");
    assert_eq!(site.connectors[0].login.as_ref().unwrap().address, "10.77.1.5");
    let LedgerLocation::Postgres(database) = &site.ledger else { panic!("{:?}", site.ledger) };
    assert_eq!(database.to_string(), "postgresql://portcullis@db.corp.example/ledger");
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqO6g7GH6sVeUj2tG3rHoETJTIpX2esl8/g6uDQyNyS".to_owned();
    assert_eq!(site.access.approvers, [Signatory { name: "carol".into(), key: key.clone() }], "a key's comment is anybody's text");
    assert_eq!(site.witnesses, [Signatory { name: "vendor".into(), key }]);
    let ca_certificates = vec![PathBuf::from("certs/siem-ca.pem")];
    assert_eq!(site.forward, Some(Forward { host: "siem.corp.example".into(), port: 6514, tls: true, ca_certificates }));
    assert_eq!(site.waivers[0].until, jiff::civil::date(2027, 5, 31));
    assert_eq!(site.figures.hardware.memory_gib.minimum, 12);
}

#[test]
fn the_labs_own_site_is_sound_and_has_no_errors() {
    let site = read(LAB).unwrap();
    assert_eq!(site.nodes.len(), 3);
    let findings = portcullis::site::findings(&site);
    assert!(!portcullis::finding::has_errors(&findings), "{findings:#?}");
}

#[test]
fn anchors_and_merges_serve_for_repeated_values() {
    let text = "site: a\nenvironment: qa\nroute: {vpn: true}\nnodes:\n  - &n {name: a0-1, address: 10.0.0.1, user: admin}\n  - {<<: *n, name: a0-2, address: 10.0.0.2}\n";
    let site = read(text).unwrap();
    assert_eq!(site.nodes[1].name, "a0-2");
    assert_eq!(site.nodes[1].login.user.as_deref(), Some("admin"));
}

#[test]
fn a_key_whose_lines_are_commented_out_is_as_good_as_absent() {
    let site = read(&least_with("smtp:\n#  host: a\nnames:\n  tenants:\n#    - a\n")).unwrap();
    assert!(site.smtp.is_none());
}

#[test]
fn providers_bring_their_host_and_user() {
    let site = read(&least_with("smtp: {provider: sendgrid, password: prompt, from: a@b.example}\n")).unwrap();
    let smtp = site.smtp.unwrap();
    assert_eq!((smtp.host.as_str(), smtp.username.as_str()), ("smtp.sendgrid.net", "apikey"));
}

#[test]
fn a_loaded_site_knows_its_folder_and_the_operators_home() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.yaml");
    write_atomically(&path, FULL.as_bytes(), 0o644, Existing::Keep).unwrap();
    let site = load(&path, Path::new("/home/ops")).unwrap();
    assert_eq!(site.folder, folder.path());
    assert_eq!(site.known_hosts, [PathBuf::from("known_hosts"), "/home/ops/.ssh/known_hosts".into()]);
    assert_eq!(site.nodes[0].login.identities, [PathBuf::from("/home/ops/.ssh/id_ed25519")]);
    assert_eq!(site.smtp.as_ref().unwrap().password, SecretRef::File("/home/ops/smtp".into()));
    assert_eq!(site.path(&site.tls.as_ref().unwrap().certificate.roots[0]), folder.path().join("certs/root.pem"));
}

#[test]
fn a_site_of_a_thousand_nodes_is_read() {
    let mut text = String::from("site: big\nenvironment: qa\nroute: {vpn: true}\nnodes:\n");
    for number in 0..1000 {
        let _ = writeln!(
            text,
            "  - {{name: n{number}, address: 10.1.{}.{}, user: admin, identities: [k], sudo: true}}",
            number / 250,
            number % 250 + 1
        );
    }
    assert_eq!(read(&text).unwrap().nodes.len(), 1000);
}

#[test]
fn the_password_of_sudo_is_said_once_for_all_machines_and_a_machine_s_own_counts_before() {
    let text = "site: a\nenvironment: qa\nssh: {user: ops, sudo_password: env:ALL}\n\
        route: {hops: [{name: j, address: j.example}, {name: k, address: k.example, sudo_password: env:HOP}]}\n\
        nodes: [{name: n, address: 10.0.0.1}, {name: o, address: 10.0.0.2, sudo_password: env:OWN}, {name: p, address: 10.0.0.3, user: root}]\n";
    let site = read(text).unwrap();
    let of = |name: &str| Privilege::SudoPassword(SecretRef::Env(name.into()));
    assert_eq!(site.nodes.iter().map(|node| node.privilege.clone()).collect::<Vec<_>>(), [of("ALL"), of("OWN"), Privilege::Root]);
    assert_eq!(site.hop_privileges, [of("ALL"), of("HOP")]);
}
