//! Which certificate and which key are meant, where the files hold several.

use std::path::Path;

use super::command::{cert_as, examples};

/// The files of two servers, with their keys and roots.
pub(super) fn two_servers() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("good/ecdsa/chain.pem", "first.pem"),
        ("good/ecdsa/server.key", "first.key"),
        ("good/rsa/chain.pem", "second.pem"),
        ("good/rsa/server.key", "second.key"),
        ("authorities/root.pem", "root.pem"),
        ("authorities/rsa-root.pem", "rsa-root.pem"),
    ] {
        std::fs::copy(examples().join(from), folder.path().join(to)).unwrap();
    }
    folder
}

/// Runs `cert LINE` in the folder, with both roots.
pub(super) fn told(folder: &Path, line: &str, json: bool) -> super::command::Outcome {
    let words: Vec<&str> = line.split_whitespace().chain(["--root", "root.pem", "--root", "rsa-root.pem"]).collect();
    cert_as(folder, &words, json)
}

#[test]
fn the_key_that_is_named_decides_though_another_file_holds_one_that_fits() {
    let folder = two_servers();
    let outcome = told(folder.path(), "check first.pem first.key --key second.key", true);
    assert_eq!((outcome.code, outcome.findings()), (3, vec!["error cert.key.mismatch".to_owned()]), "{outcome:?}");
    let outcome = told(folder.path(), "check first.pem second.key --key first.key", true);
    assert_eq!((outcome.code, outcome.findings()), (0, vec![]), "{outcome:?}");
}

#[test]
fn a_file_that_is_given_twice_by_other_paths_is_read_once() {
    let folder = two_servers();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::os::unix::fs::symlink("first.pem", folder.path().join("link.pem")).unwrap();
    let line = "check first.pem ./first.pem sub/../first.pem link.pem first.key second.key --key ./first.key";
    let outcome = told(folder.path(), line, true);
    assert_eq!((outcome.code, outcome.findings()), (0, vec![]), "{outcome:?}");
    // A copy is another file, and what it holds is there twice.
    std::fs::copy(folder.path().join("first.pem"), folder.path().join("copy.pem")).unwrap();
    let outcome = told(folder.path(), "check first.pem copy.pem", true);
    assert_eq!(outcome.findings(), ["warning cert.duplicate", "warning cert.duplicate"], "{outcome:?}");
}

#[test]
fn the_key_that_is_named_chooses_among_certificates() {
    let folder = two_servers();
    let out = folder.path().join("x.pfx").display().to_string();
    let line = format!("pfx --in first.pem second.pem first.key second.key --key second.key --out {out}");
    let outcome = told(folder.path(), &line, true);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.json()["certificates"][0]["file"].as_str().unwrap().ends_with("second.pem"), "{outcome:?}");
}

#[test]
fn a_script_reads_how_many_errors_a_written_pfx_has() {
    let folder = two_servers();
    let out = folder.path().join("x.pfx").display().to_string();
    let outcome = told(folder.path(), &format!("pfx --in first.pem first.key --at 2100-01-01 --out {out}"), true);
    let json = outcome.json();
    let errors = outcome.findings().iter().filter(|one| one.starts_with("error")).count();
    assert!(errors > 0 && outcome.code == 0 && json["errors"] == errors, "{json}");
}

#[test]
fn a_locked_key_beside_the_right_one_is_no_error() {
    let folder = two_servers();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let words = ["pkcs8", "-topk8", "-in", &path("second.key"), "-out", &path("locked.key"), "-passout", "pass:x"];
    super::command::succeeds("openssl", "openssl", &words);
    let outcome = told(folder.path(), "check first.pem locked.key first.key --at 2026-12-01", false);
    assert!(outcome.code == 0 && outcome.out.contains("own key was found without it"), "{outcome:?}");
    let outcome = told(folder.path(), "check second.pem locked.key --at 2026-12-01", true);
    assert_eq!((outcome.code, outcome.findings()), (3, vec!["error cert.key.encrypted".to_owned()]), "{outcome:?}");
}
