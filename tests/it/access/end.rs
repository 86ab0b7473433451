//! The end, by the machine's own clock and closers: with the operator away, the jumphost gone, a reboot in between.

use std::io::{BufRead as _, BufReader};

use jiff::{SignedDuration, Timestamp};

use super::stage::{Stage, Window, now, wait_for};

/// When a session that prints without end fell silent.
fn last_sign_of(stage: &Stage, window: &Window, command: &str) -> std::thread::JoinHandle<Timestamp> {
    let mut session = stage.ssh(window, &["a0-1", command]).spawn().unwrap();
    std::thread::spawn(move || {
        let mut last = now();
        for line in BufReader::new(session.stdout.take().unwrap()).lines() {
            if line.is_err() {
                break;
            }
            last = now();
        }
        session.wait().unwrap();
        last
    })
}

const TICK: &str = "while echo tick; do sleep 0.1; done";

/// Jobs that a session leaves behind, each with a name of its own.
const JOBS: &str = "nohup sh -c 'exec -a left-by-nohup sleep 600' >/dev/null 2>&1 & setsid sh -c 'exec -a left-by-setsid sleep 600' >/dev/null 2>&1 </dev/null &";

fn must_end_at_the_second(window: &Window, last: Timestamp) {
    let late = last.duration_since(window.end);
    // The promise is two seconds; a machine that runs eight tests at once may be late with anything.
    assert!(late < SignedDuration::from_secs(5) && late > SignedDuration::from_secs(-2), "the session ended {late} after the window");
}

fn jobs(stage: &Stage) -> String {
    String::from_utf8(stage.try_sh("a0-1", "pgrep -f '^left-by-'").stdout).unwrap()
}

/// Somebody else's session on the same account.
fn start_another(stage: &Stage) {
    stage.sh("a0-1", "systemd-run --quiet --unit=another-session --property=PAMName=login --uid=admin sleep 900");
}

fn stop_another(stage: &Stage) {
    stage.sh("a0-1", "systemctl is-active another-session && systemctl stop another-session");
}

#[test]
fn at_the_end_sessions_and_what_they_left_behind_are_gone_and_nobody_elses() {
    let stage = Stage::set();
    start_another(&stage);
    let window = stage.open(&["--for", "30s"]);
    // bash: sh of this node has no `exec -a`.
    let left = stage.ssh(&window, &["a0-1", &format!("bash -c \"{}\"", JOBS.replace("sh -c", "bash -c"))]).output().unwrap();
    assert!(left.status.success(), "{left:?}");
    let silent = last_sign_of(&stage, &window, TICK);
    stage.wait_until("a0-1", "test $(pgrep -fc '^left-by-') -eq 2");
    stage.wait_until("jump", "ss -tnH state established dport = :22 | grep -q 10.77.0.11");
    must_end_at_the_second(&window, silent.join().unwrap());
    stage.wait_until_clean();
    assert_eq!(jobs(&stage), "");
    stop_another(&stage);
    assert!(!stage.gets_in(&window, "a0-1").0);
    let how = |run: &super::stage::Run| run.value()["windows"][0]["state"].clone();
    assert_eq!(how(&stage.json(&["access", "list"])), "ended");
    stage.run(&["access", "close", &window.id]).assert_code(0);
    assert_eq!(how(&stage.json(&["access", "list", "--all"])), "closed");
    stage.json(&["access", "list", "--live"]).assert_code(0);
}

