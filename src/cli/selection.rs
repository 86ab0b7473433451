//! Which checks are run, and which of them count: `--only`, `--skip`, and the site's waivers.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::failure::Failure;
use crate::checks::services::{proxy, smtp};
use crate::checks::survey::{self, Wants};
use crate::checks::{self, CheckSpec, Outcome, Verdict, Waived, catalogue, is_meant};
use crate::site::model::Site;

/// What was asked for on the command line.
#[derive(Debug)]
pub(super) struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
}

impl Selection {
    /// Takes ids and beginnings of ids; one that no check has is an error that names the nearest.
    pub(super) fn parse(only: &[String], skip: &[String]) -> Result<Self, Failure> {
        for (flag, patterns) in [("--only", only), ("--skip", skip)] {
            for pattern in patterns {
                known(flag, pattern)?;
            }
        }
        Ok(Self { only: only.to_vec(), skip: skip.to_vec() })
    }

    /// Whether a check is wanted.
    pub(super) fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| is_meant(pattern, id))
    }

    /// Whether any of these is.
    pub(super) fn wants_any(&self, table: &[&CheckSpec]) -> bool {
        table.iter().any(|spec| self.wants(spec.id))
    }

    /// What is wanted of each node.
    pub(super) fn of_nodes(&self) -> Wants {
        Wants {
            machine: self.wants_any(survey::MACHINE) || self.wants_any(&[&survey::SUDO, &survey::SKEW, &catalogue::machines::PAIRWISE]),
            mail: self.wants_any(smtp::CHECKS),
            way_out: self.wants_any(proxy::CHECKS) || self.wants_any(catalogue::egress::OF_NODES),
            longer: self.wants_any(&survey::longer_table()) || self.wants_any(&[&catalogue::machines::DISK_BACKUP]),
            ports: self.wants_any(catalogue::network::TRIED),
        }
    }

    /// Keeps what is wanted, and why the rest of it could not be had: a way in that failed.
    pub(super) fn keep(&self, outcomes: &mut Vec<Outcome>) {
        let way_in_failed = |outcome: &Outcome| {
            [survey::PATH.id, catalogue::access::HOST_KEY.id].contains(&outcome.spec.id) && matches!(outcome.verdict, Verdict::Found { .. })
        };
        outcomes.retain(|outcome| self.wants(outcome.spec.id) || way_in_failed(outcome));
    }

    /// What does not count: skipped by hand, or waived by the site up to a day that has not passed.
    pub(super) fn waivers(&self, site: &Site, now: Timestamp) -> Vec<Waived> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let by_hand = self.skip.iter().map(|check| Waived { check: check.clone(), machine: None, reason: "--skip".to_owned() });
        let by_site = site.waivers.iter().filter(|waiver| waiver.until >= today).map(|waiver| Waived {
            check: waiver.check.clone(),
            machine: waiver.machine.clone(),
            reason: format!("{} (until {})", waiver.reason, waiver.until),
        });
        by_hand.chain(by_site).collect()
    }
}

fn known(flag: &str, pattern: &str) -> Result<(), Failure> {
    let all = checks::all();
    if all.iter().any(|spec| is_meant(pattern, spec.id)) {
        return Ok(());
    }
    let mut words: Vec<&str> = all.iter().map(|spec| spec.id).collect();
    words.extend(all.iter().filter_map(|spec| spec.id.split('.').next()));
    let near = words.into_iter().min_by_key(|word| strsim::damerau_levenshtein(pattern, word));
    let near = near.filter(|word| strsim::damerau_levenshtein(pattern, word) <= 4);
    let near = near.map_or_else(String::new, |word| format!("did you mean `{word}`? "));
    Err(Failure::usage(
        format!("{flag} names `{pattern}`, which is no check"),
        format!("{near}`portcullis check --list` shows all of them"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_misspelt_check_is_refused_with_the_nearest() {
        let failure = Selection::parse(&texts(&["smtp.strattls"]), &[]).unwrap_err();
        assert!(failure.help.unwrap().contains("`smtp.starttls`"));
        assert!(Selection::parse(&texts(&["smtp", "cert.expired"]), &texts(&["dns.resolve"])).is_ok());
    }

    #[test]
    fn only_what_is_wanted_is_run_on_nodes() {
        let clock = Selection::parse(&texts(&["time"]), &[]).unwrap();
        assert_eq!(clock.of_nodes(), Wants { machine: true, mail: false, way_out: false, longer: true, ports: false });
        let mail = Selection::parse(&texts(&["smtp.login"]), &[]).unwrap();
        assert_eq!(mail.of_nodes(), Wants { machine: false, mail: true, way_out: false, longer: false, ports: false });
    }
}
