//! Every algorithm that OpenSSL makes a PFX with: what `cert explain` says of it is what five programs do, and what can be
//! opened here is opened.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::command::{cert, cert_as, examples, program, put, succeeds};

const PASSWORD: &str = "geheim-123";
const LEGACY: [&str; 4] = ["-provider", "legacy", "-provider", "default"];

/// Ciphers under PBES2, and schemes before it.
const CIPHERS: [&str; 26] = [
    "aes-128-cbc",
    "aes-192-cbc",
    "aes-256-cbc",
    "des-ede3-cbc",
    "des-cbc",
    "rc2-cbc",
    "rc2-40-cbc",
    "camellia-128-cbc",
    "camellia-192-cbc",
    "camellia-256-cbc",
    "aria-128-cbc",
    "aria-256-cbc",
    "sm4-cbc",
    "seed-cbc",
    "bf-cbc",
    "cast5-cbc",
    "PBE-SHA1-3DES",
    "PBE-SHA1-2DES",
    "PBE-SHA1-RC4-128",
    "PBE-SHA1-RC4-40",
    "PBE-SHA1-RC2-128",
    "PBE-SHA1-RC2-40",
    "PBE-SHA1-RC2-64",
    "PBE-SHA1-DES",
    "PBE-MD5-DES",
    "PBE-MD5-RC2-64",
];
const HASHES: [&str; 16] = [
    "md4",
    "md5",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha512-224",
    "sha512-256",
    "sha3-224",
    "sha3-256",
    "sha3-512",
    "ripemd160",
    "blake2b512",
    "sm3",
    "whirlpool",
];
/// What is known by name, and opened by OpenSSL's legacy provider alone.
const NOT_READ: [&str; 5] = ["seed-cbc", "bf-cbc", "cast5-cbc", "md4", "whirlpool"];

/// The platforms that are at hand, as `cert explain` calls them.
const OPENSSL: &str = "OpenSSL 3.0";
const GNUTLS: &str = "GnuTLS 3.7";
const NSS: &str = "NSS 3.87";
const JAVA: &str = "Java 8u301";
const PYTHON: &str = "Python cryptography up to 43";

/// A folder with a bundle, its key and the password.
fn bundle() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["chain.pem", "server.key"] {
        fs::copy(examples().join("good/rsa").join(file), folder.path().join(file)).unwrap();
    }
    put(folder.path().join("password"), PASSWORD);
    folder
}

/// A PFX `name.pfx` made of the bundle.
fn make(folder: &Path, name: &str, how: &[&str]) {
    let path = |name: &str| folder.join(name).display().to_string();
    let (chain, key, out) = (path("chain.pem"), path("server.key"), path(&format!("{name}.pfx")));
    let passout = format!("pass:{PASSWORD}");
    let words = ["pkcs12", "-export", "-in", &chain, "-inkey", &key, "-passout", &passout, "-iter", "3", "-out", &out];
    succeeds("openssl", "openssl", &[&words[..], &LEGACY, how].concat());
}

/// Whether each of the programs at hand takes key and certificates out of it.
fn taken_by(folder: &Path, pfx: &str) -> BTreeMap<&'static str, bool> {
    const SCRIPT: &str = "
import sys
from cryptography.hazmat.primitives.serialization import pkcs12
key, leaf, above = pkcs12.load_key_and_certificates(open(sys.argv[1], 'rb').read(), sys.argv[2].encode())
assert key and leaf
";
    let database = tempfile::tempdir().unwrap();
    let sql = format!("sql:{}", database.path().display());
    succeeds("libnss3-tools", "certutil", &["-N", "-d", &sql, "--empty-password"]);
    let passin = format!("pass:{PASSWORD}");
    let copy = folder.join("copy.p12").display().to_string();
    let ran = |package: &str, name: &str, words: &[&str]| program(package, name, words);
    let words = ["--p12-info", "--inder", "--infile", pfx, "--password", PASSWORD];
    let gnutls = ran("gnutls-bin", "certtool", &words);
    let words = ["-importkeystore", "-srckeystore", pfx, "-srcstorepass", PASSWORD, "-destkeystore", &copy, "-deststorepass", PASSWORD];
    let java = ran("default-jre-headless", "keytool", &[&words[..], &["-srcstoretype", "PKCS12", "-noprompt"]].concat());
    let imported = fs::remove_file(&copy).is_ok();
    BTreeMap::from([
        (OPENSSL, ran("openssl", "openssl", &["pkcs12", "-in", pfx, "-passin", &passin, "-nodes"]).status.success()),
        (GNUTLS, gnutls.status.success() && String::from_utf8_lossy(&gnutls.stdout).contains("BEGIN CERTIFICATE")),
        (NSS, ran("libnss3-tools", "pk12util", &["-i", pfx, "-d", &sql, "-W", PASSWORD]).status.success()),
        (JAVA, java.status.success() && imported),
        (PYTHON, ran("python3-cryptography", "/usr/bin/python3", &["-c", SCRIPT, pfx, PASSWORD]).status.success()),
    ])
}

