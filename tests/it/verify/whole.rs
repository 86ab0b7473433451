//! All of it together: green after `apply`, the proxy, nodes that are down.

use super::turn;

#[test]
fn after_apply_every_node_is_green_in_words_and_without_colours() {
    let turn = turn();
    let run = turn.run(&["verify", "--no-mail"]);
    run.assert_code(0);
    for node in ["a0-1", "a0-2", "a0-3"] {
        for subject in ["TLS", "mail", "proxy"] {
            let line = run.stdout.lines().find(|line| line.contains(node) && line.contains(subject)).unwrap_or_default();
            assert!(line.starts_with('\u{2713}') && line.contains("passed"), "{node} {subject}: {}", run.stdout);
        }
    }
    assert!(!run.stdout.contains('\u{1b}'));
}

#[test]
fn a_missing_exception_is_told_with_the_line_that_mends_it() {
    let turn = turn();
    turn.except("acl portcullis_exceptions dstdomain apt-mirror.it.auth0.com\n");
    let run = turn.events(&["verify", "--no-mail"]);
    turn.mend_exceptions();
    run.assert_code(3);
    assert_eq!(run.ids("error"), ["proxy.auth"]);
    let told = run.findings();
    let of = |host: &str| {
        told.iter().filter(|finding| finding["id"] == "proxy.auth" && finding["subject"].as_str().unwrap().starts_with(host)).count()
    };
    assert_eq!((of("apt-mirror.it.auth0.com"), of("cdn.auth0.com")), (0, 3));
    let told = run.told("proxy.auth");
    assert!(told.contains("http_access allow portcullis_nodes") && told.contains("10.77.0.11 10.77.0.12 10.77.0.13"), "{told}");
    turn.events(&["verify", "--no-mail"]).assert_code(0);
}

#[test]
fn a_node_that_is_down_is_never_green_and_has_its_exit_code() {
    let turn = turn();
    turn.lab.cut("a0-3").unwrap();
    let some = turn.events(&["verify", "--no-mail", "--timeout", "5s"]);
    let alone = turn.events(&["verify", "--no-mail", "--timeout", "5s", "--limit", "a0-3"]);
    let checked = turn.events(&["check", "--timeout", "5s", "-v"]);
    turn.lab.heal("a0-3").unwrap();
    some.assert_code(5);
    assert!(some.told("access.path").starts_with("a0-3"), "{}", some.told("access.path"));
    assert_eq!(some.summary()["nodes"]["a0-3"]["reached"], false);
    for subject in ["tls", "mail", "proxy"] {
        assert_ne!(some.verdict("a0-3", subject), "passed", "{subject}");
        assert_eq!(some.verdict("a0-1", subject), "passed", "{subject}");
    }
    alone.assert_code(6);
    checked.assert_code(3);
    assert_eq!(checked.ids("error"), ["access.path"]);
    let checks = checked.summary()["checks"].as_array().unwrap().clone();
    let of_it: Vec<_> = checks.iter().filter(|check| check["subject"] == "a0-3" && check["verdict"] == "passed").collect();
    assert!(of_it.is_empty(), "{of_it:?}");
    assert!(checked.ids("warning").contains(&"check.not-run".to_owned()));
    turn.events(&["verify", "--no-mail"]).assert_code(0);
}
