//! Guarded runs: the machine takes back by itself what nobody confirms. Without systemd here; with it on the lab.

use std::time::{Duration, Instant};

use super::super::transaction::{Action, Guard, confirm_script, revert_script, rollback_script};
use super::*;

/// A run that replaces `a` and adds `b/c`, guarded for so long.
fn guarded(machine: &Machine, number: u8, seconds: u64) -> Transaction {
    machine.put("a", "old");
    let mut run = transaction(number, vec![placement(machine, "a", "new", of("old")), placement(machine, "b/c", "1", Expected::Absent)]);
    run.guard = Some(Guard { within: Duration::from_secs(seconds) });
    run
}

#[track_caller]
fn assert_waits(machine: &Machine, run: &Transaction) {
    let outcome = machine.carry_out(run);
    assert!(
        matches!(&outcome, Outcome::Guarded { left, until } if *left <= Duration::from_secs(90) && until.ends_with(" UTC")),
        "{outcome:?}"
    );
    assert_eq!((machine.read("a").as_deref(), machine.read("b/c").as_deref()), (Some("new"), Some("1")));
    assert_eq!(machine.state(run.run.as_str()).as_deref(), Some("guarded\n"));
}

/// The files as before, and nothing left that would act.
#[track_caller]
fn assert_back(machine: &Machine) {
    assert_eq!((machine.read("a").as_deref(), machine.names()), (Some("old"), vec!["a".to_owned()]));
    // What was killed takes its moment to be gone.
    machine.until(|machine| machine.armed().is_empty());
}

impl Machine {
    /// What would still take a run back: processes, and files beside the run's own.
    fn armed(&self) -> Vec<String> {
        let home = self.folder.path().join("home/runs").display().to_string();
        let processes = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            (command.contains(&home) && command.contains("/revert after")).then_some(command)
        });
        let files = std::fs::read_dir(self.folder.path().join("home/runs")).unwrap().flatten().flat_map(|run| {
            ["guard", "timer", "revert", "job"]
                .map(|name| run.path().join(name))
                .into_iter()
                .filter(|path| path.exists())
                .collect::<Vec<_>>()
        });
        processes.chain(files.map(|path| path.display().to_string())).collect()
    }

    #[track_caller]
    fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "it does not come about: {:?}", self.armed());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn confirm(&self, number: u8) -> Outcome {
        self.run(&confirm_script(&run_id(number), "tester"), b"").1
    }
}

#[test]
fn a_run_that_is_confirmed_stays_and_its_timer_is_gone() {
    on_every_shell(|machine| {
        assert_waits(machine, &guarded(machine, 1, 90));
        assert_eq!(machine.armed().len(), 4, "{:?}", machine.armed());
        assert_eq!(machine.confirm(1), Outcome::Done);
        assert_eq!(machine.confirm(1), Outcome::Done);
        assert_eq!((machine.read("a").as_deref(), machine.state(run_id(1).as_str()).as_deref()), (Some("new"), Some("done\n")));
        machine.until(|machine| machine.armed().is_empty());
        assert_eq!(machine.run(&rollback_script(&run_id(1), "tester"), b"").1, Outcome::RolledBack);
        assert_back(machine);
    });
}

#[test]
fn a_run_that_nobody_confirms_is_taken_back_and_can_no_longer_be_confirmed() {
    on_every_shell(|machine| {
        assert_waits(machine, &guarded(machine, 1, 1));
        machine.until(|machine| machine.state(run_id(1).as_str()).as_deref() == Some("reverted\n") && machine.armed().is_empty());
        assert_back(machine);
        let Outcome::Reverted { reason } = machine.confirm(1) else { panic!() };
        assert!(reason.contains("nobody confirmed it in time; put back") && reason.contains(&machine.path("a")), "{reason}");
        assert_back(machine);
    });
}

#[test]
fn a_run_is_taken_back_at_once_when_the_client_asks_for_it() {
    on_every_shell(|machine| {
        assert_waits(machine, &guarded(machine, 1, 90));
        for _ in 0..2 {
            let (_, outcome) = machine.run(&revert_script(&run_id(1), "tester", "the door is shut"), b"");
            assert!(matches!(&outcome, Outcome::Reverted { reason } if reason.starts_with("the door is shut; put back")), "{outcome:?}");
            assert_back(machine);
        }
    });
}

#[test]
fn a_machine_that_finds_itself_unwell_when_it_is_confirmed_takes_the_run_back() {
    on_every_shell(|machine| {
        let mut run = guarded(machine, 1, 90);
        let witness = machine.path("well");
        machine.put("well", "");
        run.actions.push(("wait".into(), Action::Wait(2, format!("[ -e {witness} ]"))));
        run.actions.push(("act".into(), Action::Command(format!("echo acted >>{}", machine.folder.path().join("acted").display()))));
        assert_waits(machine, &run);
        std::fs::remove_file(&witness).unwrap();
        let Outcome::Reverted { reason } = machine.confirm(1) else { panic!() };
        assert!(reason.contains("step wait is no longer well"), "{reason}");
        assert_back(machine);
        assert_eq!(std::fs::read_to_string(machine.folder.path().join("acted")).unwrap(), "acted\n");
    });
}

