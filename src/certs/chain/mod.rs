//! From a bag of certificates to one chain: which is the server's, and who signed whom up to a trusted root.
//!
//! Signatures decide, names only say where to look. Input order, duplicates, cross-signs and certificates that do
//! not belong make no difference to the result.

mod leaf;
mod search;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::certificate::{Certificate, hex};
use super::key::Key;
use super::name::Name;
use super::read::Bag;
use super::review::is_accepted;
use super::roots::Roots;

/// Asks a person which certificate is meant; takes those that could be, gives a place among them.
pub type Choose<'a> = dyn Fn(&[Arc<Certificate>]) -> Option<usize> + 'a;

/// How the server's certificate is picked where there are several.
#[derive(Clone, Copy, Default)]
pub struct LeafSelection<'a> {
    /// Names that it must cover.
    pub names: &'a [String],
    /// The person to ask where there is still a choice.
    pub choose: Option<&'a Choose<'a>>,
}

impl fmt::Debug for LeafSelection<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LeafSelection").field("names", &self.names).field("asks", &self.choose.is_some()).finish()
    }
}

/// A chain, from the server's certificate upwards, as far as it goes.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The server's certificate.
    pub leaf: Arc<Certificate>,
    /// Its intermediates, each signed by the next.
    pub intermediates: Vec<Arc<Certificate>>,
    /// Where it ends.
    pub end: End,
    /// Certificates of no use to it: strangers, other ways to a root, other servers'.
    pub extra: Vec<Arc<Certificate>>,
    /// The private key that fits the leaf.
    pub key: Option<Arc<Key>>,
}

/// How a chain ends.
#[derive(Debug, Clone)]
pub enum End {
    /// At a trusted root.
    Trusted {
        /// The root.
        root: Arc<Certificate>,
        /// Whether it was among the files.
        given: bool,
        /// Whether it is one of the private roots.
        private: bool,
    },
    /// At a self-signed certificate that is not trusted; the leaf itself where `root` equals it.
    UntrustedRoot {
        /// The self-signed certificate.
        root: Arc<Certificate>,
    },
    /// At a certificate whose issuer is not at hand.
    Missing(MissingIssuer),
    /// Certificates of the issuer's name are at hand, and none of them signed.
    NotSigned {
        /// What is missing instead.
        missing: MissingIssuer,
        /// Those of the right name.
        named: Vec<Arc<Certificate>>,
    },
    /// The one who signed was not allowed to.
    NotACa {
        /// What was signed.
        signed: Arc<Certificate>,
        /// By whom.
        signer: Arc<Certificate>,
    },
    /// The certificates sign each other in a circle.
    Circle,
}

/// A certificate that is needed and not at hand.
#[derive(Debug, Clone)]
pub struct MissingIssuer {
    /// Its subject.
    pub name: Name,
    /// Its key id, where the certificate below says.
    pub key_id: Option<Vec<u8>>,
    /// Where it can be had, where the certificate below says (AIA).
    pub urls: Vec<String>,
    /// The certificate below.
    pub wanted_by: Arc<Certificate>,
}

impl MissingIssuer {
    fn of(certificate: &Arc<Certificate>) -> Self {
        Self {
            name: certificate.issuer.clone(),
            key_id: certificate.extensions.issuer_key_id.clone(),
            urls: certificate.extensions.issuer_urls.clone(),
            wanted_by: Arc::clone(certificate),
        }
    }

    /// Where `--fetch-missing` can get it: the first address of HTTP, without or with TLS.
    pub fn url(&self) -> Option<&str> {
        self.urls.iter().map(String::as_str).find(|url| is_http(url))
    }

    /// The key id as tools show it, or that there is none.
    pub fn key_id_text(&self) -> String {
        self.key_id.as_ref().map_or_else(|| "not stated".to_owned(), |id| hex(id, ":"))
    }
}

/// Whether an address is one of HTTP; the scheme's case does not count (RFC 3986, 3.1).
pub fn is_http(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
}

