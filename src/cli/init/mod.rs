//! `portcullis init`: the installer's conversation, or its answers from a file.

mod look;
mod trial;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::report;
use crate::site::model::Site;
use crate::wizard::{Headless, InitOptions, Nowhere, Terminal, WizardError, Written, init, wrapped};
use trial::OnTheSpot;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder where site.yaml goes [default: where --site says, else here]
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
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
    let interactive = context.is_interactive();
    let (dir, file) = place(args, context)?;
    let options = InitOptions {
        dir,
        file,
        home: context.home.clone(),
        answers_file: args.answers.clone(),
        answers: environment().chain(args.set.iter().cloned()).collect(),
        interactive,
        force: args.force,
    };
    let written = if interactive {
        let here = std::env::current_dir().unwrap_or_default();
        let mut person = Terminal::new(context.look_of_stderr().colour, here, context.home.clone());
        init(&options, &mut person, &mut OnTheSpot::new(context, &options.dir))
    } else {
        init(&options, &mut Headless::default(), &mut Nowhere)
    };
    tell(&written.map_err(failure)?, context)
}

/// The folder of the site file to be, and its name there.
fn place(args: &InitArgs, context: &Context) -> Result<(PathBuf, OsString), Failure> {
    let usual = || OsString::from("site.yaml");
    match (&args.dir, &context.globals.site) {
        (None, None) => Ok((PathBuf::from("."), usual())),
        (Some(dir), None) => Ok((dir.clone(), usual())),
        (None, Some(path)) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Ok((folder.to_path_buf(), path.file_name().map_or_else(usual, ToOwned::to_owned)))
        }
        (Some(dir), Some(path)) => {
            let what = format!("{} and --site {} both say where the site file goes", dir.display(), path.display());
            Err(Failure::usage(what, "give one of the two (PORTCULLIS_SITE counts as --site)"))
        }
    }
}

/// `PORTCULLIS_SET_SMTP_HOST` answers `smtp.host`. Two underscores stand for one of the key's own.
fn environment() -> impl Iterator<Item = (String, String)> {
    let mut set: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter_map(|(name, value)| Some((key_of(name.strip_prefix("PORTCULLIS_SET_")?), value)))
        .collect();
    // The environment has no order of its own; the same answers give the same bytes.
    set.sort();
    set.into_iter()
}

fn key_of(name: &str) -> String {
    name.to_lowercase().replace("__", "\0").replace('_', ".").replace('\0', "_")
}

fn tell(written: &Written, context: &Context) -> Result<Exit, Failure> {
    let Written { path, record, site, findings, wrong } = written;
    let to_do: Vec<&String> = wrong.iter().collect();
    if context.is_json() {
        let told = json!({"site": site.name, "file": path, "answers": record, "findings": findings, "to_do": to_do});
        context.print_json(&told)?;
        return Ok(Exit::Done);
    }
    if !findings.is_empty() {
        context.report_aside(|out, look| report::findings::write_findings(out, findings, look))?;
    }
    context.print(&format!("wrote {}: {}, {}\n", path.display(), site.name, report::text::counted(site.nodes.len(), "node")))?;
    if let Some(record) = record {
        context.print(&format!("wrote {}: the answers, for `portcullis init --answers`; it holds no secrets\n", record.display()))?;
    }
    let left: Vec<String> = to_do.into_iter().cloned().chain(missing(site)).collect();
    if !left.is_empty() {
        let width = context.look_of_stderr().width;
        let lines: Vec<String> = left.iter().map(|line| format!("{}\n", wrapped(&report::text::escape(line), "  - ", width))).collect();
        context.say(&format!("still to do:\n{}", lines.concat()))?;
    }
    let is_here = path == Path::new("./site.yaml") || path == Path::new("site.yaml");
    let flag = if is_here { String::new() } else { format!(" --site {}", path.display()) };
    context.say(&format!("next: portcullis check{flag}, then portcullis plan{flag}\n"))?;
    Ok(Exit::Done)
}

/// What a site may begin without, and cannot go into service without.
fn missing(site: &Site) -> impl Iterator<Item = String> {
    let certificate = site
        .tls
        .is_none()
        .then_some("the certificate: `portcullis cert csr --out-dir certs` asks a CA for one; name its files under `tls`");
    let mail = site.smtp.is_none().then_some("the mail server: name it under `smtp`");
    let wants_balancer = site.load_balancer.is_none() && site.nodes.len() > 1;
    let balancer = wants_balancer.then_some("the load balancer: name it under `load_balancer`");
    [certificate, mail, balancer].into_iter().flatten().map(str::to_owned)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variables_name_spells_the_key() {
        for (name, key) in [
            ("SITE", "site"),
            ("SMTP_HOST", "smtp.host"),
            ("ACCESS_LONGEST__WINDOW", "access.longest_window"),
            ("NODES_0_NAME", "nodes.0.name"),
        ] {
            assert_eq!(key_of(name), key);
        }
    }
}
