//! Servers of other makes and other ages, as jumphost and as node.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis::site::model::{Hop, Login, Route};
use portcullis::ssh::{Exit, Fleet};
use zeroize::Zeroizing;

use super::users::User;
use super::world::{World, free_port, login_at, script};

/// A dropbear for one user with a home of its own.
struct Dropbear {
    child: Child,
    login: Login,
}

impl Drop for Dropbear {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Dropbear {
    fn start(world: &World, user: &User) -> Self {
        let ssh = world.path("user/.ssh");
        std::fs::create_dir_all(&ssh).unwrap();
        std::fs::copy(world.path("authorized_keys"), ssh.join("authorized_keys")).unwrap();
        run(Command::new("usermod").arg("-d").arg(world.path("user")).arg(&user.name));
        run(Command::new("chown").arg("-R").arg(&user.name).arg(world.path("user")));
        run(Command::new("chmod").args(["-R", "go="]).arg(world.path("user")));
        let key = world.path("dropbear_key");
        let made = Command::new("dropbearkey").args(["-t", "ed25519", "-f"]).arg(&key).stderr(Stdio::null()).output().unwrap();
        let text = String::from_utf8(made.stdout).unwrap();
        let line = text.lines().find(|line| line.starts_with("ssh-ed25519")).unwrap().to_owned();
        let port = free_port();
        let mut dropbear = Command::new("dropbear");
        dropbear.args(["-F", "-E", "-p", &format!("127.0.0.1:{port}"), "-r"]).arg(&key).stdin(Stdio::null()).stderr(Stdio::null());
        let child = dropbear.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "dropbear does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        let login = Login { user: Some(user.name.clone()), host_keys: vec![line], ..login_at(port) };
        Self { child, login }
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

async fn works(fleet: &Fleet, login: &Login) {
    let session = fleet.session("node", login).await.unwrap();
    let mut script = script("cat; exit 3");
    script.payload = Zeroizing::new((0..=255).cycle().take(3_000_000).collect());
    let output = session.run(&script, &mut |_| {}).await.unwrap();
    assert!(output.exit == Exit::Code(3) && output.stdout == script.payload[..], "{} bytes came back", output.stdout.len());
    let again = session.run(&super::world::script("echo well"), &mut |_| {}).await.unwrap();
    assert_eq!(again.stdout, b"well\n");
}

#[tokio::test]
async fn dropbear_is_a_jumphost_and_a_node() {
    let world = World::new();
    let user = User::new("");
    let (dropbear, node) = (Dropbear::start(&world, &user), world.sshd("node", ""));
    works(&world.fleet(&Route::default()), &dropbear.login).await;
    works(&world.fleet_through(&node), &dropbear.login).await;
    let through = Route { hops: vec![Hop { name: "jump".to_owned(), login: dropbear.login.clone() }] };
    works(&world.fleet(&through), &node.login()).await;
}

/// What servers of their time offer, as far as today's sshd can be told to.
#[tokio::test]
async fn older_and_stricter_algorithm_sets_are_spoken() {
    let world = World::new();
    for (name, configuration) in [
        (
            "openssh-7.4-hardened",
            "KexAlgorithms curve25519-sha256@libssh.org,diffie-hellman-group-exchange-sha256\nCiphers aes256-ctr,aes128-ctr\nMACs hmac-sha2-512,hmac-sha2-256",
        ),
        (
            "fips-like",
            "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,diffie-hellman-group14-sha256\nCiphers aes256-gcm@openssh.com,aes256-ctr\nMACs hmac-sha2-256",
        ),
        ("groups-alone", "KexAlgorithms diffie-hellman-group16-sha512,diffie-hellman-group18-sha512\nCiphers aes128-gcm@openssh.com"),
        ("etm-alone", "KexAlgorithms curve25519-sha256\nCiphers aes192-ctr\nMACs hmac-sha2-512-etm@openssh.com"),
    ] {
        let node = world.sshd(name, configuration);
        works(&world.fleet(&Route::default()), &node.login()).await;
    }
}
