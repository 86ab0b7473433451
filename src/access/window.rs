//! What a window is and what can become of it: a value and its steps, without machines, clock or ledger.
//!
//! A window that began to close never opens again, and nothing but an extension moves its end.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// The name of a window, `w-20261122-3f9a1c`: the day it was asked for (UTC) and a random part. It is a principal, a key
/// id, a file's and a unit's name on every machine, so that nothing but these characters may stand in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowId(String);

/// A text that is no window's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a window's id; one looks like w-20261122-3f9a1c")]
pub struct WindowIdError(String);

impl WindowId {
    /// The id of a window asked for at `now`; `random` sets apart those of one day.
    pub fn new(now: Timestamp, random: u32) -> Self {
        Self(format!("w-{}-{:06x}", now.strftime("%Y%m%d"), random & 0x00ff_ffff))
    }

    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, WindowIdError> {
        let parts: Vec<&str> = text.split('-').collect();
        let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        match *parts.as_slice() {
            ["w", day, rest] if day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) && rest.len() == 6 && is_hex(rest) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(WindowIdError(text.to_owned())),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WindowId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The name of a person, as it stands in the record and in messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person(String);

/// Why a text is no person's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// Nothing, or blanks alone.
    #[error("the person has no name")]
    Empty,
    /// Longer than 100 characters.
    #[error("the person's name is longer than 100 characters")]
    TooLong,
    /// A character that no name needs and that a shell, a log or a terminal could take for something else.
    #[error("the person's name has {0:?} in it")]
    Character(char),
}

impl PersonError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some("name the person by letters, digits, blanks and . _ - @ + ', such as --who ada@vendor.example".to_owned())
    }
}

impl Person {
    /// Takes a name: letters and digits of any script, blanks, and `. _ - @ + '`.
    pub fn parse(text: &str) -> Result<Self, PersonError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(PersonError::Empty);
        }
        if name.chars().count() > 100 {
            return Err(PersonError::TooLong);
        }
        let strange = name.chars().find(|letter| !(letter.is_alphanumeric() || " ._-@+'".contains(*letter)));
        strange.map_or_else(|| Ok(Self(name.to_owned())), |letter| Err(PersonError::Character(letter)))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a window is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first set-up.
    Initial,
    /// An update, a fault, anything agreed upon.
    Maintenance,
    /// A piece of access around the clock, which a custom SLA needs.
    Standing,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Initial, Self::Maintenance, Self::Standing];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Maintenance => "maintenance",
            Self::Standing => "standing",
        }
    }
}

/// From when to when, in whole seconds: what certificates and principals can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: Timestamp,
    end: Timestamp,
}

/// Why there is no such span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// It would end before it starts, or as it starts.
    #[error("the window would end at {end}, and it starts at {start}")]
    EndsBeforeItStarts {
        /// Its start.
        start: Timestamp,
        /// Its end.
        end: Timestamp,
    },
    /// It is over already.
    #[error("the window would have ended at {end}, and it is {now}")]
    Past {
        /// Its end.
        end: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// Beyond what can be reckoned with.
    #[error("the window would reach beyond what can be reckoned with")]
    OutOfRange,
}

impl SpanError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some("give its length from its start on (--for 4h), or a later end (--to 2026-11-23T06:00:00+01:00)".to_owned())
    }
}

impl Span {
    /// From `start` to `end`, as seen at `now`. A start that has passed is now: nobody is let in after the fact.
    pub fn between(start: Timestamp, end: Timestamp, now: Timestamp) -> Result<Self, SpanError> {
        let (start, end, now) = (whole(start.max(now)), whole(end), whole(now));
        if end <= now {
            return Err(SpanError::Past { end, now });
        }
        if end <= start {
            return Err(SpanError::EndsBeforeItStarts { start, end });
        }
        Ok(Self { start, end })
    }

    /// So long, counted from its start and from nothing else.
    pub fn lasting(start: Timestamp, length: SignedDuration, now: Timestamp) -> Result<Self, SpanError> {
        let start = start.max(now);
        let end = start.checked_add(length).map_err(|_beyond| SpanError::OutOfRange)?;
        Self::between(start, end, now)
    }

    /// As it was recorded.
    pub fn recorded(start: Timestamp, end: Timestamp) -> Option<Self> {
        (end > start).then_some(Self { start, end })
    }

    /// Its first second.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Its end.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// How long it is.
    pub fn length(&self) -> SignedDuration {
        self.end.duration_since(self.start)
    }

    /// Whether `moment` lies in it.
    pub fn holds(&self, moment: Timestamp) -> bool {
        self.start <= moment && moment < self.end
    }
}

fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// What was done about a window; each is an event of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is about to be opened: from here on a machine may have its principal.
    BeginOpening,
    /// Its machines are open, but for these.
    Opened {
        /// Machines that could not be opened.
        missing: Vec<String>,
    },
    /// It ends at another time.
    Extend(Timestamp),
    /// It is about to be closed.
    BeginClosing,
    /// It was closed, but for these machines, which could not be reached or not be proven.
    Closed {
        /// What is left to be done.
        left: Vec<String>,
    },
}

/// How far it has come, by what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Asked,
    Opening,
    Open,
    Closing(Vec<String>),
    Closed,
}

/// How a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Asked for; nothing was done.
    Requested,
    /// Being opened, or broken off while it was.
    Opening,
    /// Open from a later moment on.
    Scheduled,
    /// Open.
    Open,
    /// Its end has passed: the machines have closed it, and nobody has looked yet.
    Ended,
    /// Told to close; on some machine that is not proven.
    Closing,
    /// Closed, and proven.
    Closed,
}

impl State {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Opening => "opening",
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

/// A step that the window's state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("window {id} is {state} and cannot be {wanted}")]
pub struct StepError {
    /// The window.
    pub id: WindowId,
    /// Its state, in a word.
    pub state: &'static str,
    /// What was to be done.
    pub wanted: &'static str,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its id.
    pub id: WindowId,
    /// Who is let in.
    pub who: Person,
    /// What for.
    pub kind: Kind,
    /// From when to when.
    pub span: Span,
    /// Why, in words.
    pub reason: String,
    /// The ticket, where there is one.
    pub ticket: Option<String>,
    /// Fingerprint of the person's key.
    pub key: String,
    /// The nodes it opens.
    pub nodes: Vec<String>,
    /// The jumphosts on the way to them.
    pub hops: Vec<String>,
    /// Whether its sessions are recorded.
    pub record: bool,
    phase: Phase,
}

impl Window {
    /// A window as it is asked for; nothing is open yet.
    pub fn new(id: WindowId, who: Person, kind: Kind, span: Span) -> Self {
        let (reason, key) = (String::new(), String::new());
        Self { id, who, kind, span, reason, ticket: None, key, nodes: Vec::new(), hops: Vec::new(), record: false, phase: Phase::Asked }
    }

    /// Takes a step, or says why it cannot be taken.
    pub fn take(&mut self, step: Step) -> Result<(), StepError> {
        let refused = |window: &Self, wanted| {
            let state = match window.phase {
                Phase::Asked => "requested",
                Phase::Opening => "being opened",
                Phase::Open => "open",
                Phase::Closing(_) => "closing",
                Phase::Closed => "closed",
            };
            Err(StepError { id: window.id.clone(), state, wanted })
        };
        self.phase = match (&self.phase, step) {
            (Phase::Asked, Step::BeginOpening) => Phase::Opening,
            (Phase::Opening, Step::Opened { missing }) => {
                self.nodes.retain(|node| !missing.contains(node));
                Phase::Open
            }
            (Phase::Open, Step::Extend(end)) if end > self.span.start => {
                self.span.end = end;
                Phase::Open
            }
            (Phase::Closed, Step::BeginClosing | Step::Closed { .. }) => Phase::Closed,
            (Phase::Closing(left), Step::BeginClosing) => Phase::Closing(left.clone()),
            (_, Step::BeginClosing) => Phase::Closing(self.machines().map(str::to_owned).collect()),
            (_, Step::Closed { left }) if left.is_empty() => Phase::Closed,
            (_, Step::Closed { left }) => Phase::Closing(left),
            (_, Step::BeginOpening | Step::Opened { .. }) => return refused(self, "opened"),
            (_, Step::Extend(_)) => return refused(self, "extended"),
        };
        Ok(())
    }

    /// How it stands at `now`.
    pub fn state(&self, now: Timestamp) -> State {
        match &self.phase {
            Phase::Asked => State::Requested,
            Phase::Opening => State::Opening,
            Phase::Open if now < self.span.start => State::Scheduled,
            Phase::Open if now < self.span.end => State::Open,
            Phase::Open => State::Ended,
            Phase::Closing(_) => State::Closing,
            Phase::Closed => State::Closed,
        }
    }

    /// Whether it lets somebody in at `now`, as far as is known.
    pub fn lets_in(&self, now: Timestamp) -> bool {
        self.state(now) == State::Open && self.span.holds(now)
    }

    /// Its machines: jumphosts first, then nodes.
    pub fn machines(&self) -> impl Iterator<Item = &str> {
        self.hops.iter().chain(&self.nodes).map(String::as_str)
    }

    /// Machines on which its closing is not proven.
    pub fn left(&self) -> &[String] {
        if let Phase::Closing(left) = &self.phase { left } else { &[] }
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
