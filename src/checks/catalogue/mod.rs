//! Every check there is: what it demands, by which document, how much it matters, from where and when it is
//! looked at, whom to ask, and what mends it. The one source of `check --list`, of the reference page, of the
//! teams in reports, and of the ids that `--only`, `--skip` and waivers take.

pub mod access;
pub mod connector;
pub mod egress;
pub mod front;
pub mod machines;
pub mod mail;
pub mod network;
pub mod offline;
mod requirements;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use requirements::{REQUIREMENTS, Requirement, Standing};

pub use super::spec::{CheckSpec, Moment, Team, Vantage};

/// Every check, by subject, in the order in which a person would look.
pub fn all() -> Vec<&'static CheckSpec> {
    [
        offline::here::CHECKS,
        offline::site::CHECKS,
        offline::certificates::RULES,
        offline::certificates::SITE,
        access::CHECKS,
        machines::CHECKS,
        network::CHECKS,
        mail::CHECKS,
        &[&mail::RELAY],
        egress::CHECKS,
        egress::DESTINATIONS,
        connector::CHECKS,
        front::balancer::CHECKS,
        front::served::CHECKS,
        front::health::CHECKS,
    ]
    .concat()
}

static BY_ID: LazyLock<HashMap<&'static str, &'static CheckSpec>> =
    LazyLock::new(|| all().into_iter().map(|spec| (spec.id, spec)).collect());

/// The check of that id.
pub fn find(id: &str) -> Option<&'static CheckSpec> {
    BY_ID.get(id).copied()
}

/// Whom to ask about a finding of that id; a finding of no known check is the operator's own.
pub fn team_of(id: &str) -> Team {
    find(id).map_or(Team::Operator, |spec| spec.team)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn every_check_has_an_id_of_its_own_and_says_what_it_is_and_why_and_what_mends_it() {
        let mut seen = HashSet::new();
        for spec in super::all() {
            assert!(seen.insert(spec.id), "{} stands twice", spec.id);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(spec.id.contains('.') && spec.id.split('.').all(|part| !part.is_empty() && part.chars().all(plain)), "{}", spec.id);
            for text in [spec.title, spec.source, spec.fix] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", spec.id);
            }
        }
    }
}
