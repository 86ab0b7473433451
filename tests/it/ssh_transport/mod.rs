//! SSH against real servers on loopback: the road through a jumphost, logins, host keys, sudo, shells, and what is no server.
//!
//! Needs root, OpenSSH's server, sudo, busybox, fish and tcsh (`apt-get install openssh-server sudo busybox fish tcsh`).

mod elevation;
mod host_keys;
mod hostile;
mod logins;
mod questioner;
mod resilience;
mod road;
mod shells;
mod world;
