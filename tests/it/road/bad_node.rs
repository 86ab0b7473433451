//! Nodes that are not fit: no space, no right to write, no sudo, a configuration that its service refuses. Each stands as before.

use super::stage::machine::{Fingerprint, Machine};
use super::stage::operator::{Operator, Run};
use super::stage::site_text::{SiteText, state};
use super::stage::standing::lend_one;
use super::story::served_chain;

fn stand(node: &Machine) -> Fingerprint {
    node.fingerprint_of("/etc /usr/local/share/ca-certificates")
}

/// `apply` of the small playbook, which must leave no trace.
#[track_caller]
fn apply_in_vain(site: &SiteText, node: &Machine, code: i32, said: &[&str]) -> Run {
    let before = stand(node);
    let operator = Operator::with(site);
    let run = operator.apply_small();
    run.assert_failed(code, said).assert_names_log(&operator.log());
    before.assert_same(&stand(node));
    run
}

#[test]
fn a_disk_that_is_full_is_named_and_nothing_has_begun() {
    let node = lend_one();
    node.sh("mkdir -p /var/lib/portcullis; mount -t tmpfs -o size=64k none /var/lib/portcullis");
    let before = stand(&node);
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("small.txt", vec![b'x'; 200_000]);
    let run = operator.apply_small();
    run.assert_failed(1, &[&node.name, "stands as before", "/etc/small/file", "/var/lib/portcullis: 0 KiB free there"]);
    before.assert_same(&stand(&node));
    assert_eq!(node.runs(), []);
    node.sh("umount /var/lib/portcullis");
    operator.apply_small().assert_code(0);
    assert_eq!(node.sh("wc -c </etc/small/file").trim(), "200000");
}

#[test]
fn a_disk_without_room_for_a_folder_is_named_too() {
    let node = lend_one();
    node.sh("mkdir -p /var/lib/portcullis; mount -t tmpfs -o size=64k,nr_inodes=2 none /var/lib/portcullis");
    apply_in_vain(&SiteText::bare(&[&node]), &node, 1, &[&node.name, "stands as before", "No space left on device"]);
    node.sh("umount /var/lib/portcullis");
}

#[test]
fn a_disk_that_fills_up_beside_the_target_leaves_the_target_alone() {
    let node = lend_one();
    node.sh("mkdir -p /etc/small; mount -t tmpfs -o size=64k none /etc/small; echo old >/etc/small/file");
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.write("small.txt", vec![b'x'; 200_000]);
    operator.apply_small().assert_failed(1, &[&node.name, "stands as before", "/etc/small/file", "No space left on device"]);
    assert_eq!(node.sh("ls -A /etc/small; cat /etc/small/file"), "file\nold\n");
    node.sh("umount /etc/small");
}

#[test]
fn a_folder_for_runs_that_is_read_only_is_named() {
    let node = lend_one();
    node.sh(
        "mkdir -p /var/lib/portcullis; mount --bind /var/lib/portcullis /var/lib/portcullis; mount -o remount,bind,ro /var/lib/portcullis",
    );
    apply_in_vain(&SiteText::bare(&[&node]), &node, 1, &[&node.name, "stands as before", "/var/lib/portcullis", "Read-only file system"])
        .assert_helps("mount it for writing");
    node.sh("umount /var/lib/portcullis");
}

#[test]
fn a_target_that_is_read_only_is_named() {
    let node = lend_one();
    node.sh("mkdir -p /etc/small; mount --bind /etc/small /etc/small; mount -o remount,bind,ro /etc/small");
    apply_in_vain(&SiteText::bare(&[&node]), &node, 1, &[&node.name, "stands as before", "/etc/small/file", "Read-only file system"]);
    node.sh("umount /etc/small");
}

#[test]
fn a_user_who_may_not_use_sudo_is_told_what_sudoers_must_say() {
    let node = lend_one();
    node.sh("mv /etc/sudoers.d/lab /run/small.sudoers");
    let run = apply_in_vain(&SiteText::bare(&[&node]), &node, 1, &[&node.name, "sudo", node.user]);
    assert!(run.stderr.contains("NOPASSWD") || run.stderr.contains("sudoers"), "{}", run.stderr);
    node.sh("mv /run/small.sudoers /etc/sudoers.d/lab");
}