#[test]
fn with_the_jumphost_gone_a_node_ends_its_sessions_all_the_same() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "30s", "--node", "a0-1"]);
    let mut session = stage.ssh(&window, &["a0-1", "touch /tmp/started; exec sleep 700"]).spawn().unwrap();
    stage.wait_until("a0-1", "test -e /tmp/started && rm /tmp/started");
    stage.lab.cut("jump").unwrap();
    wait_for(window.end + SignedDuration::from_secs(2));
    stage.wait_until("a0-1", "! pgrep -f '[s]leep 700'");
    stage.wait_until_clean_on("a0-1");
    session.kill().unwrap();
    session.wait().unwrap();
    let unreached = stage.run(&["access", "close", &window.id, "--timeout", "3s"]);
    let listed = stage.json(&["access", "list", "--timeout", "3s"]);
    stage.lab.heal("jump").unwrap();
    unreached.assert_failed(6, "not every door is proven shut");
    assert!(unreached.stdout.contains("its sshd refuses by itself from"), "{}", unreached.stdout);
    let listed = listed.value();
    assert_eq!(listed["windows"][0]["left"], serde_json::json!(["jump", "a0-1"]));
    assert_eq!(listed["windows"][0]["state"], "closing");
    stage.run(&["access", "close", "--all"]).assert_code(0);
    assert_eq!(stage.json(&["access", "list"]).value()["windows"], serde_json::json!([]));
}

#[test]
fn a_reboot_in_between_loses_neither_the_window_nor_its_end() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "45s", "--node", "a0-2"]);
    stage.lab.reboot("a0-2").unwrap();
    if now() < window.end {
        let (is_in, said) = stage.gets_in(&window, "a0-2");
        assert!(is_in || now() >= window.end, "{said}");
    }
    wait_for(window.end);
    stage.wait_until_clean();
    assert!(!stage.gets_in(&window, "a0-2").0);
}

#[test]
fn a_node_that_is_down_at_the_end_closes_as_it_boots() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "25s", "--node", "a0-2"]);
    // The closer's timer is held back, as a machine without power would.
    stage.sh("a0-2", &format!("systemctl stop portcullis-window-{}.timer", window.id));
    wait_for(window.end + SignedDuration::from_secs(2));
    assert!(stage.left_on("a0-2").contains(&window.id));
    assert!(!stage.gets_in(&window, "a0-2").0, "the principal's own end does not hold");
    stage.lab.reboot("a0-2").unwrap();
    stage.wait_until_clean();
}

/// Without systemd the end is kept by a process of its own, or by `at` where there is time for it.
#[test]
fn without_systemd_the_end_is_kept_as_well() {
    let stage = Stage::set();
    let hide = |machine: &str, what: &str| stage.sh(machine, &format!("mv {what} {what}.hidden"));
    let show = |machine: &str, what: &str| stage.sh(machine, &format!("mv {what}.hidden {what}"));
    // Trust needs a reload, and that needs systemd here.
    let first = stage.open(&["--for", "5m", "--node", "a0-1"]);
    stage.run(&["access", "close", &first.id]).assert_code(0);
    hide("a0-1", "/run/systemd/system");
    let sound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let window = stage.open(&["--for", "30s", "--node", "a0-1"]);
        assert!(stage.sh("a0-1", "pgrep -f '[c]loser wait'").lines().count() >= 1);
        assert!(!stage.left_on("a0-1").contains(".timer"));
        wait_for(window.end + SignedDuration::from_secs(1));
        stage.wait_until_clean();
        let long = stage.open(&["--for", "10m", "--node", "a0-1"]);
        assert_eq!(stage.sh("a0-1", "atq | wc -l").trim(), "1");
        assert!(stage.gets_in(&long, "a0-1").0);
        stage.run(&["access", "close", &long.id]).assert_code(0);
        assert_eq!(stage.sh("a0-1", "atq | wc -l").trim(), "0");
    }));
    show("a0-1", "/run/systemd/system");
    if let Err(panic) = sound {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn an_extended_window_ends_at_its_later_end_and_the_old_one_is_on_record() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "40s", "--node", "a0-1"]);
    let silent = last_sign_of(&stage, &window, TICK);
    let extended = stage.json(&["access", "extend", &window.id, "--for", "15s"]);
    let later: Timestamp = extended.assert_code(0).summary()["window"]["to"].as_str().unwrap().parse().unwrap();
    assert_eq!(later.duration_since(window.end), SignedDuration::from_secs(15));
    stage.run(&["access", "extend", &window.id, "--for", "365d"]).assert_failed(7, "the site allows 8h");
    wait_for(window.end + SignedDuration::from_secs(2));
    assert_eq!(stage.gets_in(&window, "a0-1"), (true, String::new()));
    let window = Window { end: later, ..window };
    must_end_at_the_second(&window, silent.join().unwrap());
    stage.wait_until_clean();
    assert!(!stage.gets_in(&window, "a0-1").0);
    stage.run(&["access", "extend", &window.id, "--for", "1h"]).assert_failed(7, "is ended and cannot be extended");
    let log = stage.json(&["audit", "log", "--subject", &window.id]).value();
    let kinds: Vec<_> = log["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["window.extended", "window.opened", "window.opening"]);
}

