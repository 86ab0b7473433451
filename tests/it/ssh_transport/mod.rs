//! SSH against real servers on loopback: the road through a jumphost, logins, host keys, sudo, shells, and what is no server.
//!
//! Needs root, OpenSSH's server, sudo, and the shells and SSH servers of other makes that `make test-deps` installs.

#![expect(clippy::disallowed_methods, reason = "sshd, ssh-keygen and useradd are programs; the clock here is the servers' clock")]

mod elevation;
mod faults;
mod identity;
mod interop;
mod road;
mod shells;
mod users;
mod world;
