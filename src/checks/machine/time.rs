//! Time: whether a service keeps it, what it follows, how often it asks; and whether the nodes agree with each other.

use jiff::SignedDuration;

use super::not_seen;
use crate::checks::catalogue::machines::{NTP_OPTIONS, NTP_SYNC, PAIRWISE, VMWARE_TIME};
use crate::checks::spec::{CheckSpec, Outcome, Tally};
use crate::checks::survey::Reading;
use crate::finding::Severity;
use crate::node::Facts;
use crate::site::profile::Clock;

static TABLE: &[&CheckSpec] = &[&NTP_SYNC, &NTP_OPTIONS, &VMWARE_TIME];

/// Judges how a machine keeps the time.
pub fn time(machine: &str, facts: &Facts, rules: &Clock, platform_gives_time: bool) -> Vec<Outcome> {
    let mut tally = Tally::of(machine);
    synchronized(facts, platform_gives_time, &mut tally);
    options(facts, rules, &mut tally);
    match facts.seen("vmware-time").next() {
        Some(status) if status.trim().eq_ignore_ascii_case("enabled") => {
            let message = "the VMware host sets its clock, against its own time service";
            tally.found(&VMWARE_TIME, message, "`vmware-toolbox-cmd timesync disable`, and untick it in the virtual machine's settings");
        }
        Some(status) => tally.passed(&VMWARE_TIME, status),
        None => tally.not_applicable(&VMWARE_TIME, "VMware Tools are not installed"),
    }
    tally.complete(TABLE, &not_seen(facts))
}

fn synchronized(facts: &Facts, platform_gives_time: bool, tally: &mut Tally) {
    let service = facts.seen("time-service").next();
    let Some(service) = service else {
        if platform_gives_time {
            tally.not_applicable(&NTP_SYNC, "the platform gives its machines the time");
        } else if facts.seen("mount").next().is_some() {
            let fix = "`portcullis apply time` installs chrony's configuration; `systemctl enable --now chrony`";
            tally.found(&NTP_SYNC, "no time service runs", fix);
        }
        return;
    };
    match follows(facts) {
        Some(Ok(source)) => tally.passed(&NTP_SYNC, format!("{service} follows {source}")),
        Some(Err(why)) => {
            let shows = match service {
                "systemd-timesyncd" => "timedatectl timesync-status",
                "openntpd" => "ntpctl -s all",
                "ntp" | "ntpd" | "ntpsec" => "ntpq -pn",
                _ => "chronyc sources -v",
            };
            let fix = format!("`{shows}` on the machine shows what it hears; let it reach its time servers on port 123/udp");
            tally.found(&NTP_SYNC, format!("{service} runs and follows no source: {why}"), fix);
        }
        None => tally.could_not_run(&NTP_SYNC, format!("{service} runs, and nothing there tells whether it follows a source")),
    }
}

/// The source that is followed; or why none is; `None` where nobody tells.
fn follows(facts: &Facts) -> Option<Result<String, String>> {
    if let Some(tracking) = facts.seen("chrony").next() {
        // chronyc(1), -c: reference id, its name, stratum, …, leap status last.
        let fields: Vec<&str> = tracking.split(',').collect();
        let (source, stratum, leap) = (fields.get(1)?, fields.get(2)?, fields.last()?);
        let is_local = source.is_empty() || *source == "127.127.1.1";
        return Some(if *leap == "Not synchronised" || *stratum == "0" {
            Err("it is not synchronised".to_owned())
        } else if is_local {
            Err("it follows its own clock".to_owned())
        } else {
            Ok(format!("{source} (stratum {stratum})"))
        });
    }
    if let Some(peer) = facts.seen("ntpq").next() {
        return Some(Ok(peer.trim_start_matches(['*', 'o']).split_whitespace().next().unwrap_or_default().to_owned()));
    }
    match facts.seen("synchronized").next() {
        Some("yes") => Some(Ok("its source".to_owned())),
        Some("no") => Some(Err("the system clock is not synchronised".to_owned())),
        Some(_) | None => None,
    }
}

fn options(facts: &Facts, rules: &Clock, tally: &mut Tally) {
    let mut sources = facts.seen("time-source").peekable();
    if sources.peek().is_none() {
        tally.not_applicable(&NTP_OPTIONS, "no configuration of a chrony or ntpd that runs names a source");
    }
    for source in sources {
        let number = |key: &str| -> Option<i16> {
            let mut words = source.split_whitespace().skip_while(|word| *word != key);
            words.nth(1)?.parse().ok()
        };
        // What is not given is the service's own: 6 and 10 (chrony.conf(5), ntp.conf(5)).
        let (least, most) = (number("minpoll").unwrap_or(6), number("maxpoll").unwrap_or(10));
        let fix = "correct the line in the time service's configuration; `portcullis apply time` writes one that does";
        if least > most {
            tally.found_as(Severity::Error, &NTP_OPTIONS, format!("`{source}`: minpoll {least} is above maxpoll {most}"), fix);
        } else if least < i16::from(rules.shortest_poll) {
            tally.found(&NTP_OPTIONS, format!("`{source}`: minpoll {least} is below {}", rules.shortest_poll), fix);
        } else if most > i16::from(rules.longest_poll) {
            tally.found(&NTP_OPTIONS, format!("`{source}`: maxpoll {most} is above {}", rules.longest_poll), fix);
        } else {
            tally.passed(&NTP_OPTIONS, source);
        }
    }
}

