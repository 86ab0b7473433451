use super::*;
use crate::certs::testing::{Made, Recipe, authority, bag, ec_key, now};
use proptest::prelude::*;

fn roots_of(root: &Made) -> Roots {
    let certificate = Certificate::from_der(&root.der, super::super::certificate::Origin::default()).unwrap();
    Roots::none().and(Arc::new(certificate))
}

fn build(parts: &[String], root: &Made) -> Result<Chain, ChainError> {
    build_chain(&bag(parts), &roots_of(root), LeafSelection::default(), now())
}

fn names(chain: &Chain) -> Vec<String> {
    chain.whole().map(|certificate| certificate.subject.short()).collect()
}

fn server(issuer: &Made) -> Made {
    Recipe { names: &["a.example.com"], ..Recipe::default() }.make(Some(issuer))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_chain_is_the_same_for_every_order_and_with_duplicates(order in Just(vec![0usize, 1, 2, 3, 0, 2]).prop_shuffle()) {
        let root = authority("Root", None);
        let upper = authority("Upper", Some(&root));
        let lower = authority("Lower", Some(&upper));
        let all = [server(&lower).pem(), lower.pem(), upper.pem(), root.pem()];
        let parts: Vec<String> = order.iter().map(|place| all[*place].clone()).collect();
        let chain = build(&parts, &root).unwrap();
        prop_assert_eq!(names(&chain), ["server", "Lower", "Upper", "Root"]);
        prop_assert!(chain.extra.is_empty());
        prop_assert!(matches!(chain.end, End::Trusted { given: true, .. }), "{:?}", chain.end);
    }
}

#[test]
fn of_two_intermediates_of_one_name_the_one_that_signed_is_taken() {
    let root = authority("Root", None);
    let right = Recipe { name: "Issuing", ca: Some(true), key_ids: false, ..Recipe::default() }.make(Some(&root));
    let wrong = Recipe { name: "Issuing", ca: Some(true), key_ids: false, ..Recipe::default() }.make(Some(&root));
    let leaf = Recipe { names: &["a.example.com"], key_ids: false, ..Recipe::default() }.make(Some(&right));
    let chain = build(&[wrong.pem(), leaf.pem(), right.pem()], &root).unwrap();
    assert_eq!(chain.intermediates.first().unwrap().der(), right.der);
    assert_eq!(chain.extra.first().unwrap().der(), wrong.der);
}

#[test]
fn the_shortest_way_to_a_trusted_root_wins_over_a_cross_sign() {
    let old = authority("Old Root", None);
    let new_key = ec_key();
    let new = Recipe { name: "New Root", ca: Some(true), key: Some(new_key.clone()), ..Recipe::default() }.make(None);
    let cross = Recipe { name: "New Root", ca: Some(true), key: Some(new_key), ..Recipe::default() }.make(Some(&old));
    let issuing = authority("Issuing", Some(&new));
    let parts = [server(&issuing).pem(), issuing.pem(), cross.pem()];
    let both = build_chain(
        &bag(&parts),
        &roots_of(&new).and(roots_of(&old).named(&bag(&[old.pem()]).certificates[0].subject)[0].clone()),
        LeafSelection::default(),
        now(),
    );
    let chain = both.unwrap();
    assert_eq!(names(&chain), ["server", "Issuing", "New Root"]);
    assert_eq!(chain.extra.len(), 1);
    // Where only the old root is trusted, the cross-sign is the way.
    assert_eq!(names(&build(&parts, &old).unwrap()), ["server", "Issuing", "New Root", "Old Root"]);
}

#[test]
fn a_way_through_an_expired_certificate_is_taken_only_where_there_is_no_other() {
    let root = authority("Root", None);
    let key = ec_key();
    let expired =
        Recipe { name: "Issuing", ca: Some(true), key: Some(key.clone()), to: "20261001000000Z", ..Recipe::default() }.make(Some(&root));
    let current = Recipe { name: "Issuing", ca: Some(true), key: Some(key), ..Recipe::default() }.make(Some(&root));
    let leaf = server(&current);
    let chain = build(&[expired.pem(), leaf.pem(), current.pem()], &root).unwrap();
    assert_eq!(chain.intermediates.first().unwrap().der(), current.der);
    let chain = build(&[expired.pem(), leaf.pem()], &root).unwrap();
    assert!(matches!(chain.end, End::Trusted { .. }));
}

