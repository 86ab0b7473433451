use super::*;
use crate::certs::testing::{Made, Recipe, authority, bag, now};
use crate::certs::{Certificate, LeafSelection, Origin, Roots, build_chain};

fn roots_of(root: &Made) -> Roots {
    Roots::none().and(Arc::new(Certificate::from_der(&root.der, Origin::default()).unwrap()))
}

/// Ids found in these parts, with the root trusted and these names wanted.
fn found(parts: &[String], root: &Made, names: &[&str]) -> Vec<String> {
    let bag = bag(parts);
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let chain = build_chain(&bag, &roots_of(root), LeafSelection { names: &names, choose: None }, now()).unwrap();
    review(&bag, &chain, &Demands::new(&names, now())).into_iter().map(|finding| finding.id).collect()
}

fn server<'a>(names: &'a [&'a str]) -> Recipe<'a> {
    Recipe { names, ..Recipe::default() }
}

#[test]
fn a_good_chain_has_no_findings() {
    let root = authority("Root", None);
    let issuing = authority("Issuing", Some(&root));
    let leaf = server(&["a.example.com", "*.b.example.com"]).make(Some(&issuing));
    let parts = [leaf.pem(), issuing.pem(), leaf.key_pem()];
    assert_eq!(found(&parts, &root, &["A.example.com", "x.b.example.com"]), [""; 0]);
}

#[test]
fn each_name_that_is_not_covered_is_a_finding_of_its_own() {
    let root = authority("Root", None);
    let leaf = server(&["*.example.com"]).make(Some(&root));
    let ids = found(&[leaf.pem()], &root, &["a.example.com", "a.b.example.com", "example.com", "other.org"]);
    let count = |id: &str| ids.iter().filter(|found| *found == id).count();
    assert_eq!((count("cert.name.missing"), count("cert.name.wildcard-depth")), (3, 2), "{ids:?}");
}

#[test]
fn an_expired_intermediate_is_named_and_not_the_leaf() {
    let root = authority("Root", None);
    let issuing = Recipe { name: "Issuing", ca: Some(true), to: "20261101000000Z", ..Recipe::default() }.make(Some(&root));
    let leaf = server(&["a.example.com"]).make(Some(&issuing));
    let bag = bag(&[leaf.pem(), issuing.pem()]);
    let chain = build_chain(&bag, &roots_of(&root), LeafSelection::default(), now()).unwrap();
    let findings = review(&bag, &chain, &Demands::new(&[], now()));
    assert_eq!(findings.len(), 1);
    assert!(findings[0].id == "cert.expired" && findings[0].subject.starts_with("Issuing"), "{findings:?}");
}

#[test]
fn thirty_days_are_enough_and_less_is_soon() {
    let root = authority("Root", None);
    let ending = |to| Recipe { to, ..server(&["a.example.com"]) }.make(Some(&root)).pem();
    assert_eq!(found(&[ending("20261222120000Z")], &root, &[]), [""; 0]);
    assert_eq!(found(&[ending("20261222115959Z")], &root, &[]), ["cert.expires-soon"]);
}

#[test]
fn two_hundred_days_pass_and_one_second_more_does_not() {
    let root = authority("Root", None);
    let lasting = |to| Recipe { from: "20260901000000Z", to, ..server(&["a.example.com"]) }.make(Some(&root)).pem();
    assert_eq!(found(&[lasting("20270319235959Z")], &root, &[]), [""; 0]);
    assert_eq!(found(&[lasting("20270320000000Z")], &root, &[]), ["cert.lifetime.too-long"]);
}

#[test]
fn a_path_length_that_is_too_short_is_found() {
    let root = Recipe { name: "Root", ca: Some(true), path_length: Some(0), ..Recipe::default() }.make(None);
    let issuing = authority("Issuing", Some(&root));
    let leaf = server(&["a.example.com"]).make(Some(&issuing));
    assert_eq!(found(&[leaf.pem(), issuing.pem()], &root, &[]), ["cert.chain.not-a-ca"]);
}

#[test]
fn the_same_key_in_another_environment_is_sharing_too() {
    let root = authority("Root", None);
    let leaf = server(&["a.example.com"]).make(Some(&root));
    let again = Recipe { key: Some(leaf.key.clone()), ..server(&["b.example.com"]) }.make(Some(&root));
    let certificate = Arc::new(Certificate::from_der(&again.der, Origin::default()).unwrap());
    let elsewhere = [Elsewhere { environment: "qa".to_owned(), certificate }];
    let bag = bag(&[leaf.pem()]);
    let chain = build_chain(&bag, &roots_of(&root), LeafSelection::default(), now()).unwrap();
    let findings = review(&bag, &chain, &Demands { elsewhere: &elsewhere, ..Demands::new(&[], now()) });
    assert!(findings.len() == 1 && findings[0].id == "cert.shared" && findings[0].message.contains("same key"), "{findings:?}");
}

#[test]
fn what_only_openssl_notices_is_found_too() {
    let root = authority("Root", None);
    let issuing = Recipe { name: "Issuing", ca: Some(true), permitted: Some("example.org"), ..Recipe::default() }.make(Some(&root));
    let inside = server(&["a.example.org"]).make(Some(&issuing));
    assert_eq!(found(&[inside.pem(), issuing.pem()], &root, &["a.example.org"]), [""; 0]);
    let outside = server(&["a.example.com"]).make(Some(&issuing));
    assert_eq!(found(&[outside.pem(), issuing.pem()], &root, &["a.example.com"]), ["cert.chain.refused"]);
}

#[test]
fn a_server_certificate_that_is_a_ca_is_a_finding_whether_key_or_name_tells_that_it_is_meant() {
    let root = authority("Root", None);
    let issuing = authority("Issuing", Some(&root));
    let leaf = Recipe { ca: Some(true), ..server(&["a.example.com"]) }.make(Some(&issuing));
    let other = server(&["b.example.com"]).make(Some(&issuing));
    let chain = [leaf.pem(), issuing.pem()];
    // The test's CA certificates have the key usage of a CA, which is a finding of its own.
    let wanted = ["cert.usage.no-server-auth", "cert.usage.ca"];
    assert_eq!(found(&chain, &root, &["a.example.com"]), wanted);
    let with_key = [leaf.pem(), issuing.pem(), leaf.key_pem()];
    assert_eq!(found(&with_key, &root, &[]), wanted);
    // Beside another server's certificate, the name tells.
    assert_eq!(found(&[leaf.pem(), issuing.pem(), other.pem()], &root, &["a.example.com"]), ["cert.chain.extra", wanted[0], wanted[1]]);
    // An intermediate's key does not make it the server's.
    assert_eq!(found(&[other.pem(), issuing.pem(), issuing.key_pem()], &root, &[]), ["cert.key.mismatch"]);
}

#[test]
fn an_issuer_key_id_that_contradicts_the_issuer_is_named_whatever_else_is_wrong() {
    let root = authority("Root", None);
    let key = crate::certs::testing::ec_key();
    let issuing = Recipe { name: "Issuing", ca: Some(true), key: Some(key.clone()), ..Recipe::default() }.make(Some(&root));
    // The id of another certificate of that name, and the signature of this one.
    let other = authority("Issuing", Some(&root));
    let leaf = server(&["a.example.com"]).make(Some(&Made { key, ..other }));
    let bag = bag(&[leaf.pem(), issuing.pem()]);
    let chain = build_chain(&bag, &roots_of(&root), LeafSelection::default(), now()).unwrap();
    let findings = review(&bag, &chain, &Demands::new(&["b.example.com".to_owned()], now()));
    let ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(ids, ["cert.name.missing", "cert.chain.refused"]);
    assert!(findings[1].message.contains("authorityKeyIdentifier"), "{findings:?}");
}

#[test]
fn the_last_second_of_validity_is_soon_over_and_not_refused() {
    let root = authority("Root", None);
    let last = server(&["a.example.com"]);
    let last = Recipe { to: "20261122120000Z", ..last }.make(Some(&root));
    assert_eq!(found(&[last.pem()], &root, &[]), ["cert.expires-soon"]);
}

#[test]
fn a_key_that_public_cas_may_not_certify_is_warned_of() {
    let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::SECP521R1).unwrap();
    let key = openssl::pkey::PKey::from_ec_key(openssl::ec::EcKey::generate(&group).unwrap()).unwrap();
    let root = authority("Root", None);
    let leaf = Recipe { names: &["a.example.com"], key: Some(key), ..Recipe::default() }.make(Some(&root));
    assert_eq!(found(&[leaf.pem()], &root, &["a.example.com"]), ["cert.key.type"]);
}

