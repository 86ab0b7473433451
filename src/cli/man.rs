//! `portcullis man`: man pages, one a command.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::args::Cli;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::disk::{Existing, write_atomically};

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder to write them to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// Runs `man`.
pub(crate) fn run(args: &ManArgs, context: &Context) -> Result<Exit, Failure> {
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::new(Exit::Failed, error, None))?;
    let mut command = Cli::command();
    command.build();
    let count = page(&command, "portcullis", args)?;
    context.say(&format!("{count} pages in {}\n", args.out.display()))?;
    Ok(Exit::Done)
}

fn page(command: &clap::Command, name: &str, args: &ManArgs) -> Result<usize, Failure> {
    let mut text = Vec::new();
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, error, None);
    clap_mangen::Man::new(command.clone()).title(name).render(&mut text).map_err(failed)?;
    write_atomically(&args.out.join(format!("{name}.1")), &text, 0o644, Existing::Replace)
        .map_err(|error| Failure::new(Exit::Failed, error, None))?;
    let mut count = 1;
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        count += page(inner, &format!("{name}-{}", inner.get_name()), args)?;
    }
    Ok(count)
}
