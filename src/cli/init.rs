//! `portcullis init`: the installer's conversation, or its answers from a file.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::report;
use crate::wizard::{InitOptions, WizardError, Written, init};

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where the site file goes
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Take answers from this file (YAML or JSON; keys as in the site file)
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
    /// Answer one question; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// Replace a site file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not of the form key=value")),
    }
}

/// Runs `init`.
pub(crate) fn run(args: &InitArgs, context: &Context) -> Result<Exit, Failure> {
    let options = InitOptions {
        dir: args.dir.clone(),
        answers_file: args.answers.clone(),
        answers: args.set.clone(),
        interactive: context.is_interactive(),
        force: args.force,
    };
    let Written { path, site, findings } = init(&options).map_err(failure)?;
    if context.is_json() {
        context.print_json(&serde_json::json!({"site": site.name, "file": path, "findings": findings}))?;
        return Ok(Exit::Done);
    }
    if !findings.is_empty() {
        context.report_aside(|out, look| report::findings::write_findings(out, &findings, look))?;
    }
    context.print(&format!("wrote {}: {}, {}\n", path.display(), site.name, report::text::counted(site.nodes.len(), "node")))?;
    let flag = if path == std::path::Path::new("./site.yaml") { String::new() } else { format!(" --site {}", path.display()) };
    context.say(&format!("next: portcullis check{flag}, then portcullis plan{flag}\n"))?;
    Ok(Exit::Done)
}

fn failure(error: WizardError) -> Failure {
    let exit = match &error {
        WizardError::Interrupted => Exit::Interrupted,
        WizardError::Folder { .. } | WizardError::Write { .. } | WizardError::Terminal { .. } => Exit::Failed,
        WizardError::NobodyToAsk
        | WizardError::Unanswered { .. }
        | WizardError::Unsound { .. }
        | WizardError::UnknownKey { .. }
        | WizardError::AnswersMissing { .. }
        | WizardError::AnswersUnreadable { .. }
        | WizardError::NotAnswers { .. }
        | WizardError::Exists { .. } => Exit::Usage,
    };
    let help = error.help();
    Failure::new(exit, error, help)
}
