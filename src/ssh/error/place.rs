//! Where something happened: which machine, by which way, at which moment of its session.

use std::fmt;

/// A machine as an error names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The machine's name in the site file.
    pub machine: String,
    /// Where it was dialled: `address:port`.
    pub address: String,
    /// The hop before it; `None` when it was dialled from here.
    pub through: Option<String>,
}

impl Place {
    /// `host:port`, an IPv6 address in brackets.
    pub(crate) fn address(host: &str, port: u16) -> String {
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.through {
            Some(hop) => write!(formatter, "{} ({} through {hop})", self.machine, self.address),
            None => write!(formatter, "{} ({})", self.machine, self.address),
        }
    }
}

/// The moment of a session at which something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reaching the machine's port.
    Connect,
    /// Version and key exchange.
    Handshake,
    /// Deciding whether it is the right machine.
    HostKey,
    /// Proving who we are.
    Login,
    /// Opening a channel and starting a command.
    Start,
    /// While a command ran.
    Command,
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect => "connecting",
            Self::Handshake => "the SSH handshake",
            Self::HostKey => "checking the host key",
            Self::Login => "login",
            Self::Start => "starting a command",
            Self::Command => "a command",
        })
    }
}

/// Why a port could not be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Nothing listens there, or a firewall rejects.
    Refused,
    /// No route, or the network is down.
    NoRoute,
    /// No answer: the machine is off, or a firewall drops.
    TimedOut,
    /// The name is not known where it was looked up.
    NameUnknown,
    /// What the operating system or the hop said.
    Said(String),
}

impl Obstacle {
    /// What a hop's words mean (OpenSSH sends `strerror` or `gai_strerror` as the description of a failed channel).
    pub(crate) fn from_words(words: &str) -> Self {
        let lower = words.to_ascii_lowercase();
        let has = |part: &str| lower.contains(part);
        if has("refused") {
            Self::Refused
        } else if has("no route") || has("unreachable") || lower == "open failed" {
            // OpenSSH keeps the reason to its log where connecting failed at once, and that is what a missing route does.
            Self::NoRoute
        } else if has("timed out") || has("timeout") {
            Self::TimedOut
        } else if has("name or service") || has("name resolution") || has("unknown host") || has("no address") || has("nodename") {
            Self::NameUnknown
        } else {
            Self::Said(printable(words))
        }
    }

    /// What an error of this machine's own sockets means; the system has the same words as a hop's.
    pub(crate) fn from_io(error: &std::io::Error) -> Self {
        Self::from_words(&error.to_string())
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Refused => "connection refused",
            Self::NoRoute => "no route to it",
            Self::TimedOut => "no answer",
            Self::NameUnknown => "its name is not known there",
            Self::Said(words) => words,
        })
    }
}

/// A server's words for a message: control characters replaced, at most 300 characters.
///
/// What a server says must not be able to move the cursor of the operator's terminal.
pub(crate) fn printable(words: &str) -> String {
    let clean = words.trim().chars().take(300).map(|letter| if letter.is_control() { ' ' } else { letter });
    clean.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hops_words_become_obstacles() {
        for (words, expected) in [
            ("Connection refused", Obstacle::Refused),
            ("No route to host", Obstacle::NoRoute),
            ("Network is unreachable", Obstacle::NoRoute),
            ("open failed", Obstacle::NoRoute),
            ("Connection timed out", Obstacle::TimedOut),
            ("Name or service not known", Obstacle::NameUnknown),
            ("Temporary failure in name resolution", Obstacle::NameUnknown),
            ("unknown host (Name or service not known)", Obstacle::NameUnknown),
            ("odd\u{1b}[2J", Obstacle::Said("odd [2J".to_owned())),
        ] {
            assert_eq!(Obstacle::from_words(words), expected);
        }
    }
}
