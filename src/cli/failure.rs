//! A command that failed: what failed and where, why, what to do next, and the exit code that says so.

use std::error::Error;

use super::context::Context;
use super::exit::Exit;
use crate::event::Event;
use crate::report;
use crate::site::FileProblem;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What failed and where; the causes follow as its sources.
    pub(crate) error: Box<dyn Error + Send + Sync>,
    /// What to do next.
    pub(crate) help: Option<String>,
    /// Places in a file with the lines themselves, for a person.
    pub(crate) excerpt: Option<String>,
    /// What a script is told in place of the excerpt, one thing each.
    pub(crate) details: Vec<String>,
}

/// A plain sentence as an error: for failures that no module but the command line knows.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Sentence(pub String);

impl Failure {
    /// A failure with this exit code.
    pub(crate) fn new(exit: Exit, error: impl Into<Box<dyn Error + Send + Sync>>, help: Option<String>) -> Self {
        Self { exit, error: error.into(), help, excerpt: None, details: Vec::new() }
    }

    /// The same with the places in files that it is about.
    pub(crate) fn with_problems(self, problems: &[FileProblem]) -> Self {
        let excerpt = (!problems.is_empty()).then(|| problems.iter().map(FileProblem::render).collect::<Vec<_>>().join("\n"));
        Self { excerpt, details: problems.iter().map(ToString::to_string).collect(), ..self }
    }

    /// The command line, or an input file, is wrong.
    pub(crate) fn usage(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Usage, Sentence(what.into()), Some(help.into()))
    }

    /// An output file cannot be written.
    pub(crate) fn not_written(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Exit::Failed, error, Some("name another place: one that you may write to, on a disk with space".to_owned()))
    }

    /// A person said no.
    pub(crate) fn not_confirmed(what: &str) -> Self {
        Self::new(Exit::Failed, Sentence(format!("not confirmed; nothing was {what}")), Some("answer with y, or give --yes".to_owned()))
    }

    /// Something that had to be asked cannot be.
    pub(crate) fn not_asked(what: &str, flag: &str) -> Self {
        Self::usage(format!("{what} has to be confirmed, and there is nobody to ask"), format!("give {flag}"))
    }
}

/// Whether a command's answer for a script is a line an event; that of all others is one object.
pub(crate) fn tells_events(command: &str) -> bool {
    matches!(command, "apply" | "check" | "verify" | "access open" | "access extend" | "access close")
}

// Commands that tell events tell this as their last ones.
fn tell_script(failure: &Failure, event: &Event, context: &Context) -> Result<(), Failure> {
    if tells_events(&context.command) {
        let sink = context.sink();
        sink.emit(event);
        let results = serde_json::Map::new();
        sink.emit(&Event::Summary { command: context.command.clone(), exit_code: failure.exit.code(), results });
        return context.must_be_told();
    }
    if let Event::Error { message, causes, help } = event {
        let error = serde_json::json!({"message": message, "causes": causes, "help": help});
        return context.print_json(&serde_json::json!({"error": error, "exit_code": failure.exit.code()}));
    }
    Ok(())
}

fn with_details(event: Event, details: &[String]) -> Event {
    if let Event::Error { message, causes, help } = event {
        return Event::Error { message, causes: causes.into_iter().chain(details.iter().cloned()).collect(), help };
    }
    event
}

/// Tells a person, or a script, of a failure; gives back its exit code.
pub(crate) fn tell(failure: &Failure, context: &Context) -> Exit {
    tracing::error!(exit = failure.exit.code(), "{}", super::outcome::chain(failure.error.as_ref()));
    let log = context.log_file.exists().then_some(context.log_file.as_path());
    let report =
        report::failure::Failure { error: failure.error.as_ref(), help: failure.help.as_deref(), excerpt: failure.excerpt.as_deref(), log };
    let is_told = context.is_json() && tell_script(failure, &with_details(report.event(), &failure.details), context).is_ok();
    // A script whose standard output takes nothing is told where a person would be.
    if !is_told {
        // Nobody is left to tell that nobody can be told.
        drop(context.report_aside(|out, look| report::failure::write_failure(out, &report, look)));
    }
    failure.exit
}
