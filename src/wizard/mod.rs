//! `init`: the conversation that ends in a site file.
//!
//! Every question is data (`question`), every answer a key of the site file, every validator the site file's own
//! reader. Answers files, `--set` and prompts go one path. No secret is kept but in a file of its own, mode 0600.

mod asker;
mod document;
mod error;
mod machine;
mod question;
mod record;
mod reference;
mod render;
mod stage;
mod surroundings;
mod talk;
mod terminal;
mod yaml;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use asker::{Asker, Asking, Check, Headless, Missing, Reply};
pub use document::Answers;
pub use error::WizardError;
pub use question::{Kind, Question, Section, questions};
pub use reference::reference;
pub use surroundings::{Alias, Nowhere, Seen, Surroundings, Told};
pub use terminal::{Terminal, ask_hidden, ask_which, wrapped};

use crate::disk::{self, Existing, WriteError};
use crate::finding::Finding;
use crate::site;
use crate::site::model::Site;
use record::Entry;
use stage::Stage;
use talk::{Outcome, Talk, said, whole};

/// Keeps the answers of a conversation that is broken off, beside the site file to come.
const UNFINISHED: &str = ".site.yaml.unfinished";
/// The record of a conversation that came to its end.
const RECORD: &str = "answers.yaml";

/// What `init` is to do.
#[derive(Debug)]
pub struct InitOptions {
    /// The folder for the site file; it is made where it is missing.
    pub dir: PathBuf,
    /// The site file's name in it.
    pub file: OsString,
    /// The operator's home, for `~/` in paths.
    pub home: PathBuf,
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
    /// The record of the conversation, where there was one.
    pub record: Option<PathBuf>,
    /// What the site file says.
    pub site: Site,
    /// What is to be said of it.
    pub findings: Vec<Finding>,
    /// What was tried in vain, and left so.
    pub wrong: Vec<String>,
}

/// Writes the site file after the answers of `asker`. An existing one is left alone unless `force` is given.
///
/// Where `interactive` is given, a conversation that is broken off can be taken up again, and its record is kept.
pub fn init(options: &InitOptions, asker: &mut dyn Asker, surroundings: &mut dyn Surroundings) -> Result<Written, WizardError> {
    let path = options.dir.join(&options.file);
    if !options.force && path.symlink_metadata().is_ok() {
        return Err(WizardError::Exists { path });
    }
    let unfinished = options.dir.join(UNFINISHED);
    let known = known_answers(options, surroundings.seen())?;
    let stage = Stage { path: &path, home: &options.home };
    let outcome = if options.interactive {
        make_folder(&options.dir)?;
        converse(stage, (asker, surroundings), known, record::read(&unfinished), &mut |entries| keep(&unfinished, entries))?
    } else {
        converse(stage, (asker, surroundings), known, Vec::new(), &mut |_| {})?
    };
    let text = render::render(outcome.answers.document());
    let site = site::parse(&text, &path).map_err(|errors| WizardError::Unsound { problems: said(&errors) })?;
    make_folder(&options.dir)?;
    let existing = if options.force { Existing::Replace } else { Existing::Keep };
    match disk::write_atomically(&path, text.as_bytes(), 0o644, existing) {
        Ok(()) => {}
        Err(WriteError::Exists { path }) => return Err(WizardError::Exists { path }),
        Err(source) => return Err(WizardError::Write { source }),
    }
    let record = if options.interactive { Some(finish(options, &outcome.entries)?) } else { None };
    let findings = site::findings(&site);
    Ok(Written { path, record, site, findings, wrong: outcome.wrong })
}

/// Keeps what was answered so far. Losing the draft costs a person some typing; failing here would cost the conversation.
fn keep(unfinished: &Path, entries: &[Entry]) {
    drop(disk::write_atomically(unfinished, record::write(entries).as_bytes(), 0o600, Existing::Replace));
}

/// The draft becomes the record, with what flags and files said before it.
fn finish(options: &InitOptions, entries: &[Entry]) -> Result<PathBuf, WizardError> {
    let record = options.dir.join(RECORD);
    let given: Vec<Entry> = options.answers.iter().cloned().chain(entries.iter().cloned()).collect();
    disk::write_atomically(&record, record::write(&given).as_bytes(), 0o644, Existing::Replace)?;
    // A draft that stays would only propose the same answers again.
    drop(std::fs::remove_file(options.dir.join(UNFINISHED)));
    Ok(record)
}

fn known_answers(options: &InitOptions, seen: Seen) -> Result<Answers, WizardError> {
    let mut answers = match &options.answers_file {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| WizardError::AnswersMissing { path: path.clone(), source })?;
            Answers::from_text(&text, path)?
        }
        None => Answers::default(),
    };
    for (key, text) in &options.answers {
        answers.set(key, text)?;
    }
    let site = std::path::absolute(&options.dir).ok().and_then(|dir| name_from(&dir));
    answers.see(Seen { site, ..seen });
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

/// Asks all that is not known. `asker` is a person at a terminal, or nobody. Nothing is written.
///
/// Fails where a known answer will not do, where answers are missing, and where the person breaks off.
pub fn run(asker: &mut dyn Asker, known: Answers) -> Result<Answers, WizardError> {
    let stage = Stage { path: Path::new("site.yaml"), home: Path::new("/") };
    converse(stage, (asker, &mut Nowhere), known, Vec::new(), &mut |_| {}).map(|outcome| outcome.answers)
}

fn converse<'a>(
    stage: Stage<'a>,
    people: (&'a mut dyn Asker, &'a mut dyn Surroundings),
    known: Answers,
    broken_off: Vec<Entry>,
    keep: &'a mut dyn FnMut(&[Entry]),
) -> Result<Outcome, WizardError> {
    if let Err(errors) = whole(&known, stage.path) {
        return Err(WizardError::Unsound { problems: said(&errors) });
    }
    Talk::new(stage, people, known, broken_off, keep).hold()
}
