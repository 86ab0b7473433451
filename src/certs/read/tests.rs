use secrecy::SecretString;

use super::*;
use crate::certs::asn1::{encode, integer, null, object, octets, sequence};
use crate::certs::testing::{self, source};
use crate::finding::Finding;

fn ids(bag: &Bag) -> Vec<String> {
    bag.findings.iter().map(|finding| finding.id.clone()).collect()
}

#[test]
fn one_file_with_everything_in_it_gives_everything_with_its_lines() {
    let leaf = testing::leaf(&["a.example.com"]);
    let text = format!("Bag Attributes\r\n    friendlyName: x\r\n{}\r\nsome mail\r\n{}", leaf.pem().replace('\n', "\r\n"), leaf.key_pem());
    let bag = read(&[source("mail.txt", text)], &NoPasswords);
    assert_eq!(bag.findings, []);
    assert_eq!(bag.certificates.first().unwrap().origin.line, Some(3));
    assert!(bag.keys.first().unwrap().fits(bag.certificates.first().unwrap()));
}

#[test]
fn der_and_several_certificates_in_a_row_are_read() {
    let leaf = testing::leaf(&["a.example.com"]);
    let bag = read(&[source("a.cer", [leaf.der.as_slice(), &leaf.der].concat())], &NoPasswords);
    assert_eq!((bag.certificates.len(), bag.findings.len()), (2, 0));
}

#[test]
fn every_shape_of_key_is_read() {
    let rsa = openssl::rsa::Rsa::generate(2048).unwrap();
    let ec = openssl::ec::EcKey::generate(&openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::SECP384R1).unwrap()).unwrap();
    let ed = openssl::pkey::PKey::generate_ed25519().unwrap();
    let aes = openssl::symm::Cipher::aes_256_cbc();
    let shapes = [
        rsa.private_key_to_pem().unwrap(),
        rsa.private_key_to_der().unwrap(),
        rsa.private_key_to_pem_passphrase(aes, b"secret").unwrap(),
        ec.private_key_to_pem().unwrap(),
        ec.private_key_to_der().unwrap(),
        ec.private_key_to_pem_passphrase(aes, b"secret").unwrap(),
        ed.private_key_to_pem_pkcs8().unwrap(),
        ed.private_key_to_pkcs8().unwrap(),
        ed.private_key_to_pem_pkcs8_passphrase(aes, b"secret").unwrap(),
        openssl::pkey::PKey::from_rsa(rsa).unwrap().private_key_to_pkcs8_passphrase(aes, b"secret").unwrap(),
    ];
    for (index, shape) in shapes.into_iter().enumerate() {
        let bag = read(&[source("k", shape)], &SecretString::from("secret"));
        assert_eq!((bag.keys.len(), bag.findings.as_slice()), (1, [].as_slice()), "shape {index}");
    }
}

#[test]
fn an_encrypted_key_without_or_with_the_wrong_password_says_which() {
    let key = testing::ec_key();
    let pem = key.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"secret").unwrap();
    let old = key.ec_key().unwrap().private_key_to_pem_passphrase(openssl::symm::Cipher::aes_128_cbc(), b"secret").unwrap();
    for content in [pem, old] {
        let none = read(&[source("k.pem", content.clone())], &NoPasswords);
        assert_eq!(ids(&none), ["cert.key.encrypted"]);
        assert!(none.findings[0].message.contains("no password was given"), "{}", none.findings[0].message);
        let wrong = read(&[source("k.pem", content)], &SecretString::from("wrong"));
        assert!(wrong.findings[0].message.contains("does not open it"), "{}", wrong.findings[0].message);
        assert!(none.findings[0].fix.starts_with("say where"), "{}", none.findings[0].fix);
        assert!(wrong.findings[0].fix.starts_with("give the password"), "{}", wrong.findings[0].fix);
        assert!([&none, &wrong].iter().all(|bag| !bag.findings[0].fix.contains("cert explain")), "that is for a PFX");
    }
}

