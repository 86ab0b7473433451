//! `NO_PROXY` is no standard: which programs read which form, told for the site's own list. Pure.

use std::net::IpAddr;

use crate::checks::catalogue::egress::NO_PROXY;
use crate::checks::spec::{Outcome, Tally};
use crate::site::model::{ProxyKind, Site};

/// How a host that is to be reached directly is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `host.example`
    Host,
    /// `.domain.example`
    Domain,
    /// `10.0.0.1`
    Address,
    /// `10.0.0.0/8`
    Network,
}

impl Form {
    /// The form of an entry of the list.
    pub fn of(entry: &str) -> Self {
        if entry.parse::<IpAddr>().is_ok() {
            Self::Address
        } else if entry.contains('/') {
            Self::Network
        } else if entry.starts_with('.') {
            Self::Domain
        } else {
            Self::Host
        }
    }
}

/// A program, and what it takes each form for, in the order host, domain, address, network; empty: nothing.
pub static PROGRAMS: &[(&str, [&str; 4])] = &[
    ("curl", ["the host and all below it", "the domain and all below it", "the address", "the network, from 7.86 on"]),
    ("Go", ["the host and all below it", "all below the domain, not itself", "the address", "the network"]),
    (
        "Python requests",
        [
            "the host and all below it; older ones whatever ends in it",
            "the domain and all below it",
            "the address",
            "the network, for addresses alone",
        ],
    ),
    ("Python urllib", ["the host and all below it", "the domain and all below it", "the address", ""]),
    ("wget", ["the host and all below it", "all below the domain, not itself", "the address", ""]),
    ("apt", ["the host and whatever ends in it", "all below the domain, not itself", "the address", ""]),
    ("Java", ["", "", "", ""]),
    ("systemd", ["", "", "", ""]),
];

/// Tells where programs disagree about the site's list.
pub fn no_proxy(site: &Site) -> Vec<Outcome> {
    let mut tally = Tally::of("proxy.bypass");
    if site.proxy.kind != ProxyKind::Explicit || site.proxy.bypass.is_empty() {
        tally.not_applicable(&NO_PROXY, "the site has no explicit proxy, or no host that is reached directly");
        return tally.complete(&[&NO_PROXY], "");
    }
    for entry in &site.proxy.bypass {
        match Form::of(entry) {
            Form::Network => {
                let deaf = "wget, apt and Python's urllib";
                let message = format!(
                    "`{entry}` is read by curl (7.86 and later), Go and Python's requests; {deaf} send such addresses to the proxy"
                );
                tally.found(&NO_PROXY, message, "name the hosts of that network that the nodes reach, beside the network");
            }
            Form::Domain => {
                let domain = entry.trim_start_matches('.');
                let has_itself = site.proxy.bypass.iter().any(|other| other == domain);
                if has_itself {
                    tally.passed(&NO_PROXY, format!("{entry}, and {domain} itself"));
                } else {
                    let message = format!("`{entry}` means `{domain}` itself to curl and Python, and not to Go, wget and apt");
                    tally.found(&NO_PROXY, message, format!("add `{domain}` where that host is reached directly too"));
                }
            }
            Form::Host | Form::Address => tally.passed(&NO_PROXY, format!("{entry}: alike to all that read the list")),
        }
    }
    tally.evidence(&NO_PROXY, "Java reads `http.nonProxyHosts` (`*.domain|host`), and systemd's services read their own `Environment=`");
    tally.complete(&[&NO_PROXY], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::spec::findings;

    #[test]
    fn networks_and_domains_are_told_and_hosts_are_not() {
        let judged = |bypass: &str| {
            let text = format!(
                "site: a\nenvironment: qa\nroute: {{vpn: true}}\nnodes: [{{name: a0-1, address: 10.0.0.1}}]\nproxy: {{kind: explicit, url: 'http://p.example:3128', bypass: [{bypass}]}}\n"
            );
            findings(&no_proxy(&crate::site::parse(&text, std::path::Path::new("site.yaml")).unwrap())).len()
        };
        assert_eq!(judged("mail.corp.example, 10.0.0.9"), 0);
        assert_eq!(judged(".corp.example, 10.0.0.0/8"), 2);
        assert_eq!(judged(".corp.example, corp.example"), 0);
    }
}
