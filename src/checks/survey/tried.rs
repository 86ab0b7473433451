//! Ports tried from a node: its peers', the load balancer's, and those of other environments, which must not answer.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Survey, within};
use crate::checks::catalogue::network::{CLUSTER_PORTS, ENV_PORTS, HAIRPIN};
use crate::checks::services::reach::Unreached;
use crate::checks::spec::{Outcome, Tally, Verdict};
use crate::node::Probe;
use crate::site::model::{Node, Role};
use crate::site::profile::{End, Port, Protocol};

/// A filtered port shows by silence; longer than this nobody has to wait for a neighbour.
const LONGEST: Duration = Duration::from_secs(8);
/// Ports by which a machine of another environment would show.
const TELLING: [u16; 2] = [22, 443];

/// Tries all of them at once.
pub(super) async fn tried<P: Probe>(node: &Node, machine: &P, survey: &Survey<'_>) -> Vec<Outcome> {
    let mut tally = Tally::of(&node.name);
    let dial = Dial { machine, patience: survey.patience.min(LONGEST) };
    let peers = peers(node, survey);
    let (ports, hairpin, others) = futures_util::join!(dial.all(&peers), dial.balancer(survey), dial.others(survey));
    judge_hairpin(node, survey, hairpin, &mut tally);
    judge_others(survey, others, &mut tally);
    let mut outcomes = judge_ports(node, &peers, ports);
    outcomes.extend(tally.complete(&[&HAIRPIN, &ENV_PORTS], "not tried"));
    outcomes
}

struct Dial<'p, P> {
    machine: &'p P,
    patience: Duration,
}

/// A port of a machine.
struct Target {
    name: String,
    host: String,
    port: u16,
    purpose: String,
}

impl<P: Probe> Dial<'_, P> {
    /// Whether a connection comes about.
    async fn one(&self, host: &str, port: u16) -> Result<(), Unreached> {
        match within(self.patience, self.machine.connect_tcp(host, port)).await {
            Ok(_stream) => Ok(()),
            Err(Some(error)) => Err(Unreached::from_remote(&error, host, self.patience)),
            Err(None) => Err(Unreached::Filtered { after: self.patience }),
        }
    }

    async fn all(&self, targets: &[Target]) -> Vec<Result<(), Unreached>> {
        join_all(targets.iter().map(|target| self.one(&target.host, target.port))).await
    }

    async fn balancer(&self, survey: &Survey<'_>) -> Option<Result<(), Unreached>> {
        let balancer = survey.site.load_balancer.as_ref()?;
        Some(self.one(&balancer.address, balancer.port).await)
    }

    /// Addresses of other environments that answer, with the port.
    async fn others(&self, survey: &Survey<'_>) -> Vec<(String, String, u16)> {
        let mut all = Vec::new();
        for other in &survey.site.surroundings.other_environments {
            for address in &other.addresses {
                all.extend(TELLING.map(|port| (other.name.clone(), address.clone(), port)));
            }
        }
        let answers = join_all(all.iter().map(|(_, address, port)| self.one(address, *port))).await;
        // Who refuses is reached as well.
        let answered = |answer: &Result<(), Unreached>| matches!(answer, Ok(()) | Err(Unreached::Refused | Unreached::Reset));
        all.into_iter().zip(answers).filter(|(_, answer)| answered(answer)).map(|(one, _)| one).collect()
    }
}

fn peers(node: &Node, survey: &Survey<'_>) -> Vec<Target> {
    let site = survey.site;
    if node.role != Role::Node {
        return Vec::new();
    }
    let is_needed = |port: &&Port| {
        let used = port.feature.as_ref().is_some_and(|feature| site.surroundings.uses(feature));
        (port.from, port.to, port.protocol) == (End::Node, End::Node, Protocol::Tcp) && (port.required || used)
    };
    let ports: Vec<&Port> = site.figures.ports.iter().filter(is_needed).collect();
    let peers = site.nodes.iter().filter(|peer| peer.name != node.name && peer.role == Role::Node);
    let of_peer = |peer: &Node| {
        let target = |port: &&Port| Target {
            name: peer.name.clone(),
            host: peer.login.address.clone(),
            port: port.port,
            purpose: port.purpose.clone(),
        };
        ports.iter().map(target).collect::<Vec<_>>()
    };
    peers.flat_map(of_peer).collect()
}

