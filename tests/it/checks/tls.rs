//! What nginx really serves, and what the review says of it.

use std::time::Duration;

use portcullis::checks::services::tls::{Distrust, Expected, Hello, Roots, Served, TlsProbeError, outcomes, probe};
use portcullis::checks::{Outcome, Verdict};

use super::authority::{Authority, Leaf, now, self_signed};
use super::peers::{Peer, haproxy, nginx};
use super::{not_passed, outcome, told};

async fn look(peer: &Peer, name: &str, roots: &Roots) -> Result<Served, TlsProbeError> {
    let hello = Hello { name, alpn: &["h2", "http/1.1"], roots, now: now(), within: Duration::from_secs(5) };
    probe(peer.connect().await, &hello).await
}

async fn review(peer: &Peer, names: &[&str], roots: &Roots, installed: Option<&Leaf>) -> Vec<Outcome> {
    let probed = look(peer, names[0], roots).await;
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let expected = Expected { leaf: installed.map(|leaf| leaf.der.as_slice()), names: &names, roots, now: now() };
    outcomes("a0-1", &probed, &expected)
}

#[tokio::test]
async fn a_full_chain_passes_every_check() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["manage.corp.example", "*.corp.example"]);
    let peer = nginx(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf.key, "");
    let outcomes =
        review(&peer, &["manage.corp.example", "identity.corp.example", "*.corp.example"], &authority.roots(), Some(&leaf)).await;
    assert_eq!(not_passed(&outcomes), Vec::<String>::new());
}

#[tokio::test]
async fn the_chain_is_recorded_as_it_was_served_with_version_and_protocol() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["manage.corp.example"]);
    let peer = nginx(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf.key, "ssl_protocols TLSv1.2;");
    let served = look(&peer, "manage.corp.example", &authority.roots()).await.unwrap();
    assert_eq!(served.chain, [leaf.der, authority.intermediate_der()]);
    assert_eq!((served.version.as_str(), served.alpn.as_deref()), ("TLSv1.2", Some("http/1.1")));
    assert_eq!(served.verified, Ok(()));
}

#[tokio::test]
async fn a_missing_intermediate_is_named_with_where_the_chain_stops() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["manage.corp.example"]);
    let peer = nginx(&leaf.pem, &leaf.key, "");
    let outcomes = review(&peer, &["manage.corp.example"], &authority.roots(), Some(&leaf)).await;
    assert_eq!(
        not_passed(&outcomes),
        ["tls.served.chain-incomplete=error", "tls.served.untrusted-root=could-not-run", "tls.served.refused=n/a"]
    );
    let told = told(&outcomes, "tls.served.chain-incomplete");
    assert!(told.contains("stops at CN=manage.corp.example: its issuer CN=Corp Intermediate is not served"), "{told}");
}

#[tokio::test]
async fn a_wrong_order_a_served_root_and_a_useless_certificate_are_three_findings_and_no_error() {
    let authority = Authority::new("Corp");
    let other = Authority::new("Elsewhere");
    let leaf = authority.leaf(&["manage.corp.example"]);
    let chain = [leaf.pem.clone(), authority.root(), other.intermediate(), authority.intermediate()].concat();
    let peer = nginx(&chain, &leaf.key, "");
    let outcomes = review(&peer, &["manage.corp.example"], &authority.roots(), Some(&leaf)).await;
    assert_eq!(not_passed(&outcomes), ["tls.served.order=warning", "tls.served.extra=warning", "tls.served.root-included=info"]);
    assert!(told(&outcomes, "tls.served.extra").contains("CN=Elsewhere Intermediate"));
    assert!(told(&outcomes, "tls.served.order").ends_with("CN=manage.corp.example, CN=Corp Intermediate, CN=Corp Root"));
}

