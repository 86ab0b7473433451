//! What a window's account could keep beside its sessions: keys, start-up files, timetables, services of its own.

use std::process::{Command, Output, Stdio};

use super::stage::{Stage, Window};

/// The site's windows get an account that only they use, with nothing in it that was there before.
fn give_own_account(stage: &Stage, more: &str, nodes: &[&str]) {
    let site = stage.site();
    stage.write("site.yaml", &site.replace("access: {", &format!("access: {{account: guest, {more}")));
    for node in nodes {
        let made =
            "pkill -KILL -u guest; userdel -rf guest 2>/dev/null; useradd -m -s /bin/bash guest && crontab -u guest -r 2>/dev/null; true";
        stage.sh(node, made);
    }
}

fn run(stage: &Stage, window: &Window, arguments: &[&str]) -> Output {
    stage.ssh(window, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A plain key, through the jumphost by the window's certificate.
fn by_plain_key(stage: &Stage, window: &Window, account: &str, address: &str) -> Output {
    let config = stage.path("windows").join(&window.id).join("ssh_config");
    let mut command = Command::new("ssh");
    command.args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes"]);
    command.args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", &format!("ProxyCommand=ssh -F {} -W %h:%p jump", config.display())]);
    command.arg("-i").arg(stage.path("ada")).arg(format!("{account}@{address}")).arg("echo in").stdin(Stdio::null());
    command.env_remove("SSH_AUTH_SOCK").output().unwrap()
}

fn plant_key(stage: &Stage, window: &Window, node: &str) {
    let key = std::fs::read_to_string(stage.path("ada.pub")).unwrap();
    let line = format!("mkdir -p -m 700 .ssh && echo '{}' >>.ssh/authorized_keys", key.trim());
    assert!(run(stage, window, &[node, &line]).status.success());
}

#[test]
fn a_key_left_in_an_account_of_windows_own_opens_nothing_and_in_any_account_it_is_told_of() {
    let stage = Stage::set();
    let shared = stage.open(&["--for", "10m", "--node", "a0-1"]);
    plant_key(&stage, &shared, "a0-1");
    let closed = stage.run(&["access", "close", &shared.id]);
    stage.sh("a0-1", "sed -i '/ada$/d' ~admin/.ssh/authorized_keys");
    let told = "left in its account: .ssh/authorized_keys: new or changed";
    assert!(closed.assert_code(0).stdout.contains(told), "{}", closed.stdout);
    assert!(stage.run(&["access", "show", &shared.id]).stdout.contains(told));

    give_own_account(&stage, "", &["a0-1"]);
    let own = stage.open(&["--for", "10m", "--node", "a0-1"]);
    plant_key(&stage, &own, "a0-1");
    let tried = by_plain_key(&stage, &own, "guest", "10.77.0.11");
    assert!(!tried.status.success() && text(&tried.stderr).contains("Permission denied"), "{tried:?}");
    assert_eq!(stage.gets_in(&own, "a0-1"), (true, String::new()));
    // Who logs in to other accounts does so as ever.
    stage.sh(
        "a0-1",
        "sshd -T -C user=admin,host=x,addr=10.0.0.1 | grep -qx 'authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2'",
    );
    let closed = stage.json(&["access", "close", &own.id]).summary();
    let machine = &closed["windows"][0]["machines"][1];
    assert_eq!(machine["left_behind"], serde_json::json!([".ssh/authorized_keys: new or changed"]), "{closed:#}");
    assert_eq!(stage.sh("a0-1", "ls /var/lib/portcullis"), "heads\nruns\n");
}

#[test]
fn what_an_account_of_windows_own_could_run_later_ends_with_its_last_window_and_the_customers_does_not() {
    let stage = Stage::set();
    give_own_account(&stage, "", &["a0-1", "a0-2"]);
    // A timetable and a service of the customer's own, in the name of that account.
    stage.sh("a0-2", "echo '0 0 1 1 * customers' | crontab -u guest - && systemd-run --quiet --unit=customers --uid=guest sleep 7100");
    stage.sh("a0-1", "echo guest >/etc/at.allow");
    let first = stage.open(&["--for", "10m", "--node", "a0-1,a0-2"]);
    let second = stage.open(&["--for", "10m", "--node", "a0-1,a0-2"]);
    let plant = "systemd-run --user --quiet sleep 7001; (crontab -l 2>/dev/null; echo '* * * * * sleep 7002') | crontab -; \
                 echo 'sleep 7003' | at now + 1 hour 2>/dev/null; env -i setsid sleep 7004 >/dev/null 2>&1 & true";
    for node in ["a0-1", "a0-2"] {
        assert!(run(&stage, &first, &[node, plant]).status.success());
        stage.sh(node, "loginctl enable-linger guest");
        stage.wait_until(node, "pgrep -u guest -xf '.*sleep 7001' && pgrep -u guest -xf 'sleep 7004'");
    }
    assert_eq!(stage.sh("a0-1", "atq | wc -l").trim(), "1");
    // Another window has the account yet; what cannot be told apart is left to its end.
    stage.run(&["access", "close", &first.id]).assert_code(0);
    stage.sh("a0-1", "pgrep -u guest -xf '.*sleep 7001' && ! pgrep -u guest -xf 'sleep 7004'");
    let closed = stage.run(&["access", "close", &second.id]);
    for node in ["a0-1", "a0-2"] {
        stage.wait_until(node, "! pgrep -u guest -f 'sleep 700|systemd'");
        assert_eq!(stage.sh(node, "ls /var/lib/systemd/linger"), "", "{node}");
    }
    assert_eq!(stage.sh("a0-1", "atq; crontab -u guest -l 2>/dev/null; rm /etc/at.allow; true"), "");
    assert_eq!(stage.sh("a0-2", "crontab -u guest -l"), "0 0 1 1 * customers\n");
    assert_eq!(stage.sh("a0-2", "pgrep -u guest -a").trim().split_once(' ').unwrap().1, "/usr/bin/sleep 7100");
    for told in ["/linger/guest: taken away", "crontabs/guest: taken away", "atjobs/", "crontabs/guest: put back"] {
        assert!(closed.assert_code(0).stdout.contains(told), "{told}\n{}", closed.stdout);
    }
    stage.sh("a0-2", "systemctl stop customers");
}

#[test]
fn nothing_of_the_accounts_home_runs_before_its_sessions_are_recorded() {
    let stage = Stage::set();
    give_own_account(&stage, "record: true, ", &["a0-1", "a0-2"]);
    let window = stage.open(&["--for", "10m", "--node", "a0-1,a0-2"]);
    // Only what runs before the recorder sees the command that was asked for in its environment.
    let plant = "echo '[ -z \"$SSH_ORIGINAL_COMMAND\" ] || { echo bypassed; exit 0; }' >.bashrc; mkdir -p bin .ssh; \
                 printf '#!/bin/sh\\necho bypassed\\n' >bin/sudo; chmod 755 bin/sudo; cp bin/sudo .ssh/rc; \
                 for file in .profile .bash_profile .bash_login .zshenv .kshrc .shrc; do cp .bashrc $file; done; \
                 for line in PATH=$HOME/bin BASH_ENV=$HOME/.bashrc ENV=$HOME/.bashrc HOME=$HOME LD_PRELOAD=$HOME/none.so; do \
                 echo \"${line%%=*} DEFAULT=${line#*=}\"; echo $line >>.ssh/environment; done >.pam_environment";
    for node in ["a0-1", "a0-2"] {
        assert!(run(&stage, &window, &[node, plant]).status.success());
        let ran = run(&stage, &window, &[node, "echo in $HOME $(pwd)"]);
        assert_eq!((text(&ran.stdout), text(&ran.stderr)), ("in /home/guest /home/guest\n".to_owned(), String::new()), "{node}");
    }
    stage.run(&["access", "close", &window.id]).assert_code(0);
    let shown = stage.json(&["access", "show", &window.id]).value();
    assert_eq!(shown["without_recording"], serde_json::json!([]), "{shown:#}");
    assert_eq!(shown["recordings"].as_array().unwrap().len(), 4, "{shown:#}");
    // Where others use the account too, what stands before the recorder is theirs: the window's folder says so.
    let told = stage.sh("a0-1", "sshd -T -C user=admin,host=x,addr=10.0.0.1 | grep -c setenv || true");
    assert_eq!(told.trim(), "0");
}
