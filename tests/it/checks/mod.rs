//! Checks against real peers on loopback: nginx, postfix with Dovecot, squid. Needs root, as postfix does, and
//! the packages `nginx-light postfix dovecot-core dovecot-submissiond squid-openssl`; a missing one is a failure, never a skip.

pub(crate) mod authority;
mod directory;
mod here;
mod no_proxy;
mod offline;
pub(crate) mod peers;
mod providers;
mod provoked;
mod proxy;
mod rules;
mod smtp;
mod submission;
mod tls;

use portcullis::checks::{Outcome, Verdict};

/// The outcomes as `id=verdict` of all that did not pass, to be compared in one piece.
fn not_passed(outcomes: &[Outcome]) -> Vec<String> {
    crate::seen::in_outcomes(outcomes);
    let told = outcomes.iter().filter_map(|outcome| match &outcome.verdict {
        Verdict::Passed => None,
        Verdict::Found { findings } => {
            let severities: Vec<String> = findings.iter().map(|finding| format!("{:?}", finding.severity).to_lowercase()).collect();
            Some(format!("{}={}", outcome.spec.id, severities.join(",")))
        }
        Verdict::CouldNotRun { .. } => Some(format!("{}=could-not-run", outcome.spec.id)),
        Verdict::NotApplicable { .. } => Some(format!("{}=n/a", outcome.spec.id)),
    });
    told.collect()
}

/// The one outcome of that id.
fn outcome<'a>(outcomes: &'a [Outcome], id: &str) -> &'a Outcome {
    outcomes.iter().find(|outcome| outcome.spec.id == id).unwrap_or_else(|| panic!("no outcome {id} in {outcomes:#?}"))
}

/// Message and fix of the first finding of that id.
fn told(outcomes: &[Outcome], id: &str) -> String {
    crate::seen::in_outcomes(outcomes);
    match &outcome(outcomes, id).verdict {
        Verdict::Found { findings } => format!("{} → {}", findings[0].message, findings[0].fix),
        other @ (Verdict::Passed | Verdict::CouldNotRun { .. } | Verdict::NotApplicable { .. }) => panic!("{id} found nothing: {other:?}"),
    }
}

#[test]
fn the_reference_page_of_checks_is_up_to_date() {
    let page = std::fs::read_to_string("docs/reference/checks.md").unwrap_or_default();
    assert!(page == portcullis::report::checks::reference(), "docs/reference/checks.md is stale; `make reference` makes it anew");
}
