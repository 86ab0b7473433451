//! Which certificate is the server's: not the first, not the one the file is named after, but the one that is no
//! CA, fits the key and covers the names.

use std::sync::Arc;

use jiff::Timestamp;

use super::search::Pool;
use super::{ChainError, LeafSelection};
use crate::certs::certificate::Certificate;
use crate::certs::read::Bag;
use crate::certs::review::{covers, host_name};

/// Its place in the pool.
pub(super) fn select(pool: &Pool<'_>, bag: &Bag, selection: LeafSelection<'_>, now: Timestamp) -> Result<usize, ChainError> {
    let candidates = candidates(pool, bag, selection.names)?;
    let certificate = |place: &usize| pool.get(*place);
    let narrowed = narrow(candidates, |place| certificate(place).is_some_and(|one| bag.keys.iter().any(|key| key.fits(one))));
    let names = selection.names;
    let narrowed =
        narrow(narrowed, |place| certificate(place).is_some_and(|one| !names.is_empty() && names.iter().all(|name| covers(one, name))));
    let narrowed = narrow(narrowed, |place| certificate(place).is_some_and(|one| one.is_valid_at(now)));
    if let [only] = narrowed.as_slice() {
        return Ok(*only);
    }
    let shown: Vec<Arc<Certificate>> = narrowed.iter().filter_map(certificate).map(Arc::clone).collect();
    let chosen = selection.choose.and_then(|choose| choose(&shown));
    match chosen.and_then(|chosen| narrowed.get(chosen)) {
        Some(place) => Ok(*place),
        None => Err(ChainError::SeveralServerCertificates { candidates: shown }),
    }
}

/// Those that could be the server's: no CAs, unless it is a CA alone that covers an asked name or fits a key. Where there
/// are only CAs, one that fits a key, covers a name, or is the only one there is and is for a host.
fn candidates(pool: &Pool<'_>, bag: &Bag, names: &[String]) -> Result<Vec<usize>, ChainError> {
    let places = |wanted: &dyn Fn(&Certificate) -> bool| -> Vec<usize> {
        pool.iter().enumerate().filter(|(_, certificate)| wanted(certificate)).map(|(place, _)| place).collect()
    };
    let authorities: Vec<Arc<Certificate>> = pool.iter().map(Arc::clone).collect();
    if authorities.is_empty() {
        return Err(ChainError::NoCertificate);
    }
    let fits = |certificate: &Certificate| bag.keys.iter().any(|key| key.fits(certificate));
    let covers_one = |certificate: &Certificate| names.iter().any(|name| covers(certificate, name));
    let meant = |certificate: &Certificate| fits(certificate) || covers_one(certificate);
    // One that others name as their issuer is a CA certificate gone wrong, or an old root without basicConstraints.
    let servers = places(&|certificate| certificate.extensions.ca != Some(true) && !pool.is_named_as_issuer(certificate));
    let asked = !bag.keys.is_empty() || !names.is_empty();
    if asked && !servers.iter().filter_map(|place| pool.get(*place)).any(|one| meant(one)) {
        let server_names = |one: &Certificate| one.extensions.dns_names().next().is_some() && !pool.is_named_as_issuer(one);
        for wanted in [&(|one: &Certificate| server_names(one) && meant(one)) as &dyn Fn(&Certificate) -> bool, &fits, &covers_one] {
            let found = places(wanted);
            // Beside a server's certificate, a CA's key is a mistake, which is told of elsewhere.
            if !found.is_empty() {
                return Ok(found);
            }
            if !servers.is_empty() {
                return Ok(servers);
            }
        }
    }
    match (servers.is_empty(), authorities.as_slice()) {
        (true, [only]) if is_for_a_host(only) => Ok(vec![0]),
        (true, _) => Err(ChainError::NoServerCertificate { authorities }),
        (false, _) => Ok(servers),
    }
}

/// Whether it says that it is for a host: by its names, or, as self-made ones do, by its common name.
fn is_for_a_host(certificate: &Certificate) -> bool {
    let common = certificate.subject.common_name().filter(|name| name.contains('.')).and_then(host_name);
    certificate.extensions.dns_names().next().is_some() || common.is_some()
}

/// The candidates that pass; all of them where none does.
fn narrow(candidates: Vec<usize>, passes: impl Fn(&usize) -> bool) -> Vec<usize> {
    if candidates.len() < 2 {
        return candidates;
    }
    let passing: Vec<usize> = candidates.iter().copied().filter(|place| passes(place)).collect();
    if passing.is_empty() { candidates } else { passing }
}

/// Where chains begin, for display: the servers' certificates, else CA certificates that issued no other, else all.
pub(super) fn tips(pool: &Pool<'_>, bag: &Bag) -> Vec<usize> {
    if let Ok(candidates) = candidates(pool, bag, &[]) {
        return candidates;
    }
    let everything: Vec<usize> = pool.iter().enumerate().map(|(place, _)| place).collect();
    narrow(everything, |place| pool.get(*place).is_some_and(|one| !pool.is_named_as_issuer(one)))
}
