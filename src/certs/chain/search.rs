//! The way from one certificate to a trusted root: breadth first, so that the shortest is found, each certificate
//! looked at once, so that circles end, and with a bound on work, so that a tangle made on purpose ends too.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::{ChainError, End, MissingIssuer};
use crate::certs::certificate::Certificate;
use crate::certs::name::Name;
use crate::certs::roots::Roots;

/// Most work, in RSA-2048 checks of some 25 µs: under two seconds. A chain of 10,000 links with such keys passes.
const WORK_LIMIT: u64 = 50_000;
/// What each further chain of one search may add: a few signatures of its own.
const WORK_PER_CHAIN: u64 = 10;
/// Answers known already that cost as much as one check.
const KNOWN_PER_CHECK: u64 = 32;

/// All certificates at hand, each once, found by subject.
pub(super) struct Pool<'a> {
    certificates: Vec<&'a Arc<Certificate>>,
    /// How many of them are from the files; those that came beside the roots follow.
    from_files: usize,
    by_subject: HashMap<&'a [u8], Vec<usize>>,
    /// Names that others give as their issuer.
    issuers: HashSet<&'a [u8]>,
}

impl<'a> Pool<'a> {
    /// Of the files' certificates, and of those that came beside the roots, which can be links of a chain and no more.
    pub(super) fn new(files: &'a [Arc<Certificate>], beside: &'a [Arc<Certificate>]) -> Self {
        let mut seen = HashSet::new();
        let certificates = Vec::with_capacity(files.len());
        let mut pool = Self { certificates, from_files: 0, by_subject: HashMap::new(), issuers: HashSet::new() };
        for (place, certificate) in files.iter().chain(beside).enumerate() {
            if seen.insert(certificate.fingerprint) {
                pool.by_subject.entry(certificate.subject.canonical()).or_default().push(pool.certificates.len());
                pool.certificates.push(certificate);
                pool.from_files += usize::from(place < files.len());
                if !certificate.is_self_issued() {
                    pool.issuers.insert(certificate.issuer.canonical());
                }
            }
        }
        pool
    }

    pub(super) fn get(&self, place: usize) -> Option<&'a Arc<Certificate>> {
        self.certificates.get(place).copied()
    }

    /// The files' own, each once.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a Arc<Certificate>> {
        self.certificates.iter().copied().take(self.from_files)
    }

    /// Whether another certificate says that this one's subject issued it.
    pub(super) fn is_named_as_issuer(&self, certificate: &Certificate) -> bool {
        self.issuers.contains(certificate.subject.canonical())
    }

    /// Where one that is in the pool stands there.
    pub(super) fn place_of(&self, certificate: &Certificate) -> Option<usize> {
        self.named(&certificate.subject).iter().copied().find(|place| self.get(*place).is_some_and(|one| **one == *certificate))
    }

    /// Whether there is another certificate of the same CA and key.
    pub(super) fn has_twin(&self, certificate: &Certificate) -> bool {
        let others = self.named(&certificate.subject).iter().filter_map(|place| self.get(*place));
        others.into_iter().any(|one| one.public_key_info() == certificate.public_key_info() && **one != *certificate)
    }

    fn named(&self, subject: &Name) -> &[usize] {
        self.by_subject.get(subject.canonical()).map_or(&[], Vec::as_slice)
    }
}

/// A way as far as it leads.
pub(super) struct Way {
    /// Places in the pool, leaf first, the root left out.
    pub(super) path: Vec<usize>,
    pub(super) end: End,
}

pub(super) struct Search<'a> {
    pool: &'a Pool<'a>,
    roots: &'a Roots,
    now: Timestamp,
    /// In parts of a check, as many as `KNOWN_PER_CHECK`.
    work: u64,
    /// In checks.
    limit: u64,
    /// A place in the pool that no way may lead through.
    without: Option<usize>,
    /// Signatures looked at already, by the fingerprints of what was signed and by whom: the second pass asks again.
    known: HashMap<([u8; 32], [u8; 32]), bool>,
}

/// What one step up from a certificate brings.
enum Step {
    Arrived(End),
    /// Issuers to go on with, and what the chain ends with should none of them lead to a trusted root.
    On(Vec<usize>, Option<End>),
}

impl<'a> Search<'a> {
    pub(super) fn new(pool: &'a Pool<'a>, roots: &'a Roots, now: Timestamp) -> Self {
        Self::for_many(pool, roots, now, 0)
    }

    /// For this many chains in turn.
    pub(super) fn for_many(pool: &'a Pool<'a>, roots: &'a Roots, now: Timestamp, chains: usize) -> Self {
        let limit = WORK_LIMIT + WORK_PER_CHAIN * chains as u64;
        Self { pool, roots, now, work: 0, limit, without: None, known: HashMap::new() }
    }

    /// From now on leads around one certificate.
    pub(super) fn go_around(&mut self, place: usize) {
        self.without = Some(place);
    }

    /// The shortest way to a trusted root through valid certificates; else the shortest at all; else one to a self-signed
    /// certificate, through valid ones where it can be; else the best of those that end nowhere.
    pub(super) fn run(&mut self, leaf: usize) -> Result<Way, ChainError> {
        let valid = self.breadth_first(leaf, true)?;
        if matches!(valid.end, End::Trusted { .. }) {
            return Ok(valid);
        }
        let any = self.breadth_first(leaf, false)?;
        let valid_is_better = matches!(valid.end, End::UntrustedRoot { .. }) && !matches!(any.end, End::Trusted { .. });
        Ok(if valid_is_better { valid } else { any })
    }

