//! A PostgreSQL server of a test's own, on a socket in a folder of its own and on a port of 127.0.0.1.
#![expect(clippy::disallowed_methods, reason = "a real server is run here")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ports::free_port;

/// Who may come in how: by the socket whoever is that user here, over TCP by a password.
const RULES: &str =
    "local all postgres trust\nlocal all all peer map=here\nhostssl all certy 127.0.0.1/32 cert\nhost all all 127.0.0.1/32 scram-sha-256\n";
const MAP: &str = "here root root\nhere root ada\nhere root eve\nhere /^(.*)$ \\1\n";
const PATIENCE: Duration = Duration::from_mins(1);
/// The password that `ada` has over TCP.
pub(crate) const PASSWORD: &str = "correct horse: battery";

/// A server that ends with the test.
pub(crate) struct PostgresServer {
    folder: TempDir,
    port: u16,
    process: Mutex<Option<Child>>,
}

impl PostgresServer {
    /// With a user `ada` who owns a database `ledger`.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let port = free_port();
        let server = Self { folder, port, process: Mutex::new(None) };
        fs::set_permissions(server.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        give_away(server.folder.path());
        let made = as_other(&program("initdb"))
            .args(["--no-sync", "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "trust", "-D"])
            .arg(server.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for (name, text) in [("pg_hba.conf", RULES), ("pg_ident.conf", MAP)] {
            fs::write(server.data().join(name), text).unwrap();
        }
        server.resume();
        server.sql("postgres", "CREATE ROLE root LOGIN; CREATE ROLE eve LOGIN");
        server.sql("postgres", &format!("CREATE ROLE ada LOGIN PASSWORD '{PASSWORD}'"));
        server.sql("postgres", "CREATE DATABASE ledger OWNER ada");
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder with the socket.
    pub(crate) fn socket(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The ledger's URL by the socket, as ada.
    pub(crate) fn url(&self) -> String {
        format!("postgresql://ada@/ledger?host={}&port={}", self.socket().display(), self.port)
    }

    /// The same over TCP, with more parameters.
    pub(crate) fn tcp(&self, more: &str) -> String {
        format!("postgresql://ada@127.0.0.1:{}/ledger{more}", self.port)
    }

    /// Starts it again after it was stopped.
    pub(crate) fn resume(&self) {
        let process = as_other(&program("postgres"))
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "fsync=off",
                "-c",
                "log_min_messages=fatal",
                "-p",
                &self.port.to_string(),
                "-k",
            ])
            .arg(self.socket())
            .arg("-D")
            .arg(self.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        *self.process.lock().unwrap() = Some(process);
        let deadline = Instant::now() + PATIENCE;
        while !self.psql("postgres", "postgres", "SELECT 1").status.success() {
            assert!(Instant::now() < deadline, "the server does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Has it speak TLS, with a certificate for `localhost`; `certy` is let in by a certificate. CA, certificate and key of
    /// certy's are put into `folder` as `ca.pem`, `certy.pem` and `certy.key`.
    pub(crate) fn speak_tls(&self, folder: &Path) {
        let issuer = Issuer::new();
        fs::write(folder.join("ca.pem"), &issuer.pem).unwrap();
        let (certificate, key) = issuer.issue("localhost");
        for (name, text) in [("server.crt", certificate), ("server.key", key), ("ca.crt", issuer.pem.clone())] {
            fs::write(self.data().join(name), text).unwrap();
            fs::set_permissions(self.data().join(name), fs::Permissions::from_mode(0o600)).unwrap();
            give_away(&self.data().join(name));
        }
        let (certificate, key) = issuer.issue("certy");
        fs::write(folder.join("certy.pem"), certificate).unwrap();
        fs::write(folder.join("certy.key"), key).unwrap();
        self.sql("postgres", "CREATE ROLE certy LOGIN; GRANT ada TO certy");
        self.sql("postgres", "ALTER SYSTEM SET ssl = on");
        self.sql("postgres", "ALTER SYSTEM SET ssl_ca_file = 'ca.crt'");
        self.stop("INT");
        self.resume();
    }

    /// Stops it by a signal: `INT` ends sessions in good order, `QUIT` at once.
    pub(crate) fn stop(&self, signal: &str) {
        let Some(mut process) = self.process.lock().unwrap().take() else { return };
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(process.id().to_string()).status().unwrap();
        assert!(sent.success());
        process.wait().unwrap();
    }

    fn psql(&self, user: &str, database: &str, statements: &str) -> Output {
        let mut command = Command::new(program("psql"));
        command.env("PGOPTIONS", "-c client_min_messages=warning").args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h"]);
        command.arg(self.socket()).args(["-p", &self.port.to_string(), "-U", user, "-d", database, "-c", statements]);
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// Statements of the server's owner; they have to succeed. What they give, a line a row.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, statements: &str) -> String {
        let output = self.psql("postgres", database, statements);
        assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Statements of ada that have to be refused; what the server says.
    #[track_caller]
    pub(crate) fn refused(&self, statements: &str) -> String {
        self.refused_to("ada", statements)
    }

    /// The same of another user.
    #[track_caller]
    pub(crate) fn refused_to(&self, user: &str, statements: &str) -> String {
        let output = self.psql(user, "ledger", statements);
        assert!(!output.status.success(), "{statements}");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop("QUIT");
    }
}

/// The newest version's program.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is not installed: make test-deps");
    let version =
        versions.map(|entry| entry.unwrap().path()).max_by_key(|path| path.file_name().unwrap().to_str().unwrap().parse().unwrap_or(0));
    version.unwrap().join("bin").join(name)
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0
}

/// The server runs as anybody but root, and ends with whoever started it.
fn as_other(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=QUIT", "--"]).arg(program).current_dir("/");
    command
}

fn give_away(folder: &Path) {
    if is_root() {
        // `nobody` and `nogroup` of every Debian.
        chown(folder, Some(65534), Some(65534)).unwrap();
    }
}

/// A CA for one test.
struct Issuer {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Issuer {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "a test's CA");
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: rcgen::Issuer::new(parameters, key), pem }
    }

    /// A certificate for `name` and its key, in PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}
