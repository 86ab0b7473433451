//! A connector's server as it tells of itself: its figures, its clock, and its settings, of which no secret is ever told.

use jiff::{SignedDuration, Timestamp};

use super::not_seen;
use crate::checks::catalogue::connector::{ACCOUNT, CERTIFICATE, CLOCK, DEBUG, HARDWARE, PASSWORD, RESTART, SESSION, SURVEYED};
use crate::checks::spec::{CheckSpec, Outcome, Tally};
use crate::finding::Severity;
use crate::node::Facts;
use crate::site::profile::Profile;

/// What a look at a connector's server is for.
pub fn connector_table() -> Vec<&'static CheckSpec> {
    [SURVEYED, &[&CLOCK]].concat()
}

/// Judges the server of a connector for `tenant`, where somebody says which; its clock was asked and answered at the first two
/// times, and it is now the third.
pub fn connector(
    name: &str,
    tenant: Option<&str>,
    facts: &Facts,
    figures: &Profile,
    times: (Timestamp, Timestamp, Timestamp),
) -> Vec<Outcome> {
    let mut tally = Tally::of(name);
    let (asked, answered, now) = times;
    hardware(facts, figures, &mut tally);
    clock(facts, figures, (asked, answered), &mut tally);
    if facts.seen("connector").next().is_none() {
        for spec in [&ACCOUNT, &PASSWORD, &SESSION, &DEBUG, &CERTIFICATE, &RESTART] {
            tally.not_applicable(spec, "no connector is installed there yet");
        }
    }
    settings(facts, &mut tally);
    match tenant {
        Some(tenant) => account(tenant, facts, &mut tally),
        None => tally.could_not_run(&ACCOUNT, "nobody said which tenant is meant"),
    }
    if let Some(end) = facts.seen("connector-certificate").next().and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok()) {
        let days = end.duration_since(now).as_hours() / 24;
        if days > figures.tls.expiry_days.notice {
            tally.passed(&CERTIFICATE, format!("{days} days left"));
        } else {
            let severity = if days < 0 { Severity::Error } else { Severity::Warning };
            let message = format!("its certificate ends on {} ({days} days)", end.strftime("%Y-%m-%d"));
            tally.found_as(severity, &CERTIFICATE, message, "renew it, and provision the connector again: it is never renewed by itself");
        }
    }
    tally.complete(&connector_table(), &not_seen(facts))
}

fn hardware(facts: &Facts, figures: &Profile, tally: &mut Tally) {
    let number = |key: &str| facts.machine.get(key).and_then(|value| value.trim().parse::<u64>().ok());
    let (Some(cores), Some(memory)) = (number("cores"), number("memory-kib")) else { return };
    let rules = &figures.connector;
    let free = facts.disks.iter().map(|disk| disk.free_kib / 1024).max().unwrap_or_default();
    let mebibytes = memory / 1024;
    // Kernel and firmware keep some of what a machine was given.
    let has_memory = |gib: u64| memory * 100 >= gib * 1024 * 1024 * 93;
    let lacks: Vec<String> = [
        (cores < rules.cores.minimum, format!("{} processor", rules.cores.minimum)),
        (!has_memory(rules.memory_gib.minimum), format!("{} GB of memory", rules.memory_gib.minimum)),
        (free < rules.free_disk_mb, format!("{} MB of free disk", rules.free_disk_mb)),
    ]
    .into_iter()
    .filter_map(|(lacks, what)| lacks.then_some(what))
    .collect();
    let seen = format!("{cores} processors, {mebibytes} MiB of memory, {free} MiB of free disk");
    if !lacks.is_empty() {
        tally.found(&HARDWARE, format!("it has {seen}; needed are {}", lacks.join(", ")), "give the server what it lacks");
    } else if cores < rules.cores.recommended {
        let message = format!("it has {seen}; {} processors are recommended", rules.cores.recommended);
        tally.found_as(Severity::Warning, &HARDWARE, message, "give the server another processor");
    } else {
        tally.passed(&HARDWARE, seen);
    }
}

