//! Keys and passwords of one lab: fresh for each, so that nothing in a test can rest on a known secret.

use std::{collections::BTreeMap, fmt::Write as _, fs, io::Read as _, net::Ipv4Addr, thread};

use super::{Machine, Role};
use crate::{
    error::LabError,
    host::{command, files, folders::StateFolder},
};

/// The passwords of a lab, each in a file `<name>-password` of the state folder.
const PASSWORDS: [&str; 5] = ["sudo", "ops", "smtp", "proxy", "user-ca"];

/// Hashes (SHA-512 crypt) by the password's name; machines get these and never the passwords.
pub(crate) type Hashes = BTreeMap<String, String>;

/// Random letters and digits, `2 × bytes` of them.
pub(crate) fn random_hex(bytes: usize) -> Result<String, LabError> {
    let mut buffer = vec![0_u8; bytes];
    fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut buffer)).map_err(LabError::file("read", "/dev/urandom"))?;
    Ok(buffer.iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Makes the passwords and their hashes.
pub(crate) fn make_passwords(state: &StateFolder) -> Result<(), LabError> {
    let mut hashes = Hashes::new();
    for name in PASSWORDS {
        let password = random_hex(12)?;
        files::write(&state.file(&format!("{name}-password")), 0o600, &password)?;
        let hash = command::run_with_input("openssl", &["passwd", "-6", "-stdin"], &format!("{password}\n"))?;
        hashes.insert(name.to_owned(), hash.trim().to_owned());
    }
    files::write_json(&state.hashes(), 0o600, &hashes)
}

/// Makes the operator's keys: `id_ed25519`, and `id_encrypted` with its passphrase beside it.
pub(crate) fn make_client_keys(state: &StateFolder) -> Result<(), LabError> {
    let passphrase = random_hex(12)?;
    files::write(&state.file("id_encrypted.passphrase"), 0o600, &passphrase)?;
    generate(&state.file("id_ed25519"), "", "portcullis-lab")?;
    // The passphrase of a throw-away key of a throw-away lab may stand in the arguments of a process for a moment.
    generate(&state.file("id_encrypted"), &passphrase, "portcullis-lab-encrypted")
}

/// Makes a host key for each machine; they are made before it boots, so that `known_hosts` can be written.
pub(crate) fn make_host_keys(state: &StateFolder, machines: &[Machine]) -> Result<(), LabError> {
    let one = |machine: &Machine| {
        let folder = state.machine(&machine.name);
        files::make_folder(&folder, 0o700)?;
        generate(&folder.join("ssh_host_ed25519_key"), "", &format!("root@{}", machine.name))
    };
    thread::scope(|scope| {
        let share = machines.len().div_ceil(4).max(1);
        let workers: Vec<_> = machines.chunks(share).map(|part| scope.spawn(move || part.iter().try_for_each(one))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })
}

fn generate(path: &std::path::Path, passphrase: &str, comment: &str) -> Result<(), LabError> {
    command::run("ssh-keygen", &["-q", "-t", "ed25519", "-N", passphrase, "-C", comment, "-f", &path.display().to_string()]).map(drop)
}

/// Writes `known_hosts`: the jumphost under its loopback address, everybody else under address and name.
pub(crate) fn write_known_hosts(state: &StateFolder, machines: &[Machine], jump: (Ipv4Addr, u16)) -> Result<(), LabError> {
    let mut text = String::new();
    for machine in machines {
        let public = files::read(&state.machine(&machine.name).join("ssh_host_ed25519_key.pub"))?;
        let key = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let names = if machine.role == Role::Jump {
            match jump {
                (address, 22) => address.to_string(),
                (address, port) => format!("[{address}]:{port}"),
            }
        } else {
            machine.inner.map_or_else(|| machine.name.clone(), |address| format!("{address},{}", machine.name))
        };
        _ = writeln!(text, "{names} {key}");
    }
    files::write(&state.file("known_hosts"), 0o644, text)
}
