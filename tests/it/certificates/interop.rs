//! PFX files between us and implementations that know nothing of us, in both directions.

use std::fs;
use std::path::Path;

use super::command::{cert, cert_as, examples, program, succeeds};

const PASSWORD: &str = "geheim-123";
const GNUTLS: &str = "gnutls-bin";
const NSS: &str = "libnss3-tools";
const JAVA: &str = "default-jre-headless";
const PYTHON: &str = "python3-cryptography";

fn keep(path: &Path, text: &str) {
    portcullis::disk::write_atomically(path, text.as_bytes(), 0o600, portcullis::disk::Existing::Keep).unwrap();
}

/// A folder with a PFX of ours for each kind of key and profile, as `kind-profile.pfx`.
fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    keep(&folder.path().join("password"), PASSWORD);
    for (kind, root) in [("ecdsa", "root"), ("rsa", "rsa-root")] {
        for profile in ["modern", "legacy", "pbmac1"] {
            let bundle = examples().join("good").join(kind);
            let out = folder.path().join(format!("{kind}-{profile}.pfx")).display().to_string();
            let root = format!("../../authorities/{root}.pem");
            let password = format!("file:{}", folder.path().join("password").display());
            let words = ["pfx", "--in", "chain.pem", "--key", "server.key", "--root", &root, "--out", &out, "--profile", profile];
            let outcome = cert(&bundle, &[&words[..], &["--password-from", &password, "--name", "portcullis ü"]].concat());
            assert_eq!(outcome.code, 0, "{outcome:?}");
            assert_eq!(outcome.json()["certificates"].as_array().unwrap().len(), 2);
        }
    }
    folder
}

fn each(folder: &Path, profiles: &[&str], test: impl Fn(&str, &str)) {
    for kind in ["ecdsa", "rsa"] {
        for profile in profiles {
            test(&folder.join(format!("{kind}-{profile}.pfx")).display().to_string(), kind);
        }
    }
}

#[test]
fn openssl_opens_what_we_write() {
    let folder = written();
    each(folder.path(), &["modern", "legacy"], |pfx, _| {
        let text = succeeds("openssl", "openssl", &["pkcs12", "-in", pfx, "-passin", &format!("pass:{PASSWORD}"), "-nodes"]);
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2, "{text}");
        assert_eq!(text.matches("BEGIN PRIVATE KEY").count(), 1, "{text}");
        // On the key and on the leaf: what links the two, and the name.
        assert_eq!(text.matches("localKeyID:").count(), 2, "{text}");
        assert_eq!(text.matches("friendlyName: portcullis").count(), 2, "{text}");
        let wrong = program("openssl", "openssl", &["pkcs12", "-in", pfx, "-passin", "pass:falsch", "-nodes"]);
        assert!(!wrong.status.success());
    });
}

#[test]
fn gnutls_opens_what_we_write() {
    let folder = written();
    each(folder.path(), &["modern", "legacy"], |pfx, _| {
        let text = succeeds(GNUTLS, "certtool", &["--p12-info", "--inder", "--infile", pfx, "--password", PASSWORD]);
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2, "{text}");
        assert!(text.contains("PRIVATE KEY"), "{text}");
        assert!(!text.to_lowercase().contains("mac verify failure"), "{text}");
    });
}

#[test]
fn nss_imports_what_we_write() {
    let folder = written();
    each(folder.path(), &["modern", "legacy"], |pfx, _| {
        let base = tempfile::tempdir().unwrap();
        let database = format!("sql:{}", base.path().display());
        succeeds(NSS, "certutil", &["-N", "-d", &database, "--empty-password"]);
        succeeds(NSS, "pk12util", &["-i", pfx, "-d", &database, "-W", PASSWORD]);
        let keys = succeeds(NSS, "certutil", &["-K", "-d", &database]);
        assert!(keys.contains("portcullis"), "{keys}");
        let certificates = succeeds(NSS, "certutil", &["-L", "-d", &database]);
        assert!(certificates.contains("Example"), "{certificates}");
    });
}

