//! `portcullis access`: windows opened, looked at, closed.

mod approve;
mod asking;
mod attempt;
mod close;
mod closed;
mod evidence;
mod extend;
mod list;
mod offer;
mod open;
mod premises;
mod recordings;
mod renew;
mod replay;
mod request;
mod ssh;
mod withdraw;
mod witness;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::access::Kind;
use crate::site::duration::parse_duration;
pub(crate) use asking::{ApproveArgs, OpenArgs, RequestArgs};
pub(in crate::cli) use closed::closed;
pub(crate) use renew::RenewArgs;

/// Verbs of `access`.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Let one person in, from now or from a later moment on, for the agreed time
    Open(OpenArgs),
    /// Ask for a window, signed with your own SSH key, where the site wants approvals
    Request(RequestArgs),
    /// Approve what another person asked for, with your own SSH key
    Approve(ApproveArgs),
    /// Give a window a later end, within policy
    Extend(ExtendArgs),
    /// Give standing windows their next piece of a day; from cron or a timer
    Renew(RenewArgs),
    /// End a window now: sessions, certificates, principals; always allowed, and proven
    Close(CloseArgs),
    /// Windows that are open, to come, or not yet proven closed
    List(ListArgs),
    /// One window: who, why, from when to when, where
    Show(ShowArgs),
    /// Connect to a node through a window, with plain ssh
    Ssh(SshArgs),
    /// Watch what was recorded of a window's sessions, or write it as asciicast
    Replay(ReplayArgs),
}

/// What a window is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// The first set-up.
    Initial,
    /// An update, a fault, anything agreed upon.
    Maintenance,
    /// A piece of access around the clock (`sla: custom`).
    Standing,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Initial => Self::Initial,
            KindArg::Maintenance => Self::Maintenance,
            KindArg::Standing => Self::Standing,
        }
    }
}

/// Arguments of `access extend`.
#[derive(Debug, Args)]
pub(crate) struct ExtendArgs {
    /// The window, by the beginning of its id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// By how much, counted from its present end
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, required_unless_present = "to", conflicts_with = "to")]
    pub(crate) length: Option<SignedDuration>,
    /// Until when (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
}

/// Arguments of `access close`.
#[derive(Debug, Args)]
pub(crate) struct CloseArgs {
    /// The window, by the beginning of its id; or what is only asked for, which is withdrawn then
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub(crate) id: Option<String>,
    /// Every window that is not proven closed, and every request that could still be opened
    #[arg(long, conflicts_with = "id")]
    pub(crate) all: bool,
    /// Do not dial this machine, as if it were dead: how a drill rehearses that
    #[arg(long, value_name = "NODE", hide = true)]
    pub(crate) taken_for_dead: Vec<String>,
    /// The other party's key (`ledger.witnesses`), to countersign the ledger's newest checkpoint with: a private key, or the
    /// .pub file of one that an ssh-agent holds
    #[arg(long, value_name = "FILE")]
    pub(crate) countersign: Option<std::path::PathBuf>,
}

/// Arguments of `access list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Ask the machines, and tell of everything there that the ledger does not know
    #[arg(long)]
    pub(crate) live: bool,
    /// Closed ones too
    #[arg(long)]
    pub(crate) all: bool,
}

/// Arguments of `access show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The window, by the beginning of its id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

/// Arguments of `access ssh`.
#[derive(Debug, Args)]
pub(crate) struct SshArgs {
    /// The window, by the beginning of its id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The node
    #[arg(value_name = "NODE")]
    pub(crate) node: String,
    /// What to run there, in place of a shell
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<String>,
}

/// Arguments of `access replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The window, by the beginning of its id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Only sessions on this node
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<String>,
    /// Only this session, by the beginning of its name
    #[arg(long, value_name = "NAME")]
    pub(crate) session: Option<String>,
    /// Write the session as asciicast v2 in place of playing it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Name the sessions, and play none
    #[arg(long, conflicts_with = "out")]
    pub(crate) list: bool,
    /// How many times as fast
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// No pause is longer than this
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2s")]
    pub(crate) longest_pause: SignedDuration,
}

impl AccessCommand {
    /// Its name, as it is typed.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "access open",
            Self::Request(_) => "access request",
            Self::Approve(_) => "access approve",
            Self::Renew(_) => "access renew",
            Self::Extend(_) => "access extend",
            Self::Close(_) => "access close",
            Self::List(_) => "access list",
            Self::Show(_) => "access show",
            Self::Ssh(_) => "access ssh",
            Self::Replay(_) => "access replay",
        }
    }
}

/// Runs a verb of `access`.
pub(crate) async fn run(command: &AccessCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        AccessCommand::Open(args) => open::run(args, context).await,
        AccessCommand::Request(args) => request::run(args, context).await,
        AccessCommand::Approve(args) => approve::run(args, context).await,
        AccessCommand::Renew(args) => renew::run(args, context).await,
        AccessCommand::Extend(args) => extend::run(args, context).await,
        AccessCommand::Close(args) => close::run(args, context).await,
        AccessCommand::List(args) => list::run(args, context).await,
        AccessCommand::Show(args) => list::show(args, context).await,
        AccessCommand::Ssh(args) => ssh::run(args, context),
        AccessCommand::Replay(args) => replay::run(args, context),
    }
}

/// A moment on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// When the command was given.
    Now,
    /// This one.
    At(Timestamp),
}

impl Moment {
    /// The moment itself.
    pub(crate) fn of(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Now => now,
            Self::At(moment) => moment,
        }
    }
}

fn moment(text: &str) -> Result<Moment, String> {
    if text == "now" {
        return Ok(Moment::Now);
    }
    let wrong = |error: jiff::Error| format!("{error}; write 2026-11-22T23:00:00+01:00, or now");
    text.parse().map(Moment::At).map_err(wrong)
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| speed.is_finite() && (0.01..=10_000.0).contains(speed));
    speed.ok_or_else(|| "a speed is a number such as 0.5 or 4".to_owned())
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    match parse_duration(text) {
        Ok(length) if !length.is_zero() => Ok(length),
        Ok(_) => Err("a window that lasts no time opens nothing".to_owned()),
        Err(error) => Err(format!("{error}; {}", error.help().unwrap_or_default())),
    }
}
