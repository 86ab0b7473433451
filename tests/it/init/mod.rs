//! `init`: answers by flags, by file and by a person, one path, and a site file that says what was answered.

mod conversation;
mod files;
mod values;

use std::path::Path;

use portcullis::wizard::{InitOptions, WizardError, Written, init};

/// The fewest answers that do.
const FEWEST: [(&str, &str); 3] = [
    ("route.hops", "ops@jump.corp.example:2222"),
    ("nodes", "10.77.0.11, admin@10.77.0.12, a0-3=root@10.77.0.13"),
    ("domain", "corp.example"),
];

fn with(folder: &Path, answers: &[(&str, &str)]) -> InitOptions {
    let answers = answers.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    InitOptions { dir: folder.join("corp"), answers_file: None, answers, interactive: false, force: false }
}

fn init_with(folder: &Path, answers: &[(&str, &str)]) -> Result<Written, WizardError> {
    init(&with(folder, answers))
}
