//! What one probe of a machine brought back. A fact is known, absent or failed; failure never has a default.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::inquiry::Inquiry;
use super::journal::{Journal, ManagedFile};
use super::lock::Holder;
use super::transaction::sha256_hex;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFact {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// Mode in octal digits, such as `644`.
        mode: String,
        /// `owner:group`.
        owner: String,
        /// Bytes.
        size: u64,
        /// SHA-256 of the content, in hexadecimal digits.
        sha256: String,
        /// The content, where it was asked for and is small.
        content: Option<Vec<u8>>,
    },
    /// A symbolic link; never followed.
    Link,
    /// A folder on the way there is a symbolic link, which is never followed either.
    BehindLink {
        /// That folder.
        link: String,
        /// Whether anything stands where it leads.
        is_there: bool,
    },
    /// A folder, a device, a socket.
    Other(String),
    /// It could not be looked at, for this reason.
    Failed(String),
}

/// How a service stands, in systemd's words (`active`, `inactive`; `enabled`, `disabled` …).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceFact {
    /// `active`, `inactive`, `failed` … Empty where no systemd answered.
    pub active: String,
    /// `enabled`, `disabled`, `static` … Empty where no systemd answered.
    pub enabled: String,
}

/// Space on a mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFact {
    /// Where it is mounted.
    pub mount: String,
    /// Size in KiB.
    pub total_kib: u64,
    /// Free for use, in KiB.
    pub free_kib: u64,
}

/// A run that the machine keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRun {
    /// The run's id.
    pub id: String,
    /// `done`, `undone`, `rolled-back`, `reverted`, `staging`, `committing` or `guarded`.
    pub state: String,
}

/// What became of a mail, as the machine's mail log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFact {
    /// `sent`, `deferred`, `bounced`, `expired`.
    pub status: String,
    /// The receiving server's words, or why it was not reached.
    pub said: String,
}

/// Everything one probe brought back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Single-valued facts by key: `kernel`, `host`, `clock` (seconds since 1970), `cores`, `memory-kib`, `init`, `boot`, `ipv6`,
    /// `moment` (the clock with its fraction, where `date` tells one).
    pub machine: BTreeMap<String, String>,
    /// Distribution and its version, such as `("debian", "12")`.
    pub os: Option<(String, String)>,
    /// File systems.
    pub disks: Vec<DiskFact>,
    /// Files by path.
    pub files: BTreeMap<String, FileFact>,
    /// Services by name.
    pub services: BTreeMap<String, ServiceFact>,
    /// Exit status of guards by command.
    pub guards: BTreeMap<String, i32>,
    /// Fate of mails by queue id; one that is not here is still under way, or the log does not say.
    pub mails: BTreeMap<String, MailFact>,
    /// Programs that looks and runs need and the machine does not have, where files were asked about.
    pub lacks: Vec<String>,
    /// Runs kept on the machine, oldest first.
    pub runs: Vec<KeptRun>,
    /// What the kept runs left behind, where that was asked.
    pub journal: Journal,
    /// Who holds the machine's lock, where somebody does.
    pub lock: Option<Holder>,
    /// The end of what services said in the log, by service, where that was asked.
    pub logs: BTreeMap<String, Vec<u8>>,
    /// What a longer look saw, in its order: a key (`drive`, `mount`, `address`, `resolver`, `name`, `ping` …) and a text.
    pub seen: Vec<(String, String)>,
}

/// Why an answer could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// The probe broke off.
    #[error("the probe's answer ends in the midst")]
    Truncated,
    /// A line that no probe of ours prints.
    #[error("line {line} of the probe's answer is not one of ours: {text}")]
    Unexpected {
        /// Line number, from 1.
        line: usize,
        /// Its beginning, made printable.
        text: String,
    },
}

/// The programs without which what was seen of files is not to be relied on; the others a run alone needs.
const LOOKS_NEED: [&str; 4] = ["base64", "cat", "sha256sum", "stat"];

