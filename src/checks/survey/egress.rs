//! The way out of a node: each destination that the site names, through its proxy or past it.

use futures_util::future::join_all;

use super::{Survey, within};
use crate::checks::proxy::{CHECKS, Destination, examine, examine_direct, unreachable};
use crate::checks::reach::Unreached;
use crate::checks::spec::{Outcome, Tally};
use crate::node::Probe;
use crate::site::model::{Node, ProxyKind};

/// Tries every exception of the site from the node, all at once.
pub(super) async fn exceptions<P: Probe>(node: &Node, machine: &P, survey: &Survey<'_>) -> Vec<Outcome> {
    let site = survey.site;
    if site.proxy.exceptions.is_empty() {
        let mut tally = Tally::of(&node.name);
        for spec in CHECKS {
            tally.not_applicable(spec, "the site file names no destination under `proxy.exceptions`");
        }
        return tally.complete(CHECKS, "");
    }
    let sources: Vec<String> = site.nodes.iter().map(|node| node.login.address.clone()).collect();
    let proxy = explicit_proxy(survey);
    let shown = proxy.as_ref().map(|(host, port)| format!("{host}:{port}"));
    let one = |exception: &String| {
        let (host, port) = host_and_port(exception, 443);
        let (proxy, shown, sources) = (&proxy, shown.as_deref(), &sources);
        async move {
            let asked = Destination {
                origin: &node.name,
                sources,
                proxy: shown,
                host: &host,
                port,
                public: &survey.trust.public,
                own_roots: &survey.trust.own,
                proxy_roots: &survey.trust.proxy,
                now: survey.now,
                patience: survey.patience,
            };
            let (to, at) = proxy.as_ref().map_or((host.as_str(), port), |(host, port)| (host.as_str(), *port));
            match within(survey.patience, machine.connect_tcp(to, at)).await {
                Ok(stream) if proxy.is_some() => examine(stream, &asked).await,
                Ok(stream) => examine_direct(stream, &asked).await,
                Err(Some(error)) => unreachable(&asked, &Unreached::from_remote(&error, to, survey.patience)),
                Err(None) => unreachable(&asked, &Unreached::Filtered { after: survey.patience }),
            }
        }
    };
    join_all(site.proxy.exceptions.iter().map(one)).await.into_iter().flat_map(|report| report.outcomes).collect()
}

fn explicit_proxy(survey: &Survey<'_>) -> Option<(String, u16)> {
    let proxy = &survey.site.proxy;
    let url = proxy.url.as_deref().filter(|_| proxy.kind == ProxyKind::Explicit)?;
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split('/').next().unwrap_or(rest);
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    Some(host_and_port(address, if scheme == "https" { 443 } else { 80 }))
}

fn host_and_port(text: &str, default: u16) -> (String, u16) {
    let parsed = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    // A colon within brackets belongs to the address.
    let parsed = parsed.filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let (host, port) = parsed.unwrap_or((text, default));
    (host.trim_start_matches('[').trim_end_matches(']').to_owned(), port)
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn a_destination_s_port_is_443_unless_it_is_given() {
        for (text, expected) in [
            ("cdn.example.com", ("cdn.example.com", 443)),
            ("cdn.example.com:8443", ("cdn.example.com", 8443)),
            ("[2001:db8::1]:8443", ("2001:db8::1", 8443)),
            ("2001:db8::1", ("2001:db8::1", 443)),
        ] {
            assert_eq!(host_and_port(text, 443), (expected.0.to_owned(), expected.1));
        }
    }
}
