//! The line that stands for a window in a machine's `AuthorizedPrincipalsFile`: what may be done there, and until when.
//!
//! sshd(8), "`AUTHORIZED_KEYS` FILE FORMAT": a principals file takes the same options before a name.

use jiff::Timestamp;

use super::super::window::WindowId;

/// What kind of machine, and so what a window may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// A node: commands and terminals, no forwarding of any kind.
    Node,
    /// A jumphost: connections on to these addresses and ports, and nothing else.
    Hop(Vec<(String, u16)>),
}

impl Door {
    /// The principal of a window there. They differ, so that the certificate for one is nothing at the other.
    pub fn principal(&self, id: &WindowId) -> String {
        match self {
            Self::Node => id.to_string(),
            Self::Hop(_) => format!("{id}.jump"),
        }
    }
}

/// By what rights a window's sessions are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorder {
    /// The account is root.
    ByRoot,
    /// The account is not, and may run the recorder by sudo.
    BySudo,
}

impl Recorder {
    // A shell of its own: what sshd hands this to is the account's login shell, which may be no POSIX one. It stays, so that
    // the recorder finds the session's environment in its parent's.
    fn command(self, id: &WindowId) -> String {
        let sudo = if self == Self::BySudo { "sudo -n " } else { "" };
        format!(",command=\"/bin/sh -c '{sudo}/var/lib/portcullis/windows/{id}/recorder; exit $?'\"")
    }
}

/// The line for window `id`, which sshd no longer honours from `end` on; with a `recorder`, nothing runs but through it.
pub fn principal_line(door: &Door, id: &WindowId, end: Timestamp, recorder: Option<Recorder>) -> String {
    // `Z`: without it the time would be that of the machine's own zone.
    let expiry = format!("expiry-time=\"{}\",restrict", end.strftime("%Y%m%d%H%M%SZ"));
    match door {
        Door::Node => {
            let command = recorder.map(|recorder| recorder.command(id)).unwrap_or_default();
            format!("{expiry},pty{command} {}", door.principal(id))
        }
        Door::Hop(targets) => {
            let targets =
                targets.iter().map(|(host, port)| format!(",permitopen=\"{}:{port}\"", bracketed(host))).collect::<Vec<_>>().concat();
            // The command is for whoever asks for a shell all the same.
            let refusal = "command=\"echo 'this window only forwards to its nodes' >&2; exit 1\"";
            // `port-forwarding` gives reverse forwards too, and there is no word for "none": an address that no machine has (RFC 5737).
            format!("{expiry},port-forwarding{targets},permitlisten=\"192.0.2.1:1\",{refusal} {}", door.principal(id))
        }
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_gives_a_terminal_and_a_jumphost_gives_its_nodes_alone() {
        let id = WindowId::parse("w-20261122-3f9a1c").unwrap();
        let end: Timestamp = "2026-11-22T23:30:05+01:00".parse().unwrap();
        assert_eq!(principal_line(&Door::Node, &id, end, None), "expiry-time=\"20261122223005Z\",restrict,pty w-20261122-3f9a1c");
        assert_eq!(
            principal_line(&Door::Node, &id, end, Some(Recorder::BySudo)),
            "expiry-time=\"20261122223005Z\",restrict,pty,command=\"/bin/sh -c 'sudo -n /var/lib/portcullis/windows/w-20261122-3f9a1c/recorder; \
             exit $?'\" w-20261122-3f9a1c"
        );
        let hop = Door::Hop(vec![("10.77.0.11".to_owned(), 22), ("2001:db8::3".to_owned(), 2222)]);
        assert_eq!(
            principal_line(&hop, &id, end, None),
            "expiry-time=\"20261122223005Z\",restrict,port-forwarding,permitopen=\"10.77.0.11:22\",permitopen=\"[2001:db8::3]:2222\",\
             permitlisten=\"192.0.2.1:1\",command=\"echo 'this window only forwards to its nodes' >&2; exit 1\" w-20261122-3f9a1c.jump"
        );
    }
}
