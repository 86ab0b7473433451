//! Whether a file is of the kind that its place in the site file wants.

use std::path::Path;

use zeroize::Zeroizing;

use crate::certs::{MAX_FILE, Source, authorities};
use crate::ssh::{is_known_hosts, is_private_key};

/// What a file has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// CA certificates and nothing else.
    Authorities,
    /// A private key that SSH can log in with.
    Identity,
    /// Host keys.
    KnownHosts,
    /// Whatever it is, another rule looks into it.
    Other,
}

/// Why `path` does not hold what it has to, and what to do; `None` where it does, and where it cannot be read.
pub fn misfit(content: Content, path: &Path) -> Option<(String, &'static str)> {
    if content == Content::Other || path.metadata().ok()?.len() > MAX_FILE as u64 {
        return None;
    }
    let bytes = Zeroizing::new(std::fs::read(path).ok()?);
    let text = || Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    match content {
        Content::Authorities => {
            let source = Source { name: path.display().to_string(), bytes: bytes.to_vec() };
            authorities(source).err().map(|why| (why.to_string(), why.help()))
        }
        Content::Identity => {
            let help = "name the private key's own file, the one without .pub; a key of an ssh-agent needs no file";
            (!is_private_key(&text())).then(|| ("holds no private key".to_owned(), help))
        }
        Content::KnownHosts => {
            let help = "name a file as `ssh-keyscan` and `ssh` write it: HOST ALGORITHM KEY, one a line";
            (!is_known_hosts(&text())).then(|| ("holds no host key".to_owned(), help))
        }
        Content::Other => None,
    }
}
