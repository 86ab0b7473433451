//! A second pair of eyes: a window is asked for in a signed request, and other persons' signatures release it.
//!
//! Pure: bytes and keys in, a verdict out. A request is one canonical text, signed by who asks; an approval is another
//! person's signature over that same text, so that it binds every field of it and ends with its span. Both are made and
//! looked at by plain `ssh-keygen -Y sign` and `-Y verify` as well.

mod book;
mod release;
mod request;

pub use book::{Asked, Fate, details_of_approval, details_of_request, read_requests};
pub use release::{Objection, Refused, Release, may_approve, release};
pub use request::{Difference, RequestError, SignedRequest, WindowRequest};

/// The purpose of a requester's signature (`ssh-keygen -Y sign -n …`).
pub const REQUEST_NAMESPACE: &str = "window-request@portcullis";
/// The purpose of an approver's signature.
pub const APPROVAL_NAMESPACE: &str = "window-approval@portcullis";

#[cfg(test)]
mod tests;