#[test]
fn what_is_something_else_is_called_by_its_name() {
    let request = {
        let mut builder = openssl::x509::X509Req::builder().unwrap();
        let key = testing::ec_key();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
        builder.build()
    };
    let public = testing::ec_key();
    let status = [0x30, 0x07, 0x0a, 0x01, 0x00, 0xa0, 0x02, 0x30, 0x00];
    let enveloped = sequence(&[&object("1.2.840.113549.1.7.3"), &encode(0xa0, &sequence(&[&integer(0)]))]);
    let id = sequence(&[&sequence(&[&object("1.3.14.3.2.26"), &null()]), &octets(&[0x99; 20]), &octets(&[2; 20]), &integer(7)]);
    let asked = sequence(&[&sequence(&[&sequence(&[&sequence(&[&id])])])]);
    let cases: [(&[u8], &str); 20] = [
        (&request.to_pem().unwrap(), "signing request"),
        (&request.to_der().unwrap(), "signing request"),
        (&public.public_key_to_pem().unwrap(), "public key"),
        (&public.public_key_to_der().unwrap(), "public key"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAQID\n-----END OPENSSH PRIVATE KEY-----\n", "OpenSSH private key"),
        (b"ssh-ed25519 AAAA me@here", "SSH public key"),
        (b"sk-ssh-ed25519@openssh.com AAAA me@here", "SSH public key"),
        (b"-----BEGIN DH PARAMETERS-----\nAQID\n-----END DH PARAMETERS-----\n", "parameters of a key exchange"),
        (&status, "OCSP"),
        (&asked, "OCSP"),
        (&enveloped, "encrypted message"),
        (b"\x30\x07\x06\x03\x2a\x03\x04\x05\x00", "nothing that is known"),
        (b"PuTTY-User-Key-File-3: ssh-rsa", "PuTTY"),
        (b"\n<!DOCTYPE html><html><title>Sign in</title>", "login page"),
        (b"\xfe\xed\xfe\xed\0\0\0\x02", "Java keystore (JKS)"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"%PDF-1.7", "PDF"),
        (b"", "empty file"),
        (b"{\"error\":\"forbidden\"}", "JSON"),
        (b"\x30\x82\x10\x00\xff", "cut off"),
    ];
    for (content, expected) in cases {
        let bag = read(&[source("x", content)], &NoPasswords);
        assert_eq!(ids(&bag), ["cert.unreadable"], "{expected}");
        assert!(bag.findings[0].message.contains(expected), "{expected}: {}", bag.findings[0].message);
    }
}

#[test]
fn a_cut_off_block_is_named_with_its_line_and_the_rest_is_read() {
    let leaf = testing::leaf(&["a.example.com"]);
    let cut = leaf.pem().lines().take(3).collect::<Vec<_>>().join("\n") + "\n";
    let bag = read(&[source("x.pem", format!("{}{cut}", leaf.pem()))], &NoPasswords);
    assert_eq!(bag.certificates.len(), 1);
    assert_eq!(ids(&bag), ["cert.unreadable"]);
    assert_eq!(bag.findings[0].subject, format!("x.pem:{}", leaf.pem().lines().count() + 1));
}

#[test]
fn a_file_that_is_too_large_is_refused_at_once() {
    let bag = read(&[source("disk.img", vec![0x30; MAX_FILE + 1])], &NoPasswords);
    assert_eq!(ids(&bag), ["cert.unreadable"]);
    assert!(bag.findings[0].message.contains("16 MB"), "{}", bag.findings[0].message);
}

#[test]
fn base64_without_any_markers_is_read() {
    let leaf = testing::leaf(&["a.example.com"]);
    let bare = leaf.pem().lines().filter(|line| !line.starts_with("-----")).collect::<Vec<_>>().join("\r\n");
    assert_eq!(read(&[source("tls.crt.b64", bare)], &NoPasswords).certificates.len(), 1);
    // A Kubernetes secret's `tls.crt`: PEM, and base64 around it.
    let twice = openssl::base64::encode_block(format!("{}{}", leaf.pem(), leaf.key_pem()).as_bytes());
    let bag = read(&[source("tls.crt", twice)], &NoPasswords);
    assert_eq!((bag.certificates.len(), bag.keys.len(), bag.findings.len()), (1, 1, 0));
}

#[test]
fn der_that_was_taken_for_text_is_told_as_lost() {
    let leaf = testing::leaf(&["a.example.com"]);
    for lost in [String::from_utf8_lossy(&leaf.der).into_owned(), leaf.der.iter().map(|byte| char::from(*byte)).collect()] {
        let bag = read(&[source("a.cer", lost)], &NoPasswords);
        assert_eq!(ids(&bag), ["cert.unreadable"]);
        assert!(bag.findings[0].message.contains("took for text"), "{:?}", bag.findings);
    }
}

#[test]
fn an_encrypted_key_for_something_else_is_not_called_a_wrong_password() {
    let exchange = openssl::pkey::PKey::generate_x25519().unwrap();
    let locked = exchange.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"secret").unwrap();
    let bag = read(&[source("k.pem", locked)], &SecretString::from("secret"));
    assert_eq!(ids(&bag), ["cert.unreadable"]);
    assert!(bag.findings[0].message.contains("X25519"), "{:?}", bag.findings);
}