#[test]
fn a_hole_is_named_with_the_issuer_and_its_key_id() {
    let root = authority("Root", None);
    let issuing = authority("Issuing", Some(&root));
    let chain = build(&[server(&issuing).pem(), root.pem()], &root).unwrap();
    let missing = chain.missing().unwrap();
    assert_eq!(missing.name.short(), "Issuing");
    assert_eq!(missing.key_id.as_deref(), issuing.x509.subject_key_id().map(openssl::asn1::Asn1OctetStringRef::as_slice));
}

#[test]
fn a_circle_of_cross_signs_ends() {
    let (one, two) = (ec_key(), ec_key());
    let first = Recipe { name: "One", ca: Some(true), key: Some(one.clone()), ..Recipe::default() }.make(None);
    let second = Recipe { name: "Two", ca: Some(true), key: Some(two), ..Recipe::default() }.make(Some(&first));
    let back = Recipe { name: "One", ca: Some(true), key: Some(one), ..Recipe::default() }.make(Some(&second));
    let chain = build(&[server(&back).pem(), second.pem(), back.pem()], &authority("Other", None)).unwrap();
    assert!(matches!(chain.end, End::Circle), "{:?}", chain.end);
}

#[test]
fn among_several_server_certificates_the_key_decides_then_the_names_then_a_person() {
    let root = authority("Root", None);
    let a = Recipe { names: &["a.example.com"], ..Recipe::default() }.make(Some(&root));
    let b = Recipe { names: &["b.example.com"], ..Recipe::default() }.make(Some(&root));
    let chain = build(&[a.pem(), b.pem(), b.key_pem()], &root).unwrap();
    assert_eq!(chain.leaf.der(), b.der);
    let both = bag(&[a.pem(), b.pem()]);
    let wanted = ["a.example.com".to_owned()];
    let by_name = build_chain(&both, &roots_of(&root), LeafSelection { names: &wanted, choose: None }, now()).unwrap();
    assert_eq!(by_name.leaf.der(), a.der);
    let choose = |candidates: &[Arc<Certificate>]| candidates.len().checked_sub(1);
    let asked = build_chain(&both, &roots_of(&root), LeafSelection { names: &[], choose: Some(&choose) }, now()).unwrap();
    assert_eq!(asked.leaf.der(), b.der);
    let error = build_chain(&both, &roots_of(&root), LeafSelection::default(), now()).unwrap_err();
    assert!(error.to_string().contains("a.example.com") && error.to_string().contains("b.example.com"), "{error}");
}

#[test]
fn ca_certificates_alone_are_no_chain() {
    let root = authority("Root", None);
    let error = build(&[authority("Issuing", Some(&root)).pem(), root.pem()], &root).unwrap_err();
    assert!(matches!(error, ChainError::NoServerCertificate { .. }));
    assert!(matches!(build(&[root.pem()], &root).unwrap_err(), ChainError::NoServerCertificate { .. }));
    assert!(build(&[authority("host.example.com", None).pem()], &root).is_ok());
    assert!(matches!(build(&[], &root).unwrap_err(), ChainError::NoCertificate));
}

#[test]
fn a_signer_that_is_no_ca_is_named() {
    let root = authority("Root", None);
    let signer = Recipe { name: "Signer", ..Recipe::default() }.make(Some(&root));
    let chain = build(&[server(&signer).pem(), signer.pem()], &root).unwrap();
    assert!(matches!(&chain.end, End::NotACa { signer, .. } if signer.subject.short() == "Signer"), "{:?}", chain.end);
}

