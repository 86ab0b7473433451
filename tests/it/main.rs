//! Everything that is tested from outside, a module a capability.

#[cfg(test)]
mod access;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod init;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod playbooks;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod postgres_server;
#[cfg(test)]
mod road;
#[cfg(test)]
mod seen;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod site_file;
#[cfg(test)]
mod ssh_transport;
#[cfg(test)]
mod verify;
