//! Everything that is tested from outside, a module a capability.

mod layers;
mod ledger;
mod site_file;
mod ssh_transport;
