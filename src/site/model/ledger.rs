//! Where the ledger is kept, and where its events are sent as well.

use std::path::PathBuf;

/// Where the ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerLocation {
    /// An `SQLite` file.
    File(PathBuf),
    /// A `PostgreSQL` URL.
    Postgres(String),
}

/// Where each event of the ledger is sent as well (RFC 5424).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The receiver's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS is spoken (RFC 5425); otherwise plain TCP (RFC 6587).
    pub tls: bool,
    /// CAs of the receiver's certificate; the public ones unless given.
    pub ca_certificates: Vec<PathBuf>,
}
