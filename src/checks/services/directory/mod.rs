//! A directory as a connector meets it: a bind with its account and two searches, over a stream that the caller opened
//! (RFC 4511). These requests are all that is wanted, so that they are written out here rather than taken from a client library,
//! none of which takes a stream of ours.

mod advice;
mod ber;
mod dialogue;

pub use advice::{distrusted, no_tls};
pub use dialogue::{Account, Directory, DirectoryError, bind, search, search_groups};
