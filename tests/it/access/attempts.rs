//! What somebody might try with a window beside what the other tests list: on the jumphost, by sshd's own means, as root on a node.

use std::io::Read as _;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::Value;

use super::stage::{Stage, Window, wait_for};
use crate::ports::free_port;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What comes over a forward of this machine's, for as long as its `ssh` lives; and what that says.
fn through_forward(stage: &Stage, window: &Window, to: &str, by: &str) -> (Vec<u8>, String) {
    let port = free_port();
    let forward = format!("127.0.0.1:{port}:{to}");
    let config = stage.path("windows").join(&window.id).join("ssh_config");
    let mut ssh = std::process::Command::new("ssh");
    ssh.arg("-F").arg(config).args(["-N", "-o", "ExitOnForwardFailure=yes", "-L", &forward, by]).env_remove("SSH_AUTH_SOCK");
    let mut ssh = ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let mut came = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    drop(stream.read_to_end(&mut came));
    drop(stream);
    ssh.kill().unwrap();
    (came, text(&ssh.wait_with_output().unwrap().stderr))
}

/// A principal's `permitopen` says nothing of sockets in the file system: there lie agents, databases, container engines.
#[test]
fn no_socket_of_the_jumphost_or_a_node_is_reached_by_a_forward() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
    let listen = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/tmp/secret'); s.listen(9)\nwhile 1: c = s.accept()[0]; c.send(b'reached'); c.close()";
    for machine in ["jump", "a0-1"] {
        let user = if machine == "jump" { "ops" } else { "admin" };
        let start = format!(
            "rm -f /tmp/secret; systemd-run --quiet --collect --unit=secret --uid={user} $(command -v python3 || echo perl) -c \"{listen}\""
        );
        let perl = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Local => '/tmp/secret', Listen => 9); while (my $c = $s->accept) { print $c 'reached'; close $c }";
        let start = if stage.try_sh(machine, "command -v python3").status.success() {
            start
        } else {
            format!("rm -f /tmp/secret; systemd-run --quiet --collect --unit=secret --uid={user} perl -e \"{}\"", perl.replace('$', "\\$"))
        };
        stage.sh(machine, &start);
        stage.wait_until(machine, "test -S /tmp/secret");
        let (came, said) = through_forward(&stage, &window, "/tmp/secret", machine);
        assert_eq!((text(&came), said.contains("open failed")), (String::new(), true), "{machine}: {said}");
        let back =
            stage.ssh(&window, &["-N", "-o", "ExitOnForwardFailure=yes", "-R", "/tmp/way-back:127.0.0.1:22", machine]).output().unwrap();
        assert!(text(&back.stderr).contains("remote port forwarding failed"), "{machine}: {back:?}");
        stage.sh(machine, "systemctl stop secret; rm -f /tmp/secret");
    }
    // What listens on the machines themselves is as far away.
    for (by, to) in [("a0-1", "127.0.0.1:22"), ("jump", "127.0.0.1:22"), ("jump", "[::1]:22"), ("jump", "localhost:22")] {
        let (came, said) = through_forward(&stage, &window, to, by);
        assert_eq!((text(&came), said.contains("administratively prohibited")), (String::new(), true), "{to} by {by}: {said}");
    }
    // Operators forward as before, to addresses and ports.
    stage.run(&["access", "close", &window.id]).assert_code(0);
}

/// Whatever a client asks to be set, and whatever its account has in its home folder, the recorder is what runs.
#[test]
fn nothing_that_a_client_sends_runs_before_the_recorder() {
    let stage = Stage::set();
    let site = stage.site();
    stage.write("site.yaml", &site.replace("access: {", "access: {record: true, "));
    let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
    let put = "mkdir -p .ssh; printf '#!/bin/sh\\necho bypassed\\n' >.ssh/rc; chmod 755 .ssh/rc; echo BASH_ENV=/tmp/bypass >.ssh/environment; echo 'echo bypassed' >/tmp/bypass";
    assert!(stage.ssh(&window, &["a0-1", put]).output().unwrap().status.success());
    for set in
        ["LD_PRELOAD=/tmp/none.so", "BASH_ENV=/tmp/bypass", "ENV=/tmp/bypass", "PATH=/tmp", "SHELL=/bin/false", "SSH_ORIGINAL_COMMAND=id"]
    {
        let ran = stage.ssh(&window, &["-o", &format!("SetEnv={set}"), "a0-1", "echo in"]).output().unwrap();
        assert_eq!((text(&ran.stdout).as_str(), text(&ran.stderr).as_str()), ("in\n", ""), "{set}");
    }
    let closed = stage.run(&["access", "close", &window.id]);
    for told in [".ssh/rc: new or changed", ".ssh/environment: new or changed"] {
        assert!(closed.assert_code(0).stdout.contains(told), "{told}\n{}", closed.stdout);
    }
    stage.sh("a0-1", "rm -rf ~admin/.ssh/rc ~admin/.ssh/environment /tmp/bypass");
    let shown = stage.json(&["access", "show", &window.id]).value();
    assert_eq!(shown["without_recording"], serde_json::json!([]), "{shown:#}");
}

/// Who may become root on a node can undo what is there, and not that it is seen, nor the certificate's end.
#[test]
fn what_a_root_of_a_node_undoes_is_told_and_opens_nothing_after_the_end() {
    let stage = Stage::set();
    stage.write("site.yaml", &stage.site().replace("access: {", "access: {record: true, "));
    let window = stage.open(&["--for", "40s", "--node", "a0-1"]);
    let id = &window.id;
    let undo = format!(
        "systemctl stop portcullis-window-{id}.timer; echo {id} >/etc/ssh/portcullis/principals/admin; echo \"{id} # mine\" >/etc/ssh/portcullis/principals/root; \
         rm -rf /var/lib/portcullis/recordings/*"
    );
    let ran = stage.ssh(&window, &["a0-1", &format!("sudo sh -c '{undo}'; true")]).output().unwrap();
    assert!(ran.status.success() || ran.status.code() == Some(254), "{ran:?}");
    let live = stage.json(&["access", "list", "--live"]);
    let value: Value = live.assert_code(3).value();
    let found: Vec<&str> = value["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect();
    assert!(found.contains(&"access.closer.missing") && found.contains(&"access.principal.altered"), "{value:#}");
    // Without the recorder in its line a session runs past it, which is told.
    let mut past = stage.ssh(&window, &["a0-1", "touch /tmp/past; exec sleep 7402"]).spawn().unwrap();
    stage.wait_until("a0-1", "test -e /tmp/past && rm /tmp/past");
    wait_for(window.end + SignedDuration::from_secs(2));
    assert!(!stage.gets_in(&window, "a0-1").0, "the certificate's own end does not hold");
    let closed = stage.run(&["access", "close", id]);
    closed.assert_code(0);
    assert!(!past.wait().unwrap().success());
    assert_eq!(stage.sh("a0-1", "pgrep -xf 'sleep 7402' || true"), "");
    stage.wait_until_clean();
    let shown = stage.json(&["access", "show", id]).value();
    assert!(!shown["without_recording"].as_array().unwrap().is_empty(), "{shown:#}");
}
