//! The ledger's newest head on the nodes: left there when something was done, asked for when the ledger is verified.

use futures_util::stream::{self, StreamExt as _};

use super::cluster::{Cluster, limited};
use super::context::Context;
use super::failure::Failure;
use super::outcome::chain;
use super::record::ledger_failure;
use crate::ledger::checkpoint::SignedCheckpoint;
use crate::ledger::{KnownHead, Ledger};
use crate::node::{Machine, Probe as _};
use crate::site::model::{Node, Site};

/// A tail cut off shows as long as one of them tells; each more costs its machine a login's worth of work.
const KEEPERS: usize = 3;

/// What the nodes said.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The heads that they keep.
    pub(crate) heads: Vec<KnownHead>,
    /// Who answered.
    pub(crate) answered: Vec<String>,
    /// Who did not, and why.
    pub(crate) silent: Vec<(String, String)>,
}

impl Asked {
    /// Says who was asked, and who gave no answer.
    pub(crate) fn tell(&self, context: &Context) -> Result<(), Failure> {
        if !self.answered.is_empty() {
            context.say(&format!("{} checkpoints are kept by {}\n", self.heads.len(), self.answered.join(", ")))?;
        }
        self.silent.iter().try_for_each(|(node, why)| context.say(&format!("{node} was not asked: {why}\n")))
    }
}

/// Leaves the newest head on the first of `machines`, over the sessions that they have. Failing is told and stops nothing:
/// the head stands beside the ledger too.
pub(crate) async fn leave(context: &Context, ledger: &Ledger, machines: &[Machine]) -> Result<(), Failure> {
    let Some(head) = ledger.checkpoint().map_err(ledger_failure)? else { return Ok(()) };
    let text = head.render_note();
    let (id, seq) = (head.checkpoint.ledger.to_string(), head.checkpoint.seq);
    let one = |machine: Machine| {
        let (id, text) = (&id, &text);
        async move { machine.keep_head(id, seq, text).await.err().map(|error| (machine.name().to_owned(), chain(&error))) }
    };
    let leaving = stream::iter(machines.iter().take(KEEPERS).cloned()).map(one).buffered(KEEPERS);
    let failed: Vec<_> = leaving.filter_map(|failed| async { failed }).collect().await;
    for (node, why) in failed {
        tracing::warn!(node, why, "the ledger's head was not left");
        context.say(&format!("the ledger's newest checkpoint was not left on {node}: {why}\n"))?;
    }
    Ok(())
}

/// Asks all nodes for the heads that they keep of this ledger.
pub(crate) async fn ask(context: &Context, site: &Site, ledger: &Ledger) -> Result<Asked, Failure> {
    let Some(id) = ledger.id().map_err(ledger_failure)? else { return Ok(Asked::default()) };
    let nodes = limited(site, &[])?;
    let cluster = Cluster::new(context, site, context.secrets(&site.folder), &nodes)?;
    let one = |node: Node| {
        let (cluster, id) = (&cluster, id.to_string());
        async move {
            let name = node.name.clone();
            let kept = async { cluster.connect(node).await?.kept_heads(&id).await };
            (name, kept.await)
        }
    };
    let answers: Vec<_> = super::interrupt::or_stop(stream::iter(nodes).map(one).buffered(50).collect()).await?;
    cluster.close().await;
    let mut asked = Asked::default();
    for (node, answer) in answers {
        match answer {
            Err(error) => asked.silent.push((node, chain(&error))),
            Ok(kept) => {
                for text in kept {
                    match SignedCheckpoint::parse(text.as_bytes()) {
                        Ok(head) => asked.heads.push(KnownHead::signed(&node, head)),
                        Err(error) => asked.silent.push((node.clone(), format!("it keeps something else as well: {error}"))),
                    }
                }
                asked.answered.push(node);
            }
        }
    }
    Ok(asked)
}
