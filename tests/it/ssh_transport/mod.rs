//! SSH against real servers on loopback: the road through a jumphost, logins, host keys, sudo, shells, and what is no server.
//!
//! Needs root, OpenSSH's server, sudo, busybox, fish, tcsh and dropbear (`apt-get install openssh-server sudo busybox fish tcsh dropbear-bin`).

#![expect(clippy::disallowed_methods, reason = "sshd, ssh-keygen and useradd are programs; the clock here is the servers' clock")]

mod chain;
mod cut_lines;
mod elevation;
mod hardware_key;
mod host_keys;
mod hostile;
mod interop;
mod logins;
mod many_nodes;
mod questioner;
mod resilience;
mod road;
mod shells;
mod stingy;
mod users;
mod world;
