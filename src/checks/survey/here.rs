//! The machine that this program runs on, judged as what it is to be: the same checks as of a machine behind SSH, without a way in.

use std::future::ready;

use futures_util::join;

use super::access::not_run;
use super::{MACHINE, SUDO, SYSTEM, Survey, check_node, connector, machine};
use crate::checks::catalogue::access::HOST_KEY;
use crate::checks::catalogue::connector::CHECKS;
use crate::checks::catalogue::machines::{
    CORES, DISK_SIZE, ENTROPY, KERNEL, MEMORY, MOUNTS, NTP_OPTIONS, NTP_SYNC, PAIRWISE, SKEW, SWAP, VMWARE_TIME,
};
use crate::checks::machine::{connector_table, system, time};
use crate::checks::spec::{CheckSpec, Outcome};
use crate::event::Sink;
use crate::node::{self, Inquiry, Probe};
use crate::site::model::Node;

use super::connector::ConnectorLook;

/// What there is no way in to say of, and what takes another machine's clock.
const OF_OTHERS: [&CheckSpec; 5] = [&super::PATH, &SUDO, &HOST_KEY, &SKEW, &PAIRWISE];
/// What a connector's server has a check of its own for (`conn.hw`), or no figure at all.
const OF_NODES: [&CheckSpec; 3] = [&MEMORY, &CORES, &DISK_SIZE];
/// What every machine has to have in order.
static STANDING: &[&CheckSpec] = &[&MOUNTS, &KERNEL, &SWAP, &ENTROPY, &NTP_SYNC, &NTP_OPTIONS, &VMWARE_TIME];

/// Judges this machine as `node`.
pub async fn node_here<P: Probe>(node: &Node, here: P, survey: &Survey<'_>, sink: &dyn Sink) -> Vec<Outcome> {
    let mut outcomes = check_node(node, ready(Ok(here)), survey, sink).await.outcomes;
    outcomes.retain(|outcome| OF_OTHERS.iter().all(|spec| spec.id != outcome.spec.id));
    outcomes
}

/// Judges this machine as the server of a connector; without `look`, of which tenant and directory nobody knows.
pub async fn connector_here<P: Probe + Clone>(
    server: &Node,
    look: Option<&ConnectorLook<'_>>,
    here: P,
    survey: &Survey<'_>,
) -> Vec<Outcome> {
    let (mut outcomes, own) = join!(standing(server, &here, survey, look.is_none()), async {
        if let Some(look) = look {
            return connector(look, Some(ready(Ok(here.clone()))), survey).await;
        }
        let own = connector_table();
        let untried: Vec<&CheckSpec> = CHECKS.iter().copied().filter(|spec| own.iter().all(|own| own.id != spec.id)).collect();
        let why = "nobody said which tenant and directory are meant: `--tenant NAME --ldap-url URL`, or a site file (`--site FILE`)";
        not_run(&untried, &server.name, why)
    });
    outcomes.extend(own);
    outcomes.retain(|outcome| OF_OTHERS.iter().chain(&OF_NODES).all(|spec| spec.id != outcome.spec.id));
    outcomes
}

/// The machine itself; `alone` with what a connector's server is to be, where no look at a connector says it.
async fn standing<P: Probe>(server: &Node, here: &P, survey: &Survey<'_>, alone: bool) -> Vec<Outcome> {
    let figures = &survey.site.figures;
    let mut inquiry = Inquiry::machine();
    inquiry.survey(node::Survey::default());
    let asked = (survey.clock)();
    let facts = match here.look(&inquiry).await {
        Ok(facts) => facts,
        Err(error) => return not_run(&[MACHINE, STANDING].concat(), &server.name, &error.to_string()),
    };
    let mut outcomes = machine::machine(server, &facts, figures);
    // A connector may well run on it; what the check asks for is what playbooks know.
    let is_windows = facts.os.as_ref().is_some_and(|(id, _)| id.eq_ignore_ascii_case("windows"));
    outcomes.retain(|outcome| !(is_windows && outcome.spec.id == SYSTEM.id));
    let longer =
        [system(server, &facts, &figures.hardware), time(&server.name, &facts, &figures.clock, survey.site.surroundings.gives_time())];
    outcomes.extend(longer.concat().into_iter().filter(|outcome| STANDING.iter().any(|spec| spec.id == outcome.spec.id)));
    if alone {
        let own = crate::checks::machine::connector(&server.name, None, &facts, figures, (asked, (survey.clock)(), survey.now));
        outcomes.extend(own.into_iter().filter(|outcome| outcome.spec.id != crate::checks::catalogue::connector::CLOCK.id));
        let clock = &crate::checks::catalogue::connector::CLOCK;
        outcomes.extend(not_run(&[clock], &server.name, "there is no tenant whose clock this machine's could be compared with"));
    }
    outcomes
}
