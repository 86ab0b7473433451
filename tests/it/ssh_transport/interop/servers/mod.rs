//! SSH servers of other makes, each for the world's one key, ended with the test. The programs stand beside this file.

pub(super) mod releases;

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis::site::model::Login;

use crate::ssh_transport::users::User;
use crate::ssh_transport::world::{Sshd, World, free_port, keygen, login_at};

/// A running server.
pub(super) struct Peer {
    /// Ends the process; what it stands on goes after it.
    _running: Running,
    pub(super) login: Login,
}

enum Running {
    Program(#[expect(dead_code, reason = "held until the end")] Program),
    User(#[expect(dead_code, reason = "held until the end")] Program, #[expect(dead_code, reason = "held until the end")] User),
    Sshd(#[expect(dead_code, reason = "held until the end")] Sshd),
}

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Program {
    /// Starts it and waits until its port is open.
    fn listening(mut command: Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut program = Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let deadline = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(program.0.try_wait().unwrap().is_none(), "{command:?} has ended");
            assert!(Instant::now() < deadline, "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        program
    }
}

/// OpenSSH with these lines of configuration, and a host key of each type.
pub(super) fn openssh(world: &World, name: &str, configuration: &str) -> Peer {
    let mut keys = Vec::new();
    let mut pins = Vec::new();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let key = world.path(&format!("host_{kind}"));
        if !key.exists() {
            keygen(&["-t", kind, "-N", ""], &key);
        }
        pins.push(std::fs::read_to_string(format!("{}.pub", key.display())).unwrap().trim().to_owned());
        keys.push(format!("HostKey {}", key.display()));
    }
    let sshd = world.sshd_with(name, free_port(), configuration, &keys.join("\n"));
    Peer { login: Login { host_keys: pins, ..login_at(sshd.port) }, _running: Running::Sshd(sshd) }
}

/// Dropbear, for a user with a home of its own.
pub(super) fn dropbear(world: &World) -> Peer {
    let user = User::new("");
    let (home, key, port) = (world.path("user"), world.path("dropbear_key"), free_port());
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    std::fs::copy(world.path("authorized_keys"), home.join(".ssh/authorized_keys")).unwrap();
    run(Command::new("usermod").arg("-d").arg(&home).arg(&user.name));
    run(Command::new("chown").arg("-R").arg(&user.name).arg(&home));
    run(Command::new("chmod").args(["-R", "go="]).arg(&home));
    let made = Command::new("dropbearkey").args(["-t", "ed25519", "-f"]).arg(&key).stderr(Stdio::null()).output().unwrap();
    let text = String::from_utf8(made.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("ssh-ed25519")).unwrap().to_owned();
    let mut command = Command::new("dropbear");
    command.args(["-F", "-E", "-p", &format!("127.0.0.1:{port}"), "-r"]).arg(&key);
    let program = Program::listening(command, port);
    let login = Login { user: Some(user.name.clone()), host_keys: vec![line], ..login_at(port) };
    Peer { _running: Running::User(program, user), login }
}

/// `AsyncSSH`, on Debian's Python.
pub(super) fn asyncssh(world: &World) -> Peer {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(beside("asyncssh_server.py"));
    for_one_key(world, "asyncssh", command)
}

/// paramiko, on Debian's Python.
pub(super) fn paramiko(world: &World) -> Peer {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(beside("paramiko_server.py"));
    for_one_key(world, "paramiko", command)
}

/// libssh, by a small program that is compiled here.
pub(super) fn libssh(world: &World) -> Peer {
    let program = world.path("libssh_server");
    run(Command::new("gcc").arg("-O1").arg("-o").arg(&program).arg(beside("libssh_server.c")).arg("-lssh"));
    for_one_key(world, "libssh", Command::new(program))
}

fn for_one_key(world: &World, name: &str, mut command: Command) -> Peer {
    let (key, port) = (world.path(&format!("{name}_key")), free_port());
    keygen(&["-t", "ed25519", "-N", ""], &key);
    let line = std::fs::read_to_string(format!("{}.pub", key.display())).unwrap().trim().to_owned();
    command.arg(port.to_string()).arg(&key).arg(world.path("authorized_keys"));
    Peer { _running: Running::Program(Program::listening(command, port)), login: Login { host_keys: vec![line], ..login_at(port) } }
}

fn beside(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/ssh_transport/interop/servers").join(name)
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
