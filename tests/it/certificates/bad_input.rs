//! Input made to hurt: an answer or a clear refusal, soon.

use std::fmt::Write as _;
use std::time::Duration;

use portcullis::certs::{Bag, LeafSelection, NoPasswords, Roots, Source, build_chain, read, review_without_chain};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::command::{NOW, cert, examples};

/// The promise is two seconds, and is kept optimised. Tests run unoptimised, several at a time: there they catch what
/// takes minutes.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 40 } else { 2 });

fn source(name: &str, bytes: impl Into<Vec<u8>>) -> Source {
    Source { name: name.to_owned(), bytes: bytes.into() }
}

/// How long this thread has had a processor: what others do on a busy machine is no fault of the work measured.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn soon<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = on_processor();
    let result = work();
    let taken = on_processor().saturating_sub(start);
    assert!(taken < SOON, "{what} took {taken:?}");
    result
}

fn ids(bag: &Bag) -> Vec<&str> {
    bag.findings.iter().map(|finding| finding.id.as_str()).collect()
}

fn params(name: &str, ca: bool) -> CertificateParams {
    let mut params = CertificateParams::new(if ca { vec![] } else { vec![name.to_owned()] }).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = if ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
    params
}

#[test]
fn fifty_megabytes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img");
    std::fs::File::create(&path).unwrap().set_len(50 << 20).unwrap();
    let outcome = soon("50 MB", || cert(folder.path(), &["check", "disk.img"]));
    assert_eq!((outcome.code, outcome.findings()), (3, vec!["error cert.unreadable".to_owned()]));
}

#[test]
fn ten_thousand_certificates_get_an_answer() {
    let one = std::fs::read_to_string(examples().join("good/ecdsa/chain.pem")).unwrap();
    let bundle = source("many.pem", one.repeat(5_000));
    let bag = soon("reading", || read(&[bundle], &NoPasswords));
    assert_eq!(bag.certificates.len(), 10_000);
    let chain = soon("ordering", || build_chain(&bag, &Roots::none(), LeafSelection::default(), NOW.parse().unwrap()));
    assert!(chain.unwrap().missing().is_some());
}

#[test]
fn more_certificates_than_anybody_has_are_refused_once() {
    let one = std::fs::read_to_string(examples().join("authorities/root.pem")).unwrap();
    let bag = soon("reading", || read(&[source("many.pem", one.repeat(20_010))], &NoPasswords));
    assert_eq!((bag.certificates.len(), ids(&bag)), (20_000, vec!["cert.unreadable"]));
}

/// `count` CA certificates of one name, each of its own key, all signed in a ring.
fn tangle(count: usize) -> String {
    let keys: Vec<KeyPair> = (0..count).map(|_| KeyPair::generate().unwrap()).collect();
    let mut text = String::new();
    for (index, key) in keys.iter().enumerate() {
        let signer = &keys[(index + 1) % count];
        let issuer = Issuer::new(params("Tangled CA", true), signer);
        text.write_str(&params("Tangled CA", true).signed_by(key, &issuer).unwrap().pem()).unwrap();
    }
    let issuer = Issuer::new(params("Tangled CA", true), &keys[0]);
    let leaf = KeyPair::generate().unwrap();
    text.write_str(&params("a.example.com", false).signed_by(&leaf, &issuer).unwrap().pem()).unwrap();
    text
}

#[test]
fn a_ring_of_cross_signs_ends() {
    let bag = read(&[source("ring.pem", tangle(3))], &NoPasswords);
    let chain = soon("a ring", || build_chain(&bag, &Roots::none(), LeafSelection::default(), NOW.parse().unwrap())).unwrap();
    assert!(chain.root().is_none());
}

#[test]
fn a_tangle_that_would_take_minutes_is_refused() {
    let bag = read(&[source("tangle.pem", tangle(300))], &NoPasswords);
    let outcome = soon("a tangle", || build_chain(&bag, &Roots::none(), LeafSelection::default(), NOW.parse().unwrap()));
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("too tangled"), "{error}");
    assert!(review_without_chain(&bag, &error).is_some());
}

