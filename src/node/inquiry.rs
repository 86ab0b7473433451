//! What a plan or a check wants to know of a machine; becomes one read-only script.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::quote::quote;
use super::transaction::without_comments;

static PROBE: LazyLock<String> = LazyLock::new(|| without_comments(&[include_str!("sh/probe.sh")]));
static LOGS: LazyLock<String> = LazyLock::new(|| without_comments(&[include_str!("sh/logs.sh")]));
static SURVEY: LazyLock<String> = LazyLock::new(|| without_comments(&[include_str!("sh/survey.sh")]));

/// How much of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Kind, mode, owner, size and hash.
    Hash,
    /// The content too, up to 256 KiB.
    Content,
}

/// Questions for one probe of a machine. Answers come back in the same order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inquiry {
    files: Vec<(String, Depth)>,
    services: Vec<String>,
    guards: Vec<String>,
    mails: Vec<String>,
    logs: Vec<String>,
    journal: bool,
    hardware: bool,
    survey: Option<Survey>,
}

/// What a longer look asks about beyond the machine itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// DNS names to look up on the machine.
    pub names: Vec<String>,
    /// Addresses to ping from it.
    pub peers: Vec<String>,
}

impl Inquiry {
    /// The machine's own facts: how it stands, and what it is made of.
    pub fn machine() -> Self {
        Self { hardware: true, ..Self::default() }
    }

    /// How the machine stands and which runs it keeps, and nothing more.
    pub fn standing() -> Self {
        Self::default()
    }

    /// Asks about a file; asking twice asks once, and content wins over hash.
    pub fn file(&mut self, path: &str, depth: Depth) {
        match self.files.iter_mut().find(|(known, _)| known == path) {
            Some((_, known)) if depth == Depth::Content => *known = depth,
            Some(_) => {}
            None => self.files.push((path.to_owned(), depth)),
        }
    }

    /// Asks whether a service runs and starts by itself.
    pub fn service(&mut self, name: &str) {
        if !self.services.iter().any(|known| known == name) {
            self.services.push(name.to_owned());
        }
    }

    /// Asks for the exit status of a guard: a command that by contract only looks.
    pub fn guard(&mut self, command: &str) {
        if !self.guards.iter().any(|known| known == command) {
            self.guards.push(command.to_owned());
        }
    }

    /// Asks what became of a mail, by the queue id its mail service gave it; waits some seconds for it to be known.
    /// What no mail service gives as an id is not asked.
    pub fn mail(&mut self, queue_id: &str) {
        let is_id = (4..=32).contains(&queue_id.len()) && queue_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_id && !self.mails.iter().any(|known| known == queue_id) {
            self.mails.push(queue_id.to_owned());
        }
    }

    /// Asks for the end of what a service said in the machine's log.
    pub fn log(&mut self, service: &str) {
        if !self.logs.iter().any(|known| known == service) {
            self.logs.push(service.to_owned());
        }
    }

    /// Asks what each kept run left behind, and whether that is still so.
    pub fn journal(&mut self) {
        self.journal = true;
    }

    /// Asks for a longer look: drives, mounts, network, time service, SSH service, names and peers.
    pub fn survey(&mut self, survey: Survey) {
        self.survey = Some(survey);
    }

    /// The files asked about, in the order of the answers.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(path, _)| path.as_str())
    }

    /// The services asked about, in the order of the answers.
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// The guards asked about, in the order of the answers.
    pub fn guards(&self) -> &[String] {
        &self.guards
    }

    /// The mails asked about, in the order of the answers.
    pub fn mails(&self) -> &[String] {
        &self.mails
    }

    /// The services whose logs are asked for, in the order of the answers.
    pub fn logs(&self) -> &[String] {
        &self.logs
    }

    /// The read-only script that answers.
    pub(crate) fn script(&self) -> String {
        let mut text = PROBE.clone();
        text.push_str("pc_standing\npc_runs\n");
        if !self.files.is_empty() {
            text.push_str("pc_lacking\n");
        }
        if self.hardware {
            text.push_str("pc_hardware\n");
        }
        for (number, (path, depth)) in self.files.iter().enumerate() {
            let depth = if *depth == Depth::Content { "content" } else { "hash" };
            let _infallible = writeln!(text, "pc_look {number} {} {depth}", quote(path));
        }
        text.push_str("pc_looked\n");
        if !self.services.is_empty() {
            let names: Vec<String> = self.services.iter().map(|name| quote(name)).collect();
            let _infallible = writeln!(text, "pc_services {}", names.join(" "));
        }
        for (number, command) in self.guards.iter().enumerate() {
            let _infallible = writeln!(text, "pc_guard {number} {}", quote(command));
        }
        for (number, queue_id) in self.mails.iter().enumerate() {
            let _infallible = writeln!(text, "pc_mail {number} {}", quote(queue_id));
        }
        if !self.logs.is_empty() {
            text.push_str(&LOGS);
            text.push_str("\npc_versions\n");
            for (number, service) in self.logs.iter().enumerate() {
                let _infallible = writeln!(text, "pc_log {number} {}", quote(service));
            }
        }
        if self.journal {
            text.push_str("pc_journal\n");
        }
        if let Some(survey) = &self.survey {
            text.push_str(&SURVEY);
            text.push_str("\npc_survey\n");
            for (function, words) in [("pc_names", &survey.names), ("pc_pings", &survey.peers)] {
                if !words.is_empty() {
                    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
                    let _infallible = writeln!(text, "{function} {}", words.join(" "));
                }
            }
        }
        text.push_str("pc_probe_end\n");
        text
    }
}
