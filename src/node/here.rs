//! The machine that this program itself runs on. Its figures come from the system's own interfaces, so that they are there on
//! Windows too; where there is a POSIX shell, the probe's own text tells the rest, with the rights of whoever runs it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, RefreshKind, System};

use super::facts::{DiskFact, Facts};
use super::inquiry::Inquiry;
use super::remote::{Probe, RemoteError};
use crate::ssh::{BoxedStream, Error, Obstacle, Place};

const SHELL: &str = "/bin/sh";
const KIB: u64 = 1024;
/// What is no drive of the machine, though it is mounted and has a size.
const NO_DRIVES: [&str; 5] = ["squashfs", "overlay", "tmpfs", "devtmpfs", "ramfs"];

/// This machine, as a [`Probe`].
#[derive(Debug, Clone)]
pub struct Here {
    name: String,
    patience: Duration,
}

impl Here {
    /// This machine under that name; `patience` is how long a look or a connection may take.
    pub fn new(name: &str, patience: Duration) -> Self {
        Self { name: name.to_owned(), patience }
    }

    fn failed(&self, exit: String, said: &str) -> RemoteError {
        let said = if said.trim().is_empty() { String::new() } else { format!(": {}", said.trim()) };
        RemoteError::Unexpected { machine: self.name.clone(), label: "probe", exit, said }
    }

    /// What the probe's text tells, where there is a shell to run it; this program's own figures alone elsewhere.
    async fn told_by_shell(&self, inquiry: &Inquiry) -> Result<Facts, RemoteError> {
        if !Path::new(SHELL).exists() {
            return Ok(Facts::default());
        }
        let mut command = tokio::process::Command::new(SHELL);
        command.arg("-c").arg(inquiry.script()).stdin(Stdio::null()).kill_on_drop(true);
        let output: Output = match tokio::time::timeout(self.patience, command.output()).await {
            Err(_elapsed) => return Err(self.failed(format!("not within {:?}", self.patience), "")),
            Ok(Err(error)) => return Err(self.failed("before it began".to_owned(), &error.to_string())),
            Ok(Ok(output)) => output,
        };
        if !output.status.success() {
            return Err(self.failed(format!("with {}", output.status), &String::from_utf8_lossy(&output.stderr)));
        }
        Facts::parse(&output.stdout, inquiry).map_err(|source| RemoteError::Facts { machine: self.name.clone(), source })
    }
}

impl Probe for Here {
    fn name(&self) -> &str {
        &self.name
    }

    async fn look(&self, inquiry: &Inquiry) -> Result<Facts, RemoteError> {
        let mut facts = self.told_by_shell(inquiry).await?;
        // Reading /proc blocks, if only for a moment.
        match tokio::task::spawn_blocking(own_figures).await {
            Ok(own) => overlay(&mut facts, own),
            Err(error) => tracing::debug!(%error, "the system's own figures could not be had"),
        }
        Ok(facts)
    }

    async fn connect_tcp(&self, host: &str, port: u16) -> Result<BoxedStream, RemoteError> {
        let place = Arc::new(Place { machine: host.to_owned(), address: Place::address(host, port), through: None });
        let unreachable = |obstacle| RemoteError::Ssh(Error::Unreachable { place: Arc::clone(&place), obstacle });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = match tokio::time::timeout(self.patience, tokio::net::lookup_host((bare, port))).await {
            Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
            Ok(Err(_unknown)) => return Err(unreachable(Obstacle::NameUnknown)),
            Err(_elapsed) => return Err(unreachable(Obstacle::TimedOut)),
        };
        match tokio::time::timeout(self.patience, tokio::net::TcpStream::connect(addresses.as_slice())).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(unreachable(Obstacle::from_io(&error))),
            Err(_elapsed) => Err(unreachable(Obstacle::TimedOut)),
        }
    }

    fn round_trips(&self) -> u32 {
        0
    }

    fn held(&self) -> Option<crate::ssh::Held> {
        None
    }
}