/// Why there is no chain to speak of.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// The files hold no certificate.
    #[error("there is no certificate in the files given")]
    NoCertificate,
    /// CA certificates alone.
    #[error("the files hold CA certificates alone ({}), and not the server's own", list(.authorities))]
    NoServerCertificate {
        /// The CA certificates.
        authorities: Vec<Arc<Certificate>>,
    },
    /// More than one certificate could be the server's.
    #[error("the files hold {} server certificates, and it is not clear which one is meant: {}", .candidates.len(), list(.candidates))]
    SeveralServerCertificates {
        /// Those that could be meant.
        candidates: Vec<Arc<Certificate>>,
    },
    /// A tangle of signatures made to waste time.
    #[error("the certificates are too tangled: following their signatures takes more than {limit} checks")]
    TooTangled {
        /// The limit on work, in RSA-2048 checks.
        limit: u64,
    },
}

impl ChainError {
    /// What to do next.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoCertificate => "give the certificate that the CA issued, and its intermediates",
            Self::NoServerCertificate { .. } => "add the file with the certificate that was issued for the server's names",
            Self::SeveralServerCertificates { .. } => {
                "name the one that is meant: give its private key (`--key FILE`) or a name that only it covers (`--name DNS`), or leave the other files out"
            }
            Self::TooTangled { .. } => "give the server's certificate and its intermediates alone",
        }
    }
}

fn list(certificates: &[Arc<Certificate>]) -> String {
    const SHOWN: usize = 5;
    let text = certificates
        .iter()
        .take(SHOWN)
        .map(|certificate| {
            let names: Vec<&str> = certificate.extensions.dns_names().take(3).collect();
            let names = if names.is_empty() { certificate.subject.short() } else { names.join(", ") };
            format!("{names} (valid to {}, {})", certificate.not_after.strftime("%F"), certificate.origin)
        })
        .collect::<Vec<_>>()
        .join("; ");
    if certificates.len() > SHOWN {
        return format!("{text}; and {} more", certificates.len() - SHOWN);
    }
    text
}

/// Finds the server's certificate in the bag and the shortest way from it to a trusted root, at the time `now`.
///
/// Ways through certificates that are valid at `now` go before others.
pub fn build_chain(bag: &Bag, roots: &Roots, selection: LeafSelection<'_>, now: Timestamp) -> Result<Chain, ChainError> {
    let pool = search::Pool::new(&bag.certificates, roots.beside());
    let leaf = leaf::select(&pool, bag, selection, now)?;
    let mut search = search::Search::new(&pool, roots, now);
    let mut chain = chain_from(&pool, bag, leaf, &mut search)?;
    for place in detours(&pool, &chain) {
        // All together have the time of one search, and what the first one saw is known.
        search.go_around(place);
        let Ok(other) = chain_from(&pool, bag, leaf, &mut search) else { break };
        if matches!(other.end, End::Trusted { .. }) && is_accepted(&other) {
            chain = other;
            break;
        }
    }
    chain.extra = unused(&pool, std::slice::from_ref(&chain));
    Ok(chain)
}

/// Most detours that are tried: chains have two or three intermediates.
const MAX_DETOURS: usize = 4;
/// Longest chain for which any is: whether clients take it, OpenSSL is asked for each.
const LONGEST_DETOUR: usize = 16;

/// Intermediates to go around, where clients refuse the shortest way for what they say (a path length, name constraints)
/// and another certificate of the same CA and key is at hand, which may say something else.
fn detours(pool: &search::Pool<'_>, chain: &Chain) -> Vec<usize> {
    let places = chain.intermediates.iter().filter_map(|used| pool.place_of(used).filter(|_| pool.has_twin(used)));
    let places: Vec<usize> = places.take(MAX_DETOURS).collect();
    if places.is_empty() || chain.intermediates.len() > LONGEST_DETOUR || !matches!(chain.end, End::Trusted { .. }) || is_accepted(chain) {
        Vec::new()
    } else {
        places
    }
}

