//! Canaries: a secret of its own in each slot that takes one, and a search for them in all that is shown, logged, written or run.

#![expect(clippy::disallowed_methods, reason = "the program is run as a person runs it, on machines of the lab")]

mod forms;
mod house;
mod processes;

use std::process::{Command, Stdio};
use std::sync::LazyLock;

use forms::{Canary, Haystack, found};
use house::{BY_ENVIRONMENT, House};
use processes::{ENVIRONMENTS, Here, seen, sh, watch};

/// What each command of the story says, in which folder it leaves what, and what processes it brings about.
struct Story {
    canaries: Vec<Canary>,
    haystacks: Vec<Haystack>,
}

/// The site as it is used, each with the exit code that it must have; what fails must fail as silently as what succeeds.
const COMMANDS: [(i32, &str); 26] = [
    (0, "site check"),
    (3, "check --report page.html --junit tests.xml -vv --log-file check.log"),
    (3, "check --output json"),
    (4, "plan --out plan.json -vv"),
    (4, "plan --output json"),
    (0, "apply --yes --output json -vv --log-file apply.log"),
    (0, "apply --yes"),
    (3, "verify -vv"),
    (0, "status --output json -vv"),
    (0, "render smtp --node a0-1"),
    (0, "render tls --node a0-1 --output json"),
    (0, "access open --who Ada --for 10m --reason update --key ada.pub --yes --output json -vv --log-file open.log"),
    (0, "access list --live"),
    (0, "access close --all --yes -vv"),
    (
        0,
        "cert pfx --in chain.pem --key secrets/server.key --key-password-from file:secrets/key --password-from env:CANARY_PFX --out own.pfx -vv",
    ),
    (0, "cert inspect own.pfx --key-password-from env:CANARY_PFX --output json"),
    (3, "cert check leaf.pem --fetch-missing -vv"),
    (0, "audit log --output json"),
    (0, "audit verify -vv"),
    (0, "audit export --out ledger.jsonl"),
    (3, "check --site wrong-jump.yaml -vv --log-file wrong-jump.log"),
    (6, "apply --yes --site wrong-key.yaml -vv --output json"),
    (1, "apply --yes --site wrong-sudo.yaml -vv"),
    (3, "check --site wrong-mail.yaml -vv --output json"),
    (2, "apply smtp --yes --site no-command.yaml -vv"),
    (0, "rollback --yes -vv"),
];

static STORY: LazyLock<Story> = LazyLock::new(|| {
    let house = House::built();
    for machine in ["jump", "a0-1"] {
        watch(&house.lab, machine);
    }
    let here = Here::start();
    let (mut haystacks, mut unexpected) = (Vec::new(), Vec::new());
    for (code, command) in COMMANDS {
        let output = house.command(command).output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.code() != Some(code) {
            unexpected.push(format!("{command}: {}\n{stdout}\n{stderr}", output.status));
        }
        haystacks.push(Haystack { name: format!("stdout of {command}"), bytes: output.stdout });
        haystacks.push(Haystack { name: format!("stderr of {command}"), bytes: output.stderr });
    }
    assert_eq!(unexpected, Vec::<String>::new(), "{}", unexpected.join("\n"));
    haystacks.extend(here.stop());
    haystacks.extend(["jump", "a0-1"].map(|machine| seen(&house.lab, machine)));
    for machine in ["jump", "a0-1"] {
        haystacks
            .push(Haystack { name: format!("the journal of {machine}"), bytes: sh(&house.lab, machine, "journalctl --no-pager -o json") });
        let readable =
            "find /etc /var /tmp /run /home /root /usr/local -xdev -type f -perm /o+r -size -1024k -exec cat {} + 2>/dev/null; true";
        haystacks.push(Haystack { name: format!("what anybody may read on {machine}"), bytes: sh(&house.lab, machine, readable) });
    }
    haystacks.extend(house.files());
    Story { canaries: house.canaries.clone(), haystacks }
});

#[test]
fn no_canary_is_found_in_output_log_report_plan_ledger_or_process_list() {
    let named = |part: &str| STORY.haystacks.iter().any(|haystack| haystack.name.contains(part) && !haystack.bytes.is_empty());
    for part in
        ["page.html", "tests.xml", "check.log", "open.log", "plan.json", "ledger.sqlite", "ledger.jsonl", "windows/", "portcullis.log"]
    {
        assert!(named(part), "{part} was not looked through");
    }
    // What the operator gave by the environment stands in the program's, and in that of the operator's own `cmd:` commands.
    let is_given = |canary: &&Canary| !BY_ENVIRONMENT.contains(&canary.slot) && canary.slot != "proxy";
    let not_given: Vec<Canary> = STORY.canaries.iter().filter(is_given).cloned().collect();
    let (environments, others): (Vec<_>, Vec<_>) = STORY.haystacks.iter().cloned().partition(|haystack| haystack.name == ENVIRONMENTS);
    assert_eq!(found(&STORY.canaries, &others), Vec::<String>::new());
    assert_eq!(found(&not_given, &environments), Vec::<String>::new());
}

#[test]
fn each_canary_is_found_wherever_it_is_planted() {
    for haystack in &STORY.haystacks {
        for canary in &STORY.canaries {
            let mut planted = haystack.clone();
            let middle = planted.bytes.len() / 2;
            planted.bytes.splice(middle..middle, canary.secret.bytes());
            let places = found(std::slice::from_ref(canary), &[planted]);
            assert!(!places.is_empty(), "{} in {}", canary.slot, haystack.name);
        }
    }
}

#[test]
fn the_processes_of_the_runs_were_seen() {
    let of = |name: &str| STORY.haystacks.iter().find(|haystack| haystack.name == format!("the processes {name}")).unwrap();
    let holds = |haystack: &Haystack, text: &str| memchr::memmem::find(&haystack.bytes, text.as_bytes()).is_some();
    assert!(holds(of("here"), "wrong-sudo.yaml") && holds(of("here"), "sleep 0.2; cat secrets/passphrase"));
    assert!(holds(of("of a0-1"), "restart") && holds(of("of a0-1"), "SUDO_USER=carol"));
}

#[test]
fn a_secret_in_the_arguments_or_the_environment_of_a_process_is_seen() {
    let canary = Canary::new("process");
    let here = Here::start();
    let mut child =
        Command::new("sh").args(["-c", "sleep 60; :", &canary.secret]).env("SECRET", &canary.secret).stdin(Stdio::null()).spawn().unwrap();
    // Until a look that began after the process has ended.
    std::thread::sleep(std::time::Duration::from_millis(500));
    child.kill().unwrap();
    child.wait().unwrap();
    let places = found(&[canary], &here.stop());
    assert_eq!(places, ["process (raw) in the processes here", "process (raw) in the environments here"]);
}
