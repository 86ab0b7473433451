//! Transactions and rollbacks: what is put in place, what is put back, what is refused.

use super::super::transaction::{Action, Removal, rollback_script};
use super::*;

#[test]
fn files_are_put_in_place_with_mode_and_rolled_back_to_the_byte() {
    on_every_shell(|machine| {
        machine.put("a", "old");
        std::os::unix::fs::symlink("a", machine.path("link")).unwrap();
        let name = "new folder/it's $HOME";
        let big = "x".repeat(200_001);
        let mut first = transaction(1, vec![placement(machine, "a", "new", of("old")), placement(machine, name, &big, Expected::Absent)]);
        first.removals.push(Removal { step: "gone".into(), path: machine.path("link"), expected: Expected::Link });
        assert_eq!(machine.carry_out(&first), Outcome::Done);
        assert_eq!((machine.read("a").as_deref(), machine.read(name)), (Some("new"), Some(big)));
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(machine.path("a")).unwrap().permissions());
        assert_eq!(mode & 0o7777, 0o640);
        assert_eq!(machine.names(), ["a", "new folder"]);
        assert_eq!(machine.run(&rollback_script(&run_id(1), "tester"), b"").1, Outcome::RolledBack);
        assert_eq!(machine.read("a").as_deref(), Some("old"));
        assert_eq!(machine.names(), ["a", "link"]);
        assert_eq!(machine.state(run_id(1).as_str()).as_deref(), Some("rolled-back\n"));
    });
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn files_of_any_name_and_content_come_and_go(
        names in proptest::collection::btree_set("[^\\x00-\\x1f\\x7f/]{1,20}( |'|\"|[$]x|[*]|-n|`|\\\\n)?", 1..5),
        content in "[\\x00-\\x7f]{0,40}",
    ) {
        let names: Vec<_> = names.iter().map(|name| format!("{name}!/{name}!")).collect();
        for machine in [Machine::new(SHELLS[0]), Machine::new(SHELLS[1]), Machine::of_busybox()] {
            let run = transaction(1, names.iter().map(|name| placement(&machine, name, &content, Expected::Absent)).collect());
            proptest::prop_assert_eq!(machine.carry_out(&run), Outcome::Done);
            for name in &names {
                proptest::prop_assert_eq!(machine.read(name), Some(content.clone()));
            }
            proptest::prop_assert_eq!(machine.run(&rollback_script(&run_id(1), "it's me"), b"").1, Outcome::RolledBack);
            proptest::prop_assert_eq!(machine.names(), Vec::<String>::new());
        }
    }
}

#[test]
fn a_failing_action_puts_everything_back_and_says_why() {
    on_every_shell(|machine| {
        machine.put("a", "old");
        let mut run = transaction(1, vec![placement(machine, "a", "new", of("old")), placement(machine, "b/c", "1", Expected::Absent)]);
        run.actions.push(("act".into(), Action::Command("echo out of reach; exit 3".into())));
        let Outcome::Undone { step, reason } = machine.carry_out(&run) else { panic!() };
        assert_eq!(step, "act");
        assert!(reason.contains("out of reach") && reason.contains("status 3"), "{reason}");
        assert_eq!((machine.read("a").as_deref(), machine.names()), (Some("old"), vec!["a".to_owned()]));
    });
}

#[test]
fn a_failing_validation_keeps_actions_from_running() {
    on_every_shell(|machine| {
        machine.put("a", "old");
        let mut run = transaction(1, vec![placement(machine, "a", "new", of("old"))]);
        run.validations.push(("check".into(), format!("grep old {}", machine.path("a"))));
        run.actions.push(("act".into(), Action::Command(format!("touch {}", machine.path("acted")))));
        let outcome = machine.carry_out(&run);
        assert!(matches!(outcome, Outcome::Undone { .. } | Outcome::NotBegun { .. }), "{outcome:?}");
        assert_eq!((machine.read("a").as_deref(), machine.names()), (Some("old"), vec!["a".to_owned()]));
    });
}

