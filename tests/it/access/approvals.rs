//! A second pair of eyes: what was asked for is opened once another person has approved it, as it was approved.

use std::process::Command;

use super::authority::Agent;
use super::desk::Desk;
use super::stage::{Run, Stage};

const PERSONS: [&str; 6] = ["rita", "bob", "bob2", "carl", "eve", "ada"];
const ASK: [&str; 12] =
    ["access", "request", "--who", "ada", "--reason", "update 23.4", "--key", "ada.pub", "--sign-with", "rita", "--ticket", "CHG1"];

fn desk(approvals: u8, more: &str) -> Desk {
    let desk = Desk::new(&PERSONS);
    let approvers = [desk.signatory("bob", "bob"), desk.signatory("Bob", "bob2"), desk.signatory("carl", "carl")].join(", ");
    let requesters = desk.signatory("rita", "rita");
    desk.write_site(&format!("  approvals: {approvals}\n  approvers: [{approvers}]\n  requesters: [{requesters}]\n{more}"));
    desk
}

/// What is asked for unless `other` says so: flags and their values.
fn ask<'a>(other: &[&'a str]) -> Vec<&'a str> {
    let usual: Vec<&str> = ASK[2..].chunks(2).filter(|pair| !other.contains(&pair[0])).flatten().copied().collect();
    [&ASK[..2], &usual, other].concat()
}

/// Asks for an hour on a0-1, but for `other`; gives back the id.
fn asked(desk: &Desk, other: &[&str]) -> String {
    let run = desk.json(&ask(&[&["--for", "1h", "--node", "a0-1"], other].concat()));
    run.assert_code(0).value()["request"]["id"].as_str().unwrap().to_owned()
}

fn approve(desk: &Desk, id: &str, key: &str) -> Run {
    desk.run(&["access", "approve", id, "--sign-with", key, "--yes"])
}

fn state_of(desk: &Desk, id: &str) -> serde_json::Value {
    desk.json(&["access", "show", id]).assert_code(0).value()["request"]["state"].clone()
}

/// Opening it; what may be opened fails where no machine answers.
fn open(desk: &Desk, id: &str, more: &[&str]) -> Run {
    desk.run(&[&["access", "open", "--request", id], more].concat())
}

const MAY_BE_OPENED: (i32, &str) = (6, "not every machine can be reached");

#[test]
fn without_another_persons_approval_nothing_is_opened() {
    let desk = desk(1, "");
    desk.run(&["access", "open", "--who", "ada", "--reason", "x", "--for", "1h", "--key", "ada.pub"])
        .assert_failed(7, "the approval of 1 other person(s)");
    let id = asked(&desk, &[]);
    open(&desk, &id, &[]).assert_failed(7, "and this one has 0");
    approve(&desk, &id, "rita").assert_failed(7, "belongs to none of the site's approvers");
    approve(&desk, &id, "eve").assert_failed(7, "belongs to none of the site's approvers");
    let listed = desk.json(&["access", "list"]).value();
    assert_eq!((&listed["requests"][0]["state"], &listed["requests"][0]["requested_by"]), (&"requested".into(), &"rita".into()));
    approve(&desk, &id[..12], "bob").assert_code(0);
    assert_eq!(state_of(&desk, &id), "approved");
    open(&desk, &id, &[]).assert_failed(MAY_BE_OPENED.0, MAY_BE_OPENED.1);
    assert_eq!(desk.json(&["access", "show", &id]).value()["request"]["approved_by"], serde_json::json!(["bob"]));
    assert!(desk.run(&["access", "list"]).stdout.contains("1 of 1"));
    desk.json(&["audit", "verify"]).assert_code(0);
}

#[test]
fn nobody_approves_alone_what_two_have_to() {
    let desk = desk(2, "");
    let id = asked(&desk, &[]);
    approve(&desk, &id, "bob").assert_code(0);
    assert_eq!(state_of(&desk, &id), "requested");
    approve(&desk, &id, "bob").assert_failed(7, "each person counts once");
    approve(&desk, &id, "bob2").assert_failed(7, "Bob has approved already");
    open(&desk, &id, &[]).assert_failed(7, "and this one has 1");
    approve(&desk, &id, "carl").assert_code(0);
    open(&desk, &id, &[]).assert_failed(MAY_BE_OPENED.0, MAY_BE_OPENED.1);
}

#[test]
fn ones_own_request_is_not_approved_by_any_of_ones_keys_nor_ones_own_way_in() {
    let desk = desk(1, "");
    let own = asked(&desk, &["--sign-with", "bob"]);
    for key in ["bob", "bob2"] {
        approve(&desk, &own, key).assert_failed(7, "asked for the window, and cannot approve it");
    }
    let way_in = asked(&desk, &["--who", "carl", "--key", "carl.pub"]);
    approve(&desk, &way_in, "carl").assert_failed(7, "carl is to be let in");
    desk.run(&ask(&["--for", "1h", "--sign-with", "eve"])).assert_failed(7, "which the site does not know");
}

