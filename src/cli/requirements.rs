//! What `check` and `verify` need of the site beside itself: whom to trust, the certificate, the mail password.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::clock;
use super::context::Context;
use super::outcome::chain;
use crate::certs::{Certificate, Demands, LeafSelection, NoPasswords, Source, build_chain, read, review};
use crate::checks::Outcome;
use crate::checks::offline::{CERTIFICATE, Other, judged, not_judged, of_site};
use crate::checks::services::tls::{Roots, presented_names};
use crate::checks::survey::{ConnectorLook, Survey, Trust, Wants};
use crate::playbook::read_certificate;
use crate::report::checks::Link;
use crate::site::model::{CertificateFiles, Connector, Site};
use crate::site::secret::Secrets;

/// How long a step over the network may take unless `--timeout` says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the certificate files of the site are worth, and the certificate (DER) that nodes should serve.
pub(super) fn certificates(site: &Site, secrets: &Secrets, now: jiff::Timestamp) -> (Vec<Outcome>, Option<Vec<u8>>) {
    let look = Look { site, secrets, now };
    let mut outcomes = Vec::new();
    let mut leaf = None;
    if let Some(tls) = &site.tls {
        let (judged, found) = look.at("tls.certificate", &tls.certificate, &site.names.required());
        outcomes.extend(judged);
        leaf = found;
    }
    for custom in &site.names.custom_domains {
        if let Some(files) = &custom.certificate {
            outcomes.extend(look.at(&custom.domain, files, std::slice::from_ref(&custom.domain)).0);
        }
    }
    if let Some((custom, files)) = site.names.extensions.as_ref().and_then(|custom| Some((custom, custom.certificate.as_ref()?))) {
        let wildcard = format!("*.{}", custom.domain);
        outcomes.extend(look.at(&custom.domain, files, &[wildcard]).0);
    }
    let presented = leaf.as_deref().map(presented_names).unwrap_or_default();
    outcomes.extend(of_site(site, leaf.as_deref(), &presented, &others(site)));
    (outcomes, leaf)
}

/// The chain of the site's certificate, the server's first, for a picture; empty where it cannot be read.
pub(super) fn chain_links(site: &Site, secrets: &Secrets, now: jiff::Timestamp) -> Vec<Link> {
    let Some((bag, roots)) = site.tls.as_ref().and_then(|tls| read_certificate(site, &tls.certificate, secrets).ok()) else {
        return Vec::new();
    };
    let names = site.names.required();
    let Ok(found) = build_chain(&bag, &roots, LeafSelection { names: &names, choose: None }, now) else { return Vec::new() };
    let link = |certificate: &std::sync::Arc<Certificate>| Link {
        subject: certificate.subject.short(),
        issuer: certificate.issuer.short(),
        begins: certificate.not_before,
        ends: certificate.not_after,
    };
    found.whole().map(link).collect()
}

/// The certificates of the customer's other environments.
fn others(site: &Site) -> Vec<Other> {
    let mut others = Vec::new();
    for environment in &site.surroundings.other_environments {
        for path in &environment.certificates {
            let bytes = std::fs::read(site.path(path)).map_err(|error| format!("{}: {error}", path.display()));
            let certificates = bytes.map(|bytes| {
                let bag = read(&[Source { name: path.display().to_string(), bytes }], &NoPasswords);
                bag.certificates.iter().map(|certificate| certificate.der().to_vec()).collect()
            });
            others.push(Other { environment: environment.name.clone(), certificates });
        }
    }
    others
}

/// A look at certificate files.
struct Look<'a> {
    site: &'a Site,
    secrets: &'a Secrets,
    now: jiff::Timestamp,
}