#[test]
fn java_opens_what_we_write_with_its_whole_chain() {
    let folder = written();
    each(folder.path(), &["modern", "legacy"], |pfx, _| {
        let words = ["-list", "-v", "-storetype", "PKCS12", "-keystore", pfx, "-storepass", PASSWORD];
        let text = succeeds(JAVA, "keytool", &words);
        assert!(text.contains("Entry type: PrivateKeyEntry"), "{text}");
        assert!(text.contains("Certificate chain length: 2"), "{text}");
        assert!(text.contains("Alias name: portcullis"), "{text}");
    });
}

#[test]
fn python_opens_what_we_write() {
    const SCRIPT: &str = "
import sys
from cryptography.hazmat.primitives.serialization import pkcs12
key, leaf, above = pkcs12.load_key_and_certificates(open(sys.argv[1], 'rb').read(), sys.argv[2].encode())
assert key.public_key().public_numbers() == leaf.public_key().public_numbers()
print(len(above), leaf.subject.rfc4514_string())
";
    let folder = written();
    each(folder.path(), &["modern", "legacy"], |pfx, _| {
        let text = succeeds(PYTHON, "/usr/bin/python3", &["-c", SCRIPT, pfx, PASSWORD]);
        assert_eq!(text.trim(), "1 CN=manage.example.com");
    });
}

/// The MAC of RFC 9579, computed from the file by Python's own HMAC and PBKDF2 and a DER reader of its own.
#[test]
fn python_computes_the_same_pbmac1() {
    let folder = written();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/certificates/pbmac1_of_python.py").display().to_string();
    each(folder.path(), &["pbmac1"], |pfx, _| {
        assert_eq!(succeeds("python3", "/usr/bin/python3", &[&script, pfx, PASSWORD]).trim(), "the MAC agrees");
        let wrong = program("python3", "/usr/bin/python3", &[&script, pfx, "falsch"]);
        assert!(!wrong.status.success());
    });
}

/// What other implementations write, read by us: the key, and the certificates.
fn reads(folder: &Path, file: &str, certificates: usize) {
    let password = format!("file:{}", folder.join("password").display());
    let json = cert(folder, &["inspect", file, "--key-password-from", &password]).json();
    assert_eq!(json["findings"].as_array().unwrap().len(), 0, "{file}: {json}");
    assert_eq!(json["certificates"].as_array().unwrap().len(), certificates, "{file}: {json}");
    assert_eq!(json["keys"][0]["fits"], "CN=manage.example.com", "{file}: {json}");
}

/// A folder with a bundle, its key and the password of what is made of them.
fn bundle() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["chain.pem", "server.key"] {
        fs::copy(examples().join("good/rsa").join(file), folder.path().join(file)).unwrap();
    }
    keep(&folder.path().join("password"), PASSWORD);
    folder
}

#[test]
fn we_open_what_openssl_gnutls_and_java_write() {
    let folder = bundle();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (chain, key) = (path("chain.pem"), path("server.key"));
    let out = format!("pass:{PASSWORD}");
    for (name, more) in [
        ("openssl", &[][..]),
        ("openssl-rc2", &["-legacy"]),
        ("openssl-aes128-sha512", &["-certpbe", "AES-128-CBC", "-keypbe", "AES-192-CBC", "-macalg", "SHA512"]),
        ("openssl-open", &["-certpbe", "NONE", "-keypbe", "NONE", "-nomac"]),
        ("openssl-million", &["-iter", "1000000", "-maciter"]),
    ] {
        let pfx = path(&format!("{name}.pfx"));
        let words = ["pkcs12", "-export", "-in", &chain, "-inkey", &key, "-passout", &out, "-name", "x", "-out", &pfx];
        succeeds("openssl", "openssl", &[&words[..], more].concat());
        reads(folder.path(), &format!("{name}.pfx"), 2);
    }
    for cipher in ["aes-256", "3des-pkcs12", "rc2-40", "arcfour"] {
        let file = format!("gnutls-{cipher}.pfx");
        let words = ["--to-p12", "--load-certificate", &chain, "--load-privkey", &key, "--p12-name", "x", "--outder"];
        let more = ["--password", PASSWORD, "--pkcs-cipher", cipher, "--outfile", &path(&file)];
        succeeds(GNUTLS, "certtool", &[&words[..], &more].concat());
        reads(folder.path(), &file, 2);
    }
    let java = path("java.pfx");
    let from = path("openssl.pfx");
    let words = ["-importkeystore", "-srckeystore", &from, "-srcstorepass", PASSWORD, "-destkeystore", &java, "-deststorepass", PASSWORD];
    succeeds(JAVA, "keytool", &[&words[..], &["-deststoretype", "PKCS12"]].concat());
    reads(folder.path(), "java.pfx", 2);
}

