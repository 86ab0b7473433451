//! Another customer: other names, another login user, a certificate of its own authority with RSA keys, and a PFX password by reference.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
};

use super::stage::machine::Machine;
use super::stage::operator::Operator;
use super::stage::site_text::SiteText;
use super::stage::standing::lend_one;
use super::story::{pem_blocks, served_chain};

const PASSWORD: &str = "correct horse battery staple";

type Authority = CertifiedIssuer<'static, KeyPair>;

// rcgen's own backend makes no RSA keys.
fn rsa_key() -> KeyPair {
    let key = openssl::rsa::Rsa::generate(2048).unwrap();
    let pem = openssl::pkey::PKey::from_rsa(key).unwrap().private_key_to_pem_pkcs8().unwrap();
    KeyPair::from_pkcs8_pem_and_sign_algo(&String::from_utf8(pem).unwrap(), &PKCS_RSA_SHA256).unwrap()
}

fn parameters(common_name: &str, names: &[&str]) -> CertificateParams {
    let mut parameters = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    let now = SystemTime::now();
    parameters.not_before = (now - Duration::from_hours(1)).into();
    parameters.not_after = (now + Duration::from_hours(90 * 24)).into();
    parameters
}

fn authority(name: &str, above: Option<&Authority>) -> Authority {
    let mut parameters = parameters(name, &[]);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    match above {
        None => CertifiedIssuer::self_signed(parameters, rsa_key()).unwrap(),
        Some(above) => CertifiedIssuer::signed_by(parameters, rsa_key(), above).unwrap(),
    }
}

fn site_of(node: &Machine, operator: &Operator) -> (SiteText, String) {
    let root = authority("Globex Root R1", None);
    let upper = authority("Globex Policy CA", Some(&root));
    let lower = authority("Globex Issuing CA 7", Some(&upper));
    let mut leaf = parameters(
        "console.globex.test",
        &["console.globex.test", "setup.globex.test", "id.globex.test", "*.hooks.globex.test", "hooks.globex.test"],
    );
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    let key = rsa_key();
    let leaf = leaf.signed_by(&key, &lower).unwrap().pem();
    operator.write("certs/from-the-ca.pem", [root.pem(), lower.pem(), leaf.clone(), upper.pem()].concat());
    operator.write("certs/private.pem", key.serialize_pem());
    operator.write("certs/root.pem", root.pem());
    let mut site = SiteText::bare(&[node]);
    site.name = "globex-west".to_owned();
    site.nodes[0].name = "west-a".to_owned();
    site.nodes[0].user = "anna".to_owned();
    site.sections.push(
        "names:\n  dashboard: console.globex.test\n  configuration: setup.globex.test\n  webtask: hooks.globex.test\n  tenants: [id.globex.test]\n\
         tls:\n  terminates: appliance\n  certificate: {files: [certs/from-the-ca.pem], key: certs/private.pem, roots: [certs/root.pem]}\n  \
         pfx: {password: \"env:PFX_WORD\", friendly_name: \"Globex West 2026\"}\n"
            .to_owned(),
    );
    (site, [leaf, lower.pem(), upper.pem()].concat())
}

#[test]
fn another_customers_site_is_served_with_its_own_names_keys_and_password() {
    let node = lend_one();
    node.sh("useradd --create-home --shell /bin/bash anna; cp -a /home/admin/.ssh /home/anna/; chown -R anna: /home/anna/.ssh; \
         echo 'anna ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/anna");
    let before = node.fingerprint();
    let mut operator = Operator::with_text("");
    operator.set("PFX_WORD", PASSWORD);
    let (site, chain) = site_of(&node, &operator);
    operator.write("site.yaml", site.render());
    let run = operator.run(&["apply", "tls", "--yes", "--output", "json"]);
    assert_eq!(run.assert_code(0).summary()["nodes"]["west-a"]["outcome"], "changed");

    assert_eq!(served_chain(&node, "console.globex.test"), pem_blocks(&chain));
    assert!(node.holds("openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | grep -q 'RSA'"));
    assert!(!node.holds("[ -e /etc/portcullis/tls/site.pfx.password ]"), "the site has the password: it is not written down");
    let open = |with: &str| format!("PFX_WORD='{with}' openssl pkcs12 -in /etc/portcullis/tls/site.pfx -passin env:PFX_WORD -noenc");
    let content = node.sh(&open(PASSWORD));
    assert!(content.contains("friendlyName: Globex West 2026") && content.contains("PRIVATE KEY"), "{content}");
    let mut inside = pem_blocks(&content);
    let mut expected = pem_blocks(&chain);
    inside.sort();
    expected.sort();
    assert_eq!(inside, expected);
    assert!(!node.holds(&open("another password")));

    let again = operator.run(&["apply", "tls", "--yes"]);
    assert_eq!(again.assert_code(0).stdout, "nothing to change: 1 node stands as desired\n");
    operator.set("PFX_WORD", "another word entirely");
    let plan = operator.run(&["plan", "tls"]);
    assert!(plan.assert_code(4).stdout.contains("/etc/portcullis/tls/site.pfx"), "{}", plan.stdout);
    operator.run(&["rollback", "--yes"]).assert_code(0);
    before.assert_same(&node.fingerprint());
    assert!(!run.stdout.contains(PASSWORD) && !run.stderr.contains(PASSWORD));
}
