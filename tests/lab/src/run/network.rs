//! The two networks of a lab, inside its own network namespace. The inner bridge has no address: nothing but the jumphost leads to the nodes.

use std::{path::Path, thread, time::Duration};

use crate::{
    error::LabError,
    host::command::run,
    layout::{Machine, OPERATOR},
};

/// The bridge of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// Where the operator, the jumphost and the internet are.
    Outer,
    /// Where the nodes are.
    Inner,
}

impl Network {
    pub(crate) fn bridge(self) -> &'static str {
        match self {
            Self::Outer => "outer",
            Self::Inner => "inner",
        }
    }
}

/// Makes both bridges in the namespace this process is in.
pub(crate) fn make_bridges() -> Result<(), LabError> {
    run("ip", &["link", "set", "lo", "up"])?;
    for network in [Network::Outer, Network::Inner] {
        run("ip", &["link", "add", network.bridge(), "type", "bridge"])?;
        run("ip", &["link", "set", network.bridge(), "up"])?;
    }
    run("ip", &["address", "add", &format!("{OPERATOR}/24"), "dev", Network::Outer.bridge()]).map(drop)
}

/// The network a machine's first interface (`host0`) is on.
pub(crate) fn first_network(machine: &Machine) -> Network {
    if machine.inner.is_some() { Network::Inner } else { Network::Outer }
}

/// The name, on the bridges' side, of the link to a machine's second interface (`out0`), where it has one.
pub(crate) fn second_link(machine: &Machine) -> Option<String> {
    (machine.inner.is_some() && machine.outer.is_some()).then(|| format!("vo-{}", machine.name))
}

/// All links of a machine, on the bridges' side; systemd-nspawn names the first.
pub(crate) fn links(machine: &Machine) -> Vec<String> {
    [Some(format!("vb-{}", machine.name)), second_link(machine)].into_iter().flatten().collect()
}

/// Puts the second link onto the outer bridge as soon as systemd-nspawn has made it.
pub(crate) fn attach_second(machine: &Machine) -> Result<(), LabError> {
    let Some(link) = second_link(machine) else { return Ok(()) };
    let mut tries = 0;
    loop {
        match run("ip", &["link", "set", &link, "master", Network::Outer.bridge(), "up"]) {
            Ok(_) => return Ok(()),
            Err(error) if tries > 400 => return Err(error),
            Err(_) => tries += 1,
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Removes links that outlived their machine: the next start would fail on them.
pub(crate) fn remove_links(machine: &Machine) {
    for link in links(machine) {
        // Usually gone with the machine; that they are not there is what is wanted.
        drop(run("ip", &["link", "delete", &link]));
    }
}

/// Cuts or heals every link of a machine, from outside the namespace, by its supervisor's process number.
pub(crate) fn set_links(supervisor: i32, machine: &Machine, up: bool) -> Result<(), LabError> {
    let namespace = format!("--net={}", Path::new("/proc").join(supervisor.to_string()).join("ns/net").display());
    for link in links(machine) {
        run("nsenter", &[&namespace, "ip", "link", "set", &link, if up { "up" } else { "down" }])?;
    }
    Ok(())
}