#[test]
fn we_open_what_nss_and_python_write() {
    const SCRIPT: &str = "
import sys
from cryptography import x509
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.serialization import pkcs12
folder, password = sys.argv[1], sys.argv[2].encode()
text = open(folder + '/chain.pem', 'rb').read()
blocks = [b'-----BEGIN' + part for part in text.split(b'-----BEGIN')[1:]]
leaf, above = [x509.load_pem_x509_certificate(block) for block in blocks]
key = s.load_pem_private_key(open(folder + '/server.key', 'rb').read(), None)
open(folder + '/python.pfx', 'wb').write(pkcs12.serialize_key_and_certificates(b'x', key, leaf, [above], s.BestAvailableEncryption(password)))
";
    let folder = bundle();
    let path = |name: &str| folder.path().join(name).display().to_string();
    succeeds(PYTHON, "/usr/bin/python3", &["-c", SCRIPT, &folder.path().display().to_string(), PASSWORD]);
    reads(folder.path(), "python.pfx", 2);
    let base = tempfile::tempdir().unwrap();
    let database = format!("sql:{}", base.path().display());
    succeeds(NSS, "certutil", &["-N", "-d", &database, "--empty-password"]);
    succeeds(NSS, "pk12util", &["-i", &path("python.pfx"), "-d", &database, "-W", PASSWORD]);
    succeeds(NSS, "pk12util", &["-o", &path("nss.pfx"), "-n", "x", "-d", &database, "-W", PASSWORD]);
    reads(folder.path(), "nss.pfx", 2);
}

#[test]
fn without_a_password_given_a_random_one_lies_beside_the_pfx_and_opens_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("server.pfx");
    let bundle = examples().join("good/ecdsa");
    let shown = out.display().to_string();
    let words = ["pfx", "--in", "chain.pem", "server.key", "--root", "../../authorities/root.pem", "--out", &shown];
    let outcome = cert_as(&bundle, &words, false);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.err.contains("server.pfx.password"), "{outcome:?}");
    let beside = folder.path().join("server.pfx.password");
    for path in [&out, &beside] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let password = fs::read_to_string(&beside).unwrap();
    assert!(password.trim().len() == 32 && !outcome.err.contains(password.trim()) && !outcome.out.contains(password.trim()));
    succeeds("openssl", "openssl", &["pkcs12", "-in", &shown, "-passin", &format!("file:{}", beside.display()), "-nodes"]);
    let again = cert(&bundle, &words);
    assert_eq!(again.code, 2, "{again:?}");
    assert_eq!(fs::read_to_string(&beside).unwrap(), password);
    assert_eq!(cert(&bundle, &[&words[..], &["--force"]].concat()).code, 0);
    assert_ne!(fs::read_to_string(&beside).unwrap(), password);
}

#[test]
fn the_key_and_the_chain_come_out_as_they_went_in() {
    let folder = written();
    let pfx = folder.path().join("rsa-modern.pfx").display().to_string();
    let text = succeeds("openssl", "openssl", &["pkcs12", "-in", &pfx, "-passin", &format!("pass:{PASSWORD}"), "-nodes"]);
    let given = ["chain.pem", "server.key"].map(|file| fs::read_to_string(examples().join("good/rsa").join(file)).unwrap());
    for block in given.concat().split_inclusive("-----END") {
        let body: String = block.lines().filter(|line| !line.contains("-----")).collect();
        assert!(body.is_empty() || text.replace('\n', "").contains(&body), "a block went missing");
    }
}
