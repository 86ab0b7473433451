//! One machine: its root (an overlay over the image), what makes it itself, its start and its end.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use nix::mount::{MsFlags, mount};

use super::{cgroup, network};
use crate::{
    error::LabError,
    host::{
        command::command,
        files::{self, write},
        folders::StateFolder,
        image::Image,
    },
    layout::{
        self, Machine, Quirk, Role,
        keys::{Hashes, random_hex},
    },
};

const BOOT: &str = include_str!("../../image/boot.sh");
/// What a machine may write; a full disk on one is then a full disk on one.
const DISK: &str = "size=2g,mode=755";

/// Everything needed to make machines of one lab.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// The lab's name.
    pub(crate) lab: String,
    /// Its state folder.
    pub(crate) state: StateFolder,
    /// The image.
    pub(crate) image: Image,
    /// All its machines.
    pub(crate) machines: Vec<Machine>,
    /// Password hashes.
    pub(crate) hashes: Hashes,
    /// A folder in this namespace's own memory, for the roots.
    pub(crate) roots: PathBuf,
}

impl Workshop {
    /// Mounts a machine's root and writes what makes it itself.
    pub(crate) fn make(&self, machine: &Machine) -> Result<PathBuf, LabError> {
        let folder = self.roots.join(&machine.name);
        files::make_folder(&folder, 0o755)?;
        mount_at(&folder, "tmpfs", DISK)?;
        let [upper, work, root] = ["upper", "work", "root"].map(|name| folder.join(name));
        for part in [&upper, &work, &root] {
            files::make_folder(part, 0o755)?;
        }
        let layers = [self.image.layer(machine.role), self.image.base.clone()];
        let lower = layers.each_ref().map(|layer| layer.display().to_string()).join(":");
        mount_at(&root, "overlay", &format!("lowerdir={lower},upperdir={},workdir={}", upper.display(), work.display()))?;
        self.personalise(machine, &root)?;
        Ok(root)
    }

    fn personalise(&self, machine: &Machine, root: &Path) -> Result<(), LabError> {
        let etc = root.join("etc");
        write(&etc.join("hostname"), 0o644, format!("{}\n", machine.name))?;
        write(&etc.join("hosts"), 0o644, layout::hosts_file(machine, &self.machines))?;
        write(&etc.join("machine-id"), 0o444, format!("{}\n", random_hex(16)?))?;
        if machine.inner.is_some() {
            write(&etc.join("resolv.conf"), 0o644, "nameserver 10.77.0.2\n")?;
        }
        write_networks(machine, &etc.join("systemd/network"))?;
        for (name, mode) in [("ssh_host_ed25519_key", 0o600), ("ssh_host_ed25519_key.pub", 0o644)] {
            write(&etc.join("ssh").join(name), mode, files::read(&self.state.machine(&machine.name).join(name))?)?;
        }
        self.authorize(machine, root)?;
        match machine.quirk {
            Some(Quirk::BusyboxShell) => make_busybox_the_shell(root)?,
            Some(Quirk::SudoPassword) => {
                set_password(&etc, machine.login(), self.hash("sudo"))?;
                let rule = format!("{} ALL=(ALL:ALL) ALL\n", machine.login());
                write(&etc.join("sudoers.d/lab"), 0o440, rule)?;
            }
            None => {}
        }
        self.equip(machine, &etc)
    }

    /// What a role needs of this lab's own: passwords and certificates.
    fn equip(&self, machine: &Machine, etc: &Path) -> Result<(), LabError> {
        let tls = |peer: &str| -> Result<(), LabError> {
            let place = etc.join("ssl/lab");
            files::make_folder(&place, 0o755)?;
            for (name, mode) in [("chain.pem", 0o644), ("key.pem", 0o600)] {
                write(&place.join(name), mode, files::read(&self.state.tls().join(peer).join(name))?)?;
            }
            Ok(())
        };
        match machine.role {
            Role::Jump => ["opspw", "opskbd"].iter().try_for_each(|user| set_password(etc, user, self.hash("ops"))),
            Role::Mail => {
                tls("mail")?;
                write(&etc.join("dovecot/users"), 0o644, format!("portcullis:{}\n", self.hash("smtp")))
            }
            Role::Proxy => write(&etc.join("squid/passwd"), 0o644, format!("portcullis:{}\n", self.hash("proxy"))),
            Role::Internet => tls("internet"),
            Role::Node | Role::NodeDeploy => Ok(()),
        }
    }

