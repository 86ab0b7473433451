//! Host keys of real servers: known, unknown, changed, certified; each machine under its own name.

use std::process::Command;

use portcullis::site::model::{Hop, Login, Route};
use portcullis::ssh::{ClientConfigSource, Error, Fleet, HostKeys};

use crate::ssh_transport::world::{Sshd, World, free_port, keygen, login_at, route_through};

async fn connect(world: &World, known_hosts: &str, node: &Sshd) -> Result<(), Error> {
    world.write("home/.ssh/known_hosts", known_hosts);
    let session = world.fleet(&Route::default()).session("node", &login_at(node.port)).await?;
    session.close().await;
    Ok(())
}

#[tokio::test]
async fn an_unknown_server_is_refused_until_the_shown_line_is_added() {
    let world = World::new();
    let node = world.sshd("node", "");
    let error = connect(&world, "", &node).await.unwrap_err();
    let Error::HostKeyUnknown { shown, .. } = &error else { panic!("{error}") };
    assert_eq!(shown.known_hosts_file, world.home().join(".ssh/known_hosts"));
    assert!(error.help().unwrap().contains(&shown.known_hosts_line));
    connect(&world, &shown.known_hosts_line, &node).await.unwrap();
    // As `ssh` itself looks it up: the site's name for it may be another machine's at the next site.
    assert_eq!(shown.known_hosts_line, format!("[127.0.0.1]:{} {}", node.port, node.host_key));
}

#[tokio::test]
async fn hashed_entries_made_by_ssh_keygen_are_found() {
    let world = World::new();
    let node = world.sshd("node", "");
    let file = world.write("hashed", &format!("[127.0.0.1]:{} {}\n", node.port, node.host_key));
    assert!(Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&file).status().unwrap().success());
    let hashed = std::fs::read_to_string(file).unwrap();
    assert!(hashed.starts_with("|1|"));
    connect(&world, &hashed, &node).await.unwrap();
}

#[tokio::test]
async fn a_server_with_a_new_key_is_refused_between_two_connections() {
    let world = World::new();
    let node = world.sshd("node", "");
    let known = format!("[node]:{} {}", node.port, node.host_key);
    connect(&world, &known, &node).await.unwrap();
    let (port, old) = (node.port, node.host_key.clone());
    drop(node);
    keygen(&["-t", "ed25519", "-N", ""], &world.path("new_key"));
    let node = world.sshd_with("node", port, "", &format!("HostKey {}", world.path("new_key").display()));
    let error = connect(&world, &known, &node).await.unwrap_err();
    assert!(matches!(error, Error::HostKeyChanged { .. }), "{error}");
    assert!(error.is_final() && !error.command_was_accepted());
    assert_ne!(old, node.host_key);
}

#[tokio::test]
async fn of_a_servers_several_keys_the_known_one_is_asked_for() {
    let world = World::new();
    let (rsa, ed25519) = (world.path("rsa"), world.path("ed25519"));
    keygen(&["-t", "rsa", "-b", "2048", "-N", ""], &rsa);
    keygen(&["-t", "ed25519", "-N", ""], &ed25519);
    let node = world.sshd_with("node", free_port(), "", &format!("HostKey {}\nHostKey {}", rsa.display(), ed25519.display()));
    assert!(node.host_key.starts_with("ssh-rsa"));
    connect(&world, &format!("[node]:{} {}", node.port, node.host_key), &node).await.unwrap();
}

#[tokio::test]
async fn a_host_certificate_is_accepted_for_its_principal_alone() {
    let world = World::new();
    keygen(&["-t", "ed25519", "-N", ""], &world.path("ca"));
    keygen(&["-t", "ed25519", "-N", ""], &world.path("host"));
    let names = ["-I", "id", "-h", "-n", "node", "-V", "-5m:+5m"];
    let signed =
        Command::new("ssh-keygen").arg("-q").arg("-s").arg(world.path("ca")).args(names).arg(world.path("host.pub")).status().unwrap();
    assert!(signed.success());
    let lines = format!("HostKey {}\nHostCertificate {}", world.path("host").display(), world.path("host-cert.pub").display());
    let node = world.sshd_with("node", free_port(), "", &lines);
    let authority = std::fs::read_to_string(world.path("ca.pub")).unwrap();
    connect(&world, &format!("@cert-authority *:{} {authority}", node.port), &node).await.unwrap();
    // An authority for other machines is not asked for a certificate: the plain key is unknown.
    let error = connect(&world, &format!("@cert-authority other {authority}"), &node).await.unwrap_err();
    assert!(matches!(error, Error::HostKeyUnknown { .. }), "{error}");
    world.write("home/.ssh/known_hosts", &format!("@cert-authority *:{} {authority}", node.port));
    let error = world.fleet(&Route::default()).session("elsewhere", &login_at(node.port)).await.unwrap_err();
    assert!(matches!(error, Error::HostCertificateRefused { .. }), "{error}");
}

