//! Dates: what has run out, will soon, has not begun, or lasts longer than clients accept.

use jiff::Timestamp;

use super::subject_of;
use crate::certs::certificate::Certificate;
use crate::certs::chain::Chain;
use crate::certs::verdict::{BASELINE, PATH_VALIDATION, Verdict};
use crate::finding::Finding;

const EXPIRED: Verdict<'_> = Verdict::new("cert.expired", PATH_VALIDATION);
const NOT_YET_VALID: Verdict<'_> = Verdict::new("cert.not-yet-valid", PATH_VALIDATION);
const EXPIRES_SOON: Verdict<'_> = Verdict::new("cert.expires-soon", "Certificate renewal notices at 30, 14 and 1 day");
const TOO_LONG: Verdict<'_> = Verdict::new("cert.lifetime.too-long", BASELINE);

/// Days before the end at which renewal is due.
const RENEWAL_DAYS: i64 = 30;
const DAY: i64 = 24 * 60 * 60;

/// Longest validity, in days, of server certificates issued from an instant on (CA/Browser Forum, Baseline
/// Requirements 6.3.2). Latest first.
///
/// Ballot SC-081v3: 200 days from 2026-03-15, 100 from 2027-03-15, 47 from 2029-03-15. 398 days from 2020-09-01: ballot
/// SC-031, after Apple's and Mozilla's root programs. 825 days from 2018-03-01: ballot 193. Before that, 39 months, at
/// most 1187 days.
const LIMITS: [(&str, i64); 6] = [
    ("2029-03-15T00:00:00Z", 47),
    ("2027-03-15T00:00:00Z", 100),
    ("2026-03-15T00:00:00Z", 200),
    ("2020-09-01T00:00:00Z", 398),
    ("2018-03-01T00:00:00Z", 825),
    ("0001-01-01T00:00:00Z", 1187),
];

pub(super) fn review(chain: &Chain, now: Timestamp, findings: &mut Vec<Finding>) {
    for certificate in chain.whole() {
        let is_leaf = *certificate == chain.leaf;
        dates(certificate, is_leaf, now, findings);
    }
    lifetime(&chain.leaf, findings);
}

fn dates(certificate: &Certificate, is_leaf: bool, now: Timestamp, findings: &mut Vec<Finding>) {
    let subject = subject_of(certificate);
    let day = |time: Timestamp| time.strftime("%F %H:%M UTC").to_string();
    let days = certificate.days_left(now);
    let renew = if is_leaf {
        "order a new certificate now (`portcullis cert csr` makes the request and the text for the order) and agree on a maintenance window to install it"
    } else {
        "ask the CA for its current intermediates (or root), or get them with `--fetch-missing`, and leave this one out"
    };
    if now > certificate.not_after {
        let message = format!("it ran out on {}, {} ago", day(certificate.not_after), in_days(-days));
        findings.push(EXPIRED.error(&subject, message, renew));
    } else if now < certificate.not_before {
        let message = format!("it is valid only from {} on, and it is {} now", day(certificate.not_before), day(now));
        let fix = "wait until then, or check the clock of this machine (`timedatectl`); if the date is wrong in the certificate, ask the CA to issue it again";
        findings.push(NOT_YET_VALID.error(&subject, message, fix));
    } else if days < RENEWAL_DAYS {
        let message = format!("it runs out on {}, in {}", day(certificate.not_after), in_days(days));
        findings.push(EXPIRES_SOON.warning(&subject, message, renew));
    }
}

fn in_days(days: i64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    }
}

fn lifetime(leaf: &Certificate, findings: &mut Vec<Finding>) {
    let Some((since, limit)) = limit_for(leaf.not_before) else { return };
    let days = lifetime_days(leaf);
    if days > limit {
        let since = if limit == 1187 { "before 2018-03-01".to_owned() } else { format!("from {} on", since.strftime("%F")) };
        let message = format!(
            "it is valid for {days} days; certificates issued {since} may be valid for {limit} days at most, and browsers refuse longer ones from public CAs"
        );
        let fix = format!("ask the CA for a certificate of at most {limit} days");
        findings.push(TOO_LONG.warning(&subject_of(leaf), message, fix));
    }
}

/// Days of validity; both ends count, and a part of a day counts as one (Baseline Requirements 6.3.2).
fn lifetime_days(certificate: &Certificate) -> i64 {
    let seconds = certificate.not_after.duration_since(certificate.not_before).as_secs() + 1;
    seconds.div_euclid(DAY) + i64::from(seconds.rem_euclid(DAY) > 0)
}

/// The limit in force at the date of issue, and since when.
fn limit_for(issued: Timestamp) -> Option<(Timestamp, i64)> {
    LIMITS.iter().filter_map(|(since, days)| since.parse().ok().map(|since: Timestamp| (since, *days))).find(|(since, _)| issued >= *since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_goes_by_the_date_of_issue() {
        let limit = |text: &str| limit_for(text.parse().unwrap()).unwrap().1;
        assert_eq!(limit("2017-06-01T00:00:00Z"), 1187);
        assert_eq!(limit("2018-03-01T00:00:00Z"), 825);
        assert_eq!(limit("2020-08-31T23:59:59Z"), 825);
        assert_eq!(limit("2020-09-01T00:00:00Z"), 398);
        assert_eq!(limit("2026-03-14T23:59:59Z"), 398);
        assert_eq!(limit("2026-03-15T00:00:00Z"), 200);
        assert_eq!(limit("2027-03-15T00:00:00Z"), 100);
        assert_eq!(limit("2029-03-15T00:00:00Z"), 47);
    }
}
