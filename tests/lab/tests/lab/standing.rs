//! What a standing lab does: logins, links, reboots, clocks, latency.

use std::{
    io::Read as _,
    net::{SocketAddr, TcpStream},
    process::{Command, Output},
    time::{Duration, Instant},
};

use portcullis_lab::Lab;

use crate::{options, sh, shared, stdout_of};

/// Logs in with the system's own ssh, through the jumphost, as a user with these files would.
#[expect(clippy::disallowed_methods, reason = "an independent client shows that the lab is right, not our own")]
fn ssh(lab: &Lab, user: &str, node: &str, line: &str) -> Output {
    let state = lab.state_dir();
    let common = format!(
        "-o UserKnownHostsFile={0}/known_hosts -o StrictHostKeyChecking=yes -o BatchMode=yes -o IdentitiesOnly=yes -i {0}/id_ed25519",
        state.display()
    );
    let jump = lab.jump_address();
    let proxy = format!("ssh -F none {common} -p {} -W %h:%p ops@{}", jump.port(), jump.ip());
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none"]).args(common.split(' ')).arg("-o").arg(format!("ProxyCommand={proxy}")).arg(format!("{user}@{node}")).arg(line);
    ssh.output().unwrap()
}

fn node_reaches(lab: &Lab, from: &str, address: &str, port: u16) -> bool {
    let line = format!("timeout 2 bash -c '</dev/tcp/{address}/{port}'");
    lab.exec(from, &["bash", "-c", &line]).unwrap().status.success()
}

#[test]
fn every_node_is_logged_in_to_through_the_jumphost_with_pinned_host_keys() {
    let lab = shared();
    for (user, node, name) in [("admin", "10.77.0.11", "a0-1"), ("admin", "10.77.0.12", "a0-2"), ("deploy", "10.77.0.13", "a0-3")] {
        assert_eq!(stdout_of(&ssh(lab, user, node, "hostname")), name);
    }
}

#[test]
fn a_node_cannot_be_reached_but_through_the_jumphost() {
    let lab = shared();
    assert!(node_reaches(lab, "jump", "10.77.0.11", 22));
    assert!(!node_reaches(lab, "internet", "10.77.0.11", 22));
    // Some host networks accept every connection by themselves: what must not be there is an sshd.
    let mut banner = [0; 4];
    if let Ok(mut stream) = TcpStream::connect_timeout(&SocketAddr::from(([10, 77, 0, 11], 22)), Duration::from_secs(1)) {
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        drop(stream.read_exact(&mut banner));
    }
    assert_ne!(&banner, b"SSH-");
}

#[test]
fn nodes_have_their_oddities() {
    let lab = shared();
    assert_eq!(sh(lab, "a0-1", "readlink /bin/sh"), "busybox");
    assert!(!ssh(lab, "admin", "10.77.0.12", "sudo -n true").status.success());
    let password = std::fs::read_to_string(lab.state_dir().join("sudo-password")).unwrap();
    assert_eq!(stdout_of(&ssh(lab, "admin", "10.77.0.12", &format!("echo {password} | sudo -S -p '' id -un"))), "root");
    assert_eq!(stdout_of(&ssh(lab, "deploy", "10.77.0.13", "sudo -n id -un")), "root");
}

#[test]
fn no_service_has_failed_on_any_machine() {
    let lab = shared();
    for machine in lab.machine_names() {
        assert_eq!(sh(lab, machine, "systemctl --failed --no-legend --plain; systemctl is-system-running --wait"), "running", "{machine}");
    }
}

#[test]
fn exec_gives_streams_and_exit_code() {
    let lab = shared();
    let output = lab.exec("a0-2", &["sh", "-c", "echo out; echo err >&2; pwd; exit 7"]).unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "out\n/\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "err\n");
    assert_eq!(lab.exec("a0-2", &["sh", "-c", "kill -TERM $$"]).unwrap().status.code(), Some(143));
}

#[test]
fn a_machine_that_is_not_there_is_named() {
    let output = shared().exec("a0-9", &["true"]).unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("no machine `a0-9`"));
    assert!(!output.status.success());
}

