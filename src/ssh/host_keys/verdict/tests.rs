use std::path::PathBuf;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::certificate::{Builder, CertType};

use super::super::known_hosts::parse;
use super::*;

const NOW: i64 = 1_800_000_000;

fn key(algorithm: Algorithm) -> PrivateKey {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), algorithm).unwrap()
}

fn ed25519() -> PrivateKey {
    key(Algorithm::Ed25519)
}

fn line(key: &PrivateKey) -> String {
    PublicKey::new(key.public_key().key_data().clone(), "a comment").to_openssh().unwrap()
}

fn fingerprint(key: &PrivateKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// What is expected of `a0-1` at 10.9.0.11:22 by these lines and pins.
fn expectation(known_hosts: &str, pins: &[String], port: u16) -> Result<Expectation, Error> {
    let file = PathBuf::from("/kh");
    let known = KnownHosts { files: vec![(file.clone(), parse(known_hosts).unwrap())], first: file };
    let place = Place { machine: "a0-1".to_owned(), address: format!("10.9.0.11:{port}"), through: Some("jump".to_owned()) };
    let names = vec!["a0-1".to_owned(), "10.9.0.11".to_owned()];
    let now = jiff::Timestamp::from_second(NOW).unwrap();
    let mut expectation = Expectation::new(Arc::new(place), pins, Arc::new(known), (names, port), now)?;
    expectation.is_written_as(None, "10.9.0.11");
    Ok(expectation)
}

fn judge(known_hosts: &str, pins: &[String], shown: &PrivateKey) -> Result<(), Error> {
    expectation(known_hosts, pins, 22).unwrap().judge(&shown.public_key().clone().into())
}

#[test]
fn a_key_known_under_the_name_or_the_address_is_accepted() {
    let key = ed25519();
    for host in ["a0-1", "10.9.0.11", "a0-1,10.9.0.11", "10.9.0.*", "A0-1"] {
        judge(&format!("{host} {}", line(&key)), &[], &key).unwrap();
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_line_that_would_accept_it() {
    let key = ed25519();
    let error = judge(&format!("a0-2 {}", line(&key)), &[], &key).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("a0-1 (10.9.0.11:22 through jump): its host key is not known: ssh-ed25519 {}", fingerprint(&key))
    );
    let help = error.help().unwrap();
    let accepting = format!("10.9.0.11 {}", line(&key).trim_end_matches(" a comment"));
    assert!(help.contains(&format!("echo '{accepting}' >> /kh\n")) && help.contains(&fingerprint(&key)), "{help}");
    // And it does accept it.
    judge(accepting.trim(), &[], &key).unwrap();
}

#[test]
fn another_key_is_refused_and_both_are_shown() {
    let (old, new) = (ed25519(), ed25519());
    let error = judge(&format!("\n\na0-1 {}", line(&old)), &[], &new).unwrap_err();
    let Error::HostKeyChanged { shown, expected, .. } = &error else { panic!("{error}") };
    assert_eq!(shown.fingerprint, fingerprint(&new));
    assert_eq!(expected[0], ExpectedKey { fingerprint: fingerprint(&old), stands_in: "/kh:3".to_owned() });
    assert!(error.to_string().contains(&fingerprint(&old)) && error.to_string().contains(&fingerprint(&new)));
}

#[test]
fn another_type_of_key_is_a_changed_key_and_not_an_unknown_one() {
    let old = key(Algorithm::Ecdsa { curve: russh::keys::EcdsaCurve::NistP256 });
    let known = format!("a0-1 {}", line(&old));
    assert!(matches!(judge(&known, &[], &ed25519()), Err(Error::HostKeyChanged { .. })));
    // So that it does not come to that, the known type is asked for.
    assert_eq!(expectation(&known, &[], 22).unwrap().known_types().0, [old.algorithm()]);
}

#[test]
fn the_name_decides_before_the_address() {
    let (own, former) = (ed25519(), ed25519());
    let known = format!("a0-1 {}\n10.9.0.11 {}", line(&own), line(&former));
    judge(&known, &[], &own).unwrap();
    assert!(matches!(judge(&known, &[], &former), Err(Error::HostKeyChanged { .. })));
}

#[test]
fn a_revoked_key_is_refused_though_another_line_or_a_pin_accepts_it() {
    let key = ed25519();
    let known = format!("a0-1 {0}\n@revoked * {0}", line(&key));
    for pins in [vec![], vec![fingerprint(&key)]] {
        let error = judge(&known, &pins, &key).unwrap_err();
        assert!(matches!(&error, Error::HostKeyRevoked { stands_in, .. } if stands_in == "/kh:2"), "{error}");
    }
}

#[test]
fn a_pin_wins_over_known_hosts() {
    let (pinned, known) = (ed25519(), ed25519());
    let lines = format!("a0-1 {}", line(&known));
    for pin in [fingerprint(&pinned), line(&pinned), format!("{}=", fingerprint(&pinned))] {
        judge(&lines, std::slice::from_ref(&pin), &pinned).unwrap();
        assert!(matches!(judge(&lines, &[pin], &known), Err(Error::HostKeyChanged { .. })));
    }
}

#[test]
fn a_pin_that_is_none_is_an_error_and_not_no_pin() {
    for pin in ["", "MD5:00:11", "SHA256:short", "ssh-ed25519 AAAA", "yes"] {
        assert!(matches!(expectation("", &[pin.to_owned()], 22), Err(Error::PinMalformed { .. })), "{pin}");
    }
}

#[test]
fn on_another_port_the_plain_name_accepts_but_does_not_accuse() {
    let (key, other) = (ed25519(), ed25519());
    let judge = |known: String, shown: &PrivateKey| expectation(&known, &[], 2222).unwrap().judge(&shown.public_key().clone().into());
    judge(format!("[a0-1]:2222 {}", line(&key)), &key).unwrap();
    judge(format!("a0-1 {}", line(&key)), &key).unwrap();
    assert!(matches!(judge(format!("a0-1 {}", line(&other)), &key), Err(Error::HostKeyUnknown { .. })));
    assert!(matches!(judge(format!("a0-1 {}\n[a0-1]:2222 {}", line(&key), line(&other)), &key), Err(Error::HostKeyChanged { .. })));
}

#[test]
fn a_host_certificate_holds_for_its_names_in_its_time_by_its_authority() {
    let (authority, host) = (ed25519(), ed25519());
    let now = u64::try_from(NOW).unwrap();
    let certificate = |kind: CertType, principal: &str, from: u64, to: u64| {
        let mut builder = Builder::new_with_random_nonce(&mut russh::keys::key::safe_rng(), host.public_key().clone(), from, to).unwrap();
        builder.serial(1).unwrap().key_id("host").unwrap().cert_type(kind).unwrap().valid_principal(principal).unwrap();
        PublicKeyOrCertificate::from(builder.sign(&authority).unwrap())
    };
    let known = format!("@cert-authority a0-* {}", line(&authority));
    let judge = |known: &str, certificate| expectation(known, &[], 22).unwrap().judge(&certificate);
    let good = || certificate(CertType::Host, "a0-1", now - 60, now + 60);
    judge(&known, good()).unwrap();
    for (known, shown, reason) in [
        (known.clone(), certificate(CertType::Host, "a0-1", now - 60, now), "it has expired"),
        (known.clone(), certificate(CertType::Host, "a0-1", now + 1, now + 60), "it is not yet valid"),
        (known.clone(), certificate(CertType::Host, "a0-2", now - 60, now + 60), "it is for a0-2"),
        (known.clone(), certificate(CertType::User, "a0-1", now - 60, now + 60), "it is a user's certificate"),
        (format!("@cert-authority a0-2 {}", line(&authority)), good(), "is not known for this machine"),
        (format!("a0-1 {}", line(&authority)), good(), "is not known for this machine"),
        (format!("{known}\n@revoked * {}", line(&authority)), good(), "is revoked"),
    ] {
        let error = judge(&known, shown).unwrap_err();
        assert!(
            matches!(&error, Error::HostCertificateRefused { reason: said, .. } if said.contains(reason)),
            "{error} instead of {reason}"
        );
    }
    // A host key that is revoked does not become good by a certificate.
    assert!(matches!(judge(&format!("{known}\n@revoked * {}", line(&host)), good()), Err(Error::HostKeyRevoked { .. })));
}
