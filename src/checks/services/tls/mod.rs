//! TLS as a client of the appliance meets it: one handshake for each name, the chain recorded as it was
//! served, and judged from what was served alone, the way a client without a cache must.

mod handshake;
mod review;
mod roots;
mod verdict;

pub use crate::checks::catalogue::front::served::{
    EXPIRED, EXPIRES_SOON, EXTRA, HANDSHAKE, HANDSHAKES as CHECKS, INCOMPLETE, NAME_MISSING, NOT_YET_VALID, ORDER, OTHER, REFUSED,
    ROOT_INCLUDED, SELF_SIGNED, UNTRUSTED_ROOT, VERSION,
};
pub use handshake::{Hello, Served, TlsProbeError, danger_handshake, probe};
pub use review::{Expected, outcomes, review_served};
pub use roots::{Roots, RootsError};
pub use verdict::{Distrust, covers, judge, presented_names, top_issuer};
