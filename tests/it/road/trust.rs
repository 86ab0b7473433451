//! The proxy's CA certificates in a node's trust store: as many as the site names, no more.

use super::stage::operator::Operator;
use super::stage::site_text::{SiteText, state};
use super::stage::standing::lend_one;

#[test]
fn a_ca_that_the_site_no_longer_names_is_trusted_no_longer() {
    let node = lend_one();
    let before = node.fingerprint();
    let site = |files: &[String]| {
        let mut site = SiteText::bare(&[&node]);
        site.sections.push("names: {dashboard: manage.acme.lab.example, configuration: config.acme.lab.example}\n".to_owned());
        site.sections.push(format!("proxy: {{kind: transparent, ca_certificates: [{}]}}\n", files.join(", ")));
        site.render()
    };
    let files = ["tls/proxy-ca.pem", "tls/root.pem"].map(|name| format!("\"{}\"", state(name)));
    let operator = Operator::with_text(&site(&files));
    let trusted = |name: &str| node.holds(&format!("openssl verify {name} 2>/dev/null | grep -q ': OK'"));
    node.sh(&format!("mkdir -p /run/ca; cat >/run/ca/1.pem <<'X'\n{}X", std::fs::read_to_string(state("tls/proxy-ca.pem")).unwrap()));
    node.sh(&format!("cat >/run/ca/2.pem <<'X'\n{}X", std::fs::read_to_string(state("tls/root.pem")).unwrap()));
    operator.run(&["apply", "proxy", "--yes"]).assert_code(0);
    assert!(trusted("/run/ca/1.pem") && trusted("/run/ca/2.pem"));
    operator.write("site.yaml", site(&files[..1]));
    operator.run(&["apply", "proxy", "--yes"]).assert_code(0);
    assert!(trusted("/run/ca/1.pem") && !trusted("/run/ca/2.pem"));
    operator.run(&["rollback", "--yes"]).assert_code(0);
    assert!(trusted("/run/ca/2.pem"));
    operator.run(&["rollback", "--yes"]).assert_code(0);
    assert!(!trusted("/run/ca/1.pem"));
    before.assert_same(&node.fingerprint());
    node.sh("rm -r /run/ca");
}
