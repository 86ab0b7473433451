//! What other projects test themselves with, from the package `python3-cryptography-vectors`: PFX files and keys of pyca's
//! `cryptography` (which come from OpenSSL, GnuTLS, NSS, Java, mbed TLS and Botan in part), and NIST's Public Key
//! Interoperability Test Suite (PKITS) of 405 certificates.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis::certs::{Bag, Certificate, Demands, LeafSelection, NoPasswords, Roots, Source, build_chain, read, review};
use portcullis::finding::Severity;
use secrecy::SecretString;

fn vectors(path: &str) -> PathBuf {
    let folder = Path::new("/usr/lib/python3/dist-packages/cryptography_vectors");
    assert!(folder.is_dir(), "there is no {}: install the package python3-cryptography-vectors", folder.display());
    folder.join(path)
}

fn source(path: &Path) -> Source {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Source { name: path.file_name().unwrap().to_string_lossy().into_owned(), bytes }
}

fn open(path: &str, password: &str) -> Bag {
    read(&[source(&vectors(path))], &SecretString::from(password))
}

fn files(path: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(vectors(path)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    files.sort();
    files
}

#[test]
fn every_pfx_of_cryptography_opens_and_holds_what_its_name_says() {
    for (name, certificates, keys) in [
        ("cert-aes256cbc-no-key", 1, 0),
        ("cert-key-aes256cbc", 1, 1),
        ("cert-none-key-none", 1, 1),
        ("cert-rc2-key-3des", 1, 1),
        ("no-cert-key-aes256cbc", 0, 1),
        ("no-password", 1, 1),
    ] {
        let bag = open(&format!("pkcs12/{name}.p12"), "cryptography");
        assert_eq!((bag.certificates.len(), bag.keys.len(), bag.findings.as_slice()), (certificates, keys, [].as_slice()), "{name}");
    }
    let mut seen = 0;
    for path in files("pkcs12", "pwd.p12") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let bag = open(&format!("pkcs12/{name}.p12"), "password");
        let expected = if name.starts_with("no-cert") { (2, 0) } else { (3, 1) };
        assert_eq!((bag.certificates.len(), bag.keys.len(), bag.findings.as_slice()), (expected.0, expected.1, [].as_slice()), "{name}");
        if name.contains("name-unicode") {
            let names = bag.certificates.iter().filter_map(|one| one.origin.friendly_name.clone());
            assert!(names.into_iter().any(|name| !name.is_ascii()), "{name}");
        }
        seen += 1;
    }
    assert!(seen >= 24, "only {seen}");
}

#[test]
fn every_key_of_cryptography_opens_with_its_password_or_says_why_not() {
    const GNUTLS: [&str; 10] = ["9607", "9671", "9925", "9926", "9927", "9928", "9929", "9930", "9931", "9932"];
    let gnutls = GNUTLS.map(|number| (format!("PKCS8/pkcs12_s2k_pem-X_{number}.pem"), "123456"));
    let others = [
        ("PKCS8/enc-rsa-pkcs8.pem", "foobar"),
        ("PKCS8/enc2-rsa-pkcs8.pem", "baz"),
        ("PKCS8/ec_private_key_encrypted.pem", "123456"),
        ("PKCS8/ecc_private_with_rfc5915_ext.pem", ""),
        ("PKCS8/private.pem", ""),
        ("PKCS8/unenc-rsa-pkcs8.pem", ""),
        ("Traditional_OpenSSL_Serialization/key1.pem", "123456"),
        ("Traditional_OpenSSL_Serialization/key2.pem", "a123456"),
        ("Traditional_OpenSSL_Serialization/testrsa-encrypted.pem", "password"),
        ("Traditional_OpenSSL_Serialization/testrsa.pem", ""),
        ("PEM_Serialization/rsa_private_key.pem", "123456"),
        ("PEM_Serialization/ec_private_key_encrypted.pem", "123456"),
        ("DER_Serialization/ec_private_key_encrypted.der", "123456"),
        ("DER_Serialization/enc-rsa-pkcs8.der", "foobar"),
        ("DER_Serialization/testrsa.der", ""),
    ];
    for (path, password) in gnutls.into_iter().chain(others.map(|(path, password)| (path.to_owned(), password))) {
        let bag = open(&format!("asymmetric/{path}"), password);
        assert_eq!((bag.keys.len(), bag.findings.as_slice()), (1, [].as_slice()), "{path}");
    }
    for (path, words) in [
        ("PKCS8/bad-encryption-oid.pem", "does not know"),
        ("PKCS8/enc-rsa-pkcs8.pem", "the password given does not open it"),
        ("PKCS8/unenc-rsa-pkcs8.pub.pem", "a public key alone"),
        ("PKCS8/bad-oid-dsa-key.pem", "a damaged private key"),
        ("X25519/x25519-pkcs8.pem", "X25519"),
        ("DH/dhkey.pem", "Diffie-Hellman"),
        ("OpenSSH/rsa-nopsw.key", "OpenSSH private key"),
        ("OpenSSH/ecdsa-nopsw.key.pub", "SSH public key"),
    ] {
        let bag = open(&format!("asymmetric/{path}"), "wrong");
        assert!(bag.keys.is_empty() && bag.findings.iter().any(|one| one.message.contains(words)), "{path}: {:?}", bag.findings);
    }
}