/// What the system's own interfaces tell; what they do not tell is absent.
fn own_figures() -> Facts {
    let mut facts = Facts::default();
    let kinds = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()).with_cpu(CpuRefreshKind::nothing());
    let mut tell = |key: &str, value: String| {
        facts.machine.insert(key.to_owned(), value);
    };
    match System::new_with_specifics(kinds) {
        Ok(system) => {
            if !system.cpus().is_empty() {
                tell("cores", system.cpus().len().to_string());
            }
            if system.total_memory() > 0 {
                tell("memory-kib", (system.total_memory() / KIB).to_string());
            }
        }
        Err(error) => tracing::debug!(%error, "processors and memory could not be had"),
    }
    if let (Ok(name), Ok(version)) = (System::name(), System::kernel_version()) {
        // As `uname` names it, whose words the checks know.
        let system = if cfg!(target_os = "linux") { "Linux" } else { name.as_str() };
        tell("kernel", format!("{system} {version} {}", System::cpu_arch()));
    }
    if let Ok(host) = System::host_name() {
        tell("host", host);
    }
    let distribution = System::distribution_id();
    if distribution != "linux" {
        facts.os = Some((distribution, System::os_version().unwrap_or_default()));
    }
    match Disks::new_with_refreshed_list() {
        Ok(disks) => facts.disks = disks.iter().filter_map(drive).collect(),
        Err(error) => tracing::debug!(%error, "disks could not be had"),
    }
    facts
}

fn drive(disk: &sysinfo::Disk) -> Option<DiskFact> {
    let kind = disk.file_system().to_string_lossy();
    let mount = disk.mount_point().to_string_lossy().into_owned();
    // An overlay as the root is all the disk that a container has.
    if disk.total_space() == 0 || (mount != "/" && NO_DRIVES.contains(&kind.as_ref())) || mount.starts_with("/boot") {
        return None;
    }
    Some(DiskFact { mount, total_kib: disk.total_space() / KIB, free_kib: disk.available_space() / KIB })
}

/// The system's own figures win; where they say nothing of a thing, the shell's word stands.
fn overlay(facts: &mut Facts, own: Facts) {
    facts.machine.extend(own.machine);
    if own.os.is_some() {
        facts.os = own.os;
    }
    // Without the root's file system the list is none to judge by.
    if own.disks.iter().any(|disk| disk.mount == "/") || facts.disks.is_empty() {
        facts.disks = own.disks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_tells_what_its_own_kernel_does() {
        let here = Here::new("here", Duration::from_secs(20));
        let mut inquiry = Inquiry::machine();
        inquiry.survey(crate::node::Survey::default());
        let facts = here.look(&inquiry).await.unwrap();
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total = meminfo.lines().find(|line| line.starts_with("MemTotal:")).unwrap().split_whitespace().nth(1).unwrap();
        assert_eq!(facts.machine["memory-kib"], total);
        let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap().lines().filter(|line| line.starts_with("processor")).count();
        assert_eq!(facts.machine["cores"], processors.to_string());
        assert!(facts.machine["kernel"].starts_with("Linux ") && facts.machine["kernel"].ends_with(std::env::consts::ARCH));
        assert!(facts.seen("mount").any(|mount| mount.starts_with("/ ")), "the shell's part is there too");
        assert!(facts.disks.iter().any(|disk| disk.mount == "/" && disk.total_kib >= disk.free_kib), "{:?}", facts.disks);
    }

    #[tokio::test]
    async fn a_port_that_is_closed_is_told_from_a_name_that_nobody_knows() {
        let here = Here::new("here", Duration::from_secs(5));
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            assert!(here.connect_tcp("127.0.0.1", port).await.is_ok());
            port
        };
        let refused = here.connect_tcp("127.0.0.1", port).await.err().unwrap();
        assert!(matches!(refused, RemoteError::Ssh(Error::Unreachable { obstacle: Obstacle::Refused, .. })), "{refused}");
        let unknown = here.connect_tcp("nobody.invalid", port).await.err().unwrap();
        assert!(matches!(unknown, RemoteError::Ssh(Error::Unreachable { obstacle: Obstacle::NameUnknown, .. })), "{unknown}");
    }
}
