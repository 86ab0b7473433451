//! The beginning: nobody is let in before it, and everybody who was promised is at it.

use jiff::SignedDuration;

use super::stage::{Stage, now, wait_for};

#[test]
fn a_window_to_come_lets_nobody_in_before_its_start_and_its_length_counts_from_there() {
    let stage = Stage::set();
    let start = now() + SignedDuration::from_secs(15);
    let window = stage.open(&["--from", &start.to_string(), "--for", "2m", "--node", "a0-1"]);
    assert_eq!(window.start.as_second(), start.as_second());
    assert_eq!(window.end.duration_since(window.start), SignedDuration::from_mins(2));
    let listed = stage.json(&["access", "list"]).value();
    let before = stage.gets_in(&window, "a0-1");
    // Only what was seen before the start proves anything about the time before it.
    if now() < window.start {
        assert_eq!(listed["windows"][0]["state"], "scheduled");
        assert!(!before.0 && before.1.contains("Permission denied"), "{}", before.1);
    }
    wait_for(window.start + SignedDuration::from_secs(1));
    assert_eq!(stage.gets_in(&window, "a0-1"), (true, String::new()));
    stage.run(&["access", "close", &window.id]).assert_code(0);
}
