//! Which certificate is the server's: not the first, not the one the file is named after, but the one that is no
//! CA, fits the key and covers the names.

use std::sync::Arc;

use jiff::Timestamp;

use super::search::Pool;
use super::{ChainError, LeafSelection};
use crate::certs::certificate::Certificate;
use crate::certs::read::Bag;
use crate::certs::review::covers;

/// Its place in the pool.
pub(super) fn select(pool: &Pool<'_>, bag: &Bag, selection: LeafSelection<'_>, now: Timestamp) -> Result<usize, ChainError> {
    let candidates = candidates(pool, bag)?;
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

/// Those that could be the server's: no CAs; where there are only CAs, one that fits a key, or the only one there is,
/// since self-made certificates often call themselves a CA.
fn candidates(pool: &Pool<'_>, bag: &Bag) -> Result<Vec<usize>, ChainError> {
    let places = |wanted: &dyn Fn(&Certificate) -> bool| -> Vec<usize> {
        pool.iter().enumerate().filter(|(_, certificate)| wanted(certificate)).map(|(place, _)| place).collect()
    };
    let authorities: Vec<Arc<Certificate>> = pool.iter().map(Arc::clone).collect();
    if authorities.is_empty() {
        return Err(ChainError::NoCertificate);
    }
    // One that others name as their issuer is a CA certificate gone wrong, or an old root without basicConstraints.
    let servers = places(&|certificate| certificate.extensions.ca != Some(true) && !pool.is_named_as_issuer(certificate));
    let servers = if servers.is_empty() { places(&|certificate| bag.keys.iter().any(|key| key.fits(certificate))) } else { servers };
    match (servers.is_empty(), authorities.as_slice()) {
        (true, [only]) if only.extensions.dns_names().next().is_some() || only.is_self_issued() => Ok(vec![0]),
        (true, _) => Err(ChainError::NoServerCertificate { authorities }),
        (false, _) => Ok(servers),
    }
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
    if let Ok(candidates) = candidates(pool, bag) {
        return candidates;
    }
    let everything: Vec<usize> = pool.iter().enumerate().map(|(place, _)| place).collect();
    narrow(everything, |place| pool.get(*place).is_some_and(|one| !pool.is_named_as_issuer(one)))
}
