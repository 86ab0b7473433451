//! The lab's own certificate authority: a root, two intermediates, and certificates for the site, the mail server and the internet.
//!
//! What the customer hands over is as customers do: one PEM bundle, in no order.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::{DESTINATIONS, DOMAIN, OTHER_DESTINATIONS, SITE_NAMES};
use crate::{
    error::LabError,
    host::{files, folders::StateFolder},
};

const DAY: Duration = Duration::from_hours(24);

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Makes everything under `tls/` of the state folder:
/// `root.pem`; `bundle.pem` (shuffled: intermediate, leaf, root, intermediate) with `key.pem`; `leaf.pem` and `intermediates.pem` one by one;
/// `mail/` and `internet/` with `chain.pem` and `key.pem` each.
pub(crate) fn make(state: &StateFolder) -> Result<(), LabError> {
    let folder = state.tls();
    files::make_folder(&folder, 0o755)?;
    let root = authority("Portcullis Lab Root", None)?;
    let upper = authority("Portcullis Lab Intermediate 1", Some(&root))?;
    let lower = authority("Portcullis Lab Intermediate 2", Some(&upper))?;
    let chain = [lower.pem(), upper.pem()].concat();

    let mut names: Vec<String> = SITE_NAMES.map(str::to_owned).to_vec();
    names.extend(["*.acme.lab.example", "*.webtask.acme.lab.example"].map(str::to_owned));
    let (leaf, key) = server(names, &lower)?;
    files::write(&folder.join("root.pem"), 0o644, root.pem())?;
    files::write(&folder.join("bundle.pem"), 0o644, [upper.pem(), leaf.clone(), root.pem(), lower.pem()].concat())?;
    files::write(&folder.join("key.pem"), 0o600, key)?;
    files::write(&folder.join("leaf.pem"), 0o644, leaf)?;
    files::write(&folder.join("intermediates.pem"), 0o644, &chain)?;

    let proxy = authority("Portcullis Lab Proxy CA", None)?;
    files::write(&folder.join("proxy-ca.pem"), 0o644, proxy.pem())?;

    let internet = DESTINATIONS.iter().chain(&OTHER_DESTINATIONS).map(|name| (*name).to_owned()).collect();
    for (peer, names) in [("mail", vec![format!("mail.{DOMAIN}")]), ("internet", internet)] {
        let (leaf, key) = server(names, &lower)?;
        let folder = folder.join(peer);
        files::make_folder(&folder, 0o755)?;
        files::write(&folder.join("chain.pem"), 0o644, [leaf, chain.clone()].concat())?;
        files::write(&folder.join("key.pem"), 0o600, key)?;
    }
    Ok(())
}

fn authority(name: &str, issuer: Option<&Issuer>) -> Result<Issuer, LabError> {
    let failed = |source| LabError::Certificate { subject: name.to_owned(), source };
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = issuer.is_some();
    set_validity(&mut params, 3650);
    let key = KeyPair::generate().map_err(failed)?;
    match issuer {
        Some(issuer) => CertifiedIssuer::signed_by(params, key, issuer),
        None => CertifiedIssuer::self_signed(params, key),
    }
    .map_err(failed)
}

/// A server's certificate and key, both PEM.
fn server(names: Vec<String>, issuer: &Issuer) -> Result<(String, String), LabError> {
    let subject = names.first().cloned().unwrap_or_default();
    let failed = |source| LabError::Certificate { subject: subject.clone(), source };
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, subject.clone());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, 365);
    let key = KeyPair::generate().map_err(failed)?;
    let leaf = params.signed_by(&key, issuer).map_err(failed)?;
    Ok((leaf.pem(), key.serialize_pem()))
}

#[expect(clippy::disallowed_methods, reason = "certificates of a lab are valid from the moment it is made")]
fn set_validity(params: &mut CertificateParams, days: u32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = date_time_ymd(1970, 1, 1);
    // From yesterday on: machines of the lab have their clocks set back by tests.
    params.not_before = epoch + now.saturating_sub(DAY);
    params.not_after = epoch + now + DAY * days;
}