#[test]
fn an_intermediate_given_with_the_roots_is_a_link_and_no_root() {
    let root = authority("Root", None);
    let issuing = authority("Issuing", Some(&root));
    let certificate = |made: &Made| Arc::new(Certificate::from_der(&made.der, super::super::certificate::Origin::default()).unwrap());
    let roots = Roots::none().and(certificate(&issuing)).and(certificate(&root)).and(certificate(&server(&root)));
    for parts in [vec![server(&issuing).pem()], vec![server(&issuing).pem(), issuing.pem()]] {
        let chain = build_chain(&bag(&parts), &roots, LeafSelection::default(), now()).unwrap();
        assert!(matches!(&chain.end, End::Trusted { root: end, given: false, private: true } if end.der() == root.der), "{:?}", chain.end);
        assert_eq!(chain.served().map(|one| one.subject.short()).collect::<Vec<_>>(), ["server", "Issuing"]);
        assert!(chain.extra.is_empty());
    }
    let alone = build_chain(&bag(&[server(&issuing).pem()]), &Roots::none().and(certificate(&issuing)), LeafSelection::default(), now());
    assert_eq!(alone.unwrap().missing().unwrap().name.short(), "Root");
}

#[test]
fn without_a_trusted_root_a_self_signed_one_in_the_files_wins_over_a_cross_sign() {
    let (one, two) = (ec_key(), ec_key());
    let made = |name, key: &openssl::pkey::PKey<openssl::pkey::Private>, issuer: Option<&Made>| {
        Recipe { name, ca: Some(true), key: Some(key.clone()), ..Recipe::default() }.make(issuer)
    };
    let (first, second, old) = (made("One", &one, None), made("Two", &two, None), authority("Old Root", None));
    let (by_old, by_second, by_first) = (made("One", &one, Some(&old)), made("One", &one, Some(&second)), made("Two", &two, Some(&first)));
    let issuing = authority("Issuing", Some(&first));
    let leaf = server(&issuing);
    let crossed = [leaf.pem(), issuing.pem(), by_old.pem(), first.pem()];
    let circle = [leaf.pem(), issuing.pem(), by_second.pem(), by_first.pem(), first.pem(), second.pem()];
    for parts in [crossed.as_slice(), circle.as_slice()] {
        let chain = build(parts, &authority("Other", None)).unwrap();
        assert!(matches!(&chain.end, End::UntrustedRoot { root } if root.der() == first.der), "{:?}", chain.end);
        assert_eq!(names(&chain), ["server", "Issuing", "One"]);
    }
    // What is trusted still wins, though the way is longer.
    assert_eq!(names(&build(&crossed, &old).unwrap()), ["server", "Issuing", "One", "Old Root"]);
}

#[test]
fn what_many_chains_have_in_common_is_checked_once() {
    let root = authority("Root", None);
    let upper = authority("Upper", Some(&root));
    let mut parts: Vec<String> = (0..20).map(|_| server(&upper).pem()).collect();
    parts.extend([upper.pem(), authority("Stranger", None).pem()]);
    let (bag, roots) = (bag(&parts), roots_of(&root));
    let found = all_chains(&bag, &roots, now());
    assert!(
        found.chains.len() == 20 && found.chains.iter().all(|chain| matches!(chain.end, End::Trusted { .. }) && chain.extra.is_empty())
    );
    assert_eq!(found.unused.iter().map(|one| one.subject.short()).collect::<Vec<_>>(), ["Stranger"]);
    let pool = search::Pool::new(&bag.certificates, &[]);
    let mut search = search::Search::for_many(&pool, &roots, now(), 20);
    let first = chain_from(&pool, &bag, 0, &mut search).map(|_| search.checks()).unwrap();
    for leaf in 1..20 {
        chain_from(&pool, &bag, leaf, &mut search).unwrap();
    }
    assert_eq!((first, search.checks()), (2, 21));
}

