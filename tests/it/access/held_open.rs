//! What a person holds open over the end: multiplexed connections, forwards, idle ones, file transfers, tmux.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use jiff::SignedDuration;

use super::stage::{Stage, Window, wait_for};

fn held(stage: &Stage, window: &Window, program: &str, arguments: &[&str]) -> Child {
    let config = stage.path("windows").join(&window.id).join("ssh_config");
    let mut command = Command::new(program);
    command.arg("-F").arg(config).args(arguments).env_remove("SSH_AUTH_SOCK");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn connections_that_are_held_open_over_the_end_are_cut_with_all_that_they_carry() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "25s", "--node", "a0-1,a0-3"]);
    let control = stage.path("control");
    let control = control.to_str().unwrap();
    let mut all = [
        held(&stage, &window, "ssh", &["-M", "-S", control, "-N", "a0-1"]),
        // No channel was ever asked for.
        held(&stage, &window, "ssh", &["-N", "a0-3"]),
        held(&stage, &window, "sftp", &["a0-3"]),
        // A forward alone, with no node's session in it that would end it.
        held(&stage, &window, "ssh", &["-W", "10.77.0.11:22", "jump"]),
        held(&stage, &window, "ssh", &["-N", "-L", "127.0.0.1:0:10.77.0.11:22", "jump"]),
    ];
    let mux = |words: &[&str]| Command::new("ssh").args(["-S", control, "a0-1"]).args(words).output().unwrap();
    while !mux(&["true"]).status.success() {
        assert!(super::stage::now() < window.end, "the connection did not come about");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    stage.wait_until("a0-3", "test $(pgrep -fc '^sshd: deploy') -ge 2");
    wait_for(window.end + SignedDuration::from_secs(2));
    for child in &mut all {
        drop(child.stdin.as_mut().unwrap().write_all(b"ls\n"));
    }
    let deadline = window.end + SignedDuration::from_secs(10);
    for (number, child) in all.iter_mut().enumerate() {
        while child.try_wait().unwrap().is_none() {
            assert!(super::stage::now() < deadline, "connection {number} lives");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    assert!(!mux(&["true"]).status.success());
    stage.wait_until_clean();
}

/// A tmux of the person's own, with the libraries it needs: those of this machine.
fn bring_tmux(stage: &Stage, window: &Window) {
    let listed = Command::new("ldd").arg("/usr/bin/tmux").output().unwrap();
    let libraries = String::from_utf8(listed.stdout).unwrap();
    let libraries = libraries.split_whitespace().filter(|word| word.starts_with('/') && !word.contains("ld-linux"));
    let config = stage.path("windows").join(&window.id).join("ssh_config");
    let config = config.to_str().unwrap();
    assert!(stage.ssh(window, &["a0-1", "mkdir -p /tmp/tmux"]).status().unwrap().success());
    let mut sending = Command::new("scp");
    sending.args(["-qF", config]).arg("/usr/bin/tmux").args(libraries.map(Path::new)).arg("a0-1:/tmp/tmux/");
    let sent = sending.status().unwrap();
    assert!(sent.success());
}

#[test]
fn what_is_left_in_tmux_ends_with_the_window_and_anothers_tmux_does_not() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
    bring_tmux(&stage, &window);
    let tmux = "LD_LIBRARY_PATH=/tmp/tmux LC_ALL=C.UTF-8 TERM=xterm /tmp/tmux/tmux";
    stage.sh("a0-1", &format!("{tmux} -L others new-session -d 'exec sleep 7201'"));
    let left = format!("{tmux} -L ours new-session -d 'nohup setsid sleep 7202 & exec sleep 7203' && {tmux} -L ours list-sessions");
    let run = stage.ssh(&window, &["-tt", "a0-1", &left]).output().unwrap();
    assert!(run.status.success(), "{run:?}");
    stage.wait_until("a0-1", "pgrep -xf 'sleep 7202' && pgrep -xf 'sleep 7203'");
    stage.run(&["access", "close", &window.id]).assert_code(0);
    assert_eq!(stage.sh("a0-1", "pgrep -xf 'sleep 720[23]' || pgrep -f '[t]mux -L ours' || true"), "");
    stage.sh("a0-1", "pgrep -xf 'sleep 7201' && pkill -f '[t]mux -L others' && rm -rf /tmp/tmux");
}

#[test]
fn x11_is_not_passed_on_by_node_or_jumphost() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
    for arguments in
        [["-X", "a0-1", "echo display=$DISPLAY"], ["-Y", "a0-1", "echo display=$DISPLAY"], ["-X", "jump", "echo display=$DISPLAY"]]
    {
        let output = stage.ssh(&window, &arguments).env("DISPLAY", "127.0.0.1:77").output().unwrap();
        assert!(!String::from_utf8_lossy(&output.stdout).contains("display=l"), "{arguments:?}: {output:?}");
        if arguments[1] == "a0-1" {
            assert!(String::from_utf8_lossy(&output.stderr).contains("X11 forwarding request failed"), "{output:?}");
        }
    }
    stage.run(&["access", "close", &window.id]).assert_code(0);
}
