//! Checks run over whole machines: here, the jumphost and every node, all at once.
//!
//! Machines are given as [`Probe`]s, so that nothing here can change one. A machine that cannot be reached makes
//! everything else about it "could not be run", never green.

mod access;
mod clock;
mod egress;
mod machine;
mod mail;
mod names;
mod node;
mod served;

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

pub use clock::{Reading, clocks};
pub use names::resolve;
pub use node::{Mail, Seen, check_jumphost, check_node, verify_node};

use super::spec::{CheckSpec, Vantage};
use super::tls::Roots;
use super::{smtp, tls};
use crate::finding::Severity;
use crate::site::model::Site;

const fn spec(id: &'static str, title: &'static str, source: &'static str, severity: Severity) -> CheckSpec {
    CheckSpec { id, title, source, severity, vantage: Vantage::Node }
}

const ACCESS: &str = "Security and Access: remote access";
const MACHINES: &str = "Infrastructure: virtual machines";

/// The whole way in.
pub static PATH: CheckSpec = spec("access.path", "Every machine is reached and logged in to", ACCESS, Severity::Error);
/// Root.
pub static SUDO: CheckSpec = spec("access.sudo", "Root can be had on every node", ACCESS, Severity::Error);
/// Memory.
pub static MEMORY: CheckSpec = spec("node.ram", "The machine has enough memory", MACHINES, Severity::Error);
/// Processors.
pub static CORES: CheckSpec = spec("node.cpu", "The machine has enough processors", MACHINES, Severity::Error);
/// Size of the system disk.
pub static DISK_SIZE: CheckSpec = spec("node.disk.size", "The system disk is large enough", MACHINES, Severity::Error);
/// Free space.
pub static DISK_FREE: CheckSpec = spec("node.disk.free", "The disks have room", "Monitoring: disk", Severity::Error);
/// Processors' kind.
pub static ARCHITECTURE: CheckSpec = spec("node.arch", "The machine has x86-64 processors", MACHINES, Severity::Error);
/// Operating system.
pub static SYSTEM: CheckSpec = spec("node.os", "The machine runs a system that the playbooks know", MACHINES, Severity::Error);
/// Time.
pub static SKEW: CheckSpec = spec("time.skew", "All clocks show the same time", "Clock", Severity::Error);
/// DNS from here.
pub static RESOLVE: CheckSpec = CheckSpec {
    id: "dns.resolve",
    title: "The site's names are known here",
    source: "DNS",
    severity: Severity::Warning,
    vantage: Vantage::Here,
};
/// Port 443.
pub static TLS_TCP: CheckSpec = CheckSpec {
    id: "tls.tcp",
    title: "The node accepts users' connections",
    source: "Network: ports",
    severity: Severity::Error,
    vantage: Vantage::Jumphost,
};

/// The checks of a machine.
pub static MACHINE: &[&CheckSpec] = &[&MEMORY, &CORES, &DISK_SIZE, &DISK_FREE, &ARCHITECTURE, &SYSTEM];
/// The checks of what a node serves.
pub static SERVED: LazyLock<Vec<&'static CheckSpec>> = LazyLock::new(|| [&[&TLS_TCP], tls::CHECKS].concat());
/// Everything that is looked at over machines and nowhere else.
pub static CHECKS: &[&CheckSpec] =
    &[&PATH, &SUDO, &MEMORY, &CORES, &DISK_SIZE, &DISK_FREE, &ARCHITECTURE, &SYSTEM, &SKEW, &RESOLVE, &TLS_TCP, &smtp::RELAY];

/// Whom to trust, for each of the peers.
#[derive(Debug, Clone)]
pub struct Trust {
    /// What the whole world trusts.
    pub public: Roots,
    /// The site's own CAs.
    pub own: Roots,
    /// Both: what the site's users trust.
    pub site: Roots,
    /// What the nodes' mail service trusts.
    pub mail: Roots,
    /// The proxy's CAs.
    pub proxy: Roots,
}

/// What is wanted of a node; the rest is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// Root, figures and clock.
    pub machine: bool,
    /// The login at the mail server.
    pub mail: bool,
    /// Destinations outside.
    pub way_out: bool,
}

/// What is looked at, and by what.
#[derive(Debug)]
pub struct Survey<'a> {
    /// The site.
    pub site: &'a Site,
    /// Of each node, by `check`.
    pub wants: Wants,
    /// Roots.
    pub trust: Trust,
    /// The mail account's password, or why it could not be had; `None` where the site has no mail server.
    pub mail_password: Option<Result<SecretString, String>>,
    /// The certificate (DER) that nodes should serve.
    pub leaf: Option<Vec<u8>>,
    /// The time at which certificates are judged.
    pub now: Timestamp,
    /// This machine's clock, for comparison with others'.
    pub clock: fn() -> Timestamp,
    /// How long each step over the network may take.
    pub patience: Duration,
}

/// Awaits a connection; `Err(None)`: it took too long.
async fn within<T, E>(patience: Duration, connecting: impl Future<Output = Result<T, E>>) -> Result<T, Option<E>> {
    tokio::time::timeout(patience, connecting).await.map_or(Err(None), |done| done.map_err(Some))
}