#[test]
fn what_arrives_torn_at_any_byte_changes_nothing() {
    on_every_shell(|machine| {
        machine.put("a", "old");
        let run = transaction(1, vec![placement(machine, "a", "newer", of("old")), placement(machine, "b", "123", Expected::Absent)]);
        for cut in 0..8 {
            let (_, outcome) = machine.run(&run.script(), &run.payload()[..cut]);
            assert!(matches!(outcome, Outcome::NotBegun { .. }), "{cut}: {outcome:?}");
            assert_eq!((machine.read("a").as_deref(), machine.names()), (Some("old"), vec!["a".to_owned()]));
            assert_eq!(machine.state(run_id(1).as_str()), None);
        }
    });
}

#[test]
fn what_changed_since_the_plan_is_never_overwritten() {
    on_every_shell(|machine| {
        machine.put("a", "by hand");
        std::os::unix::fs::symlink("/etc/passwd", machine.path("link")).unwrap();
        for (name, expected) in [("a", of("old")), ("a", Expected::Absent), ("link", Expected::Absent)] {
            let outcome = machine.carry_out(&transaction(1, vec![placement(machine, name, "new", expected)]));
            assert!(matches!(outcome, Outcome::NotBegun { .. }), "{outcome:?}");
        }
        assert_eq!(machine.read("a").as_deref(), Some("by hand"));
    });
}

#[test]
fn what_has_become_a_link_since_is_never_followed_nor_replaced() {
    on_every_shell(|machine| {
        let (inside, outside) = (machine.path("folder"), machine.path("elsewhere"));
        let run =
            transaction(1, vec![placement(machine, "folder/a", "new", Expected::Absent), placement(machine, "b", "new", Expected::Absent)]);
        assert_eq!(machine.carry_out(&run), Outcome::Done);
        let refused = |said: &str| {
            let (_, outcome) = machine.run(&rollback_script(&run_id(1), "tester"), b"");
            assert!(matches!(&outcome, Outcome::NotBegun { reason, .. } if reason.contains(said)), "{outcome:?}");
            assert_eq!(machine.read("elsewhere/a").as_deref(), Some("new"));
        };
        std::fs::rename(&inside, &outside).unwrap();
        std::os::unix::fs::symlink(&outside, &inside).unwrap();
        refused("is a symbolic link; it is not followed");
        let over = transaction(2, vec![placement(machine, "folder/a", "newer", of("new"))]);
        assert!(matches!(machine.carry_out(&over), Outcome::NotBegun { reason, .. } if reason.contains("is a symbolic link")));
        // The same content through a link is not the file that was put there.
        std::fs::remove_file(&inside).unwrap();
        std::fs::create_dir(&inside).unwrap();
        std::os::unix::fs::symlink(machine.path("elsewhere/a"), machine.path("folder/a")).unwrap();
        refused("was changed since run");
        assert_eq!(machine.read("b").as_deref(), Some("new"));
    });
}

#[test]
fn a_run_killed_in_the_midst_is_undone_by_the_next() {
    on_every_shell(|machine| {
        machine.put("a", "old");
        machine.put("z", "z");
        let mut killed = transaction(1, vec![placement(machine, "a", "new", of("old")), placement(machine, "b", "1", Expected::Absent)]);
        killed.actions.push(("act".into(), Action::Command("kill -9 $PPID".into())));
        let script = format!("( {}\n) ; printf 'result\\tfailed\\t\\tkilled\\n'", killed.script());
        // `$PPID` of the action is the shell that waits for it; how that ends is beside the point here.
        let (_, _) = machine.run(&script, &killed.payload());
        let folder = machine.folder.path().join("home/runs").join(run_id(1).as_str());
        crate::disk::write_atomically(&folder.join("state"), b"committing\n", 0o600, crate::disk::Existing::Replace).unwrap();
        let (answers, outcome) = {
            let next = transaction(2, vec![placement(machine, "z", "zz", of("z"))]);
            machine.run(&next.script(), &next.payload())
        };
        assert_eq!(outcome, Outcome::Done);
        assert!(answers.iter().any(|answer| matches!(answer, Answer::Recovered { trouble, .. } if trouble.is_empty())), "{answers:?}");
        assert_eq!((machine.read("a").as_deref(), machine.read("z").as_deref()), (Some("old"), Some("zz")));
        assert_eq!(machine.names(), ["a", "z"]);
    });
}

