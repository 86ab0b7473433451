//! Makes the material that a playbook needs, once for all nodes: reads files, resolves secrets, builds the chain.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::material::{CertificateText, Material, SmtpMaterial, TlsMaterial};
use super::model::{Authority, Kind, Playbook, TemplateStep, TrustStep};
use super::template::Templates;
use crate::certs::pfx::{PfxOptions, PfxProfile, write_pfx};
use crate::certs::{
    Bag, Chain, ChainError, Demands, Key, LeafSelection, NotAuthorities, Passwords, Roots, Source, authorities, build_chain, read, review,
};
use crate::finding::{Finding, Severity};
use crate::site::model::{CertificateFiles, Site, Tls};
use crate::site::secret::{SecretError, Secrets};

/// Why the material could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A secret is missing.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A secret is of no use where it goes.
    #[error("{named} {problem}")]
    BadSecret {
        /// Where the site names it.
        named: &'static str,
        /// What is wrong; never the secret.
        problem: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {path}, named as {named}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Where the site names it.
        named: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file that should hold CA certificates alone does not.
    #[error("{path}, named as {named}, {why}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Where it is named.
        named: &'static str,
        /// Why not.
        why: NotAuthorities,
    },
    /// The files hold no chain to speak of.
    #[error("the certificate files cannot be used")]
    Certs {
        /// Why.
        source: ChainError,
    },
    /// What was found in certificate and key forbids to install them.
    #[error("the certificate cannot be installed{}", list(.findings))]
    Certificate {
        /// The findings of severity error.
        findings: Vec<Finding>,
    },
}

fn list(findings: &[Finding]) -> String {
    let one = |finding: &Finding| format!("{}  {}: {}\nfix: {}", finding.id, finding.subject, finding.message, finding.fix);
    findings.iter().map(|finding| format!("\n{}", one(finding))).collect::<Vec<_>>().concat()
}

impl PrepareError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Secret(_) => None,
            Self::BadSecret { .. } => Some("look at what the reference resolves to: it has to be the secret alone, in one line".to_owned()),
            Self::Unreadable { .. } => Some("a relative path starts at the site file's folder".to_owned()),
            Self::Authorities { why, .. } => Some(why.help().to_owned()),
            Self::Certs { source } => Some(source.help().to_owned()),
            Self::Certificate { .. } => Some("nothing was touched; `portcullis cert check` shows all that was found".to_owned()),
        }
    }

    /// The findings that forbid it.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Certificate { findings } => findings,
            Self::Secret(_) | Self::BadSecret { .. } | Self::Unreadable { .. } | Self::Authorities { .. } | Self::Certs { .. } => &[],
        }
    }
}

// A certificate with one of these would not serve at all, or make others believe that it does.
const FORBIDDING: [&str; 6] =
    ["cert.chain.incomplete", "cert.chain.signature", "cert.chain.not-a-ca", "cert.key.mismatch", "cert.key.missing", "cert.key.encrypted"];

/// Makes what the steps of `playbook` need, and no more.
pub fn prepare(
    site: &Site,
    playbook: &Playbook,
    templates: &Templates,
    secrets: &Arc<Secrets>,
    now: Timestamp,
) -> Result<Material, PrepareError> {
    let mut material = Material::default();
    let some_template = |is_meant: &dyn Fn(&TemplateStep) -> bool| {
        playbook.steps.iter().any(|step| if let Kind::Template(template) = &step.kind { is_meant(template) } else { false })
    };
    let mention = |words: &[&str]| some_template(&|template| words.iter().any(|word| templates.mentions(&template.src, word)));
    let has_pfx = playbook.steps.iter().any(|step| matches!(step.kind, Kind::Pfx(_)));
    if let (Some(tls), true) = (&site.tls, has_pfx || mention(&["_pem"])) {
        material.tls = Some(tls_material(site, tls, secrets, now)?);
    }
    if let (Some(smtp), true) = (&site.smtp, mention(&["password", "ca_pem"])) {
        let password = secrets.resolve(&smtp.password, &format!("password of {} at {}", smtp.username, smtp.host))?;
        must_fit_one_line(&password, "smtp.password")?;
        let ca_pem = certificates(site, &smtp.ca_certificates, "smtp.ca_certificates")?.concat();
        material.smtp = Some(SmtpMaterial { password, ca_pem });
    }
    for step in &playbook.steps {
        match &step.kind {
            Kind::Trust(TrustStep { name, files: Some(files), .. }) => {
                let paths: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
                material.own_cas.insert(name.clone(), certificates(site, &paths, "files of a trust step")?);
            }
            Kind::Trust(TrustStep { of: Authority::Directory, .. }) => {
                for connector in &site.connectors {
                    let cas = certificates(site, &connector.ca_certificates, "ca_certificates of a connector")?;
                    material.directory_cas.insert(connector.name.clone(), cas);
                }
            }
            Kind::Trust(_) if material.proxy_cas.is_empty() => {
                material.proxy_cas = certificates(site, &site.proxy.ca_certificates, "proxy.ca_certificates")?;
            }
            Kind::File(file) => {
                if let Some(name) = &file.src {
                    material.files.insert(name.clone(), Zeroizing::new(read_bytes(site, Path::new(name), "src of a file step")?));
                }
            }
            Kind::Template(_) | Kind::Pfx(_) | Kind::Trust(_) | Kind::Service(_) | Kind::Command(_) | Kind::Wait(_) => {}
        }
    }
    Ok(material)
}

