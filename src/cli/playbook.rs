//! `portcullis playbook`: the playbooks there are, their text, their faults, their schema. Touches no machine.

use clap::Subcommand;
use serde_json::{Value, json};

use super::context::Context;
use super::desired::{load_failure, render_failure};
use super::exit::Exit;
use super::failure::Failure;
use crate::playbook::{Library, LoadError, Playbook, Templates};
use crate::report::text::counted;

/// Verbs of `playbook`.
#[derive(Debug, Subcommand)]
pub(crate) enum PlaybookCommand {
    /// The playbooks there are: built in, or beside the site file
    List,
    /// The text of a playbook, to read or to begin one of your own with
    Show {
        /// Its name
        name: String,
    },
    /// Look for faults in playbooks and templates, and nothing else
    Check {
        /// Playbooks [default: all that stand beside the site file]
        #[arg(value_name = "PLAYBOOK")]
        names: Vec<String>,
    },
    /// JSON Schema of a playbook, for editors
    Schema,
    /// The reference page, in Markdown: steps, fields, conditions, variables
    Reference,
}

/// Runs a verb of `playbook`.
pub(crate) fn run(command: &PlaybookCommand, context: &Context) -> Result<Exit, Failure> {
    let site = context.site_path();
    // Playbooks stand beside the site file, whether or not that is a good one.
    let library = Library::new(site.parent().unwrap_or(&site));
    match command {
        PlaybookCommand::List => list(&library, context)?,
        PlaybookCommand::Show { name } => show(&library, name, context)?,
        PlaybookCommand::Check { names } => check(&library, names, context)?,
        PlaybookCommand::Schema => context.print_json(&crate::playbook::schema())?,
        PlaybookCommand::Reference if context.is_json() => context.print_json(&json!({"markdown": crate::playbook::reference()}))?,
        PlaybookCommand::Reference => context.print(&crate::playbook::reference())?,
    }
    Ok(Exit::Done)
}

struct Listed {
    name: String,
    // A faulty one is listed too.
    loaded: Result<Playbook, LoadError>,
    file: std::path::PathBuf,
    is_built_in: bool,
}

fn list(library: &Library, context: &Context) -> Result<(), Failure> {
    let mut listed = Vec::new();
    for name in library.names() {
        let source = library.source(&name).map_err(load_failure)?;
        let loaded = library.load(std::slice::from_ref(&name));
        listed.push(Listed { name, loaded, file: source.file, is_built_in: source.is_built_in });
    }
    if context.is_json() {
        return context.print_json(&json!({"playbooks": listed.iter().map(as_json).collect::<Vec<_>>()}));
    }
    let width = listed.iter().map(|one| one.name.chars().count()).max().unwrap_or_default();
    for one in &listed {
        let title = one.loaded.as_ref().map_or_else(|error| format!("FAULTY: {error}"), |playbook| playbook.title.clone());
        let from = if one.is_built_in { String::new() } else { format!("  ({})", one.file.display()) };
        context.print(&format!("{:width$}  {title}{from}\n", one.name))?;
    }
    Ok(())
}

fn as_json(one: &Listed) -> Value {
    let playbook = one.loaded.as_ref().ok();
    let from = if one.is_built_in { "built-in" } else { "site" };
    json!({
        "name": one.name, "title": playbook.map(|playbook| &playbook.title), "from": from, "file": one.file,
        "steps": playbook.map(|playbook| playbook.steps.iter().map(|step| &step.id).collect::<Vec<_>>()),
        "error": one.loaded.as_ref().err().map(ToString::to_string),
    })
}

fn show(library: &Library, name: &str, context: &Context) -> Result<(), Failure> {
    let source = library.source(name).map_err(load_failure)?;
    if context.is_json() {
        let from = if source.is_built_in { "built-in" } else { "site" };
        return context.print_json(&json!({"name": name, "from": from, "file": source.file, "text": source.text}));
    }
    context.print(&source.text)
}

fn check(library: &Library, names: &[String], context: &Context) -> Result<(), Failure> {
    let names = if names.is_empty() { library.own_names() } else { names.to_vec() };
    let mut problems = Vec::new();
    let mut steps = 0;
    for name in &names {
        match library.load(std::slice::from_ref(name)) {
            Ok(playbook) => steps += playbook.steps.len(),
            Err(LoadError::Invalid { problems: found }) => {
                // What two playbooks include is faulty once.
                problems.extend(found.into_iter().filter(|problem| !problems.contains(problem)).collect::<Vec<_>>());
            }
            Err(error) => return Err(load_failure(error)),
        }
    }
    if !problems.is_empty() {
        return Err(load_failure(LoadError::Invalid { problems }));
    }
    let templates = Templates::parse(library.templates().map_err(load_failure)?).map_err(render_failure)?;
    if context.is_json() {
        return context.print_json(&json!({"playbooks": names, "steps": steps, "templates": templates.own_names()}));
    }
    let templates = counted(templates.own_names().len(), "template");
    context.say(&format!(
        "{} with {} and {templates} of the site's own: no faults\n",
        counted(names.len(), "playbook"),
        counted(steps, "step")
    ))
}
