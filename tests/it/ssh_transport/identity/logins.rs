//! Every way of logging in, in its order, and what is said when none is enough.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use portcullis::site::model::{Login, Route, SecretRef};
use portcullis::ssh::{Error, Settings};
use russh::MethodKind;

use super::questioner::{Demands, Questioner};
use crate::ssh_transport::world::{World, keygen, login_at, script};

async fn log_in(world: &World, login: &Login, settings: Settings) -> Result<u32, Error> {
    let session = world.fleet_with(&Route::default(), settings).session("node", login).await?;
    session.close().await;
    Ok(session.round_trips())
}

fn secret(world: &World, name: &str, text: &str) -> SecretRef {
    SecretRef::File(world.write(name, text))
}

fn tried(error: &Error) -> Vec<(String, String)> {
    let Error::LoginRefused { tried, .. } = error else { panic!("{error}") };
    tried.iter().map(|attempt| (attempt.method.clone(), attempt.outcome.clone())).collect()
}

#[tokio::test]
async fn keys_of_every_type_log_in_encrypted_or_not() {
    let world = World::new();
    let node = world.sshd("node", "");
    let kinds = [("ed25519", ""), ("rsa", ""), ("ecdsa", ""), ("ed25519", "a passphrase"), ("rsa", "a passphrase")];
    for (at, (kind, passphrase)) in kinds.into_iter().enumerate() {
        let key = world.path(&format!("key{at}"));
        let form: &[&str] = if at == 4 { &["-m", "PEM"] } else { &[] };
        keygen(&[&["-t", kind, "-N", passphrase], form].concat(), &key);
        std::fs::copy(format!("{}.pub", key.display()), world.path("authorized_keys")).unwrap();
        let passphrase = Some(secret(&world, "passphrase", passphrase));
        let login = Login { identities: vec![key], passphrase, ..node.login() };
        log_in(&world, &login, world.settings()).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}

#[tokio::test]
async fn a_certificate_beside_the_key_logs_in() {
    let world = World::new();
    keygen(&["-t", "ed25519", "-N", ""], &world.path("ca"));
    keygen(&["-t", "ed25519", "-N", ""], &world.path("key"));
    let signed = Command::new("ssh-keygen")
        .arg("-q")
        .arg("-s")
        .arg(world.path("ca"))
        .args(["-I", "me", "-n", "root"])
        .arg(world.path("key.pub"))
        .status();
    assert!(signed.unwrap().success());
    let node = world.sshd("node", &format!("TrustedUserCAKeys {}", world.path("ca.pub").display()));
    let login = Login { identities: vec![world.path("key")], ..node.login() };
    log_in(&world, &login, world.settings()).await.unwrap();
    assert!(node.log().contains("ED25519-CERT"), "{}", node.log());
}

#[tokio::test]
async fn what_was_tried_is_listed_with_its_outcome() {
    let world = World::new();
    let node = world.sshd("node", "");
    keygen(&["-t", "ed25519", "-N", ""], &world.path("other"));
    let login = Login { identities: vec![world.path("missing"), world.path("other")], agent: true, ..node.login() };
    let mut settings = world.settings();
    settings.agent_socket = Some(world.path("no-agent"));
    let error = log_in(&world, &login, settings).await.unwrap_err();
    let tried = tried(&error);
    assert_eq!(tried.iter().map(|(method, _)| method.as_str()).collect::<Vec<_>>().len(), 3, "{error}");
    assert!(tried[0].0 == "agent" && tried[1].1.contains("cannot be read") && tried[2].1 == "refused", "{error}");
    assert!(error.help().unwrap().contains("The server accepts: publickey."), "{:?}", error.help());
}

#[tokio::test]
async fn with_nothing_to_offer_that_is_what_is_said() {
    let world = World::new();
    let node = world.sshd("node", "");
    std::fs::remove_file(world.key()).unwrap();
    let error = log_in(&world, &node.login(), world.settings()).await.unwrap_err();
    assert!(error.to_string().ends_with("there is nothing to offer: no key, no agent, no password"), "{error}");
}

#[tokio::test]
async fn more_keys_than_the_server_allows_attempts_leave_one_for_the_password() {
    let world = World::new();
    let keys: Vec<_> = (0..8).map(|at| world.path(&format!("key{at}"))).collect();
    for key in &keys {
        keygen(&["-t", "ed25519", "-N", ""], key);
    }
    let node = world.sshd("node", "PasswordAuthentication yes");
    let login = Login { identities: keys, password: Some(secret(&world, "pw", "wrong")), ..node.login() };
    let error = log_in(&world, &login, world.settings()).await.unwrap_err();
    let tried = tried(&error);
    assert_eq!(tried.iter().filter(|(method, _)| method.starts_with("key")).count(), 5, "{error}");
    assert!(tried.iter().any(|(method, _)| method == "password"), "{error}");
}

struct Agent {
    child: Child,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn the_agent_signs_also_for_an_encrypted_file_and_nobody_is_asked() {
    let world = World::new();
    let node = world.sshd("node", "");
    let socket = world.path("agent");
    let child = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    let agent = Agent { child };
    for kind in ["ed25519", "rsa"] {
        let key = world.path(kind);
        keygen(&["-t", kind, "-N", ""], &key);
        while !Command::new("ssh-add").arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket).stderr(Stdio::null()).status().unwrap().success() {
        }
        assert!(Command::new("ssh-keygen").args(["-q", "-p", "-N", "forgotten", "-f"]).arg(&key).status().unwrap().success());
        std::fs::copy(format!("{}.pub", key.display()), world.path("authorized_keys")).unwrap();
        let mut settings = world.settings();
        settings.agent_socket = Some(socket.clone());
        let login = Login { identities: vec![key], agent: true, ..node.login() };
        assert_eq!(log_in(&world, &login, settings.clone()).await.unwrap(), 6, "{kind}");
        let without_file = Login { identities: Vec::new(), agent: true, ..node.login() };
        std::fs::remove_file(world.key()).ok();
        log_in(&world, &without_file, settings).await.unwrap();
    }
    drop(agent);
}

async fn question(demands: Demands, world: &World, login: Login) -> (Result<u32, Error>, Vec<String>) {
    let server = Questioner::start(demands).await;
    let login = Login { port: server.port, host_keys: vec![server.host_key.clone()], ..login };
    let result = log_in(world, &login, world.settings()).await;
    (result, server.attempts())
}

const PASSWORD_AND_CODE: &[(&str, &str)] = &[("Password: ", "pw"), ("Verification code: ", "123456")];

#[tokio::test]
async fn a_jumphost_that_asks_for_a_one_time_code_is_answered() {
    let world = World::new();
    let demands = Demands {
        methods: vec![MethodKind::Password, MethodKind::KeyboardInteractive],
        questions: PASSWORD_AND_CODE.to_vec(),
        ..Demands::default()
    };
    std::fs::remove_file(world.key()).unwrap();
    let login =
        Login { password: Some(secret(&world, "pw", "pw\n")), one_time_code: Some(secret(&world, "code", "123456\n")), ..login_at(0) };
    let (result, attempts) = question(demands, &world, login).await;
    result.unwrap();
    assert_eq!(attempts, ["answers pw 123456"]);
}

#[tokio::test]
async fn a_key_and_then_a_code() {
    let world = World::new();
    let demands = Demands {
        methods: vec![MethodKind::PublicKey],
        questions: vec![("One-time password (OATH) for `root': ", "123456")],
        after_key: vec![MethodKind::KeyboardInteractive],
        ..Demands::default()
    };
    let login = Login { one_time_code: Some(secret(&world, "code", "123456")), ..login_at(0) };
    let (result, attempts) = question(demands.clone(), &world, login).await;
    result.unwrap();
    assert_eq!(attempts, ["key", "answers 123456"]);
    // Without a code at hand, and nobody to ask, the secret is what is missing.
    let (result, _) = question(demands, &world, login_at(0)).await;
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Secret { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_given_once_and_by_one_name_only() {
    let world = World::new();
    let demands = Demands {
        methods: vec![MethodKind::Password, MethodKind::KeyboardInteractive],
        questions: vec![("Password: ", "right")],
        password: Some("right"),
        ..Demands::default()
    };
    std::fs::remove_file(world.key()).unwrap();
    let login = Login { password: Some(secret(&world, "pw", "wrong")), ..login_at(0) };
    let (result, attempts) = question(demands, &world, login).await;
    let error = result.unwrap_err();
    assert_eq!(attempts, ["password wrong"]);
    assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");
}

#[tokio::test]
async fn a_password_is_given_in_a_conversation_where_only_that_is_open() {
    let world = World::new();
    let demands =
        Demands { methods: vec![MethodKind::KeyboardInteractive], questions: vec![("Password: ", "right")], ..Demands::default() };
    std::fs::remove_file(world.key()).unwrap();
    let login = Login { password: Some(secret(&world, "pw", "right")), ..login_at(0) };
    let (result, attempts) = question(demands, &world, login).await;
    result.unwrap();
    assert_eq!(attempts.last().unwrap(), "answers right");
}

#[tokio::test]
async fn sshd_takes_a_password_of_the_account() {
    let world = World::new();
    let name = format!("pcl{}", std::process::id());
    let added =
        Command::new("useradd").args(["-M", "-d", "/tmp", "-s", "/bin/sh", "-p"]).arg(hashed("s3cret word")).arg(&name).status().unwrap();
    assert!(added.success());
    let node = world.sshd("node", "PasswordAuthentication yes");
    let login = Login { user: Some(name.clone()), password: Some(secret(&world, "pw", "s3cret word\n")), ..node.login() };
    std::fs::remove_file(world.key()).unwrap();
    let fleet = Arc::new(world.fleet(&Route::default()));
    let output = match fleet.session("node", &login).await {
        Ok(session) => session.run(&script("id -un"), &mut |_| {}).await,
        Err(error) => Err(error),
    };
    Command::new("userdel").arg("-f").arg(&name).stderr(Stdio::null()).status().unwrap();
    assert_eq!(output.unwrap().stdout, format!("{name}\n").into_bytes());
}

fn hashed(password: &str) -> String {
    let output = Command::new("openssl").args(["passwd", "-6", password]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
