//! A transaction on one machine: what is to be replaced, checked and reloaded, as one script and its payload.
//!
//! The script's text holds names, modes and hashes; contents travel in the payload alone.

use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::quote::quote;
use super::run_id::RunId;

const TRANSACTION: &str = concat!(include_str!("sh/transaction.sh"), include_str!("sh/lock.sh"), include_str!("sh/actions.sh"));

/// What the plan saw at a path; the machine refuses where it no longer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Nothing was there.
    Absent,
    /// A file with this SHA-256.
    Sha256(String),
    /// A symbolic link (which may be removed, never written through).
    Link,
    /// A file with this SHA-256 whose content stays: the placement brings mode and owner alone.
    Kept(String),
}

/// One file to put in place.
#[derive(Debug, Clone)]
pub struct Placement {
    /// The step it belongs to.
    pub step: String,
    /// Absolute path, without line breaks.
    pub path: String,
    /// Content.
    pub content: Zeroizing<Vec<u8>>,
    /// Mode in octal digits, such as `0644`.
    pub mode: String,
    /// `owner:group`.
    pub owner: String,
    /// What the plan saw there.
    pub expected: Expected,
}

/// A file that is to be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The step it belongs to.
    pub step: String,
    /// Absolute path.
    pub path: String,
    /// What the plan saw there.
    pub expected: Expected,
}

/// What is done once the files are in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Run a command; it is not run again when files are put back.
    Command(String),
    /// Run a command now, and again when files are put back (`update-ca-certificates`, `systemctl daemon-reload`).
    Refresh(String),
    /// Put a CA certificate that is new at this path among the trusted ones; take it away when files are put back.
    Trust(String),
    /// Enable a service and start it.
    Enable(String),
    /// Stop a service and let it start no more; the other way round when files are put back.
    Disable(String),
    /// Reload a service, or restart one that cannot.
    Reload(String),
    /// Restart a service.
    Restart(String),
    /// Wait until a service is active (5 s).
    Active(String),
    /// Wait until something listens on a TCP port (5 s).
    Listens(u16),
    /// Wait until a command succeeds, for so many tenths of a second.
    Wait(u32, String),
}

impl Action {
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Command(command) => ("command", command.clone()),
            Self::Refresh(command) => ("refresh", command.clone()),
            Self::Trust(path) => ("trust", path.clone()),
            Self::Enable(service) => ("enable", service.clone()),
            Self::Disable(service) => ("disable", service.clone()),
            Self::Reload(service) => ("reload", service.clone()),
            Self::Restart(service) => ("restart", service.clone()),
            Self::Active(service) => ("active", service.clone()),
            Self::Listens(port) => ("listens", port.to_string()),
            Self::Wait(tenths, command) => ("wait", format!("{tenths} {command}")),
        }
    }
}

/// Everything that one run does on one machine.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// The run.
    pub run: RunId,
    /// Who holds the machine's lock meanwhile: person, machine, reason.
    pub owner: String,
    /// Files to put in place.
    pub placements: Vec<Placement>,
    /// Files to take away.
    pub removals: Vec<Removal>,
    /// Commands by step that have to succeed before anything is reloaded.
    pub validations: Vec<(String, String)>,
    /// What to do once the files are in place, by step, in order.
    pub actions: Vec<(String, Action)>,
}

impl Transaction {
    /// The script's text; it holds no content of any file.
    pub(crate) fn script(&self) -> String {
        let mut text = format!("pc_run={}\npc_owner={}\n{TRANSACTION}\npc_begin", quote(self.run.as_str()), quote(&self.owner));
        for number in 0..self.placements.len() + self.removals.len() {
            let _infallible = write!(text, " {number:03}");
        }
        text.push('\n');
        for (number, placement) in self.placements.iter().enumerate() {
            let Placement { step, path, content, mode, owner, expected } = placement;
            if let Expected::Kept(hash) = expected {
                let (step, path, mode, owner) = (quote(step), quote(path), quote(mode), quote(owner));
                let _infallible = writeln!(text, "pc_keep {number:03} {step} {path} {mode} {owner} {hash}");
                continue;
            }
            let _infallible = writeln!(
                text,
                "pc_file {number:03} {} {} {} {} {} {} {}",
                quote(step),
                quote(path),
                quote(mode),
                quote(owner),
                content.len(),
                sha256_hex(content),
                expected_word(expected),
            );
        }
        for (number, Removal { step, path, expected }) in self.removals.iter().enumerate() {
            let number = number + self.placements.len();
            let _infallible = writeln!(text, "pc_remove {number:03} {} {} {}", quote(step), quote(path), expected_word(expected));
        }
        for (step, command) in &self.validations {
            let _infallible = writeln!(text, "pc_validate {} {}", quote(step), quote(command));
        }
        for (step, action) in &self.actions {
            let (kind, value) = action.words();
            let _infallible = writeln!(text, "pc_action {} {kind} {}", quote(step), quote(&value));
        }
        text.push_str("pc_apply\n");
        text
    }

    /// For how long it may wait for commands that are to succeed, all together.
    pub(crate) fn waits(&self) -> Duration {
        let tenths = |action: &Action| if let Action::Wait(tenths, _) = action { u64::from(*tenths) } else { 0 };
        Duration::from_millis(100 * self.actions.iter().map(|(_, action)| tenths(action)).sum::<u64>())
    }

    /// The contents, one after the other, for the script's standard input.
    pub(crate) fn payload(&self) -> Zeroizing<Vec<u8>> {
        // Sized first: a growing buffer would leave copies of secrets behind.
        let mut payload = Zeroizing::new(Vec::with_capacity(self.placements.iter().map(|placement| placement.content.len()).sum()));
        for placement in &self.placements {
            payload.extend_from_slice(&placement.content);
        }
        payload
    }
}

/// The script that puts back what `run` replaced.
pub(crate) fn rollback_script(run: &RunId, owner: &str) -> String {
    let run = quote(run.as_str());
    format!("pc_run={run}\npc_owner={}\n{TRANSACTION}\npc_rollback {run}\n", quote(owner))
}

/// SHA-256 of `bytes` in hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn expected_word(expected: &Expected) -> &str {
    match expected {
        Expected::Absent => "absent",
        Expected::Sha256(hash) | Expected::Kept(hash) => hash,
        Expected::Link => "link",
    }
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
