//! What a person is given: an `ssh_config` and `known_hosts` with which plain `ssh -F ssh_config NODE` works.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A machine as the person's `ssh` meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Its name in the site.
    pub name: String,
    /// Its address, as the stop before sees it.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// The account.
    pub account: String,
}

/// A host key of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// The machine's name.
    pub machine: String,
    /// `TYPE BASE64`.
    pub key: String,
}

/// What an `ssh_config` is made of.
#[derive(Debug, Clone)]
pub struct Access<'a> {
    /// The jumphosts, in the order in which they are passed.
    pub hops: &'a [Stop],
    /// The nodes.
    pub nodes: &'a [Stop],
    /// The folder, as an absolute path.
    pub folder: &'a Path,
    /// The person's private key, where it is known where it lies.
    pub identity: Option<PathBuf>,
}

/// The certificate's file for nodes.
pub const NODE_CERTIFICATE: &str = "node-cert.pub";
/// The certificate's file for jumphosts.
pub const HOP_CERTIFICATE: &str = "jump-cert.pub";

/// The `ssh_config`: each node behind the jumphosts, each jumphost behind the one before.
pub fn render_ssh_config(access: &Access<'_>, head: &str) -> String {
    let mut text = String::new();
    for line in head.lines() {
        let _infallible = writeln!(text, "# {line}");
    }
    let mut before = None;
    for hop in access.hops {
        stop(&mut text, access, hop, HOP_CERTIFICATE, before);
        before = Some(hop.name.as_str());
    }
    for node in access.nodes {
        stop(&mut text, access, node, NODE_CERTIFICATE, before);
    }
    text
}

fn stop(text: &mut String, access: &Access<'_>, stop: &Stop, certificate: &str, before: Option<&str>) {
    let Stop { name, address, port, account } = stop;
    let file = |name: &str| format!("\"{}\"", access.folder.join(name).display());
    // HostKeyAlias: a port or an address that is another machine's elsewhere does no harm. A folder that was taken elsewhere is
    // used from within: then the second name of each file is the right one.
    let _infallible = write!(
        text,
        "\nHost {name}\n  HostName {address}\n  Port {port}\n  User {account}\n  HostKeyAlias {name}\n  UserKnownHostsFile {} known_hosts\n  \
         GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  CertificateFile {}\n  CertificateFile {certificate}\n  PasswordAuthentication no\n  \
         KbdInteractiveAuthentication no\n",
        file("known_hosts"),
        file(certificate),
    );
    if let Some(identity) = &access.identity {
        let _infallible = write!(text, "  IdentityFile \"{}\"\n  IdentitiesOnly yes\n", identity.display());
    }
    if let Some(before) = before {
        let _infallible = writeln!(text, "  ProxyJump {before}");
    }
}

/// The `known_hosts`: the keys under the machines' names.
pub fn render_known_hosts(keys: &[HostKey]) -> String {
    keys.iter().fold(String::new(), |mut text, HostKey { machine, key }| {
        let _infallible = writeln!(text, "{machine} {key}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_reached_through_each_jumphost_in_turn() {
        let stop = |name: &str| Stop { name: name.to_owned(), address: format!("{name}.corp"), port: 22, account: "ops".to_owned() };
        let (hops, nodes) = ([stop("dmz"), stop("jump")], [stop("a0-1")]);
        let access = Access { hops: &hops, nodes: &nodes, folder: Path::new("/w o"), identity: Some("/home/ada/.ssh/id".into()) };
        let text = render_ssh_config(&access, "window\nof ada");
        assert!(text.starts_with("# window\n# of ada\n\nHost dmz\n  HostName dmz.corp\n"), "{text}");
        let parts: Vec<&str> = text.split("\nHost ").collect();
        assert!(
            !parts[1].contains("ProxyJump") && parts[2].ends_with("  ProxyJump dmz\n") && parts[3].ends_with("  ProxyJump jump\n"),
            "{text}"
        );
        assert!(parts[3].contains("CertificateFile \"/w o/node-cert.pub\"") && parts[2].contains("CertificateFile \"/w o/jump-cert.pub\""));
        assert!(parts[3].contains("StrictHostKeyChecking yes") && parts[3].contains("IdentityFile \"/home/ada/.ssh/id\""));
    }
}
