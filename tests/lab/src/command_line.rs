//! The `lab` program: arguments in, the library called, what it found printed.
#![expect(clippy::print_stderr, reason = "this is the program's edge: it talks to a person at a terminal")]

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Instant};

use clap::{Args, Parser, Subcommand};

use crate::{
    error::LabError,
    host::{command::command, files, folders::Folders, image, privilege, registry},
    layout::{self, Wanted},
    run::{clock, inside, network, stand, status, supervise},
};

/// Prints a line; a reader that has gone away (`lab site | head -1`) is no reason to panic.
macro_rules! say {
    ($($part:tt)*) => { drop(writeln!(std::io::stdout(), $($part)*)) };
}

/// Real Debian systems behind a jumphost, for tests, demo and benches.
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
struct Arguments {
    /// Which lab; several can stand at once.
    #[arg(long, global = true, env = "PORTCULLIS_LAB", default_value = "default")]
    lab: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Puts the lab up, making the image first where it is missing, and waits until every machine is ready.
    Up(UpArguments),
    /// Takes the lab down, or clears away what a crash has left of it.
    Down {
        /// Not now, but when this process has ended.
        #[arg(long, hide = true)]
        after: Option<i32>,
    },
    /// Lists the machines of the lab and their states; without a standing lab, says so and fails.
    Status,
    /// Runs a command inside a machine as root and ends with its exit code.
    Exec {
        machine: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
    /// Cuts a machine off its networks.
    Cut { machine: String },
    /// Puts a machine back onto its networks.
    Heal { machine: String },
    /// Reboots a machine and waits until it is ready again.
    Reboot { machine: String },
    /// Takes a machine's power away, gives it back, and waits until it is ready again.
    Crash { machine: String },
    /// Sets a machine's clock off by OFFSET (`+90s`, `-5m`, `+2h`, `-3d`), as its services and shells see it; 0 puts it right.
    Clock {
        machine: String,
        #[arg(allow_hyphen_values = true)]
        offset: String,
    },
    /// Prints a complete site file of the standing lab.
    Site,
    /// Sets the round-trip time between operator and jumphost.
    Delay { millis: u64 },
    /// Makes the image, without putting up a lab.
    Image,
    /// Runs a lab; started by `up` inside the lab's own namespaces.
    #[command(hide = true)]
    Supervise { state: PathBuf },
}

#[derive(Debug, Args)]
struct UpArguments {
    /// How many nodes.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Without the mail machine.
    #[arg(long)]
    no_mail: bool,
    /// Without the proxy machine and the internet behind it.
    #[arg(long)]
    no_proxy: bool,
    /// Takes the lab down by itself when this process has ended.
    #[arg(long, value_name = "PID")]
    until_exit_of: Option<i32>,
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("lab: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            if let Some(help) = error.help() {
                eprintln!("  help: {help}");
            }
            ExitCode::from(70)
        }
    }
}

fn perform(arguments: &Arguments) -> Result<u8, LabError> {
    let name = &arguments.lab;
    stand::check_name(name)?;
    privilege::become_root()?;
    let folders = Folders::of_user();
    match &arguments.action {
        Action::Up(wanted) => up(name, wanted, &folders).map(|()| 0),
        Action::Down { after: Some(owner) } => stand::down_after(name, *owner, &folders).map(|()| 0),
        Action::Down { after: None } => {
            let started = Instant::now();
            let there = stand::down(name, &folders)?;
            say!(
                "lab {name}: {}",
                if there { format!("down after {:.1} s", started.elapsed().as_secs_f64()) } else { "was not up".to_owned() }
            );
            Ok(0)
        }
        Action::Status => print_status(name).map(|()| 0),
        Action::Image => {
            let image = image::ensure(&folders, &mut |line| eprintln!("{line}"))?;
            say!("{}", image.base.display());
            Ok(0)
        }
        Action::Supervise { state } => supervise::supervise(state).map(|()| 0),
        Action::Exec { .. }
        | Action::Cut { .. }
        | Action::Heal { .. }
        | Action::Reboot { .. }
        | Action::Crash { .. }
        | Action::Clock { .. }
        | Action::Site
        | Action::Delay { .. } => on_standing(&stand::find(name)?, &arguments.action),
    }
}

