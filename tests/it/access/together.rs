//! Several at once, and what one leaves to the next: two operators, a node that is away, the ledger's head on the nodes.

use super::stage::{MACHINES, Run, Stage};

const OPEN: [&str; 10] = ["access", "open", "--who", "ada", "--reason", "test", "--key", "ada.pub", "--for", "10m"];

fn all_well(children: Vec<std::process::Child>) {
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
}

fn windows(stage: &Stage) -> Vec<super::stage::Window> {
    let listed = stage.json(&["access", "list"]);
    let listed = listed.assert_code(0).value();
    let window = |value: &serde_json::Value| {
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        super::stage::Window { id: text("id"), start: text("from").parse().unwrap(), end: text("to").parse().unwrap() }
    };
    listed["windows"].as_array().unwrap().iter().map(window).collect()
}

#[test]
fn two_operators_open_and_close_at_once_and_neither_undoes_the_others() {
    let stage = Stage::set();
    // Machines that know nothing of windows: both make them trust the CA, which one of them makes.
    all_well((0..2).map(|_| stage.start(&OPEN)).collect());
    let open = windows(&stage);
    assert_eq!(open.len(), 2);
    for window in &open {
        assert_eq!(stage.gets_in(window, "a0-2"), (true, String::new()));
    }
    // One closes what the other is just opening beside it.
    all_well(vec![stage.start(&["access", "close", &open[0].id]), stage.start(&OPEN)]);
    assert!(!stage.gets_in(&open[0], "a0-1").0);
    assert_eq!(stage.gets_in(&open[1], "a0-1"), (true, String::new()));
    let open = windows(&stage);
    assert_eq!(open.len(), 2);
    all_well(open.iter().map(|window| stage.start(&["access", "close", &window.id])).collect());
    for window in &open {
        assert!(!stage.gets_in(window, "a0-1").0);
    }
    stage.wait_until_clean();
    // Both are on the list of revoked certificates, whoever wrote it last.
    for id in open.iter().map(|window| &window.id) {
        stage.sh("a0-3", &format!("grep -aq {id} /etc/ssh/portcullis/krl"));
    }
    stage.json(&["audit", "verify"]).assert_code(0);
    stage.json(&["access", "list", "--live"]).assert_code(0);
}

#[test]
fn what_could_not_be_reached_is_named_and_closed_by_the_next_command_once_it_is_back() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "10m"]);
    stage.lab.cut("a0-2").unwrap();
    let closing = stage.run(&["access", "close", &window.id, "--timeout", "3s"]);
    let away = stage.json(&["access", "list", "--timeout", "3s"]);
    stage.lab.heal("a0-2").unwrap();
    closing.assert_failed(5, "not every door is proven shut");
    assert!(closing.stdout.contains("a0-2: unreached") && closing.stdout.contains("its sshd refuses by itself from"), "{}", closing.stdout);
    assert!(!closing.stderr.contains("putting back") && closing.stderr.contains("closing"), "{}", closing.stderr);
    let listed = away.value()["windows"][0].clone();
    assert_eq!((&listed["state"], &listed["left"]), (&"closing".into(), &serde_json::json!(["a0-2"])));
    // Any later command will do; a machine that has just come back may need another.
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !windows(&stage).is_empty() {
        assert!(std::time::Instant::now() < deadline, "it is still closing");
    }
    stage.wait_until_clean();
    let shown = stage.json(&["access", "show", &window.id]).value();
    let closings = shown["events"].as_array().unwrap().iter().filter(|event| event["kind"] == "window.closing").count();
    assert_eq!((&shown["window"]["state"], closings), (&"closed".into(), 1));
}

#[test]
fn many_windows_are_closed_at_once() {
    let stage = Stage::set();
    let open: Vec<_> = (0..3).map(|_| stage.open(&["--for", "10m", "--node", "a0-1"])).collect();
    let began = std::time::Instant::now();
    let closed = stage.json(&["access", "close", "--all"]).assert_code(0).summary();
    let all = began.elapsed();
    let outcomes: Vec<_> = closed["windows"].as_array().unwrap().iter().flat_map(|window| window["machines"].as_array().unwrap()).collect();
    assert_eq!(outcomes.len(), 6);
    assert!(outcomes.iter().all(|machine| machine["refused"]["after_ms"].is_u64()), "{closed:#}");
    assert!(all < std::time::Duration::from_secs(30), "{all:?}");
    for window in &open {
        assert!(!stage.gets_in(window, "a0-1").0);
    }
    stage.wait_until_clean();
}

#[test]
fn the_ledgers_head_is_left_on_the_nodes_and_countersigned_at_opening_and_closing() {
    let stage = Stage::set();
    for name in ["vendor", "eve"] {
        stage.keygen(name);
    }
    let key = std::fs::read_to_string(stage.path("vendor.pub")).unwrap();
    let site = stage.site().replace("ledger: {", &format!("ledger: {{witnesses: [{{name: the vendor, key: \"{}\"}}], ", key.trim()));
    stage.write("site.yaml", &site);
    stage.run(&[&OPEN[..], &["--countersign", "eve"]].concat()).assert_failed(7, "none of the site's witnesses");
    stage.run(&[&OPEN[..], &["--countersign", "vendor"]].concat()).assert_code(0);
    let id = windows(&stage)[0].id.clone();
    let folder = stage.path("windows").join(&id);
    let head = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    assert!(head(&folder.join("checkpoint")).contains("\u{2014} the-vendor "), "{}", head(&folder.join("checkpoint")));
    let verified = stage.json(&["audit", "verify", "--live"]).assert_code(0).value();
    assert!(!verified["nodes"]["answered"].as_array().unwrap().is_empty(), "{verified:#}");
    let kept = stage.sh("a0-1", "cat /var/lib/portcullis/heads/*/*");
    stage.run(&["access", "close", &id, "--countersign", "vendor"]).assert_code(0);
    assert_ne!(stage.sh("a0-1", "cat /var/lib/portcullis/heads/*/*"), kept, "a newer head at the close");
    let events = stage.json(&["audit", "log", "--kind", "checkpoint.countersigned"]).value();
    assert_eq!(events["events"].as_array().map(Vec::len), Some(2));
    // That it was verified stands in the ledger, too.
    let events = stage.json(&["audit", "log", "--kind", "audit.verified"]).value();
    assert_eq!(events["events"].as_array().map(Vec::len), Some(1));
    // A ledger that is put back to an earlier state does not know what the nodes keep.
    stage.json(&["audit", "verify", "--live"]).assert_code(0);
}

