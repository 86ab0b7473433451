//! Ways that lead nowhere: a jumphost or a node that refuses, is not who it was, or does not let us in. Nothing is changed, and the
//! message names machine, cause and remedy.

use std::net::TcpListener;

use super::stage::machine::{Machine, sh_on};
use super::stage::operator::{Operator, Run, end_of};
use super::stage::relay::Relay;
use super::stage::site_text::{Entry, SiteText, read_state, state};
use super::stage::standing::{lend_one, standing};

/// `apply` of the small playbook, which must leave no trace.
#[track_caller]
fn apply_in_vain(site: &SiteText, node: &Machine, code: i32, said: &[&str]) -> Run {
    let before = node.fingerprint_of("/etc /var/lib/portcullis");
    let operator = Operator::with(site);
    let run = operator.apply_small();
    run.assert_failed(code, said).assert_names_log(&operator.log());
    before.assert_same(&node.fingerprint_of("/etc /var/lib/portcullis"));
    run
}

fn set_key(entry: &mut Entry, key: &str, value: &str) {
    let prefix = format!("{key}:");
    entry.keys.retain(|known| !known.starts_with(&prefix));
    entry.keys.push(format!("{key}: {value}"));
}

#[test]
fn a_jumphost_whose_port_is_closed_is_named() {
    let node = lend_one();
    let mut site = SiteText::bare(&[&node]);
    // Bound and let go: a port on which nobody listens.
    site.jump.port = TcpListener::bind((site.jump.address.as_str(), 0)).unwrap().local_addr().unwrap().port();
    let place = format!("jump ({}:{})", site.jump.address, site.jump.port);
    apply_in_vain(&site, &node, 6, &[&place, "connection refused"]);
}

#[test]
fn a_user_whom_the_jumphost_does_not_know_is_named_with_what_was_tried() {
    let node = lend_one();
    let mut site = SiteText::bare(&[&node]);
    site.jump.user = "nobody-here".to_owned();
    apply_in_vain(&site, &node, 6, &["jump (", "nobody-here", "id_ed25519"]);
}

#[test]
fn a_key_that_the_jumphost_does_not_know_is_named() {
    let node = lend_one();
    let mut site = SiteText::bare(&[&node]);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("other_key");
    let made = std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    set_key(&mut site.jump, "identities", &format!("[\"{}\"]", key.display()));
    apply_in_vain(&site, &node, 6, &["jump (", "other_key", "refused"]);
}

#[test]
fn a_host_key_that_has_changed_is_shown_with_where_the_old_one_stands() {
    let node = lend_one();
    let mut site = SiteText::bare(&[&node]);
    let known = read_state("known_hosts");
    let line_of = |name: &str| known.lines().position(|line| line.starts_with(name)).unwrap();
    let (ours, other) = (line_of(&node.address.to_string()), line_of("10.77.0.11,"));
    let keys: Vec<&str> = known.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    let swapped = known.replace(keys[ours], keys[other]);
    let folder = tempfile::tempdir().unwrap();
    site.known_hosts = folder.path().join("known_hosts");
    portcullis::disk::write_atomically(&site.known_hosts, swapped.as_bytes(), 0o600, portcullis::disk::Existing::Replace).unwrap();
    let line = format!("{}:{}", site.known_hosts.display(), ours + 1);
    let run = apply_in_vain(&site, &node, 6, &[&node.name, "through jump", &line, "SHA256:"]);
    assert!(run.stderr.contains("Somebody may be listening in"), "{}", run.stderr);
}

#[test]
fn a_host_key_that_is_not_known_is_shown_with_the_command_that_makes_it_known() {
    let node = lend_one();
    let mut site = SiteText::bare(&[&node]);
    let folder = tempfile::tempdir().unwrap();
    site.known_hosts = folder.path().join("known_hosts");
    portcullis::disk::write_atomically(&site.known_hosts, b"", 0o600, portcullis::disk::Existing::Replace).unwrap();
    let run = apply_in_vain(&site, &node, 6, &["jump (", "SHA256:"]);
    let public = read_state("known_hosts");
    let public = public.lines().next().unwrap().split(' ').nth(2).unwrap();
    assert!(run.stderr.contains(public), "{}", run.stderr);
    let command = run.stderr.lines().find(|line| line.contains(public)).unwrap().trim();
    let (line, file) = command.strip_prefix("echo '").unwrap().split_once("' >> ").unwrap();
    assert_eq!(file, site.known_hosts.to_str().unwrap());
    let known = format!("{line}\n{}", read_state("known_hosts").lines().skip(1).collect::<Vec<_>>().join("\n"));
    portcullis::disk::write_atomically(&site.known_hosts, known.as_bytes(), 0o600, portcullis::disk::Existing::Replace).unwrap();
    Operator::with(&site).run(&["plan", "small"]).assert_code(4);
}

#[test]
fn a_wrong_password_at_the_jumphost_is_said_to_be_refused_and_not_shown() {
    let node = lend_one();
    let mut site = SiteText::bare(&[&node]);
    site.jump.user = "opspw".to_owned();
    site.jump.keys = vec!["agent: false".to_owned(), "identities: []".to_owned(), "password: \"env:WRONG\"".to_owned()];
    let mut operator = Operator::with(&site);
    operator.set("WRONG", "not-the-password-of-anybody");
    let run = operator.apply_small();
    run.assert_failed(6, &["jump (", "opspw", "password"]);
    assert!(!run.stderr.contains("not-the-password"), "{}", run.stderr);
}

