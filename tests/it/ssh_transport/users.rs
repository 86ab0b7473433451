//! Users for one test alone.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The password of each of them.
pub(super) const PASSWORD: &str = "pass $word 'q\" \\";

/// A user of this test alone, taken away at its end.
pub(super) struct User {
    pub(super) name: String,
}

impl User {
    /// With these rights, where `USER` stands for its name.
    pub(super) fn new(sudoers: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let user = Self { name: format!("pct{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst)) };
        assert!(Command::new("useradd").args(["-M", "-d", "/tmp", "-s", "/bin/sh", &user.name]).status().unwrap().success());
        let mut chpasswd = Command::new("chpasswd").stdin(Stdio::piped()).spawn().unwrap();
        chpasswd.stdin.take().unwrap().write_all(format!("{}:{PASSWORD}\n", user.name).as_bytes()).unwrap();
        assert!(chpasswd.wait().unwrap().success());
        if !sudoers.is_empty() {
            let rule = sudoers.replace("USER", &user.name);
            let existing = portcullis::disk::Existing::Replace;
            portcullis::disk::write_atomically(user.rule().as_ref(), format!("{rule}\n").as_bytes(), 0o440, existing).unwrap();
        }
        user
    }

    fn rule(&self) -> String {
        format!("/etc/sudoers.d/{}", self.name)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        std::fs::remove_file(self.rule()).ok();
        Command::new("userdel").arg("-f").arg(&self.name).stderr(Stdio::null()).status().ok();
    }
}
