//! `portcullis access renew`: standing windows get their next piece of a day. Run as often as one likes: what still has more
//! than half a day is left alone.

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::asking::must_be_allowed;
use super::extend::{lengthen, must_be_approved};
use super::premises::{Premises, local, map};
use crate::access::{Kind, Request, Span, State, Window};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Sentence};
use crate::cli::outcome::chain;
use crate::event::Event;
use crate::node::quote;

/// A piece of access around the clock.
const PIECE: SignedDuration = SignedDuration::from_hours(24);
/// With less than this left the next piece begins.
const LATEST: SignedDuration = SignedDuration::from_hours(12);

/// Who runs it again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Clockwork {
    /// A service and a timer of systemd.
    Systemd,
    /// A line for crontab.
    Cron,
}

/// Arguments of `access renew`.
#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    /// Print what runs this every four hours, and do nothing else
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) timer: Option<Clockwork>,
}

/// Runs `access renew`.
pub(super) async fn run(args: &RenewArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(clockwork) = args.timer {
        return offer(clockwork, context);
    }
    super::close::retry(context).await?;
    let premises = Premises::open(context)?;
    let history = premises.history()?;
    let standing = history.windows().iter().filter(|window| window.kind == Kind::Standing);
    let open: Vec<&Window> = standing.filter(|window| window.state(context.now) == State::Open).collect();
    let (mut renewed, mut failed, mut help) = (Vec::new(), Vec::new(), None);
    for window in open.iter().filter(|window| window.span.end().duration_since(context.now) <= LATEST) {
        match renew(&premises, window).await {
            Ok(longer) => renewed.push(longer),
            Err(failure) => {
                failed.push((window.id.to_string(), chain(failure.error.as_ref()), failure.exit));
                help = help.or(failure.help);
            }
        }
    }
    tell(context, &open, &renewed, &failed)?;
    let Some((_, _, exit)) = failed.first() else { return Ok(Exit::Done) };
    let exit = if renewed.is_empty() { *exit } else { Exit::Partial };
    let lines: Vec<String> = failed.iter().map(|(id, why, _)| format!("{id}: {why}")).collect();
    Err(Failure::new(exit, Sentence(format!("not every standing window was renewed\n  {}", lines.join("\n  "))), help))
}

async fn renew(premises: &Premises<'_>, window: &Window) -> Result<Window, Failure> {
    let now = premises.context.now;
    let end = now.checked_add(PIECE).unwrap_or(now);
    // What policy looks at is the piece, however long the window has stood.
    let piece = Span::between(now, end, now).map_err(|error| Failure::new(Exit::Refused, error, None))?;
    must_be_allowed(&Request { who: &window.who, kind: Kind::Standing, span: piece, ticket: window.ticket.as_deref() }, premises)?;
    let mut longer = window.clone();
    longer.span = Span::recorded(window.span.start(), piece.end()).unwrap_or(window.span);
    must_be_approved(premises, &longer)?;
    lengthen(premises, window, &longer, &*premises.context.sink_for_query()).await?;
    Ok(longer)
}

fn tell(context: &Context, open: &[&Window], renewed: &[Window], failed: &[(String, String, Exit)]) -> Result<(), Failure> {
    if context.is_json() {
        let windows: Vec<Value> = renewed.iter().map(|window| Premises::window_json(window, context.now)).collect();
        let failed: Vec<Value> = failed.iter().map(|(id, why, _)| json!({"id": id, "why": why})).collect();
        let code = if failed.is_empty() { Exit::Done.code() } else { Exit::Partial.code() };
        let results = map(json!({"renewed": windows, "failed": failed, "standing": open.len()}));
        context.sink().emit(&Event::Summary { command: "access renew".into(), exit_code: code, results });
        return Ok(());
    }
    for window in renewed {
        context.print(&format!("window {} now ends at {}\n", window.id, local(window.span.end())))?;
    }
    match (open.is_empty(), renewed.is_empty() && failed.is_empty()) {
        (true, _) => context.print("no standing window is open\n"),
        (false, true) => context.print("every standing window has more than half a day left\n"),
        (false, false) => Ok(()),
    }
}

// The command as something else than a person runs it.
fn offer(clockwork: Clockwork, context: &Context) -> Result<Exit, Failure> {
    let site = context.site()?;
    let program = std::env::current_exe().map_or_else(|_| "portcullis".to_owned(), |path| path.display().to_string());
    let path = std::path::absolute(context.site_path()).unwrap_or_else(|_| context.site_path());
    let command = format!("{} --site {} --non-interactive access renew", quote(&program), quote(&path.display().to_string()));
    let text = match clockwork {
        // A percent sign ends the command in a crontab.
        Clockwork::Cron => format!("7 */4 * * * {}\n", command.replace('%', "\\%")),
        Clockwork::Systemd => format!(
            "# /etc/systemd/system/portcullis-renew.service\n[Unit]\nDescription=Standing windows of {}\n[Service]\nType=oneshot\nUser={}\n\
             ExecStart=/bin/sh -c \"exec {}\"\n\n# /etc/systemd/system/portcullis-renew.timer\n[Unit]\nDescription=Standing windows of {}\n\
             [Timer]\nOnCalendar=*-*-* 00/4:07:00\nPersistent=true\n[Install]\nWantedBy=timers.target\n",
            site.name.replace('%', "%%"),
            context.user,
            command.replace('%', "%%").replace('\\', "\\\\").replace('"', "\\\""),
            site.name.replace('%', "%%"),
        ),
    };
    context.print(&text)?;
    Ok(Exit::Done)
}
