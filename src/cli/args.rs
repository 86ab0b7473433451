//! The grammar of the command line. Adding is free; what stands here is relied upon.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use super::{
    access, apply, audit, bundle, cert, check, completions, drill, help, init, man, plan, playbook, render, rollback, site, status, verify,
};

/// Bootstrap and provisioning for appliances inside a customer's own network.
///
/// A site file says what a cluster must be. Portcullis finds out what it is, shows the difference, makes it so,
/// and proves it from the outside.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, propagate_version = true, max_term_width = 110, infer_long_args = false)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Flags that every command has.
    #[command(flatten)]
    pub(crate) globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Reads a command line. A variable of the environment that is empty counts as one that is not set.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let unless_empty = |argument: clap::Arg| {
        let is_empty = argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if is_empty { argument.env(None) } else { argument }
    };
    let mut matches = Cli::command().mut_args(unless_empty).try_get_matches_from(words)?;
    Cli::from_arg_matches_mut(&mut matches)
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For a person.
    Human,
    /// For a script: standard output holds JSON alone.
    Json,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// Where there is a terminal and `NO_COLOR` is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressChoice {
    /// Redrawn in place where there is a terminal.
    Auto,
    /// Lines that follow each other: for screen readers and for logs.
    Plain,
}

/// Flags that every command has.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global flags")]
pub(crate) struct Globals {
    /// The site file [default: ./site.yaml]
    #[arg(long, global = true, value_name = "FILE", env = "PORTCULLIS_SITE", hide_env_values = true)]
    pub(crate) site: Option<PathBuf>,
    /// How answers are printed
    #[arg(long, global = true, value_enum, default_value = "human", env = "PORTCULLIS_OUTPUT", hide_env_values = true)]
    pub(crate) output: OutputFormat,
    /// Never ask; what would have been asked is an error that names the flag or key that answers it
    #[arg(long, global = true)]
    pub(crate) non_interactive: bool,
    /// Answer "are you sure" with yes
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// How progress is shown; plain: lines that follow each other, nothing is redrawn
    #[arg(long, global = true, value_enum, default_value = "auto", env = "PORTCULLIS_PROGRESS", hide_env_values = true)]
    pub(crate) progress: ProgressChoice,
    /// Say more: -v what is done, -vv how
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Where the log goes
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
    /// How long one machine may take to answer, such as 10s or 2m
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// The ledger, in place of the site's
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) ledger: Option<String>,
}

/// Reads a duration above zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write 10s, 2m or 1h30m");
    let span: jiff::SignedDuration = text.parse().map_err(|_ignored: jiff::Error| wrong())?;
    match Duration::try_from(span) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(wrong()),
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask what a site needs, and write its site file
    Init(init::InitArgs),
    /// Look at every requirement before anything is touched
    Check(check::CheckArgs),
    /// Show what `apply` would change, node by node; touches nothing
    Plan(plan::PlanArgs),
    /// Make it so
    Apply(apply::ApplyArgs),
    /// Prove from the outside that it works: TLS, mail, proxy
    Verify(verify::VerifyArgs),
    /// Put back what a run replaced
    Rollback(rollback::RollbackArgs),
    /// Nodes, last run, drift, certificates' days left, open windows
    Status(status::StatusArgs),
    /// Windows: let one person in, for the agreed time, and prove that the door is shut
    #[command(subcommand)]
    Access(access::AccessCommand),
    /// Rehearse windows on this site, for you alone: opened, used, closed, a lost laptop, a dead node
    Drill(drill::DrillArgs),
    /// Certificates: whatever the CA sent becomes a right PFX, or the reason why not
    #[command(subcommand)]
    Cert(cert::CertCommand),
    /// The ledger: what was done, by whom, when
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// What support needs, redacted, in one archive
    Bundle(bundle::BundleArgs),
    /// The site file: its schema, its validation
    #[command(subcommand)]
    Site(site::SiteCommand),
    /// Playbooks: those there are, their text, their faults
    #[command(subcommand)]
    Playbook(playbook::PlaybookCommand),
    /// The files as they would be installed
    Render(render::RenderArgs),
    /// Completions for a shell
    Completions(completions::CompletionsArgs),
    /// Man pages
    Man(man::ManArgs),
    /// The JSON Schema of the events that `--output json` writes, a line each
    Events,
    /// What there is to know: a command, or a topic: site-file, secrets, windows, exit-codes, findings, events, site-keys, runs, troubleshooting
    Help(help::HelpArgs),
}

impl Command {
    /// Its name, as it is typed.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Check(_) => "check",
            Self::Verify(_) => "verify",
            Self::Status(_) => "status",
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Rollback(_) => "rollback",
            Self::Access(command) => command.name(),
            Self::Drill(_) => "drill",
            Self::Cert(_) => "cert",
            Self::Audit(_) => "audit",
            Self::Bundle(_) => "bundle",
            Self::Site(_) => "site",
            Self::Playbook(_) => "playbook",
            Self::Render(_) => "render",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
            Self::Events => "events",
            Self::Help(_) => "help",
        }
    }
}