#[test]
fn a_rollback_that_would_lose_later_changes_is_refused() {
    on_every_shell(|machine| {
        machine.put("a", "old");
        assert_eq!(machine.carry_out(&transaction(1, vec![placement(machine, "a", "new", of("old"))])), Outcome::Done);
        machine.put("a", "by hand");
        let (_, outcome) = machine.run(&rollback_script(&run_id(1), "tester"), b"");
        assert!(matches!(outcome, Outcome::NotBegun { ref reason, .. } if reason.contains("changed since")), "{outcome:?}");
        assert_eq!(machine.read("a").as_deref(), Some("by hand"));
        let (_, unknown) = machine.run(&rollback_script(&run_id(7), "tester"), b"");
        assert!(matches!(unknown, Outcome::UnknownRun { .. }));
    });
}

#[test]
fn a_second_run_meets_the_lock_and_its_owner() {
    on_every_shell(|machine| {
        let lock = std::fs::File::create(machine.folder.path().join("portcullis.lock")).unwrap();
        crate::disk::write_atomically(
            &machine.folder.path().join("portcullis.owner"),
            b"eve on laptop\n",
            0o600,
            crate::disk::Existing::Replace,
        )
        .unwrap();
        lock.lock().unwrap();
        let outcome = machine.carry_out(&transaction(1, vec![placement(machine, "a", "new", Expected::Absent)]));
        let Outcome::Locked { holder } = outcome else { panic!("{outcome:?}") };
        assert_eq!(holder.owner, "eve on laptop");
        assert!(holder.age.is_some());
        lock.unlock().unwrap();
    });
}

#[test]
fn no_content_is_in_the_script_and_ten_runs_are_kept() {
    let machine = Machine::new(SHELLS[0]);
    machine.put("a", "0");
    for number in 0..9 {
        let run = transaction(number, vec![placement(&machine, "a", &format!("canary-{}", number + 1), of(&machine.read("a").unwrap()))]);
        assert!(!run.script().contains("canary"));
        assert_eq!(machine.carry_out(&run), Outcome::Done);
    }
    for number in 0..4 {
        let id = RunId::parse(&format!("20261122T07000{number}Z-aaaaaa")).unwrap();
        let mut run = transaction(0, vec![placement(&machine, "a", &format!("later-{number}"), of(&machine.read("a").unwrap()))]);
        run.run = id;
        assert_eq!(machine.carry_out(&run), Outcome::Done);
    }
    assert_eq!(std::fs::read_dir(machine.folder.path().join("home/runs")).unwrap().count(), 10);
}

#[test]
fn a_lock_is_taken_from_a_run_that_has_waited_for_its_client_too_long_and_from_no_other() {
    on_every_shell(|machine| {
        let silent = transaction(1, vec![placement(machine, "a", "never sent", Expected::Absent)]);
        let mut holder = machine.start(&silent.script());
        let state = machine.folder.path().join("home/runs").join(run_id(1).as_str()).join("state");
        while !std::fs::read_to_string(&state).is_ok_and(|state| state == "staging\n") {
            std::thread::yield_now();
        }
        let next = transaction(2, vec![placement(machine, "b", "new", Expected::Absent)]);
        assert!(matches!(machine.carry_out(&next), Outcome::Locked { holder } if holder.owner == "tester"));
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        std::fs::File::options().write(true).open(&state).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(machine.carry_out(&next), Outcome::Done);
        assert_eq!((machine.state(run_id(1).as_str()), machine.names()), (None, vec!["b".to_owned()]));
        drop(holder.stdin.take());
        holder.wait().unwrap();
    });
}

