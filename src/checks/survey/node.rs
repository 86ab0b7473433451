//! One machine from end to end: reached, probed, and everything about it looked at together.

use futures_util::join;

use super::machine::{Reading, longer};
use super::users::served;
use super::{MACHINE, SKEW, SUDO, Survey, access, egress, machine, mail, tried, users};
use crate::checks::machine::{Drives, Known};
use crate::checks::services::{proxy, smtp};
use crate::checks::spec::{CheckSpec, Outcome, Tally, findings};
use crate::event::{Event, Phase, Sink, State};
use crate::finding::Severity;
use crate::node::{Inquiry, Probe, RemoteError};
use crate::site::model::Node;
use crate::ssh::Fleet;

/// What came of looking at a machine.
#[derive(Debug)]
pub struct Seen {
    /// The machine.
    pub machine: String,
    /// Whether it was reached and logged in to.
    pub reached: bool,
    /// Every check about it.
    pub outcomes: Vec<Outcome>,
    /// Its clock, where that was read.
    pub reading: Option<Reading>,
    /// Its drives, where they were looked at.
    pub drives: Option<Drives>,
    /// What the site's names mean there, where they were looked up and nothing says what they must mean.
    pub names: Known,
}

/// How mail is proved to work.
#[derive(Debug, Clone, Copy)]
pub enum Mail<'a> {
    /// By a login at the mail server.
    LogIn,
    /// By a mail to this address.
    Send(&'a str),
}

/// Reaches a node and looks at the machine, its clock, its mail and its way out.
pub async fn check_node<P: Probe>(
    node: &Node,
    connecting: impl Future<Output = Result<P, RemoteError>>,
    survey: &Survey<'_>,
    sink: &dyn Sink,
) -> Seen {
    let teller = Teller { sink, machine: &node.name };
    let reached = match reach(&teller, connecting).await {
        Ok(reached) => reached,
        Err(error) => return unreached(node, &error, &[&super::of_node()]),
    };
    teller.tell(Phase::Probe, State::Started, None);
    let held = reached.held();
    let looking = async {
        if survey.wants.machine { look(node, &reached, survey).await } else { (access::passed(&node.name, "logged in", false), None) }
    };
    let logging_in = async { if survey.wants.mail { mail::log_in(node, &reached, survey).await } else { Vec::new() } };
    let going_out = async { if survey.wants.way_out { egress::exceptions(node, &reached, survey, true).await } else { Vec::new() } };
    let longer = async { if survey.wants.longer { longer::look(node, &reached, survey).await } else { longer::Looked::default() } };
    let trying = async { if survey.wants.ports { tried::tried(node, &reached, survey).await } else { Vec::new() } };
    let ((mut outcomes, reading), longer, ports, login, way_out) = join!(looking, longer, trying, logging_in, going_out);
    let mut tried = [ports, login, way_out].concat();
    access::forgive_lost(held, &node.name, (&mut outcomes, &mut tried), survey.patience).await;
    outcomes.extend([longer.outcomes, tried].concat());
    teller.ended(Phase::Probe, &outcomes);
    Seen { machine: node.name.clone(), reached: true, outcomes, reading, drives: longer.drives, names: longer.names }
}

/// Reads the jumphost's clock. One that runs no commands is no fault: it has to forward, nothing else.
pub async fn check_jumphost<P: Probe>(jumphost: &P, survey: &Survey<'_>) -> Seen {
    let asked = (survey.clock)();
    let looked = super::within(survey.patience, jumphost.look(&Inquiry::machine())).await;
    let answered = (survey.clock)();
    let name = jumphost.name();
    let shown = looked.ok().and_then(|facts| facts.moment());
    let reading = shown.map(|shown| Reading::new(name, shown, asked, answered));
    let mut tally = Tally::of(name);
    if reading.is_none() {
        tally.not_applicable(&SKEW, "the jumphost runs no commands for us");
    }
    let mut outcomes = access::passed(name, "logged in", false);
    outcomes.extend(tally.complete(&[], ""));
    Seen { machine: name.to_owned(), reached: true, outcomes, reading, drives: None, names: Known::new() }
}