#[test]
fn a_chain_of_thousands_of_links_is_followed_to_its_root() {
    let keys: Vec<KeyPair> = (0..9_000).map(|_| KeyPair::generate().unwrap()).collect();
    let mut parts = vec![params("CA 0", true).self_signed(&keys[0]).unwrap().pem()];
    for depth in 1..9_000 {
        let issuer = Issuer::new(params(&format!("CA {}", depth - 1), true), &keys[depth - 1]);
        parts.push(params(&format!("CA {depth}"), true).signed_by(&keys[depth], &issuer).unwrap().pem());
    }
    let (leaf, issuer) = (KeyPair::generate().unwrap(), Issuer::new(params("CA 8999", true), &keys[8_999]));
    parts.push(params("a.example.com", false).signed_by(&leaf, &issuer).unwrap().pem());
    let bag = read(&[source("long.pem", parts.concat())], &NoPasswords);
    let chain = soon("a long chain", || build_chain(&bag, &Roots::none(), LeafSelection::default(), NOW.parse().unwrap())).unwrap();
    assert_eq!(chain.intermediates.len(), 8_999);
    assert!(chain.is_whole());
}

/// Tag, length and content.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 128).expect("short enough");
    [&[tag, length], content.as_slice()].concat()
}

#[test]
fn iterations_without_end_are_refused() {
    const DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    const SHA_256: [u8; 11] = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    let safe = der(0x30, &[&DATA, &der(0xa0, &[&der(0x04, &[&der(0x30, &[])])])]);
    let digest = der(0x30, &[&der(0x30, &[&SHA_256]), &der(0x04, &[&[0; 32]])]);
    let mac = der(0x30, &[&digest, &der(0x04, &[&[7; 8]]), &[0x02, 0x04, 0x7f, 0xff, 0xff, 0xff]]);
    let pfx = der(0x30, &[&[0x02, 0x01, 0x03], &safe, &mac]);
    let bag = soon("a hostile count", || read(&[source("x.pfx", pfx)], &NoPasswords));
    assert_eq!(ids(&bag), ["cert.unreadable"]);
    assert!(bag.findings[0].message.contains("2147483647"), "{}", bag.findings[0].message);
}

#[test]
fn many_keys_that_each_take_long_to_try_are_refused_together() {
    let key = openssl_key_with_iterations(3_000_000);
    let bag = soon("many keys", || read(&[source("keys.pem", key.repeat(500))], &secrecy::SecretString::from("wrong")));
    let refused = bag.findings.iter().any(|finding| finding.id == "cert.unreadable" && finding.message.contains("more hash iterations"));
    assert!(bag.findings.len() < 10 && refused, "{:?}", bag.findings);
}

/// An encrypted key that asks for so many iterations with every password.
fn openssl_key_with_iterations(iterations: u32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (plain, locked) = (examples().join("good/ecdsa/server.key"), folder.path().join("locked.key"));
    let count = iterations.to_string();
    let (plain, out) = (plain.display().to_string(), locked.display().to_string());
    let line = ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", &count, "-passout", "pass:secret", "-in", &plain, "-out", &out];
    super::command::succeeds("openssl", "openssl", &line);
    std::fs::read_to_string(locked).unwrap()
}

#[test]
fn noise_is_named_and_nothing_worse() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..200 {
        let bytes: Vec<u8> = (0..2_000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[0]
            })
            .collect();
        let bag = read(&[source("noise", [&[0x30, 0x82, 0x07, 0xcc], bytes.as_slice()].concat())], &NoPasswords);
        assert_eq!(ids(&bag), ["cert.unreadable"], "round {round}");
    }
}

#[test]
fn the_tree_of_a_long_chain_stays_as_large_as_the_chain() {
    let keys: Vec<KeyPair> = (0..200).map(|_| KeyPair::generate().unwrap()).collect();
    let mut text = params("CA 0", true).self_signed(&keys[0]).unwrap().pem();
    for depth in 1..200 {
        let issuer = Issuer::new(params(&format!("CA {}", depth - 1), true), &keys[depth - 1]);
        text += &params(&format!("CA {depth}"), true).signed_by(&keys[depth], &issuer).unwrap().pem();
    }
    let folder = tempfile::tempdir().unwrap();
    super::command::put(folder.path().join("long.pem"), &text);
    let outcome = super::command::cert_as(folder.path(), &["inspect", "long.pem"], false);
    assert!(outcome.out.contains("CA 199") && outcome.out.len() < 3 * text.len(), "{} of {}", outcome.out.len(), text.len());
}
