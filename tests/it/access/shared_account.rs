//! An account that others use as well: nothing of theirs is touched, and all that a window's person leaves there is told.

use super::stage::{Stage, Window};

/// A folder of its own for the account's home, as it was before.
fn keep_home(stage: &Stage) {
    stage.sh("a0-1", "rm -rf /root/admin.kept; cp -a /home/admin /root/admin.kept");
}

fn put_home_back(stage: &Stage) {
    stage.sh("a0-1", "rm -rf /home/admin; mv /root/admin.kept /home/admin");
}

fn must_run(stage: &Stage, window: &Window, line: &str) {
    let output = stage.ssh(window, &["a0-1", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
}

/// Whatever a shell, sshd, PAM, systemd, D-Bus or a mailer runs or believes in the account's name.
const FILES: [&str; 37] = [
    ".ssh/authorized_keys",
    ".ssh/authorized_keys2",
    ".ssh/rc",
    ".ssh/environment",
    ".pam_environment",
    ".profile",
    ".bash_profile",
    ".bash_login",
    ".bashrc",
    ".bash_aliases",
    ".bash_logout",
    ".zshenv",
    ".zprofile",
    ".zshrc",
    ".zlogin",
    ".cshrc",
    ".tcshrc",
    ".login",
    ".logout",
    ".kshrc",
    ".mkshrc",
    ".shrc",
    ".config/fish/config.fish",
    ".config/fish/conf.d/x.fish",
    ".config/environment.d/x.conf",
    ".config/systemd/user/x.service",
    ".config/systemd/user/default.target.wants/x.service",
    ".local/share/systemd/user/x.service",
    ".local/share/dbus-1/services/x.service",
    ".config/autostart/x.desktop",
    ".forward",
    ".procmailrc",
    ".rhosts",
    ".shosts",
    ".k5login",
    "bin/ls",
    ".local/bin/ls",
];

#[test]
fn each_file_that_runs_something_or_lets_somebody_in_is_told_when_it_is_new_changed_or_gone() {
    let stage = Stage::set();
    keep_home(&stage);
    let sound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        stage.sh("a0-1", "echo old >/home/admin/.kshrc; echo old >/home/admin/.zlogin; chown admin /home/admin/.kshrc");
        let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
        // By sftp as well, which runs no shell.
        let config = stage.path("windows").join(&window.id).join("ssh_config");
        let batch = stage.write("batch", "put ada.pub .forward\nrm .zlogin\n");
        let sftp = std::process::Command::new("sftp")
            .arg("-q")
            .arg("-F")
            .arg(config)
            .arg("-b")
            .arg(batch)
            .arg("a0-1")
            .current_dir(stage.path(""))
            .output();
        assert!(sftp.as_ref().unwrap().status.success(), "{sftp:?}");
        let others = FILES.iter().filter(|file| !matches!(**file, ".zlogin" | ".forward"));
        let plant: Vec<String> = others.map(|file| format!("mkdir -p $(dirname {file}); echo '# x' >>{file}")).collect();
        must_run(&stage, &window, &plant.join("; "));
        let closed = stage.run(&["access", "close", &window.id]);
        for file in FILES {
            let how = if file == ".zlogin" { "removed" } else { "new or changed" };
            let told = format!("left in its account: {file}: {how}\n");
            assert!(closed.assert_code(0).stdout.contains(&told), "{told}\n{}", closed.stdout);
        }
        let again = stage.open(&["--for", "10m", "--node", "a0-1"]);
        let closed = stage.run(&["access", "close", &again.id]);
        assert!(!closed.assert_code(0).stdout.contains("left in its account"), "{}", closed.stdout);
    }));
    put_home_back(&stage);
    if let Err(panic) = sound {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn jobs_services_and_privileged_copies_are_told_and_left_to_those_who_use_the_account_as_well() {
    let stage = Stage::set();
    keep_home(&stage);
    stage.sh("a0-1", "install -m 4755 -o admin /bin/true /tmp/from-before; echo admin >/etc/at.allow");
    stage.sh("a0-1", "loginctl enable-linger admin; systemctl start user@$(id -u admin)");
    let sound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let theirs = "systemd-run --quiet --user --machine=admin@ --unit=theirs sleep 7501 || su -s /bin/sh admin -c 'XDG_RUNTIME_DIR=/run/user/$(id -u) systemd-run --quiet --user --unit=theirs sleep 7501'";
        stage.sh("a0-1", theirs);
        // What began in the same hundredth of a second as the window would be its own.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let window = stage.open(&["--for", "10m", "--node", "a0-1"]);
        must_run(&stage, &window, "export XDG_RUNTIME_DIR=/run/user/$(id -u); systemd-run --user --quiet --unit=left sleep 7502");
        must_run(
            &stage,
            &window,
            "echo 'sleep 7503' | at now + 1 hour 2>/dev/null; (crontab -l 2>/dev/null; echo '0 0 1 1 * sleep 7504') | crontab -",
        );
        must_run(
            &stage,
            &window,
            "cp /bin/sleep /tmp/left-privileged && chmod 4755 /tmp/left-privileged; cp /bin/sleep left-in-home && chmod 6755 left-in-home",
        );
        let closed = stage.run(&["access", "close", &window.id]);
        for told in [
            "/usr/bin/sleep 7502): began in a window, and still runs",
            "atjobs/",
            "crontabs/admin: new or changed",
            "/tmp/left-privileged: runs with the rights of admin, whoever starts it",
            "/home/admin/left-in-home: runs with the rights of admin, whoever starts it",
        ] {
            assert!(closed.assert_code(0).stdout.contains(told), "{told}\n{}", closed.stdout);
        }
        for not_told in ["7501", "from-before"] {
            assert!(!closed.stdout.contains(not_told), "{not_told}\n{}", closed.stdout);
        }
        stage.sh("a0-1", "pgrep -xf '/usr/bin/sleep 7501' && pgrep -xf '/usr/bin/sleep 7502'");
    }));
    stage.sh(
        "a0-1",
        "pkill -f '[s]leep 750'; loginctl disable-linger admin; crontab -u admin -r; for job in $(atq | cut -f1); do atrm $job; done; \
         rm -f /etc/at.allow /tmp/left-privileged /tmp/from-before; true",
    );
    put_home_back(&stage);
    if let Err(panic) = sound {
        std::panic::resume_unwind(panic);
    }
}