/// Proves from the outside that a node serves what it should, and from within that mail and proxy work.
pub async fn verify_node<P: Probe>(
    node: &Node,
    connecting: impl Future<Output = Result<P, RemoteError>>,
    (fleet, mail): (&Fleet, Mail<'_>),
    survey: &Survey<'_>,
    sink: &dyn Sink,
) -> Seen {
    let teller = Teller { sink, machine: &node.name };
    let reached = match reach(&teller, connecting).await {
        Ok(reached) => reached,
        Err(error) => {
            let table = if matches!(mail, Mail::LogIn) { smtp::CHECKS } else { smtp::RELAY_CHECKS };
            let mut seen = unreached(node, &error, &[table, proxy::CHECKS]);
            // What users meet needs no login.
            let (tls, healthy) = join!(served::served(node, None::<&P>, fleet, survey), users::node(node, fleet, survey));
            seen.outcomes.extend([tls, healthy].concat());
            return seen;
        }
    };
    teller.tell(Phase::Verify, State::Started, None);
    let held = reached.held();
    let mailing = async {
        match mail {
            Mail::LogIn => mail::log_in(node, &reached, survey).await,
            Mail::Send(to) => mail::send(node, &reached, to, survey).await,
        }
    };
    let (tls, mails, way_out, healthy) = join!(
        served::served(node, Some(&reached), fleet, survey),
        mailing,
        egress::exceptions(node, &reached, survey, false),
        users::node(node, fleet, survey)
    );
    let mut outcomes = access::passed(&node.name, "logged in", false);
    let mut tried = [mails, way_out].concat();
    access::forgive_lost(held, &node.name, (&mut outcomes, &mut tried), survey.patience).await;
    outcomes.extend([tls, tried, healthy].concat());
    teller.ended(Phase::Verify, &outcomes);
    Seen { machine: node.name.clone(), reached: true, outcomes, reading: None, drives: None, names: Known::new() }
}

async fn reach<P: Probe>(teller: &Teller<'_>, connecting: impl Future<Output = Result<P, RemoteError>>) -> Result<P, RemoteError> {
    teller.tell(Phase::Connect, State::Started, None);
    let connected = connecting.await;
    if let Err(error) = &connected {
        teller.tell(Phase::Connect, State::Failed, Some(error.to_string()));
    }
    connected
}

fn unreached(node: &Node, error: &RemoteError, tables: &[&[&'static CheckSpec]]) -> Seen {
    let why = access::reason(error);
    let mut outcomes = access::failed(&node.name, error);
    let mut others: Vec<&'static CheckSpec> = tables.concat();
    if !others.iter().any(|spec| spec.id == SUDO.id) {
        others.push(&SUDO);
    }
    outcomes.extend(access::not_run(&others, &node.name, &why));
    Seen { machine: node.name.clone(), reached: false, outcomes, reading: None, drives: None, names: Known::new() }
}

/// The probe's part: root, figures, clock.
async fn look<P: Probe>(node: &Node, reached: &P, survey: &Survey<'_>) -> (Vec<Outcome>, Option<Reading>) {
    let asked = (survey.clock)();
    let facts = match reached.look(&Inquiry::machine()).await {
        Ok(facts) => facts,
        Err(error) => {
            let mut outcomes = access::failed(&node.name, &error);
            outcomes.extend(access::not_run(&[MACHINE, &[&SKEW]].concat(), &node.name, &access::reason(&error)));
            return (outcomes, None);
        }
    };
    let answered = (survey.clock)();
    let mut outcomes = access::passed(&node.name, "logged in", true);
    outcomes.extend(machine::machine(node, &facts, &survey.site.figures));
    let reading = facts.moment().map(|shown| Reading::new(&node.name, shown, asked, answered));
    if reading.is_none() {
        outcomes.extend(access::not_run(&[&SKEW], &node.name, "the probe could not tell the time"));
    }
    (outcomes, reading)
}

struct Teller<'a> {
    sink: &'a dyn Sink,
    machine: &'a str,
}

impl Teller<'_> {
    fn tell(&self, phase: Phase, state: State, detail: Option<String>) {
        self.sink.emit(&Event::Node { node: self.machine.to_owned(), phase, state, detail });
    }

    /// The look itself is done, whatever it found.
    fn ended(&self, phase: Phase, outcomes: &[Outcome]) {
        let found = findings(outcomes);
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
        let noun = if errors == 1 { "error" } else { "errors" };
        self.tell(phase, State::Done, (errors > 0).then(|| format!("{errors} {noun} found")));
    }
}
