//! Through squid to nginx: open, demanding a login, refusing, and opening TLS.

use std::time::Duration;

use portcullis::checks::services::proxy::{Destination, ProxyReport, examine, examine_direct, unreachable};
use portcullis::checks::services::reach::Unreached;
use portcullis::checks::services::tls::Roots;

use super::authority::{Authority, now};
use super::peers::{Peer, intercepting_squid, nginx, nginx_in_clear, squid};
use super::{not_passed, told};

const HOST: &str = "cdn.corp.example";
const LOGIN: &str = "auth_param basic program /usr/lib/squid/basic_fake_auth\nacl known proxy_auth REQUIRED\n";

/// The world's authority, and a destination whose certificate it signed.
fn destination() -> (Authority, Peer) {
    let world = Authority::new("World");
    let leaf = world.leaf(&[HOST]);
    let server = nginx(&format!("{}{}", leaf.pem, world.intermediate()), &leaf.key, "");
    (world, server)
}

async fn look(proxy: &Peer, port: u16, public: &Roots, proxy_roots: &Roots) -> ProxyReport {
    let sources = ["10.20.0.11".to_owned(), "10.20.0.12".to_owned()];
    let asked = Destination {
        origin: "a0-1",
        sources: &sources,
        proxy: Some("proxy.corp.example:3128"),
        host: HOST,
        port,
        public,
        own_roots: &Roots::none(),
        proxy_roots,
        now: now(),
        patience: Duration::from_secs(5),
    };
    examine(proxy.connect().await, &asked).await
}

#[tokio::test]
async fn an_open_proxy_passes_every_check() {
    let (world, server) = destination();
    let proxy = squid(&[HOST], "http_access allow all");
    let report = look(&proxy, server.port, &world.roots(), &Roots::none()).await;
    assert_eq!(not_passed(&report.outcomes), Vec::<String>::new());
    assert_eq!((report.status, report.intercepted, report.issuer.as_deref()), (Some(200), false, Some("CN=World Root")));
}