#[test]
fn what_was_approved_and_not_opened_can_be_withdrawn() {
    let desk = desk(1, "");
    let (one, other) = (asked(&desk, &[]), asked(&desk, &["--reason", "another"]));
    approve(&desk, &one, "bob").assert_code(0);
    desk.run(&["access", "extend", &one, "--for", "2h"]).assert_failed(2, "is a request, of which no window was opened");
    for _ in 0..2 {
        let closed = desk.run(&["access", "close", &one]).assert_code(0).stdout.clone();
        assert_eq!(closed, format!("request {one} for ada: withdrawn\n"));
    }
    assert_eq!((state_of(&desk, &one), state_of(&desk, &other)), ("withdrawn".into(), "requested".into()));
    open(&desk, &one, &[]).assert_failed(7, "was withdrawn before it was opened");
    open(&desk, &format!("windows/{one}/request.json"), &[]).assert_failed(7, "was withdrawn before it was opened");
    approve(&desk, &one, "carl").assert_failed(7, "was withdrawn before it was opened");
    let all = desk.json(&["access", "close", "--all"]).assert_code(0).summary();
    assert_eq!(all["requests"], serde_json::json!([{"id": other, "state": "withdrawn"}]));
    assert!(desk.run(&["access", "list"]).stdout.starts_with("no window is open"));
    let withdrawn = desk.json(&["audit", "log", "--kind", "window.withdrawn"]).value();
    assert_eq!(withdrawn["events"].as_array().map(Vec::len), Some(2));
}

#[test]
fn who_cannot_approve_is_told_so_before_being_asked() {
    let desk = desk(1, "");
    let own = asked(&desk, &["--sign-with", "bob"]);
    let run = desk.run(&["access", "approve", &own, "--sign-with", "bob"]);
    run.assert_failed(7, "asked for the window, and cannot approve it");
}

#[test]
fn nothing_but_what_was_approved_is_opened() {
    let desk = desk(1, "");
    let id = asked(&desk, &[]);
    approve(&desk, &id, "bob").assert_code(0);
    open(&desk, &id, &["--node", "a0-2"]).assert_failed(7, "the window's nodes is not what was approved");
    open(&desk, &id, &["--key", "eve.pub"]).assert_failed(7, "the window's key is not what was approved");
    for other in [["--reason", "another"], ["--for", "8h"], ["--who", "eve"], ["--kind", "initial"], ["--ticket", "CHG2"]] {
        open(&desk, &id, &other).assert_code(2);
    }
    // The request's file altered, with the approval that the ledger holds.
    let file = format!("windows/{id}/request.json");
    let text = desk.read(&file);
    for (from, to) in [("update 23.4", "whatever"), ("\"a0-1\"", "\"a0-1\", \"a0-2\""), ("3600", "28800"), ("\"ada\"", "\"eve\"")] {
        assert!(text.contains(from), "{text}");
        desk.write("altered.json", &text.replace(from, to));
        open(&desk, "altered.json", &[]).assert_failed(7, "signature does not hold");
        desk.run(&["access", "approve", "altered.json", "--sign-with", "carl", "--yes"]).assert_failed(7, "signature does not hold");
    }
    // Asked for anew with other words under the same id: what the ledger holds counts.
    let other = asked(&desk, &["--reason", "another"]);
    desk.write("altered.json", &desk.read(&format!("windows/{other}/request.json")).replace(&other, &id));
    open(&desk, "altered.json", &[]).assert_failed(7, "signature does not hold");
    open(&desk, &other, &[]).assert_failed(7, "and this one has 0");
}

#[test]
fn an_approval_of_one_request_is_nothing_for_another() {
    let desk = desk(1, "");
    let (one, two) = (asked(&desk, &[]), asked(&desk, &[]));
    desk.run(&["access", "approve", &one, "--sign-with", "bob", "--yes", "--out", "one.sig"]).assert_code(0);
    open(&desk, &one, &[]).assert_failed(7, "and this one has 0");
    open(&desk, &two, &["--approval", "one.sig"]).assert_failed(7, "is not one over this text");
    desk.run(&["access", "approve", &two, "--signature", "one.sig"]).assert_failed(7, "is not one over this text");
    desk.run(&["access", "approve", &one, "--signature", "one.sig"]).assert_code(0);
    open(&desk, &one, &[]).assert_failed(MAY_BE_OPENED.0, MAY_BE_OPENED.1);
    // A request is no approval either, whoever signed it.
    let own = asked(&desk, &["--sign-with", "bob"]);
    let request: serde_json::Value = serde_json::from_str(&desk.read(&format!("windows/{own}/request.json"))).unwrap();
    desk.write("own.sig", request["signature"].as_str().unwrap());
    open(&desk, &own, &["--approval", "own.sig"]).assert_failed(7, "made for another purpose");
}

