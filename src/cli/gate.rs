//! The gate of a run: what a node has to show from outside, and in a new login, before the next is touched.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use super::cluster::Cluster;
use super::desired::Desired;
use crate::checks::services::front::http_status;
use crate::checks::services::tls::{Hello, Roots, Served, covers, danger_handshake};
use crate::node::{Inquiry, Probe as _, quote};
use crate::playbook::{Gate, GateKeeper, HttpGate};
use crate::site::model::Node;

const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_millis(500);

/// The keeper of the playbook's gate, where it has one.
pub(crate) fn keeper<'a>(desired: &'a Desired, cluster: &'a Cluster, now: jiff::Timestamp) -> Option<Box<GateKeeper<'a>>> {
    let gate = desired.playbook.gate.as_ref()?;
    let chain = desired.material.tls.as_ref().map(|tls| tls.chain.as_slice());
    let watch = Watch { gate, cluster, chain, name: &desired.site.names.dashboard, now };
    Some(Box::new(move |node| Box::pin(watch.until_open(node))))
}

#[derive(Clone, Copy)]
struct Watch<'a> {
    gate: &'a Gate,
    cluster: &'a Cluster,
    chain: Option<&'a [Vec<u8>]>,
    name: &'a str,
    now: jiff::Timestamp,
}

impl Watch<'_> {
    // A service that was reloaded a moment ago may still be on its way.
    async fn until_open(self, node: Node) -> Result<(), String> {
        let until = Instant::now() + Duration::from_secs(u64::from(self.gate.seconds));
        loop {
            match self.look(&node, until).await {
                Err(_) if Instant::now() + BETWEEN < until => sleep(BETWEEN).await,
                seen => return seen,
            }
        }
    }

    // From the jumphost, or from here without one: as the load balancer and the users come, not from the node itself.
    async fn look(self, node: &Node, until: Instant) -> Result<(), String> {
        let Gate { serves_chain_on, http, command, tls_name, seconds: _ } = self.gate;
        if let (Some(port), Some(chain)) = (serves_chain_on, self.chain) {
            self.serves_chain(node, *port, chain).await?;
        }
        if let Some(wanted) = tls_name {
            let name = wanted.name.as_deref().unwrap_or(self.name);
            let (_, served) = self.tls(node, wanted.port, name).await?;
            covered(&served, name).map_err(|why| format!("{}:{}: {why}", node.login.address, wanted.port))?;
        }
        if let Some(http) = http {
            self.answers(node, http).await?;
        }
        match command {
            Some(command) => self.succeeds(node, command, until).await,
            None => Ok(()),
        }
    }

    async fn tls(&self, node: &Node, port: u16, name: &str) -> Result<(impl AsyncRead + AsyncWrite + Unpin, Served), String> {
        let address = &node.login.address;
        let stream = self.cluster.fleet().connect_tcp(address, port).await.map_err(|error| error.to_string())?;
        let hello = Hello { name, alpn: &[], roots: &Roots::none(), now: self.now, within: PATIENCE };
        danger_handshake(stream, &hello).await.map_err(|error| format!("no TLS on {address}:{port}: {error}"))
    }

    async fn serves_chain(&self, node: &Node, port: u16, chain: &[Vec<u8>]) -> Result<(), String> {
        let (_, served) = self.tls(node, port, self.name).await?;
        if served.chain == chain {
            return Ok(());
        }
        let is_leaf = served.chain.first() == chain.first();
        let what =
            if is_leaf { "the new certificate, but not with its full chain in order" } else { "another certificate than the new one" };
        Err(format!("{}:{port} serves {what}", node.login.address))
    }

    async fn answers(&self, node: &Node, http: &HttpGate) -> Result<(), String> {
        let HttpGate { port, path, status, tls, name } = http;
        let name = name.as_deref().unwrap_or(self.name);
        let port = port.unwrap_or(if *tls { 443 } else { 80 });
        let address = &node.login.address;
        let said = if *tls {
            let (mut stream, served) = self.tls(node, port, name).await?;
            covered(&served, name).map_err(|why| format!("{address}:{port}: {why}"))?;
            http_status(&mut stream, name, path, PATIENCE).await
        } else {
            let mut stream = self.cluster.fleet().connect_tcp(address, port).await.map_err(|error| error.to_string())?;
            http_status(&mut stream, name, path, PATIENCE).await
        };
        match said {
            Ok(said) if said == *status => Ok(()),
            Ok(said) => Err(format!("{address}:{port} answers {path} with {said}, not {status}")),
            Err(error) => Err(format!("{address}:{port} does not answer {path}: {error}")),
        }
    }

    // Ended with all it started when the gate's time is over: nobody waits for it any more.
    async fn succeeds(&self, node: &Node, command: &str, until: Instant) -> Result<(), String> {
        let machine = self.cluster.connect(node.clone()).await.map_err(|error| error.to_string())?;
        let mut inquiry = Inquiry::standing();
        let left = until.saturating_duration_since(Instant::now()).as_secs().max(1);
        let bounded = format!("timeout {left} sh -c {}", quote(command));
        inquiry.guard(&bounded);
        let facts = machine.look(&inquiry).await.map_err(|error| error.to_string())?;
        match facts.guards.get(&bounded) {
            Some(0) => Ok(()),
            Some(124) => Err(format!("`{command}` did not end within {left} s")),
            Some(status) => Err(format!("`{command}` ended with status {status}")),
            None => Err(format!("`{command}` could not be run")),
        }
    }
}

fn covered(served: &Served, name: &str) -> Result<(), String> {
    let leaf = served.chain.first().ok_or("no certificate is served")?;
    covers(leaf, name).map_err(|distrust| distrust.to_string())
}
