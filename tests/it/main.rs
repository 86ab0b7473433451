//! Everything that is tested from outside, a module a capability.

mod checks;
mod init;
mod layers;
mod ledger;
mod road;
mod site_file;
mod ssh_transport;
