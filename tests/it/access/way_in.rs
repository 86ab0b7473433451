//! A plain OpenSSH client through the jumphost: what it may do, and what not.

use super::stage::Stage;

#[test]
fn a_person_gets_in_with_plain_ssh_and_nowhere_else_until_the_window_is_closed() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "10m", "--node", "a0-1", "--node", "a0-3"]);
    let refused = |arguments: &[&str], said: &str| {
        let output = stage.ssh(&window, arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(said), "{arguments:?}: {:?}\n{stderr}", output.status);
    };
    for node in ["a0-1", "a0-3"] {
        assert_eq!(stage.gets_in(&window, node), (true, String::new()), "{node}");
    }
    // With a terminal too: the only thing a node gives beside commands.
    let output = stage.ssh(&window, &["-tt", "a0-1", "tty"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("/dev/pts/"), "{output:?}");
    let other_node = ["-o", "ProxyJump=jump", "-o", "HostKeyAlias=a0-1", "-l", "admin", "10.77.0.12", "true"];
    refused(&other_node, "administratively prohibited");
    refused(&["-W", "10.77.0.11:80", "jump"], "administratively prohibited");
    refused(&["-W", "127.0.0.1:22", "jump"], "administratively prohibited");
    refused(&["jump", "id"], "this window only forwards to its nodes");
    refused(&["-o", "ExitOnForwardFailure=yes", "-R", "9999:127.0.0.1:22", "jump", "-N"], "remote port forwarding failed");
    refused(&["-o", "ExitOnForwardFailure=yes", "-R", "9999:127.0.0.1:22", "a0-1", "true"], "remote port forwarding failed");
    refused(&["-l", "root", "a0-1", "true"], "Permission denied");
    refused(&["-o", "HostName=10.77.0.12", "a0-1", "true"], "administratively prohibited");
    refused(&["-W", "127.0.0.1:22", "a0-1"], "administratively prohibited");
    // The certificate for the jumphost opens no node, and the one for nodes no jumphost.
    let folder = stage.path("windows").join(&window.id);
    std::fs::rename(folder.join("node-cert.pub"), folder.join("kept")).unwrap();
    std::fs::copy(folder.join("jump-cert.pub"), folder.join("node-cert.pub")).unwrap();
    refused(&["a0-1", "true"], "Permission denied");
    std::fs::rename(folder.join("kept"), folder.join("node-cert.pub")).unwrap();
    let agent = stage.ssh(&window, &["-A", "a0-1", "echo agent=$SSH_AUTH_SOCK; echo display=$DISPLAY"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&agent.stdout), "agent=\ndisplay=\n");
    refused(&["-o", "Tunnel=yes", "-o", "ExitOnForwardFailure=yes", "-w", "0:0", "a0-1", "true"], "Tunnel forwarding failed");
    close(&stage, &window);
}

/// The person is not where the operator is.
#[test]
fn the_folder_works_wherever_it_is_taken() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
    let elsewhere = tempfile::tempdir().unwrap();
    for name in ["ssh_config", "known_hosts", "node-cert.pub", "jump-cert.pub"] {
        std::fs::rename(stage.path("windows").join(&window.id).join(name), elsewhere.path().join(name)).unwrap();
    }
    let mut ssh = std::process::Command::new("ssh");
    ssh.args(["-F", "ssh_config", "a0-1", "echo in"]).current_dir(elsewhere.path()).env_remove("SSH_AUTH_SOCK");
    let output = ssh.stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!((output.stdout.as_slice(), String::from_utf8_lossy(&output.stderr).as_ref()), (&b"in\n"[..], ""));
    stage.run(&["access", "close", &window.id]).assert_code(0);
}