#[tokio::test]
async fn each_name_that_is_not_covered_is_one_finding_and_a_wildcard_covers_one_label() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["manage.corp.example", "*.corp.example"]);
    let peer = nginx(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf.key, "");
    let names = ["manage.corp.example", "a.wt.corp.example", "corp.example", "*.wt.corp.example"];
    let outcomes = review(&peer, &names, &authority.roots(), None).await;
    assert_eq!(not_passed(&outcomes), ["tls.served.name-missing=error,error,error", "tls.served.other-certificate=n/a"]);
    assert!(told(&outcomes, "tls.served.name-missing").contains("a.wt.corp.example; it names manage.corp.example, *.corp.example"));
}

#[tokio::test]
async fn an_expired_certificate_is_dated_and_one_that_ends_soon_is_a_warning() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf_until(&["manage.corp.example"], 2025);
    let peer = nginx(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf.key, "");
    let outcomes = review(&peer, &["manage.corp.example"], &authority.roots(), Some(&leaf)).await;
    assert_eq!(not_passed(&outcomes), ["tls.served.expired=error", "tls.served.refused=n/a"]);
    assert!(told(&outcomes, "tls.served.expired").contains("expired on 2025-01-31 00:00 UTC"));

    let leaf = authority.leaf_until(&["manage.corp.example"], 2027);
    let served = Served {
        chain: vec![leaf.der.clone(), authority.intermediate_der()],
        version: "TLSv1.3".to_owned(),
        cipher: String::new(),
        alpn: None,
        verified: Ok(()),
    };
    let now = "2027-01-21T00:00:00Z".parse().unwrap();
    let roots = authority.roots();
    let expected = Expected { leaf: None, names: &[], roots: &roots, now };
    let found = portcullis::checks::services::tls::review_served("a0-1", &served, &expected);
    assert_eq!((found.len(), found[0].message.as_str()), (1, "CN=manage.corp.example has 10 days left"));
}

#[tokio::test]
async fn what_a_client_refuses_is_never_green_even_where_nobody_asked_for_the_name() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["manage.corp.example"]);
    let peer = nginx(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf.key, "");
    let probed = look(&peer, "config.corp.example", &authority.roots()).await;
    let outcomes = outcomes("a0-1", &probed, &Expected { leaf: None, names: &[], roots: &authority.roots(), now: now() });
    assert!(told(&outcomes, "tls.served.refused").contains("not for config.corp.example"));
}

#[tokio::test]
async fn a_self_signed_certificate_is_called_so_and_nothing_else() {
    let leaf = self_signed("manage.corp.example");
    let peer = nginx(&leaf.pem, &leaf.key, "");
    let outcomes = review(&peer, &["manage.corp.example"], &Roots::public(), Some(&leaf)).await;
    assert_eq!(
        not_passed(&outcomes),
        [
            "tls.served.chain-incomplete=could-not-run",
            "tls.served.untrusted-root=could-not-run",
            "tls.served.self-signed=error",
            "tls.served.refused=n/a"
        ]
    );
}

#[tokio::test]
async fn a_private_root_is_not_trusted_until_the_site_names_it() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["manage.corp.example"]);
    let peer = nginx(&[leaf.pem.clone(), authority.intermediate(), authority.root()].concat(), &leaf.key, "");
    let outcomes = review(&peer, &["manage.corp.example"], &Roots::public(), Some(&leaf)).await;
    assert!(told(&outcomes, "tls.served.untrusted-root").contains("CN=Corp Root"));
    let roots = Roots::public().with_pem(authority.root().as_bytes(), "corp.pem").unwrap();
    let outcomes = review(&peer, &["manage.corp.example"], &roots, Some(&leaf)).await;
    assert_eq!(not_passed(&outcomes), ["tls.served.root-included=info"]);
}

#[tokio::test]
async fn another_certificate_than_the_installed_one_is_found() {
    let authority = Authority::new("Corp");
    let (served, installed) = (authority.leaf(&["manage.corp.example"]), authority.leaf(&["manage.corp.example"]));
    let peer = nginx(&format!("{}{}", served.pem, authority.intermediate()), &served.key, "");
    let outcomes = review(&peer, &["manage.corp.example"], &authority.roots(), Some(&installed)).await;
    assert_eq!(not_passed(&outcomes), ["tls.served.other-certificate=error"]);
}

