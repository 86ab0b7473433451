//! The way in: that every machine is reached and logged in to, and that root can be had there.
//! What failed on a hop is said of the hop, once, however many nodes stand behind it.

use std::time::Duration;

use super::{PATH, SUDO};
use crate::checks::catalogue::access::{HOST_KEY, JUMP_KEY};
use crate::checks::spec::{CheckSpec, Outcome, Tally, Verdict};
use crate::node::RemoteError;
use crate::ssh::{self, Held};

/// What an error of the way in means for `node`: the outcomes of both checks of access.
pub(super) fn failed(node: &str, error: &RemoteError) -> Vec<Outcome> {
    let at = if is_about_root(error) {
        &SUDO
    } else if is_about_host_key(error) {
        &HOST_KEY
    } else {
        &PATH
    };
    let machine = machine_of(error).unwrap_or(node);
    let mut tally = Tally::of(machine);
    tally.found(at, chain(error), error.help().unwrap_or_else(|| format!("look at the system log of {machine}")));
    if at.id == SUDO.id {
        tally.passed(&PATH, "logged in");
        tally.passed(&HOST_KEY, "as pinned");
    }
    tally.complete(&[&PATH], "")
}

/// The outcomes where everything went well; `looked` as root.
pub(super) fn passed(node: &str, how: &str, looked: bool) -> Vec<Outcome> {
    let mut tally = Tally::of(node);
    tally.passed(&PATH, how);
    tally.passed(&HOST_KEY, "as pinned");
    if looked {
        tally.passed(&SUDO, "a command ran as root");
    }
    tally.complete(&[&PATH], "")
}

/// Whatever was found over the network from `machine` while the connection to it went away is nobody's fault there: the next one
/// to speak was we. `tried`: what was looked at through it; `own`: the outcomes about the way in, which say so where they did not.
/// A connection is asked about only where something was found.
pub(super) async fn forgive_lost(held: Option<Held>, machine: &str, (own, tried): (&mut [Outcome], &mut [Outcome]), patience: Duration) {
    const LONGEST: Duration = Duration::from_secs(5);
    let is_found = |outcome: &Outcome| matches!(outcome.verdict, Verdict::Found { .. });
    let Some(held) = held.filter(|_| tried.iter().any(is_found)) else { return };
    if held.stands(patience.min(LONGEST)).await {
        return;
    }
    for outcome in tried.iter_mut().filter(|outcome| is_found(outcome) || matches!(outcome.verdict, Verdict::CouldNotRun { .. })) {
        // Of the machine, and not of each place that it was to reach: it is one thing that happened.
        machine.clone_into(&mut outcome.subject);
        outcome.verdict = Verdict::CouldNotRun { why: format!("the connection to {machine} was lost in the midst of it") };
    }
    for outcome in own.iter_mut().filter(|outcome| outcome.spec.id == PATH.id && outcome.verdict == Verdict::Passed) {
        let fix = "see that the way to it holds (the jumphost, a firewall that ends idle or long connections), then run it again";
        outcome.verdict = Verdict::Found { findings: vec![PATH.finding(machine, "the connection was lost while it was looked at", fix)] };
    }
}

/// Whether the jumphost takes keys alone; `methods` as it says itself, or why nobody knows; `None`: there is no jumphost.
pub fn jumphost_methods(jumphost: &str, methods: Option<Result<Vec<&'static str>, String>>) -> Vec<Outcome> {
    let mut tally = Tally::of(jumphost);
    match methods {
        None => tally.not_applicable(&JUMP_KEY, "there is no jumphost"),
        Some(Err(why)) => tally.could_not_run(&JUMP_KEY, why),
        Some(Ok(methods)) => {
            let weak: Vec<&str> = methods.iter().copied().filter(|method| !matches!(*method, "publickey" | "hostbased")).collect();
            if weak.is_empty() {
                tally.passed(&JUMP_KEY, methods.join(", "));
            } else {
                let message = format!("it takes {} beside keys", weak.join(", "));
                tally.found(&JUMP_KEY, message, JUMP_KEY.fix);
            }
        }
    }
    tally.complete(&[&JUMP_KEY], "not asked")
}

/// All checks of a table could not be run on `subject`, for this reason.
pub(super) fn not_run(table: &[&'static CheckSpec], subject: &str, why: &str) -> Vec<Outcome> {
    Tally::of(subject).complete(table, why)
}

/// Why nothing else could be looked at on a machine.
pub(super) fn reason(error: &RemoteError) -> String {
    match machine_of(error) {
        Some(machine) if is_about_root(error) => format!("root cannot be had on {machine}"),
        Some(machine) => format!("{machine} could not be reached or logged in to"),
        None => "the machine could not be reached".to_owned(),
    }
}

fn machine_of(error: &RemoteError) -> Option<&str> {
    match error {
        RemoteError::Ssh(error) => error.place().map(|place| place.machine.as_str()),
        RemoteError::Unexpected { machine, .. } | RemoteError::Facts { machine, .. } => Some(machine),
    }
}

/// Whether the login itself went well.
fn is_about_root(error: &RemoteError) -> bool {
    use ssh::Error::{SudoMissing, SudoNeedsPassword, SudoNotAllowed, SudoPasswordUnusable, SudoWrongPassword};
    matches!(
        error,
        RemoteError::Ssh(
            SudoMissing { .. } | SudoNeedsPassword { .. } | SudoNotAllowed { .. } | SudoPasswordUnusable { .. } | SudoWrongPassword { .. }
        )
    )
}

/// Whether the machine did not show the host key that it should.
fn is_about_host_key(error: &RemoteError) -> bool {
    use ssh::Error::{HostCertificateRefused, HostKeyChanged, HostKeyRevoked, HostKeyUnknown};
    matches!(error, RemoteError::Ssh(HostKeyUnknown { .. } | HostKeyChanged { .. } | HostKeyRevoked { .. } | HostCertificateRefused { .. }))
}

fn chain(error: &RemoteError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::spec::findings;
    use crate::ssh::{Error, Obstacle, Place};
    use std::sync::Arc;

    fn place(machine: &str) -> Arc<Place> {
        Arc::new(Place { machine: machine.to_owned(), address: "192.0.2.1:22".to_owned(), through: None })
    }

    #[test]
    fn a_hop_that_is_down_is_named_rather_than_the_node_behind_it() {
        let error = RemoteError::Ssh(Error::Unreachable { place: place("jump"), obstacle: Obstacle::Refused });
        let found = findings(&failed("a0-1", &error));
        assert_eq!((found[0].id.as_str(), found[0].subject.as_str()), ("access.path", "jump"));
        assert!(found[0].message.contains("connection refused") && !found[0].fix.is_empty());
        assert!(reason(&error).contains("jump"));
    }

    #[test]
    fn a_sudo_that_refuses_is_no_failure_of_the_way_in() {
        let error = RemoteError::Ssh(Error::SudoWrongPassword { place: place("a0-2"), user: "admin".to_owned() });
        let outcomes = failed("a0-2", &error);
        assert_eq!(findings(&outcomes)[0].id, "access.sudo");
        assert!(outcomes.iter().any(|outcome| outcome.spec.id == "access.path" && outcome.verdict == Verdict::Passed));
    }
}