fn close(stage: &Stage, window: &super::stage::Window) {
    let mut session = stage.ssh(window, &["a0-1", "touch /tmp/started; exec sleep 300"]).spawn().unwrap();
    stage.wait_until("a0-1", "test -e /tmp/started && rm /tmp/started");
    let run = stage.json(&["access", "close", &window.id]);
    run.assert_code(0);
    let summary = run.summary();
    let machines = summary["windows"][0]["machines"].as_array().unwrap();
    let names: Vec<_> =
        machines.iter().map(|machine| (machine["machine"].as_str().unwrap(), machine["outcome"].as_str().unwrap())).collect();
    assert_eq!(names, [("jump", "closed"), ("a0-1", "closed"), ("a0-3", "closed")]);
    assert!(machines.iter().all(|machine| machine["refused"]["after_ms"].is_u64()), "{summary:#}");
    assert!(!session.wait().unwrap().success(), "the session lived on");
    assert!(!stage.gets_in(window, "a0-1").0);
    assert!(stage.try_sh("a0-1", "pgrep -f '[s]leep 300'").stdout.is_empty());
    stage.wait_until_clean();
    // The list of revoked certificates holds by itself, should somebody put the principals back.
    for (machine, account, line) in
        [("jump", "ops", format!("restrict,port-forwarding {}.jump", window.id)), ("a0-1", "admin", window.id.clone())]
    {
        stage.sh(machine, &format!("echo '{line}' >/etc/ssh/portcullis/principals/{account}"));
    }
    assert!(!stage.gets_in(window, "a0-1").0);
    stage.sh("jump", "journalctl -q --no-pager -u ssh | grep -q 'revoked'");
    for machine in ["jump", "a0-1"] {
        stage.sh(machine, "rm /etc/ssh/portcullis/principals/*");
    }
    let again = stage.run(&["access", "close", &window.id]);
    again.assert_code(0);
    assert!(again.stdout.contains(": closed\n") && !again.stdout.contains("not-proven"), "{}", again.stdout);
    stage.json(&["audit", "verify"]).assert_code(0);
    let listed = stage.json(&["access", "list"]);
    assert_eq!(listed.assert_code(0).value()["windows"], serde_json::json!([]));
}

#[test]
fn the_customers_own_logins_and_settings_stay_as_they_are() {
    let stage = Stage::set();
    let settings = |machine: &str| {
        let all = stage.sh(machine, "sshd -T");
        let ours = ["trustedusercakeys", "authorizedprincipalsfile ", "revokedkeys"];
        all.lines().filter(|line| !ours.iter().any(|name| line.starts_with(name))).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = super::stage::MACHINES.map(settings);
    let window = stage.open(&["--for", "5m"]);
    assert_eq!(super::stage::MACHINES.map(settings), before);
    // The operator's own key still opens every node.
    stage.run(&["status"]).assert_code(0);
    let list = stage.run(&["access", "list"]);
    assert!(list.assert_code(0).stdout.contains(&window.id), "{}", list.stdout);
    let shown = stage.json(&["access", "show", &window.id[2..]]);
    assert_eq!(shown.assert_code(0).value()["window"]["state"], "open");
    let through = stage.run(&["access", "ssh", &window.id, "a0-2", "--", "echo", "through"]);
    assert_eq!(through.assert_code(0).stdout, "through\n");
    stage.run(&["access", "close", "--all"]).assert_code(0);
}

#[test]
fn where_the_customer_has_a_user_ca_already_nothing_is_touched() {
    let stage = Stage::set();
    stage.sh("a0-2", "echo 'TrustedUserCAKeys /etc/ssh/own_ca.pub' >/etc/ssh/sshd_config.d/50-own.conf");
    let run = stage.run(&["access", "open", "--who", "ada", "--for", "5m", "--reason", "test", "--key", "ada.pub"]);
    stage.sh("a0-2", "rm /etc/ssh/sshd_config.d/50-own.conf");
    run.assert_failed(1, "a0-2: its sshd has `TrustedUserCAKeys /etc/ssh/own_ca.pub` already");
    for machine in super::stage::MACHINES {
        assert!(stage.try_sh(machine, "test -e /etc/ssh/portcullis").status.code() == Some(1), "{machine}");
    }
}
