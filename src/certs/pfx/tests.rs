use std::sync::Arc;

use secrecy::SecretString;

use super::pbe::Password;
use super::platform::PLATFORMS;
use super::structure::Pfx;
use super::*;
use crate::certs::certificate::{Certificate, Origin};
use crate::certs::testing::{self, Recipe, authority, bag, now, source};
use crate::certs::{Bag, Chain, LeafSelection, NoPasswords, Roots, build_chain, read};

fn chain() -> (Bag, Chain) {
    let root = authority("Root", None);
    let issuing = authority("Issuing", Some(&root));
    let leaf = Recipe { names: &["a.example.com"], ..Recipe::default() }.make(Some(&issuing));
    let bag = bag(&[leaf.pem(), issuing.pem(), leaf.key_pem()]);
    let roots = Roots::none().and(Arc::new(Certificate::from_der(&root.der, Origin::default()).unwrap()));
    let chain = build_chain(&bag, &roots, LeafSelection::default(), now()).unwrap();
    (bag, chain)
}

fn write(profile: PfxProfile, password: Option<&str>) -> Result<Vec<u8>, PfxError> {
    let (bag, chain) = chain();
    let password = password.map(SecretString::from);
    let options = PfxOptions { profile, friendly_name: "Zentrale ü", password: password.as_ref(), with_root: false };
    write_pfx(&chain, bag.keys.first().unwrap(), options)
}

#[test]
fn what_is_written_is_read_back_with_its_password_alone() {
    for profile in [PfxProfile::Modern, PfxProfile::Legacy, PfxProfile::Pbmac1] {
        for password in ["geheim", "pässwörd €", ""] {
            let pfx = write(profile, Some(password)).unwrap();
            let found = read(&[source("x.pfx", pfx.clone())], &SecretString::from(password));
            assert_eq!((found.certificates.len(), found.keys.len(), found.findings.len()), (2, 1, 0), "{profile:?} {password}");
            assert_eq!(found.certificates[0].origin.friendly_name.as_deref(), Some("Zentrale ü"));
            let parsed = Pfx::parse(&pfx).unwrap();
            assert!(parsed.authenticate(Password::Text("falsch")).is_err());
        }
    }
}

#[test]
fn an_empty_password_and_a_missing_one_are_two_encodings() {
    for profile in [PfxProfile::Modern, PfxProfile::Legacy] {
        let empty = Pfx::parse(&write(profile, Some("")).unwrap()).unwrap();
        assert!(empty.authenticate(Password::Text("")).is_ok());
        assert!(empty.authenticate(Password::Missing).is_err());
    }
    let missing = write(PfxProfile::Modern, None).unwrap();
    let parsed = Pfx::parse(&missing).unwrap();
    assert!(parsed.authenticate(Password::Missing).is_ok());
    assert!(parsed.authenticate(Password::Text("")).is_err());
    assert_eq!(read(&[source("x.pfx", missing)], &NoPasswords).certificates.len(), 2);
    assert!(matches!(write(PfxProfile::Legacy, None), Err(PfxError::Keys(KeysError::LegacyNeedsPassword))));
}

#[test]
fn a_single_changed_byte_in_the_content_is_noticed() {
    let mut pfx = write(PfxProfile::Pbmac1, Some("x")).unwrap();
    let middle = pfx.len() / 2;
    pfx[middle] ^= 1;
    let found = read(&[source("x.pfx", pfx)], &SecretString::from("x"));
    assert_eq!((found.certificates.len(), found.findings.len()), (0, 1));
}

#[test]
fn passwords_that_readers_encode_differently_are_refused() {
    assert!(matches!(write(PfxProfile::Modern, Some("a\0b")), Err(PfxError::Keys(KeysError::ContainsNul))));
    assert!(matches!(write(PfxProfile::Modern, Some("😀")), Err(PfxError::Keys(KeysError::BeyondBmp))));
}

#[test]
fn a_key_of_another_certificate_and_a_hole_are_refused() {
    let (bag, chain) = chain();
    let stranger = crate::certs::key::Key::from_openssl(testing::ec_key(), Origin::default()).unwrap();
    let options = PfxOptions { profile: PfxProfile::Modern, friendly_name: "x", password: None, with_root: false };
    assert!(matches!(write_pfx(&chain, &stranger, options), Err(PfxError::KeyDoesNotMatchCertificate)));
    let smiling = PfxOptions { friendly_name: "shop 😀", ..options };
    assert!(matches!(write_pfx(&chain, bag.keys.first().unwrap(), smiling), Err(PfxError::FriendlyName)));
    let hole = build_chain(&bag, &Roots::none(), LeafSelection::default(), now()).unwrap();
    assert!(matches!(write_pfx(&hole, bag.keys.first().unwrap(), options), Err(PfxError::ChainHasHole)));
}

#[test]
fn each_profile_is_explained_as_what_it_is() {
    let opens = |profile, platform: &str| {
        let explanation = explain(&write(profile, Some("x")).unwrap()).unwrap();
        explanation.readings.iter().find(|reading| reading.platform.name.contains(platform)).unwrap().opens().unwrap()
    };
    assert!(opens(PfxProfile::Legacy, "Windows Server 2012"));
    assert!(!opens(PfxProfile::Modern, "Windows Server 2012"));
    assert!(opens(PfxProfile::Modern, "Windows Server 2019"));
    assert!(!opens(PfxProfile::Pbmac1, "OpenSSL 3.0"));
    assert!(opens(PfxProfile::Pbmac1, "OpenSSL 3.4"));
    let explanation = explain(&write(PfxProfile::Modern, Some("x")).unwrap()).unwrap();
    assert_eq!(explanation.parts.len(), 2);
    assert!(explanation.mac.unwrap().to_string().contains(&MODERN_ITERATIONS.to_string()));
}

#[test]
fn every_target_is_a_profile() {
    assert_eq!(PfxProfile::named("windows-2016"), Some(PfxProfile::Legacy));
    assert_eq!(PfxProfile::named("appliance"), Some(PfxProfile::Modern));
    assert_eq!(PfxProfile::named("windows-95"), None);
}

#[test]
fn more_iterations_than_a_platform_does_are_objected_to() {
    let platform = |name: &str| PLATFORMS.into_iter().find(|platform| platform.name.contains(name)).unwrap();
    assert_eq!(platform(".NET 9").objection_to_work(300_000), None);
    let refusal = format!("{:?}", platform(".NET 9").objection_to_work(300_001));
    assert!(refusal.contains("300001"), "{refusal}");
    assert_eq!(platform("OpenSSL 3.0").objection_to_work(u64::MAX), None);
}

/// Of a key of one byte there are 256: every 256th password would pass.
#[test]
fn a_pbmac1_with_a_short_key_is_not_taken_for_one() {
    for (length, taken) in [(1, false), (19, false), (20, true), (32, true), (64, true), (65, false)] {
        let kdf = Kdf::Pbkdf2 { salt: vec![1; 16], iterations: 1, key_length: Some(length), hash: Hash::Sha256 };
        let mac = Mac::Pbmac1 { kdf, hash: Hash::Sha256, value: Vec::new() };
        assert_eq!(pbe::mac_key(&mac, Password::Text("x")).is_ok(), taken, "{length}");
    }
}
