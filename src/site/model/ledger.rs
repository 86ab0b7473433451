//! Where the ledger is kept, and where its events are sent as well.

use std::fmt;
use std::path::PathBuf;

use super::SecretRef;

/// Where the ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerLocation {
    /// An `SQLite` file.
    File(PathBuf),
    /// A `PostgreSQL` database.
    Postgres(Database),
}

/// A `PostgreSQL` database and the way to it. Shown, it is its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The URL without a password, and without what stands below.
    pub url: String,
    /// Where the password is to be had. `None`: PGPASSWORD or `~/.pgpass`, or the server asks for none.
    pub password: Option<SecretRef>,
    /// How much TLS is demanded.
    pub sslmode: SslMode,
    /// CAs of the server's certificate; `None`: `~/.postgresql/root.crt`, or the public ones.
    pub root_certificates: Option<PathBuf>,
    /// The client's own certificate and its private key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
}

impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

/// How much TLS is demanded of a database's server; words and meanings are libpq's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// None.
    Disable,
    /// TLS where the server has it, whoever that is.
    Prefer,
    /// TLS, whoever the server is.
    Require,
    /// TLS, with a certificate that a known CA signed.
    VerifyCa,
    /// The same, made out to the server's name.
    VerifyFull,
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