/// PBES2 with SEED, which OpenSSL 3 has in its legacy provider.
#[test]
fn a_key_in_a_cipher_that_is_not_opened_here_is_called_by_its_name_with_a_command_that_opens_it() {
    let vector = octets(&[7; 16]);
    let kdf = sequence(&[&object("1.2.840.113549.1.5.12"), &sequence(&[&octets(&[1; 8]), &integer(3)])]);
    let cipher = sequence(&[&object("1.2.410.200004.1.4"), &vector]);
    let scheme = sequence(&[&object("1.2.840.113549.1.5.13"), &sequence(&[&kdf, &cipher])]);
    let bag = read(&[source("old.key", sequence(&[&scheme, &octets(&[1; 32])]))], &SecretString::from("secret"));
    assert_eq!((ids(&bag), bag.unread_keys), (vec!["cert.unreadable".to_owned()], 1));
    assert!(bag.findings[0].message.contains("SEED-CBC"), "{:?}", bag.findings);
    assert!(bag.findings[0].fix.contains("-provider legacy -provider default"), "{:?}", bag.findings);
}

#[test]
fn a_block_whose_first_line_was_altered_is_missed_beside_others_that_are_well() {
    let (one, other) = (testing::leaf(&["a.example.com"]).pem(), testing::leaf(&["b.example.com"]).pem());
    for (from, to) in [
        ("-----BEGIN CERTIFICATE-----", "----BEGIN CERTIFICATE-----"),
        ("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE----"),
        ("-----BEGIN CERTIFICATE-----", "-----Begin Certificate-----"),
        ("-----BEGIN CERTIFICATE-----", "\u{2013}\u{2013}BEGIN CERTIFICATE-----"),
    ] {
        let bag = read(&[source("chain.pem", format!("{other}{}", one.replace(from, to)))], &NoPasswords);
        assert_eq!(bag.certificates.len(), 1, "{to}");
        let line = other.lines().count() + 1;
        let told = |finding: &Finding| finding.subject == format!("chain.pem:{line}") && finding.message.contains(to);
        assert!(matches!(bag.findings.as_slice(), [one] if told(one) && one.id == "cert.unreadable"), "{to}: {:?}", bag.findings);
    }
    let bag = read(&[source("chain.pem", one.replace("-----END", "----END") + &other)], &NoPasswords);
    assert_eq!((bag.certificates.len(), ids(&bag).len()), (1, 2), "the line, and the block that lost its end: {:?}", bag.findings);
}