#[test]
fn a_ca_that_renews_its_key_does_not_count_in_its_own_path_length() {
    let root = authority("Root", None);
    let old = Recipe { name: "Issuing", ca: Some(true), path_length: Some(0), ..Recipe::default() }.make(Some(&root));
    let new = Recipe { name: "Issuing", ca: Some(true), ..Recipe::default() }.make(Some(&old));
    let leaf = server(&["a.example.com"]).make(Some(&new));
    assert_eq!(found(&[leaf.pem(), new.pem(), old.pem()], &root, &[]), [""; 0]);
    let lower = authority("Lower", Some(&new));
    let leaf = server(&["a.example.com"]).make(Some(&lower));
    assert_eq!(found(&[leaf.pem(), lower.pem(), new.pem(), old.pem()], &root, &[]), ["cert.chain.not-a-ca"]);
}

#[test]
fn certificates_beside_the_chain_are_called_what_they_are() {
    let root = authority("Root", None);
    let other = authority("Other", None);
    let again = |made: &Made, name, to, issuer: Option<&Made>| {
        Recipe { name, ca: Some(true), from: "20200101000000Z", to, key: Some(made.key.clone()), ..Recipe::default() }.make(issuer).pem()
    };
    let issuing = authority("Issuing", Some(&root));
    let leaf = server(&["a.example.com"]).make(Some(&issuing));
    for (extra, wanted) in [
        (
            again(&issuing, "Issuing", "20250101000000Z", Some(&root)),
            "an older certificate of the same CA, by the same issuer, valid to 2025-01-01",
        ),
        (again(&root, "Root", "20250101000000Z", None), "an older self-signed certificate of the root, valid to 2025-01-01"),
        (again(&issuing, "Issuing", "20250101000000Z", Some(&other)), "a cross-sign of a CA in the chain, by Other"),
        (other.pem(), "it has no part in the chain"),
    ] {
        let bag = bag(&[leaf.pem(), issuing.pem(), extra]);
        let chain = build_chain(&bag, &roots_of(&root), LeafSelection::default(), now()).unwrap();
        let findings = review(&bag, &chain, &Demands::new(&[], now()));
        assert!(
            matches!(findings.as_slice(), [one] if one.id == "cert.chain.extra" && one.message.contains(wanted)),
            "{wanted}: {findings:?}"
        );
    }
}
