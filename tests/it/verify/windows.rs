//! Windows all closed: what the ledger holds open is told, and what machines hold that it does not know of is a finding.

use super::turn;

#[expect(clippy::disallowed_methods, reason = "a person's key, made as persons make it")]
fn keygen(path: &std::path::Path) {
    let made = std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.unwrap().success());
}

#[test]
fn a_window_that_is_open_is_told_until_it_is_closed_and_one_that_nobody_knows_is_an_error() {
    let turn = turn();
    let key = turn.path("ada");
    keygen(&key);
    let verify = || turn.events(&["verify", "--no-mail", "--limit", "a0-1"]);
    let public = key.with_extension("pub");
    let open = [
        "access",
        "open",
        "--who",
        "ada",
        "--for",
        "20m",
        "--reason",
        "test",
        "--node",
        "a0-1",
        "--yes",
        "--key",
        public.to_str().unwrap(),
    ];
    turn.run(&open).assert_code(0);
    let opened = verify();
    turn.run(&["access", "close", "--all", "--yes"]).assert_code(0);
    let closed = verify();
    opened.assert_code(0);
    assert!(opened.told("access.closed").contains("of ada is open until"), "{}", opened.told("access.closed"));
    assert_eq!(opened.ids("warning").iter().filter(|id| *id == "access.closed").count(), 1, "{}", opened.stdout);
    closed.assert_code(0);
    assert!(!closed.stdout.contains("of ada is open"), "{}", closed.stdout);
    assert_eq!(closed.verdict("a0-1", "windows"), "passed");

    turn.shell("a0-1", "mkdir -p /etc/ssh/portcullis/principals; echo 'restrict,pty mallory' >/etc/ssh/portcullis/principals/admin");
    let stray = verify();
    turn.shell("a0-1", "rm /etc/ssh/portcullis/principals/admin");
    stray.assert_code(3);
    assert!(stray.told("access.closed").contains("mallory"), "{}", stray.told("access.closed"));
    verify().assert_code(0);
}
