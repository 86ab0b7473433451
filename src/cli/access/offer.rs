//! What a person is given for a window: certificates, `ssh_config`, `known_hosts`, in a folder of its own.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::premises::{keep_failure, local};
use crate::access::{
    Access, Authority, Door, Entered, HOP_CERTIFICATE, HostKey, NODE_CERTIFICATE, NOT_RECORDED, Order, PersonKey, Window, make_folder,
    render_known_hosts, render_ssh_config,
};
use crate::disk::{Existing, write_atomically};

/// How much earlier than its start a certificate is valid where the window opens now: clocks differ, and until now no
/// principal stands anywhere. The time is not part of what was granted.
pub(super) const TOLERANCE: SignedDuration = SignedDuration::from_secs(30);

/// What goes into the folder.
pub(super) struct Offer<'a> {
    pub(super) window: &'a Window,
    pub(super) authority: &'a Authority,
    pub(super) key: &'a PersonKey,
    /// Where the key's file lies, as the operator named it.
    pub(super) key_file: &'a Path,
    pub(super) serial: u64,
    pub(super) sources: &'a [IpNet],
    pub(super) doors: &'a [&'a Entered],
    pub(super) now: Timestamp,
}

impl Offer<'_> {
    /// From when on the certificates are valid.
    pub(super) fn valid_from(&self) -> Timestamp {
        let start = self.window.span.start();
        if start <= self.now { start.saturating_sub(TOLERANCE).unwrap_or(start) } else { start }
    }

    fn certificate(&self, door: &Door, serial: u64, sources: &[IpNet]) -> Result<String, Failure> {
        let (after, before) = (self.valid_from(), self.window.span.end());
        let order = Order { key: self.key, window: &self.window.id, door, after, before, serial, sources };
        self.authority.issue(&order).map_err(|error| {
            let help = error.help();
            Failure::new(Exit::Failed, error, help)
        })
    }

    /// Writes the folder.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        make_folder(folder).map_err(keep_failure)?;
        self.write_certificates(folder)?;
        let (hops, nodes): (Vec<&Entered>, Vec<&Entered>) = self.doors.iter().partition(|door| door.doorway.is_hop());
        let stops = |doors: &[&Entered]| doors.iter().map(|door| door.doorway.stop(&door.account)).collect::<Vec<_>>();
        let (hop_stops, node_stops) = (stops(&hops), stops(&nodes));
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let access = Access { hops: &hop_stops, nodes: &node_stops, folder: &absolute, identity: self.identity() };
        let Window { id, who, span, record, .. } = self.window;
        let mut head =
            format!("Window {id}: {who}, from {} to {}\nUse it with: ssh -F ssh_config NODE", local(span.start()), local(span.end()));
        if *record {
            head.push_str("\nWhat sessions show on the nodes is recorded. Not recorded:");
            head.extend(NOT_RECORDED.map(|what| format!("\n- {what}")));
        }
        put(folder, "ssh_config", &render_ssh_config(&access, &head))?;
        let keys = self.doors.iter().flat_map(|door| {
            let machine = &door.doorway.name;
            door.look.host_keys.iter().map(move |key| HostKey { machine: machine.clone(), key: key.clone() })
        });
        put(folder, "known_hosts", &render_known_hosts(&keys.collect::<Vec<_>>()))
    }

    /// Writes the certificates into the folder.
    pub(super) fn write_certificates(&self, folder: &Path) -> Result<(), Failure> {
        let has_hops = self.doors.iter().any(|door| door.doorway.is_hop());
        // Where there is a jumphost, it is there that the person comes from somewhere.
        let (at_hop, at_node) = if has_hops { (self.sources, &[][..]) } else { (&[][..], self.sources) };
        put(folder, NODE_CERTIFICATE, &(self.certificate(&Door::Node, self.serial, at_node)? + "\n"))?;
        if has_hops {
            put(folder, HOP_CERTIFICATE, &(self.certificate(&Door::Hop(Vec::new()), self.serial + 1, at_hop)? + "\n"))?;
        }
        Ok(())
    }

    // The private half beside the public one: named where it is here, else left to the person's own agent and files.
    fn identity(&self) -> Option<PathBuf> {
        let private = std::path::absolute(self.key_file.with_extension("")).ok()?;
        let is_there = self.key_file.extension().is_some_and(|extension| extension == "pub") && private.is_file();
        is_there.then_some(private)
    }
}

fn put(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let written = write_atomically(&folder.join(name), text.as_bytes(), 0o644, Existing::Replace);
    written.map_err(|error| Failure::new(Exit::Failed, error, Some("name another folder with --out".to_owned())))
}
