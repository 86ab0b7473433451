//! One machine's door: looked at, opened, shut, each in one round trip. What runs there stands in `sh/`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::super::evidence::{Evidence, Lines, read_lines};
use super::super::recording::RecordingLimits;
use super::super::window::{Span, Window, WindowId};
use super::closing::Revocation;
use super::doorway::Usage;
use super::scripts::{TO_LOOK, TO_OPEN, TO_RECORD, TO_SHUT};
use crate::node::{Machine, Probe as _, RemoteError, quote};
use crate::ssh::{Output, Script};

// Closing looks twice, a second apart, and may wait for another one's lock.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why a door could not be looked at, opened or shut.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The machine gave no answer.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// It answered that it could not.
    #[error("{machine}: {reason}")]
    Refused {
        /// Which machine.
        machine: String,
        /// In its words.
        reason: String,
    },
    /// Its answer ends in the midst, or is none of ours.
    #[error("{machine}: its answer cannot be understood{said}")]
    Unreadable {
        /// Which machine.
        machine: String,
        /// What it said on standard error.
        said: String,
    },
}

impl DoorError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Remote(error) => error.help(),
            Self::Refused { machine, .. } => Some(format!("set that right on {machine} and try again")),
            Self::Unreadable { machine, .. } => Some(format!("look at what the login shell of {machine} prints, and at its system log")),
        }
    }

    /// Whether the machine was not reached at all.
    pub fn is_unreached(&self) -> bool {
        matches!(self, Self::Remote(_))
    }
}

/// One line of a machine's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it is about.
    pub word: String,
    /// Its first field.
    pub subject: String,
    /// Its second.
    pub detail: String,
}

/// How a door stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// The machine's clock.
    pub clock: Timestamp,
    /// SHA-256 of the files by which windows are trusted; `None`: not there.
    pub files: BTreeMap<String, Option<String>>,
    /// sshd's effective settings, as `sshd -T` names them.
    pub sshd: BTreeMap<String, String>,
    /// The groups that sshd lets in alone (`AllowGroups`); empty where it lets in all.
    pub allowed_groups: Vec<String>,
    /// The groups of the account that windows log in to; empty where there is no such account.
    pub groups: Vec<String>,
    /// The machine's host keys, `TYPE BASE64`.
    pub host_keys: Vec<String>,
    /// Accounts, each with a line of its principals' file.
    pub principals: Vec<(String, String)>,
    /// Windows that the machine keeps a record of, with their ends.
    pub windows: Vec<(String, Option<Timestamp>)>,
    /// Timers of windows.
    pub timers: Vec<String>,
    /// Those of them that wait for nothing: somebody stopped them.
    pub stopped: Vec<String>,
}

/// What is to be opened on a machine.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The window.
    pub window: WindowId,
    /// The account it logs in to.
    pub account: String,
    /// From when to when.
    pub span: Span,
    /// The line of its principal.
    pub line: String,
    /// Who uses that account.
    pub usage: Usage,
    /// How much of its sessions is recorded; `None`: they are not.
    pub record: Option<RecordingLimits>,
}

/// A door that was shut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shut {
    /// Connections that were ended.
    pub ended: u64,
    /// What sshd logged of the window.
    pub evidence: Evidence,
}

impl Shut {
    fn of(answers: &[Answer], window: &Window) -> Self {
        let find = |word: &str| answers.iter().find(|answer| answer.word == word);
        let clock = find("clock").and_then(|answer| read_clock(&answer.subject, ""));
        let mut lines = Lines::default();
        for Answer { word, subject, detail } in answers {
            lines.take((word, subject, detail), clock.unwrap_or(window.span.end()));
        }
        let ended = find("ended").and_then(|answer| answer.detail.parse().ok()).unwrap_or_default();
        let left_behind = answers.iter().filter(|answer| answer.word == "left").map(|answer| answer.detail.clone()).collect();
        Self { ended, evidence: Evidence { left_behind, ..read_lines(&lines, window.id.as_str(), &window.key) } }
    }
}

/// A machine with a door.
#[derive(Debug)]
pub struct DoorWork {
    machine: Machine,
}

impl DoorWork {
    /// The door of `machine`.
    pub fn new(machine: Machine) -> Self {
        Self { machine }
    }

