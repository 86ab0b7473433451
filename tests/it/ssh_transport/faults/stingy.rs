//! A jumphost of our own that carries so many connections a login and no more, as some servers do; and knows names
//! that nobody else does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use portcullis::site::model::{Hop, Login, Route};
use portcullis::ssh::Error;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelOpenFailure};

use crate::ssh_transport::world::{World, login_at, script};

/// What it says when it carries no more.
type Refusal = fn() -> ChannelOpenFailure;

pub(in crate::ssh_transport) struct Stingy {
    login: Login,
    logins: Arc<AtomicUsize>,
    asked_for: Arc<Mutex<Vec<String>>>,
}

impl Stingy {
    /// Carries `limit` connections a login, and none to `barred`.
    async fn start(limit: usize, refusal: Refusal, barred: u16) -> Self {
        Self::serve(Manner { limit, refusal, barred, own_name: "" }).await
    }

    /// Knows one name, as its own.
    pub(in crate::ssh_transport) async fn knowing(own_name: &'static str) -> Self {
        Self::serve(Manner { limit: 100, refusal: || ChannelOpenFailure::ConnectFailed, barred: 0, own_name }).await
    }

    async fn serve(manner: Manner) -> Self {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
        let host_key = key.public_key().to_openssh().unwrap();
        let config = Arc::new(Config { keys: vec![key], ..Config::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let logins = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&logins);
        let asked_for = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&asked_for);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let carrying = Carrying { manner, carried: 0, logins: Arc::clone(&counted), asked_for: Arc::clone(&noted) };
                let running = russh::server::run_stream(Arc::clone(&config), stream, carrying);
                tokio::spawn(async move { drop(running.await.unwrap().await) });
            }
        });
        Self { login: Login { host_keys: vec![host_key], ..login_at(port) }, logins, asked_for }
    }

    /// The hosts that it was asked to connect to.
    pub(in crate::ssh_transport) fn asked_for(&self) -> Vec<String> {
        self.asked_for.lock().unwrap().clone()
    }

    pub(in crate::ssh_transport) fn route(&self) -> Route {
        Route { hops: vec![Hop { name: "jump".to_owned(), login: self.login.clone() }] }
    }
}

#[derive(Debug, Clone, Copy)]
struct Manner {
    limit: usize,
    refusal: Refusal,
    barred: u16,
    own_name: &'static str,
}

struct Carrying {
    manner: Manner,
    carried: usize,
    logins: Arc<AtomicUsize>,
    asked_for: Arc<Mutex<Vec<String>>>,
}

impl Handler for Carrying {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, _user: &str, _key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        self.logins.fetch_add(1, Ordering::SeqCst);
        Ok(Auth::Accept)
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _from: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.asked_for.lock().unwrap().push(host.to_owned());
        let Manner { limit, refusal, barred, own_name } = self.manner;
        if self.carried == limit || port == u32::from(barred) {
            reply.reject(refusal()).await;
            return Ok(());
        }
        let host = if host == own_name { "127.0.0.1" } else { host };
        self.carried += 1;
        let mut there = tokio::net::TcpStream::connect((host, u16::try_from(port).unwrap())).await.unwrap();
        reply.accept().await;
        tokio::spawn(async move {
            let mut here = channel.into_stream();
            tokio::io::copy_bidirectional(&mut here, &mut there).await.ok();
        });
        Ok(())
    }
}

/// Twelve nodes behind a jumphost that carries five connections a login; gives back how many logins that took.
async fn twelve_nodes(refusal: Refusal) -> usize {
    let world = World::new();
    let (jump, node) = (Stingy::start(5, refusal, 0).await, world.sshd("node", ""));
    let fleet = world.fleet(&jump.route());
    // All stay open: none makes room for another.
    let all = (0..12).map(|at| {
        let (fleet, login) = (fleet.clone(), node.login());
        async move {
            let session = fleet.session(&format!("node-{at}"), &login).await.unwrap();
            assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
            session
        }
    });
    let sessions = futures_util::future::join_all(all).await;
    let logins = jump.logins.load(Ordering::SeqCst);
    assert_eq!(fleet.connections_to_jumphost().await, logins);
    drop(sessions);
    logins
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_channels_is_found_out_and_more_connections_are_made() {
    assert_eq!(twelve_nodes(|| ChannelOpenFailure::ResourceShortage).await, 3);
    assert_eq!(twelve_nodes(|| ChannelOpenFailure::AdministrativelyProhibited).await, 3);
}

#[tokio::test]
async fn a_destination_that_is_prohibited_costs_one_login_more_and_no_others() {
    let world = World::new();
    let (node, barred) = (world.sshd("node", ""), world.sshd("barred", ""));
    let jump = Stingy::start(100, || ChannelOpenFailure::AdministrativelyProhibited, barred.port).await;
    let fleet = world.fleet(&jump.route());
    let session = fleet.session("node", &node.login()).await.unwrap();
    for _ in 0..3 {
        let error = fleet.session("barred", &barred.login()).await.unwrap_err();
        assert!(matches!(&error, Error::ForwardingRefused { hop, .. } if hop == "jump"), "{error}");
    }
    assert_eq!(jump.logins.load(Ordering::SeqCst), 2);
    assert_eq!(fleet.connections_to_jumphost().await, 1);
    assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
}

#[tokio::test]
async fn without_end_no_connections_are_made() {
    let world = World::new();
    let (jump, node) = (Stingy::start(1, || ChannelOpenFailure::ResourceShortage, 0).await, world.sshd("node", ""));
    let fleet = world.fleet(&jump.route());
    let mut sessions = Vec::new();
    let error = loop {
        match fleet.session(&format!("node-{}", sessions.len()), &node.login()).await {
            Ok(session) => sessions.push(session),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::ForwardingExhausted { .. }), "{error}");
    assert!(error.help().unwrap().contains("--limit"));
    assert_eq!((sessions.len(), jump.logins.load(Ordering::SeqCst)), (8, 8));
}