/// `at` knows minutes alone: its job waits for the second.
#[test]
fn without_systemd_at_keeps_the_end_to_the_second() {
    let stage = Stage::set();
    let first = stage.open(&["--for", "5m", "--node", "a0-1"]);
    stage.run(&["access", "close", &first.id]).assert_code(0);
    stage.sh("a0-1", "mv /run/systemd/system /run/systemd/system.hidden");
    // Jobs of `at` are told by the machine's own zone.
    stage.sh("a0-1", "cp -a /etc/localtime /etc/localtime.kept; ln -sfn /usr/share/zoneinfo/America/New_York /etc/localtime");
    let window = stage.open(&["--for", "2m10s", "--node", "a0-1"]);
    // A process waits as well, which does not go by the wall clock alone; without it too the end is kept.
    assert_eq!(stage.sh("a0-1", "atq | wc -l; pkill -KILL -fc '[c]loser wait'"), "1\n1\n");
    let silent = last_sign_of(&stage, &window, TICK);
    must_end_at_the_second(&window, silent.join().unwrap());
    stage.wait_until_clean_on("a0-1");
    assert_eq!(stage.sh("a0-1", "atq | wc -l").trim(), "0");
    stage.sh("a0-1", "mv /run/systemd/system.hidden /run/systemd/system; mv -T /etc/localtime.kept /etc/localtime");
    assert!(!stage.gets_in(&window, "a0-1").0);
}

/// By the clock that `at` goes by there are minutes left; the window has had its time.
#[test]
fn a_clock_set_back_wins_nothing_where_at_keeps_the_end() {
    let stage = Stage::set();
    let first = stage.open(&["--for", "5m", "--node", "a0-3"]);
    stage.run(&["access", "close", &first.id]).assert_code(0);
    stage.sh("a0-3", "mv /run/systemd/system /run/systemd/system.hidden");
    let sound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let window = stage.open(&["--for", "2m10s", "--node", "a0-3"]);
        assert_eq!(stage.sh("a0-3", "atq | wc -l").trim(), "1");
        let mut session = stage.ssh(&window, &["a0-3", "exec sleep 7601"]).spawn().unwrap();
        stage.wait_until("a0-3", "pgrep -xf 'sleep 7601'");
        stage.sh("a0-3", "mv /run/systemd/system.hidden /run/systemd/system");
        stage.lab.clock("a0-3", -300).unwrap();
        stage.sh("a0-3", "mv /run/systemd/system /run/systemd/system.hidden");
        wait_for(window.end + SignedDuration::from_secs(2));
        stage.wait_until_clean_on("a0-3");
        assert!(!session.wait().unwrap().success());
        assert!(!stage.gets_in(&window, "a0-3").0);
        assert_eq!(stage.sh("a0-3", "atq | wc -l").trim(), "0");
    }));
    stage.sh("a0-3", "mv /run/systemd/system.hidden /run/systemd/system");
    stage.lab.clock("a0-3", 0).unwrap();
    if let Err(panic) = sound {
        std::panic::resume_unwind(panic);
    }
}
