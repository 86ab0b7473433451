//! `portcullis site`: the site file's schema, and its validation alone.

use clap::Subcommand;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::finding::has_errors;
use crate::report;
use crate::site::SiteErrors;

/// Verbs of `site`.
#[derive(Debug, Subcommand)]
pub(crate) enum SiteCommand {
    /// JSON Schema of the site file, for editors
    Schema,
    /// Every key of the site file, as a page in Markdown
    Reference,
    /// Validate the site file, and nothing else
    Check,
}

/// Runs a verb of `site`.
pub(crate) fn run(command: &SiteCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        SiteCommand::Schema => {
            context.print_json(&crate::site::schema())?;
            Ok(Exit::Done)
        }
        SiteCommand::Reference => {
            context.print(&crate::wizard::reference())?;
            Ok(Exit::Done)
        }
        SiteCommand::Check => check(context),
    }
}

fn check(context: &Context) -> Result<Exit, Failure> {
    let site = context.site()?;
    let findings = crate::site::findings(&site);
    if context.is_json() {
        context.print_json(&serde_json::json!({"site": site.name, "findings": findings}))?;
    } else {
        if !findings.is_empty() {
            context.report(|out, look| report::findings::write_findings(out, &findings, look))?;
        }
        let nodes = site.nodes.len();
        context.say(&format!(
            "{} is a valid site: {}, {nodes} {}\n",
            context.site_path().display(),
            site.name,
            if nodes == 1 { "node" } else { "nodes" }
        ))?;
    }
    Ok(if has_errors(&findings) { Exit::Findings } else { Exit::Done })
}

/// A site file that cannot be used.
pub(crate) fn failure(errors: SiteErrors) -> Failure {
    let help = errors.help();
    let problems = errors.problems().to_vec();
    Failure::new(Exit::Usage, errors, help).with_problems(&problems)
}