#[test]
fn certificates_too_tangled_to_follow_are_listed() {
    // A check with P-256 counts as three, so that all pairs of 150 are more than the limit.
    let keys: Vec<_> = (0..2).map(|_| ec_key()).collect();
    let tangle: Vec<String> = (0..150)
        .map(|place| {
            let key = keys[place % 2].clone();
            let recipe = Recipe { name: "One", ca: Some(true), key: Some(key), key_ids: false, ..Recipe::default() };
            let signer = recipe.clone().make(None);
            recipe.make(Some(&signer)).pem()
        })
        .collect();
    let found = all_chains(&bag(&tangle), &Roots::none(), now());
    assert!(matches!(found.tangled, Some(ChainError::TooTangled { .. })), "{} chains", found.chains.len());
    assert_eq!(found.chains.iter().map(|chain| chain.whole().count()).sum::<usize>() + found.unused.len(), 150);
}

#[test]
fn of_two_certificates_of_one_ca_the_one_that_clients_take_is_used_whatever_the_order() {
    let root = authority("Root", None);
    let key = ec_key();
    let issuing = Recipe { name: "Issuing", ca: Some(true), key: Some(key), ..Recipe::default() };
    let free = issuing.make(Some(&root));
    for bound in [Recipe { permitted: Some("good.example"), ..issuing.clone() }, Recipe { path_length: Some(0), ..issuing.clone() }] {
        let bound = bound.make(Some(&root));
        let lower = authority("Lower", Some(&free));
        let leaf = server(&lower);
        for parts in [[leaf.pem(), lower.pem(), bound.pem(), free.pem()], [free.pem(), bound.pem(), lower.pem(), leaf.pem()]] {
            let chain = build(&parts, &root).unwrap();
            assert_eq!(chain.intermediates[1].der(), free.der);
            assert_eq!(chain.extra.len(), 1);
        }
        // Where it is the only one, it is the way, and the rules say what is wrong with it.
        assert_eq!(names(&build(&[leaf.pem(), lower.pem(), bound.pem()], &root).unwrap()), ["server", "Lower", "Issuing", "Root"]);
    }
}

/// An RSA key whose public exponent is as long as its modulus, so that signing is quick and checking takes long.
fn slow_key() -> openssl::pkey::PKey<openssl::pkey::Private> {
    use openssl::bn::{BigNum, BigNumContext};
    let key = openssl::rsa::Rsa::generate(3072).unwrap();
    let own = |number: &openssl::bn::BigNumRef| number.to_owned().unwrap();
    let (p, q, short) = (own(key.p().unwrap()), own(key.q().unwrap()), own(key.e()));
    let mut scratch = BigNumContext::new().unwrap();
    let mut remainder = |prime: &BigNum| {
        let mut less = own(prime);
        less.sub_word(1).unwrap();
        let mut rest = BigNum::new().unwrap();
        rest.checked_rem(&short, &less, &mut scratch).unwrap();
        rest
    };
    let (first, second, inverse) = (remainder(&p), remainder(&q), own(key.iqmp().unwrap()));
    let builder = openssl::rsa::RsaPrivateKeyBuilder::new(own(key.n()), own(key.d()), own(&short)).unwrap();
    let key = builder.set_factors(p, q).unwrap().set_crt_params(first, second, inverse).unwrap().build();
    openssl::pkey::PKey::from_rsa(key).unwrap()
}

#[test]
fn a_chain_of_keys_that_take_long_to_check_is_refused_in_time() {
    let key = Some(slow_key());
    let ca = |name, issuer: Option<&Made>| Recipe { name, ca: Some(true), key: key.clone(), ..Recipe::default() }.make(issuer);
    let names: Vec<String> = (0..400).map(|number| format!("CA {number}")).collect();
    let root = ca("Root", None);
    let mut made = vec![ca(&names[0], Some(&root))];
    for name in &names[1..] {
        made.push(ca(name, made.last()));
    }
    let leaf = server(made.last().unwrap()).pem();
    let all: Vec<String> = made.iter().map(Made::pem).chain([leaf]).collect();
    assert!(matches!(build(&all, &root), Err(ChainError::TooTangled { .. })));
    let few = [server(&made[1]).pem(), made[0].pem(), made[1].pem()];
    assert!(build(&few, &root).unwrap().is_whole());
}