impl Facts {
    /// Whether the machine lacks what its files are looked at with.
    pub fn lacks_what_looks_need(&self) -> bool {
        self.lacks.iter().any(|program| LOOKS_NEED.contains(&program.as_str()))
    }

    /// Reads a probe's standard output, as the answer to `inquiry`.
    pub fn parse(output: &[u8], inquiry: &Inquiry) -> Result<Self, FactsError> {
        let text = String::from_utf8_lossy(output);
        let mut facts = Self::default();
        let paths: Vec<&str> = inquiry.files().collect();
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            if line == "end" {
                return Ok(facts);
            }
            let fields: Vec<&str> = line.split('\t').collect();
            let is_ours = if let ["contents", ref numbers @ ..] = *fields {
                let encoded: String = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != ".").collect();
                facts.take_contents(numbers, &encoded, &paths)
            } else if let ["log", number] = *fields {
                let encoded: String = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != ".").collect();
                facts.take_log(number, &encoded, inquiry)
            } else {
                facts.take(&fields, &paths, inquiry)
            };
            if is_ours.is_none() {
                let text = line.chars().take(80).flat_map(char::escape_debug).collect();
                return Err(FactsError::Unexpected { line: index + 1, text });
            }
        }
        Err(FactsError::Truncated)
    }

    fn take(&mut self, fields: &[&str], paths: &[&str], inquiry: &Inquiry) -> Option<()> {
        match *fields {
            ["os", id, version] => self.os = Some((id.to_owned(), version.to_owned())),
            [key @ ("kernel" | "host" | "clock" | "cores" | "init" | "memory-kib" | "boot" | "ipv6" | "moment"), value] => {
                self.machine.insert(key.to_owned(), value.to_owned());
            }
            ["disk", mount, total, free] => {
                self.disks.push(DiskFact { mount: mount.to_owned(), total_kib: total.parse().ok()?, free_kib: free.parse().ok()? });
            }
            ["lacks", program] => self.lacks.push(program.to_owned()),
            ["run", id, state] => self.runs.push(KeptRun { id: id.to_owned(), state: state.to_owned() }),
            ["lock", owner, age] => self.lock = Some(Holder::parse(owner, age)),
            // It holds the machine as well, without a process of its own.
            ["guarded", run, until] => {
                self.lock = Some(Holder::parse(&format!("run {run}, which waits to be confirmed until {until}"), ""));
            }
            ["file", number, ref rest @ ..] => {
                let path = *paths.get(number.parse::<usize>().ok()?)?;
                self.files.insert(path.to_owned(), file_fact(rest)?);
            }
            ["service", number, active, enabled] => {
                let name = inquiry.services().get(number.parse::<usize>().ok()?)?;
                self.services.insert(name.clone(), ServiceFact { active: active.to_owned(), enabled: enabled.to_owned() });
            }
            ["mail", number, status, said] => {
                let queue_id = inquiry.mails().get(number.parse::<usize>().ok()?)?;
                if !status.is_empty() {
                    self.mails.insert(queue_id.clone(), MailFact { status: status.to_owned(), said: said.to_owned() });
                }
            }
            ["guard", number, status] => {
                let command = inquiry.guards().get(number.parse::<usize>().ok()?)?;
                self.guards.insert(command.clone(), status.parse().ok()?);
            }
            ["left", run, hash, path] => self.journal.left(run, path, hash),
            ["pruned", run, hash, path] => self.journal.pruned(run, path, hash),
            ["did", run, step, kind, value] => self.journal.did(run, step, kind, value),
            ["saw", key, what] => self.seen.push((key.to_owned(), what.trim().to_owned())),
            ["now", hash, path] => self.journal.now(path, hash),
            _ => return None,
        }
        Some(())
    }

    /// All that a longer look saw under `key`.
    pub fn seen<'f>(&'f self, key: &'f str) -> impl Iterator<Item = &'f str> {
        self.seen.iter().filter(move |(known, _)| known == key).map(|(_, what)| what.as_str())
    }

    // Contents come one after the other; sizes and hashes, told before, say where each ends and whether it is what was looked at.
    fn take_contents(&mut self, numbers: &[&str], encoded: &str, paths: &[&str]) -> Option<()> {
        let all = STANDARD.decode(encoded).ok()?;
        let mut rest = all.as_slice();
        for number in numbers {
            let fact = self.files.get_mut(*paths.get(number.parse::<usize>().ok()?)?)?;
            let FileFact::File { size, sha256, content, .. } = fact else { return None };
            let (this, others) = rest.split_at_checked(usize::try_from(*size).ok()?).unwrap_or((rest, &[]));
            if sha256_hex(this) == *sha256 {
                *content = Some(this.to_vec());
            } else {
                *fact = FileFact::Failed("it changed while it was looked at".to_owned());
            }
            rest = others;
        }
        Some(())
    }

    fn take_log(&mut self, number: &str, encoded: &str, inquiry: &Inquiry) -> Option<()> {
        let service = inquiry.logs().get(number.parse::<usize>().ok()?)?;
        self.logs.insert(service.clone(), STANDARD.decode(encoded).ok()?);
        Some(())
    }

    /// What stands at `path`; `Failed` where it was not asked.
    pub fn file(&self, path: &str) -> FileFact {
        self.files.get(path).cloned().unwrap_or_else(|| FileFact::Failed("it was not looked at".to_owned()))
    }

    /// Whether anything stands at `path`, through links too; so too where it was not asked or could not be seen.
    pub fn is_there(&self, path: &str) -> bool {
        !matches!(self.file(path), FileFact::Absent | FileFact::BehindLink { is_there: false, .. })
    }

    /// The machine's clock, in seconds since 1970.
    pub fn clock(&self) -> Option<i64> {
        self.machine.get("clock")?.parse().ok()
    }

    /// The machine's clock as precisely as it told it, and how far that may be off by the telling alone.
    pub fn moment(&self) -> Option<(jiff::Timestamp, jiff::SignedDuration)> {
        let whole = jiff::Timestamp::from_second(self.clock()?).ok()?;
        let half = jiff::SignedDuration::from_millis(500);
        let fraction = self.machine.get("moment").and_then(|text| text.split_once('.'));
        let exact = fraction.and_then(|(seconds, nanoseconds)| {
            let (seconds, nanoseconds) = (seconds.parse().ok()?, nanoseconds.parse().ok().filter(|_| nanoseconds.len() == 9)?);
            jiff::Timestamp::new(seconds, nanoseconds).ok()
        });
        // Whole seconds are cut off, so that the truth lies half a second later on average.
        Some(exact.map_or((whole.saturating_add(half).ok()?, half), |exact| (exact, jiff::SignedDuration::ZERO)))
    }

    /// The file at `path` as the kept runs left it, where one did, and whether it was changed by hand since: while a run is
    /// at work, or is broken off, nobody can tell whose change it is.
    pub fn managed(&self, path: &str) -> Option<(ManagedFile, bool)> {
        let is_settled = self.lock.is_none() && self.broken_off().is_none();
        self.journal.file(path).map(|file| {
            let by_hand = is_settled && !file.is_as_left;
            (file, by_hand)
        })
    }

    /// A run broken off in the midst, or one that nobody has confirmed yet.
    pub fn broken_off(&self) -> Option<&KeptRun> {
        self.runs.iter().find(|run| matches!(run.state.as_str(), "staging" | "committing" | "guarded"))
    }
}

fn file_fact(fields: &[&str]) -> Option<FileFact> {
    Some(match *fields {
        ["absent"] => FileFact::Absent,
        ["link"] => FileFact::Link,
        ["behind", there, ref link @ ..] => FileFact::BehindLink { link: link.join("\t"), is_there: there == "there" },
        [kind @ ("folder" | "special")] => FileFact::Other(kind.to_owned()),
        ["failed", ref why @ ..] => FileFact::Failed(why.join(" ")),
        ["file", mode, user, group, size, sha256] => FileFact::File {
            mode: mode.to_owned(),
            owner: format!("{user}:{group}"),
            size: size.parse().ok()?,
            sha256: sha256.to_owned(),
            content: None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
