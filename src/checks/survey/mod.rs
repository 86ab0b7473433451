//! Checks run over whole machines: here, the jumphost and every node, all at once.
//!
//! Machines are given as [`Probe`]s, so that nothing here can change one. A machine that cannot be reached makes
//! everything else about it "could not be run", never green.

mod access;
mod connector;
mod egress;
mod here;
mod machine;
mod mail;
mod names;
mod node;
mod outside;
mod tried;
mod users;

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

pub use access::jumphost_methods;
pub use connector::{ConnectorLook, connector};
pub use here::{connector_here, node_here};
pub use machine::{Reading, clocks, longer_table};
pub use names::{compare_names, resolve};
pub use node::{Mail, Seen, check_jumphost, check_node, verify_node};
pub use outside::{TABLE as OUTSIDE, outside};
pub use tried::forgive_unreached;
pub use users::balancer;

pub use super::catalogue::access::{PATH, SUDO};
pub use super::catalogue::front::served::TCP as TLS_TCP;
pub use super::catalogue::machines::{ARCHITECTURE, CORES, DISK_FREE, DISK_SIZE, FIGURES as MACHINE, MEMORY, SKEW, SYSTEM};
pub use super::catalogue::network::RESOLVE;
use super::catalogue::{egress as egress_checks, network};
use super::services::tls::Roots;
use super::services::{proxy, smtp};
use super::spec::CheckSpec;
use crate::site::model::Site;

/// The checks of what a node serves.
pub use super::catalogue::front::served::CHECKS as SERVED;

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
#[expect(clippy::struct_excessive_bools, reason = "each is looked at or not, whatever the others are")]
pub struct Wants {
    /// Root, figures and clock.
    pub machine: bool,
    /// The login at the mail server.
    pub mail: bool,
    /// Destinations outside.
    pub way_out: bool,
    /// The longer look: drives, system, time service, network, names, SSH service.
    pub longer: bool,
    /// Ports of the cluster.
    pub ports: bool,
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
    /// The key of the appliance's health service, or why it could not be had; `None` where the site names none.
    pub health_key: Option<Result<SecretString, String>>,
    /// The certificate (DER) that nodes should serve.
    pub leaf: Option<Vec<u8>>,
    /// The time at which certificates are judged.
    pub now: Timestamp,
    /// This machine's clock, for comparison with others'.
    pub clock: fn() -> Timestamp,
    /// How long each step over the network may take.
    pub patience: Duration,
}

/// Everything that is looked at on a node by `check`.
pub fn of_node() -> Vec<&'static CheckSpec> {
    [&[&SUDO, &SKEW][..], MACHINE, &longer_table(), network::TRIED, smtp::CHECKS, proxy::CHECKS, egress_checks::OF_NODES].concat()
}

/// Awaits a connection; `Err(None)`: it took too long.
async fn within<T, E>(patience: Duration, connecting: impl Future<Output = Result<T, E>>) -> Result<T, Option<E>> {
    tokio::time::timeout(patience, connecting).await.map_or(Err(None), |done| done.map_err(Some))
}