fn up(name: &str, wanted: &UpArguments, folders: &Folders) -> Result<(), LabError> {
    let machines = layout::machines(Wanted { nodes: wanted.nodes, mail: !wanted.no_mail, proxy: !wanted.no_proxy })?;
    let image = image::ensure(folders, &mut |line| eprintln!("{line}"))?;
    let started = Instant::now();
    let standing = stand::up(name, machines, &image, folders)?;
    if let Some(owner) = wanted.until_exit_of {
        stand::tie_to(name, owner)?;
    }
    let (address, port) = standing.lab.jump;
    say!("lab {name}: {} machines up in {:.1} s", standing.lab.machines.len(), started.elapsed().as_secs_f64());
    say!("  jumphost  {address} port {port}, user ops, key {}", standing.state.file("id_ed25519").display());
    say!("  site file {}", standing.state.file("site.yaml").display());
    Ok(())
}

fn on_standing(standing: &stand::Standing, action: &Action) -> Result<u8, LabError> {
    let supervisor = standing.supervisor.pid;
    match action {
        Action::Exec { machine, command } => {
            standing.lab.machine(machine)?;
            let status = inside::enter(supervisor, machine, command)?
                .status()
                .map_err(|source| LabError::NotStarted { program: "nsenter".to_owned(), source })?;
            return Ok(inside::exit_code(status));
        }
        Action::Cut { machine } => network::set_links(supervisor, standing.lab.machine(machine)?, false)?,
        Action::Heal { machine } => network::set_links(supervisor, standing.lab.machine(machine)?, true)?,
        Action::Reboot { machine } => {
            standing.lab.machine(machine)?;
            stand::restart(standing, machine, stand::Going::InOrder)?;
        }
        Action::Crash { machine } => {
            standing.lab.machine(machine)?;
            stand::restart(standing, machine, stand::Going::AtOnce)?;
        }
        Action::Clock { machine, offset } => {
            standing.lab.machine(machine)?;
            clock::set(supervisor, machine, clock::parse_offset(offset)?)?;
        }
        Action::Site => say!("{}", files::read(&standing.state.file("site.yaml"))?.trim_end()),
        Action::Delay { millis } => {
            files::write(&standing.state.delay(), 0o644, millis.to_string())?;
            // The relay looks every 50 ms; afterwards the new figure holds for whatever is sent.
            std::thread::sleep(std::time::Duration::from_millis(120));
        }
        Action::Up(_) | Action::Down { .. } | Action::Status | Action::Image | Action::Supervise { .. } => {}
    }
    Ok(0)
}

fn print_status(name: &str) -> Result<(), LabError> {
    let standing = match stand::find(name) {
        Ok(standing) => standing,
        Err(error) => {
            let others: Vec<String> = registry::list().into_iter().filter(|other| other != name).collect();
            if !others.is_empty() {
                say!("other labs: {}", others.join(", "));
            }
            return Err(error);
        }
    };
    let (address, port) = standing.lab.jump;
    let delay = files::read(&standing.state.delay()).unwrap_or_default();
    say!("lab {name}: jumphost at {address} port {port}, round trip {} ms", delay.trim());
    say!("state in {}", standing.state.path().display());
    let status = status::read(&standing.state);
    for machine in &standing.lab.machines {
        let address = machine.inner.or(machine.outer).map(|address| address.to_string()).unwrap_or_default();
        let (state, boots) =
            status.get(&machine.name).map_or(("unknown".to_owned(), 0), |status| (format!("{:?}", status.state), status.boots));
        say!("  {:<10} {address:<12} {:<12} {} (start {boots})", machine.name, machine.role.layer(), state.to_lowercase());
    }
    Ok(())
}

/// For the library: the program with a lab's name.
pub(crate) fn program(path: &std::path::Path, lab: &str) -> std::process::Command {
    let mut program = command(path);
    program.args(["--lab", lab]);
    program
}
