//! The certificate that a machine serves, as its users meet it; where none is served, the one that is installed.

use std::time::Duration;

use tokio::time::timeout;

use crate::certs::{Certificate, NoPasswords, Origin, Source, read};
use crate::checks::services::tls::{Hello, Roots, probe};
use crate::cli::cluster::Cluster;
use crate::node::{Facts, FileFact, Machine, Probe};
use crate::report::status::Seen;
use crate::site::model::{Node, Site};

/// Longest wait for a connection, and for the handshake after it: a look at the state of things is to be quick.
const PATIENCE: Duration = Duration::from_secs(5);
const PORT: u16 = 443;

/// Days until it ends, and where it was seen.
pub(super) async fn days(
    site: &Site,
    node: &Node,
    machine: &Machine,
    facts: &Facts,
    (cluster, now): (&Cluster, jiff::Timestamp),
) -> Option<(i64, Seen)> {
    let (Some(_), Some(name)) = (&site.tls, site.names.required().into_iter().find(|name| !name.starts_with("*."))) else { return None };
    let served = served(&name, node, machine, (cluster, now)).await;
    served.map(|leaf| (leaf.days_left(now), Seen::Served)).or_else(|| installed(facts).map(|leaf| (leaf.days_left(now), Seen::Installed)))
}

// From the jumphost as the load balancer and users come, else from the machine itself.
async fn served(name: &str, node: &Node, machine: &Machine, (cluster, now): (&Cluster, jiff::Timestamp)) -> Option<Certificate> {
    let address = node.login.address.as_str();
    let stream = match timeout(PATIENCE, cluster.fleet().connect_tcp(address, PORT)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(_)) | Err(_) => timeout(PATIENCE, machine.connect_tcp("127.0.0.1", PORT)).await.ok()?.ok()?,
    };
    let roots = Roots::none();
    let served = probe(stream, &Hello { name, alpn: &[], roots: &roots, now, within: PATIENCE }).await.ok()?;
    let origin = Origin { file: address.to_owned(), line: None, place: 0, friendly_name: None };
    Certificate::from_der(served.chain.first()?, origin).ok()
}

// The chain stands leaf first in the file that the playbooks put there; CA certificates of the trust store are none.
fn installed(facts: &Facts) -> Option<Certificate> {
    let chains = facts.files.iter().filter(|(path, _)| !path.starts_with("/usr/local/share/ca-certificates/"));
    let leaves = chains.filter_map(|(path, fact)| {
        let FileFact::File { content: Some(bytes), .. } = fact else { return None };
        if !bytes.starts_with(b"-----BEGIN CERTIFICATE-----") {
            return None;
        }
        let bag = read(&[Source { name: path.clone(), bytes: bytes.clone() }], &NoPasswords);
        bag.certificates.first().map(|leaf| Certificate::clone(leaf))
    });
    leaves.min_by_key(|leaf| leaf.not_after)
}
