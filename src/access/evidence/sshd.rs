//! sshd's lines, as the journal or syslog kept them, read into logins and refusals.
//!
//! OpenSSH's `auth_log` and `auth_debug_add` make these lines; their form has been the same since certificates exist.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::Deserialize;

use super::{Evidence, Keeper, SshdLogin, SshdRefusal};

/// The most of each kind that goes into a record.
const MOST: usize = 500;

/// A line of sshd's with when, and by which process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    at: Timestamp,
    process: u32,
    message: String,
}

/// Lines of one machine, as they come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::access) struct Lines {
    kept_by: Keeper,
    zone: Option<Offset>,
    read: Vec<Line>,
    omitted: u64,
}

#[derive(Deserialize)]
struct JournalRecord {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    at: String,
    #[serde(rename = "_PID")]
    process: String,
    #[serde(rename = "MESSAGE")]
    message: String,
}

impl Lines {
    /// Takes a line of the machine's answer: its word and two fields. `now` is the machine's clock: syslog tells no year.
    pub(in crate::access) fn take(&mut self, (word, subject, detail): (&str, &str, &str), now: Timestamp) {
        match (word, subject) {
            ("log", "journal") => self.kept_by = Keeper::Journal,
            ("log", "file") => {
                self.kept_by = Keeper::File;
                self.zone = offset(detail);
            }
            ("omitted", number) => self.omitted = number.parse().unwrap_or_default(),
            ("sshd", "json") => self.read.extend(of_journal(detail)),
            ("sshd", "line") => self.read.extend(of_syslog(detail, self.zone.unwrap_or(Offset::UTC), now)),
            _ => {}
        }
    }
}

fn of_journal(text: &str) -> Option<Line> {
    let record: JournalRecord = serde_json::from_str(text).ok()?;
    Some(Line {
        at: Timestamp::from_microsecond(record.at.parse().ok()?).ok()?,
        process: record.process.parse().ok()?,
        message: record.message,
    })
}

// `Nov 22 12:25:29 a0-1 sshd[318]: …`, or with a moment of RFC 3339 in front.
fn of_syslog(text: &str, zone: Offset, now: Timestamp) -> Option<Line> {
    let (head, message) = text.split_once("]: ")?;
    let (when, process) = head.rsplit_once('[')?;
    let (when, _program) = when.trim_end().rsplit_once(' ')?;
    let (when, _machine) = when.trim_end().rsplit_once(' ')?;
    let at = when.trim().parse().ok().or_else(|| old_moment(when.trim(), zone, now))?;
    Some(Line { at, process: process.parse().ok()?, message: message.to_owned() })
}

fn old_moment(when: &str, zone: Offset, now: Timestamp) -> Option<Timestamp> {
    let year = zone.to_datetime(now).year();
    let in_year = |year: i16| {
        let parsed = jiff::fmt::strtime::parse("%Y %b %e %H:%M:%S", format!("{year} {when}")).ok()?;
        let date: Date = parsed.to_date().ok()?;
        zone.to_timestamp(date.to_datetime(parsed.to_time().ok()?)).ok()
    };
    // A day ahead is last year's.
    let ahead = jiff::SignedDuration::from_hours(24);
    in_year(year).filter(|at| at.duration_since(now) < ahead).or_else(|| in_year(year - 1))
}

fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let number: i32 = digits.parse().ok()?;
    let seconds = (number / 100 * 60 + number % 100) * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// What the lines tell of window `id`, whose person has the key with fingerprint `key`.
pub(in crate::access) fn read_lines(lines: &Lines, id: &str, key: &str) -> Evidence {
    let mut all = lines.read.clone();
    all.sort_by_key(|line| line.at);
    let mut evidence = Evidence { kept_by: lines.kept_by, omitted: lines.omitted, ..Evidence::default() };
    for (index, line) in all.iter().enumerate() {
        let later = all.get(index + 1..).unwrap_or_default().iter().filter(|next| next.process == line.process);
        if let Some(login) = login_of(line, id) {
            evidence.logins.push(SshdLogin { until: end_among(later), ..login });
        } else if let Some(refusal) = refusal_of(line, later, key) {
            evidence.refused.push(refusal);
        }
    }
    let beyond = evidence.logins.len().saturating_sub(MOST) + evidence.refused.len().saturating_sub(MOST);
    evidence.omitted += u64::try_from(beyond).unwrap_or(u64::MAX);
    evidence.logins.truncate(MOST);
    evidence.refused.truncate(MOST);
    evidence
}

// `Accepted publickey for ops from 10.76.0.1 port 53468 ssh2: ED25519-CERT SHA256:… ID w-… (serial 7) CA …`
fn login_of(line: &Line, id: &str) -> Option<SshdLogin> {
    let (head, rest) = line.message.strip_prefix("Accepted publickey for ")?.split_once(&format!(" ID {id} (serial "))?;
    let (account, from) = head.split_once(" from ")?;
    let (address, from) = from.split_once(" port ")?;
    let port = from.split(' ').next()?.parse().ok()?;
    let serial = rest.split(')').next()?.to_owned();
    Some(SshdLogin { at: line.at, until: None, account: account.to_owned(), address: address.to_owned(), port, serial })
}

// PAM tells a login's end; a number that another login has by then tells nothing of the first.
fn end_among<'l>(later: impl Iterator<Item = &'l Line>) -> Option<Timestamp> {
    let until_next = later.take_while(|line| !line.message.starts_with("Accepted "));
    until_next.filter(|line| line.message.contains("session closed for user ")).map(|line| line.at).last()
}

fn refusal_of<'l>(line: &Line, mut later: impl Iterator<Item = &'l Line>, key: &str) -> Option<SshdRefusal> {
    let why = line.message.strip_prefix("error: ").unwrap_or(&line.message);
    let is_refusal = ["Certificate ", "Authentication key ", "Refused by certificate"].iter().any(|begin| why.starts_with(begin));
    let is_ours = !key.is_empty() && why.split(' ').any(|word| word == key);
    // Another key by name: not this window's.
    if !is_refusal || (why.contains("SHA256:") && !is_ours) {
        return None;
    }
    // `Connection closed by authenticating user root 10.77.0.2 port 55238 [preauth]`
    let from = later.find_map(|line| {
        let (_, rest) = line.message.split_once(" authenticating user ")?;
        let (head, _) = rest.rsplit_once(" port ")?;
        head.rsplit_once(' ')
    });
    let (account, address) = from.map(|(account, address)| (account.to_owned(), address.to_owned())).unzip();
    Some(SshdRefusal { at: line.at, account, address, why: why.to_owned(), is_ours })
}

#[cfg(test)]
#[path = "sshd_tests.rs"]
mod tests;