/// Every chain in the bag, one for each certificate that could be a server's; where there is none, one for each CA
/// certificate that issued no other. For display: `extra` is empty in each.
pub fn all_chains(bag: &Bag, roots: &Roots, now: Timestamp) -> Chains {
    let pool = search::Pool::new(&bag.certificates, roots.beside());
    let mut found = Chains { chains: Vec::new(), unused: Vec::new(), tangled: None };
    let tips = leaf::tips(&pool, bag);
    // One search for all, so that what they have in common is checked once, and all together end in time.
    let mut search = search::Search::for_many(&pool, roots, now, tips.len());
    for leaf in tips {
        match chain_from(&pool, bag, leaf, &mut search) {
            Ok(chain) => found.chains.push(chain),
            Err(error) => {
                found.tangled = Some(error);
                break;
            }
        }
    }
    found.unused = unused(&pool, &found.chains);
    found
}

/// All chains of a bag, as far as they can be followed.
#[derive(Debug, Clone)]
pub struct Chains {
    /// The chains.
    pub chains: Vec<Chain>,
    /// Certificates that are in none of them.
    pub unused: Vec<Arc<Certificate>>,
    /// Why not all could be followed.
    pub tangled: Option<ChainError>,
}

fn chain_from(pool: &search::Pool<'_>, bag: &Bag, leaf: usize, search: &mut search::Search<'_>) -> Result<Chain, ChainError> {
    let way = search.run(leaf)?;
    let certificate = |place: &usize| pool.get(*place).map(Arc::clone);
    let leaf = certificate(&leaf).ok_or(ChainError::NoCertificate)?;
    let key = bag.keys.iter().find(|key| key.fits(&leaf)).cloned();
    let intermediates: Vec<Arc<Certificate>> = way.path.iter().skip(1).filter_map(certificate).collect();
    Ok(Chain { leaf, intermediates, end: way.end, extra: Vec::new(), key })
}

/// Certificates of the files that are in none of the chains.
fn unused(pool: &search::Pool<'_>, chains: &[Chain]) -> Vec<Arc<Certificate>> {
    let used: HashSet<[u8; 32]> = chains.iter().flat_map(|chain| chain.whole().map(|one| one.fingerprint)).collect();
    pool.iter().filter(|one| !used.contains(&one.fingerprint)).map(Arc::clone).collect()
}

impl Chain {
    /// Leaf and intermediates, as a server sends them; the root is not among them.
    pub fn served(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        std::iter::once(&self.leaf).chain(&self.intermediates)
    }

    /// Leaf, intermediates, and the root where it is known.
    pub fn whole(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        self.served().chain(self.root().filter(|root| **root != self.leaf))
    }

    /// The root, trusted or not, where the chain reaches one.
    pub fn root(&self) -> Option<&Arc<Certificate>> {
        match &self.end {
            End::Trusted { root, .. } | End::UntrustedRoot { root } => Some(root),
            End::Missing(_) | End::NotSigned { .. } | End::NotACa { .. } | End::Circle => None,
        }
    }

    /// Whether it has no hole: it reaches a self-signed certificate, trusted or not.
    pub fn is_whole(&self) -> bool {
        self.root().is_some()
    }

    /// Leaf and intermediates as PEM, in the order in which servers such as nginx want them.
    pub fn to_pem(&self) -> String {
        self.served().map(|certificate| certificate.to_pem()).collect()
    }

    /// The issuer to fetch, where one is missing.
    pub fn missing(&self) -> Option<&MissingIssuer> {
        match &self.end {
            End::Missing(missing) | End::NotSigned { missing, .. } => Some(missing),
            End::Trusted { .. } | End::UntrustedRoot { .. } | End::NotACa { .. } | End::Circle => None,
        }
    }
}

#[cfg(test)]
mod tests;