/// A peer while its ports are judged.
struct Judged<'j> {
    peer: &'j str,
    tally: Tally,
    /// Ports that gave no answer, by what kept them from it.
    silent: Vec<(Unreached, Vec<String>)>,
}

/// One verdict a peer, so that a peer that is down can be told from one that is filtered.
fn judge_ports(node: &Node, targets: &[Target], answers: Vec<Result<(), Unreached>>) -> Vec<Outcome> {
    if targets.is_empty() {
        let mut tally = Tally::of(&node.name);
        tally.not_applicable(&CLUSTER_PORTS, "the machine has no peers of its kind");
        return tally.complete(&[], "");
    }
    let mut peers: Vec<Judged<'_>> = Vec::new();
    for (target, answer) in targets.iter().zip(answers) {
        if peers.last().is_none_or(|judged| judged.peer != target.name) {
            let tally = Tally::of(&format!("{} from {}", target.name, node.name));
            peers.push(Judged { peer: &target.name, tally, silent: Vec::new() });
        }
        let Some(Judged { tally, silent, .. }) = peers.last_mut() else { continue };
        let place = format!("{} ({})", target.port, target.purpose);
        match answer {
            Ok(()) => tally.passed(&CLUSTER_PORTS, place),
            // The packets pass; before the appliance is installed nobody listens.
            Err(Unreached::Refused) => tally.passed(&CLUSTER_PORTS, format!("{place}: reached, nothing listens yet")),
            Err(why) => match silent.iter_mut().find(|(known, _)| *known == why) {
                Some((_, places)) => places.push(place),
                None => silent.push((why, vec![place])),
            },
        }
    }
    let ended = peers.into_iter().map(|Judged { peer, mut tally, silent }| {
        for (why, places) in silent {
            let ports = places.join(", ");
            let fix = why.fix(&node.name, &format!("{peer}, port {ports}"));
            tally.found(&CLUSTER_PORTS, format!("port {ports}: {why}"), format!("{fix}, both ways"));
        }
        tally.complete(&[], "")
    });
    ended.flatten().collect()
}

/// What was found of peers that nobody could reach is no fault of the way to them.
pub fn forgive_unreached(outcomes: &mut [Outcome], unreached: &[&str]) {
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.spec.id == CLUSTER_PORTS.id) {
        let peer = outcome.subject.split(" from ").next().unwrap_or_default();
        if matches!(outcome.verdict, Verdict::Found { .. }) && unreached.contains(&peer) {
            outcome.verdict = Verdict::CouldNotRun { why: format!("{peer} itself could not be reached") };
        }
    }
}

fn judge_hairpin(node: &Node, survey: &Survey<'_>, answer: Option<Result<(), Unreached>>, tally: &mut Tally) {
    let Some((balancer, answer)) = survey.site.load_balancer.as_ref().zip(answer) else {
        return tally.not_applicable(&HAIRPIN, "the site has no load balancer");
    };
    let place = format!("{}:{}", balancer.address, balancer.port);
    match answer {
        Ok(()) => tally.passed(&HAIRPIN, format!("connected to {place}")),
        Err(why) => {
            let fix = format!("{}; rules and webtasks call the appliance by its front door", why.fix(&node.name, &place));
            tally.found(&HAIRPIN, format!("{place}: {why}"), fix);
        }
    }
}

fn judge_others(survey: &Survey<'_>, answering: Vec<(String, String, u16)>, tally: &mut Tally) {
    let others = &survey.site.surroundings.other_environments;
    if others.iter().all(|other| other.addresses.is_empty()) {
        return tally.not_applicable(&ENV_PORTS, "no machine of another environment is named under `other_environments`");
    }
    if answering.is_empty() {
        tally.passed(&ENV_PORTS, "no machine of another environment answers");
    }
    for (environment, address, port) in answering {
        let message = format!("{address}:{port} of the environment `{environment}` answers it");
        tally.found(&ENV_PORTS, message, "keep the environments' networks apart: no route, or a firewall that drops");
    }
}
