//! SSH: route, authentication, host keys, sessions, and the one jumphost connection that all nodes share.
//!
//! Knows nothing of playbooks, files or facts. No channel is ever left unread: one that is stalls every
//! node behind the same jumphost connection.

mod output;
mod script;

pub use output::{Exit, Output};
pub use script::{Elevation, Script};
