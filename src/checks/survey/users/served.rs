//! TLS as each node serves it: one handshake for each name of the site, from the jumphost, or where no connection
//! comes about from there, from the node itself. Names that are answered by one chain are judged together.

use futures_util::future::join_all;

use crate::checks::services::reach::Unreached;
use crate::checks::services::tls::{Expected, HANDSHAKE, Hello, Served, TlsProbeError, outcomes, probe};
use crate::checks::spec::{Outcome, Tally};
use crate::checks::survey::{SERVED, Survey, TLS_TCP, within};
use crate::node::Probe;
use crate::site::model::{Node, Role};
use crate::ssh::{BoxedStream, Fleet};

const PORT: u16 = 443;

/// Why there is no connection.
enum Barred {
    /// The node did not take it.
    Unreached(Unreached),
    /// Nobody got as far as asking the node.
    NoRoad(String),
}

/// A node's answer for one name.
struct Answer {
    name: String,
    came: Result<Result<Served, TlsProbeError>, Barred>,
    /// Why the jumphost could not connect, where the node itself could.
    from_itself: Option<String>,
}

/// Looks at what a node serves; `machine` is `None` where nobody could log in to it.
pub(in crate::checks::survey) async fn served<P: Probe>(
    node: &Node,
    machine: Option<&P>,
    fleet: &Fleet,
    survey: &Survey<'_>,
) -> Vec<Outcome> {
    let names = survey.site.names.required();
    if survey.site.tls.is_none() || node.role != Role::Node || names.is_empty() {
        let why = if node.role == Role::Node { "the site file names no certificate or no name" } else { "this machine serves no users" };
        return not_asked(node, why);
    }
    let (wildcards, asked): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| name.starts_with("*."));
    let answers = join_all(asked.iter().map(|name| ask(name, node, machine, fleet, survey))).await;
    judge(node, answers, &wildcards, survey)
}

fn not_asked(node: &Node, why: &str) -> Vec<Outcome> {
    let mut tally = Tally::of(&node.name);
    for spec in SERVED {
        tally.not_applicable(spec, why);
    }
    tally.complete(SERVED, "")
}

async fn ask<P: Probe>(name: &str, node: &Node, machine: Option<&P>, fleet: &Fleet, survey: &Survey<'_>) -> Answer {
    let hello = Hello { name, alpn: &["http/1.1"], roots: &survey.trust.site, now: survey.now, within: survey.patience };
    let (came, from_itself) = match dial(node, machine, fleet, survey).await {
        Ok((stream, from_itself)) => (Ok(probe(stream, &hello).await), from_itself),
        Err(why) => (Err(why), None),
    };
    Answer { name: name.to_owned(), came, from_itself }
}

async fn dial<P: Probe>(
    node: &Node,
    machine: Option<&P>,
    fleet: &Fleet,
    survey: &Survey<'_>,
) -> Result<(BoxedStream, Option<String>), Barred> {
    let address = node.login.address.as_str();
    let why = match within(survey.patience, fleet.connect_tcp(address, PORT)).await {
        Ok(stream) => return Ok((stream, None)),
        // The target's place bears its address; any other is a hop's.
        Err(Some(error)) if error.place().is_none_or(|place| place.machine != address) => return Err(Barred::NoRoad(error.to_string())),
        Err(Some(error)) => Unreached::from_ssh(&error, address, survey.patience),
        Err(None) => Unreached::Filtered { after: survey.patience },
    };
    let Some(machine) = machine else { return Err(Barred::Unreached(why)) };
    match within(survey.patience, machine.connect_tcp(address, PORT)).await {
        Ok(stream) => Ok((stream, Some(why.to_string()))),
        // What the way from outside met is what users meet.
        Err(_) => Err(Barred::Unreached(why)),
    }
}

fn judge(node: &Node, answers: Vec<Answer>, wildcards: &[String], survey: &Survey<'_>) -> Vec<Outcome> {
    let server = format!("{}:{PORT}", node.name);
    if let Some(barred) = answers.iter().find_map(|answer| answer.came.as_ref().err()) {
        return not_connected(&server, barred);
    }
    let mut groups: Vec<(Vec<String>, Result<Served, TlsProbeError>)> = Vec::new();
    let mut from_itself = None;
    for answer in answers {
        from_itself = from_itself.or(answer.from_itself);
        let Ok(came) = answer.came else { continue };
        match groups.iter_mut().find(|(_, known)| is_same(known, &came)) {
            Some((names, _)) => names.push(answer.name),
            None => groups.push((vec![answer.name], came)),
        }
    }
    let mut tally = Tally::of(&server);
    tally.passed(
        &TLS_TCP,
        from_itself.map_or("connected".to_owned(), |why| format!("connected from the node itself; from the jumphost: {why}")),
    );
    let mut all = tally.complete(&[&TLS_TCP], "");
    let several = groups.len() > 1;
    for (place, (mut names, came)) in groups.into_iter().enumerate() {
        let subject = if several { format!("{server} for {}", names.join(", ")) } else { server.clone() };
        if place == 0 {
            names.extend(wildcards.iter().cloned());
        }
        let expected = Expected { leaf: survey.leaf.as_deref(), names: &names, roots: &survey.trust.site, now: survey.now };
        let mut judged = outcomes(&subject, &came, &expected);
        if let Some(handshake) = judged.iter_mut().find(|outcome| outcome.spec.id == HANDSHAKE.id) {
            handshake.evidence.push(format!("asked for {}", names.join(", ")));
        }
        all.extend(judged);
    }
    all
}

fn not_connected(server: &str, barred: &Barred) -> Vec<Outcome> {
    let mut tally = Tally::of(server);
    match barred {
        Barred::NoRoad(why) => tally.complete(SERVED, why),
        Barred::Unreached(why) => {
            let nobody_listens = "nothing serves users there: `portcullis apply tls`, then `systemctl status nginx` on the node".to_owned();
            let fix = if *why == Unreached::Refused { nobody_listens } else { why.fix("the jumphost", server) };
            tally.found(&TLS_TCP, why.to_string(), fix);
            tally.complete(SERVED, "no connection came about")
        }
    }
}

fn is_same(one: &Result<Served, TlsProbeError>, other: &Result<Served, TlsProbeError>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one.chain == other.chain && one.version == other.version,
        (Err(one), Err(other)) => one.to_string() == other.to_string(),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}
