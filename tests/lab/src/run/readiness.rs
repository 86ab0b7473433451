//! When a machine counts as ready: its systemd has said that the boot is over, and its ports answer on its own address.

use std::{
    fs::File,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::net::UnixDatagram,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, setns};

use super::inside;
use crate::layout::Machine;

/// How long a start may take before it is given up on; fifty machines on two cores share these seconds.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);

/// The socket systemd-nspawn passes the machine's own `READY=1` to.
pub(crate) fn listen(path: &Path) -> std::io::Result<UnixDatagram> {
    drop(std::fs::remove_file(path));
    let socket = UnixDatagram::bind(path)?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    Ok(socket)
}

/// Waits until the machine is ready; gives up when `current` says that this start is over.
pub(crate) fn wait(machine: &Machine, socket: &UnixDatagram, current: impl Fn() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    let mut message = [0_u8; 4096];
    loop {
        if !current() || Instant::now() > end {
            return false;
        }
        let Ok(length) = socket.recv(&mut message) else { continue };
        let text = message.get(..length).unwrap_or_default();
        if text.split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
            break;
        }
    }
    let Some(init) = inside::find_init(1, &machine.name) else { return false };
    let Some(address) = machine.inner.or(machine.outer) else { return true };
    // This thread alone moves into the machine's network: the inner one cannot be reached from outside it.
    let entered = File::open(format!("/proc/{init}/ns/net")).map(|namespace| setns(namespace, CloneFlags::CLONE_NEWNET));
    if !matches!(entered, Ok(Ok(()))) {
        return false;
    }
    let here = machine.role.own_ports().iter().map(|port| (Ipv4Addr::LOCALHOST, *port));
    machine.role.ports().iter().map(|port| (address, *port)).chain(here).all(|(address, port)| {
        while current() && Instant::now() < end {
            if answers(address, port) {
                return true;
            }
            thread::sleep(PAUSE);
        }
        false
    })
}

/// Whether something accepts; sshd must say its name too, since its socket may stand before it does.
fn answers(address: Ipv4Addr, port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&SocketAddr::from((address, port)), Duration::from_secs(1)) else { return false };
    if port != 22 {
        return true;
    }
    let mut banner = [0_u8; 4];
    stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok() && stream.read_exact(&mut banner).is_ok() && &banner == b"SSH-"
}
