//! Command lines that cannot work: refused before anything is asked or written, with a way on.

use std::path::Path;

use super::command::{cert_as, examples, refused};

#[test]
fn what_is_no_name_time_or_file_is_refused_with_a_form_that_works() {
    for (line, wanted) in [
        ("check a.pem --name bad/name", "without scheme, port or path"),
        ("check a.pem --name https://a.example.com", "without scheme, port or path"),
        ("check a.pem --at yesterday", "2027-01-31T12:00:00Z"),
        ("pfx --in a.pem --out -", "never on standard output"),
        ("pfx --in a.pem --out folder/", "name the file"),
        ("pfx --in a.pem --out x.pfx --target windows-95", "windows-2016"),
        ("pfx --in a.pem --out x.pfx --password-from hunter", "env:NAME"),
    ] {
        let message = refused(line);
        assert!(message.contains(wanted), "{line}\n{message}");
        assert!(!line.contains("hunter") || !message.contains("hunter\n"), "{message}");
    }
}

#[test]
fn a_day_is_its_first_second_and_now_is_now() {
    let folder = examples().join("good/ecdsa");
    let day = |at: &str| cert_as(&folder, &["check", "chain.pem", "--root", "../../authorities/root.pem", "--at", at], true).findings();
    assert!(day("2100-01-01").contains(&"error cert.expired".to_owned()));
    assert_eq!((day("now"), day("2026-12-01")), (vec![], vec![]));
}

fn pfx_to(folder: &Path, out: &Path) -> super::command::Outcome {
    let out = out.display().to_string();
    cert_as(folder, &["pfx", "--in", "chain.pem", "server.key", "--root", "../../authorities/root.pem", "--out", &out], false)
}

#[test]
fn a_place_where_nothing_can_be_put_is_named_at_once() {
    let bundle = examples().join("good/ecdsa");
    let folder = tempfile::tempdir().unwrap();
    let missing = pfx_to(&bundle, &folder.path().join("nodir/x.pfx"));
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.err.contains("there is no folder") && missing.err.contains("mkdir -p"), "{missing:?}");
    assert!(!missing.err.contains(".password"), "{missing:?}");
    let taken = pfx_to(&bundle, folder.path());
    assert!(taken.code == 2 && taken.err.contains("is a folder"), "{taken:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_root_among_the_files_is_named_by_its_place_there() {
    let folder = examples().join("mistakes/chain-root-included");
    let outcome = cert_as(&folder, &["check", "chain.pem", "--key", "server.key", "--root", "../../authorities/root.pem"], true);
    let json = outcome.json();
    let finding = json["findings"].as_array().unwrap().iter().find(|one| one["id"] == "cert.chain.root-included").unwrap();
    assert!(finding["subject"].as_str().unwrap().contains("chain.pem:"), "{finding}");
}
