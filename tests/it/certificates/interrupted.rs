//! Ctrl-C and SIGTERM at every moment of making a PFX or a request: what belongs together stays together, and no key is left behind.

#![expect(clippy::disallowed_methods, reason = "the program is run, and stopped, as a person does it")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::chosen::two_servers;
use super::command::succeeds;

const STEPS: u32 = 30;

fn begin(folder: &Path, args: &[&str]) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(args).current_dir(folder).env("HOME", folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Runs it whole, then breaks it off at moments spread over the time that it took; `look` is asked after each.
fn at_every_moment(folder: &Path, args: &[&str], look: impl Fn(&str)) {
    let start = Instant::now();
    assert!(begin(folder, args).wait().unwrap().success());
    let whole = start.elapsed();
    for step in 0..STEPS {
        let signal = if step % 2 == 0 { "-INT" } else { "-TERM" };
        let mut child = begin(folder, args);
        std::thread::sleep(whole * step / STEPS + Duration::from_millis(1));
        // It may have ended by then.
        let _ended = Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status();
        child.wait().unwrap();
        look(&format!("{signal} at step {step} of {STEPS}"));
        let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.') && name != ".local";
        let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).filter(|name| hidden(name)).collect();
        assert!(left.is_empty(), "{signal} at step {step}: {left:?}");
    }
}

#[test]
fn a_pfx_and_its_password_stay_a_pair() {
    let folder = two_servers();
    let line = ["cert", "pfx", "--in", "first.pem", "first.key", "--at", "2026-12-01", "--root", "root.pem", "--out", "x.pfx", "--force"];
    let path = |name: &str| folder.path().join(name).display().to_string();
    at_every_moment(folder.path(), &line, |_when| {
        let password = format!("file:{}", path("x.pfx.password"));
        succeeds("openssl", "openssl", &["pkcs12", "-in", &path("x.pfx"), "-passin", &password, "-noout"]);
    });
}

#[test]
fn a_key_and_its_request_stay_a_pair() {
    let folder = tempfile::tempdir().unwrap();
    let line = ["cert", "csr", "--out-dir", ".", "--name", "a.example.com", "--key-type", "ecdsa-p256", "--force"];
    let path = |name: &str| folder.path().join(name).display().to_string();
    at_every_moment(folder.path(), &line, |when| {
        let of_key = succeeds("openssl", "openssl", &["pkey", "-in", &path("a.example.com.key"), "-pubout"]);
        let of_request = succeeds("openssl", "openssl", &["req", "-in", &path("a.example.com.csr"), "-pubkey", "-noout"]);
        assert_eq!(of_key, of_request, "{when}");
    });
}
