//! A certificate authority for one test: a root, an intermediate, and leaves of every kind a peer may serve.

use portcullis::checks::services::tls::Roots;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};

/// The time at which all tests judge.
pub(crate) fn now() -> jiff::Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

/// A leaf with its key.
pub(crate) struct Leaf {
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
    pub(crate) key: String,
}

pub(crate) struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let root = CertifiedIssuer::self_signed(ca(&format!("{name} Root")), KeyPair::generate().unwrap()).unwrap();
        let params = ca(&format!("{name} Intermediate"));
        let intermediate = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &root).unwrap();
        Self { root, intermediate }
    }

    pub(crate) fn leaf(&self, names: &[&str]) -> Leaf {
        self.leaf_until(names, 2027)
    }

    /// A leaf whose validity ends on 1 January of that year.
    pub(crate) fn leaf_until(&self, names: &[&str], year: i32) -> Leaf {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params.distinguished_name.push(DnType::CommonName, names[0].as_str());
        params.not_before = rcgen::date_time_ymd(2024, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 31);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.intermediate).unwrap();
        Leaf { der: certificate.der().to_vec(), pem: certificate.pem(), key: key.serialize_pem() }
    }

    pub(crate) fn intermediate(&self) -> String {
        self.intermediate.pem()
    }

    pub(crate) fn root(&self) -> String {
        self.root.pem()
    }

    pub(crate) fn intermediate_der(&self) -> Vec<u8> {
        self.intermediate.der().to_vec()
    }

    pub(crate) fn root_der(&self) -> Vec<u8> {
        self.root.der().to_vec()
    }

    /// The root's key and certificate, as an intercepting proxy holds them.
    pub(crate) fn root_with_key(&self) -> String {
        format!("{}{}", self.root.pem(), self.root.key().serialize_pem())
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::none().with_pem(self.root.pem().as_bytes(), "the test's root").unwrap()
    }
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    params
}

/// A leaf that signed itself.
pub(crate) fn self_signed(name: &str) -> Leaf {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Leaf { der: certificate.der().to_vec(), pem: certificate.pem(), key: key.serialize_pem() }
}