    fn hash(&self, name: &str) -> &str {
        self.hashes.get(name).map_or("!", String::as_str)
    }

    fn authorize(&self, machine: &Machine, root: &Path) -> Result<(), LabError> {
        let folder = root.join("home").join(machine.login()).join(".ssh");
        let owner = fs::metadata(&folder).map_err(LabError::file("look at", &folder))?;
        let keys = ["id_ed25519.pub", "id_encrypted.pub"].map(|name| files::read(&self.state.file(name)));
        let file = folder.join("authorized_keys");
        let [plain, encrypted] = keys;
        write(&file, 0o600, plain? + &encrypted?)?;
        chown(&file, Some(owner.uid()), Some(owner.gid())).map_err(LabError::file("hand over", &file))
    }

    /// Boots a machine on its root; the child is its systemd-nspawn.
    pub(crate) fn boot(&self, machine: &Machine, root: &Path, notify: &Path) -> Result<Child, LabError> {
        let not_started = |source| LabError::NotStarted { program: "systemd-nspawn".to_owned(), source };
        let console = self.state.machine(&machine.name).join("console.log");
        let console = fs::OpenOptions::new().create(true).append(true).open(&console).map_err(LabError::file("write", &console))?;
        let mut boot = command("sh");
        boot.args(["-c", BOOT, "boot"]).args(cgroup::make(&self.lab, &machine.name)?).arg("--");
        boot.args(["--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe", "--notify-ready=yes"]);
        boot.args(["--resolv-conf=off", "--timezone=off", "--link-journal=no"]);
        boot.arg(format!("--directory={}", root.display())).arg(format!("--machine={}", machine.name));
        boot.arg(format!("--network-bridge={}", network::first_network(machine).bridge()));
        if let Some(link) = network::second_link(machine) {
            boot.arg(format!("--network-veth-extra={link}:out0"));
        }
        let errors = console.try_clone().map_err(not_started)?;
        boot.env("NOTIFY_SOCKET", notify).stdin(Stdio::null()).stdout(console).stderr(errors).spawn().map_err(not_started)
    }
}

fn write_networks(machine: &Machine, folder: &Path) -> Result<(), LabError> {
    let networks = match (machine.inner, machine.outer) {
        (Some(inner), Some(outer)) => vec![("host0", inner), ("out0", outer)],
        (Some(only), None) | (None, Some(only)) => vec![("host0", only)],
        (None, None) => Vec::new(),
    };
    for (link, address) in networks {
        let text = format!("[Match]\nName={link}\n[Network]\nAddress={address}/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nLLDP=no\n");
        write(&folder.join(format!("10-{link}.network")), 0o644, text)?;
    }
    Ok(())
}

fn mount_at(target: &Path, kind: &str, options: &str) -> Result<(), LabError> {
    mount(Some("portcullis-lab"), target, Some(kind), MsFlags::empty(), Some(options))
        .map_err(|source| LabError::System { action: "mount a machine's root", source })
}

fn make_busybox_the_shell(root: &Path) -> Result<(), LabError> {
    let shell = root.join("usr/bin/sh");
    fs::remove_file(&shell).and_then(|()| symlink("busybox", &shell)).map_err(LabError::file("replace", shell))
}

/// Sets a password in `/etc/shadow` by its hash.
fn set_password(etc: &Path, user: &str, hash: &str) -> Result<(), LabError> {
    let path = etc.join("shadow");
    let kept = fs::metadata(&path).map_err(LabError::file("look at", &path))?;
    let mut text = String::new();
    for line in files::read(&path)?.lines() {
        let fields: Vec<&str> = line.splitn(3, ':').collect();
        match fields.as_slice() {
            [name, _, rest] if *name == user => text.push_str(&[name, hash, rest].join(":")),
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    write(&path, kept.permissions().mode() & 0o777, text)?;
    chown(&path, Some(kept.uid()), Some(kept.gid())).map_err(LabError::file("hand over", path))
}