    fn breadth_first(&mut self, leaf: usize, only_valid: bool) -> Result<Way, ChainError> {
        let mut below: HashMap<usize, Option<usize>> = HashMap::from([(leaf, None)]);
        let mut waiting = VecDeque::from([leaf]);
        let mut best: Option<(u8, usize, End)> = None;
        while let Some(place) = waiting.pop_front() {
            let Some(certificate) = self.pool.get(place) else { continue };
            match self.step(certificate, only_valid)? {
                Step::Arrived(end) => return Ok(Way { path: path_to(place, &below), end }),
                Step::On(issuers, end) => {
                    for issuer in issuers {
                        below.entry(issuer).or_insert_with(|| {
                            waiting.push_back(issuer);
                            Some(place)
                        });
                    }
                    let ranked = end.map(|end| (rank(&end), place, end));
                    if let Some(ranked) = ranked.filter(|(rank, ..)| best.as_ref().is_none_or(|(other, ..)| rank < other)) {
                        best = Some(ranked);
                    }
                }
            }
        }
        let (_, place, end) = best.unwrap_or((u8::MAX, leaf, End::Circle));
        let mut path = path_to(place, &below);
        if let End::UntrustedRoot { .. } = end
            && path.len() > 1
        {
            path.pop();
        }
        Ok(Way { path, end })
    }

    fn step(&mut self, certificate: &Arc<Certificate>, only_valid: bool) -> Result<Step, ChainError> {
        for root in self.roots.named(&certificate.issuer) {
            // A root given as the leaf is its own root.
            if (root.is_valid_at(self.now) || !only_valid) && self.signed(certificate, &root)? {
                let private = self.roots.is_private(&root);
                // Of the two that are the same, people know the one in their files.
                let given = self.pool.named(&root.subject).iter().filter_map(|place| self.pool.get(*place)).find(|one| **one == root);
                let root = given.map_or_else(|| Arc::clone(&root), Arc::clone);
                return Ok(Step::Arrived(End::Trusted { root, given: given.is_some(), private }));
            }
        }
        let others = |place: &usize| Some(*place) != self.without && self.pool.get(*place) != Some(certificate);
        let mut named: Vec<usize> = self.pool.named(&certificate.issuer).iter().copied().filter(others).collect();
        // The fingerprint last, so that of two alike the same one is taken whatever the order of the files.
        named.sort_by_key(|place| {
            let rank = |issuer: &Arc<Certificate>| (!key_ids_agree(certificate, issuer), Reverse(issuer.not_after), issuer.fingerprint);
            self.pool.get(*place).map(rank)
        });
        let mut issuers = Vec::new();
        let mut not_a_ca = None;
        let mut passed_over = false;
        for place in &named {
            let Some(issuer) = self.pool.get(*place) else { continue };
            if only_valid && !issuer.is_valid_at(self.now) {
                passed_over = true;
            } else if self.signed(certificate, issuer)? {
                if issuer.is_ca() {
                    issuers.push(*place);
                } else {
                    not_a_ca = Some(Arc::clone(issuer));
                }
            }
        }
        // A cross-sign of a root in the files leads on from it, perhaps to a trusted one, perhaps nowhere.
        if certificate.is_self_issued() && self.signed(certificate, certificate)? {
            return Ok(Step::On(issuers, Some(End::UntrustedRoot { root: Arc::clone(certificate) })));
        }
        if !issuers.is_empty() {
            return Ok(Step::On(issuers, None));
        }
        let end = match not_a_ca {
            Some(signer) => End::NotACa { signed: Arc::clone(certificate), signer },
            None if named.is_empty() || passed_over => End::Missing(MissingIssuer::of(certificate)),
            None => End::NotSigned {
                missing: MissingIssuer::of(certificate),
                named: named.iter().filter_map(|place| self.pool.get(*place)).map(Arc::clone).collect(),
            },
        };
        Ok(Step::On(issuers, Some(end)))
    }

    /// Signatures that were checked.
    #[cfg(test)]
    pub(super) fn checks(&self) -> usize {
        self.known.len()
    }

    fn signed(&mut self, certificate: &Certificate, issuer: &Certificate) -> Result<bool, ChainError> {
        let pair = (certificate.fingerprint, issuer.fingerprint);
        let known = self.known.get(&pair).copied();
        self.work += if known.is_some() { 1 } else { KNOWN_PER_CHECK * issuer.key.verification_cost() };
        if self.work > KNOWN_PER_CHECK * self.limit {
            return Err(ChainError::TooTangled { limit: self.limit });
        }
        if let Some(known) = known {
            return Ok(known);
        }
        let signed = certificate.is_signed_by(issuer);
        self.known.insert(pair, signed);
        Ok(signed)
    }
}

/// Whether the issuer's key id is the one the certificate names; silence on either side counts as agreement.
pub(super) fn key_ids_agree(certificate: &Certificate, issuer: &Certificate) -> bool {
    match (&certificate.extensions.issuer_key_id, &issuer.extensions.key_id) {
        (Some(wanted), Some(had)) => wanted == had,
        _ => true,
    }
}

/// Which of several dead ends tells a person most; lower is better.
fn rank(end: &End) -> u8 {
    match end {
        End::Trusted { .. } => 0,
        End::UntrustedRoot { .. } => 1,
        End::NotACa { .. } => 2,
        End::NotSigned { .. } => 3,
        End::Missing(_) => 4,
        End::Circle => 5,
    }
}

fn path_to(place: usize, below: &HashMap<usize, Option<usize>>) -> Vec<usize> {
    let mut path = vec![place];
    let mut at = place;
    while let Some(Some(next)) = below.get(&at) {
        path.push(*next);
        at = *next;
    }
    path.reverse();
    path
}
