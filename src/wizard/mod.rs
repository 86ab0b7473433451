//! `init`: the conversation that ends in a site file.
//!
//! Every question is data (`question`), every answer a key of the site file, every validator the site file's own
//! reader. Answers files, `--set` and prompts go one path. No secret is asked for: only where one is to be had.

mod asker;
mod document;
mod machine;
mod question;
mod render;
mod terminal;
mod yaml;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub use asker::{Asker, Asking, Check, Headless, Missing};
pub use document::Answers;
pub use question::{Kind, QUESTIONS, Question};
pub use terminal::Terminal;

use crate::disk::{self, Existing, WriteError};
use crate::finding::{Finding, Severity};
use crate::site::file::shape::words;
use crate::site::model::Site;
use crate::site::{self, SiteErrors};

/// Keeps the answers of a conversation that is broken off, beside the site file to come.
const UNFINISHED: &str = ".site.yaml.unfinished";

/// Why there is no site file at the end.
#[derive(Debug, thiserror::Error)]
pub enum WizardError {
    /// The person broke off, by Ctrl-C or by ending the input.
    #[error("interrupted; no site file was written")]
    Interrupted,
    /// There is no terminal.
    #[error("there is no terminal to ask at")]
    NobodyToAsk,
    /// The terminal failed.
    #[error("cannot ask at the terminal")]
    Terminal {
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Answers are missing, and nobody may be asked.
    #[error("{} missing", count(missing.len(), "answer is", "answers are"))]
    Unanswered {
        /// Each of them.
        missing: Vec<Missing>,
    },
    /// Answers were given that will not do.
    #[error("{} not do", count(problems.len(), "answer will", "answers will"))]
    Unsound {
        /// What is wrong with each, and what to do.
        problems: Vec<String>,
    },
    /// No such key.
    #[error("there is no answer `{key}`")]
    UnknownKey {
        /// The key as given.
        key: String,
        /// The nearest one.
        near: Option<String>,
    },
    /// The answers file is not there or cannot be read.
    #[error("cannot read the answers file {path}")]
    AnswersMissing {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The answers file is neither YAML nor JSON.
    #[error("the answers file cannot be understood")]
    AnswersUnreadable {
        /// Where and why.
        source: Box<SiteErrors>,
    },
    /// The answers file holds something else.
    #[error("{path} holds no keys with answers")]
    NotAnswers {
        /// The file.
        path: PathBuf,
    },
    /// There is a site file already.
    #[error("{path} exists already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The folder cannot be made.
    #[error("cannot make the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The site file cannot be written.
    #[error("cannot write the site file")]
    Write {
        /// Why.
        #[from]
        source: WriteError,
    },
}

fn count(number: usize, one: &str, several: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {several}") }
}

impl WizardError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Unanswered { missing } => {
                let line = |missing: &Missing| format!("--set {}=…   {}. {}", missing.key, missing.ask, missing.help);
                let lines: Vec<String> = missing.iter().map(line).collect();
                return Some(format!(
                    "answer them with flags, or under the same keys in a file given by `--answers`:\n{}",
                    lines.join("\n")
                ));
            }
            Self::Unsound { problems } => return Some(problems.join("\n")),
            Self::UnknownKey { near: Some(near), .. } => return Some(format!("did you mean `{near}`?")),
            Self::AnswersUnreadable { source } => return Some(source.render()),
            Self::UnknownKey { near: None, .. } => "the keys are those of the site file: `portcullis site schema`",
            Self::Interrupted => "`portcullis init` takes up where you stopped",
            Self::NobodyToAsk => "answer with `--answers FILE` and `--set key=value`",
            Self::Exists { .. } => "`--force` replaces it; another folder can be given as an argument",
            Self::NotAnswers { .. } => "write `key: answer` lines, or a JSON object; the keys are those of the site file",
            Self::AnswersMissing { .. } => "see that `--answers` names a file which you may read",
            Self::Terminal { .. } | Self::Folder { .. } | Self::Write { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// What `init` is to do.
#[derive(Debug)]
pub struct InitOptions {
    /// The folder for `site.yaml`; it is made where it is missing.
    pub dir: PathBuf,
    /// A file with answers.
    pub answers_file: Option<PathBuf>,
    /// Answers by key, as `--set key=value` gives them; they win over the file's.
    pub answers: Vec<(String, String)>,
    /// Whether a person may be asked at the terminal.
    pub interactive: bool,
    /// Whether a site file that is there may be replaced.
    pub force: bool,
}

/// What `init` has done.
#[derive(Debug)]
pub struct Written {
    /// The site file.
    pub path: PathBuf,
    /// What it says.
    pub site: Site,
    /// What is to be said of it.
    pub findings: Vec<Finding>,
}

/// Holds the conversation and writes `site.yaml`. An existing one is left alone unless `force` is given.
///
/// Asks at the terminal where `interactive` is given, else nobody.
pub fn init(options: &InitOptions) -> Result<Written, WizardError> {
    if options.interactive { init_with(options, &mut Terminal::default()) } else { init_with(options, &mut Headless::default()) }
}

/// The same with an asker of one's own. Where `interactive` is given, a conversation that is broken off can be taken up again.
pub fn init_with(options: &InitOptions, asker: &mut dyn Asker) -> Result<Written, WizardError> {
    let path = options.dir.join("site.yaml");
    if !options.force && path.symlink_metadata().is_ok() {
        return Err(WizardError::Exists { path });
    }
    let unfinished = options.dir.join(UNFINISHED);
    let known = known_answers(options, &unfinished)?;
    let answers = if options.interactive {
        make_folder(&options.dir)?;
        converse(asker, known, &mut |answers| keep(&unfinished, answers))?
    } else {
        run(asker, known)?
    };
    let text = render::render(answers.document());
    let site = site::parse(&text, &path).map_err(|errors| unsound(&errors))?;
    make_folder(&options.dir)?;
    let existing = if options.force { Existing::Replace } else { Existing::Keep };
    match disk::write_atomically(&path, text.as_bytes(), 0o644, existing) {
        Ok(()) => {}
        Err(WriteError::Exists { path }) => return Err(WizardError::Exists { path }),
        Err(source) => return Err(WizardError::Write { source }),
    }
    if options.interactive {
        // A draft that stays would only propose the same answers again.
        drop(std::fs::remove_file(&unfinished));
    }
    let findings = site::findings(&site);
    Ok(Written { path, site, findings })
}

/// Keeps what was answered so far. Losing the draft costs a person some typing; failing here would cost the conversation.
fn keep(unfinished: &Path, answers: &Answers) {
    drop(disk::write_atomically(unfinished, render::bare(answers.document()).as_bytes(), 0o600, Existing::Replace));
}

fn known_answers(options: &InitOptions, unfinished: &Path) -> Result<Answers, WizardError> {
    let mut answers = match &options.answers_file {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| WizardError::AnswersMissing { path: path.clone(), source })?;
            Answers::from_text(&text, path)?
        }
        // A draft that cannot be read is no reason not to begin anew.
        None if options.interactive => {
            std::fs::read_to_string(unfinished).ok().and_then(|text| Answers::from_text(&text, unfinished).ok()).unwrap_or_default()
        }
        None => Answers::default(),
    };
    for (key, text) in &options.answers {
        answers.set(key, text)?;
    }
    if let Some(name) = std::path::absolute(&options.dir).ok().and_then(|dir| name_from(&dir)) {
        answers.propose_site(name);
    }
    Ok(answers)
}

/// The folder's name as a site's name, where it makes one.
fn name_from(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?.to_lowercase().replace(['_', ' ', '.'], "-");
    site::validate::rules::site_name(&name).ok()
}

fn make_folder(dir: &Path) -> Result<(), WizardError> {
    std::fs::create_dir_all(dir).map_err(|source| WizardError::Folder { path: dir.to_owned(), source })
}

/// Asks all that is not known. `asker` is a person at a terminal, or nobody.
///
/// Fails where a known answer will not do, where answers are missing, and where the person breaks off.
pub fn run(asker: &mut dyn Asker, known: Answers) -> Result<Answers, WizardError> {
    converse(asker, known, &mut |_| {})
}

fn converse(asker: &mut dyn Asker, known: Answers, keep: &mut dyn FnMut(&Answers)) -> Result<Answers, WizardError> {
    let mut answers = known;
    if let Err(errors) = whole(&answers) {
        return Err(unsound(&errors));
    }
    asker.begin(QUESTIONS.iter().filter(|question| answers.has_value(question.key)).count())?;
    for question in QUESTIONS {
        if answers.has(question.key) || !(question.when)(&answers) {
            continue;
        }
        let choices = if question.kind == Kind::Choice { choices(question.key)? } else { Vec::new() };
        let judge = |text: &str| judge(&answers, question.key, text);
        let asking = Asking { question, default: (question.default)(&answers), choices, check: &Check(&judge) };
        if let Some(text) = asker.ask(&asking)? {
            answer(&mut answers, question.key, &text)?;
            keep(&answers);
        }
    }
    asker.finish()?;
    Ok(answers)
}

/// `vpn` in the place of jumphosts says that there are none.
fn answer(answers: &mut Answers, key: &str, text: &str) -> Result<(), WizardError> {
    if key == "route.hops" && text.trim().eq_ignore_ascii_case("vpn") { answers.set("route.vpn", "true") } else { answers.set(key, text) }
}

fn choices(key: &str) -> Result<Vec<&'static str>, WizardError> {
    Ok(words(document::schema_of(key)?).unwrap_or_default())
}

