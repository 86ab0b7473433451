//! A lab for a test: up when made, down when dropped. It drives the `lab` program, which becomes root by itself where the test is not.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use crate::{
    command_line::program,
    error::LabError,
    host::{files, folders::StateFolder, registry},
    run::stand,
};

/// What a lab shall have.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name; labs of different names stand beside each other.
    pub name: String,
    /// How many nodes (`a0-1`, `a0-2`, …).
    pub nodes: usize,
    /// A mail machine (`mail`).
    pub mail: bool,
    /// A proxy machine (`proxy`) and the `internet` behind it.
    pub proxy: bool,
    /// The `lab` program; by default `PORTCULLIS_LAB_BIN`, else the one beside the running test (`target/<profile>/lab`, made by
    /// `cargo build -p portcullis-lab`).
    pub program: Option<PathBuf>,
}

impl Options {
    /// A jumphost, three nodes, mail and proxy.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), nodes: 3, mail: true, proxy: true, program: None }
    }

    /// The same under a name of this process' own, so that two test runs on one host do not take each other's lab down.
    pub fn of_this_process(purpose: &str) -> Self {
        Self::named(&format!("{purpose}-{}", std::process::id()))
    }
}

/// A standing lab; it goes down when this is dropped, and at the latest when this process ends (so it may stand in a `static` that tests share).
#[derive(Debug)]
pub struct Lab {
    name: String,
    program: PathBuf,
    state: StateFolder,
    plan: stand::Lab,
    keep: bool,
}

impl Lab {
    /// Puts a lab up. One of the same name that stands, or that a broken-off test run has left, is taken down first.
    pub fn up(options: &Options) -> Result<Self, LabError> {
        let path = match options.program.clone() {
            Some(path) => path,
            None => find_program()?,
        };
        call(&path, &options.name, &["down"])?;
        let (nodes, owner) = (options.nodes.to_string(), std::process::id().to_string());
        let mut arguments = vec!["up", "--nodes", &nodes, "--until-exit-of", &owner];
        arguments
            .extend([(options.mail, "--no-mail"), (options.proxy, "--no-proxy")].iter().filter(|(with, _)| !with).map(|(_, flag)| *flag));
        if let Err(error) = call(&path, &options.name, &arguments) {
            drop(call(&path, &options.name, &["down"]));
            return Err(error);
        }
        Self::attach(&options.name, path, false)
    }

    /// Uses a lab that stands already (`lab up` by hand) and leaves it standing.
    pub fn standing(name: &str) -> Result<Self, LabError> {
        Self::attach(name, find_program()?, true)
    }

    fn attach(name: &str, program: PathBuf, keep: bool) -> Result<Self, LabError> {
        let registration = registry::find(name).ok_or_else(|| LabError::NotUp(name.to_owned()))?;
        let state = StateFolder::at(registration.state);
        let plan = files::read_json(&state.lab())?;
        Ok(Self { name: name.to_owned(), program, state, plan, keep })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of its machines: `jump`, `a0-1`…, `mail`, `proxy`, `internet`.
    pub fn machine_names(&self) -> Vec<&str> {
        self.plan.machines.iter().map(|machine| machine.name.as_str()).collect()
    }

    /// Runs a command inside a machine as root; its output and exit status, whatever they are.
    pub fn exec(&self, machine: &str, command: &[&str]) -> Result<Output, LabError> {
        let mut arguments = vec!["exec", machine, "--"];
        arguments.extend(command);
        output(&self.program, &self.name, &arguments)
    }

    /// Cuts a machine off its networks.
    pub fn cut(&self, machine: &str) -> Result<(), LabError> {
        self.call(&["cut", machine])
    }

    /// Puts a machine back onto its networks.
    pub fn heal(&self, machine: &str) -> Result<(), LabError> {
        self.call(&["heal", machine])
    }

    /// Reboots a machine and waits until it is ready again.
    pub fn reboot(&self, machine: &str) -> Result<(), LabError> {
        self.call(&["reboot", machine])
    }

    /// Takes a machine's power away, gives it back, and waits until it is ready again.
    pub fn crash(&self, machine: &str) -> Result<(), LabError> {
        self.call(&["crash", machine])
    }

    /// Sets the round-trip time between operator and jumphost.
    pub fn delay(&self, round_trip: Duration) -> Result<(), LabError> {
        self.call(&["delay", &round_trip.as_millis().to_string()])
    }

    /// Sets a machine's clock off by so many seconds (its services restart); 0 puts it right.
    pub fn clock(&self, machine: &str, seconds: i64) -> Result<(), LabError> {
        self.call(&["clock", machine, &seconds.to_string()])
    }

    /// The complete site file.
    pub fn site_yaml(&self) -> Result<String, LabError> {
        files::read(&self.state.file("site.yaml"))
    }

    /// The folder with keys, `known_hosts`, certificates (`tls/`), passwords (`<name>-password`) and consoles.
    pub fn state_dir(&self) -> &Path {
        self.state.path()
    }

    /// Where the jumphost answers.
    pub fn jump_address(&self) -> SocketAddr {
        let (address, port) = self.plan.jump;
        SocketAddr::from((address, port))
    }

    /// Takes the lab down now, and says what went wrong where dropping would not.
    pub fn down(mut self) -> Result<(), LabError> {
        self.keep = true;
        self.call(&["down"])
    }

    fn call(&self, arguments: &[&str]) -> Result<(), LabError> {
        call(&self.program, &self.name, arguments)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !self.keep {
            // There is nobody to tell; the next `up` of this name clears away what is left.
            drop(self.call(&["down"]));
        }
    }
}

fn output(path: &Path, lab: &str, arguments: &[&str]) -> Result<Output, LabError> {
    program(path, lab).args(arguments).output().map_err(|source| LabError::NotStarted { program: path.display().to_string(), source })
}

fn call(path: &Path, lab: &str, arguments: &[&str]) -> Result<(), LabError> {
    let output = output(path, lab, arguments)?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LabError::CommandFailed { command: format!("lab --lab {lab} {}", arguments.join(" ")), stderr })
}

/// Test programs stand in `target/<profile>/deps`, the lab in `target/<profile>`.
fn find_program() -> Result<PathBuf, LabError> {
    if let Some(path) = env::var_os("PORTCULLIS_LAB_BIN") {
        return Ok(PathBuf::from(path));
    }
    let own = env::current_exe().map_err(|source| LabError::NotStarted { program: "lab".to_owned(), source })?;
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join("lab")).find(|path| path.is_file());
    beside.ok_or_else(|| LabError::ProgramMissing(own.with_file_name("lab")))
}
