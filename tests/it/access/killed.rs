//! The operator's program killed at every step: nothing opens without its closer, and the next command sets it right.

use std::io::{BufRead as _, BufReader};

use super::stage::{MACHINES, Stage};

/// Kills the program when it has told so many events; whether it lived that long.
fn kill_after(stage: &Stage, arguments: &[&str], events: usize) -> bool {
    let mut child = stage.start(&[arguments, &["--output", "json"]].concat());
    let told = BufReader::new(child.stdout.take().unwrap()).lines().take(events).count();
    let was_alive = child.try_wait().unwrap().is_none();
    drop(child.kill());
    child.wait().unwrap();
    told == events && was_alive
}

/// A principal stands nowhere without a timer that will take it away.
fn must_have_closers(stage: &Stage) {
    for machine in MACHINES {
        let script = "cd /etc/ssh/portcullis/principals 2>/dev/null || exit 0; cat * 2>/dev/null | sed 's/.* //; s/[.]jump$//' | sort -u |
            while read -r id; do systemctl is-active --quiet \"portcullis-window-$id.timer\" || echo \"$id\"; done";
        assert_eq!(stage.sh(machine, script), "", "{machine}: without a closer");
    }
}

#[test]
fn however_far_an_opening_came_it_has_its_closers_and_can_be_closed() {
    let stage = Stage::set();
    let open = ["access", "open", "--who", "ada", "--reason", "test", "--key", "ada.pub", "--for", "10m", "--node", "a0-1"];
    let mut events = 1;
    while kill_after(&stage, &open, events) {
        must_have_closers(&stage);
        stage.run(&["access", "close", "--all"]).assert_code(0);
        for machine in ["jump", "a0-1"] {
            // A machine finishes what it accepted; closing waits for it, or takes away what came after.
            assert_eq!(stage.left_on(machine), "", "{machine}, killed after {events} events");
        }
        events += 1;
    }
    assert!(events > 6, "only {events} steps");
    stage.run(&["access", "close", "--all"]).assert_code(0);
    stage.json(&["audit", "verify"]).assert_code(0);
    stage.json(&["access", "list", "--live"]).assert_code(0);
}

#[test]
fn however_far_a_closing_came_the_next_one_finishes_it() {
    let stage = Stage::set();
    let mut events = 1;
    loop {
        let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
        let was_killed = kill_after(&stage, &["access", "close", &window.id], events);
        must_have_closers(&stage);
        stage.run(&["access", "close", &window.id]).assert_code(0);
        for machine in ["jump", "a0-1"] {
            assert_eq!(stage.left_on(machine), "", "{machine}, killed after {events} events");
        }
        assert!(!stage.gets_in(&window, "a0-1").0);
        if !was_killed {
            break;
        }
        events += 1;
    }
    assert!(events > 3, "only {events} steps");
}