#[tokio::test]
async fn a_root_served_in_the_place_of_the_intermediate_does_not_complete_the_chain() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["manage.corp.example"]);
    let peer = nginx(&format!("{}{}", leaf.pem, authority.root()), &leaf.key, "");
    let served = look(&peer, "manage.corp.example", &authority.roots()).await.unwrap();
    assert_eq!(served.chain[1], authority.root_der());
    assert!(matches!(served.verified, Err(Distrust::ChainIncomplete { .. })), "{:?}", served.verified);
}

#[tokio::test]
async fn a_server_that_refuses_the_name_says_so_by_its_alert() {
    let leaf = self_signed("manage.corp.example");
    let peer = nginx(&leaf.pem, &leaf.key, "ssl_reject_handshake on;");
    let outcomes = review(&peer, &["manage.corp.example"], &Roots::none(), None).await;
    assert!(told(&outcomes, "tls.handshake").contains("`unrecognized_name`"));
    let others = outcomes.iter().filter(|outcome| outcome.spec.id != "tls.handshake");
    for other in others {
        assert!(matches!(other.verdict, Verdict::CouldNotRun { .. }), "{other:?}");
    }
}

#[tokio::test]
async fn a_server_of_tls_1_1_alone_is_told_apart_from_a_broken_one() {
    let leaf = self_signed("manage.corp.example");
    let peer = nginx(&leaf.pem, &leaf.key, "ssl_protocols TLSv1 TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;");
    let outcomes = review(&peer, &["manage.corp.example"], &Roots::none(), None).await;
    assert!(told(&outcomes, "tls.version.old").contains("nothing later than TLS 1.1"));
    assert!(matches!(outcome(&outcomes, "tls.handshake").verdict, Verdict::CouldNotRun { .. }));
}

#[tokio::test]
async fn a_certificate_that_ends_soon_or_begins_later_is_told_with_its_day() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["manage.corp.example"]);
    let peer = nginx(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf.key, "");
    let (names, roots) = (["manage.corp.example".to_owned()], authority.roots());
    let judged = async |at: &str| {
        let now = at.parse().unwrap();
        let hello = Hello { name: &names[0], alpn: &[], roots: &roots, now, within: Duration::from_secs(5) };
        let probed = probe(peer.connect().await, &hello).await;
        outcomes("a0-1", &probed, &Expected { leaf: None, names: &names, roots: &roots, now })
    };
    assert!(told(&judged("2027-01-20T08:00:00Z").await, "tls.served.expires-soon").contains("days left"));
    assert!(told(&judged("2023-12-01T08:00:00Z").await, "tls.served.not-yet-valid").contains("2024-01-01"));
    assert!(!not_passed(&judged("2026-11-22T08:00:00Z").await).iter().any(|line| line.starts_with("tls.served.expires")));
}

#[tokio::test]
async fn a_balancer_that_serves_its_leaf_alone_is_told_as_a_web_server_is() {
    let authority = Authority::new("Corp");
    let leaf = authority.leaf(&["manage.corp.example"]);
    let short = haproxy(&leaf.pem, &leaf.key);
    let found = review(&short, &["manage.corp.example"], &authority.roots(), Some(&leaf)).await;
    assert!(told(&found, "tls.served.chain-incomplete").contains("CN=Corp Intermediate is not served"));
    let whole = haproxy(&format!("{}{}", leaf.pem, authority.intermediate()), &leaf.key);
    let found = review(&whole, &["manage.corp.example"], &authority.roots(), Some(&leaf)).await;
    assert_eq!(not_passed(&found), Vec::<String>::new());
    let ended = authority.leaf_until(&["manage.corp.example"], 2025);
    let ended = haproxy(&format!("{}{}", ended.pem, authority.intermediate()), &ended.key);
    let found = review(&ended, &["manage.corp.example"], &authority.roots(), None).await;
    assert!(told(&found, "tls.served.expired").contains("2025-01-31"));
}
