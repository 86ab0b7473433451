//! Putting a lab up and taking it down, from the operator's side.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    cgroup,
    status::{self, State},
};
use crate::{
    error::LabError,
    host::{
        command, files,
        folders::{Folders, StateFolder},
        image::Image,
        privilege,
        registry::{self, Process, Registration, Registry},
    },
    layout::{Machine, keys, pki, site},
};

const PATIENCE: Duration = Duration::from_secs(90);

/// A lab as it was laid out; what `lab.json` holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Lab {
    pub(crate) name: String,
    pub(crate) image: Image,
    pub(crate) machines: Vec<Machine>,
    pub(crate) jump: (Ipv4Addr, u16),
}

impl Lab {
    /// The machine of this name.
    pub(crate) fn machine(&self, name: &str) -> Result<&Machine, LabError> {
        self.machines.iter().find(|machine| machine.name == name).ok_or_else(|| LabError::UnknownMachine(name.to_owned()))
    }
}

/// A lab that stands.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) lab: Lab,
    pub(crate) state: StateFolder,
    pub(crate) supervisor: Process,
}

/// The lab of this name, if it stands.
pub(crate) fn find(name: &str) -> Result<Standing, LabError> {
    let not_up = || LabError::NotUp(name.to_owned());
    let registration = registry::find(name).ok_or_else(not_up)?;
    let supervisor = registration.supervisor.filter(|process| process.lives()).ok_or_else(not_up)?;
    let state = StateFolder::at(registration.state);
    Ok(Standing { lab: files::read_json(&state.lab())?, state, supervisor })
}

/// Checks that a name can be part of host names and paths.
pub(crate) fn check_name(name: &str) -> Result<(), LabError> {
    let fine = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if (1..=24).contains(&name.len()) && name.chars().all(fine) && !name.starts_with('-') {
        return Ok(());
    }
    Err(LabError::BadName(name.to_owned()))
}

/// Puts a lab up and waits until all its machines are ready.
pub(crate) fn up(name: &str, machines: Vec<Machine>, image: &Image, folders: &Folders) -> Result<Standing, LabError> {
    let state = StateFolder::at(folders.state.join(name));
    let (mut child, standing) = {
        let registry = Registry::open()?;
        if find(name).is_ok() {
            return Err(LabError::AlreadyUp(name.to_owned()));
        }
        clear(&registry, name, &state)?;
        files::make_folder(state.path(), 0o700)?;
        registry.enter(name, &Registration { state: state.path().to_owned(), supervisor: None })?;
        let (listener, jump) = open_listener(name)?;
        let lab = Lab { name: name.to_owned(), image: image.clone(), machines, jump };
        furnish(&lab, &state)?;
        let mut child = start_supervisor(&state, listener)?;
        let supervisor = wait_for_supervisor(&state, &mut child)?;
        registry.enter(name, &Registration { state: state.path().to_owned(), supervisor: Some(supervisor) })?;
        (child, Standing { lab, state, supervisor })
    };
    wait_until_ready(&standing, &mut child)?;
    Ok(standing)
}

/// Takes a lab down, or clears away what a crash has left of it. Gives whether there was anything.
pub(crate) fn down(name: &str, folders: &Folders) -> Result<bool, LabError> {
    let registry = Registry::open()?;
    let registration = registry::find(name);
    let state = registration.as_ref().map_or_else(|| StateFolder::at(folders.state.join(name)), |known| StateFolder::at(&known.state));
    let there = registration.is_some() || state.path().exists();
    clear(&registry, name, &state)?;
    Ok(there)
}

/// Leaves somebody behind who takes the lab down when the process `owner` ends, however it ends.
pub(crate) fn tie_to(name: &str, owner: i32) -> Result<(), LabError> {
    let program = env::current_exe().map_err(|source| LabError::NotStarted { program: "lab".to_owned(), source })?;
    command::command("setsid")
        .arg("--fork")
        .arg(program)
        .args(["--lab", name, "down", "--after", &owner.to_string()])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(drop)
        .map_err(|source| LabError::NotStarted { program: "setsid".to_owned(), source })
}

