//! Keys that are encrypted in ways of long ago: opened, or called by their cipher's name with a command that rewrites them.

use std::path::Path;

use super::command::{Outcome, cert, examples, put, succeeds};

const PASSWORD: &str = "geheim-123";
const LEGACY: [&str; 4] = ["-provider", "legacy", "-provider", "default"];

/// A folder with a chain, its key as `server.key`, and the password.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["chain.pem", "server.key"] {
        std::fs::copy(examples().join("good/rsa").join(file), folder.path().join(file)).unwrap();
    }
    put(folder.path().join("password"), PASSWORD);
    put(folder.path().join("wrong"), "another");
    folder
}

/// Writes `locked.key` from the server's.
fn lock(folder: &Path, words: &[&str]) {
    let path = |name: &str| folder.join(name).display().to_string();
    let (key, out, password) = (path("server.key"), path("locked.key"), format!("pass:{PASSWORD}"));
    succeeds("openssl", "openssl", &[words, &["-in", &key, "-out", &out, "-passout", &password], &LEGACY].concat());
}

/// `cert check` of the chain with this key and the password in this file.
fn check(folder: &Path, key: &str, password: &str) -> Outcome {
    let password = format!("file:{}", folder.join(password).display());
    let root = examples().join("authorities/rsa-root.pem").display().to_string();
    cert(folder, &["check", "chain.pem", "--key", key, "--root", &root, "--key-password-from", &password])
}

/// Runs the command of the only finding, with the passwords that OpenSSL would ask for: what it writes is the key.
fn mended(folder: &Path, outcome: &Outcome, cipher: &str) {
    assert_eq!(outcome.findings(), ["error cert.unreadable"], "{cipher}: {outcome:?}");
    let finding = &outcome.json()["findings"][0];
    assert!(finding["message"].as_str().unwrap().contains(cipher), "{cipher}: {finding}");
    let command = finding["fix"].as_str().unwrap().split('`').nth(1).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let line = command.replace("KEY", &path("locked.key")).replace("NEW.key", &path("new.key"));
    succeeds("dash", "sh", &["-c", &format!("{line} -passin pass:{PASSWORD} -passout pass:{PASSWORD}")]);
    let outcome = check(folder, "new.key", "password");
    assert_eq!((outcome.code, outcome.findings()), (0, Vec::new()), "{cipher}: {outcome:?}");
}

#[test]
fn a_key_in_old_pem_is_opened_or_its_cipher_is_named_with_a_command_that_opens_it() {
    let folder = folder();
    for (cipher, name) in
        [("-des-cbc", "DES-CBC"), ("-bf-cbc", "BF-CBC"), ("-cast5-cbc", "CAST5-CBC"), ("-rc2-cbc", "RC2-CBC"), ("-seed", "SEED-CBC")]
    {
        lock(folder.path(), &["rsa", "-traditional", cipher]);
        for password in ["password", "wrong"] {
            mended(folder.path(), &check(folder.path(), "locked.key", password), name);
        }
    }
    for cipher in ["-aes128", "-des3", "-aria128"] {
        lock(folder.path(), &["rsa", "-traditional", cipher]);
        assert_eq!(check(folder.path(), "locked.key", "password").findings(), [""; 0], "{cipher}");
        assert_eq!(check(folder.path(), "locked.key", "wrong").findings(), ["error cert.key.encrypted"], "{cipher}");
    }
}

#[test]
fn a_header_that_no_program_reads_is_not_called_a_wrong_password() {
    let folder = folder();
    lock(folder.path(), &["rsa", "-traditional", "-aes128"]);
    let text = std::fs::read_to_string(folder.path().join("locked.key")).unwrap();
    let vector = text.split_once("AES-128-CBC,").unwrap().1.lines().next().unwrap().to_owned();
    for (header, wanted) in [
        (format!("FOO-CBC,{vector}"), "the cipher FOO-CBC"),
        ("AES-128-CBC".to_owned(), "is damaged"),
        ("AES-128-CBC,12".to_owned(), "is damaged"),
    ] {
        put(folder.path().join("locked.key"), text.replace(&format!("AES-128-CBC,{vector}"), &header));
        let outcome = check(folder.path(), "locked.key", "password");
        assert_eq!(outcome.findings(), ["error cert.unreadable"], "{header}: {outcome:?}");
        let finding = &outcome.json()["findings"][0];
        assert!(
            finding["message"].as_str().unwrap().contains(wanted) && !finding["fix"].as_str().unwrap().contains("openssl"),
            "{finding}"
        );
    }
}

#[test]
fn a_key_in_pkcs8_is_opened_whatever_openssl_encrypted_it_with() {
    let folder = folder();
    for scheme in [
        ["-v2", "camellia-256-cbc"],
        ["-v2", "aria-192-cbc"],
        ["-v2", "sm4-cbc"],
        ["-v2", "rc2-cbc"],
        ["-v2", "des-cbc"],
        ["-v1", "PBE-MD5-DES"],
        ["-v1", "PBE-SHA1-DES"],
        ["-v1", "PBE-MD5-RC2-64"],
        ["-v1", "PBE-SHA1-RC4-128"],
        ["-v1", "PBE-SHA1-RC2-40"],
        ["-v1", "PBE-SHA1-2DES"],
    ] {
        lock(folder.path(), &[&["pkcs8", "-topk8"], scheme.as_slice()].concat());
        assert_eq!(check(folder.path(), "locked.key", "password").findings(), [""; 0], "{scheme:?}");
        assert_eq!(check(folder.path(), "locked.key", "wrong").findings(), ["error cert.key.encrypted"], "{scheme:?}");
    }
    for (cipher, name) in [("seed-cbc", "SEED-CBC"), ("bf-cbc", "Blowfish-CBC"), ("cast5-cbc", "CAST5-CBC")] {
        lock(folder.path(), &["pkcs8", "-topk8", "-v2", cipher]);
        mended(folder.path(), &check(folder.path(), "locked.key", "password"), name);
    }
}

/// Nothing in it is encrypted, and the MAC alone has a password.
#[test]
fn a_pfx_that_is_only_sealed_is_not_called_encrypted() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (chain, key, out, password) = (path("chain.pem"), path("server.key"), path("sealed.pfx"), format!("pass:{PASSWORD}"));
    let words =
        ["pkcs12", "-export", "-in", &chain, "-inkey", &key, "-out", &out, "-passout", &password, "-keypbe", "NONE", "-certpbe", "NONE"];
    succeeds("openssl", "openssl", &words);
    for words in [&["inspect", "sealed.pfx"][..], &["inspect", "sealed.pfx", "--key-password-from", &format!("file:{}", path("wrong"))]] {
        let json = cert(folder.path(), words).json();
        let message = json["findings"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("the PFX is sealed with a password (its MAC), although nothing in it is encrypted"), "{message}");
    }
}
