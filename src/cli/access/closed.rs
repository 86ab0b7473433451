//! Whether every window is closed, for `verify`: what the ledger holds open, and what machines hold that it does not know of.

use super::super::context::Context;
use super::super::failure::Failure;
use super::super::outcome::chain;
use super::list::{Found, look};
use super::premises::{Premises, local};
use crate::access::{State, Window};
use crate::checks::Outcome;
use crate::checks::catalogue::access::CLOSED;
use crate::checks::spec::Tally;
use crate::finding::Severity;

/// Looks at these nodes, which were reached a moment ago, and at the jumphosts before them; one outcome a machine.
pub(in crate::cli) async fn closed(context: &Context, nodes: &[String]) -> Vec<Outcome> {
    match looked(context, nodes).await {
        Ok(outcomes) => outcomes,
        Err(failure) => nodes.iter().flat_map(|node| untold(node, &chain(&*failure.error))).collect(),
    }
}

fn untold(machine: &str, why: &str) -> Vec<Outcome> {
    let mut tally = Tally::of(machine);
    tally.could_not_run(&CLOSED, why);
    tally.complete(&[], "")
}

async fn looked(context: &Context, nodes: &[String]) -> Result<Vec<Outcome>, Failure> {
    let premises = Premises::look(context)?;
    let Found { findings, unreached, asked } = look(&premises, context, nodes).await?;
    let history = premises.history()?;
    let mut all = Vec::new();
    for machine in asked {
        if let Some((_, why)) = unreached.iter().find(|(other, _)| *other == machine) {
            all.extend(untold(&machine, why));
            continue;
        }
        let mut tally = Tally::of(&machine);
        for window in history.windows().iter().filter(|window| window.machines().any(|other| other == machine)) {
            if let Some((severity, message)) = standing(window, &machine, context) {
                tally.found_as(severity, &CLOSED, message, format!("`portcullis access close {}`", window.id));
            }
        }
        for finding in findings.iter().filter(|finding| finding.subject == machine) {
            tally.found_as(finding.severity, &CLOSED, finding.message.clone(), finding.fix.clone());
        }
        tally.passed(&CLOSED, "no window is open, and nothing is there that the ledger does not know of");
        all.extend(tally.complete(&[], ""));
    }
    Ok(all)
}

/// What there is to say of a window that is not closed on a machine.
fn standing(window: &Window, machine: &str, context: &Context) -> Option<(Severity, String)> {
    let told = |how: &str| format!("the window {} of {} {how}", window.id, window.who.as_str());
    match window.state(context.now) {
        State::Open | State::Opening => Some((Severity::Warning, told(&format!("is open until {}", local(window.span.end()))))),
        State::Closing if window.left().iter().any(|left| left == machine) => {
            Some((Severity::Error, told("was told to close, which is not proven here")))
        }
        State::Closing | State::Requested | State::Scheduled | State::Ended | State::Closed => None,
    }
}
