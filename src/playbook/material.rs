//! What all nodes of a site share and what costs to make: the certificate's chain and key, the PFX, the mail
//! password, CA certificates. Made once a command, whatever the number of nodes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Makes the PFX with a password; written by one implementation and read back by another before it is given out.
pub type MakePfx = Box<dyn Fn(&SecretString) -> Result<Zeroizing<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> + Send + Sync>;

/// The site's certificate, ready for installation.
pub struct TlsMaterial {
    /// Leaf, then its issuers, without the root.
    pub chain_pem: String,
    /// The root that the chain ends at; empty where it is not known.
    pub root_pem: String,
    /// The private key, PKCS#8.
    pub key_pem: Zeroizing<String>,
    /// Changes when certificates, key, profile or a given password change; tells nothing about them.
    pub identity: String,
    /// The chain as a server has to send it: DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// When the leaf ends.
    pub not_after: jiff::Timestamp,
    /// The PFX's password from the site; `None`: a random one.
    pub password: Option<SecretString>,
    make_pfx: MakePfx,
    made: Mutex<Option<Pfx>>,
}

/// Chain and key as nginx reads them.
#[derive(Default)]
pub struct CertificateText {
    /// Leaf, then its issuers, without the root.
    pub chain_pem: String,
    /// The root that the chain ends at; empty where it is not known.
    pub root_pem: String,
    /// The private key, PKCS#8.
    pub key_pem: Zeroizing<String>,
    /// The same certificates, DER, in the same order.
    pub chain: Vec<Vec<u8>>,
    /// When the leaf ends.
    pub not_after: jiff::Timestamp,
}

impl fmt::Debug for CertificateText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CertificateText").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

/// A PFX with its password.
#[derive(Clone)]
pub struct Pfx {
    /// The file.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Its password.
    pub password: SecretString,
}

impl fmt::Debug for Pfx {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pfx").finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsMaterial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TlsMaterial").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// The PFX could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the PFX")]
pub struct PfxFailed {
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl TlsMaterial {
    /// Material whose PFX is made by `make_pfx` when the first node needs it.
    pub fn new(text: CertificateText, identity: String, password: Option<SecretString>, make_pfx: MakePfx) -> Self {
        let CertificateText { chain_pem, root_pem, key_pem, chain, not_after } = text;
        Self { chain_pem, root_pem, key_pem, identity, chain, not_after, password, make_pfx, made: Mutex::default() }
    }

    /// The PFX, the same for every node of this command.
    pub fn pfx(&self) -> Result<Pfx, PfxFailed> {
        // Held while it is made: nodes are planned side by side, and all but one would make it in vain.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pfx) = &*made {
            return Ok(pfx.clone());
        }
        let password = match &self.password {
            Some(password) => password.clone(),
            None => random_password().map_err(|source| PfxFailed { source: source.into() })?,
        };
        let bytes = (self.make_pfx)(&password).map_err(|source| PfxFailed { source })?;
        Ok(made.insert(Pfx { bytes, password }).clone())
    }
}

/// Mail login and whom to trust.
pub struct SmtpMaterial {
    /// The password.
    pub password: SecretString,
    /// Private CAs of the mail server; empty: the system's.
    pub ca_pem: String,
}

impl fmt::Debug for SmtpMaterial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SmtpMaterial").finish_non_exhaustive()
    }
}

/// Everything shared.
#[derive(Debug, Default)]
pub struct Material {
    /// The certificate, where the site has one.
    pub tls: Option<TlsMaterial>,
    /// Mail, where the site has a server.
    pub smtp: Option<SmtpMaterial>,
    /// The proxy's CA certificates, each as PEM.
    pub proxy_cas: Vec<String>,
    /// The CA certificates of each connector's directory, by the connector's name.
    pub directory_cas: BTreeMap<String, Vec<String>>,
    /// CA certificates of `trust` steps with files of their own, by the step's name, each as PEM.
    pub own_cas: BTreeMap<String, Vec<String>>,
    /// Local files of `file` steps, by the name they have there.
    pub files: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

/// 160 random bits as 32 letters and digits that survive every input field (RFC 4648 base32, lower case).
pub fn random_password() -> Result<SecretString, openssl::error::ErrorStack> {
    const ALPHABET: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
        '2', '3', '4', '5', '6', '7',
    ];
    let mut bytes = Zeroizing::new([0u8; 32]);
    openssl::rand::rand_bytes(bytes.as_mut())?;
    let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
    Ok(SecretString::from(letters.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_pfx_is_made_once_for_nodes_that_are_planned_side_by_side() {
        let times = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&times);
        let make = move |_: &SecretString| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(Zeroizing::new(b"a pfx".to_vec()))
        };
        let tls = TlsMaterial::new(CertificateText::default(), String::new(), None, Box::new(make));
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| tls.pfx().unwrap()))));
        assert_eq!(times.load(Ordering::SeqCst), 1);
    }
}