/// Waits for a process to end, then takes the lab down, if it is still the one that stands now.
pub(crate) fn down_after(name: &str, owner: i32, folders: &Folders) -> Result<(), LabError> {
    let ours = find(name)?.supervisor;
    let owner = Process::find(owner);
    while owner.is_some_and(Process::lives) {
        if !ours.lives() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(200));
    }
    let still_ours = || registry::find(name).is_some_and(|known| known.supervisor == Some(ours));
    let registry = Registry::open()?;
    if still_ours() { clear(&registry, name, &StateFolder::at(folders.state.join(name))) } else { Ok(()) }
}

/// Ends a lab's supervisor, and with it everything in its namespaces, and removes what the kernel does not.
fn clear(registry: &Registry, name: &str, state: &StateFolder) -> Result<(), LabError> {
    let registered = registry::find(name).and_then(|known| known.supervisor);
    // A crash between the start and the registration leaves the number in the state folder alone.
    let noted = || files::read(&state.supervisor_pid()).ok()?.trim().parse().ok().and_then(supervisor_of(state.path()));
    if let Some(supervisor) = registered.filter(|process| process.lives()).or_else(noted) {
        // `unshare`, above it, holds the jumphost's listener as its stdin: the address is free when both are gone.
        let holder = supervisor.unshare_above();
        // SIGKILL: the kernel then ends the whole process namespace, and waits for it.
        let _killed = kill(Pid::from_raw(supervisor.pid), Signal::SIGKILL);
        let end = Instant::now() + Duration::from_secs(20);
        while supervisor.lives() || holder.is_some_and(Process::lives) {
            if Instant::now() > end {
                return Err(LabError::LeftBehind(format!("the supervisor, process {}", supervisor.pid)));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    cgroup::remove(name)?;
    files::remove_folder(state.path())?;
    registry.remove(name)
}

/// Recognises a supervisor of this state folder by its arguments: the number alone may have gone to another process.
fn supervisor_of(state: &Path) -> impl FnOnce(i32) -> Option<Process> {
    let wanted = state.as_os_str().as_encoded_bytes().to_vec();
    move |pid| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        arguments.split(|byte| *byte == 0).any(|argument| argument == wanted).then(|| Process::find(pid)).flatten()
    }
}

/// A loopback address for the jumphost: its name decides which is tried first, so that a lab put up again is where it was.
fn open_listener(name: &str) -> Result<(TcpListener, (Ipv4Addr, u16)), LabError> {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let start = hasher.finish();
    let mut refused = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for step in 0..64 {
        let [third, second, first, ..] = start.wrapping_add(step).to_le_bytes();
        let address = Ipv4Addr::new(127, 64 | (first & 0x3f), second, third.clamp(2, 253));
        for port in [22, 2222] {
            match TcpListener::bind((address, port)) {
                Ok(listener) => return Ok((listener, (address, port))),
                Err(error) => refused = error,
            }
        }
    }
    Err(LabError::NoAddress(refused))
}

/// Writes all that a lab's machines and its users need into the state folder.
fn furnish(lab: &Lab, state: &StateFolder) -> Result<(), LabError> {
    files::write_json(&state.lab(), 0o644, lab)?;
    files::write(&state.delay(), 0o644, "0")?;
    thread::scope(|scope| {
        let certificates = scope.spawn(|| pki::make(state));
        let passwords = scope.spawn(|| keys::make_passwords(state));
        keys::make_client_keys(state)?;
        keys::make_host_keys(state, &lab.machines)?;
        passwords.join().unwrap_or(Ok(()))?;
        certificates.join().unwrap_or(Ok(()))
    })?;
    keys::write_known_hosts(state, &lab.machines, lab.jump)?;
    files::write(&state.file("site.yaml"), 0o644, site::render(&lab.name, state, &lab.machines, lab.jump))?;
    privilege::give_to_caller(state.path())
}

/// Starts the supervisor as the first process of new process, mount and network namespaces; `setsid` takes it off the terminal.
fn start_supervisor(state: &StateFolder, listener: TcpListener) -> Result<Child, LabError> {
    let program = env::current_exe().map_err(|source| LabError::NotStarted { program: "lab".to_owned(), source })?;
    let log = fs::File::create(state.supervisor_log()).map_err(LabError::file("create", state.supervisor_log()))?;
    let errors = log.try_clone().map_err(LabError::file("write", state.supervisor_log()))?;
    command::command("setsid")
        .args(["unshare", "--fork", "--kill-child=SIGKILL", "--pid", "--mount", "--net", "--"])
        .arg(program)
        .arg("supervise")
        .arg(state.path())
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|source| LabError::NotStarted { program: "setsid".to_owned(), source })
}

fn wait_for_supervisor(state: &StateFolder, child: &mut Child) -> Result<Process, LabError> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let noted = files::read(&state.supervisor_pid()).ok().and_then(|text| text.trim().parse().ok());
        if let Some(process) = noted.and_then(Process::find) {
            return Ok(process);
        }
        if Instant::now() > end || !matches!(child.try_wait(), Ok(None)) {
            return Err(LabError::NotReady { seconds: 10, waiting: format!("the supervisor: {}", log_of(state)) });
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn log_of(state: &StateFolder) -> String {
    files::read(&state.supervisor_log()).unwrap_or_default().trim().replace('\n', " / ")
}

fn wait_until_ready(standing: &Standing, child: &mut Child) -> Result<(), LabError> {
    let end = Instant::now() + PATIENCE;
    loop {
        let status = status::read(&standing.state);
        let waiting: Vec<&str> = standing
            .lab
            .machines
            .iter()
            .filter(|machine| status.get(&machine.name).is_none_or(|status| status.state != State::Ready))
            .map(|machine| machine.name.as_str())
            .collect();
        if waiting.is_empty() && answers(standing.lab.jump) {
            return Ok(());
        }
        let failed = status.values().any(|status| status.state == State::Failed) || !matches!(child.try_wait(), Ok(None));
        if failed || Instant::now() > end {
            let waiting =
                format!("{} (consoles in {}) {}", waiting.join(", "), standing.state.machine("").display(), log_of(&standing.state));
            return Err(LabError::NotReady { seconds: PATIENCE.as_secs(), waiting });
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the jumphost says its banner to the operator.
fn answers((address, port): (Ipv4Addr, u16)) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&SocketAddr::from((address, port)), Duration::from_secs(1)) else { return false };
    let mut banner = [0_u8; 4];
    stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok() && stream.read_exact(&mut banner).is_ok() && &banner == b"SSH-"
}

/// How a machine goes down.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Going {
    /// Its services are ended.
    InOrder,
    /// At once, as if its power were gone.
    AtOnce,
}

/// Lets a machine go down and waits until it is ready again.
pub(crate) fn restart(standing: &Standing, machine: &str, going: Going) -> Result<(), LabError> {
    let boots = |status: &status::Status| status.get(machine).map_or(0, |status| status.boots);
    let before = boots(&status::read(&standing.state));
    let mut arguments = vec!["/usr/bin/systemctl".to_owned(), "reboot".to_owned()];
    if matches!(going, Going::AtOnce) {
        arguments.push("-ff".to_owned());
    }
    let mut reboot = super::inside::enter(standing.supervisor.pid, machine, &arguments)?;
    // Its own end may come before that of the command: what counts is the next start.
    drop(reboot.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status());
    let end = Instant::now() + PATIENCE;
    loop {
        let status = status::read(&standing.state);
        let ready = status.get(machine).is_some_and(|status| status.state == State::Ready);
        if boots(&status) > before && ready {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(LabError::NotReady { seconds: PATIENCE.as_secs(), waiting: machine.to_owned() });
        }
        thread::sleep(Duration::from_millis(20));
    }
}
