//! All certificates of a site together: names to come, domains with one of their own, other environments. The files
//! themselves are read by the caller.

use crate::checks::catalogue::offline::certificates::{EACH_DOMAIN, EXTENSIONS, FUTURE, SITE, UNIQUE};
use crate::checks::spec::{Outcome, Tally};
use crate::site::model::Site;

/// A certificate that another environment has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The environment.
    pub environment: String,
    /// Its certificates (DER), or why the file could not be read.
    pub certificates: Result<Vec<Vec<u8>>, String>,
}

/// Judges a site's certificates: `leaf` is that of the site (DER), `presented` the names in it.
pub fn of_site(site: &Site, leaf: Option<&[u8]>, presented: &[String], others: &[Other]) -> Vec<Outcome> {
    let mut tally = Tally::of(&site.file.display().to_string());
    match leaf {
        None if site.tls.is_none() => tally.not_applicable(&FUTURE, "the site file names no certificate"),
        None => tally.could_not_run(&FUTURE, "the site's certificate could not be read"),
        Some(_) => future(site, presented, &mut tally),
    }
    match &site.names.extensions {
        None => tally.not_applicable(&EXTENSIONS, "the site has no extensions"),
        Some(domain) if domain.certificate.is_none() => {
            let message = format!("no certificate is named for `*.{}`", domain.domain);
            tally.found(&EXTENSIONS, message, "order one, and name its files under `names.extensions.certificate`");
        }
        Some(domain) => tally.passed(&EXTENSIONS, format!("*.{}", domain.domain)),
    }
    custom_domains(site, &mut tally);
    unique(leaf, others, &mut tally);
    tally.complete(SITE, "not looked at")
}

fn future(site: &Site, presented: &[String], tally: &mut Tally) {
    let parent = site.names.tenants.first().and_then(|tenant| tenant.split_once('.')).map(|(_, parent)| format!("*.{parent}"));
    let wildcard = parent.and_then(|wanted| presented.iter().find(|name| name.eq_ignore_ascii_case(&wanted)));
    match (wildcard, site.names.planned.len()) {
        (Some(name), _) => tally.passed(&FUTURE, format!("{name} covers tenants to come")),
        (None, planned) if planned > 0 => tally.passed(&FUTURE, format!("{planned} tenants to come are named under `names.planned`")),
        (None, _) => {
            let message = "the certificate names single hosts, and no tenant to come is named: each new tenant needs another certificate";
            tally.found(&FUTURE, message, "have a wildcard issued, or name the tenants to come under `names.planned` before it is ordered");
        }
    }
}

fn custom_domains(site: &Site, tally: &mut Tally) {
    let domains = &site.names.custom_domains;
    if domains.is_empty() {
        tally.not_applicable(&EACH_DOMAIN, "the site has no custom domain");
    }
    for (place, domain) in domains.iter().enumerate() {
        let name = &domain.domain;
        let Some(files) = &domain.certificate else {
            tally.found(&EACH_DOMAIN, format!("no certificate is named for `{name}`"), "order one, and name its files beside the domain");
            continue;
        };
        let same = domains.iter().take(place).find(|other| other.certificate.as_ref().is_some_and(|own| own.files == files.files));
        match same {
            Some(other) => {
                let message = format!("`{name}` has the same files as `{}`", other.domain);
                tally.found(&EACH_DOMAIN, message, "order a certificate for each domain: they are stored apart");
            }
            None => tally.passed(&EACH_DOMAIN, name.clone()),
        }
    }
}

fn unique(leaf: Option<&[u8]>, others: &[Other], tally: &mut Tally) {
    if others.is_empty() {
        tally.not_applicable(&UNIQUE, "no other environment's certificate is named under `other_environments`");
    }
    for other in others {
        let name = &other.environment;
        match (&other.certificates, leaf) {
            (Err(why), _) => tally.could_not_run(&UNIQUE, format!("{name}: {why}")),
            (Ok(_), None) => tally.could_not_run(&UNIQUE, "the site's own certificate could not be read"),
            (Ok(certificates), Some(leaf)) if certificates.iter().any(|theirs| theirs == leaf) => {
                let message = format!("the environment `{name}` has the very same certificate");
                tally.found(&UNIQUE, message, "have a certificate issued for each environment: a key that leaks in one opens the other");
            }
            (Ok(certificates), Some(_)) => tally.passed(&UNIQUE, format!("{name}: {} other certificates", certificates.len())),
        }
    }
}
