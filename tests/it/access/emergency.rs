//! The page for the day on which the tool is not at hand: what it says is done, word for word, and the door is shut.

use super::stage::Stage;

/// The page's commands, in their order, as one script.
fn by_hand() -> String {
    let page = std::fs::read_to_string("docs/emergency.md").unwrap();
    let blocks: Vec<&str> = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 4, "the page has other steps than this test");
    blocks.concat()
}

#[test]
fn what_the_page_says_shuts_a_door_by_hand() {
    let stage = Stage::set();
    let site = stage.site();
    stage.write("site.yaml", &site.replace("access: {", "access: {record: true, "));
    let window = stage.open(&["--for", "10m", "--node", "a0-1,a0-2"]);
    let mut session = stage.ssh(&window, &["a0-1", "nohup sleep 701 >/dev/null 2>&1 & exec sleep 700"]).spawn().unwrap();
    stage.wait_until("a0-1", "pgrep -f '[s]leep 700' && pgrep -f '[s]leep 701'");
    for machine in ["a0-1", "jump"] {
        let said = stage.sh(machine, &by_hand());
        assert!(said.lines().all(|line| line.starts_with("ended\t")), "{machine}: something is left: {said}");
    }
    assert!(!session.wait().unwrap().success());
    assert_eq!(stage.sh("a0-1", "pgrep -f '[s]leep 70' || true"), "");
    assert!(!stage.gets_in(&window, "a0-1").0 && !stage.gets_in(&window, "a0-2").0);
    for machine in ["a0-1", "jump"] {
        assert_eq!(stage.left_on(machine), "", "{machine}");
    }
    // The operators' own logins are as they were; the ledger is told afterwards.
    let live = stage.json(&["access", "list", "--live"]);
    assert!(live.assert_code(3).stdout.contains("access.principal.missing"), "{}", live.stdout);
    stage.run(&["access", "close", "--all"]).assert_code(0);
    stage.wait_until_clean();
    let again = stage.open(&["--for", "5m", "--node", "a0-1"]);
    assert_eq!(stage.gets_in(&again, "a0-1"), (true, String::new()));
    stage.run(&["access", "close", "--all"]).assert_code(0);
}
