//! Whom to trust: the Mozilla roots that are embedded in the binary, and private CAs' roots given beside them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::certificate::{Certificate, Origin};
use super::name::{Name, canonical_subject_of};

/// A set of trusted roots.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    mozilla: bool,
    own: Vec<Arc<Certificate>>,
    /// Given beside the private roots, and no roots themselves.
    beside: Vec<Arc<Certificate>>,
}

impl Roots {
    /// Mozilla's roots, which every public CA's certificates lead to.
    pub fn mozilla() -> Self {
        Self { mozilla: true, ..Self::default() }
    }

    /// No root at all, to be filled with private ones.
    pub fn none() -> Self {
        Self::default()
    }

    /// Trusts `given` as well, where it is self-signed. What is not is an intermediate that came in a bundle with its
    /// root: trusting it would end chains at it, and servers would not send it. It serves as a link of the chain.
    #[must_use]
    pub fn and(mut self, given: Arc<Certificate>) -> Self {
        let list = if given.is_self_issued() && given.is_signed_by(&given) { &mut self.own } else { &mut self.beside };
        list.push(given);
        self
    }

    /// Certificates that were given beside the private roots and are none.
    pub(crate) fn beside(&self) -> &[Arc<Certificate>] {
        &self.beside
    }

    /// All roots of that subject.
    pub(crate) fn named(&self, subject: &Name) -> Vec<Arc<Certificate>> {
        let own = self.own.iter().filter(|root| root.subject.canonical() == subject.canonical()).cloned();
        let embedded = self.mozilla.then(|| embedded().get(subject.canonical())).flatten();
        let parse = |der: &&'static [u8]| Certificate::from_der(der, Origin { file: "Mozilla's roots".to_owned(), ..Origin::default() });
        let public = embedded.into_iter().flatten().filter_map(|der| parse(der).ok()).map(Arc::new);
        own.chain(public).collect()
    }

    /// Whether it is one of them, by name and key.
    pub fn contains(&self, certificate: &Certificate) -> bool {
        self.named(&certificate.subject).iter().any(|root| root.public_key_info() == certificate.public_key_info())
    }

    /// Whether it is one of the private roots.
    pub(crate) fn is_private(&self, root: &Certificate) -> bool {
        self.own.iter().any(|own| own.as_ref() == root)
    }
}

/// The embedded roots by subject. Only names are read here: taking all of them apart would cost more than a whole run.
fn embedded() -> &'static HashMap<Vec<u8>, Vec<&'static [u8]>> {
    static INDEX: OnceLock<HashMap<Vec<u8>, Vec<&'static [u8]>>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut index: HashMap<Vec<u8>, Vec<&'static [u8]>> = HashMap::new();
        for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let der: &'static [u8] = root;
            if let Ok(subject) = canonical_subject_of(der) {
                index.entry(subject).or_default().push(der);
            }
        }
        index
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_root_can_be_read_and_found() {
        let roots = Roots::mozilla();
        let mut count = 0;
        for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let root = Certificate::from_der(der, Origin::default()).unwrap();
            assert!(roots.contains(&root), "{}", root.subject);
            assert!(root.is_ca() || root.extensions.ca.is_none(), "{}", root.subject);
            count += 1;
        }
        assert!(count > 100);
    }

    #[test]
    fn no_root_is_trusted_where_none_was_given() {
        let der: &[u8] = webpki_root_certs::TLS_SERVER_ROOT_CERTS.first().unwrap();
        assert!(!Roots::none().contains(&Certificate::from_der(der, Origin::default()).unwrap()));
    }
}
