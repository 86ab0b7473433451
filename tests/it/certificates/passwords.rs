//! PFX files under passwords that programs encode each in their own way: empty, missing, outside ASCII.

use std::path::Path;

use portcullis::certs::pfx::{PfxOptions, PfxProfile, write_pfx};
use portcullis::certs::{LeafSelection, NoPasswords, Roots, Source, build_chain, read};

use super::command::{NOW, cert, examples, program, put, succeeds};

const BLOCKS: usize = 3;
const NON_ASCII: &str = "pässwörd €";

/// Python's own look at key and certificates.
const SCRIPT: &str = "
import sys
from cryptography.hazmat.primitives.serialization import pkcs12
key, leaf, above = pkcs12.load_key_and_certificates(open(sys.argv[1], 'rb').read(), sys.argv[2].encode())
assert key.public_key().public_numbers() == leaf.public_key().public_numbers() and len(above) == 1
";

/// Key and two certificates, as text, by OpenSSL and GnuTLS; the import by NSS; and what Python finds.
fn all_open(pfx: &Path, password: &str) {
    let shown = pfx.display().to_string();
    let openssl = succeeds("openssl", "openssl", &["pkcs12", "-in", &shown, "-passin", &format!("pass:{password}"), "-nodes"]);
    assert_eq!(openssl.matches("-----BEGIN").count(), BLOCKS, "{shown}");
    let gnutls = succeeds("gnutls-bin", "certtool", &["--p12-info", "--inder", "--infile", &shown, "--password", password]);
    assert_eq!(gnutls.matches("-----BEGIN").count(), BLOCKS, "{shown}: {gnutls}");
    let base = tempfile::tempdir().unwrap();
    let database = format!("sql:{}", base.path().display());
    succeeds("libnss3-tools", "certutil", &["-N", "-d", &database, "--empty-password"]);
    succeeds("libnss3-tools", "pk12util", &["-i", &shown, "-d", &database, "-W", password]);
    succeeds("python3-cryptography", "/usr/bin/python3", &["-c", SCRIPT, &shown, password]);
}

/// A PFX that the command wrote under a password.
fn written(folder: &Path, profile: &str, password: &str) -> std::path::PathBuf {
    let (file, out) = (folder.join("password"), folder.join(format!("{profile}.pfx")));
    put(&file, password);
    let (shown, file) = (out.display().to_string(), format!("file:{}", file.display()));
    let words = ["pfx", "--in", "chain.pem", "server.key", "--root", "../../authorities/root.pem", "--force"];
    let outcome =
        cert(&examples().join("good/ecdsa"), &[&words[..], &["--profile", profile, "--password-from", &file, "--out", &shown]].concat());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    out
}

#[test]
fn an_empty_password_and_one_outside_ascii_open_everywhere_but_in_java() {
    let folder = tempfile::tempdir().unwrap();
    for profile in ["modern", "legacy"] {
        for password in ["", NON_ASCII] {
            let pfx = written(folder.path(), profile, password);
            all_open(&pfx, password);
            let shown = pfx.display().to_string();
            let words = ["-list", "-storetype", "PKCS12", "-keystore", &shown, "-storepass", password];
            assert_eq!(program("default-jre-headless", "keytool", &words).status.success(), password.is_empty(), "{profile}");
        }
    }
}

#[test]
fn a_missing_password_is_tried_by_those_who_are_given_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| Source { name: name.to_owned(), bytes: std::fs::read(examples().join(name)).unwrap() };
    let bag = read(&[file("good/ecdsa/chain.pem"), file("good/ecdsa/server.key")], &NoPasswords);
    let root = read(&[file("authorities/root.pem")], &NoPasswords).certificates.remove(0);
    let chain = build_chain(&bag, &Roots::none().and(root), LeafSelection::default(), NOW.parse().unwrap()).unwrap();
    for profile in [PfxProfile::Modern, PfxProfile::Pbmac1] {
        let options = PfxOptions { profile, friendly_name: "x", password: None, with_root: false };
        let pfx = folder.path().join("missing.pfx");
        put(&pfx, write_pfx(&chain, &bag.keys[0], options).unwrap());
        let found = read(&[Source { name: "missing.pfx".to_owned(), bytes: std::fs::read(&pfx).unwrap() }], &NoPasswords);
        assert_eq!((found.certificates.len(), found.keys.len(), found.findings.len()), (2, 1, 0), "{:?}", found.findings);
        if profile == PfxProfile::Modern {
            let shown = pfx.display().to_string();
            let text = succeeds("openssl", "openssl", &["pkcs12", "-in", &shown, "-passin", "pass:", "-nodes"]);
            assert_eq!(text.matches("-----BEGIN").count(), BLOCKS);
            let gnutls =
                succeeds("gnutls-bin", "certtool", &["--p12-info", "--inder", "--infile", &shown, "--null-password", "--password", ""]);
            assert_eq!(gnutls.matches("-----BEGIN").count(), BLOCKS, "{gnutls}");
        }
    }
}

#[test]
fn a_password_beyond_the_basic_plane_is_refused_since_readers_encode_it_differently() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path().join("password"), "smile 😀");
    let (out, password) = (folder.path().join("x.pfx"), format!("file:{}", folder.path().join("password").display()));
    for profile in ["modern", "legacy", "pbmac1"] {
        let shown = out.display().to_string();
        let words = ["pfx", "--in", "chain.pem", "server.key", "--root", "../../authorities/root.pem", "--profile", profile];
        let outcome = cert(&examples().join("good/ecdsa"), &[&words[..], &["--password-from", &password, "--out", &shown]].concat());
        assert!(outcome.code == 1 && !out.exists(), "{outcome:?}");
        assert!(format!("{}{}", outcome.out, outcome.err).contains("Basic Multilingual Plane"), "{outcome:?}");
    }
}
