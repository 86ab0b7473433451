//! `--fetch-missing` against a server of our own: what it may bring, and what it may not.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CustomExtension, IsCa, Issuer, KeyPair};

use super::command::{Outcome, cert_as, cert_of_site};

/// A root, an intermediate and what is needed to issue below it.
struct Authorities {
    root: String,
    intermediate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str, ca: bool) -> CertificateParams {
    let mut params = CertificateParams::new(if ca { vec![] } else { vec![name.to_owned()] }).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = if ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2026, 9, 1), rcgen::date_time_ymd(2027, 2, 1));
    params
}

fn authorities() -> Authorities {
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = params("Root", true).self_signed(&root_key).unwrap().pem();
    let above = Issuer::new(params("Root", true), &root_key);
    let intermediate = params("Issuing", true).signed_by(&key, &above).unwrap().der().to_vec();
    Authorities { root, intermediate, issuer: Issuer::new(params("Issuing", true), key) }
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], length.as_slice(), &content].concat()
}

/// authorityInfoAccess with these addresses.
fn issuer_at(urls: &[&str]) -> CustomExtension {
    const CA_ISSUERS: [u8; 10] = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
    let places: Vec<Vec<u8>> = urls.iter().map(|url| der(0x30, &[&CA_ISSUERS, &der(0x86, &[url.as_bytes()])])).collect();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], der(0x30, &[&places.concat()]))
}

/// `leaf.pem` and `root.pem` in a new folder; the leaf names these addresses for its issuer.
fn folder(authorities: &Authorities, urls: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut leaf = params("a.example.com", false);
    leaf.custom_extensions.push(issuer_at(urls));
    let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &authorities.issuer).unwrap().pem();
    keep(folder.path(), "leaf.pem", &leaf);
    keep(folder.path(), "root.pem", &authorities.root);
    folder
}

fn keep(folder: &Path, name: &str, text: &str) {
    portcullis::disk::write_atomically(&folder.join(name), text.as_bytes(), 0o600, portcullis::disk::Existing::Keep).unwrap();
}

/// Answers one request with these bytes; gives the request's first line.
fn serve(server: TcpListener, answer: Vec<u8>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let (mut connection, _) = server.accept().unwrap();
        let asked = request(&mut connection);
        // Whoever has read enough hangs up, which is no failure here.
        drop(connection.write_all(&answer));
        asked.lines().next().unwrap_or_default().to_owned()
    })
}

fn request(connection: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 1024];
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = connection.read(&mut buffer).unwrap();
        assert!(count > 0, "the request ends in the middle");
        text.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(text).unwrap()
}

fn ok(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn listener() -> (TcpListener, String) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/ca", server.local_addr().unwrap());
    (server, address)
}

const FETCH: [&str; 5] = ["check", "leaf.pem", "--root", "root.pem", "--fetch-missing"];

fn fetched(authorities: &Authorities, answer: Vec<u8>) -> Outcome {
    let (server, url) = listener();
    let folder = folder(authorities, &[&url]);
    let serving = serve(server, answer);
    let outcome = cert_as(folder.path(), &FETCH, true);
    assert!(serving.join().unwrap().starts_with("GET /ca "));
    outcome
}

/// A P7C: `SignedData` with nothing but certificates (RFC 5280, 4.2.2.1; RFC 5652).
fn p7c(certificate: &[u8]) -> Vec<u8> {
    const SIGNED: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    const DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    let data = der(0x30, &[&[0x02, 0x01, 0x01], &der(0x31, &[]), &der(0x30, &[&DATA]), &der(0xa0, &[certificate]), &der(0x31, &[])]);
    der(0x30, &[&SIGNED, &der(0xa0, &[&data])])
}

#[test]
fn an_issuer_is_taken_as_der_or_as_p7c() {
    let authorities = authorities();
    for body in [authorities.intermediate.clone(), p7c(&authorities.intermediate)] {
        let outcome = fetched(&authorities, ok(&body));
        assert_eq!((outcome.code, outcome.findings()), (0, vec![]), "{outcome:?}");
    }
}

