//! Certificates where they do not belong: another window's, a past one's, from elsewhere; and the way over two jumphosts.

use jiff::SignedDuration;

use super::stage::{Stage, Window, wait_for};

/// What ssh says to `certificate_of`'s certificates used in `of`'s place.
fn tries(stage: &Stage, of: &Window, certificate_of: &Window, node: &str) -> String {
    let folder = |window: &Window| stage.path("windows").join(&window.id);
    for name in ["node-cert.pub", "jump-cert.pub"] {
        std::fs::rename(folder(of).join(name), folder(of).join(format!("{name}.kept"))).unwrap();
        std::fs::copy(folder(certificate_of).join(name), folder(of).join(name)).unwrap();
    }
    let (is_in, said) = stage.gets_in(of, node);
    for name in ["node-cert.pub", "jump-cert.pub"] {
        std::fs::rename(folder(of).join(format!("{name}.kept")), folder(of).join(name)).unwrap();
    }
    assert!(!is_in, "let in: {said}");
    said
}

#[test]
fn a_certificate_of_another_or_a_past_window_opens_nothing() {
    let stage = Stage::set();
    let past = stage.open(&["--for", "20s", "--node", "a0-1"]);
    let (one, other) = (stage.open(&["--for", "10m", "--node", "a0-1"]), stage.open(&["--for", "10m", "--node", "a0-2"]));
    // Through the jumphost as the other window, at its node as this one.
    let said = tries(&stage, &other, &one, "a0-2");
    assert!(said.contains("administratively prohibited"), "{said}");
    let folder = stage.path("windows").join(&other.id);
    std::fs::copy(stage.path("windows").join(&one.id).join("node-cert.pub"), folder.join("node-cert.pub")).unwrap();
    let (is_in, said) = stage.gets_in(&other, "a0-2");
    assert!(!is_in && said.contains("Permission denied"), "{said}");
    assert_eq!(stage.gets_in(&one, "a0-1"), (true, String::new()));
    wait_for(past.end + SignedDuration::from_secs(1));
    stage.wait_until("a0-1", &format!("! grep -q {} /etc/ssh/portcullis/principals/admin", past.id));
    assert!(tries(&stage, &one, &past, "a0-1").contains("Permission denied"));
    // Its principals put back by hand, without an end: the certificate's own holds.
    stage.sh("jump", &format!("echo 'restrict,port-forwarding {}.jump' >>/etc/ssh/portcullis/principals/ops", past.id));
    stage.sh("a0-1", &format!("echo '{}' >>/etc/ssh/portcullis/principals/admin", past.id));
    assert!(tries(&stage, &one, &past, "a0-1").contains("Permission denied"));
    stage.run(&["access", "close", "--all"]).assert_code(0);
}

#[test]
fn where_the_site_names_sources_nobody_gets_in_from_elsewhere() {
    let stage = Stage::set();
    let site = stage.site();
    stage.write("site.yaml", &site.replace("access: {", "access: {sources: [192.0.2.0/24], "));
    let window = stage.open(&["--for", "5m", "--node", "a0-1"]);
    let (is_in, said) = stage.gets_in(&window, "a0-1");
    assert!(!is_in && said.contains("Permission denied"), "{said}");
    stage.wait_until("jump", "journalctl -q --no-pager -u ssh | grep -qi 'permitted source address'");
    stage.write("site.yaml", &site.replace("access: {", "access: {sources: [10.76.0.0/24], "));
    let window = stage.open(&["--for", "5m", "--node", "a0-1"]);
    assert_eq!(stage.gets_in(&window, "a0-1"), (true, String::new()));
    stage.run(&["access", "close", "--all"]).assert_code(0);
}

/// A node as a second jumphost before the others.
#[test]
fn over_two_jumphosts_each_forwards_to_the_next_alone_and_all_close() {
    let stage = Stage::set();
    let site = stage.site();
    let hop = site.lines().find(|line| line.contains("{name: a0-1, ")).unwrap().replace("a0-1", "inner");
    let hop = format!("    {}", hop.trim_start());
    let lines = site
        .lines()
        .filter(|line| !line.contains("{name: a0-1, "))
        .map(|line| if line.contains("{name: jump, ") { format!("{line}\n{hop}") } else { line.to_owned() });
    stage.write("site.yaml", &lines.collect::<Vec<_>>().join("\n"));
    let window = stage.open(&["--for", "10m", "--node", "a0-2"]);
    assert_eq!(stage.gets_in(&window, "a0-2"), (true, String::new()));
    let refused = |arguments: &[&str]| {
        let output = stage.ssh(&window, arguments).output().unwrap();
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("administratively prohibited"), "{output:?}");
    };
    refused(&["-W", "10.77.0.12:22", "jump"]);
    refused(&["-W", "10.77.0.13:22", "inner"]);
    let mut session = stage.ssh(&window, &["a0-2", "echo; exec sleep 700"]).spawn().unwrap();
    stage.wait_until("a0-2", "pgrep -f '[s]leep 700'");
    let closed = stage.json(&["access", "close", &window.id]);
    let machines: Vec<_> = closed.assert_code(0).summary()["windows"][0]["machines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|machine| machine["machine"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(machines, ["jump", "inner", "a0-2"]);
    assert!(!session.wait().unwrap().success());
    stage.wait_until_clean();
    assert!(!stage.gets_in(&window, "a0-2").0);
}
