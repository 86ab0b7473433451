//! The end where the machine itself is in the way: a reboot at that moment, a clock set back, no login sessions, daemons.

use jiff::SignedDuration;

use super::stage::{Stage, now, wait_for};

#[test]
fn a_reboot_at_the_moment_of_the_end_leaves_no_door_open() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "30s", "--node", "a0-2"]);
    assert_eq!(stage.gets_in(&window, "a0-2"), (true, String::new()));
    wait_for(window.end - SignedDuration::from_secs(1));
    stage.lab.reboot("a0-2").unwrap();
    assert!(now() >= window.end - SignedDuration::from_secs(1));
    wait_for(window.end);
    assert!(!stage.gets_in(&window, "a0-2").0);
    stage.wait_until_clean();
}

#[test]
fn a_clock_set_back_while_a_window_is_open_wins_nothing() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "30s", "--node", "a0-3"]);
    stage.lab.clock("a0-3", -300).unwrap();
    let sound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wait_for(window.end + SignedDuration::from_secs(1));
        // By that clock certificate and principal hold for minutes yet; the closer counts what has passed.
        stage.wait_until_clean_on("a0-3");
        assert!(!stage.gets_in(&window, "a0-3").0);
    }));
    stage.lab.clock("a0-3", 0).unwrap();
    if let Err(panic) = sound {
        std::panic::resume_unwind(panic);
    }
}

/// Without login sessions all of sshd's share one group: the tree and the environment tell what is whose.
#[test]
fn without_pams_login_sessions_a_windows_jobs_end_and_nobody_elses() {
    let stage = Stage::set();
    stage.sh("a0-1", "sed -i.hidden '/pam_systemd/d' /etc/pam.d/common-session");
    let sound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let window = stage.open(&["--for", "30s", "--node", "a0-1"]);
        let another = stage.open(&["--for", "10m", "--node", "a0-1"]);
        let leave = |name: &str| {
            format!(
                "nohup bash -c 'exec -a {name} sleep 600' >/dev/null 2>&1 & setsid bash -c '(exec -a {name} sleep 600 &)' </dev/null >/dev/null 2>&1"
            )
        };
        for (window, name) in [(&window, "ours-left"), (&another, "others-left")] {
            let left = stage.ssh(window, &["a0-1", &leave(name)]).output().unwrap();
            assert!(left.status.success(), "{left:?}");
            stage.wait_until("a0-1", &format!("test $(pgrep -fc '^{name}') -eq 2"));
        }
        assert!(stage.sh("a0-1", "cat /proc/$(pgrep -of '^ours-left')/cgroup").contains("ssh.service"));
        wait_for(window.end + SignedDuration::from_secs(1));
        stage.wait_until("a0-1", "! pgrep -f '^ours-left'");
        assert_eq!(stage.sh("a0-1", "pgrep -fc '^others-left'").trim(), "2");
        stage.run(&["access", "close", "--all"]).assert_code(0);
        assert_eq!(stage.sh("a0-1", "pgrep -f '^others-left' || true"), "");
    }));
    stage.sh("a0-1", "mv /etc/pam.d/common-session.hidden /etc/pam.d/common-session");
    if let Err(panic) = sound {
        std::panic::resume_unwind(panic);
    }
}

/// Neither the journal's line nor a session of logind's tells whose a connection is: sshd's own process does, and the environment.
#[test]
fn without_login_sessions_and_journal_what_began_in_the_window_ends_with_it() {
    let stage = Stage::set();
    stage.sh("a0-1", "sed -i.hidden '/pam_systemd/d' /etc/pam.d/common-session");
    let sound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let before = stage.open(&["--for", "10m", "--node", "a0-1"]);
        let early = stage.ssh(&before, &["a0-1", "exec -a early-one sleep 600"]).spawn().unwrap();
        stage.wait_until("a0-1", "pgrep -f '^early-one'");
        let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
        let left = "nohup bash -c 'exec -a left-unseen sleep 600' >/dev/null 2>&1 &";
        assert!(stage.ssh(&window, &["a0-1", left]).output().unwrap().status.success());
        let mut session = stage.ssh(&window, &["a0-1", "exec -a live-unseen sleep 600"]).spawn().unwrap();
        stage.wait_until("a0-1", "pgrep -f '^left-unseen' && pgrep -f '^live-unseen'");
        stage.sh(
            "a0-1",
            "sleep 1; journalctl --rotate -q; journalctl --vacuum-time=1ms -q 2>/dev/null; ! journalctl -q | grep -q 'Accepted publickey'",
        );
        // A job of the customer's that comes to its time meanwhile, with the environment of whoever asked for it.
        let job = "echo admin >/etc/at.allow; su -s /bin/sh admin -c \"echo 'exec bash -c \\\"exec -a customers-job sleep 600\\\"' | SSH_CLIENT='10.9.9.9 1 22' at now\" 2>/dev/null";
        stage.sh("a0-1", job);
        stage.wait_until("a0-1", "pgrep -f '^customers-job'");
        stage.run(&["access", "close", &window.id]).assert_code(0);
        assert!(!session.wait().unwrap().success());
        assert_eq!(stage.sh("a0-1", "pgrep -f '^(live|left)-unseen' || true"), "");
        stage.sh("a0-1", "pgrep -f '^early-one' && pkill -f '^customers-job'; rm /etc/at.allow");
        stage.run(&["access", "close", &before.id]).assert_code(0);
        assert!(!early.wait_with_output().unwrap().status.success());
    }));
    stage.sh("a0-1", "mv /etc/pam.d/common-session.hidden /etc/pam.d/common-session");
    if let Err(panic) = sound {
        std::panic::resume_unwind(panic);
    }
}