#[test]
fn a_run_that_is_told_again_takes_the_lock_from_its_own_first_telling() {
    on_every_shell(|machine| {
        let run = transaction(1, vec![placement(machine, "a", "never sent", Expected::Absent)]);
        let mut first = machine.start(&run.script());
        while machine.state(run_id(1).as_str()).as_deref() != Some("staging\n") {
            std::thread::yield_now();
        }
        assert_eq!(machine.carry_out(&run), Outcome::Done);
        assert_eq!((machine.read("a").as_deref(), machine.names()), (Some("never sent"), vec!["a".to_owned()]));
        drop(first.stdin.take());
        first.wait().unwrap();
    });
}

#[test]
fn a_run_that_changes_things_for_longer_than_an_hour_is_ended_with_all_it_started_and_undone() {
    on_every_shell(|machine| {
        machine.put("a", "old");
        let mut stuck = transaction(1, vec![placement(machine, "a", "new", of("old"))]);
        let begun = machine.path("begun");
        // It ends by itself should the machine not end it: no test leaves anything behind.
        let action = format!("echo $$ >{begun}.new; mv {begun}.new {begun}; n=0; while [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done");
        stuck.actions.push(("act".into(), Action::Command(action)));
        let mut holder = machine.start(&stuck.script());
        holder.stdin.take().unwrap().write_all(&stuck.payload()).unwrap();
        while machine.read("begun").is_none() {
            std::thread::yield_now();
        }
        let next = transaction(2, vec![placement(machine, "b", "new", Expected::Absent)]);
        assert!(matches!(machine.carry_out(&next), Outcome::Locked { .. }));
        let state = machine.folder.path().join("home/runs").join(run_id(1).as_str()).join("state");
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        std::fs::File::options().write(true).open(&state).unwrap().set_modified(long_ago).unwrap();
        let (answers, outcome) = machine.run(&next.script(), &next.payload());
        assert_eq!(outcome, Outcome::Done);
        assert!(answers.iter().any(|answer| matches!(answer, Answer::Recovered { .. })), "{answers:?}");
        assert_eq!((machine.read("a").as_deref(), machine.read("b").as_deref()), (Some("old"), Some("new")));
        holder.wait().unwrap();
        let child = format!("/proc/{}", machine.read("begun").unwrap().trim());
        assert!(!Path::new(&child).exists() || std::fs::read_to_string(format!("{child}/status")).unwrap().contains("(zombie)"));
    });
}

#[test]
fn a_new_ca_is_found_by_its_hash_and_gone_after_an_undo() {
    on_every_shell(|machine| {
        let pem = rcgen::generate_simple_self_signed(vec!["proxy".to_owned()]).unwrap().cert.pem();
        let rewriter = machine.folder.path().join("bin/update-ca-certificates");
        std::fs::create_dir_all(rewriter.parent().unwrap()).unwrap();
        let rewrite = format!("#!/bin/sh\necho old >{}\n", machine.path("ca-certificates.crt"));
        crate::disk::write_atomically(&rewriter, rewrite.as_bytes(), 0o755, crate::disk::Existing::Replace).unwrap();
        machine.put("ca-certificates.crt", "old\n");
        let mut run = transaction(1, vec![placement(machine, "proxy-1.crt", &pem, Expected::Absent)]);
        run.actions.push(("trust".into(), Action::Trust(machine.path("proxy-1.crt"))));
        assert_eq!(machine.carry_out(&run), Outcome::Done);
        assert_eq!(machine.read("ca-certificates.crt"), Some(format!("old\n{pem}")));
        let hashed = machine.names().into_iter().find(|name| name.ends_with(".0")).unwrap();
        assert_eq!((machine.read(&hashed), machine.read("proxy-1.pem")), (Some(pem.clone()), Some(pem)));
        assert_eq!(machine.run(&rollback_script(&run_id(1), "tester"), b"").1, Outcome::RolledBack);
        assert_eq!(
            (machine.names(), machine.read("ca-certificates.crt")),
            (vec!["ca-certificates.crt".to_owned()], Some("old\n".to_owned()))
        );
    });
}