#[test]
fn every_pfx_of_pkits_opens_and_its_key_fits() {
    let all = files("x509/PKITS_data/pkcs12", ".p12");
    assert_eq!(all.len(), 405);
    for path in all {
        let bag = read(&[source(&path)], &SecretString::from("password"));
        let ([certificate], [key], []) = (bag.certificates.as_slice(), bag.keys.as_slice(), bag.findings.as_slice()) else {
            panic!("{}: {bag:?}", path.display());
        };
        // Without the parameters that these inherit from their issuer, nobody can tell.
        assert!(key.fits(certificate) || path.to_string_lossy().contains("DSAParameter"), "{}", path.display());
    }
}

/// What PKITS tests that is not looked at here: revocation, and policies, which TLS clients hardly know.
const NOT_LOOKED_AT: [&str; 20] = [
    "CRL",
    "Revoked",
    "deltaCRL",
    "distributionPoint",
    "onlySomeReasons",
    "onlyContainsUserCerts",
    "onlyContainsCACerts",
    "onlyContainsAttributeCerts",
    "IDPwithindirect",
    "cRLIssuer",
    "cRLSign",
    "LongSerialNumber",
    "NegativeSerialNumber",
    "BasicSelfIssuedNewWithOld",
    "BasicSelfIssuedOldWithNew",
    "BasicSelfIssuedCRLSigningKey",
    "SeparateCertificateandCRLKeys",
    "Polic",
    "Mapping",
    "inhibit",
];

/// Errors that the chain of one of PKITS' certificates gets, with all of its CA certificates at hand.
fn errors_of(leaf: &Arc<Certificate>, roots: &Roots) -> Vec<String> {
    let now = "2011-06-01T00:00:00Z".parse().unwrap();
    let bag = Bag { certificates: vec![Arc::clone(leaf)], ..Bag::default() };
    // One of them has its CA's own name, and passes for no server's.
    let chain = match build_chain(&bag, roots, LeafSelection::default(), now) {
        Ok(chain) => chain,
        Err(error) => return vec![error.to_string()],
    };
    let findings = review(&bag, &chain, &Demands::new(&[], now));
    // They are people's and have no name that a TLS client would look at.
    let errors = findings.into_iter().filter(|one| one.severity == Severity::Error && one.id != "cert.name.missing");
    errors.map(|one| one.id).collect()
}

#[test]
fn paths_of_pkits_are_judged_as_it_says() {
    let mut roots = Roots::none();
    let mut leaves = Vec::new();
    for path in files("x509/PKITS_data/certs", ".crt") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let [certificate] = <[Arc<Certificate>; 1]>::try_from(read(&[source(&path)], &NoPasswords).certificates).unwrap();
        if name.ends_with("EE") { leaves.push((name, certificate)) } else { roots = roots.and(certificate) }
    }
    let mut judged = [0, 0];
    for (name, leaf) in leaves {
        // A CA's certificate alone is no server's; and nobody takes DSA any more.
        let left_out = NOT_LOOKED_AT.iter().any(|part| name.starts_with("Invalid") && name.contains(part));
        if left_out || leaf.extensions.ca == Some(true) || name.contains("DSA") {
            continue;
        }
        let errors = errors_of(&leaf, &roots);
        let invalid = name.starts_with("Invalid");
        assert_eq!(errors.is_empty(), !invalid, "{name}: {errors:?}");
        judged[usize::from(invalid)] += 1;
    }
    assert!(judged[0] >= 95 && judged[1] >= 40, "{judged:?}");
}
