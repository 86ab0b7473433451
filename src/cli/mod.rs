//! The command line: arguments in, outcome out. One file a command; the work is done by the layers below.

mod access;
mod apply;
mod args;
mod audit;
mod bundle;
pub mod cert;
mod check;
mod clock;
mod cluster;
mod completions;
mod context;
mod desired;
mod drill;
mod exit;
mod failure;
mod forward;
mod gate;
mod heads;
mod help;
mod init;
mod interrupt;
mod logging;
mod man;
mod outcome;
mod plan;
mod planfile;
mod playbook;
mod record;
mod render;
mod requirements;
mod rollback;
mod run;
mod seal;
mod selection;
mod signals;
mod signing;
mod site;
mod status;
mod usage;
mod verify;

use args::Command;
use context::Context;
use exit::Exit;
use failure::Failure;

/// Runs the command that the process was started with; gives back its exit code.
pub fn main() -> u8 {
    if let Some(exit) = completions::answer() {
        return exit;
    }
    signals::survive_file_size_limit();
    let cli = match args::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return usage::tell(error).code(),
    };
    let context = Context::new(cli.globals.clone(), cli.command.name());
    let outcome = logging::begin(&context).and_then(|()| dispatch(&cli.command, &context));
    let outcome = outcome.and_then(|exit| context.must_be_told().map(|()| exit));
    let exit = match outcome {
        Ok(exit) => exit,
        Err(failure) => failure::tell(&failure, &context),
    };
    exit.code()
}

fn dispatch(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => block_on(interrupt::told(|| init::run(args, context))),
        Command::Check(args) => block_on(check::run(args, context)),
        Command::Verify(args) => block_on(verify::run(args, context)),
        Command::Status(args) => block_on(status::run(args, context)),
        Command::Plan(args) => block_on(plan::run(args, context)),
        Command::Apply(args) => block_on(apply::run(args, context)),
        Command::Rollback(args) => block_on(rollback::run(args, context)),
        Command::Access(command) => block_on(access::run(command, context)),
        Command::Drill(args) => drill::run(args, context),
        // A question leaves the terminal as it was, also where it is answered with Ctrl-C.
        Command::Cert(command) if context.is_interactive() => block_on(interrupt::told(|| cert(command, context))),
        Command::Cert(command) => cert(command, context),
        Command::Bundle(args) => block_on(bundle::run(args, context)),
        Command::Audit(command) => block_on(audit::run(command, context)),
        Command::Site(command) => site::run(command, context),
        Command::Playbook(command) => playbook::run(command, context),
        Command::Render(args) => render::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Man(args) => man::run(args, context),
        Command::Events => events(context),
        Command::Help(args) => help::run(args, context),
    }
}

/// The schema of the events that `--output json` writes, a line each.
fn events(context: &Context) -> Result<Exit, Failure> {
    context.print_json(&crate::report::event_schema())?;
    Ok(Exit::Done)
}

fn cert(command: &cert::CertCommand, context: &Context) -> Result<Exit, Failure> {
    let site = context.site_if_any()?;
    let folder = site.as_ref().map_or_else(|| std::path::PathBuf::from("."), |site| site.folder.clone());
    let look = context.look();
    let mut cert_context = cert::CertContext {
        json: context.is_json(),
        color: look.colour,
        width: look.width,
        now: context.now,
        site: site.as_ref(),
        home: &context.home,
        secrets: &context.secrets(&folder),
        interactive: context.is_interactive(),
        patience: context.globals.timeout,
        log: Some(&context.log_file),
        out: &mut std::io::stdout(),
        err: &mut std::io::stderr(),
    };
    Ok(Exit::from_code(cert::run(command, &mut cert_context)))
}

fn block_on(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, error, None))?;
    let outcome = runtime.block_on(async {
        interrupt::listen();
        interrupt::or_leave(work).await
    });
    // A prompt or a look-up that still blocks a thread must not keep the command from ending.
    runtime.shutdown_background();
    outcome
}