#[test]
fn the_site_file_names_only_files_that_are_there() {
    let text = shared().site_yaml().unwrap();
    let paths: Vec<&str> =
        text.split('"').filter_map(|part| part.strip_prefix("file:").or(part.starts_with('/').then_some(part))).collect();
    assert!(paths.len() > 10, "{text}");
    for path in paths.into_iter().filter(|path| !path.ends_with("ledger.sqlite")) {
        assert!(std::path::Path::new(path).is_file(), "{path}");
    }
}

#[test]
fn a_cut_machine_is_unreachable_until_it_is_healed() {
    let lab = Lab::up(&portcullis_lab::Options { nodes: 1, mail: false, proxy: false, ..options("cut") }).unwrap();
    assert!(node_reaches(&lab, "jump", "10.77.0.11", 22));
    lab.cut("a0-1").unwrap();
    assert!(!node_reaches(&lab, "jump", "10.77.0.11", 22));
    lab.heal("a0-1").unwrap();
    assert!(node_reaches(&lab, "jump", "10.77.0.11", 22));
}

#[test]
fn a_rebooted_machine_comes_back_with_its_files_and_without_its_processes() {
    let lab = Lab::up(&portcullis_lab::Options { nodes: 1, mail: false, proxy: false, ..options("reboot") }).unwrap();
    sh(&lab, "a0-1", "touch /run/volatile /var/lasting");
    lab.reboot("a0-1").unwrap();
    assert!(!lab.exec("a0-1", &["test", "-e", "/run/volatile"]).unwrap().status.success());
    sh(&lab, "a0-1", "test -e /var/lasting");
    assert!(node_reaches(&lab, "jump", "10.77.0.11", 22));
    lab.reboot("jump").unwrap();
    assert_eq!(stdout_of(&ssh(&lab, "admin", "10.77.0.11", "hostname")), "a0-1");
}

#[test]
fn a_skewed_clock_is_seen_by_shells_sudo_and_services_and_can_be_put_right() {
    let lab = Lab::up(&portcullis_lab::Options { nodes: 1, mail: false, proxy: false, ..options("clock") }).unwrap();
    let host = || sh(&lab, "jump", "date +%s").parse::<i64>().unwrap();
    let skews = || {
        let seen = [
            sh(&lab, "a0-1", "date +%s"),
            stdout_of(&ssh(&lab, "admin", "10.77.0.11", "date +%s")),
            stdout_of(&ssh(&lab, "admin", "10.77.0.11", "sudo date +%s")),
            // As nginx, a service, sees it.
            sh(&lab, "a0-1", "date -d \"$(curl -sI http://127.0.0.1/ | sed -n 's/^Date: //p')\" +%s"),
        ];
        seen.map(|text| text.parse::<i64>().unwrap() - host())
    };
    lab.clock("a0-1", -7200).unwrap();
    for skew in skews() {
        assert!((-7210..=-7190).contains(&skew), "{skew}");
    }
    assert_eq!(sh(&lab, "a0-1", "systemctl --failed --no-legend --plain"), "");
    lab.clock("a0-1", 0).unwrap();
    for skew in skews() {
        assert!((-10..=10).contains(&skew), "{skew}");
    }
}

#[test]
fn latency_is_added_on_the_way_to_the_jumphost_and_taken_away() {
    let lab = Lab::up(&portcullis_lab::Options { nodes: 0, mail: false, proxy: false, ..options("delay") }).unwrap();
    let one = || {
        let started = Instant::now();
        let mut stream = TcpStream::connect(lab.jump_address()).unwrap();
        stream.read_exact(&mut [0; 4]).unwrap();
        started.elapsed()
    };
    // The quickest of some: a busy machine adds time of its own, and never takes any away.
    let banner = || (0..4).map(|_| one()).min().unwrap();
    let without = banner();
    lab.delay(Duration::from_millis(300)).unwrap();
    // The handshake's three passages and the banner's one: two round trips.
    let with = banner();
    assert!(with >= Duration::from_millis(600), "{with:?}");
    assert!(with < without + Duration::from_millis(1200), "{with:?} after {without:?}");
    lab.delay(Duration::ZERO).unwrap();
    assert!(banner() < Duration::from_millis(600));
}
