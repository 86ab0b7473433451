//! The longer look at a machine: one exec beside the probe's, so that the probe's reading of the clock stays sharp.

use crate::checks::catalogue::{access, machines, network};
use crate::checks::machine::{self, Asked, Drives};
use crate::checks::spec::{CheckSpec, Outcome};
use crate::checks::survey::{Survey, access as way_in, egress};
use crate::node::{self, Inquiry, Probe};
use crate::site::model::{Node, ProxyKind, Role, Site};
use crate::site::profile::Party;

/// Everything that the longer look is for.
pub fn table() -> Vec<&'static CheckSpec> {
    [machines::SURVEYED, network::SURVEYED, access::SSHD, &[&network::SEGMENT]].concat()
}

/// Looks at a machine's drives, system, time service, network, names and SSH service.
pub(in crate::checks::survey) async fn look<P: Probe>(node: &Node, machine: &P, survey: &Survey<'_>) -> (Vec<Outcome>, Option<Drives>) {
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
        Err(error) => return (way_in::not_run(&table(), &node.name, &way_in::reason(&error)), None),
    };
    let target = site.load_balancer.as_ref().map_or("the appliance's address", |balancer| balancer.address.as_str());
    let (mut outcomes, drives) = machine::drives(node, &facts, site);
    outcomes.extend(machine::system(node, &facts, &site.figures.hardware));
    outcomes.extend(machine::time(&node.name, &facts, &site.figures.clock, site.surroundings.gives_time()));
    outcomes.extend(machine::sshd(&node.name, &facts));
    outcomes.extend(machine::names(&node.name, &facts, &asked, target));
    outcomes.extend(machine::network(node, &facts, site));
    outcomes.extend(machine::segment(node, &facts, site));
    (outcomes, drives)
}

/// What every node has to be able to look up.
fn asked(site: &Site) -> Asked {
    let mut own = site.names.required();
    own.extend(site.names.custom_domains.iter().map(|custom| custom.domain.clone()));
    own.retain(|name| !name.starts_with("*."));
    let mut hosts: Vec<String> = site.smtp.iter().map(|smtp| smtp.host.clone()).collect();
    hosts.extend(egress::explicit_proxy(site).map(|(host, _)| host));
    hosts.extend(site.ntp_servers.iter().cloned());
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
