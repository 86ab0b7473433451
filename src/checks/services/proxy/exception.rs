//! The exception that a proxy's administrators must make, in the three forms in which they take it. Pure text.

/// One destination that some machines must reach without a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The machines' addresses, as the proxy sees them; empty: unknown.
    pub sources: Vec<String>,
    /// The destination's name.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Exception {
    /// For `squid.conf`, above the first `http_access` line that names `proxy_auth`.
    pub fn squid(&self) -> String {
        let label: String = self.host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let acl = if self.host.parse::<std::net::IpAddr>().is_ok() { "dst" } else { "dstdomain" };
        let sources = if self.sources.is_empty() { "ADDRESSES-OF-THE-NODES".to_owned() } else { self.sources.join(" ") };
        format!(
            "acl portcullis_nodes src {sources}; acl portcullis_{label} {acl} {host}; acl portcullis_port_{port} port {port}; \
             http_access allow portcullis_nodes portcullis_{label} portcullis_port_{port}",
            host = self.host,
            port = self.port
        )
    }

    /// For a PAC file, where the nodes may also go directly.
    pub fn pac(&self) -> String {
        format!("if (host == \"{}\") return \"DIRECT\";", self.host)
    }

    /// In plain words.
    pub fn words(&self) -> String {
        let sources = if self.sources.is_empty() { "the appliance's nodes".to_owned() } else { self.sources.join(", ") };
        format!("please let {sources} reach {} on port {} through the proxy without authentication", self.host, self.port)
    }

    /// All three, for a finding's fix.
    pub fn fix(&self) -> String {
        format!(
            "ask the proxy team: {} — squid, each on a line of its own, above the first `http_access` line that asks for a login or denies: `{}` — PAC file, where the nodes may go out directly: `{}`",
            self.words(),
            self.squid(),
            self.pac()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_name_machines_host_and_port() {
        let exception =
            Exception { sources: vec!["10.20.0.11".to_owned(), "10.20.0.12".to_owned()], host: "cdn.example.com".to_owned(), port: 443 };
        assert_eq!(
            exception.squid(),
            "acl portcullis_nodes src 10.20.0.11 10.20.0.12; acl portcullis_cdn_example_com dstdomain cdn.example.com; \
             acl portcullis_port_443 port 443; http_access allow portcullis_nodes portcullis_cdn_example_com portcullis_port_443"
        );
        assert_eq!(exception.pac(), "if (host == \"cdn.example.com\") return \"DIRECT\";");
        assert!(exception.words().contains("10.20.0.11, 10.20.0.12 reach cdn.example.com on port 443"));
    }

    #[test]
    fn an_address_is_no_domain() {
        let exception = Exception { sources: Vec::new(), host: "192.0.2.7".to_owned(), port: 443 };
        assert!(exception.squid().contains(" dst 192.0.2.7;"));
    }
}
