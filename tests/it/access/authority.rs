//! The user CA: held by an ssh-agent, so that it never lies on the operator's machine.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::desk::Desk;
use super::stage::{Run, Stage};

/// An ssh-agent that ends with the test.
pub(super) struct Agent {
    child: Child,
    pub(super) socket: PathBuf,
}

impl Agent {
    /// One that holds the private key in `key`.
    pub(super) fn holding(key: &Path, socket: PathBuf) -> Self {
        let agent = Self::started(&mut Command::new("ssh-agent"), socket);
        let added = Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &agent.socket).status().unwrap();
        assert!(added.success());
        agent
    }

    /// One that is started by `command`.
    fn started(command: &mut Command, socket: PathBuf) -> Self {
        let mut child = command.args(["-D", "-a"]).arg(&socket).stdout(Stdio::piped()).spawn().unwrap();
        // It tells its socket once it listens there.
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn an_agent_signs_for_a_window_and_without_it_nothing_is_opened() {
    let stage = Stage::set();
    stage.keygen("ca");
    let agent = Agent::holding(&stage.path("ca"), stage.path("agent"));
    // The private half is nowhere but in the agent.
    std::fs::remove_file(stage.path("ca")).unwrap();
    stage.write("site.yaml", &stage.site().replace("access: {", "access: {ca_key: ca.pub, "));
    let open = ["access", "open", "--who", "ada", "--reason", "test", "--key", "ada.pub", "--for", "10m", "--node", "a0-1"];
    stage.run(&open).assert_failed(1, "no ssh-agent is there to sign");
    let run = Run::of(stage.command(&open).env("SSH_AUTH_SOCK", &agent.socket));
    run.assert_code(0);
    let listed = stage.json(&["access", "list"]).value();
    let moment = |name: &str| listed["windows"][0][name].as_str().unwrap().parse().unwrap();
    let id = listed["windows"][0]["id"].as_str().unwrap().to_owned();
    let window = super::stage::Window { id, start: moment("from"), end: moment("to") };
    assert_eq!(stage.gets_in(&window, "a0-1"), (true, String::new()));
    // Closing is always allowed: it needs no CA.
    drop(agent);
    stage.run(&["access", "close", &window.id]).assert_code(0);
    assert!(!stage.gets_in(&window, "a0-1").0);
}

/// A token in software, with a key pair that never leaves it, and an agent that reaches it.
fn agent_with_token(desk: &Desk, kind: &str) -> Agent {
    let library = "/usr/lib/softhsm/libsofthsm2.so";
    std::fs::create_dir(desk.path("tokens")).unwrap();
    desk.write("softhsm2.conf", &format!("directories.tokendir = {}\n", desk.path("tokens").display()));
    let ran = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).env("SOFTHSM2_CONF", desk.path("softhsm2.conf")).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    ran("softhsm2-util", &["--init-token", "--free", "--label", "site", "--pin", "1234", "--so-pin", "5678"]);
    ran(
        "pkcs11-tool",
        &["--module", library, "--login", "--pin", "1234", "--keypairgen", "--key-type", kind, "--id", "01", "--label", "ca"],
    );
    let public = ran("ssh-keygen", &["-D", library]);
    desk.write("ca.pub", public.lines().next().unwrap());
    desk.write("ask", "#!/bin/sh\necho 1234\n");
    std::fs::set_permissions(desk.path("ask"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut agent = Command::new("ssh-agent");
    agent.env("SOFTHSM2_CONF", desk.path("softhsm2.conf")).args(["-P", "/usr/lib/*"]);
    let agent = Agent::started(&mut agent, desk.path("agent"));
    let mut adding = Command::new("ssh-add");
    adding.args(["-q", "-s", library]).env("SSH_AUTH_SOCK", &agent.socket).env("SSH_ASKPASS", desk.path("ask"));
    let added = adding.env("SSH_ASKPASS_REQUIRE", "force").stdin(Stdio::null()).output().unwrap();
    assert!(added.status.success(), "{added:?}");
    agent
}

#[test]
fn a_token_signs_for_a_window_by_an_agent_and_without_it_nothing_is_signed() {
    use portcullis::access::{Authority, Door, Order, PersonKey, WindowId};
    for kind in ["EC:prime256v1", "rsa:2048"] {
        let desk = Desk::new(&["ada"]);
        let agent = agent_with_token(&desk, kind);
        let person = PersonKey::parse(desk.read("ada.pub").as_bytes()).unwrap();
        let window = WindowId::parse("w-20261122-3f9a1c").unwrap();
        let (after, before) = (super::stage::now(), super::stage::now() + jiff::SignedDuration::from_hours(1));
        let order = Order { key: &person, window: &window, door: &Door::Node, after, before, serial: 1, sources: &[] };
        let authority = Authority::of_agent(&desk.read("ca.pub"), Some(&agent.socket)).unwrap();
        desk.write("cert.pub", &authority.issue(&order).unwrap());
        let listed = Command::new("ssh-keygen").args(["-L", "-f"]).arg(desk.path("cert.pub")).output().unwrap();
        let text = String::from_utf8(listed.stdout).unwrap();
        assert!(text.contains("Key ID: \"w-20261122-3f9a1c\"") && !text.contains("using ssh-rsa"), "{kind}\n{text}");
        drop(agent);
        assert!(authority.issue(&order).is_err(), "{kind}");
    }
}

#[test]
fn an_agent_that_does_not_hold_the_ca_is_told_of() {
    let desk = Desk::new(&["ca", "other", "ada"]);
    let agent = Agent::holding(&desk.path("other"), desk.path("agent"));
    desk.write_site("  ca_key: ca.pub");
    let ask = ["access", "open", "--who", "ada", "--reason", "x", "--key", "ada.pub", "--for", "1h"];
    let run = Run::of(desk.command(&ask).env("SSH_AUTH_SOCK", &agent.socket));
    run.assert_failed(1, "did not sign with the site's user CA SHA256:");
}

#[test]
fn every_kind_of_key_that_a_token_may_hold_signs_as_ssh_keygen_wants_it() {
    use portcullis::access::{Authority, Door, Order, PersonKey, WindowId};
    let desk = Desk::new(&["ada"]);
    let person = PersonKey::parse(desk.read("ada.pub").as_bytes()).unwrap();
    let window = WindowId::parse("w-20261122-3f9a1c").unwrap();
    for kind in [&["ed25519"][..], &["ecdsa", "-b", "256"], &["ecdsa", "-b", "521"], &["rsa", "-b", "3072"]] {
        let key = desk.path(&format!("ca-{}", kind.join("")));
        let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-t"]).args(kind).arg("-f").arg(&key).status().unwrap();
        assert!(made.success());
        let agent = Agent::holding(&key, desk.path(&format!("agent-{}", kind.join(""))));
        let line = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        let authority = Authority::of_agent(&line, Some(&agent.socket)).unwrap();
        let (after, before) = (super::stage::now(), super::stage::now() + jiff::SignedDuration::from_hours(1));
        let order = Order { key: &person, window: &window, door: &Door::Node, after, before, serial: 1, sources: &[] };
        desk.write("cert.pub", &authority.issue(&order).unwrap());
        let listed = Command::new("ssh-keygen").args(["-L", "-f"]).arg(desk.path("cert.pub")).output().unwrap();
        let text = String::from_utf8(listed.stdout).unwrap();
        assert!(text.contains("Key ID: \"w-20261122-3f9a1c\"") && !text.contains("using ssh-rsa"), "{kind:?}\n{text}");
    }
}
