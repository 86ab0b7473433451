//! The supervisor: builds the lab inside its fresh namespaces, starts every machine, and starts again those that reboot or die.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::{fd::AsFd as _, unix::process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::Child,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    mount::{MsFlags, mount},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    inside,
    machine::Workshop,
    network, readiness, relay,
    stand::Lab,
    status::{Board, State},
};
use crate::{
    error::LabError,
    host::{files, folders::StateFolder},
    layout::{JUMP_OUTER, Machine},
};

/// systemd-nspawn's exit code when the machine inside it wants to be started again.
const REBOOT: i32 = 133;
/// A machine that ends so soon so often has something wrong with it.
const SOON: Duration = Duration::from_secs(2);
const TRIES: u32 = 5;

/// Runs a lab until it is killed. The listener for the jumphost comes as stdin: it was opened in the host's network.
pub(crate) fn supervise(state: &Path) -> Result<(), LabError> {
    let state = StateFolder::at(state);
    // `/proc` is still the host's: it knows this process by its number there.
    let own = fs::read_link("/proc/self").map_err(LabError::file("read", "/proc/self"))?;
    mount_over("/proc", "proc")?;
    // systemd-nspawn keeps locks and sockets in /run; a /run of its own keeps two labs apart and leaves nothing on the host.
    mount_over("/run", "tmpfs")?;
    network::make_bridges()?;
    let lab: Lab = files::read_json(&state.lab())?;
    let roots = PathBuf::from("/run/lab");
    files::make_folder(&roots, 0o755)?;
    let workshop = Arc::new(Workshop {
        lab: lab.name,
        image: lab.image,
        hashes: files::read_json(&state.hashes())?,
        machines: lab.machines,
        roots,
        state: state.clone(),
    });
    let board = Arc::new(Board::new(state.clone()));
    for machine in workshop.machines.clone() {
        let (workshop, board) = (Arc::clone(&workshop), Arc::clone(&board));
        thread::spawn(move || {
            if let Err(error) = keep_running(&workshop, &board, &machine) {
                complain(&machine.name, &error);
                drop(board.started(&machine.name).and_then(|boots| board.set(&machine.name, boots, State::Failed)));
            }
        });
    }
    files::write(&state.supervisor_pid(), 0o644, own.display().to_string())?;
    let listener = std::io::stdin().as_fd().try_clone_to_owned().map_err(LabError::file("take over", "the listener"))?;
    relay::serve(&TcpListener::from(listener), SocketAddr::from((JUMP_OUTER, 22)), &state.delay());
    Ok(())
}

fn mount_over(place: &str, kind: &str) -> Result<(), LabError> {
    let nothing: Option<&str> = None;
    mount(Some("portcullis-lab"), place, Some(kind), MsFlags::empty(), nothing)
        .map_err(|source| LabError::System { action: "mount over the host's own", source })
}

#[expect(clippy::print_stderr, reason = "the supervisor's stderr is its log file")]
fn complain(machine: &str, error: &dyn std::error::Error) {
    let mut text = format!("{machine}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    eprintln!("{text}");
}

/// The whole life of one machine.
fn keep_running(workshop: &Arc<Workshop>, board: &Arc<Board>, machine: &Machine) -> Result<(), LabError> {
    let root = workshop.make(machine)?;
    let mut quick_ends = 0;
    loop {
        let boots = board.started(&machine.name)?;
        let started = Instant::now();
        let path = workshop.roots.join(format!("{}.notify", machine.name));
        let socket = readiness::listen(&path).map_err(LabError::file("listen on", &path))?;
        let mut nspawn = workshop.boot(machine, &root, &path)?;
        network::attach_second(machine)?;
        watch_for_ready(board, machine, boots, socket);
        // Its init is looked for while its systemd-nspawn lives: afterwards nothing tells whose it was.
        let init = wait_for_init(&mut nspawn);
        let ended = nspawn.wait().map_err(|source| LabError::NotStarted { program: "systemd-nspawn".to_owned(), source })?;
        // Where systemd-nspawn was killed, the machine's init lives on and holds the links.
        end_process(init);
        network::remove_links(machine);
        if ended.code() == Some(0) {
            return board.set(&machine.name, boots, State::Off);
        }
        quick_ends = if started.elapsed() < SOON && ended.code() != Some(REBOOT) { quick_ends + 1 } else { 0 };
        if quick_ends >= TRIES {
            complain(
                &machine.name,
                &LabError::CommandFailed {
                    command: "systemd-nspawn".to_owned(),
                    stderr: format!("ended {TRIES} times at once (code {:?}, signal {:?})", ended.code(), ended.signal()),
                },
            );
            return board.set(&machine.name, boots, State::Failed);
        }
    }
}

fn watch_for_ready(board: &Arc<Board>, machine: &Machine, boots: u32, socket: std::os::unix::net::UnixDatagram) {
    let (board, machine) = (Arc::clone(board), machine.clone());
    thread::spawn(move || {
        if readiness::wait(&machine, &socket, || board.is_on(&machine.name, boots))
            && let Err(error) = board.set(&machine.name, boots, State::Ready)
        {
            complain(&machine.name, &error);
        }
    });
}

fn wait_for_init(nspawn: &mut Child) -> Option<i32> {
    while matches!(nspawn.try_wait(), Ok(None)) {
        if let Some(init) = i32::try_from(nspawn.id()).ok().and_then(inside::init_below) {
            return Some(init);
        }
        thread::sleep(Duration::from_millis(50));
    }
    None
}

/// Kills a machine's init, if it still runs, and with it everything in the machine.
fn end_process(init: Option<i32>) {
    let Some(pid) = init else { return };
    let mut tries = 0;
    while inside::is_init(pid) && tries < 200 {
        let _killed = kill(Pid::from_raw(pid), Signal::SIGKILL);
        thread::sleep(Duration::from_millis(10));
        tries += 1;
    }
}