#[tokio::test]
async fn a_missing_exception_is_407_and_the_printed_squid_line_mends_it() {
    let (world, server) = destination();
    let proxy = squid(&[HOST], &format!("{LOGIN}http_access allow known\nhttp_access deny all"));
    let report = look(&proxy, server.port, &world.roots(), &Roots::none()).await;
    assert_eq!(not_passed(&report.outcomes)[0], "proxy.auth=error");
    let told = told(&report.outcomes, "proxy.auth");
    assert!(told.contains("the proxy demands a login (Basic)"), "{told}");
    assert!(told.contains("if (host == \"cdn.corp.example\") return \"DIRECT\";"), "{told}");

    let line = told.split("asks for a login or denies: `").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    let lines = line.replace("; ", "\n").replace("src 10.20.0.11 10.20.0.12", "src 127.0.0.1");
    let mended = squid(&[HOST], &format!("{LOGIN}{lines}\nhttp_access allow known\nhttp_access deny all"));
    let report = look(&mended, server.port, &world.roots(), &Roots::none()).await;
    assert_eq!(not_passed(&report.outcomes), Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_that_wants_windows_logins_alone_is_told_with_each_of_them() {
    let (world, server) = destination();
    let rules = "auth_param negotiate program /usr/lib/squid/negotiate_wrapper_auth\nauth_param ntlm program /usr/lib/squid/ntlm_fake_auth\n\
                 acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all";
    let proxy = squid(&[HOST], rules);
    let report = look(&proxy, server.port, &world.roots(), &Roots::none()).await;
    let told = told(&report.outcomes, "proxy.auth");
    assert!(told.contains("demands a login (Negotiate, NTLM)") && told.contains("10.20.0.11"), "{told}");
}

#[tokio::test]
async fn a_proxy_that_closes_at_once_is_asked_about() {
    let closing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closing.local_addr().unwrap();
    let closer = tokio::spawn(async move { drop(closing.accept().await.unwrap()) });
    let (public, sources) = (Roots::none(), ["10.20.0.11".to_owned()]);
    let asked = Destination {
        origin: "a0-1",
        sources: &sources,
        proxy: Some("proxy.corp.example:3128"),
        host: HOST,
        port: 443,
        public: &public,
        own_roots: &public,
        proxy_roots: &public,
        now: now(),
        patience: Duration::from_secs(5),
    };
    let report = examine(tokio::net::TcpStream::connect(address).await.unwrap(), &asked).await;
    closer.await.unwrap();
    let told = told(&report.outcomes, "proxy.unreachable");
    assert!(told.contains("closed without an answer") && told.contains("allows the nodes' addresses"), "{told}");
}

#[tokio::test]
async fn a_refusal_is_told_apart_from_a_missing_login() {
    let (world, server) = destination();
    let proxy = squid(&[HOST], "http_access deny all");
    let report = look(&proxy, server.port, &world.roots(), &Roots::none()).await;
    assert_eq!(report.status, Some(403));
    assert_eq!(not_passed(&report.outcomes)[0], "proxy.refused=error");
}

#[tokio::test]
async fn a_destination_that_the_proxy_cannot_reach_is_the_proxy_team_s() {
    let world = Authority::new("World");
    let proxy = squid(&[HOST], "http_access allow all");
    let report = look(&proxy, 1, &world.roots(), &Roots::none()).await;
    assert_eq!(report.status, Some(503));
    assert!(told(&report.outcomes, "proxy.refused").contains("the proxy could not reach cdn.corp.example:1"));
}

#[tokio::test]
async fn a_proxy_that_opens_tls_is_seen_by_who_signed_what_came_back() {
    let (world, server) = destination();
    let corp = Authority::new("Corp Proxy");
    let proxy = intercepting_squid(&[HOST], &corp.root_with_key(), &world.root());

    let report = look(&proxy, server.port, &world.roots(), &Roots::none()).await;
    assert!(report.intercepted, "{report:?}");
    assert!(told(&report.outcomes, "proxy.intercepted").contains("signed by CN=Corp Proxy Root, no public CA"));
    assert_eq!(not_passed(&report.outcomes), ["proxy.intercepted=error", "proxy.passed=could-not-run"]);

    let report = look(&proxy, server.port, &world.roots(), &corp.roots()).await;
    assert!(report.intercepted);
    assert_eq!(not_passed(&report.outcomes), ["proxy.intercepted=warning"]);
}

#[tokio::test]
async fn what_answers_in_the_destinations_place_is_an_error_and_not_passed_over() {
    let world = Authority::new("World");
    let proxy = squid(&[HOST], "http_access allow all");
    for (leaf, words) in
        [(world.leaf(&["portal.hotel.example"]), "not for cdn.corp.example"), (world.leaf_until(&[HOST], 2025), "expired on")]
    {
        let server = nginx(&format!("{}{}", leaf.pem, world.intermediate()), &leaf.key, "");
        let report = look(&proxy, server.port, &world.roots(), &Roots::none()).await;
        assert_eq!(not_passed(&report.outcomes), ["proxy.intercepted=could-not-run", "proxy.passed=error"]);
        assert!(told(&report.outcomes, "proxy.passed").contains(words), "{}", told(&report.outcomes, "proxy.passed"));
    }
}

#[tokio::test]
async fn without_an_explicit_proxy_the_destination_itself_is_looked_at() {
    let (world, server) = destination();
    let roots = world.roots();
    let asked = Destination {
        origin: "a0-1",
        sources: &[],
        proxy: None,
        host: HOST,
        port: server.port,
        public: &roots,
        own_roots: &roots,
        proxy_roots: &roots,
        now: now(),
        patience: Duration::from_secs(5),
    };
    let report = examine_direct(server.connect().await, &asked).await;
    assert_eq!(not_passed(&report.outcomes), ["proxy.auth=n/a", "proxy.refused=n/a"]);
    let gone = unreachable(&asked, &Unreached::Refused);
    assert!(told(&gone.outcomes, "proxy.unreachable").contains("connection refused"));
}

#[tokio::test]
async fn a_login_page_in_the_place_of_the_destination_is_a_missing_exception_and_its_session_is_not_told() {
    let (world, server) = destination();
    let rules = "acl everybody src all\ndeny_info 302:http://portal.corp.example/login?session=0c71f everybody\nhttp_access deny everybody";
    let proxy = squid(&[HOST], rules);
    let report = look(&proxy, server.port, &world.roots(), &Roots::none()).await;
    let told = told(&report.outcomes, "proxy.auth");
    assert!(
        told.contains("leads to a page (http://portal.corp.example/login) in place of") && told.contains("http_access allow"),
        "{told}"
    );
    assert!(!format!("{:?}", report.outcomes).contains("0c71f"), "{:?}", report.outcomes);
}

#[tokio::test]
async fn a_web_server_in_the_place_of_the_proxy_is_told_from_a_proxy_that_refuses() {
    let (world, server) = destination();
    let web = nginx_in_clear("location / { return 200 hello; }");
    let report = look(&web, server.port, &world.roots(), &Roots::none()).await;
    let told = told(&report.outcomes, "proxy.refused");
    // 400 or 405, by its release.
    assert!(told.contains("takes no CONNECT: 40") && told.contains("nginx") && told.contains("correct `proxy.url`"), "{told}");
    assert!(!told.contains("http_access"), "{told}");
}