#[test]
fn what_made_sshd_trust_windows_is_a_run_of_the_ledger_and_no_rollback_means_it() {
    let stage = Stage::set();
    let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
    let runs = stage.json(&["audit", "log", "--kind", "run"]).value();
    let kinds: Vec<_> = runs["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["run.finished", "run.started"]);
    stage.run(&["rollback", "--yes", "--limit", "a0-1"]).assert_failed(1, "there is no run to roll back");
    assert_eq!(stage.gets_in(&window, "a0-1"), (true, String::new()));
    stage.run(&["access", "close", "--all"]).assert_code(0);
}

#[test]
fn an_account_that_a_hardened_node_does_not_let_in_is_told_of_before_anything_is_changed() {
    let stage = Stage::set();
    stage.sh(
        "a0-1",
        "groupadd -f portcullis-ssh; useradd -m support; usermod -aG portcullis-ssh admin; \
         echo 'AllowGroups portcullis-ssh' >/etc/ssh/sshd_config.d/20-hardened.conf; systemctl reload ssh",
    );
    stage.write("site.yaml", &stage.site().replace("access: {", "access: {account: support, "));
    let open = || stage.run(&[&OPEN[..], &["--node", "a0-1"]].concat());
    let refused = open();
    let untouched = stage.try_sh("a0-1", "test -e /etc/ssh/portcullis").status.code();
    stage.sh("a0-1", "usermod -aG portcullis-ssh support");
    let opened = open();
    let gets_in = windows(&stage).first().map(|window| stage.gets_in(window, "a0-1"));
    stage.run(&["access", "close", "--all"]).assert_code(0);
    stage.write("site.yaml", &stage.site().replace("account: support", "account: nobody-here"));
    let missing = open();
    stage.sh(
        "a0-1",
        "rm /etc/ssh/sshd_config.d/20-hardened.conf; systemctl reload ssh; userdel -rf support 2>/dev/null; groupdel portcullis-ssh",
    );
    refused.assert_failed(1, "lets in the group portcullis-ssh alone, and `support` is not in it");
    assert!(refused.stderr.contains("usermod -aG portcullis-ssh support"), "{}", refused.stderr);
    assert_eq!(untouched, Some(1));
    opened.assert_code(0);
    assert_eq!(gets_in, Some((true, String::new())));
    missing.assert_failed(1, "there is no account `nobody-here`");
}

#[test]
fn without_a_jumphost_a_window_is_opened_used_and_closed_by_the_nodes_alone() {
    let stage = Stage::set();
    // Inside the jumphost's network, as a VPN puts one: the nodes answer directly.
    let supervisor = std::fs::read_to_string(format!("/run/portcullis-lab/labs/{}.json", stage.lab.name())).unwrap();
    let supervisor: serde_json::Value = serde_json::from_str(&supervisor).unwrap();
    let find = format!(
        "for pid in $(pgrep -P {}); do tr '\\0' ' ' </proc/$pid/cmdline | grep -q -- '--machine=jump ' && pgrep -P $pid | head -n 1; done",
        supervisor["supervisor"]["pid"]
    );
    let found = std::process::Command::new("sh").args(["-c", &find]).output().unwrap();
    let network = format!("--net=/proc/{}/ns/net", String::from_utf8(found.stdout).unwrap().trim());
    let site = stage.site();
    let (before, after) = site.split_once("route:\n").unwrap();
    let (_, nodes) = after.split_once("nodes:\n").unwrap();
    stage.write("site.yaml", &format!("{before}route: {{vpn: true}}\nnodes:\n{nodes}"));
    let inside = |command: &std::process::Command| {
        let mut nested = std::process::Command::new("nsenter");
        nested.arg(&network).arg(command.get_program()).args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            value.map(|value| nested.env(name, value));
        }
        nested.current_dir(stage.path("")).stdin(std::process::Stdio::null());
        nested.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        nested
    };
    let run = |arguments: &[&str]| Run::of(&mut inside(&stage.command(arguments)));
    run(&OPEN).assert_code(0);
    let window = windows(&stage).remove(0);
    let folder = stage.path("windows").join(&window.id);
    assert!(!folder.join("jump-cert.pub").exists());
    let say = |node: &str| inside(&stage.ssh(&window, &[node, "echo in"])).output().unwrap();
    for node in &MACHINES[1..] {
        assert_eq!(say(node).stdout, b"in\n", "{node}: {:?}", say(node));
    }
    assert_eq!(stage.left_on("jump"), "", "a window of a VPN site has nothing to do with a jumphost");
    let closed = run(&["access", "close", &window.id, "--output", "json"]);
    let machines = closed.assert_code(0).summary()["windows"][0]["machines"].clone();
    let outcomes: Vec<_> = machines.as_array().unwrap().iter().map(|machine| machine["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["closed"; 3]);
    assert!(!say("a0-1").status.success());
    run(&["access", "list", "--live"]).assert_code(0);
    stage.wait_until_clean();
}
