//! A drill on the lab: every step proven, the evidence as text, JSON and one HTML file, nothing left; and what policy refuses.

use super::stage::Stage;

#[test]
fn a_drill_proves_each_step_and_leaves_nothing() {
    let stage = Stage::set();
    let run = stage.json(&["drill", "--for", "45s", "--node", "a0-1,a0-2", "--report", "drill.html"]);
    let drill = run.assert_code(0).value();
    let steps = drill["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &drill["proven"]), (6, &serde_json::json!(true)), "{drill:#}");
    let seen = drill.to_string();
    for what in [
        "a0-1: let in",
        "a0-2: refused: ",
        "ms after the window's end, by the node's own closer",
        "its sshd refuses by itself from",
        "as if it were dead",
    ] {
        assert!(seen.contains(what), "`{what}` is missing in {drill:#}");
    }
    assert_eq!(drill["windows"].as_array().map(Vec::len), Some(3));
    assert!(drill["windows"][1].as_str().unwrap().contains("login as admin from"), "{drill:#}");
    crate::pages::assert_readable(&[&stage.path("drill.html")]);
    let page = std::fs::read_to_string(stage.path("drill.html")).unwrap();
    assert!(page.contains("6 of 6 steps proven") && !page.contains("http") && !page.contains("src="), "{page}");
    stage.wait_until_clean();
    assert_eq!(stage.json(&["access", "list"]).value()["windows"], serde_json::json!([]));
    let left: Vec<_> = std::fs::read_dir(stage.path("windows")).unwrap().collect();
    assert!(left.is_empty(), "its key and folders are left: {left:?}");
}

#[test]
fn a_drill_is_held_within_the_sites_policy() {
    let stage = Stage::set();
    stage.write("site.yaml", &stage.site().replace("access: {", "access: {ticket_pattern: \"CHG[0-9]+\", "));
    let refused = stage.run(&["drill", "--node", "a0-1"]);
    assert!(refused.assert_code(7).stdout.contains("demands a ticket"), "{}", refused.stdout);
}
