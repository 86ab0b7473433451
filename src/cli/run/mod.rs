//! What `apply`, `rollback` and `status` have in common: the right to change a site, runs that were broken off, how a run ended.

pub(super) mod back;
pub(super) mod ending;
pub(super) mod lease;
pub(super) mod settle;
pub(super) mod takeup;
