//! Certificates: whatever the CA sent becomes a right PFX, or the reason why not.
//!
//! [`read()`] takes files of any shape apart; [`build_chain`] finds the server's certificate and its way to a trusted
//! root; [`review()`] looks for everything that is wrong; [`pfx`] writes and explains PFX files; [`csr`] asks for the next
//! certificate. All of it is pure: bytes in, typed values out. No network, no files, and `now` is passed in.

mod algorithm;
mod asn1;
mod certificate;
mod chain;
pub mod csr;
mod extensions;
mod key;
mod name;
pub mod pfx;
mod read;
mod review;
mod roots;
mod verdict;

#[cfg(test)]
pub(crate) mod testing;

pub use algorithm::{KeyKind, SignatureAlgorithm};
pub use asn1::Asn1Error;
pub use certificate::{Certificate, CertificateError, Origin, SubjectName};
pub use chain::{Chain, ChainError, Chains, Choose, End, LeafSelection, MissingIssuer, all_chains, build_chain, is_http};
pub use extensions::{Extensions, KeyUsage, SERVER_AUTH};
pub use key::{Key, KeyError};
pub use name::Name;
pub(crate) use name::{deceives, printable};
pub use read::{Bag, MAX_CERTIFICATES, MAX_FILE, MAX_KEYS, NoPasswords, NotAuthorities, Passwords, Source, authorities, read};
pub use review::{Demands, Elsewhere, covers, host_name, review, review_without_chain};
pub use roots::Roots;
