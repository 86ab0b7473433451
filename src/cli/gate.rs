//! The gate of a rolling run: what a node has to show from outside before the next is touched.

use std::time::Duration;

use super::cluster::Cluster;
use super::desired::Desired;
use crate::checks::tls::{Hello, Roots, probe};
use crate::playbook::{Gate, GateKeeper};
use crate::site::model::Node;

const PATIENCE: Duration = Duration::from_secs(10);

/// The keeper of the playbook's gate, where it has one.
pub(crate) fn keeper<'a>(desired: &'a Desired, cluster: &'a Cluster, now: jiff::Timestamp) -> Option<Box<GateKeeper<'a>>> {
    let Gate { serves_chain_on } = desired.playbook.gate?;
    let chain = desired.material.tls.as_ref().map(|tls| tls.chain.as_slice())?;
    let name = desired.site.names.dashboard.as_str();
    Some(Box::new(move |node| Box::pin(serves_chain(cluster, node, serves_chain_on, Wanted { name, chain, now }))))
}

struct Wanted<'a> {
    name: &'a str,
    chain: &'a [Vec<u8>],
    now: jiff::Timestamp,
}

// From the jumphost, or from here without one: as the load balancer and the users come, not from the node itself.
async fn serves_chain(cluster: &Cluster, node: Node, port: u16, wanted: Wanted<'_>) -> Result<(), String> {
    let address = &node.login.address;
    let stream = cluster.fleet().connect_tcp(address, port).await.map_err(|error| error.to_string())?;
    let hello = Hello { name: wanted.name, alpn: &[], roots: &Roots::none(), now: wanted.now, within: PATIENCE };
    let served = probe(stream, &hello).await.map_err(|error| format!("no TLS on {address}:{port}: {error}"))?;
    if served.chain == wanted.chain {
        return Ok(());
    }
    let is_leaf = served.chain.first() == wanted.chain.first();
    let what = if is_leaf { "the new certificate, but not with its full chain in order" } else { "another certificate than the new one" };
    Err(format!("{address}:{port} serves {what}"))
}
