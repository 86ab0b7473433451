//! `init`: answers by flags, by file and by a person, one path, and a site file that says what was answered.

mod at_a_terminal;
mod conversation;
mod every_question;
mod files;
mod resumed;
pub(crate) mod terminal;
mod typed;
mod values;

use std::path::Path;

use portcullis::wizard::{Headless, InitOptions, Nowhere, WizardError, Written, init};

/// The fewest answers that do.
const FEWEST: [(&str, &str); 3] = [
    ("route.hops", "ops@jump.corp.example:2222"),
    ("nodes", "10.77.0.11, admin@10.77.0.12, a0-3=root@10.77.0.13"),
    ("domain", "corp.example"),
];

fn with(folder: &Path, answers: &[(&str, &str)]) -> InitOptions {
    let answers = answers.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    InitOptions {
        dir: folder.join("corp"),
        file: "site.yaml".into(),
        home: folder.to_owned(),
        answers_file: None,
        answers,
        interactive: false,
        force: false,
    }
}

fn init_with(folder: &Path, answers: &[(&str, &str)]) -> Result<Written, WizardError> {
    unasked(&with(folder, answers))
}

/// Without anybody to ask and without a look around.
fn unasked(options: &InitOptions) -> Result<Written, WizardError> {
    init(options, &mut Headless::default(), &mut Nowhere)
}