/// What `cert explain` says of the same.
fn told(folder: &Path, file: &str, more: &[&str]) -> BTreeMap<&'static str, bool> {
    let json = cert(folder, &[&["explain", file], more].concat()).json();
    let of = |name: &'static str| {
        let platform = json["platforms"].as_array().unwrap().iter().find(|one| one["name"].as_str().unwrap().starts_with(name));
        (name, platform.and_then(|one| one["opens"].as_bool()).unwrap_or_else(|| panic!("nothing of {name} in {json}")))
    };
    BTreeMap::from([OPENSSL, GNUTLS, NSS, JAVA, PYTHON].map(of))
}

/// Each algorithm by the words that make OpenSSL use it.
fn compared(names: &[&str], how: impl Fn(&str) -> Vec<String>) {
    let folder = bundle();
    let password = format!("file:{}", folder.path().join("password").display());
    let mut wrong = Vec::new();
    for name in names {
        let words = how(name);
        make(folder.path(), name, &words.iter().map(String::as_str).collect::<Vec<_>>());
        let file = format!("{name}.pfx");
        let (said, done) = (told(folder.path(), &file, &[]), taken_by(folder.path(), &folder.path().join(&file).display().to_string()));
        if said != done {
            wrong.push(format!("{name}: said {said:?}, done {done:?}"));
        }
        let json = cert(folder.path(), &["inspect", &file, "--key-password-from", &password]).json();
        let read = json["findings"].as_array().unwrap().is_empty() && json["keys"][0]["fits"] == "CN=manage.example.com";
        assert_eq!(read, !NOT_READ.contains(name), "{name}: {json}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_said_of_each_cipher_is_what_five_programs_do() {
    compared(&CIPHERS, |name| ["-certpbe", name, "-keypbe", name].map(ToOwned::to_owned).to_vec());
}

#[test]
fn what_is_said_of_each_mac_is_what_five_programs_do() {
    compared(&HASHES, |name| ["-macalg", name].map(ToOwned::to_owned).to_vec());
}

#[test]
fn what_is_said_of_a_key_that_is_seen_with_the_password_is_what_five_programs_do() {
    for kind in ["ed25519", "ed448"] {
        let folder = bundle();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let password = format!("file:{}", path("password"));
        succeeds("openssl", "openssl", &["genpkey", "-algorithm", kind, "-out", &path("server.key")]);
        succeeds("openssl", "openssl", &["req", "-x509", "-key", &path("server.key"), "-subj", "/CN=x", "-out", &path("chain.pem")]);
        make(folder.path(), "x", &[]);
        let said = told(folder.path(), "x.pfx", &["--key-password-from", &password]);
        assert_eq!(said, taken_by(folder.path(), &path("x.pfx")), "{kind}");
        assert!(!said[NSS] && told(folder.path(), "x.pfx", &[])[NSS], "it is the key that NSS refuses");
    }
}

#[test]
fn of_an_algorithm_that_is_unknown_here_no_platform_is_said_to_fail() {
    let folder = bundle();
    make(folder.path(), "odd", &["-certpbe", "aes-256-cfb", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"]);
    let json = cert(folder.path(), &["explain", "odd.pfx"]).json();
    for platform in json["platforms"].as_array().unwrap() {
        // Those that know no PBES2 at all fail for that.
        let old = platform["because"].to_string().contains("PBES2");
        assert_eq!(platform["opens"].as_bool(), old.then_some(false), "{platform}");
        let doubt = "PBES2 with cipher 2.16.840.1.101.3.4.1.44 is not known to this tool";
        assert!(old || platform["not_known"].to_string().contains(doubt), "{platform}");
    }
    let text = cert_as(folder.path(), &["explain", "odd.pfx"], false).out;
    assert!(text.contains("not known  NSS") && !text.contains("fails      NSS"), "{text}");
}

/// The command that `cert explain` ends with, done as it stands, but for the password that OpenSSL would ask for.
#[test]
fn what_only_openssl_opens_is_written_anew_by_the_command_that_is_named() {
    let folder = bundle();
    make(folder.path(), "old", &["-certpbe", "seed-cbc", "-keypbe", "seed-cbc"]);
    let text = cert_as(folder.path(), &["explain", "old.pfx"], false).out;
    let line = text.lines().find(|line| line.contains("openssl pkcs12 -legacy")).unwrap_or_else(|| panic!("no command in {text}"));
    let root = examples().join("authorities/rsa-root.pem").display().to_string();
    let new = folder.path().join("new.pfx").display().to_string();
    let line = line.replace("-nodes", &format!("-nodes -passin pass:{PASSWORD}")).replace("NEW.pfx", &new);
    let line = line.replace("portcullis cert", &format!("{} cert", env!("CARGO_BIN_EXE_portcullis"))) + " --at 2026-12-01 --root " + &root;
    succeeds("dash", "sh", &["-c", &line]);
    let password = format!("file:{new}.password");
    let json = cert(folder.path(), &["inspect", &new, "--key-password-from", &password]).json();
    assert_eq!(json["keys"][0]["fits"], "CN=manage.example.com", "{json}");
}
