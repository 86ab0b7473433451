//! The one integration binary: a module a capability.

mod checks;
