//! The site file of a standing lab: complete, with absolute paths and secrets as references that resolve.

use std::{fmt::Write as _, net::Ipv4Addr};

use super::{DESTINATIONS, Machine, Quirk, Role};
use crate::host::folders::StateFolder;

/// Writes the YAML by hand: a person reads it, and it is the example of what a site file looks like.
pub(crate) fn render(name: &str, state: &StateFolder, machines: &[Machine], jump: (Ipv4Addr, u16)) -> String {
    let file = |name: &str| state.file(name).display().to_string();
    let tls = |name: &str| state.tls().join(name).display().to_string();
    let identity = file("id_ed25519");
    let mut text = format!("site: lab-{name}\nenvironment: production\nsla: standard\nknown_hosts: [\"{}\"]\n", file("known_hosts"));
    let (address, port) = jump;
    _ = writeln!(
        text,
        "route:\n  hops:\n    - {{name: jump, address: {address}, port: {port}, user: ops, identities: [\"{identity}\"], agent: false}}\nnodes:"
    );
    for node in machines.iter().filter(|machine| machine.is_node()) {
        let Some(address) = node.inner else { continue };
        let sudo = match node.quirk {
            Some(Quirk::SudoPassword) => format!(", sudo_password: \"file:{}\"", file("sudo-password")),
            Some(Quirk::BusyboxShell) | None => String::new(),
        };
        _ = writeln!(
            text,
            "  - {{name: {}, address: {address}, user: {}, identities: [\"{identity}\"], agent: false{sudo}}}",
            node.name,
            node.login()
        );
    }
    text.push_str(
        "names:\n  dashboard: manage.acme.lab.example\n  configuration: config.acme.lab.example\n  webtask: webtask.acme.lab.example\n  \
         tenants: [identity.acme.lab.example]\n  planned: [partners.acme.lab.example]\n",
    );
    _ = writeln!(
        text,
        "tls:\n  terminates: appliance\n  certificate: {{files: [\"{}\"], key: \"{}\", roots: [\"{}\"]}}",
        tls("bundle.pem"),
        tls("key.pem"),
        tls("root.pem")
    );
    if machines.iter().any(|machine| machine.role == Role::Mail) {
        _ = writeln!(
            text,
            "smtp: {{provider: smtp, host: mail.lab.example, port: 587, username: portcullis, password: \"file:{}\", from: noreply@lab.example, \
             starttls: required, ca_certificates: [\"{}\"]}}",
            file("smtp-password"),
            tls("root.pem")
        );
    }
    if machines.iter().any(|machine| machine.role == Role::Proxy) {
        _ = writeln!(
            text,
            "proxy: {{kind: explicit, url: \"http://proxy.lab.example:3128\", ca_certificates: [\"{}\"], bypass: [mail.lab.example, .acme.lab.example], \
             exceptions: [{}]}}",
            tls("proxy-ca.pem"),
            // The last name stands for everything else: it is no exception.
            DESTINATIONS.join(", ")
        );
    }
    // Machines of a lab share the host's figures, and their disks are overlays in memory.
    text.push_str(
        "profile_overrides:\n  hardware:\n    memory_gib: {minimum: 1, recommended: 1}\n    cores: {minimum: 1, recommended: 1}\n    \
         system_disk_gb: {minimum: 1, recommended: 1}\n",
    );
    _ = writeln!(text, "access: {{ca_passphrase: \"file:{}\"}}", file("user-ca-password"));
    _ = writeln!(text, "ledger: {{file: \"{}\"}}", file("ledger.sqlite"));
    text
}
