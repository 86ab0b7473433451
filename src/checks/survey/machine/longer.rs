//! The longer look at a machine: one exec beside the probe's, so that the probe's reading of the clock stays sharp.

use std::time::Duration;

use futures_util::future::join_all;

use crate::checks::catalogue::{access, machines, network};
use crate::checks::machine::{self as judge, Asked, Drives, Known, Reasons};
use crate::checks::services::dns;
use crate::checks::spec::{CheckSpec, Outcome};
use crate::checks::survey::{Survey, access as way_in, egress, within};
use crate::node::{self, Facts, Inquiry, Probe};
use crate::site::model::{Node, ProxyKind, Role, Site};
use crate::site::profile::Party;

/// A resolver that is filtered shows by silence; longer than this nobody has to wait for it.
const LONGEST: Duration = Duration::from_secs(4);

/// Everything that the longer look is for.
pub fn table() -> Vec<&'static CheckSpec> {
    [machines::SURVEYED, network::SURVEYED, access::SSHD, &[&network::SEGMENT]].concat()
}

/// What came of the longer look.
#[derive(Debug, Default)]
pub(in crate::checks::survey) struct Looked {
    pub(in crate::checks::survey) outcomes: Vec<Outcome>,
    pub(in crate::checks::survey) drives: Option<Drives>,
    /// What the site's names mean there, where nothing says what they must mean.
    pub(in crate::checks::survey) names: Known,
}

/// Looks at a machine's drives, system, time service, network, names and SSH service.
pub(in crate::checks::survey) async fn look<P: Probe>(node: &Node, machine: &P, survey: &Survey<'_>) -> Looked {
    let site = survey.site;
    let asked = asked(site);
    let peers = site.nodes.iter().filter(|peer| peer.name != node.name && matches!(peer.role, Role::Node | Role::Arbiter));
    let mut inquiry = Inquiry::standing();
    inquiry.survey(node::Survey {
        names: [asked.own.clone(), asked.hosts.clone()].concat(),
        peers: peers.map(|peer| peer.login.address.clone()).collect(),
    });
    let facts = match machine.look(&inquiry).await {
        Ok(facts) => facts,
        Err(error) => return Looked { outcomes: way_in::not_run(&table(), &node.name, &way_in::reason(&error)), ..Looked::default() },
    };
    let reasons = reasons(machine, &facts, &asked, survey.patience.min(LONGEST)).await;
    let (mut outcomes, drives) = judge::drives(node, &facts, site);
    outcomes.extend(judge::system(node, &facts, &site.figures.hardware));
    outcomes.extend(judge::time(&node.name, &facts, &site.figures.clock, site.surroundings.gives_time()));
    outcomes.extend(judge::sshd(&node.name, &facts));
    let (judged, names) = judge::names(&node.name, &facts, &asked, &reasons, site);
    outcomes.extend(judged);
    outcomes.extend(judge::network(node, &facts, site));
    outcomes.extend(judge::segment(node, &facts, site));
    Looked { outcomes, drives, names }
}

/// Asks the machine's resolvers, from there, why names have no address: the first one that says something counts.
async fn reasons<P: Probe>(machine: &P, facts: &Facts, asked: &Asked, patience: Duration) -> Reasons {
    const PORT: u16 = 53;
    const MOST: usize = 12;
    let resolvers: Vec<&str> = facts.seen("resolver").take(2).collect();
    let why = async |name: &str| {
        for resolver in &resolvers {
            let Ok(stream) = within(patience, machine.connect_tcp(resolver, PORT)).await else { continue };
            let silence = dns::why_unknown(stream, name, patience).await;
            if silence != dns::Silence::Mute {
                return Some((name.to_owned(), format!("{resolver} says: {silence}")));
            }
        }
        None
    };
    join_all(judge::unknown(facts, asked).take(MOST).map(why)).await.into_iter().flatten().collect()
}

/// What every node has to be able to look up.
fn asked(site: &Site) -> Asked {
    let mut own = site.names.required();
    own.extend(site.names.custom_domains.iter().map(|custom| custom.domain.clone()));
    own.retain(|name| !name.starts_with("*."));
    let mut hosts: Vec<String> = site.smtp.iter().map(|smtp| smtp.host.clone()).collect();
    hosts.extend(egress::explicit_proxy(site).map(|(host, _)| host));
    hosts.extend(site.ntp_servers.iter().cloned());
    hosts.extend(site.load_balancer.iter().map(|balancer| balancer.address.clone()));
    // An explicit proxy looks the destinations up by itself.
    if site.proxy.kind != ProxyKind::Explicit && !site.surroundings.is_restricted {
        let needed = site.figures.destinations.iter().filter(|one| one.required && one.from.contains(&Party::Nodes));
        hosts.extend(needed.map(|destination| destination.host.clone()));
    }
    hosts.retain(|host| host.parse::<std::net::IpAddr>().is_err());
    hosts.sort();
    hosts.dedup();
    Asked { own, hosts }
}