#[test]
fn a_request_travels_as_a_file_and_is_approved_by_an_agent_or_by_plain_ssh_keygen() {
    let (here, there) = (desk(1, ""), Desk::new(&[]));
    let id = asked(&here, &["--out", "request.json"]);
    // The approver's own machine: the site file, the request, and an agent; no ledger.
    there.write("site.yaml", &here.read("site.yaml"));
    there.write("request.json", &here.read("request.json"));
    there.write("bob.pub", &here.read("bob.pub"));
    let agent = Agent::holding(&here.path("bob"), there.path("agent"));
    let mut command = there.command(&["access", "approve", "request.json", "--sign-with", "bob.pub", "--yes", "--out", "bob.sig"]);
    let approved = Run::of(command.env("SSH_AUTH_SOCK", &agent.socket));
    approved.assert_code(0);
    assert!(!there.path("ledger.sqlite").exists());
    here.write("bob.sig", &there.read("bob.sig"));
    open(&here, &id, &["--approval", "bob.sig"]).assert_failed(MAY_BE_OPENED.0, MAY_BE_OPENED.1);
    // It was recorded before anything was dialled.
    assert_eq!(state_of(&here, &id), "approved");
    let by_program = asked(&here, &[]);
    let request: serde_json::Value = serde_json::from_str(&here.read(&format!("windows/{by_program}/request.json"))).unwrap();
    here.write("message", &format!("{}\n", portcullis::ledger::canonical::encode_canonical(&request["request"]).unwrap()));
    let mut sign = Command::new("ssh-keygen");
    sign.args(["-q", "-Y", "sign", "-n", "window-approval@portcullis", "-f"]).arg(here.path("carl")).arg(here.path("message"));
    assert!(sign.status().unwrap().success());
    here.run(&["access", "approve", &by_program, "--signature", "message.sig"]).assert_code(0);
    assert_eq!(here.json(&["access", "show", &by_program]).value()["request"]["approved_by"], serde_json::json!(["carl"]));
}

#[test]
fn what_has_passed_or_is_no_longer_allowed_is_not_opened() {
    let desk = desk(1, "");
    let soon = asked(&desk, &[]);
    approve(&desk, &soon, "bob").assert_code(0);
    // The one who approved is no longer an approver, and the policy has become narrower.
    let site = desk.read("site.yaml");
    desk.write("site.yaml", &site.replace(&desk.signatory("bob", "bob"), &desk.signatory("bob", "eve")));
    open(&desk, &soon, &[]).assert_failed(7, "belongs to none of the site's approvers");
    desk.write("site.yaml", &site.replace("approvals: 1", "approvals: 1\n  longest_window: 30m"));
    open(&desk, &soon, &[]).assert_failed(7, "the site allows 30m");
    desk.write("site.yaml", &site.replace("site: north", "site: south"));
    open(&desk, &soon, &[]).assert_failed(7, "the request is for the site north");
    desk.write("site.yaml", &site);
    let past = desk.json(&ask(&["--to", &(super::stage::now() + jiff::SignedDuration::from_secs(2)).to_string()]));
    let id = past.assert_code(0).value()["request"]["id"].as_str().unwrap().to_owned();
    let end = past.value()["request"]["to"].as_str().unwrap().parse().unwrap();
    super::stage::wait_for(end);
    approve(&desk, &id, "bob").assert_failed(7, "what was asked for ended at");
    open(&desk, &id, &[]).assert_failed(7, "what was asked for ended at");
    assert_eq!(desk.json(&["access", "list"]).value()["requests"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_was_approved_is_opened_as_it_was_approved_and_once() {
    let stage = Stage::set();
    for name in ["rita", "bob"] {
        stage.keygen(name);
    }
    let key = |name: &str| std::fs::read_to_string(stage.path(&format!("{name}.pub"))).unwrap().trim().to_owned();
    let policy = format!(
        "access: {{approvals: 1, approvers: [{{name: bob, key: \"{}\"}}], requesters: [{{name: rita, key: \"{}\"}}], ",
        key("bob"),
        key("rita")
    );
    stage.write("site.yaml", &stage.site().replace("access: {", &policy));
    let ask = stage.json(&ask(&["--for", "20m", "--node", "a0-1"]));
    let id = ask.assert_code(0).value()["request"]["id"].as_str().unwrap().to_owned();
    stage.run(&["access", "approve", &id, "--sign-with", "bob", "--yes"]).assert_code(0);
    let opened = stage.json(&["access", "open", "--request", &id, "--key", "ada.pub"]);
    let window = opened.assert_code(0).summary()["window"].clone();
    assert_eq!(
        (&window["id"], &window["reason"], &window["nodes"]),
        (&id.as_str().into(), &"update 23.4".into(), &serde_json::json!(["a0-1"]))
    );
    let moment = |name: &str| window[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(moment("to").duration_since(moment("from")), jiff::SignedDuration::from_mins(20), "its length counts from its start");
    let window = super::stage::Window { id: id.clone(), start: moment("from"), end: moment("to") };
    assert_eq!(stage.gets_in(&window, "a0-1"), (true, String::new()));
    stage.run(&["access", "open", "--request", &id]).assert_failed(7, "a request is used once");
    stage.run(&["access", "extend", &id, "--for", "1m"]).assert_failed(7, "beyond what was approved");
    stage.run(&["access", "close", &id]).assert_code(0);
    stage.run(&["access", "open", "--request", &id]).assert_failed(7, "a request is used once");
    stage.json(&["audit", "verify"]).assert_code(0);
}
