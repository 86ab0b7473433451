//! What can go wrong with a ledger's server, and what to do about it.

use std::error::Error;
use std::path::PathBuf;

use tokio_postgres::error::SqlState;

use crate::site::secret::SecretError;

type Cause = Box<dyn Error + Send + Sync>;

/// Why a ledger's server could not be used. `server` is its URL, without a password.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Nobody answers there.
    #[error("the ledger's server {server} cannot be reached")]
    Unreachable {
        /// Where.
        server: String,
        /// Why.
        source: Cause,
    },
    /// No TLS, or a certificate that is not believed.
    #[error("no TLS can be spoken with the ledger's server {server}")]
    Tls {
        /// Where.
        server: String,
        /// Why.
        source: Cause,
    },
    /// It does not let us in.
    #[error("the ledger's server {server} refuses the login")]
    Login {
        /// Where.
        server: String,
        /// Why.
        source: Cause,
    },
    /// There is no such database.
    #[error("the ledger's server {server} has no such database")]
    NoDatabase {
        /// Where.
        server: String,
        /// In the server's words.
        source: Cause,
    },
    /// The database's user may not do that.
    #[error("the ledger's server {server} does not allow to {action} the ledger")]
    Denied {
        /// Where.
        server: String,
        /// What was tried.
        action: &'static str,
        /// In the server's words.
        source: Cause,
    },
    /// The connection broke, or the server ended it.
    #[error("the connection to the ledger's server {server} was lost")]
    Lost {
        /// Where.
        server: String,
        /// Why.
        source: Cause,
    },
    /// The password cannot be had.
    #[error("the password of the ledger's server {server} cannot be had")]
    Password {
        /// Where.
        server: String,
        /// Why.
        source: SecretError,
    },
    /// A file of certificates or a key cannot be used.
    #[error("cannot use {path} for the ledger's server")]
    Certificate {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Cause,
    },
    /// The server cannot keep a ledger.
    #[error("the database {server} cannot keep a ledger: {reason}")]
    Unfit {
        /// Where.
        server: String,
        /// Why.
        reason: String,
    },
    /// The tables are there and are not as they were made.
    #[error("the tables of the ledger in {server} are not as they were made")]
    Altered {
        /// Where.
        server: String,
        /// In the server's words.
        source: Cause,
    },
    /// The server was lost, and meanwhile somebody else took the right to change the site.
    #[error("the connection to the ledger's server {server} was lost for a while, and now {holder} works on this site")]
    LeaseLost {
        /// Where.
        server: String,
        /// Who has it now.
        holder: String,
    },
    /// The server refused in another way.
    #[error("cannot {action} the ledger in {server}")]
    Refused {
        /// Where.
        server: String,
        /// What was tried.
        action: &'static str,
        /// In the server's words.
        source: Cause,
    },
}

/// The server's own words, without those that the driver puts before them.
fn cause(error: tokio_postgres::Error) -> Cause {
    if let Some(words) = error.as_db_error() {
        return Box::new(words.clone());
    }
    let text = error.to_string();
    error.into_source().unwrap_or_else(|| text.into())
}

impl ServerError {
    /// Sorts what connecting gave.
    pub(super) fn of_connecting(server: &str, error: tokio_postgres::Error) -> Self {
        let server = server.to_owned();
        let code = error.code().cloned();
        // The driver names these kinds by their texts alone.
        let kind = error.to_string();
        let source = cause(error);
        match code {
            Some(SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => Self::Login { server, source },
            Some(SqlState::INVALID_CATALOG_NAME) => Self::NoDatabase { server, source },
            Some(SqlState::INSUFFICIENT_PRIVILEGE) => Self::Denied { server, action: "open", source },
            None if kind == "error performing TLS handshake" => Self::Tls { server, source },
            None if kind == "invalid configuration" || kind == "authentication error" => Self::Login { server, source },
            Some(_) | None => Self::Unreachable { server, source },
        }
    }

    /// Sorts what a statement gave.
    pub(super) fn of_statement(server: &str, action: &'static str, error: tokio_postgres::Error) -> Self {
        let server = server.to_owned();
        let code = error.code().cloned();
        let source = cause(error);
        let Some(code) = code else { return Self::Lost { server, source } };
        match code {
            SqlState::INSUFFICIENT_PRIVILEGE => Self::Denied { server, action, source },
            SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN | SqlState::UNDEFINED_FUNCTION | SqlState::DATATYPE_MISMATCH => {
                Self::Altered { server, source }
            }
            // Class 57P: the server is shut down, crashed or starts up; 57P05: the session was idle for too long.
            code if code.code().starts_with("57P") || code.code().starts_with("08") => Self::Lost { server, source },
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Self::Lost { server, source },
            _ => Self::Refused { server, action, source },
        }
    }

    /// Whether the server may be there again a moment later: nothing that was begun is in the ledger.
    pub(in crate::ledger::store) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }

    /// What to do next.
    pub fn help(&self) -> String {
        let text = match self {
            Self::Unreachable { .. } => {
                "see that host and port in the ledger's URL are right and that PostgreSQL listens there; what changes a site waits until its ledger is there"
            }
            Self::Tls { .. } => {
                "name the CA of the server's certificate: `?sslrootcert=FILE` in the ledger's URL; the certificate must be for the host in the URL (`sslmode=verify-full`)"
            }
            Self::Login { .. } => {
                "give user and database in the URL, and the password by `?password=env:NAME`, PGPASSWORD or `~/.pgpass` (mode 600); see pg_hba.conf on the server"
            }
            Self::NoDatabase { .. } => {
                "have it made: `CREATE DATABASE NAME OWNER USER ENCODING 'UTF8' TEMPLATE template0`, or mend the name in the ledger's URL"
            }
            Self::Denied { .. } => {
                "have the rights granted that `portcullis help team-ledger` lists, or make the ledger with the database's owner first"
            }
            Self::Lost { .. } => "see whether the server is up, then repeat the command: what was told as done is recorded",
            Self::Password { .. } => "mend the reference after `?password=` in the ledger's URL",
            Self::Certificate { .. } => "mend `sslrootcert`, `sslcert` or `sslkey` in the ledger's URL: PEM files that you may read",
            Self::Unfit { .. } => "name another database in the ledger's URL",
            Self::Altered { .. } => "run `portcullis audit verify`; keep the database as evidence and restore it from a backup",
            Self::LeaseLost { .. } => "wait until that command has ended, then look with `portcullis status` and repeat yours",
            Self::Refused { .. } => "see the server's own log",
        };
        text.to_owned()
    }
}