fn certificates(site: &Site, paths: &[PathBuf], named: &'static str) -> Result<Vec<String>, PrepareError> {
    let mut found = Vec::new();
    for path in paths {
        let source = Source { name: named.to_owned(), bytes: read_bytes(site, path, named)? };
        let certificates = authorities(source).map_err(|why| PrepareError::Authorities { path: site.path(path), named, why })?;
        // Written anew: whatever else the file says stays here.
        found.extend(certificates.iter().map(|certificate| certificate.to_pem()));
    }
    Ok(found)
}

// A line break would end the line it stands in and begin another of the secret's making.
fn must_fit_one_line(secret: &SecretString, named: &'static str) -> Result<(), PrepareError> {
    let text = secret.expose_secret();
    if text.is_empty() {
        return Err(PrepareError::BadSecret { named, problem: "is empty" });
    }
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(PrepareError::BadSecret { named, problem: "has line breaks, control characters or blanks around it" });
    }
    Ok(())
}

fn read_bytes(site: &Site, path: &Path, named: &'static str) -> Result<Vec<u8>, PrepareError> {
    let path = site.path(path);
    std::fs::read(&path).map_err(|source| PrepareError::Unreadable { path, named, source })
}

/// Reads the files of a certificate as the site names them; passwords of encrypted keys come from the site.
pub fn read_certificate(site: &Site, files: &CertificateFiles, secrets: &Secrets) -> Result<(Bag, Roots), PrepareError> {
    let mut sources = Vec::new();
    for path in files.files.iter().chain(&files.key) {
        sources.push(Source { name: path.display().to_string(), bytes: read_bytes(site, path, "tls.certificate")? });
    }
    let password = files.key_password.as_ref().map(|reference| secrets.resolve(reference, "password of the private key")).transpose()?;
    let bag = read(&sources, &KeyPassword(password));
    let mut roots = Roots::mozilla();
    for path in &files.roots {
        let source = Source { name: path.display().to_string(), bytes: read_bytes(site, path, "tls.certificate.roots")? };
        for root in read(&[source], &crate::certs::NoPasswords).certificates {
            roots = roots.and(root);
        }
    }
    Ok((bag, roots))
}

struct KeyPassword(Option<SecretString>);

impl Passwords for KeyPassword {
    fn password_for(&self, _locked: &str) -> Option<SecretString> {
        self.0.clone()
    }
}

fn tls_material(site: &Site, tls: &Tls, secrets: &Secrets, now: Timestamp) -> Result<TlsMaterial, PrepareError> {
    let (bag, roots) = read_certificate(site, &tls.certificate, secrets)?;
    let names = site.names.required();
    let selection = LeafSelection { names: &names, choose: None };
    let chain = build_chain(&bag, &roots, selection, now).map_err(|source| PrepareError::Certs { source })?;
    let demands = Demands { key: true, ..Demands::new(&names, now) };
    let mut findings = review(&bag, &chain, &demands);
    findings.retain(|finding| finding.severity == Severity::Error && FORBIDDING.contains(&finding.id.as_str()));
    let key = match &chain.key {
        Some(key) if findings.is_empty() => Arc::clone(key),
        _ => return Err(PrepareError::Certificate { findings }),
    };
    let password = tls.pfx_password.as_ref().map(|reference| secrets.resolve(reference, "password of the PFX")).transpose()?;
    if let Some(password) = &password {
        must_fit_one_line(password, "tls.pfx.password")?;
    }
    let profile = PfxProfile::named(&tls.pfx_target).unwrap_or(PfxProfile::Modern);
    let friendly = tls.friendly_name.clone().unwrap_or_else(|| site.name.clone());
    let failed = |error: openssl::error::ErrorStack| PrepareError::Certificate { findings: vec![unusable_key(&error)] };
    let key_pem = key.to_pkcs8_pem().map_err(failed)?;
    let identity = identity(&chain, &key, &friendly, profile, password.as_ref()).map_err(failed)?;
    let text = CertificateText {
        chain_pem: chain.to_pem(),
        root_pem: chain.root().map(|root| root.to_pem()).unwrap_or_default(),
        key_pem,
        chain: chain.served().map(|one| one.der().to_vec()).collect(),
        not_after: chain.leaf.not_after,
    };
    let make = Box::new(move |password: &SecretString| {
        let options = PfxOptions { profile, friendly_name: &friendly, password: Some(password), with_root: false };
        write_pfx(&chain, &key, options).map(Zeroizing::new).map_err(Into::into)
    });
    Ok(TlsMaterial::new(text, identity, password, make))
}

fn unusable_key(error: &openssl::error::ErrorStack) -> Finding {
    Finding {
        id: "cert.unreadable".to_owned(),
        severity: Severity::Error,
        subject: "the private key".to_owned(),
        message: format!("it cannot be used: {error}"),
        fix: "give a key of a kind that servers use (RSA or ECDSA)".to_owned(),
        source: "Security and Access: SSL Certificates".to_owned(),
    }
}

// A MAC under the private key: whoever lacks the key learns nothing of the password, whoever has it needs no password.
fn identity(
    chain: &Chain,
    key: &Key,
    friendly: &str,
    profile: PfxProfile,
    password: Option<&SecretString>,
) -> Result<String, openssl::error::ErrorStack> {
    let mac_key = PKey::hmac(&key.to_pkcs8_der()?)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &mac_key)?;
    let mut part = |bytes: &[u8]| -> Result<(), openssl::error::ErrorStack> {
        signer.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes())?;
        signer.update(bytes)
    };
    part(b"portcullis pfx 1")?;
    part(profile.name().as_bytes())?;
    part(friendly.as_bytes())?;
    part(password.map_or(b"random".as_slice(), |password| password.expose_secret().as_bytes()))?;
    part(&[u8::from(password.is_some())])?;
    for certificate in chain.served() {
        part(certificate.der())?;
    }
    let mac = signer.sign_to_vec()?;
    Ok(mac.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    }))
}