/// A server whose key is signed by `ca` with these words; what the operator knows is the authority alone.
async fn connect_certified(world: &World, name: &str, words: &[&str], known: impl Fn(&str, u16) -> String) -> Result<(), Error> {
    let host = world.path(name);
    if !world.path("ca").exists() {
        keygen(&["-t", "ed25519", "-N", ""], &world.path("ca"));
    }
    keygen(&["-t", "ed25519", "-N", ""], &host);
    let public = format!("{}.pub", host.display());
    let signed = Command::new("ssh-keygen").arg("-q").arg("-s").arg(world.path("ca")).args(words).arg(public).status().unwrap();
    assert!(signed.success());
    let lines = format!("HostKey {0}\nHostCertificate {0}-cert.pub", host.display());
    let node = world.sshd_with(name, free_port(), "", &lines);
    let authority = std::fs::read_to_string(world.path("ca.pub")).unwrap();
    connect(world, &known(authority.trim(), node.port), &node).await
}

#[tokio::test]
async fn a_host_certificate_that_has_ended_is_not_valid_yet_or_is_no_hosts_is_refused() {
    let world = World::new();
    let known = |authority: &str, port| format!("@cert-authority *:{port} {authority}\n");
    for (name, words) in [
        ("ended", &["-I", "id", "-h", "-n", "node", "-V", "-2h:-1h"][..]),
        ("early", &["-I", "id", "-h", "-n", "node", "-V", "+1h:+2h"]),
        ("other", &["-I", "id", "-h", "-n", "another-node", "-V", "-5m:+5m"]),
    ] {
        let error = connect_certified(&world, name, words, known).await.unwrap_err();
        assert!(matches!(error, Error::HostCertificateRefused { .. }), "{name}: {error}");
        assert!(error.is_final() && error.help().is_some() && !error.command_was_accepted(), "{name}");
    }
    let well = &["-I", "id", "-h", "-n", "node", "-V", "-5m:+5m"];
    connect_certified(&world, "well", well, known).await.unwrap();
    // The authority is no longer trusted, whatever else says that it is.
    let revoked = |authority: &str, port| format!("@revoked * {authority}\n{}", known(authority, port));
    let error = connect_certified(&world, "revoked", well, revoked).await.unwrap_err();
    assert!(matches!(error, Error::HostKeyRevoked { .. } | Error::HostCertificateRefused { .. }), "{error}");
}

#[tokio::test]
async fn a_jumphosts_key_is_the_jumphosts_trouble_and_a_nodes_the_nodes() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let wrong = Route {
        hops: vec![Hop { name: "jump".to_owned(), login: Login { host_keys: vec![node.host_key.clone()], ..login_at(jump.port) } }],
    };
    let error = world.fleet(&wrong).session("node", &node.login()).await.unwrap_err();
    assert_eq!(error.place().unwrap().machine, "jump");
    assert!(matches!(error, Error::HostKeyChanged { .. }), "{error}");
    let login = Login { host_keys: vec![jump.host_key.clone()], ..login_at(node.port) };
    let error = world.fleet_through(&jump).session("node", &login).await.unwrap_err();
    let place = error.place().unwrap();
    assert_eq!((place.machine.as_str(), place.through.as_deref()), ("node", Some("jump")));
}

#[tokio::test]
async fn the_operators_configuration_counts_for_the_first_hop_and_the_site_wins() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let known = world.write("kh", &format!("jump.alias {}\n", jump.host_key));
    let config = format!(
        "Host jump.example\n HostName 127.0.0.1\n Port {}\n User root\n HostKeyAlias jump.alias\n UserKnownHostsFile {}\n IdentityFile {}\n",
        jump.port,
        known.display(),
        world.key().display()
    );
    let mut settings = world.settings();
    settings.client_config = ClientConfigSource::File(world.write("config", &config));
    settings.operator_user = "nobody".to_owned();
    let login = Login { address: "jump.example".to_owned(), user: None, ..login_at(22) };
    let route = |login: Login| Route { hops: vec![Hop { name: "jump".to_owned(), login }] };
    world.fleet_with(&route(login.clone()), settings.clone()).session("node", &node.login()).await.unwrap();
    let other_port = Login { port: free_port(), ..login };
    let error = world.fleet_with(&route(other_port), settings).session("node", &node.login()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_known_hosts_file_that_is_named_and_missing_stops_everything() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let secrets = portcullis::site::secret::Secrets::new(world.folder.path(), None);
    let fleet = Fleet::new(&route_through(&jump), HostKeys::from_files(vec![world.path("none")]), world.settings(), secrets.into());
    let error = fleet.session("node", &node.login()).await.unwrap_err();
    assert!(matches!(error, Error::KnownHostsUnreadable { .. }), "{error}");
}