#[test]
fn another_run_is_refused_while_one_waits_and_names_it() {
    on_every_shell(|machine| {
        assert_waits(machine, &guarded(machine, 1, 90));
        let other = transaction(2, vec![placement(machine, "z", "z", Expected::Absent)]);
        let Outcome::Locked { holder } = machine.carry_out(&other) else { panic!() };
        let owner = holder.owner;
        assert!(owner.contains(run_id(1).as_str()) && owner.contains("waits to be confirmed until"), "{owner}");
        assert_eq!(machine.armed().len(), 4);
        assert_eq!(machine.confirm(1), Outcome::Done);
        assert_eq!(machine.carry_out(&other), Outcome::Done);
    });
}

#[test]
fn a_run_whose_timer_was_lost_with_a_boot_is_taken_back_by_the_next() {
    on_every_shell(|machine| {
        let run = guarded(machine, 1, 90);
        assert_waits(machine, &run);
        let folder = machine.folder.path().join("home/runs").join(run_id(1).as_str());
        let timer = std::fs::read_to_string(folder.join("timer")).unwrap();
        end(timer.trim());
        crate::disk::write_atomically(&folder.join("guard"), b"90 earlier-boot 999999 then\n", 0o600, crate::disk::Existing::Replace)
            .unwrap();
        let other = transaction(2, vec![placement(machine, "z", "z", Expected::Absent)]);
        let (answers, outcome) = machine.run(&other.script(), &other.payload());
        assert_eq!(outcome, Outcome::Done);
        assert!(answers.iter().any(|answer| matches!(answer, Answer::Recovered { trouble, .. } if trouble.is_empty())), "{answers:?}");
        std::fs::remove_file(machine.path("z")).unwrap();
        assert_back(machine);
    });
}

#[test]
fn the_next_boot_puts_the_files_back_first_and_settles_the_rest_later() {
    on_every_shell(|machine| {
        let mut run = guarded(machine, 1, 90);
        let seen = machine.folder.path().join("seen");
        run.actions.push(("refresh".into(), Action::Refresh(format!("cat {} >>{}", machine.path("a"), seen.display()))));
        assert_waits(machine, &run);
        let guard = machine.folder.path().join("home/runs").join(run_id(1).as_str()).join("guard");
        let boot = std::fs::read_to_string(&guard).unwrap();
        let revert = machine.folder.path().join("home/runs").join(run_id(1).as_str()).join("revert").display().to_string();
        for same_boot in ["early", "late"] {
            machine.start(&format!("sh {revert} {same_boot}")).wait().unwrap();
            assert_eq!(machine.state(run_id(1).as_str()).as_deref(), Some("guarded\n"));
        }
        let earlier = boot.replace(boot.split(' ').nth(1).unwrap(), "earlier-boot");
        crate::disk::write_atomically(&guard, earlier.as_bytes(), 0o600, crate::disk::Existing::Replace).unwrap();
        machine.start(&format!("sh {revert} early")).wait().unwrap();
        assert_eq!((machine.read("a").as_deref(), machine.names()), (Some("old"), vec!["a".to_owned()]));
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), "new");
        machine.start(&format!("sh {revert} late")).wait().unwrap();
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), "newold");
        assert_back(machine);
        let Outcome::Reverted { reason } = machine.confirm(1) else { panic!() };
        assert!(reason.contains("the machine restarted before anybody confirmed it"), "{reason}");
    });
}

#[test]
fn a_run_still_at_work_when_its_time_is_over_is_ended_and_taken_back() {
    on_every_shell(|machine| {
        let mut run = guarded(machine, 1, 1);
        run.actions.push(("hang".into(), Action::Command("exec sleep 600".into())));
        let mut child = machine.start(&run.script());
        drop(child.stdin.take().unwrap().write_all(&run.payload()));
        machine.until(|machine| machine.state(run_id(1).as_str()).as_deref() == Some("reverted\n") && machine.armed().is_empty());
        child.wait().unwrap();
        assert_back(machine);
    });
}

#[test]
fn where_no_timer_can_be_proven_to_run_nothing_is_changed() {
    on_every_shell(|machine| {
        machine.stand_in("setsid", "exit 1");
        machine.stand_in("at", "exit 1");
        let Outcome::NotBegun { step, reason } = machine.carry_out(&guarded(machine, 1, 90)) else { panic!() };
        assert!(step == "guard" && reason.starts_with("no timer could be armed"), "{reason}");
        assert_back(machine);
        assert_eq!(machine.state(run_id(1).as_str()), None);
    });
}

#[test]
fn a_run_that_fails_by_itself_is_undone_and_its_timer_is_gone() {
    on_every_shell(|machine| {
        let mut run = guarded(machine, 1, 90);
        run.actions.push(("act".into(), Action::Command("exit 3".into())));
        assert!(matches!(machine.carry_out(&run), Outcome::Undone { .. }));
        assert_back(machine);
    });
}

#[test]
fn a_probe_and_a_refused_run_leave_the_timer_as_it_is() {
    let machine = Machine::new(SHELLS[0]);
    assert_waits(&machine, &guarded(&machine, 1, 90));
    let before = machine.armed();
    let script = super::super::Inquiry::machine().script();
    machine.start(&script).wait().unwrap();
    assert!(matches!(machine.carry_out(&transaction(2, vec![])), Outcome::Locked { .. }));
    assert_eq!(machine.armed(), before);
    assert_eq!(machine.confirm(1), Outcome::Done);
}
