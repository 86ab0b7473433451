//! What is on record of a window's use: what each machine's sshd logged of it, told from the machine's own words.
//!
//! Pure: lines in, values out. What sshd logs at its stock level names a window at a login, by the key id of its
//! certificate; a refusal names the key at most, so that one which names none is told as "some certificate".

mod sshd;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(super) use sshd::{Lines, read_lines};

/// What kept the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeper {
    /// systemd's journal.
    Journal,
    /// A file of syslog.
    File,
    /// Nothing: there is no evidence.
    #[default]
    None,
}

/// A login by a certificate of the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshdLogin {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// When it ended; `None` where sshd had no time to say so: it was ended, or still lives.
    pub until: Option<Timestamp>,
    /// The account that was logged in to.
    pub account: String,
    /// From where, as the machine saw it.
    pub address: String,
    /// And from which port.
    pub port: u16,
    /// The certificate's serial number.
    pub serial: String,
}

/// An attempt that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshdRefusal {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// The account, where sshd says so.
    pub account: Option<String>,
    /// From where, where sshd says so.
    pub address: Option<String>,
    /// In sshd's words.
    pub why: String,
    /// Whether it was the window's own key. Else sshd does not tell whose certificate it was.
    pub is_ours: bool,
}

/// What one machine's sshd logged of a window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// What kept it.
    pub kept_by: Keeper,
    /// Logins, the oldest first.
    pub logins: Vec<SshdLogin>,
    /// Refused attempts, the oldest first.
    pub refused: Vec<SshdRefusal>,
    /// Lines that were left out because there were too many.
    pub omitted: u64,
    /// Files by which the window's account could let in or run something later that are new or changed since its first window,
    /// each with what became of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
}

impl SshdLogin {
    /// How long it lasted, in seconds, where its end is known.
    pub fn seconds(&self) -> Option<i64> {
        self.until.map(|until| until.duration_since(self.at).as_secs())
    }
}