/// Forked twice, its environment emptied, in nobody's terminal: what `tmux` and other daemons do, and worse.
#[test]
fn a_daemon_that_a_session_started_ends_with_the_window() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
    let line = "setsid env -i bash -c '(cd / && setsid bash -c \"exec -a left-daemon sleep 600\" &)' </dev/null >/dev/null 2>&1";
    let left = stage.ssh(&window, &["a0-1", line]).output().unwrap();
    assert!(left.status.success(), "{left:?}");
    stage.wait_until("a0-1", "pgrep -f '^left-daemon'");
    assert!(!stage.sh("a0-1", "tr '\\0' '\\n' </proc/$(pgrep -f '^left-daemon')/environ").contains("SSH_CLIENT"));
    stage.run(&["access", "close", &window.id]).assert_code(0);
    assert_eq!(stage.sh("a0-1", "pgrep -f '^left-daemon' || true"), "");
}

#[test]
fn sessions_are_warned_fifteen_and_five_minutes_before_the_end_and_no_others() {
    let stage = Stage::set();
    // Two windows whose warnings come in a moment, and a terminal that is no window's.
    let early = stage.open(&["--for", "15m25s", "--node", "a0-1"]);
    let late = stage.open(&["--for", "5m35s", "--node", "a0-1"]);
    let watch = |window| stage.ssh(window, &["-tt", "a0-1", "sleep 45"]).spawn().unwrap();
    let (early_session, late_session) = (watch(&early), watch(&late));
    let other = stage.lab.exec("a0-1", &["script", "-qec", "sleep 45", "/dev/null"]).unwrap();
    let shown = |session: std::process::Child| String::from_utf8_lossy(&session.wait_with_output().unwrap().stdout).into_owned();
    let (early_shown, late_shown) = (shown(early_session), shown(late_session));
    let told =
        |window: &super::stage::Window, minutes: &str| format!("*** window {}: this session ends in {minutes} minutes, at ", window.id);
    assert!(early_shown.contains(&told(&early, "15")) && !early_shown.contains(&late.id), "{early_shown}");
    assert!(late_shown.contains(&told(&late, "5")) && !late_shown.contains(&early.id), "{late_shown}");
    assert!(!String::from_utf8_lossy(&other.stdout).contains("***"), "{other:?}");
    stage.run(&["access", "close", "--all"]).assert_code(0);
}

/// Whoever is let in can fill the journal until it forgets, or have sshd log faster than it takes.
#[test]
fn a_session_whose_login_the_journal_has_lost_ends_with_the_window_and_no_other_does() {
    let stage = Stage::set();
    let before = stage.open(&["--for", "10m", "--node", "a0-3"]);
    let early = stage.ssh(&before, &["a0-3", "exec -a early-one sleep 600"]).spawn().unwrap();
    stage.wait_until("a0-3", "pgrep -f '^early-one'");
    let window = stage.open(&["--for", "10m", "--node", "a0-3"]);
    let left = "nohup bash -c 'exec -a left-unseen sleep 600' >/dev/null 2>&1 &";
    assert!(stage.ssh(&window, &["a0-3", left]).output().unwrap().status.success());
    let mut session = stage.ssh(&window, &["a0-3", "exec -a live-unseen sleep 600"]).spawn().unwrap();
    stage.wait_until("a0-3", "pgrep -f '^left-unseen' && pgrep -f '^live-unseen'");
    stage.sh(
        "a0-3",
        "sleep 1; journalctl --rotate -q; journalctl --vacuum-time=1ms -q 2>/dev/null; ! journalctl -q | grep -q 'Accepted publickey'",
    );
    stage.run(&["access", "close", &window.id]).assert_code(0);
    assert!(!session.wait().unwrap().success());
    assert_eq!(stage.sh("a0-3", "pgrep -f '^(live|left)-unseen' || true"), "");
    // It began before that window was opened.
    stage.sh("a0-3", "pgrep -f '^early-one'");
    stage.run(&["access", "close", &before.id]).assert_code(0);
    assert!(!early.wait_with_output().unwrap().status.success());
}
