//! Health, as the appliance tells it of itself: without a login, and by its health service.

use super::{CheckSpec, Moment, Team, Vantage};
use crate::finding::Severity;

const fn spec(id: &'static str, title: &'static str) -> CheckSpec {
    CheckSpec::new(id, title, "Monitoring").at(Vantage::Jumphost).ask(Team::Vendor).when(Moment::After)
}

const fn probe(id: &'static str, title: &'static str) -> CheckSpec {
    spec(id, title).mend("the appliance's own dashboard says more under Troubleshoot; then a ticket to the vendor")
}

/// A node's services answer.
pub static TESTALL: CheckSpec = spec("health.testall", "Each node answers its health address").mend("a ticket to the vendor");
/// A tenant answers, and its clock is right.
pub static CLOCK: CheckSpec =
    spec("health.test", "Each node's tenant answers, and tells the right time").mend("mend the node's time source");
/// The key.
pub static KEY: CheckSpec = spec("health.auth.key", "The health service takes the key")
    .ask(Team::Operator)
    .mend("make a new key in the dashboard, and save the settings");
/// Memory.
pub static MEMORY: CheckSpec = probe("health.memory", "A tenth of the memory is available").ask(Team::Machines);
/// Disks.
pub static DISK: CheckSpec = probe("health.disk", "No volume is nine tenths full").ask(Team::Machines);
/// Services.
pub static SERVICES: CheckSpec = probe("health.services", "All core services run");
/// Peers.
pub static NETWORK: CheckSpec = probe("health.network", "All nodes answer each other").ask(Team::Network);
/// The world.
pub static INTERNET: CheckSpec = probe("health.internet", "The package mirror is reached").of(Severity::Warning).ask(Team::Network);
/// Mail.
pub static EMAIL: CheckSpec = probe("health.email", "The appliance connects to its mail server").ask(Team::Mail);
/// Database.
pub static DATABASE: CheckSpec = probe("health.db", "The database answers");
/// The set of databases.
pub static REPLICA_SET: CheckSpec = probe("health.replicaset", "Every member of the database's set is up");

/// Those that take the key, with the last part of their path.
pub static PROBES: &[(&str, &CheckSpec)] = &[
    ("memory", &MEMORY),
    ("disk", &DISK),
    ("services", &SERVICES),
    ("network", &NETWORK),
    ("internet", &INTERNET),
    ("email", &EMAIL),
    ("db", &DATABASE),
    ("replicaset", &REPLICA_SET),
];
/// All checks of this subject.
pub static CHECKS: &[&CheckSpec] =
    &[&TESTALL, &CLOCK, &KEY, &MEMORY, &DISK, &SERVICES, &NETWORK, &INTERNET, &EMAIL, &DATABASE, &REPLICA_SET];