/// Judges an answer by a site in which all else is as known so far, and sound where it is not known.
fn judge(answers: &Answers, key: &str, text: &str) -> Result<(), String> {
    if key == document::DOMAIN {
        let judged = site::validate::rules::dns_name(&format!("manage.{text}"));
        return judged.map(|_| ()).map_err(|error| error.to_string());
    }
    let mut with = answers.clone();
    answer(&mut with, key, text).map_err(|error| error.help().unwrap_or_else(|| error.to_string()))?;
    let site = whole(&with).map_err(|errors| said(&errors).into_iter().next().unwrap_or_default())?;
    let known: HashSet<(String, String)> =
        whole(answers).map(|site| site::findings(&site)).unwrap_or_default().into_iter().map(of).collect();
    let new = site::findings(&site).into_iter().find(|finding| {
        // What is still to be asked is no fault of this answer.
        finding.severity == Severity::Error && finding.id != "dns.names.complete" && !known.contains(&of(finding.clone()))
    });
    new.map_or(Ok(()), |finding| Err(format!("{}; {}", finding.message, finding.fix)))
}

fn of(finding: Finding) -> (String, String) {
    (finding.id, finding.subject)
}

fn whole(answers: &Answers) -> Result<Site, SiteErrors> {
    site::parse(&render::bare(&answers.with_placeholders()), Path::new("site.yaml"))
}

fn unsound(errors: &SiteErrors) -> WizardError {
    WizardError::Unsound { problems: said(errors) }
}

/// Problems without their places: the lines are not the person's own.
fn said(errors: &SiteErrors) -> Vec<String> {
    let help = |help: &Option<String>| help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    errors.problems().iter().map(|problem| format!("{}{}", problem.message, help(&problem.help))).collect()
}