/// Whether the nodes' clocks agree with each other, whatever this machine's own shows.
pub fn pairwise(site: &str, nodes: &[Reading], rules: &Clock) -> Vec<Outcome> {
    let mut tally = Tally::of(site);
    let by_clock = |one: &&Reading, other: &&Reading| one.ahead.cmp(&other.ahead);
    let (Some(last), Some(first)) = (nodes.iter().min_by(by_clock), nodes.iter().max_by(by_clock)) else { return Vec::new() };
    if nodes.len() < 2 {
        tally.not_applicable(&PAIRWISE, "there is one node to read");
        return tally.complete(&[&PAIRWISE], "");
    }
    let apart = first.ahead - last.ahead;
    let error = first.error + last.error;
    let limit = |millis: u64| SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    let said = format!("{} and {} are {} ms apart (± {} ms)", first.machine, last.machine, apart.as_millis(), error.as_millis());
    if apart - error > limit(rules.warn_skew_ms) {
        let severity = if apart - error > limit(rules.fail_skew_ms) { Severity::Error } else { Severity::Warning };
        let fix = "give all nodes the same time source: `ntp` in the site file, then `portcullis apply time`";
        tally.found_as(severity, &PAIRWISE, said, fix);
    } else {
        tally.passed(&PAIRWISE, said);
    }
    tally.complete(&[&PAIRWISE], "")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, ids};
    use super::*;
    use crate::site::profile::{DEFAULT, Profile};

    fn judged(seen: &[(&str, &str)]) -> Vec<String> {
        let rules = Profile::built_in(DEFAULT).unwrap().clock;
        ids(&time("a0-1", &facts(&[seen, &[("mount", "/ ext4 rw")]].concat()), &rules, false))
    }

    #[test]
    fn a_service_that_follows_nothing_is_found_and_one_that_does_is_not() {
        let chrony = |line| judged(&[("time-service", "chrony"), ("chrony", line)]);
        assert_eq!(chrony("0A4D0002,10.77.0.2,3,1763800000.1,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,64.2,Normal"), Vec::<String>::new());
        assert_eq!(chrony("00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised"), ["time.ntp.sync"]);
        assert_eq!(chrony("7F7F0101,127.127.1.1,10,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Normal"), ["time.ntp.sync"]);
        assert_eq!(judged(&[("time-service", "systemd-timesyncd"), ("synchronized", "no")]), ["time.ntp.sync"]);
        assert_eq!(judged(&[]), ["time.ntp.sync"]);
    }

    #[test]
    fn polls_are_within_bounds() {
        let source = |line| judged(&[("time-service", "ntp"), ("synchronized", "yes"), ("time-source", line)]);
        assert_eq!(source("ntp.corp.example iburst minpoll 4 maxpoll 17"), Vec::<String>::new());
        assert_eq!(source("1.south-america.pool.ntp.org burst iburst minpoll 3 maxpoll 5"), ["time.ntp.opts"]);
        assert_eq!(source("ntp.corp.example minpoll 11"), ["time.ntp.opts"]);
        assert_eq!(source("ntp.corp.example maxpoll 18"), ["time.ntp.opts"]);
    }

    #[test]
    fn the_two_nodes_that_are_farthest_apart_are_named() {
        let reading = |machine: &str, ahead: i64| Reading {
            machine: machine.to_owned(),
            ahead: SignedDuration::from_millis(ahead),
            error: SignedDuration::from_millis(50),
        };
        let rules = Profile::built_in(DEFAULT).unwrap().clock;
        let found =
            crate::checks::spec::findings(&pairwise("a", &[reading("a0-1", 0), reading("a0-2", 9_000), reading("a0-3", 20)], &rules));
        assert_eq!((found[0].id.as_str(), found[0].severity), ("time.pairwise", Severity::Error));
        assert!(found[0].message.starts_with("a0-2 and a0-1"), "{}", found[0].message);
        assert_eq!(ids(&pairwise("a", &[reading("a0-1", 0), reading("a0-2", 900)], &rules)), Vec::<String>::new());
    }
}