fn clock(facts: &Facts, figures: &Profile, (asked, answered): (Timestamp, Timestamp), tally: &mut Tally) {
    let Some((shown, precision)) = facts.moment() else { return };
    // It was told at the beginning of a longer look: how long that took is part of the doubt.
    let doubt = answered.duration_since(asked) + precision;
    let skew = shown.duration_since(asked);
    let least = if skew < SignedDuration::ZERO { skew.abs() - precision } else { (skew - doubt).max(SignedDuration::ZERO) };
    let limit = i64::try_from(figures.clock.connector_skew_ms).unwrap_or(i64::MAX);
    let seen = format!("{} ms against this machine (± {} ms)", skew.as_millis(), doubt.as_millis());
    if least > SignedDuration::from_millis(limit) {
        let fix = "give the server a time source (on Windows the domain's, `w32tm /resync`); the connector stops at this";
        tally.found(&CLOCK, format!("its clock is off by {seen}; {limit} ms are the most"), fix);
    } else {
        tally.passed(&CLOCK, seen);
    }
}

/// One connector serves one connection of one tenant: the server itself tells which.
fn account(tenant: &str, facts: &Facts, tally: &mut Tally) {
    let settings: Vec<&str> = facts.seen("connector").collect();
    match settings.iter().find_map(|line| line.strip_prefix("tenant ")) {
        Some(own) if own.eq_ignore_ascii_case(tenant) => tally.passed(&ACCOUNT, own),
        Some(own) => {
            let message = format!("the connector installed there was provisioned for {own}, not for {tenant}");
            let fix = format!(
                "give {tenant} a connector's server of its own, or mend `tenant` in the site file; a server that two sites name serves one of them alone"
            );
            tally.found(&ACCOUNT, message, fix);
        }
        None if !settings.is_empty() => tally.not_applicable(&ACCOUNT, "its settings name no ticket: it was not provisioned yet"),
        None => {}
    }
}

fn settings(facts: &Facts, tally: &mut Tally) {
    let said = |wanted: &str| {
        facts.seen("connector").find_map(|line| line.split_once(' ').filter(|(key, _)| *key == wanted).map(|(_, value)| value))
    };
    let mut judge = |key: &str, spec: &'static CheckSpec, bad: &str, message: &str| match said(key) {
        Some(value) if value == bad => tally.found(spec, message, spec.fix),
        Some(value) => tally.passed(spec, value),
        None => {}
    };
    judge("password", &PASSWORD, "clear", "its settings hold the directory's password in clear");
    judge("session", &SESSION, "shipped", "its session secret is the one that is shipped: anybody can forge a session");
    judge("debug", &DEBUG, "set", "`KERBEROS_DEBUG_USER` is set: everybody is taken for that user");
    if let Some(policy) = said("restart") {
        if policy == "always" {
            tally.passed(&RESTART, "Restart=always");
        } else {
            tally.found(
                &RESTART,
                format!("its unit says `Restart={policy}`: rejected once, it ends with status 0 and stays down"),
                RESTART.fix,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, ids};
    use super::*;
    use crate::site::profile::DEFAULT;

    fn judged(seen: &[(&str, &str)], memory: &str, clock: i64) -> Vec<String> {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut facts = facts(seen);
        let own = [("cores", "2"), ("memory-kib", memory), ("clock", &(1_800_000_000 + clock).to_string())];
        facts.machine = own.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        facts.disks = vec![crate::node::DiskFact { mount: "/".to_owned(), total_kib: 9_000_000, free_kib: 5_000_000 }];
        ids(&connector("ad-1", Some("identity.corp.example"), &facts, &Profile::built_in(DEFAULT).unwrap(), (now, now, now)))
    }

    const WELL: [(&str, &str); 6] = [
        ("connector", "tenant Identity.corp.example"),
        ("connector", "password absent"),
        ("connector", "session own"),
        ("connector", "debug absent"),
        ("connector", "restart always"),
        ("connector-certificate", "1810000000"),
    ];

    #[test]
    fn each_fault_of_a_connector_s_server_has_its_name() {
        assert_eq!(judged(&WELL, "4000000", 0), Vec::<String>::new());
        assert_eq!(judged(&[], "4000000", 0), Vec::<String>::new(), "before it is installed its settings are nobody's matter");
        assert_eq!(judged(&WELL, "900000", 0), ["conn.hw"]);
        assert_eq!(judged(&WELL, "4000000", 60), ["conn.clock"]);
        assert_eq!(judged(&WELL, "4000000", -60), ["conn.clock"]);
        let ill = [
            ("connector", "tenant login.other.example"),
            ("connector", "password clear"),
            ("connector", "session shipped"),
            ("connector", "debug set"),
            ("connector", "restart on-failure"),
            ("connector-certificate", "1800500000"),
        ];
        let all =
            ["conn.account", "conn.password.clear", "conn.session.secret", "conn.debug.user", "conn.cert.expiry", "conn.restart.policy"];
        assert_eq!(judged(&ill, "4000000", 0), all);
    }
}
