//! Why a TCP connection did not come about, told apart: each cause has another team to ask.

use std::io;
use std::time::Duration;

use crate::node::RemoteError;
use crate::ssh::{Error, Obstacle};

/// Why an address could not be reached. What the jumphost or the node said is kept in `source`-free words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// The machine is there and nothing listens on the port, or a firewall rejects.
    #[error("connection refused")]
    Refused,
    /// No answer at all: a firewall drops, or the machine is not there.
    #[error("no answer within {after:?}")]
    Filtered {
        /// How long was waited.
        after: Duration,
    },
    /// The connection was accepted and reset at once: a proxy, an IDS or an access list.
    #[error("connection reset")]
    Reset,
    /// No route to the network.
    #[error("no route to the host")]
    NoRoute,
    /// The name does not resolve where the connection starts.
    #[error("the name {name} does not resolve")]
    Unresolved {
        /// The name.
        name: String,
    },
    /// The jumphost does not forward to that address.
    #[error("the machine in between does not allow forwarding to it")]
    Prohibited,
    /// What the operating system said, where it is none of the above.
    #[error("{reason}")]
    Refusal {
        /// Its words.
        reason: String,
    },
}

impl Unreached {
    /// Tells an operating system's error apart; `after` is how long was waited.
    pub fn from_io(error: &io::Error, after: Duration) -> Self {
        use io::ErrorKind;
        #[expect(clippy::wildcard_enum_match_arm, reason = "ErrorKind is open; what is not told apart keeps its own words")]
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::TimedOut => Self::Filtered { after },
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Self::Reset,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Self::NoRoute,
            _ => Self::Refusal { reason: error.to_string() },
        }
    }

    /// What the hop or the node said of a connection that it was asked to make to `host`; `after` is how long was waited.
    pub fn from_remote(error: &RemoteError, host: &str, after: Duration) -> Self {
        match error {
            RemoteError::Ssh(error) => Self::from_ssh(error, host, after),
            RemoteError::Unexpected { .. } | RemoteError::Facts { .. } => Self::Refusal { reason: error.to_string() },
        }
    }

    /// The same for the transport's own error.
    pub fn from_ssh(error: &Error, host: &str, after: Duration) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "what is not about the connection keeps its own words")]
        match error {
            Error::Unreachable { obstacle, .. } => match obstacle {
                Obstacle::Refused => Self::Refused,
                Obstacle::NoRoute => Self::NoRoute,
                Obstacle::TimedOut => Self::Filtered { after },
                Obstacle::NameUnknown => Self::Unresolved { name: host.to_owned() },
                Obstacle::Said(words) => Self::Refusal { reason: words.clone() },
            },
            Error::ForwardingRefused { .. } => Self::Prohibited,
            other => Self::Refusal { reason: other.to_string() },
        }
    }

    /// The sentence for the team that can mend it; `to` is `host:port`, `from` a machine's name.
    pub fn fix(&self, from: &str, to: &str) -> String {
        match self {
            Self::Refused => {
                format!("ask the team of {to} whether the service runs and listens on that port, and whether a firewall rejects {from}")
            }
            Self::Filtered { .. } | Self::Reset => format!("ask the firewall team: allow TCP from {from} to {to}"),
            Self::NoRoute => {
                format!(
                    "ask the network team for a route from {from} to {to}; where that name has IPv6 addresses alone, it is IPv6 that {from} lacks"
                )
            }
            Self::Unresolved { name } => format!("ask the DNS team: {name} must resolve on {from}"),
            Self::Prohibited => {
                format!("on {from}, allow forwarding to it: `AllowTcpForwarding yes`, and no `PermitOpen` without {to}, in sshd_config")
            }
            Self::Refusal { .. } => format!("try it by hand on {from}: `nc -vz {}`", to.replace(':', " ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_filtered_and_reset_are_told_apart() {
        let told = |kind: io::ErrorKind| Unreached::from_io(&kind.into(), Duration::from_secs(5));
        assert_eq!(told(io::ErrorKind::ConnectionRefused), Unreached::Refused);
        assert_eq!(told(io::ErrorKind::TimedOut).to_string(), "no answer within 5s");
        assert_eq!(told(io::ErrorKind::ConnectionReset), Unreached::Reset);
        assert_eq!(told(io::ErrorKind::NetworkUnreachable), Unreached::NoRoute);
    }

    #[test]
    fn the_fix_names_both_ends() {
        let fix = Unreached::Filtered { after: Duration::from_secs(5) }.fix("a0-1", "mail.example:587");
        assert_eq!(fix, "ask the firewall team: allow TCP from a0-1 to mail.example:587");
    }
}
