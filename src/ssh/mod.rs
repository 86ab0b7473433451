//! SSH: route, authentication, host keys, sessions, and the one jumphost connection that all nodes share.
//!
//! Knows nothing of playbooks, files or facts. No channel is ever left unread: one that is stalls every
//! node behind the same jumphost connection.

mod client_config;
mod error;
mod fleet;
mod host_keys;
mod login;
mod output;
mod script;
mod session;
mod settings;
mod transport;

pub use client_config::{ConfiguredHost, configured_hosts};
pub use error::{Attempt, Error, ExpectedKey, Obstacle, Phase, Place, ShownKey};
pub use fleet::Fleet;
pub use host_keys::{HostKeys, is_known_hosts};
pub use login::is_private_key;
pub use output::{Exit, Output};
pub use script::{Elevation, Script};
pub use session::{Held, Session};
pub use settings::{ClientConfigSource, Settings};
pub use transport::{BoxedStream, ByteStream, Negotiated};
