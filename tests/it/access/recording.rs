//! Recorded sessions: all ways of using a window, as without recording, and out of the reach of who is recorded.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Output, Stdio};

use serde_json::Value;

use super::stage::{Stage, Window};

/// A window whose sessions are recorded, for an account that has no rights beside its own.
fn open_recorded(stage: &Stage, arguments: &[&str]) -> Window {
    let site = stage.site();
    stage.write("site.yaml", &site.replace("access: {", "access: {record: true, account: guest, "));
    for machine in ["a0-1", "a0-2"] {
        stage.sh(machine, "id guest >/dev/null 2>&1 || useradd -m -s /bin/bash guest");
    }
    stage.open(&[&["--for", "10m", "--node", "a0-1,a0-2"], arguments].concat())
}

fn ssh(stage: &Stage, window: &Window, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = stage.ssh(window, arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// A session on a terminal: its size, its kind and its owner are right, an interrupt arrives, a password is not kept.
fn on_a_terminal(stage: &Stage, window: &Window, node: &str) {
    let ask = "test $(tty) = $SSH_TTY && id -un; stty -echo; echo ready; read -r secret; stty echo; sleep 600";
    let mut session = stage.ssh(window, &["-tt", node, ask]).stdin(Stdio::piped()).spawn().unwrap();
    let mut typed = session.stdin.take().unwrap();
    let mut shown = BufReader::new(session.stdout.take().unwrap());
    let mut all = String::new();
    while !all.contains("ready") {
        assert!(shown.read_line(&mut all).unwrap() > 0, "{all}");
    }
    assert!(all.contains("guest"), "{all}");
    typed.write_all(b"not-to-be-seen\n").unwrap();
    stage.wait_until(node, "pgrep -xf 'sleep 600'");
    typed.write_all(b"\x03").unwrap();
    assert_eq!(session.wait().unwrap().code(), Some(130), "an interrupt does not arrive");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn carried(stage: &Stage, window: &Window, program: &str, arguments: &[&str], input: &[u8]) -> bool {
    let config = stage.path("windows").join(&window.id).join("ssh_config");
    let mut command = std::process::Command::new(program);
    command.arg("-q").arg("-F").arg(config).args(arguments).current_dir(stage.path("")).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait().unwrap().success()
}

/// What was recorded on a node, as one text, and how many sessions that were.
fn replayed(stage: &Stage, window: &Window, node: &str) -> (String, usize) {
    let listed = stage.json(&["access", "replay", &window.id, "--node", node]).value();
    let played = stage.run(&["access", "replay", &window.id, "--node", node]);
    (played.assert_code(0).stdout.clone(), listed["recordings"].as_array().unwrap().len())
}

#[test]
fn commands_terminals_scp_and_sftp_work_as_ever_and_are_recorded_alike() {
    let stage = Stage::set();
    let window = open_recorded(&stage, &[]);
    let blob: Vec<u8> = (0..200_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    portcullis::disk::write_atomically(&stage.path("blob"), &blob, 0o600, portcullis::disk::Existing::Replace).unwrap();
    // sh of the first is busybox, that of the second dash.
    for node in ["a0-1", "a0-2"] {
        let run =
            ssh(&stage, &window, &[node, "echo to-out; echo to-err >&2; cat; echo \"it's $SSH_CONNECTION\"; exit 7"], b"typed-secret-no\n");
        assert_eq!(run.status.code(), Some(7), "{run:?}");
        assert!(text(&run.stdout).starts_with("to-out\ntyped-secret-no\nit's 10.77.0.2 "), "{run:?}");
        assert_eq!(text(&run.stderr), "to-err\n");
        on_a_terminal(&stage, &window, node);
        assert_eq!(ssh(&stage, &window, &["-T", node], b"echo in-shell; exit 4\n").status.code(), Some(4));
        assert!(carried(&stage, &window, "scp", &["blob", &format!("{node}:by-scp")], b""));
        assert!(carried(&stage, &window, "scp", &["-O", "blob", &format!("{node}:by-old-scp")], b""));
        assert!(carried(&stage, &window, "scp", &["-O", &format!("{node}:by-old-scp"), "back"], b""));
        assert!(carried(&stage, &window, "sftp", &[node], b"get by-scp back-by-sftp\n"));
        for name in ["back", "back-by-sftp"] {
            assert!(std::fs::read(stage.path(name)).unwrap() == blob, "{node}: {name}");
        }
        assert!(ssh(&stage, &window, &[node, "cat by-scp"], b"").stdout == blob, "{node}");
    }
    stage.run(&["access", "close", &window.id]).assert_code(0);
    for node in ["a0-1", "a0-2"] {
        let (shown, sessions) = replayed(&stage, &window, node);
        for what in ["to-out", "to-err", "guest", "in-shell", "by-scp", "C0600 800000 blob", "by-old-scp"] {
            assert!(
                shown.contains(what),
                "{node}: {what} is missing in\n{}",
                shown.chars().filter(char::is_ascii).take(6000).collect::<String>()
            );
        }
        assert!(!shown.contains("not-to-be-seen"), "{node}: what was typed is recorded");
        assert_eq!(sessions, 8, "{node}");
        assert_eq!(stage.sh(node, "ls -A /var/lib/portcullis/recordings 2>/dev/null; ls /etc/sudoers.d | grep portcullis; true"), "");
    }
    let shown = stage.json(&["access", "show", &window.id]).value();
    assert_eq!(shown["without_recording"], serde_json::json!([]), "{shown:#}");
    replays_are_what_the_ledger_says(&stage, &window, &shown["recordings"]);
}

fn replays_are_what_the_ledger_says(stage: &Stage, window: &Window, recordings: &Value) {
    let name = recordings[0]["name"].as_str().unwrap();
    let node = recordings[0]["machine"].as_str().unwrap();
    let one = ["access", "replay", &window.id, "--node", node, "--session", name];
    stage.run(&[&one[..], &["--out", "session.cast"]].concat()).assert_code(0);
    let cast = std::fs::read_to_string(stage.path("session.cast")).unwrap();
    let head: Value = serde_json::from_str(cast.lines().next().unwrap()).unwrap();
    assert_eq!((&head["version"], &head["width"]), (&serde_json::json!(2), &serde_json::json!(80)), "{head}");
    assert!(cast.lines().skip(1).all(|line| serde_json::from_str::<(f64, String, String)>(line).is_ok()), "{cast}");
    stage.run(&["access", "replay", &window.id, "--out", "all.cast"]).assert_failed(2, "do not go into one file");
    let kept = stage.path("access/recordings").join(&window.id).join(node).join(format!("{name}.shown"));
    portcullis::disk::write_atomically(&kept, b"Script started\nforged\n", 0o600, portcullis::disk::Existing::Replace).unwrap();
    stage.run(&one).assert_failed(3, "is not what the ledger has a sum of");
}

#[test]
fn a_recording_is_out_of_reach_and_where_it_cannot_go_on_the_session_does_not_either() {
    let stage = Stage::set();
    let window = open_recorded(&stage, &[]);
    let try_it = |line: &str| ssh(&stage, &window, &["a0-1", line], b"");
    for line in [
        "ls /var/lib/portcullis/recordings",
        "kill -9 $(pgrep -x script)",
        "sudo -n id",
        "sudo -n /var/lib/portcullis/windows/*/recorder shown",
        &format!("sudo -n /var/lib/portcullis/windows/{}/recorder shown", window.id),
        &format!("sudo -n /bin/sh /var/lib/portcullis/windows/{}/recorder", window.id),
    ] {
        assert!(!try_it(line).status.success(), "{line}");
    }
    let settings = format!("/var/lib/portcullis/windows/{}/recording", window.id);
    stage.sh("a0-1", &format!("sed -i 's/^limit=.*/limit=200000/' {settings}"));
    let endless = try_it("yes; touch /tmp/outlived");
    assert_eq!(endless.status.code(), Some(254), "{:?}", text(&endless.stderr));
    assert!(text(&endless.stderr).contains("this session was ended: its recording reached"), "{}", text(&endless.stderr));
    assert!(endless.stdout.len() < 2_000_000 && !stage.try_sh("a0-1", "test -e /tmp/outlived").status.success());
    let fill = "mount -t tmpfs -o size=24m none /var/lib/portcullis/recordings";
    stage.sh("a0-1", fill);
    let waiting = stage.ssh(&window, &["a0-1", "echo begun; exec sleep 600"]).spawn().unwrap();
    stage.wait_until("a0-1", "pgrep -f '[s]leep 600'");
    stage.sh("a0-1", "dd if=/dev/zero of=/var/lib/portcullis/recordings/fill bs=1M count=20 2>/dev/null");
    let ended = waiting.wait_with_output().unwrap();
    assert!(text(&ended.stderr).contains("the disk has no room left for its recording"), "{}", text(&ended.stderr));
    stage.wait_until("a0-1", "! pgrep -f '[s]leep 600'");
    let refused = try_it("echo in");
    assert!(text(&refused.stderr).contains("this session is refused: it cannot be recorded: the disk"), "{}", text(&refused.stderr));
    assert_eq!((refused.status.code(), refused.stdout.as_slice()), (Some(254), &b""[..]));
    stage.sh("a0-1", "umount /var/lib/portcullis/recordings");
    stage.run(&["access", "close", &window.id]).assert_code(0);
    let told = stage.run(&["access", "replay", &window.id, "--list"]).stdout;
    assert!(told.contains("yes; touch /tmp/outlived; ended: the recording reached its limit"), "{told}");
}

#[test]
fn where_sessions_cannot_be_recorded_no_window_is_opened() {
    let stage = Stage::set();
    stage.sh("a0-2", "mv /usr/bin/script /usr/bin/script.hidden");
    stage.write("site.yaml", &stage.site().replace("access: {", "access: {record: true, "));
    let run = stage.run(&["access", "open", "--who", "ada", "--for", "5m", "--reason", "test", "--key", "ada.pub"]);
    stage.sh("a0-2", "mv /usr/bin/script.hidden /usr/bin/script");
    run.assert_failed(1, "a0-2: sessions cannot be recorded: script(1) of util-linux is not installed");
    stage.wait_until_clean();
    for machine in super::stage::MACHINES {
        assert_eq!(stage.sh(machine, "ls /etc/sudoers.d | grep portcullis; true"), "", "{machine}");
    }
}