impl Look<'_> {
    /// The outcomes of every rule, and the server's certificate where one was found.
    fn at(&self, subject: &str, files: &CertificateFiles, names: &[String]) -> (Vec<Outcome>, Option<Vec<u8>>) {
        let (bag, roots) = match read_certificate(self.site, files, self.secrets) {
            Ok(found) => found,
            Err(error) => return (not_judged(CERTIFICATE, subject, &chain(&error)), None),
        };
        let found = match build_chain(&bag, &roots, LeafSelection { names, choose: None }, self.now) {
            Ok(found) => found,
            Err(error) => {
                // What cannot be read is the first of the table; no other rule can be applied.
                let (unreadable, others) = CERTIFICATE.split_at(1);
                let mut findings = bag.findings.clone();
                findings.extend(unreadable.iter().map(|spec| spec.finding(subject, error.to_string(), error.help())));
                let mut outcomes = judged(unreadable, subject, &findings);
                outcomes.extend(not_judged(others, subject, "the files hold no chain to speak of"));
                return (outcomes, None);
            }
        };
        let demands = Demands { key: true, appliance: true, ..Demands::new(names, self.now) };
        let findings = review(&bag, &found, &demands);
        (judged(CERTIFICATE, subject, &findings), Some(found.leaf.der().to_vec()))
    }
}

/// The mail account's password, or why it cannot be had; `None` without a mail server.
fn mail_password(site: &Site, secrets: &Secrets) -> Option<Result<SecretString, String>> {
    let smtp = site.smtp.as_ref()?;
    let password = secrets.resolve(&smtp.password, &format!("password of {} at {}", smtp.username, smtp.host));
    Some(password.map_err(|error| chain(&error)))
}

/// A connector with what it takes to look at it.
pub(super) fn connector<'c>(site: &Site, connector: &'c Connector, secrets: &Secrets, public: &Roots) -> ConnectorLook<'c> {
    let password = connector
        .bind_password
        .as_ref()
        .map(|reference| secrets.resolve(reference, &format!("password of {}'s account", connector.name)).map_err(|error| chain(&error)));
    let roots = if connector.ca_certificates.is_empty() { public.clone() } else { with(Roots::none(), site, &connector.ca_certificates) };
    let mut server = connector.server();
    for identity in server.iter_mut().flat_map(|server| &mut server.login.identities) {
        *identity = site.path(identity);
    }
    ConnectorLook { connector, server, password, roots, is_here: false }
}

/// Everything that is looked at over machines.
pub(super) fn survey<'s>(context: &Context, site: &'s Site, secrets: &Secrets, leaf: Option<Vec<u8>>, wants: Wants) -> Survey<'s> {
    let none: &[PathBuf] = &[];
    let own = site.tls.as_ref().map_or(none, |tls| tls.certificate.roots.as_slice());
    let public = Roots::public();
    let trust = Trust {
        own: with(Roots::none(), site, own),
        site: with(public.clone(), site, own),
        mail: mail_roots(site),
        proxy: with(Roots::none(), site, &site.proxy.ca_certificates),
        public,
    };
    Survey {
        site,
        wants,
        trust,
        mail_password: if wants.mail { mail_password(site, secrets) } else { None },
        health_key: site
            .surroundings
            .health_key
            .as_ref()
            .map(|key| secrets.resolve(key, "key of the health service").map_err(|error| chain(&error))),
        leaf,
        now: context.now,
        clock: clock::now,
        patience: context.globals.timeout.unwrap_or(PATIENCE),
    }
}

/// As the nodes' mail service trusts: named CAs alone, or the public ones.
pub(super) fn mail_roots(site: &Site) -> Roots {
    let named = site.smtp.as_ref().map_or(&[][..], |smtp| smtp.ca_certificates.as_slice());
    if named.is_empty() { Roots::public() } else { with(Roots::none(), site, named) }
}

// A file that cannot be read has a check of its own; without it less is trusted, never more.
fn with(roots: Roots, site: &Site, paths: &[PathBuf]) -> Roots {
    let mut pem = String::new();
    for path in paths {
        let Ok(bytes) = std::fs::read(site.path(path)) else { continue };
        let bag = read(&[Source { name: path.display().to_string(), bytes }], &NoPasswords);
        pem.extend(bag.certificates.iter().map(|certificate| certificate.to_pem()));
    }
    if pem.is_empty() { roots } else { roots.clone().with_pem(pem.as_bytes(), "the site's CA certificates").unwrap_or(roots) }
}