#[test]
fn what_did_not_sign_is_not_used() {
    let authorities = authorities();
    let stranger = params("Issuing", true).self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
    let outcome = fetched(&authorities, ok(&stranger));
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(outcome.findings().contains(&"error cert.chain.signature".to_owned()), "{outcome:?}");
}

fn redirection(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

#[test]
fn a_redirection_to_another_host_is_told_and_not_followed() {
    let authorities = authorities();
    let outcome = fetched(&authorities, redirection("http://10.0.0.1/ca"));
    assert_eq!(outcome.findings(), ["error cert.chain.incomplete"], "{outcome:?}");
    assert!(outcome.err.contains("302 and points to http://10.0.0.1/ca, which is not followed"), "{outcome:?}");
}

/// Answers one request after the other; gives how many came.
fn serve_each(server: TcpListener, answers: Vec<Vec<u8>>) -> JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut count = 0;
        for answer in answers {
            let (mut connection, _) = server.accept().unwrap();
            let asked = request(&mut connection);
            if asked.starts_with("GET /end ") {
                break;
            }
            drop(connection.write_all(&answer));
            count += 1;
        }
        count
    })
}

#[test]
fn a_redirection_within_the_host_is_followed_but_not_for_ever() {
    let authorities = authorities();
    let (server, url) = listener();
    let bundle = folder(&authorities, &[&url]);
    let place = url.replace("/ca", "/new");
    let serving = serve_each(server, vec![redirection(&place), redirection("/newer"), ok(&authorities.intermediate)]);
    let outcome = cert_as(bundle.path(), &FETCH, true);
    assert_eq!((outcome.code, outcome.findings()), (0, vec![]), "{outcome:?}");
    assert_eq!(serving.join().unwrap(), 3);

    let (server, url) = listener();
    let bundle = folder(&authorities, &[&url]);
    let address = server.local_addr().unwrap();
    let serving = serve_each(server, vec![redirection("/ca"); 40]);
    let outcome = cert_as(bundle.path(), &FETCH, true);
    assert!(outcome.err.contains("more than 3 redirections"), "{outcome:?}");
    TcpStream::connect(address).unwrap().write_all(b"GET /end HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(serving.join().unwrap(), 4);
}

#[test]
fn an_answer_without_end_is_cut_and_refused() {
    let authorities = authorities();
    let outcome = fetched(&authorities, ok(&vec![b'x'; 1 << 20]));
    assert_eq!(outcome.findings(), ["error cert.chain.incomplete"], "{outcome:?}");
    assert!(outcome.err.contains("larger than 64 KB"), "{outcome:?}");
}

#[test]
fn the_site_s_proxy_is_asked_and_addresses_that_are_not_http_are_passed_over() {
    let authorities = authorities();
    let (server, proxy) = listener();
    let folder = folder(&authorities, &["ldap:///CN=Issuing", "http://ca.example.invalid/issuing.cer"]);
    let proxy = proxy.trim_end_matches("/ca");
    let site = format!(
        "site: shop\nenvironment: qa\nroute: {{vpn: true}}\nnodes: [{{name: n, address: 10.0.0.1, user: admin, sudo: true}}]\n\
         proxy: {{kind: explicit, url: \"{proxy}\", bypass: [.example.com]}}\n"
    );
    keep(folder.path(), "site.yaml", &site);
    let serving = serve(server, ok(&authorities.intermediate));
    let outcome = cert_of_site(folder.path(), &[&FETCH[..], &["--name", "a.example.com"]].concat(), true);
    assert_eq!(serving.join().unwrap(), "GET http://ca.example.invalid/issuing.cer HTTP/1.0");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(!outcome.err.contains("ldap"), "{outcome:?}");
}
