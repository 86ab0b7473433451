//! PFX files without MAC or without encryption: what is said of them is what the programs do.

use super::command::{cert, examples, program, succeeds};

#[test]
fn a_pfx_without_mac_and_encryption_is_explained_as_the_programs_take_it() {
    let bundle = examples().join("good/ecdsa");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (chain, key) = (bundle.join("chain.pem").display().to_string(), bundle.join("server.key").display().to_string());
    let plain = ["-keypbe", "NONE", "-certpbe", "NONE", "-nomac", "-passout", "pass:geheim"];
    let out = path("plain.pfx");
    succeeds("openssl", "openssl", &[&["pkcs12", "-export", "-in", &chain, "-inkey", &key, "-out", &out], plain.as_slice()].concat());
    let told = cert(folder.path(), &["explain", "plain.pfx"]).json();
    let opens = |start: &str| {
        let platforms = told["platforms"].as_array().unwrap().iter();
        let all: Vec<bool> =
            platforms.filter(|one| one["name"].as_str().unwrap().starts_with(start)).map(|one| one["opens"].as_bool().unwrap()).collect();
        assert!(!all.is_empty() && all.iter().all(|one| *one == all[0]), "{start}: {told}");
        all[0]
    };
    let database = format!("sql:{}", folder.path().display());
    succeeds("libnss3-tools", "certutil", &["-N", "-d", &database, "--empty-password"]);
    let nss = program("libnss3-tools", "pk12util", &["-i", &out, "-d", &database, "-W", "geheim"]).status.success();
    let java = succeeds("default-jre-headless", "keytool", &["-list", "-keystore", &out, "-storetype", "PKCS12", "-storepass", "geheim"]);
    let openssl = program("openssl", "openssl", &["pkcs12", "-in", &out, "-noenc", "-passin", "pass:geheim"]).status.success();
    assert_eq!((opens("NSS"), opens("Java"), opens("OpenSSL 3")), (nss, !java.contains("0 entries"), openssl));
    assert_eq!((opens("NSS"), opens("Java"), opens("GnuTLS")), (false, false, false));
}