#[test]
fn the_right_password_lets_the_same_user_in() {
    let node = lend_one();
    let mut site = SiteText::bare(&[&node]);
    site.jump.user = "opspw".to_owned();
    site.jump.keys = vec!["agent: false".to_owned(), "identities: []".to_owned(), format!("password: \"file:{}\"", state("ops-password"))];
    Operator::with(&site).run(&["plan", "small"]).assert_code(4);
}

#[test]
fn a_key_that_has_expired_on_the_node_is_said_to_be_refused_there() {
    let node = lend_one();
    let keys = format!("/home/{}/.ssh/authorized_keys", node.user);
    node.sh(&format!("cp -p {keys} /run/small.keys; sed -i 's/^/expiry-time=\"20200101\" /' {keys}"));
    let run = apply_in_vain(&SiteText::bare(&[&node]), &node, 6, &[&node.name, "through jump", "refused"]);
    node.sh(&format!("cp -p /run/small.keys {keys}"));
    assert!(run.stderr.contains("authorized_keys"), "{}", run.stderr);
}

#[test]
fn a_node_to_which_no_way_leads_is_named_with_the_hop_that_says_so() {
    let node = lend_one();
    let mut site = SiteText::bare(&[&node]);
    site.nodes[0].address = "10.99.0.1".to_owned();
    sh_on("jump", "ip route replace unreachable 10.99.0.0/24");
    apply_in_vain(&site, &node, 6, &[&node.name, "10.99.0.1:22 through jump", "no route"]);
}

#[test]
fn a_jumphost_that_forwards_nothing_is_named() {
    let node = lend_one();
    sh_on("jump", "useradd --create-home --shell /bin/bash closed; cp -a /home/ops/.ssh /home/closed/; chown -R closed /home/closed/.ssh");
    sh_on("jump", "printf 'Match User closed\\n  AllowTcpForwarding no\\n' >/etc/ssh/sshd_config.d/closed.conf; systemctl reload ssh");
    let mut site = SiteText::bare(&[&node]);
    site.jump.user = "closed".to_owned();
    apply_in_vain(&site, &node, 6, &[&node.name, "jump"]);
    assert!(standing().lab.jump_address().ip().is_loopback());
}

#[test]
fn an_account_that_is_barred_is_told_in_the_nodes_own_words() {
    let node = lend_one();
    node.sh("echo closed for the inventory >/etc/nologin");
    let site = SiteText::bare(&[&node]);
    Operator::with(&site)
        .apply_small()
        .assert_failed(6, &[&node.name, "during login", "closed for the inventory"])
        .assert_helps("/etc/nologin");
    node.sh(&format!("rm /etc/nologin; chage -d 0 {}", node.user));
    Operator::with(&site).apply_small().assert_failed(6, &[&node.name, "assword"]).assert_helps("set a new password");
    node.sh(&format!("chage -d -1 {}", node.user));
    Operator::with(&site).apply_small().assert_code(0);
}

/// Without them a file would be called unreadable, and one that nobody touched changed meanwhile.
#[test]
fn a_node_without_the_programs_of_a_run_is_told_which_and_where_they_are() {
    let node = lend_one();
    node.sh("mv /usr/bin/tar /usr/bin/tar.away; mv /usr/bin/flock /usr/bin/flock.away");
    let run = Operator::with(&SiteText::bare(&[&node])).apply_small();
    node.sh("mv /usr/bin/tar.away /usr/bin/tar; mv /usr/bin/flock.away /usr/bin/flock");
    run.assert_failed(1, &[&node.name, "has no flock, no tar"]).assert_helps("util-linux");
}

/// Who takes a connection and says nothing; a file tells that somebody is there.
const SILENT: &str = "setsid python3 -c 'import socket
listener = socket.create_server((\"0.0.0.0\", 2525))
held = listener.accept()
open(\"/run/small.asked\", \"w\")
held[0].recv(1)' </dev/null >/dev/null 2>&1 &";

/// The server's silence, and what came of it, are nobody's fault there.
#[test]
fn a_jumphost_that_goes_down_in_the_midst_of_a_check_is_the_only_one_that_is_blamed() {
    let node = lend_one();
    let (mut site, relay) = (SiteText::full(&[&node]), Relay::new());
    for section in &mut site.sections {
        *section = section.replace("host: mail.lab.example, port: 587", "host: 127.0.0.1, port: 2525");
    }
    let operator = Operator::with(&site);
    relay.lead(&mut site, &operator);
    node.sh(SILENT);
    let child = operator.start(&["check", "--only", "smtp,access.path", "--timeout", "30s", "-v", "--output", "json"]);
    node.wait_until("[ -e /run/small.asked ]");
    relay.die();
    let run = end_of(child);
    run.assert_code(3);
    let events = run.events();
    let found: Vec<&str> = events.iter().filter(|event| event["event"] == "finding").map(|event| event["id"].as_str().unwrap()).collect();
    assert!(found.contains(&"access.path") && found.iter().all(|id| !id.starts_with("smtp")), "{}", run.stdout);
    assert!(run.stdout.contains("was lost in the midst of it") && run.stdout.contains("was lost while it was looked at"), "{}", run.stdout);
}
