//! A transaction on one machine: what is to be replaced, checked and reloaded, as one script and its payload.
//!
//! The script's text holds names, modes and hashes; contents travel in the payload alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::archive::{Member, pack};
use super::quote::quote;
use super::run_id::RunId;

static TRANSACTION: LazyLock<String> = LazyLock::new(|| {
    without_comments(&[
        include_str!("sh/transaction.sh"),
        include_str!("sh/swap.sh"),
        include_str!("sh/lock.sh"),
        include_str!("sh/undo.sh"),
        include_str!("sh/guard.sh"),
        include_str!("sh/actions.sh"),
    ])
});

/// The text of shell files, one after the other, as it is sent. Comments stay here: with them every machine would be sent half as much again.
pub fn without_comments(files: &[&str]) -> String {
    let lines = files.iter().flat_map(|file| file.lines()).map(str::trim_start);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect()
}

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
    /// Run a command when files are put back, where the action after this one had been begun by then; nothing before.
    Undo(String),
    /// Have a folder with this mode and this owner (`owner:group`), each where it is given; when files are put back, as it was
    /// before, or gone where it was made and is empty.
    Folder {
        /// Absolute path.
        path: String,
        /// Mode in octal digits.
        mode: Option<String>,
        /// Owner and group.
        owner: Option<String>,
    },
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
            Self::Undo(command) => ("undo", command.clone()),
            Self::Folder { path, mode, owner } => {
                ("folder", format!("{},{} {path}", mode.as_deref().unwrap_or_default(), owner.as_deref().unwrap_or_default()))
            }
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

/// A run that the machine takes back by itself unless it is confirmed in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// How long the machine waits, from before the swap; whole seconds.
    pub within: Duration,
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
    /// Where it could cut the way in. The machine then answers [`Guarded`](super::Outcome::Guarded), and the run has to
    /// be confirmed over a connection made after that ([`Remote::confirm`](super::Remote::confirm)).
    pub guard: Option<Guard>,
}

impl Transaction {
    /// The script's text; it holds no content of any file.
    pub(crate) fn script(&self) -> String {
        let mut text = script(&self.run, &self.owner, "pc_begin");
        for number in 0..self.placements.len() + self.removals.len() {
            let _infallible = write!(text, " {number:03}");
        }
        for folder in self.folders() {
            let _infallible = write!(text, " {}", quote(folder));
        }
        text.push('\n');
        if let Some(Guard { within }) = self.guard {
            let reverting = self.reverting_script();
            let _infallible = writeln!(text, "pc_guard {} {}", within.as_secs(), sha256_hex(reverting.as_bytes()));
        }
        for (number, placement) in self.placements.iter().enumerate() {
            let Placement { step, path, content, mode, owner, expected } = placement;
            if let Expected::Kept(hash) = expected {
                let (step, path, mode, owner) = (quote(step), quote(path), quote(mode), quote(owner));
                let _infallible = writeln!(text, "pc_keep {number:03} {step} {path} {mode} {owner} {hash}");
                continue;
            }
            let _infallible = writeln!(
                text,
                "pc_file {number:03} {} {} {} {} {} {}",
                quote(step),
                quote(path),
                quote(mode),
                quote(owner),
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
            text.extend(self.subject_hash(action));
            let (kind, value) = action.words();
            let _infallible = writeln!(text, "pc_action {} {kind} {}", quote(step), quote(&value));
        }
        if self.guard.is_some() || self.sent().next().is_some() {
            text.push_str("pc_receive\n");
        }
        text.push_str("pc_apply\n");
        text
    }

    /// The folders of all targets, each once; `/` is the empty one.
    fn folders(&self) -> BTreeSet<&str> {
        let paths = self.placements.iter().map(|placement| &placement.path).chain(self.removals.iter().map(|removal| &removal.path));
        paths.filter_map(|path| path.rsplit_once('/')).map(|(folder, _)| folder).collect()
    }

    /// What comes with its content.
    fn sent(&self) -> impl Iterator<Item = &Placement> {
        self.placements.iter().filter(|placement| !matches!(placement.expected, Expected::Kept(_)))
    }

    // What tells the machine under which name OpenSSL looks for a CA certificate that this run brings. Where it is none that
    // OpenSSL reads, the machine's own tool has to say so.
    fn subject_hash(&self, action: &Action) -> Option<String> {
        let Action::Trust(path) = action else { return None };
        let placement = self.placements.iter().find(|placement| placement.path == *path)?;
        let certificate = openssl::x509::X509::from_pem(&placement.content).ok()?;
        Some(format!("pc_subject {:08x} {}\n", certificate.subject_name_hash(), quote(path)))
    }

    // What the machine's timer runs. It finds the run by its own place.
    fn reverting_script(&self) -> String {
        let owner = format!("the machine itself, which takes back run {}", self.run);
        script(&self.run, &owner, "pc_timer \"$@\"\n")
    }

    /// For how long it may wait for commands that are to succeed, all together.
    pub(crate) fn waits(&self) -> Duration {
        let tenths = |action: &Action| if let Action::Wait(tenths, _) = action { u64::from(*tenths) } else { 0 };
        Duration::from_millis(100 * self.actions.iter().map(|(_, action)| tenths(action)).sum::<u64>())
    }

    /// The contents as an archive, for the script's standard input; with them, for a guarded run, the script that reverts it.
    pub(crate) fn payload(&self) -> Zeroizing<Vec<u8>> {
        let reverting = self.guard.map(|_| self.reverting_script());
        // Their own modes already: they lie in a folder that is root's alone. Each has a second name, under which it is
        // taken beside its target, all by one program.
        let names: Vec<(String, String)> = self.sent().map(|placement| self.staged(&placement.path)).collect();
        let pairs = || names.iter().zip(self.sent());
        let files = pairs().map(|((name, _), Placement { mode, content, .. })| Member { name, mode, content, link: None });
        let seconds = pairs().map(|((name, second), Placement { mode, .. })| Member { name: second, mode, content: &[], link: Some(name) });
        let reverting = reverting.iter().map(|text| Member { name: "revert", mode: "0600", content: text.as_bytes(), link: None });
        // A minute old: Postfix takes a fresh main.cf for half-written and sleeps up to two seconds over it, in every process.
        let began = self.run.began().map_or(0, |began| began.as_second() - 60);
        pack(&reverting.chain(files).chain(seconds).collect::<Vec<_>>(), u32::try_from(began).unwrap_or_default())
    }

    /// Where a file is staged, and its second name, below the run's folder.
    fn staged(&self, path: &str) -> (String, String) {
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        (format!("new{path}"), format!("new/.beside{folder}/.portcullis-{}/{name}", self.run))
    }
}

fn script(run: &RunId, owner: &str, call: &str) -> String {
    format!("pc_run={}\npc_owner={}\n{}{call}", quote(run.as_str()), quote(owner), *TRANSACTION)
}

/// The script that puts back what `run` replaced.
pub(crate) fn rollback_script(run: &RunId, owner: &str) -> String {
    script(run, owner, &format!("pc_rollback {}\n", quote(run.as_str())))
}

/// The script that confirms `run`, which waits for that.
pub(crate) fn confirm_script(run: &RunId, owner: &str) -> String {
    script(run, owner, "pc_confirm\n")
}

/// The script that takes back `run`, which waits to be confirmed, for the reason `why`.
pub(crate) fn revert_script(run: &RunId, owner: &str, why: &str) -> String {
    script(run, owner, &format!("pc_revert {}\n", quote(why)))
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