    /// The machine, and no longer its door.
    pub fn into_machine(self) -> Machine {
        self.machine
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Looks at the door as a login to `account` meets it; changes nothing.
    pub async fn look(&self, account: &str) -> Result<Look, DoorError> {
        let (answers, output) = self.call("look at the door", &format!("{}pcw_look {}\n", *TO_LOOK, quote(account)), PATIENCE).await?;
        Look::of(&answers).ok_or_else(|| self.unreadable(&output))
    }

    /// Arms the closer, proves it armed, and then puts the principal in place; gives back by what the closer is kept.
    pub async fn open(&self, opening: &Opening) -> Result<String, DoorError> {
        let Opening { window, account, span, line, usage, record } = opening;
        let (start, end) = (span.start().as_second(), span.end().as_second());
        // What could not be recorded is not let in.
        let recorder = record.map_or_else(String::new, |RecordingLimits { session, window: total }| {
            format!("{}pcw_recorder {window} {} {session} {total} && ", *TO_RECORD, quote(account))
        });
        let [ends, early, late] = [0, 15, 5].map(|minutes| calendar(span.end(), SignedDuration::from_mins(minutes)));
        let call = format!(
            "{}{recorder}pcw_open {window} {} {start} {end} {} {} '{ends}' '{early}' '{late}'\n",
            *TO_OPEN,
            quote(account),
            quote(line),
            usage.word()
        );
        let (answers, output) = self.call("open the window", &call, PATIENCE).await?;
        self.must_say(&answers, &output, "open")?;
        Ok(answers.iter().find(|answer| answer.word == "armed").map(|answer| answer.detail.clone()).unwrap_or_default())
    }

    /// Shuts the door for a window: principal, sessions, timers, record; collects what sshd logged of it; and puts the list of
    /// revoked certificates into place, asked for one that must not pass and one that must.
    pub async fn shut(&self, window: &Window, revocation: Option<&Revocation>) -> Result<Shut, DoorError> {
        let (id, start) = (&window.id, window.span.start().as_second());
        // After the principal is gone: should the list be refused, the door is shut all the same.
        let revoking = revocation.map(|Revocation { krl, revoked, kept, version }| {
            format!("pcw_krl {} {} {} {version}\n", STANDARD.encode(krl), quote(revoked), quote(kept))
        });
        let call = format!("{}pcw_shut {id} {start}\n{}", *TO_SHUT, revoking.as_deref().unwrap_or_default());
        let (answers, output) = self.call("shut the window", &call, PATIENCE).await?;
        self.must_say(&answers, &output, "closed")?;
        if revoking.is_some() {
            self.must_say(&answers, &output, "krl")?;
        }
        Ok(Shut::of(&answers, window))
    }

    /// Puts a first list of revoked certificates into place, where there is none; `kept` is a key that has to pass.
    pub async fn prepare(&self, krl: &[u8], kept: &str) -> Result<(), DoorError> {
        let call = format!("{}pcw_first_krl {} {}\n", *TO_SHUT, STANDARD.encode(krl), quote(kept));
        let (answers, output) = self.call("prepare the door", &call, PATIENCE).await?;
        self.must_say(&answers, &output, "krl")
    }

    pub(super) fn must_say(&self, answers: &[Answer], output: &Output, word: &str) -> Result<(), DoorError> {
        if let Some(failed) = answers.iter().find(|answer| answer.word == "failed") {
            return Err(DoorError::Refused { machine: self.machine.name().to_owned(), reason: failed.detail.clone() });
        }
        if answers.iter().any(|answer| answer.word == word) { Ok(()) } else { Err(self.unreadable(output)) }
    }

    pub(super) fn unreadable(&self, output: &Output) -> DoorError {
        let said = output.stderr_tail.trim();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        DoorError::Unreadable { machine: self.machine.name().to_owned(), said }
    }

    /// Nothing that a call starts is left writing: the next one finds its shell.
    pub(super) async fn call(&self, label: &'static str, text: &str, timeout: Duration) -> Result<(Vec<Answer>, Output), DoorError> {
        let script = Script {
            label,
            text: text.to_owned(),
            payload: Zeroizing::new(Vec::new()),
            elevation: self.machine.elevation().clone(),
            timeout,
        };
        let mut answers = Vec::new();
        let mut on_line = |line: &str| answers.extend(parse_answer(line));
        let output = self.machine.session().run_in_turn(&script, &mut on_line).await.map_err(RemoteError::from)?;
        Ok((answers, output))
    }
}

/// So long before `end`, as systemd.time(7) writes it.
fn calendar(end: Timestamp, before: SignedDuration) -> String {
    end.checked_sub(before).unwrap_or(end).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn parse_answer(line: &str) -> Option<Answer> {
    let mut fields = line.splitn(3, '\t').map(str::to_owned);
    Some(Answer { word: fields.next()?, subject: fields.next()?, detail: fields.next().unwrap_or_default() })
}

impl Look {
    fn of(answers: &[Answer]) -> Option<Self> {
        let mut look = Self::default();
        let mut is_whole = false;
        for Answer { word, subject, detail } in answers {
            match word.as_str() {
                "clock" => look.clock = read_clock(subject, detail)?,
                "file" => drop(look.files.insert(subject.clone(), Some(detail.clone()).filter(|sum| sum != "absent"))),
                "sshd" => drop(look.sshd.insert(subject.clone(), detail.clone())),
                "allowed-group" => look.allowed_groups.extend(subject.split_whitespace().map(str::to_owned)),
                "group" => look.groups.push(subject.clone()),
                "hostkey" => look.host_keys.push(format!("{subject} {detail}")),
                "principal" => look.principals.push((subject.clone(), detail.clone())),
                "window" => {
                    let end = detail.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
                    look.windows.push((subject.clone(), end));
                }
                "timer" => {
                    look.timers.push(subject.clone());
                    look.stopped.extend((!matches!(detail.as_str(), "" | "active")).then(|| subject.clone()));
                }
                "end" => is_whole = true,
                _ => {}
            }
        }
        is_whole.then_some(look)
    }
}

// As precisely as `date` tells it; whole seconds where it tells no fraction.
fn read_clock(whole: &str, exact: &str) -> Option<Timestamp> {
    let fraction = exact.split_once('.').and_then(|(seconds, nanoseconds)| {
        let nanoseconds = nanoseconds.parse().ok().filter(|_| nanoseconds.len() == 9)?;
        Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
    });
    fraction.or_else(|| Timestamp::from_second(whole.parse().ok()?).ok())
}

#[cfg(test)]
#[path = "door_tests.rs"]
mod tests;