#[test]
fn faults_beyond_what_anybody_reads_are_counted_and_not_kept() {
    let openings = "-----BEGIN ".repeat(100_000);
    let tiny = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".repeat(20_000);
    let altered = "----BEGIN CERTIFICATE-----\n".repeat(20_000) + &testing::leaf(&["a.example.com"]).pem();
    for text in [openings, tiny, altered] {
        let bag = read(&[source("x.pem", text), source("y.pem", "-----BEGIN CERTIFICATE-----\nMA")], &NoPasswords);
        assert_eq!(bag.findings.len(), MAX_FAULTS + 2);
        assert!(bag.findings[MAX_FAULTS].message.contains("more faults"), "{:?}", bag.findings[MAX_FAULTS]);
        assert!(bag.findings[MAX_FAULTS + 1].subject.starts_with("y.pem"), "each file has its own");
    }
}

#[test]
fn pem_that_was_damaged_on_its_way_is_called_what_it_is() {
    let pem = testing::leaf(&["a.example.com"]).pem();
    let broken = super::pem_block("CERTIFICATE", &[0x30, 0x06, 0xff, 0x04, 1, 2, 3, 4]);
    for (text, wanted) in [
        (pem.replace("-----", "\u{2013}\u{2013}\u{2013}"), "dashes"),
        (pem.replace('\n', "\\n"), "written out"),
        (broken, "CERTIFICATE block"),
        (pem.replace("-----", "----"), "five hyphens"),
        (pem.replace("BEGIN CERTIFICATE", "BEGIN\u{a0}CERTIFICATE"), "plain spaces"),
        (pem.to_lowercase(), "capital letters"),
    ] {
        let bag = read(&[source("c.pem", text)], &NoPasswords);
        assert_eq!(ids(&bag), ["cert.unreadable"]);
        assert!(bag.findings[0].message.contains(wanted), "{:?}", bag.findings);
    }
}

#[test]
fn of_thousands_of_keys_only_some_are_read_whether_they_are_damaged_or_not() {
    let whole = testing::leaf(&["a.example.com"]).key_pem();
    // A key's version and octets, and no point that would lie on the curve.
    let damaged = super::pem_block("EC PRIVATE KEY", &sequence(&[&integer(1), &octets(&[7; 32])]));
    for (key, readable) in [(&whole, MAX_KEYS), (&damaged, 0)] {
        let bag = read(&[source("keys.pem", key.repeat(4 * MAX_KEYS))], &NoPasswords);
        assert_eq!(bag.keys.len(), readable);
        assert_eq!(bag.findings.len(), MAX_KEYS - readable + 1);
        assert_eq!(bag.findings.last().unwrap().message, format!("more than {MAX_KEYS} private keys"));
    }
}

#[test]
fn a_key_that_is_there_and_cannot_be_read_is_no_missing_key() {
    let key = testing::leaf(&["a.example.com"]).key_pem();
    let cut = key.lines().take(2).collect::<Vec<_>>().join("\n");
    let damaged = super::pem_block("EC PRIVATE KEY", &sequence(&[&integer(1), &octets(&[7; 32])]));
    let noise = key.replacen('\n', "\n!!!", 1);
    let broken = sequence(&[&integer(3), &sequence(&[&object("1.2.840.113549.1.7.1")])]);
    let altered = key.replacen("-----BEGIN", "----BEGIN", 1) + &testing::leaf(&["b.example.com"]).pem();
    for file in [cut.into_bytes(), damaged.into_bytes(), noise.into_bytes(), broken, altered.into_bytes()] {
        let bag = read(&[source("x", file)], &NoPasswords);
        assert_eq!((bag.keys.len(), bag.unread_keys), (0, 1), "{:?}", bag.findings);
    }
    assert_eq!(read(&[source("x", testing::leaf(&["a.example.com"]).pem())], &NoPasswords).unread_keys, 0);
}
