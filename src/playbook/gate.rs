//! What a node has to show after its run before the next one is touched; else its run is undone.

use schemars::JsonSchema;
use serde::Deserialize;

/// What a node has to show; everything that is named here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The port on which it has to serve the site's certificate with the full chain.
    pub serves_chain_on: Option<u16>,
    /// What it has to answer over HTTP, seen from the jumphost.
    pub http: Option<HttpGate>,
    /// A command that has to succeed on the node, as root, over a new login; it must only look.
    pub command: Option<String>,
    /// A name that the certificate it serves has to cover.
    pub tls_name: Option<TlsNameGate>,
    /// For how many seconds it is tried.
    #[serde(default = "default_seconds")]
    pub seconds: u16,
}

/// What a node has to answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpGate {
    /// The port; 443, or 80 without TLS, unless given.
    pub port: Option<u16>,
    /// The path, with its query.
    #[serde(default = "default_path")]
    pub path: String,
    /// The status that it has to answer with.
    #[serde(default = "default_status")]
    pub status: u16,
    /// Whether TLS is spoken; the certificate has to cover the name.
    #[serde(default = "default_tls")]
    pub tls: bool,
    /// The name asked for (`Host`, and SNI); the site's dashboard unless given.
    pub name: Option<String>,
}

/// A name that the certificate served on a port has to cover.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsNameGate {
    /// The port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The name; the site's dashboard unless given.
    pub name: Option<String>,
}

impl Gate {
    /// What is wrong with it, where something is, and what to do.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        if self.serves_chain_on.is_none() && self.http.is_none() && self.command.is_none() && self.tls_name.is_none() {
            return Some(("the gate asks for nothing", "it needs `serves_chain_on`, `http`, `command` or `tls_name`"));
        }
        let is_path = |path: &str| path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
        if self.http.as_ref().is_some_and(|http| !is_path(&http.path)) {
            return Some(("the gate's `path` cannot be asked for", "it has to begin with `/` and hold neither blanks nor line breaks"));
        }
        None
    }
}

fn default_seconds() -> u16 {
    5
}

fn default_path() -> String {
    "/".to_owned()
}

fn default_status() -> u16 {
    200
}

fn default_tls() -> bool {
    true
}

fn default_port() -> u16 {
    443
}

#[cfg(test)]
mod tests {
    use super::Gate;

    fn parsed(text: &str) -> Gate {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_gate_asks_for_something_and_its_path_smuggles_nothing() {
        assert!(parsed("{}").problem().is_some());
        assert!(parsed("{http: {path: 'x'}}").problem().is_some());
        assert!(parsed("{http: {path: \"/a\\r\\nHost: b\"}}").problem().is_some());
        let gate = parsed("{http: {path: /testall, tls: false}, command: nginx -t, tls_name: {}}");
        assert_eq!(gate.problem(), None);
        let http = gate.http.unwrap();
        assert_eq!((http.port, http.status, gate.seconds, gate.tls_name.unwrap().port), (None, 200, 5, 443));
    }
}
