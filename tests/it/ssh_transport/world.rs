//! Real sshds on loopback with keys and configuration of their own, ended with the test.

use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::site::model::{Hop, Login, Route};
use portcullis::site::secret::Secrets;
use portcullis::ssh::{ClientConfigSource, Elevation, Fleet, HostKeys, Script, Settings};
use tempfile::TempDir;
use zeroize::Zeroizing;

pub(super) use crate::ports::free_port;

/// A folder with the operator's home in it.
pub(super) struct World {
    pub(super) folder: TempDir,
}

/// A running sshd.
pub(super) struct Sshd {
    child: Child,
    pub(super) port: u16,
    /// Its host's public key line.
    pub(super) host_key: String,
    pub(super) log: PathBuf,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl World {
    /// A home with `~/.ssh/id_ed25519`, which every server here lets in.
    pub(super) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        // sshd reads authorized_keys as the user that logs in.
        std::fs::set_permissions(world.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir_all(world.home().join(".ssh")).unwrap();
        keygen(&["-t", "ed25519", "-N", ""], &world.key());
        std::fs::copy(world.home().join(".ssh/id_ed25519.pub"), world.path("authorized_keys")).unwrap();
        std::fs::set_permissions(world.path("authorized_keys"), std::fs::Permissions::from_mode(0o644)).unwrap();
        world
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn home(&self) -> PathBuf {
        self.path("home")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.home().join(".ssh/id_ed25519")
    }

    /// Writes a file into the folder.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        let existing = portcullis::disk::Existing::Replace;
        portcullis::disk::write_atomically(&path, text.as_bytes(), 0o600, existing).unwrap();
        path
    }

    /// Starts an sshd with these lines of configuration before the usual ones (the first of a keyword counts).
    pub(super) fn sshd(&self, name: &str, configuration: &str) -> Sshd {
        let port = free_port();
        let host_key = self.path(&format!("{name}_host_key"));
        if !host_key.exists() {
            keygen(&["-t", "ed25519", "-N", ""], &host_key);
        }
        self.sshd_with(name, port, configuration, &format!("HostKey {}", host_key.display()))
    }

    /// The same, on a port and with host keys of one's own.
    pub(super) fn sshd_with(&self, name: &str, port: u16, configuration: &str, host_keys: &str) -> Sshd {
        std::fs::create_dir_all("/run/sshd").unwrap();
        let log = self.path(&format!("{name}.log"));
        let lines = format!(
            "{configuration}\n{host_keys}\nListenAddress 127.0.0.1:{port}\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nAuthorizedKeysFile {}\nLogLevel VERBOSE\nPrintMotd no\n",
            self.path("authorized_keys").display()
        );
        let config = self.write(&format!("{name}.conf"), &lines);
        let child = Command::new("/usr/sbin/sshd").args(["-D", "-E"]).arg(&log).arg("-f").arg(config).stdin(Stdio::null()).spawn().unwrap();
        let first_key = host_keys.split_whitespace().nth(1).unwrap();
        let public = std::fs::read_to_string(format!("{first_key}.pub")).unwrap();
        let host_key = public.split(' ').take(2).collect::<Vec<_>>().join(" ").trim().to_owned();
        let sshd = Sshd { child, port, host_key, log };
        sshd.wait_until_it_listens();
        sshd
    }

    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.home(), "root".to_owned(), jiff::Timestamp::now());
        settings.client_config = ClientConfigSource::None;
        settings.connect_timeout = Duration::from_secs(30);
        settings.handshake_timeout = Duration::from_secs(30);
        // Machines that build something else meanwhile are slow.
        settings.start_timeout = Duration::from_mins(2);
        settings
    }

    /// A fleet behind one hop, with pinned keys and the usual settings.
    pub(super) fn fleet_through(&self, jump: &Sshd) -> Fleet {
        self.fleet(&route_through(jump))
    }

    pub(super) fn fleet(&self, route: &Route) -> Fleet {
        self.fleet_with(route, self.settings())
    }

    pub(super) fn fleet_with(&self, route: &Route, settings: Settings) -> Fleet {
        Fleet::new(route, HostKeys::of_operator(&self.home()), settings, Arc::new(Secrets::new(self.folder.path(), None)))
    }
}

impl Sshd {
    fn wait_until_it_listens(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| stream.read_exact(&mut [0; 4])).is_err() {
            assert!(Instant::now() < deadline, "sshd does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A login as root with the server's key pinned.
    pub(super) fn login(&self) -> Login {
        Login { host_keys: vec![self.host_key.clone()], ..login_at(self.port) }
    }
}

/// A login as root on loopback, nothing pinned.
pub(super) fn login_at(port: u16) -> Login {
    Login {
        address: "127.0.0.1".to_owned(),
        port,
        user: Some("root".to_owned()),
        identities: Vec::new(),
        passphrase: None,
        agent: false,
        password: None,
        one_time_code: None,
        host_keys: Vec::new(),
    }
}

pub(super) fn route_through(jump: &Sshd) -> Route {
    Route { hops: vec![Hop { name: "jump".to_owned(), login: jump.login() }] }
}

/// A script without payload or rights.
pub(super) fn script(text: &str) -> Script {
    Script {
        label: "test",
        text: text.to_owned(),
        payload: Zeroizing::new(Vec::new()),
        elevation: Elevation::None,
        timeout: Duration::from_secs(30),
    }
}

pub(super) fn keygen(arguments: &[&str], path: &Path) {
    let made = Command::new("ssh-keygen").arg("-q").args(arguments).args(["-C", "a comment", "-f"]).arg(path).status().unwrap();
    assert!(made.success(), "ssh-keygen {arguments:?}");
}
