//! The roots a verdict rests on: Mozilla's, those the site names, or both. Never the operator's own store,
//! so that two operators get one verdict.

use std::fmt;

use openssl::error::ErrorStack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509PurposeId, X509Ref, X509VerifyResult};

/// Why roots could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The bytes hold no certificate that can be read.
    #[error("no readable PEM certificate in {origin}")]
    Unreadable {
        /// The file, or where else they came from.
        origin: String,
        /// OpenSSL's reason.
        source: ErrorStack,
    },
    /// The file is readable and holds no certificate.
    #[error("{origin} holds no certificate")]
    Empty {
        /// The file, or where else they came from.
        origin: String,
    },
}

impl RootsError {
    /// What to do next.
    pub fn help(&self) -> String {
        let (Self::Unreadable { origin, .. } | Self::Empty { origin }) = self;
        format!("look at it with `portcullis cert inspect {origin}`; what is wanted is the CA's own certificate in PEM form")
    }
}

/// Certificates that end a chain.
#[derive(Clone, Default)]
pub struct Roots {
    certificates: Vec<X509>,
}

impl fmt::Debug for Roots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Roots({})", self.certificates.len())
    }
}

impl Roots {
    /// No root at all; add the site's own with [`Roots::with_pem`].
    pub fn none() -> Self {
        Self::default()
    }

    /// The roots that Mozilla's programme trusts for servers: what a user's browser knows.
    pub fn public() -> Self {
        // A root that this OpenSSL cannot read could not end a chain either.
        let certificates = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| X509::from_der(der).ok()).collect();
        Self { certificates }
    }

    /// These roots and all certificates of a PEM text, which came from `origin`.
    pub fn with_pem(mut self, pem: &[u8], origin: &str) -> Result<Self, RootsError> {
        let more = X509::stack_from_pem(pem).map_err(|source| RootsError::Unreadable { origin: origin.to_owned(), source })?;
        if more.is_empty() {
            return Err(RootsError::Empty { origin: origin.to_owned() });
        }
        self.certificates.extend(more);
        Ok(self)
    }

    /// Whether this very certificate is one of the roots.
    pub(super) fn hold(&self, certificate: &X509Ref) -> bool {
        self.certificates.iter().any(|root| (root.as_ref() as &X509Ref).to_der().ok() == certificate.to_der().ok())
    }

    /// Whether a root signed this certificate, judged by names and key ids.
    pub(super) fn issued(&self, certificate: &X509Ref) -> bool {
        self.certificates.iter().any(|root| root.issued(certificate) == X509VerifyResult::OK)
    }

    /// A store for one verification, as of `now`, for server certificates.
    pub(super) fn store(&self, now: jiff::Timestamp) -> Result<X509Store, ErrorStack> {
        let mut param = X509VerifyParam::new()?;
        param.set_time(now.as_second());
        param.set_purpose(X509PurposeId::SSL_SERVER)?;
        // As today's clients: no RSA below 2048 bits, no SHA-1 (OpenSSL's security level 2).
        param.set_auth_level(2);
        let mut store = X509StoreBuilder::new()?;
        store.set_param(&param)?;
        for root in &self.certificates {
            store.add_cert(root.clone())?;
        }
        Ok(store.build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_roots_are_all_readable() {
        assert_eq!(Roots::public().certificates.len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let error = Roots::none().with_pem(b"not a certificate\n", "ca/proxy.pem").unwrap_err();
        assert!(error.to_string().contains("ca/proxy.pem"), "{error}");
        assert!(error.help().contains("ca/proxy.pem"));
    }
}
