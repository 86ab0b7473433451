//! Site files, written as a person would, from parts that a test can change.

use std::path::PathBuf;

use super::machine::Machine;
use super::standing::standing;

/// One machine's entry.
#[derive(Debug, Clone)]
pub(in crate::road) struct Entry {
    pub(in crate::road) name: String,
    pub(in crate::road) address: String,
    pub(in crate::road) port: u16,
    pub(in crate::road) user: String,
    /// Further keys, each `key: value`.
    pub(in crate::road) keys: Vec<String>,
}

/// The parts of a site file.
#[derive(Debug, Clone)]
pub(in crate::road) struct SiteText {
    pub(in crate::road) name: String,
    pub(in crate::road) known_hosts: PathBuf,
    pub(in crate::road) jump: Entry,
    pub(in crate::road) nodes: Vec<Entry>,
    /// Everything after the nodes, each a section with its line break.
    pub(in crate::road) sections: Vec<String>,
}

const NAMES: &str = "names:\n  dashboard: manage.acme.lab.example\n  configuration: config.acme.lab.example\n  webtask: webtask.acme.lab.example\n  \
                     tenants: [identity.acme.lab.example]\n  planned: [partners.acme.lab.example]\n";

impl SiteText {
    /// Nodes behind the lab's jumphost; nothing about certificates, mail or proxy.
    pub(in crate::road) fn bare(nodes: &[&Machine]) -> Self {
        let lab = &standing().lab;
        let jump = lab.jump_address();
        Self {
            name: "acme".to_owned(),
            known_hosts: lab.state_dir().join("known_hosts"),
            jump: Entry::new("jump", &jump.ip().to_string(), jump.port(), "ops").with(&identity()),
            nodes: nodes.iter().map(|node| Entry::of(node)).collect(),
            sections: Vec::new(),
        }
    }

    /// The same with everything that the lab has: certificate, mail server, proxy.
    pub(in crate::road) fn full(nodes: &[&Machine]) -> Self {
        let mut site = Self::bare(nodes);
        site.sections.extend([NAMES.to_owned(), tls(), smtp(), proxy()]);
        site
    }

    /// The same with the lab's certificate alone.
    pub(in crate::road) fn with_tls(nodes: &[&Machine]) -> Self {
        let mut site = Self::bare(nodes);
        site.sections.extend([NAMES.to_owned(), tls()]);
        site
    }

    /// The file.
    pub(in crate::road) fn render(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| format!("  - {}\n", node.render())).collect();
        let known_hosts = self.known_hosts.display();
        format!(
            "site: {}\nenvironment: production\nsla: standard\nknown_hosts: [\"{known_hosts}\"]\nroute:\n  hops:\n    - {}\nnodes:\n{}{}",
            self.name,
            self.jump.render(),
            nodes.concat(),
            self.sections.concat()
        )
    }
}

impl Entry {
    fn new(name: &str, address: &str, port: u16, user: &str) -> Self {
        let keys = vec!["agent: false".to_owned()];
        Self { name: name.to_owned(), address: address.to_owned(), port, user: user.to_owned(), keys }
    }

    fn of(node: &Machine) -> Self {
        let entry = Self::new(&node.name, &node.address.to_string(), 22, node.user).with(&identity());
        if node.wants_sudo_password { entry.with(&format!("sudo_password: \"file:{}\"", state("sudo-password"))) } else { entry }
    }

    fn with(mut self, key: &str) -> Self {
        self.keys.push(key.to_owned());
        self
    }

    pub(in crate::road) fn render(&self) -> String {
        let Self { name, address, port, user, keys } = self;
        format!("{{name: {name}, address: {address}, port: {port}, user: {user}, {}}}", keys.join(", "))
    }
}

/// A file of the lab's state folder.
pub(in crate::road) fn state(name: &str) -> String {
    standing().lab.state_dir().join(name).display().to_string()
}

/// What a file of the lab's state folder holds.
pub(in crate::road) fn read_state(name: &str) -> String {
    std::fs::read_to_string(state(name)).unwrap()
}

pub(in crate::road) fn identity() -> String {
    format!("identities: [\"{}\"]", state("id_ed25519"))
}

fn tls() -> String {
    let [bundle, key, root] = ["tls/bundle.pem", "tls/key.pem", "tls/root.pem"].map(state);
    format!("tls:\n  terminates: appliance\n  certificate: {{files: [\"{bundle}\"], key: \"{key}\", roots: [\"{root}\"]}}\n")
}

fn smtp() -> String {
    format!(
        "smtp: {{provider: smtp, host: mail.lab.example, port: 587, username: portcullis, password: \"file:{}\", from: noreply@lab.example, \
         starttls: required, ca_certificates: [\"{}\"]}}\n",
        state("smtp-password"),
        state("tls/root.pem")
    )
}

fn proxy() -> String {
    format!(
        "proxy: {{kind: explicit, url: \"http://proxy.lab.example:3128\", ca_certificates: [\"{}\"], bypass: [mail.lab.example, .acme.lab.example], \
         exceptions: [cdn.auth0.com]}}\n",
        state("tls/proxy-ca.pem")
    )
}