#[test]
fn a_wrong_sudo_password_is_tried_once_and_not_shown() {
    let node = lend_one();
    node.sh(&format!("cp -p /etc/sudoers.d/lab /run/small.sudoers; cp -p /etc/shadow /run/small.shadow; echo '{0}:right-password' | chpasswd; echo '{0} ALL=(ALL:ALL) ALL' >/etc/sudoers.d/lab", node.user));
    let mut site = SiteText::bare(&[&node]);
    site.nodes[0].keys.push("sudo_password: env:SUDO".to_owned());
    let mut operator = Operator::with(&site);
    operator.set("SUDO", "wrong-password-of-sudo");
    let run = operator.apply_small();
    run.assert_failed(1, &[&node.name, "sudo", "password"]);
    assert!(!run.stderr.contains("wrong-password"), "{}", run.stderr);
    operator.set("SUDO", "right-password");
    operator.apply_small().assert_code(0);
    node.sh("cp -p /run/small.sudoers /etc/sudoers.d/lab; cp -p /run/small.shadow /etc/shadow");
}

#[test]
fn a_configuration_that_nginx_refuses_is_never_served() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::with_tls(&[&node]));
    operator.run(&["apply", "tls", "--yes"]).assert_code(0);
    let before = stand(&node);
    let chain = served_chain(&node, "manage.acme.lab.example");
    assert_eq!(chain.len(), 3);
    operator.write("templates/tls/nginx.conf", "server {\n    listen 443 ssl\n    no_such_word on;\n}\n");
    let run = operator.run(&["apply", "tls", "--yes"]);
    run.assert_failed(1, &[&node.name, "stands as before", "step `nginx`", "nginx -t", "portcullis.conf:"])
        .assert_names_log(&operator.log());
    before.assert_same(&stand(&node));
    assert_eq!(served_chain(&node, "manage.acme.lab.example"), chain);
    assert!(node.holds("systemctl is-active nginx && nginx -t"));
    let log = operator.run(&["audit", "log", "--output", "json"]);
    assert!(log.stdout.contains("nginx -t"), "{}", log.stdout);
    std::fs::remove_file(operator.path("templates/tls/nginx.conf")).unwrap();
    operator.run(&["apply", "tls", "--yes"]).assert_code(0);
    operator.run(&["rollback", "--yes"]).assert_code(0);
}

#[test]
fn a_service_that_does_not_come_up_has_its_files_put_back() {
    let node = lend_one();
    let operator = Operator::with(&SiteText::bare(&[&node]));
    let playbook = "name: own\ntitle: own\nsteps:\n  - id: own\n    file: {path: /etc/small/file, src: small.txt}\n  \
                    - id: nginx\n    service: {name: nginx, on_change: restart, listens: [4711]}\n";
    operator.write("playbooks/own.yaml", playbook);
    let before = stand(&node);
    let run = operator.run(&["apply", "own", "--yes"]);
    run.assert_failed(1, &[&node.name, "rolled back, and stands as before", "step `nginx`", "nothing listens on TCP port 4711"]);
    before.assert_same(&stand(&node));
    assert_eq!(node.runs()[0].1, "undone");
}

/// Debian's postfix counts as active whatever became of it: only the port tells.
#[test]
fn a_service_that_is_active_and_does_not_listen_is_told_with_what_it_said() {
    let node = lend_one();
    node.sh("mv /etc/postfix/master.cf /root/master.cf");
    let operator = Operator::with(&SiteText::bare(&[&node]));
    let playbook = "name: mail\ntitle: mail\nsteps:\n  - id: mail\n    file: {path: /etc/small/file, src: small.txt}\n  \
                    - id: postfix\n    service: {name: postfix, on_change: restart, listens: [25]}\n";
    operator.write("playbooks/mail.yaml", playbook);
    let run = operator.run(&["apply", "mail", "--yes"]);
    node.sh("mv /root/master.cf /etc/postfix/master.cf; systemctl restart postfix");
    run.assert_failed(1, &[&node.name, "nothing listens on TCP port 25", "master.cf"]);
}

#[test]
fn a_key_that_does_not_fit_the_certificate_is_a_finding_and_nothing_is_dialled() {
    let node = lend_one();
    let mut site = SiteText::with_tls(&[&node]);
    let fitting = state("tls/key.pem");
    let other = state("tls/mail/key.pem");
    site.sections.iter_mut().for_each(|section| *section = section.replace(&fitting, &other));
    site.jump.port = 1;
    let operator = Operator::with(&site);
    operator.run(&["apply", "tls", "--yes"]).assert_failed(3, &["cert.key.mismatch", "key.pem"]);
}