#[test]
fn an_action_that_is_killed_without_a_word_undoes_the_run() {
    on_every_shell(|machine| {
        machine.put("a", "old");
        let mut run = transaction(1, vec![placement(machine, "a", "new", of("old"))]);
        run.actions.push(("act".into(), Action::Command("kill -TERM $PPID; sleep 5".into())));
        run.actions.push(("next".into(), Action::Command(format!("touch {}", machine.path("acted")))));
        let Outcome::Undone { step, reason } = machine.carry_out(&run) else { panic!() };
        assert_eq!(step, "act");
        assert!(!reason.is_empty());
        assert_eq!((machine.read("a").as_deref(), machine.names()), (Some("old"), vec!["a".to_owned()]));
    });
}

#[test]
fn runs_that_failed_never_cost_what_can_be_put_back() {
    let machine = Machine::new(SHELLS[0]);
    machine.put("a", "old");
    assert_eq!(machine.carry_out(&transaction(0, vec![placement(&machine, "a", "new", of("old"))])), Outcome::Done);
    for number in 0..12 {
        let mut failing = transaction(1, vec![placement(&machine, "a", "newer", of("new"))]);
        failing.run = RunId::parse(&format!("20261123T0700{number:02}Z-aaaaaa")).unwrap();
        failing.actions.push(("act".into(), Action::Command("exit 1".into())));
        assert!(matches!(machine.carry_out(&failing), Outcome::Undone { .. }));
    }
    machine.put("b", "1");
    let mut last = transaction(9, vec![placement(&machine, "b", "2", of("1"))]);
    last.run = RunId::parse("20261124T070000Z-aaaaaa").unwrap();
    assert_eq!(machine.carry_out(&last), Outcome::Done);
    assert_eq!(machine.run(&rollback_script(&run_id(0), "tester"), b"").1, Outcome::RolledBack);
    assert_eq!(std::fs::read_dir(machine.folder.path().join("home/runs")).unwrap().count(), 12);
}

#[test]
fn mode_alone_changes_and_comes_back_and_the_content_is_never_sent() {
    on_every_shell(|machine| {
        machine.put("key", "secret\n");
        let mode = || std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(machine.path("key")).unwrap().permissions()) & 0o777;
        let before = mode();
        let hash = sha256_hex(b"secret\n");
        let kept = || Placement { mode: "0600".to_owned(), ..placement(machine, "key", "", Expected::Kept(hash.clone())) };
        let stale = Placement { expected: Expected::Kept(sha256_hex(b"other")), ..kept() };
        assert!(matches!(machine.carry_out(&transaction(1, vec![stale])), Outcome::NotBegun { .. }));
        let mut failing = transaction(2, vec![kept()]);
        failing.actions = vec![("x".into(), Action::Command("exit 3".into()))];
        assert!(matches!(machine.carry_out(&failing), Outcome::Undone { .. }));
        assert_eq!(mode(), before);
        let done = transaction(3, vec![kept()]);
        assert!(done.payload().is_empty() && machine.carry_out(&done) == Outcome::Done);
        assert_eq!((mode(), machine.read("key").as_deref()), (0o600, Some("secret\n")));
        assert_eq!(machine.run(&rollback_script(&run_id(3), "tester"), b"").1, Outcome::RolledBack);
        assert_eq!((mode(), machine.read("key").as_deref()), (before, Some("secret\n")));
    });
}
