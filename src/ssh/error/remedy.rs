//! What to do next, for each error. Kept apart from `error`, so that each stays short.

#![expect(clippy::wildcard_enum_match_arm, reason = "each group has its own variants; the groups follow one another")]

use super::place::{Obstacle, Phase};
use super::{Attempt, Error};

impl Error {
    /// What a person can do about it, in whole sentences.
    pub fn help(&self) -> Option<String> {
        self.help_with_keys().or_else(|| self.help_with_login()).or_else(|| self.help_with_the_way()).or_else(|| self.help_with_commands())
    }

    fn help_with_keys(&self) -> Option<String> {
        Some(match self {
            Self::HostKeyUnknown { shown, .. } => format!(
                "Compare the fingerprint with the one on the machine's own console (`ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub`). \
                 If they are equal, accept it by this command:\n    echo '{}' >> {}\nor by this line in the machine's entry of the site file:\n    host_keys: [\"{}\"]",
                shown.known_hosts_line,
                quoted(&shown.known_hosts_file.display().to_string()),
                shown.fingerprint,
            ),
            Self::HostKeyChanged { expected, .. } => format!(
                "Somebody may be listening in, or the machine was installed anew. Ask its administrator; only when the new fingerprint is confirmed, \
                 take the old key out of {}.",
                expected.iter().map(|key| key.stands_in.as_str()).collect::<Vec<_>>().join(" and "),
            ),
            Self::HostKeyRevoked { .. } => {
                "The key is known to be compromised: do not connect. The machine needs a new host key.".to_owned()
            }
            Self::HostCertificateRefused { .. } => {
                "The authority in known_hosts (`@cert-authority`) must sign a certificate for this name that is valid now.".to_owned()
            }
            Self::KnownHostsUnreadable { .. } => {
                "Make the file readable, or name another one as `known_hosts` in the site file.".to_owned()
            }
            Self::PinMalformed { .. } => "Write the output of `ssh-keygen -lf KEY.pub` (`SHA256:…`), or the public key itself.".to_owned(),
            Self::NoCommonAlgorithm { theirs, .. } if theirs.iter().any(|name| name.starts_with("sntrup761")) => {
                "Of the post-quantum exchanges only `mlkem768x25519-sha256` is spoken here; let the server offer `curve25519-sha256` as well.".to_owned()
            }
            Self::NoCommonAlgorithm { .. } => {
                "The server offers only what is known to be weak (SHA-1, CBC, small groups); its SSH server must be updated or configured."
                    .to_owned()
            }
            _ => return None,
        })
    }

    fn help_with_login(&self) -> Option<String> {
        Some(match self {
            Self::LoginRefused { accepted, tried, user, .. } => {
                let accepts = if accepted.is_empty() { String::new() } else { format!("The server accepts: {}. ", accepted.join(", ")) };
                format!("{accepts}{}", after_refusal(tried, user))
            }
            Self::Secret { .. } => "Give the secret by a reference in the site file (`env:`, `file:`, `cmd:`), or run in a terminal.".to_owned(),
            Self::ClientConfig { .. } => "Run `ssh -G HOST`; it names the line.".to_owned(),
            Self::SudoMissing { .. } => "Log in as root, or install sudo.".to_owned(),
            Self::SudoNeedsPassword { .. } => {
                "Give the password as `sudo_password` in the node's entry, or allow it without one: `USER ALL=(root) NOPASSWD: ALL` in sudoers.".to_owned()
            }
            Self::SudoWrongPassword { .. } => "See which secret `sudo_password` refers to. It was tried once.".to_owned(),
            Self::SudoNotAllowed { .. } => "sudoers must let this user run `/bin/sh` as root, without a terminal (`requiretty` off), and what it starts (`noexec` off).".to_owned(),
            Self::SudoPasswordUnusable { .. } => "The secret must be one line.".to_owned(),
            _ => return None,
        })
    }