#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    let node = lend_one();
    node.sh("mkdir -p /etc/small; ln -s /etc/shadow /etc/small/file");
    apply_in_vain(&SiteText::bare(&[&node]), &node, 1, &[&node.name, "/etc/small/file", "symbolic link"]);
}

#[test]
fn a_link_on_the_way_to_a_file_is_told_by_the_plan_before_anything_is_touched() {
    let node = lend_one();
    node.sh("mkdir -p /srv/elsewhere; ln -sfn /srv/elsewhere /etc/small");
    let operator = Operator::with(&SiteText::bare(&[&node]));
    let said = [node.name.as_str(), "/etc/small/file is behind the symbolic link /etc/small"];
    operator.run(&["plan", "small"]).assert_failed(1, &said).assert_helps("a link is never followed");
    apply_in_vain(&SiteText::bare(&[&node]), &node, 1, &said);
    operator
        .write("playbooks/folder.yaml", "name: folder\ntitle: t\nsteps:\n  - {id: f, file: {path: /etc/small/deep/er, state: folder}}\n");
    operator.run(&["apply", "folder", "--yes"]).assert_failed(1, &["/etc/small/deep/er is behind the symbolic link /etc/small"]);
    assert_eq!(node.sh("ls -A /srv/elsewhere; ls -d /var/lib/portcullis 2>/dev/null; true"), "");
    node.sh("rm /etc/small; rmdir /srv/elsewhere");
}

#[test]
fn a_file_that_nobody_may_change_is_left_alone_and_named() {
    let node = lend_one();
    node.sh("mkdir -p /etc/small; mount -t tmpfs none /etc/small; echo old >/etc/small/file; chattr +i /etc/small/file");
    let operator = Operator::with(&SiteText::bare(&[&node]));
    let run = operator.apply_small();
    run.assert_failed(1, &[&node.name, "stands as before", "/etc/small/file", "Operation not permitted"]);
    assert_eq!(node.sh("cat /etc/small/file; ls -A /etc/small"), "old\nfile\n");
    node.sh("chattr -i /etc/small/file");
    operator.apply_small().assert_code(0);
    node.sh("umount /etc/small");
}

#[test]
fn a_tmp_where_nothing_may_be_run_or_written_is_not_needed() {
    let node = lend_one();
    node.sh("mount -t tmpfs -o noexec,size=4k,nr_inodes=1 none /tmp");
    let operator = Operator::with(&SiteText::bare(&[&node]));
    operator.apply_small().assert_code(0);
    operator.run(&["rollback", "--yes"]).assert_code(0);
    node.sh("umount /tmp");
}

#[test]
fn a_root_that_is_read_only_is_named_and_nothing_has_begun() {
    let node = lend_one();
    // As a fault of the disk leaves it; what runs already keeps what it has open.
    node.sh("for d in /etc /usr /home /root /srv /opt /var/lib; do mount --bind $d $d && mount -o remount,bind,ro $d || exit 1; done");
    let said = [node.name.as_str(), "stands as before", "Read-only file system"];
    apply_in_vain(&SiteText::bare(&[&node]), &node, 1, &said).assert_helps("mount it for writing");
    node.sh("umount -l /etc /usr /home /root /srv /opt /var/lib");
    Operator::with(&SiteText::bare(&[&node])).apply_small().assert_code(0);
}

#[test]
fn the_comparison_of_before_and_after_sees_content_mode_owner_and_what_comes_and_goes() {
    let node = lend_one();
    node.sh("mkdir -p /etc/small; echo a >/etc/small/file; ln -s a /etc/small/link");
    let before = stand(&node);
    before.assert_same(&stand(&node));
    for change in [
        "echo b >/etc/small/file",
        "chmod 600 /etc/small/file",
        "chown admin /etc/small/file",
        "ln -sf b /etc/small/link",
        "touch /etc/small/.hidden",
        "mkdir /etc/small/folder",
        "rm /etc/small/file",
    ] {
        let one_before = stand(&node);
        node.sh(change);
        assert_eq!(
            one_before.difference(&stand(&node)).iter().filter(|line| !line.starts_with("/etc/small:")).count().min(1),
            1,
            "{change}"
        );
    }
}
