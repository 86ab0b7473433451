//! Where a new PFX goes, and what becomes of what stood there.

use super::chosen::{told, two_servers};
use super::command::{program, put};

const MAKE: &str = "pfx --in first.pem first.key --at 2026-12-01 --force";

#[test]
fn a_link_stays_one_and_the_pfx_goes_where_it_leads() {
    let folder = two_servers();
    put(folder.path().join("v1.pfx"), "old");
    let link = folder.path().join("current.pfx");
    std::os::unix::fs::symlink("v1.pfx", &link).unwrap();
    let outcome = told(folder.path(), &format!("{MAKE} --out {}", link.display()), false);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.err.contains("is a link, and stays one"), "{outcome:?}");
    assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some("v1.pfx"));
    assert_ne!(std::fs::read(folder.path().join("v1.pfx")).unwrap(), b"old");
}

#[test]
fn the_password_file_of_the_pfx_of_before_goes_with_it() {
    let folder = two_servers();
    let out = folder.path().join("x.pfx");
    let beside = folder.path().join("x.pfx.password");
    put(folder.path().join("pw"), "geheim\n");
    let first = told(folder.path(), &format!("{MAKE} --out {}", out.display()), false);
    assert!(first.code == 0 && beside.exists(), "{first:?}");
    let given = format!("{MAKE} --password-from file:{} --out {}", folder.path().join("pw").display(), out.display());
    let second = told(folder.path(), &given, false);
    assert!(second.code == 0 && !beside.exists() && second.err.contains("was removed"), "{second:?}");
    // What a person wrote is not removed.
    put(&beside, "my own notes\n");
    let third = told(folder.path(), &given, false);
    assert!(third.code == 0 && beside.exists() && third.err.contains("does not hold this PFX's password"), "{third:?}");
}

#[test]
fn no_path_to_an_input_is_a_place_for_the_pfx() {
    let folder = two_servers();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("sub")).unwrap();
    std::fs::hard_link(at("first.key"), at("hard.pfx")).unwrap();
    std::os::unix::fs::symlink("first.pem", at("soft.pfx")).unwrap();
    put(at("pw"), "geheim\n");
    let before = std::fs::read(at("first.key")).unwrap();
    for out in ["hard.pfx", "soft.pfx", "sub/../first.pem", "./root.pem", "pw"] {
        let line = format!("{MAKE} --password-from file:{} --out {}", at("pw").display(), at(out).display());
        let outcome = told(folder.path(), &line, false);
        assert!(outcome.code == 2 && outcome.err.contains("is one of the inputs"), "{out}: {outcome:?}");
    }
    assert_eq!(std::fs::read(at("first.key")).unwrap(), before);
}

#[test]
fn a_password_file_that_is_given_again_stays() {
    let folder = two_servers();
    let (out, beside) = (folder.path().join("x.pfx"), folder.path().join("x.pfx.password"));
    assert_eq!(told(folder.path(), &format!("{MAKE} --out {}", out.display()), false).code, 0);
    let before = std::fs::read(&beside).unwrap();
    let again = told(folder.path(), &format!("{MAKE} --password-from file:{} --out {}", beside.display(), out.display()), false);
    assert!(again.code == 0 && !again.err.contains("password"), "{again:?}");
    assert_eq!(std::fs::read(&beside).unwrap(), before);
}

#[test]
fn a_password_outside_ascii_is_refused_for_java_and_warned_of_otherwise() {
    let folder = two_servers();
    let (out, password) = (folder.path().join("x.pfx"), folder.path().join("pw"));
    put(&password, "pässwörd\n");
    let line = |target: &str| format!("{MAKE} --target {target} --password-from file:{} --out {}", password.display(), out.display());
    let refused = told(folder.path(), &line("java17"), false);
    assert!(refused.code == 2 && refused.err.contains("Java opens no PFX") && !out.exists(), "{refused:?}");
    let made = told(folder.path(), &line("openssl3"), true);
    assert!(made.code == 0 && made.err.contains("Java refuses"), "{made:?}");
    let line = ["explain", "x.pfx", "--key-password-from", &format!("file:{}", password.display())];
    let told = super::command::cert(folder.path(), &line).json();
    assert_eq!(told["password_opens_it"], true, "{told}");
    let of_java = |one: &&serde_json::Value| one["name"].as_str().unwrap().starts_with("Java");
    assert!(told["platforms"].as_array().unwrap().iter().filter(of_java).all(|one| one["opens"] == false), "{told}");
}

#[test]
fn a_password_that_nobody_can_mean_is_warned_of_and_one_that_cannot_be_is_refused() {
    let folder = two_servers();
    let (out, password) = (folder.path().join("x.pfx"), folder.path().join("pw"));
    for (text, code, words) in [
        ("", 0, "the password is empty"),
        ("two\nlines\n", 0, "line break"),
        ("a\0b", 1, "contains a NUL"),
        ("\u{1f600}", 1, "Basic Multilingual Plane"),
    ] {
        put(&password, text);
        let outcome = told(folder.path(), &format!("{MAKE} --password-from file:{} --out {}", password.display(), out.display()), false);
        assert!(outcome.code == code && outcome.err.contains(words), "{text:?}: {outcome:?}");
    }
}

/// The system would end the process in the middle of its writing (SIGXFSZ).
#[test]
fn a_limit_to_the_size_of_files_is_an_error_and_leaves_no_half_of_one() {
    let folder = two_servers();
    let script = format!(
        "cd '{}' && export HOME=. XDG_STATE_HOME=. && ulimit -f 1 && exec '{}' cert {MAKE} --root root.pem --out x.pfx",
        folder.path().display(),
        env!("CARGO_BIN_EXE_portcullis")
    );
    let output = program("dash", "dash", &["-c", &script]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("cannot write x.pfx") && err.contains("File too large"), "{err}");
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("x.pfx")), "{names:?}");
}
