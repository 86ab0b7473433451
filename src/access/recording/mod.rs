//! Recordings of a window's sessions: what a machine kept of each, and what is told of it.
//!
//! Pure: bytes in, values out. A recording is what script(1) of util-linux wrote, what was shown and when, and a few lines
//! about the session. What was typed is not in it.

mod cast;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::node::sha256_hex;

pub use cast::{Shown, read_shown, render_cast};

/// What a recording leaves out, for the person and for the ledger.
pub const NOT_RECORDED: [&str; 5] = [
    "what is typed and not shown, such as passwords",
    "what is in files that go by scp and sftp (their names and sizes are recorded)",
    "what a session sends by standard input to a command without a terminal",
    "what a job does that shows nothing",
    "what start-up files of the account run before a session begins, unless windows have an account of their own (access.account)",
];

/// How much may be recorded; a session that shows more is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingLimits {
    /// Bytes of one session.
    pub session: u64,
    /// Bytes of a window on one machine.
    pub window: u64,
}

impl Default for RecordingLimits {
    fn default() -> Self {
        Self { session: 32 << 20, window: 256 << 20 }
    }
}

/// What was kept of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Its name on its machine: when it began, and a number.
    pub name: String,
    /// Lines of `key=value` about it.
    pub about: Vec<u8>,
    /// When what was shown, in script(1)'s advanced format.
    pub timing: Vec<u8>,
    /// What was shown.
    pub shown: Vec<u8>,
}

/// A part of a recording: its file's ending.
pub const PARTS: [&str; 3] = ["about", "timing", "shown"];

impl Recording {
    /// The bytes of a part.
    pub fn part(&self, part: &str) -> Option<&[u8]> {
        match part {
            "about" => Some(&self.about),
            "timing" => Some(&self.timing),
            "shown" => Some(&self.shown),
            _ => None,
        }
    }

    /// Whether `name` can be a recording's: it becomes a file's name.
    pub fn is_name(name: &str) -> bool {
        !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }

    /// What its lines say.
    pub fn about(&self) -> About {
        About::parse(&String::from_utf8_lossy(&self.about))
    }

    /// What the ledger holds of it.
    pub fn details(&self, machine: &str) -> Value {
        let About { start, end, kind, command, connection, status, note, .. } = self.about();
        let sums: serde_json::Map<String, Value> =
            PARTS.iter().map(|part| ((*part).to_owned(), json!(sha256_hex(self.part(part).unwrap_or_default())))).collect();
        json!({
            "machine": machine, "name": self.name, "start": start, "end": end, "kind": kind, "command": command,
            "connection": connection, "status": status, "note": note, "sha256": sums,
        })
    }
}

/// What is known of a recorded session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// When it began, by the machine's clock.
    pub start: Option<Timestamp>,
    /// When it ended; `None`: it was cut off, with its window or otherwise.
    pub end: Option<Timestamp>,
    /// `shell`, `command`, `sftp` or `scp`.
    pub kind: String,
    /// What was to be run; empty for a shell.
    pub command: String,
    /// `ADDRESS PORT ADDRESS PORT`: from where to where.
    pub connection: String,
    /// The account.
    pub account: String,
    /// Its terminal's kind, where it had one.
    pub terminal: Option<String>,
    /// Rows and columns at its beginning.
    pub size: Option<(u16, u16)>,
    /// Its exit status.
    pub status: Option<i64>,
    /// `limit`, `full` or `none` where the recording came to an end before it, and so the session.
    pub note: Option<String>,
}

impl About {
    fn parse(text: &str) -> Self {
        let mut about = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let filled = || Some(value.to_owned()).filter(|value| !value.is_empty());
            match key {
                "start" => about.start = moment(value),
                "end" => about.end = moment(value),
                "kind" => value.clone_into(&mut about.kind),
                "command" => about.command = decoded(value),
                "connection" => value.clone_into(&mut about.connection),
                "user" => value.clone_into(&mut about.account),
                "terminal" => about.terminal = filled(),
                "size" => about.size = value.split_once(' ').and_then(|(rows, columns)| Some((rows.parse().ok()?, columns.parse().ok()?))),
                "status" => about.status = value.parse().ok(),
                "note" => about.note = filled(),
                _ => {}
            }
        }
        about
    }
}

fn decoded(text: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

// `date +%s.%N`; busybox prints no fraction.
fn moment(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanoseconds = if fraction.len() == 9 { fraction.parse().unwrap_or(0) } else { 0 };
    Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_session_is_read_and_goes_into_the_ledger_with_sums() {
        let about = b"start=1795348800.250000000\nuser=admin\nkind=command\nconnection=10.77.0.2 1 10.77.0.11 22\ncommand=ZWNobyBoaQ==\nend=1795348801\nstatus=3\nnote=\n";
        let recording =
            Recording { name: "20261122T120000Z-7".to_owned(), about: about.to_vec(), timing: Vec::new(), shown: b"hi".to_vec() };
        let details = recording.details("a0-1");
        assert_eq!((details["command"].as_str(), details["status"].as_i64(), details["note"].is_null()), (Some("echo hi"), Some(3), true));
        assert_eq!(details["start"], "2026-11-22T12:00:00.25Z");
        assert_eq!(details["sha256"]["shown"], sha256_hex(b"hi"));
    }

    #[test]
    fn a_name_that_would_leave_its_folder_is_none() {
        for name in ["", "../x", "a/b", "a.b", "a\nb"] {
            assert!(!Recording::is_name(name), "{name:?}");
        }
        assert!(Recording::is_name("20261122T120000Z-7"));
    }
}
