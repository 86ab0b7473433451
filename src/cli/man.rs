//! `portcullis man`: man pages, one a command.

use std::path::{Path, PathBuf};

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
    std::fs::create_dir_all(&args.out).map_err(Failure::not_written)?;
    let mut command = Cli::command();
    command.build();
    let count = page(&command, "portcullis", &Pages { out: &args.out, day: day(context) })?;
    if context.is_json() {
        context.print_json(&serde_json::json!({"out": args.out, "pages": count}))?;
    } else {
        context.say(&format!("{count} pages in {}\n", args.out.display()))?;
    }
    Ok(Exit::Done)
}

/// Where all pages go, and what they are dated to.
struct Pages<'a> {
    out: &'a Path,
    day: String,
}

/// The day that pages are dated to: today, or that of `SOURCE_DATE_EPOCH`, so that a release can be built twice.
fn day(context: &Context) -> String {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let at = given.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()).unwrap_or(context.now);
    at.strftime("%Y-%m-%d").to_string()
}

fn page(command: &clap::Command, name: &str, pages: &Pages<'_>) -> Result<usize, Failure> {
    let mut text = Vec::new();
    let source = format!("portcullis {}", command.get_version().unwrap_or_default());
    let man = clap_mangen::Man::new(command.clone()).title(name).date(&pages.day).source(source).manual("Portcullis");
    man.render(&mut text).map_err(Failure::not_written)?;
    // The generator's line breaks around a blank line say nothing that the blank line does not.
    let text = String::from_utf8_lossy(&text).replace("\n.br\n\n.br\n", "\n.sp\n");
    write_atomically(&pages.out.join(format!("{name}.1")), text.as_bytes(), 0o644, Existing::Replace).map_err(Failure::not_written)?;
    let mut count = 1;
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        count += page(inner, &format!("{name}-{}", inner.get_name()), pages)?;
    }
    Ok(count)
}
