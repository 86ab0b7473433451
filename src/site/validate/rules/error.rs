//! What rules say of values that break them.

use crate::site::duration::DurationError;

/// Why a value does not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is nothing, or blanks alone.
    #[error("there is nothing here")]
    Empty,
    /// Longer than DNS allows.
    #[error("`{text}` is too long for a DNS name: 253 letters in all, 63 between two dots")]
    TooLong {
        /// What was given.
        text: String,
    },
    /// A part of the name is empty.
    #[error("`{text}` has a dot too many")]
    EmptyLabel {
        /// What was given.
        text: String,
    },
    /// A letter that no host name may have (RFC 1123).
    #[error("`{text}` has {letter:?} in it, which no DNS name of a host may have")]
    Letter {
        /// What was given.
        text: String,
        /// The letter.
        letter: char,
    },
    /// A part begins or ends with a dash (RFC 1123).
    #[error("`{text}`: no part of a DNS name begins or ends with a dash")]
    Dash {
        /// What was given.
        text: String,
    },
    /// It cannot be turned into its DNS form (RFC 5891).
    #[error("`{text}` is no international domain name")]
    NotInternational {
        /// What was given.
        text: String,
    },
    /// A name without a domain.
    #[error("`{text}` has no domain")]
    NoDomain {
        /// What was given.
        text: String,
    },
    /// A wildcard where a name belongs.
    #[error("`{text}` is a wildcard, and names are wanted here")]
    Wildcard {
        /// What was given.
        text: String,
    },
    /// An address where a name belongs.
    #[error("`{text}` is an address, and a DNS name is wanted here")]
    Address {
        /// What was given.
        text: String,
    },
    /// Numbers with dots that are no address.
    #[error("`{text}` is no IP address")]
    NoAddress {
        /// What was given.
        text: String,
    },
    /// A port where none belongs, or one that is none.
    #[error("`{text}`: the port {problem}")]
    Port {
        /// What was given.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A URL of another kind, or none.
    #[error("`{text}` is no URL that begins with {schemes}")]
    Scheme {
        /// What was given.
        text: String,
        /// What it may begin with.
        schemes: &'static str,
    },
    /// Something after the host of a URL.
    #[error("`{text}` has a path, and only scheme, host and port are wanted")]
    Path {
        /// What was given.
        text: String,
    },
    /// A proxy's configuration script.
    #[error("`{text}` is a configuration script, and the proxy itself is wanted")]
    Script {
        /// What was given.
        text: String,
    },
    /// A password in a URL.
    #[error("a password stands in the URL, and a secret may stand nowhere but in its own place")]
    Credentials,
    /// A password with the user of a machine, as `user:password@host` or `user:password`.
    #[error("a password stands there with the user, and a secret may stand nowhere but in its own place")]
    UserWithPassword,
    /// A password in the ledger's URL.
    #[error("a password stands in the ledger's URL: in the site file and in `ps` others would read it")]
    DatabasePassword,
    /// A database's URL that cannot be used for another reason.
    #[error("the database's URL cannot be used: {problem}")]
    Database {
        /// What is wrong with it.
        problem: String,
    },
    /// A user in a URL where none can be used.
    #[error("a user stands in the URL; logging in to the proxy is not supported")]
    User,
    /// Not a mail address.
    #[error("`{text}` is no mail address")]
    Mail {
        /// What was given.
        text: String,
    },
    /// Not a name for a site or a machine.
    #[error("`{text}` is no {what}: {rule}")]
    Name {
        /// What was given.
        text: String,
        /// What it should name.
        what: &'static str,
        /// How such names are made.
        rule: &'static str,
    },
    /// Not a network.
    #[error("`{text}` is neither an address nor a network")]
    Network {
        /// What was given.
        text: String,
    },
    /// Not a duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// Zero where something is wanted.
    #[error("`{text}` is no time at all")]
    NoTime {
        /// What was given.
        text: String,
    },
    /// Not a regular expression.
    #[error("`{text}` is no regular expression: {reason}")]
    Pattern {
        /// What was given.
        text: String,
        /// Why.
        reason: String,
    },
    /// Not a host key.
    #[error("`{text}` is no host key")]
    HostKey {
        /// What was given.
        text: String,
    },
    /// Not a public key. What was given is not repeated: it may be the private half.
    #[error("that is no public SSH key")]
    PublicKey,
    /// Not a day.
    #[error("`{text}` is no day")]
    Day {
        /// What was given.
        text: String,
    },
    /// Not hours of the week.
    #[error("`{text}` names no hours of the week")]
    Hours {
        /// What was given.
        text: String,
    },
    /// Not a time zone that this machine knows.
    #[error("`{text}` is no time zone that this machine knows")]
    Zone {
        /// What was given.
        text: String,
    },
    /// Not the name of a user.
    #[error("`{text}` is no user's name")]
    UserName {
        /// What was given.
        text: String,
    },
}