    fn help_with_the_way(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { place, obstacle } => {
                let from = place.through.as_deref().unwrap_or("this machine");
                match obstacle {
                    Obstacle::Refused => format!("See whether sshd listens on {} as {from} sees it.", place.address),
                    Obstacle::NameUnknown => format!("Names are looked up by {from}; write an address, or mend its resolver."),
                    Obstacle::NoRoute | Obstacle::TimedOut | Obstacle::Said(_) => {
                        format!("See whether the machine is up and whether a firewall between {from} and {} lets it pass.", place.address)
                    }
                }
            }
            Self::ForwardingRefused { place, hop } => {
                format!("sshd on {hop} needs `AllowTcpForwarding yes` (or `local`) and a `PermitOpen` that has {}.", place.address)
            }
            Self::ForwardingExhausted { hop, .. } => format!("{hop} limits its channels; run with fewer nodes at once (`--limit`)."),
            Self::Garbage { place, .. } => format!("See whether {} is the address and port of its SSH server.", place.address),
            Self::Silent { .. } => "The machine, or a firewall on the way, takes the connection and says nothing.".to_owned(),
            Self::ConnectionLost { phase: Phase::Handshake, .. } => {
                "The server closed at once: it is starting or overloaded (`MaxStartups`), or it bars this address (`PerSourcePenalties`, `hosts.deny`).".to_owned()
            }
            Self::JumphostLost { hop, .. } => format!("See whether {hop} is up."),
            Self::ConnectionLost { phase: Phase::Login, .. } => {
                "The line broke, or the server lets nobody in by this account: it has expired, `/etc/nologin` is there, a rule of PAM forbids \
                 it. The server's log has its reason."
                    .to_owned()
            }
            Self::ConnectionLost { .. } | Self::Handshake { .. } => "See the server's log.".to_owned(),
            _ => return None,
        })
    }

    fn help_with_commands(&self) -> Option<String> {
        Some(match self {
            Self::SessionRefused { .. } => "Its sshd allows no further session (`MaxSessions`), or none at all.".to_owned(),
            Self::NotStarted { said, .. } if said.contains("assword has expired") || said.contains("assword change required") => {
                "Log in by hand once and set a new password, or let it not expire (`chage -M -1 USER` as root).".to_owned()
            }
            Self::NotStarted { .. } => {
                "The login shell must be able to run `/bin/sh`: no `nologin`, no forced command, no start-up file that ends or asks."
                    .to_owned()
            }
            Self::CommandTimedOut { begun: false, .. } => {
                "Its start-up files (`.bashrc`) stand still, ask, or print without end. What was sent may still be read there.".to_owned()
            }
            Self::CommandTimedOut { .. } => "It may still be running there.".to_owned(),
            Self::OutputTooLong { .. } => "It was told to end.".to_owned(),
            _ => return None,
        })
    }
}

/// Speaks of what was offered, and of nothing else: who gave a password is not helped by `authorized_keys`.
fn after_refusal(tried: &[Attempt], user: &str) -> String {
    let was_tried = |words: &[&str]| tried.iter().any(|attempt| words.iter().any(|word| attempt.method.starts_with(word)));
    let key = was_tried(&["key ", "certificate ", "agent"]);
    let password = was_tried(&["password", "keyboard-interactive"]);
    match (key, password) {
        (false, false) => "Name a key file, a password or a running agent in the machine's entry of the site file.".to_owned(),
        (true, false) => format!(
            "See whether the user name is right and the public key is in the `authorized_keys` of {user}; the server's log has its reason."
        ),
        (false, true) => {
            format!("See whether {user} is the right user and which secret its `password` refers to. It was tried once.")
        }
        (true, true) => format!(
            "See whether {user} is the right user, which secret its `password` refers to, and whether one of the keys is in its \
             `authorized_keys`; the server's log has its reason."
        ),
    }
}

/// A path for a shell's command line; plain ones stay as they are.
fn quoted(path: &str) -> String {
    let is_plain = path.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-+".contains(letter));
    if is_plain { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ssh::error::Place;

    #[test]
    fn a_way_that_is_barred_says_from_where_and_what_to_do() {
        let place = Arc::new(Place { machine: "a0-1".to_owned(), address: "10.9.0.11:22".to_owned(), through: Some("jump".to_owned()) });
        let unreachable = Error::Unreachable { place: Arc::clone(&place), obstacle: Obstacle::Refused };
        assert_eq!(unreachable.to_string(), "a0-1 (10.9.0.11:22 through jump) cannot be reached: connection refused");
        assert_eq!(unreachable.help().unwrap(), "See whether sshd listens on 10.9.0.11:22 as jump sees it.");
        let refused = Error::ForwardingRefused { place, hop: "jump".to_owned() };
        let help = "sshd on jump needs `AllowTcpForwarding yes` (or `local`) and a `PermitOpen` that has 10.9.0.11:22.";
        assert_eq!(refused.help().unwrap(), help);
    }

    #[test]
    fn a_refused_password_is_not_answered_with_talk_of_keys() {
        let place = Arc::new(Place { machine: "jump".to_owned(), address: "10.9.0.1:22".to_owned(), through: None });
        let help = |methods: &[&str]| {
            let tried = methods.iter().map(|method| Attempt { method: (*method).to_owned(), outcome: "refused".to_owned() }).collect();
            let refused = Error::LoginRefused { place: Arc::clone(&place), user: "ops".to_owned(), tried, accepted: vec!["password"] };
            refused.help().unwrap()
        };
        assert!(!help(&["password"]).contains("authorized_keys") && help(&["password"]).contains("`password`"));
        assert!(!help(&["keyboard-interactive"]).contains("authorized_keys"));
        assert!(help(&["key /k"]).contains("`authorized_keys` of ops"));
        assert!(help(&["key /k", "password"]).contains("authorized_keys") && help(&["key /k", "password"]).contains("`password`"));
        assert!(help(&[]).contains("Name a key file"));
    }

    #[test]
    fn the_command_that_accepts_a_key_holds_any_path_together() {
        assert_eq!(quoted("/home/me/.ssh/known_hosts"), "/home/me/.ssh/known_hosts");
        assert_eq!(quoted("/it's here"), "'/it'\\''s here'");
    }
}
