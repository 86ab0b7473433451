//! `cert check` with nothing but a site file: every certificate that it names, and those of other sites.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::command::{Outcome, cert_of_site};

struct Authority {
    key: KeyPair,
    params: CertificateParams,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params
}

fn authority(folder: &Path) -> Authority {
    let (key, mut params) = (KeyPair::generate().unwrap(), params("Example Root"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    keep(folder, "root.pem", &params.clone().self_signed(&key).unwrap().pem());
    Authority { key, params }
}

/// `NAME.pem` and `NAME.key`, for these host names.
fn issue(authority: &Authority, folder: &Path, name: &str, hosts: &[&str]) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 9, 1);
    params.not_after = rcgen::date_time_ymd(2027, 2, 1);
    let issuer = Issuer::new(authority.params.clone(), &authority.key);
    keep(folder, &format!("{name}.pem"), &params.signed_by(&key, &issuer).unwrap().pem());
    keep(folder, &format!("{name}.key"), &key.serialize_pem());
}

fn keep(folder: &Path, name: &str, text: &str) {
    portcullis::disk::write_atomically(&folder.join(name), text.as_bytes(), 0o600, portcullis::disk::Existing::Keep).unwrap();
}

/// A site with its own certificate, one of a custom domain and one of extensions.
fn site(folder: &Path) {
    let files = |name: &str| format!("{{files: [{name}.pem], key: {name}.key, roots: [root.pem]}}");
    let text = format!(
        "site: shop\nenvironment: qa\nroute: {{vpn: true}}\nnodes: [{{name: n, address: 10.0.0.1, user: admin, sudo: true}}]\n\
         names:\n  dashboard: manage.shop.example\n  configuration: config.shop.example\n  planned: [partner.shop.example]\n\
         \x20 custom_domains: [{{domain: login.brand.example, certificate: {}}}]\n  extensions: {{domain: wt.shop.example, certificate: {}}}\n\
         tls: {{certificate: {}}}\n",
        files("brand"),
        files("wt"),
        files("own"),
    );
    keep(folder, "site.yaml", &text);
}

fn errors(outcome: &Outcome) -> Vec<String> {
    let json = outcome.json();
    let findings = json["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error");
    findings.map(|finding| format!("{} {}", finding["id"].as_str().unwrap(), finding["subject"].as_str().unwrap())).collect()
}

const NAMES: [&str; 3] = ["manage.shop.example", "config.shop.example", "partner.shop.example"];

#[test]
fn every_certificate_of_the_site_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let root = authority(folder.path());
    issue(&root, folder.path(), "own", &NAMES[..2]);
    issue(&root, folder.path(), "brand", &["login.brand.example"]);
    issue(&root, folder.path(), "wt", &["wt.shop.example"]);
    site(folder.path());
    let outcome = cert_of_site(folder.path(), &["check"], true);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    let wanted = ["cert.name.missing partner.shop.example", "cert.name.missing *.wt.shop.example"];
    assert_eq!(errors(&outcome), wanted, "{outcome:?}");
    let text = cert_of_site(folder.path(), &["check"], false).out;
    let titles = ["tls.certificate\n", "\nlogin.brand.example\n", "\nwt.shop.example\n"].map(|title| text.find(title));
    assert!(titles.iter().all(Option::is_some) && titles.is_sorted(), "{text}");
}

#[test]
fn a_good_site_has_nothing_to_complain_about() {
    let folder = tempfile::tempdir().unwrap();
    let root = authority(folder.path());
    issue(&root, folder.path(), "own", &NAMES);
    issue(&root, folder.path(), "brand", &["login.brand.example"]);
    issue(&root, folder.path(), "wt", &["*.wt.shop.example"]);
    site(folder.path());
    let outcome = cert_of_site(folder.path(), &["check"], true);
    assert_eq!((outcome.code, errors(&outcome)), (0, vec![]), "{outcome:?}");
}

#[test]
fn a_certificate_of_another_site_is_found_in_its_site_file() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = authority(there.path());
    issue(&root, there.path(), "own", &NAMES);
    issue(&root, there.path(), "brand", &["login.brand.example"]);
    issue(&root, there.path(), "wt", &["*.wt.shop.example"]);
    site(there.path());
    for name in ["root.pem", "own.pem", "own.key", "brand.pem", "brand.key"] {
        fs::copy(there.path().join(name), here.path().join(name)).unwrap();
    }
    issue(&root, here.path(), "wt", &["*.wt.shop.example"]);
    site(here.path());
    let other = format!("production={}", there.path().join("site.yaml").display());
    let outcome = cert_of_site(here.path(), &["check", "--other-environment", &other], true);
    let shared = outcome.findings().iter().filter(|finding| *finding == "warning cert.shared").count();
    assert_eq!((outcome.code, shared), (0, 2), "{outcome:?}");
    let broken = there.path().join("broken.yaml");
    keep(there.path(), "broken.yaml", "site: [\n");
    let outcome = cert_of_site(here.path(), &["check", "--other-environment", &format!("x={}", broken.display())], false);
    assert!(outcome.code == 2 && outcome.err.contains("broken.yaml"), "{outcome:?}");
}
