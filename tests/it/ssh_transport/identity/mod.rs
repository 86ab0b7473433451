//! Who we are and whom we meet: logins of every kind, host keys, names and the way to them.

mod chain;
mod hardware_key;
mod host_keys;
mod logins;
pub(super) mod questioner;
