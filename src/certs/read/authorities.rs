//! Files that are to hold CA certificates and nothing else: what is taken from them goes to machines, where anybody may
//! read it.

use std::sync::Arc;

use super::{Bag, NoPasswords, Source, pem, read};
use crate::certs::certificate::Certificate;

/// Why a file is none of CA certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAuthorities {
    /// There is a private key in it, whatever else there is.
    #[error("holds a private key")]
    PrivateKey,
    /// There is no certificate in it.
    #[error("holds no certificate")]
    NoCertificate,
}

impl NotAuthorities {
    /// What to do next.
    pub fn help(self) -> &'static str {
        match self {
            Self::PrivateKey => {
                "name a file with the CA's certificate alone: what stands here goes to machines where others read it, and a private key must not"
            }
            Self::NoCertificate => "name a file with the CA's certificate; `portcullis cert inspect FILE` shows what is in one",
        }
    }
}

/// The certificates of a file of any shape, in its order. A file with a private key in it is refused as a whole: whoever named
/// it meant another one.
pub fn authorities(source: Source) -> Result<Vec<Arc<Certificate>>, NotAuthorities> {
    // A key of a kind that is not read here is one all the same.
    let says_so = pem::text_of(&source.bytes).contains("PRIVATE KEY-----");
    let Bag { certificates, keys, unread_keys, .. } = read(&[source], &NoPasswords);
    if says_so || !keys.is_empty() || unread_keys > 0 {
        return Err(NotAuthorities::PrivateKey);
    }
    if certificates.is_empty() { Err(NotAuthorities::NoCertificate) } else { Ok(certificates) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(name: &str) -> Vec<u8> {
        std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-examples/good/ecdsa").join(name)).unwrap()
    }

    fn judged(bytes: Vec<u8>) -> Result<usize, NotAuthorities> {
        authorities(Source { name: "ca".to_owned(), bytes }).map(|certificates| certificates.len())
    }

    #[test]
    fn a_private_key_bars_the_file_wherever_it_stands() {
        let (chain, key) = (example("chain.pem"), example("server.key"));
        let count = judged(chain.clone()).unwrap();
        assert!(count > 0);
        for bytes in [key.clone(), [chain.clone(), key.clone()].concat(), [key, chain.clone()].concat()] {
            assert_eq!(judged(bytes), Err(NotAuthorities::PrivateKey));
        }
        let odd = [chain, b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n".to_vec()].concat();
        assert_eq!(judged(odd), Err(NotAuthorities::PrivateKey));
        assert_eq!(judged(b"site: corp\n".to_vec()), Err(NotAuthorities::NoCertificate));
    }
}
