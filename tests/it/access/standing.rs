//! Access around the clock: in pieces of a day, each an event, for a site with the SLA that goes with it.

use jiff::SignedDuration;

use super::desk::Desk;
use super::stage::{Stage, now};

const OPEN: [&str; 11] = ["access", "open", "--who", "ada", "--reason", "on call", "--key", "ada.pub", "--standing", "--node", "a0-1"];

#[test]
fn a_standing_window_is_renewed_by_a_day_at_a_time_and_as_often_as_one_likes() {
    let stage = Stage::set();
    stage.run(&OPEN).assert_failed(7, "`sla: standard`");
    stage.write("site.yaml", &stage.site().replace("sla: standard", "sla: custom"));
    stage.run(&[&OPEN[..], &["--for", "25h"]].concat()).assert_failed(7, "the site allows 1d");
    let opened = stage.run(&[&OPEN[..], &["--for", "11h"]].concat());
    assert!(opened.assert_code(0).stdout.contains("portcullis access renew"), "{}", opened.stdout);
    let window = || stage.json(&["access", "list"]).value()["windows"][0].clone();
    let before = window();
    assert_eq!(before["kind"], "standing");
    let renewed = stage.json(&["access", "renew"]).assert_code(0).summary();
    assert_eq!(renewed["renewed"].as_array().map(Vec::len), Some(1), "{renewed}");
    let end: jiff::Timestamp = window()["to"].as_str().unwrap().parse().unwrap();
    let ahead = end.duration_since(now());
    assert!(ahead > SignedDuration::from_hours(23) && ahead <= SignedDuration::from_hours(24), "{ahead}");
    let again = stage.json(&["access", "renew"]).assert_code(0).summary();
    assert_eq!((again["renewed"].as_array().map(Vec::len), &again["standing"]), (Some(0), &1.into()));
    let id = before["id"].as_str().unwrap().to_owned();
    let known = super::stage::Window { id: id.clone(), start: now(), end };
    assert_eq!(stage.gets_in(&known, "a0-1"), (true, String::new()));
    // The node's own closer waits for the new end.
    assert_eq!(stage.sh("a0-1", &format!("grep ^end= /var/lib/portcullis/windows/{id}/window")).trim(), format!("end={}", end.as_second()));
    let events = stage.json(&["access", "show", &id]).value();
    let pieces = events["events"].as_array().unwrap().iter().filter(|event| event["kind"] == "window.extended").count();
    assert_eq!(pieces, 1);
    stage.run(&["access", "close", &id]).assert_code(0);
    assert!(!stage.gets_in(&known, "a0-1").0);
    let none = stage.run(&["access", "renew"]);
    assert!(none.assert_code(0).stdout.contains("no standing window is open"), "{}", none.stdout);
}

#[test]
fn what_renews_it_is_offered_as_a_line_of_cron_and_as_a_timer_that_systemd_takes() {
    let desk = Desk::new(&[]);
    desk.write_site("  longest_window: 8h");
    let cron = desk.run(&["access", "renew", "--timer", "cron"]).assert_code(0).stdout.clone();
    let line = cron.trim_end().strip_prefix("7 */4 * * * ").unwrap();
    // What cron would run is run by a shell: there is no standing window, and nothing is dialled.
    let ran = std::process::Command::new("sh").args(["-c", line]).env("HOME", desk.path("")).output().unwrap();
    assert!(ran.status.success() && String::from_utf8_lossy(&ran.stdout).contains("no standing window"), "{line}: {ran:?}");
    let units = desk.run(&["access", "renew", "--timer", "systemd"]).assert_code(0).stdout.clone();
    let (service, timer) = units.split_once("\n\n").unwrap();
    desk.write("portcullis-renew.service", service);
    desk.write("portcullis-renew.timer", timer);
    let judged = std::process::Command::new("systemd-analyze").arg("verify").arg(desk.path("portcullis-renew.timer")).output().unwrap();
    assert!(judged.status.success(), "{units}\n{judged:?}");
}