impl RuleError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Letter { letter: '_', .. } => "write a dash in the place of `_`",
            Self::Letter { .. } => "letters, digits, dashes and dots are allowed",
            Self::NoDomain { .. } => "write it in full, such as manage.example.com",
            Self::Wildcard { .. } => "write each name out; it is the certificate that may have a wildcard",
            Self::Address { .. } => "write the name that users type",
            Self::Port { .. } => "a port is a whole number from 1 to 65535",
            Self::Scheme { .. } => "such as http://proxy.corp.example:3128 or ldaps://dc.corp.example",
            Self::Script { .. } => "write the proxy's own address, such as http://proxy.corp.example:3128",
            Self::Credentials => {
                "take user and password out of the URL: a proxy lets the nodes pass without a login for what stands under `proxy.exceptions` \
                 (`portcullis render proxy` writes what its administrators need); a directory's account is `bind_user` and `bind_password`"
            }
            Self::UserWithPassword => {
                "take it out, and change it where others may have seen it: machines are logged in to by keys, and sudo's password is \
                 `sudo_password`, a reference"
            }
            Self::DatabasePassword => {
                "take the password out of the URL: `~/.pgpass` or PGPASSWORD holds it, or `?password=env:NAME` (also `file:PATH`, `cmd:COMMAND`, \
                 `prompt`) says where it is to be had"
            }
            Self::Database { .. } => "such as postgresql://portcullis@db.corp.example/ledger?sslrootcert=ca.pem",
            Self::User => "have the proxy let the nodes pass without a login, and take the user out of the URL",
            Self::Mail { .. } => "write the bare address, such as appliance@example.com",
            Self::Duration(error) => return error.help(),
            Self::HostKey { .. } => {
                "write `SHA256:…` as `ssh-keygen -lf` shows it, or `ssh-ed25519 AAAA…` as the server's .pub file has it"
            }
            Self::PublicKey => "write the line of the person's .pub file, such as `ssh-ed25519 AAAA…`",
            Self::Day { .. } => "write year, month and day, such as 2026-12-31",
            Self::Hours { .. } => "write days and times, such as `mon-fri 18:00-06:00`, `sat,sun 00:00-24:00` or `daily 22:00-04:00`",
            Self::Zone { .. } => "such as Europe/Zurich or UTC; the package tzdata holds the zones",
            Self::Network { .. } => "such as 192.0.2.7 or 192.0.2.0/24",
            Self::Empty
            | Self::TooLong { .. }
            | Self::EmptyLabel { .. }
            | Self::Dash { .. }
            | Self::NotInternational { .. }
            | Self::NoAddress { .. }
            | Self::Path { .. }
            | Self::Name { .. }
            | Self::NoTime { .. }
            | Self::Pattern { .. }
            | Self::UserName { .. } => return None,
        };
        Some(help.to_owned())
    }
}
