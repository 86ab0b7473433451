//! PBMAC1 as others write it: the test vectors of RFC 9879, appendix A.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis::certs::pfx::explain;
use portcullis::certs::{Bag, Source, read};
use secrecy::SecretString;

fn vector(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/certificates/rfc9879").join(name);
    let text: String = std::fs::read_to_string(path).unwrap().split_whitespace().collect();
    STANDARD.decode(text).unwrap()
}

fn open(pfx: &[u8], password: &str) -> Bag {
    read(&[Source { name: "a.p12".to_owned(), bytes: pfx.to_vec() }], &SecretString::from(password))
}

#[test]
fn the_valid_vectors_open_with_their_password_alone() {
    for name in ["a1.b64", "a3.b64"] {
        let found = open(&vector(name), "1234");
        assert_eq!((found.certificates.len(), found.keys.len(), found.findings.len()), (1, 1, 0), "{name}: {:?}", found.findings);
        assert!(found.keys[0].fits(&found.certificates[0]));
        let wrong = open(&vector(name), "12345");
        assert_eq!((wrong.certificates.len(), wrong.findings[0].id.as_str()), (0, "cert.key.encrypted"));
    }
}

/// The vector with one piece of its MAC's derivation replaced by another of the same length or a shorter one.
fn changed(piece: &[u8], by: &[u8]) -> Vec<u8> {
    let pfx = vector("a1.b64");
    let at = pfx.windows(piece.len()).rposition(|window| window == piece).expect("the piece is there");
    let mut changed = [&pfx[..at], by, &pfx[at + piece.len()..]].concat();
    // Where bytes went missing, the five lengths around them shrink: derivation's parameters, derivation, parameters,
    // algorithm, digest, MAC, and the whole.
    let missing = u8::try_from(piece.len() - by.len()).unwrap();
    if missing > 0 {
        let mac = pfx.windows(4).rposition(|window| window == [0x30, 0x7c, 0x30, 0x6d]).unwrap();
        for place in [mac + 1, mac + 3, mac + 5, mac + 18, mac + 20, mac + 33] {
            changed[place] -= missing;
        }
        changed[3] -= missing;
    }
    changed
}

const SALT: [u8; 8] = [0x6f, 0x47, 0x3c, 0x38, 0xb0, 0x2e, 0x31, 0x73];

#[test]
fn the_invalid_vectors_are_refused() {
    // A.4: another count; A.5: another salt.
    let count = changed(&[0x02, 0x02, 0x08, 0x00, 0x02, 0x01, 0x20], &[0x02, 0x02, 0x08, 0x01, 0x02, 0x01, 0x20]);
    let mut salt = SALT;
    salt[7] ^= 1;
    for pfx in [count, changed(&SALT, &salt)] {
        let found = open(&pfx, "1234");
        assert_eq!((found.certificates.len(), found.findings[0].id.as_str()), (0, "cert.key.encrypted"));
    }
    // A.6: without the length of the key nobody knows what was meant.
    let lengthless = open(&changed(&[0x02, 0x02, 0x08, 0x00, 0x02, 0x01, 0x20], &[0x02, 0x02, 0x08, 0x00]), "1234");
    assert_eq!(lengthless.certificates.len(), 0);
    assert!(lengthless.findings[0].message.contains("stated key length"), "{:?}", lengthless.findings);
}

#[test]
fn only_those_who_know_pbmac1_are_said_to_open_it() {
    let explanation = explain(&vector("a1.b64")).unwrap();
    let opens: Vec<&str> =
        explanation.readings.iter().filter(|reading| reading.opens() == Some(true)).map(|reading| reading.platform.name).collect();
    let known = ["Java 26", "OpenSSL 3.4", "cryptography 44", "GnuTLS 3.8.6", "go-pkcs12"];
    assert_eq!(opens.len(), known.len(), "{opens:?}");
    assert!(opens.iter().zip(known).all(|(name, known)| name.contains(known)), "{opens:?}");
}
