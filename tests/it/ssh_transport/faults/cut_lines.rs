//! Lines that are cut in the midst, with a word and without one.

use std::time::{Duration, Instant};

use portcullis::site::model::{Hop, Login, Route};
use portcullis::ssh::Error;

use crate::ssh_transport::world::{World, script};

/// Passes bytes on until it is told to swallow them, or to hang up.
struct Relay {
    port: u16,
    state: tokio::sync::watch::Sender<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Passes,
    Swallows,
    HangsUp,
}

impl Relay {
    async fn to(target: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, line) = tokio::sync::watch::channel(Line::Passes);
        tokio::spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                let (there, mut line) = (tokio::net::TcpStream::connect(("127.0.0.1", target)).await.unwrap(), line.clone());
                tokio::spawn(async move {
                    let (mut here, mut there) = (here, there);
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => return,
                        changed = line.wait_for(|line| *line != Line::Passes) => drop(changed),
                    }
                    // Held open and never read or written again, as behind a cable that is cut.
                    drop(line.wait_for(|line| *line == Line::HangsUp).await);
                });
            }
        });
        Self { port, state }
    }
}

/// Cuts the line to the jumphost while a node is being sent more than it reads; gives back what is said, and when.
async fn cut_in_the_midst(how: Line) -> (Error, Duration) {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let relay = Relay::to(jump.port).await;
    let login = Login { port: relay.port, ..jump.login() };
    let mut settings = world.settings();
    settings.silence_limit = Duration::from_secs(4);
    let fleet = world.fleet_with(&Route { hops: vec![Hop { name: "jump".to_owned(), login }] }, settings);
    let session = fleet.session("node", &node.login()).await.unwrap();
    let mut upload = script("echo begun; sleep 60");
    upload.payload = zeroize::Zeroizing::new(vec![0; 30_000_000]);
    let (tell, first_line) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    let running = tokio::spawn(async move {
        let mut on_line = |_: &str| tell.take().into_iter().for_each(|tell| tell.send(()).unwrap());
        session.run(&upload, &mut on_line).await
    });
    first_line.await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    relay.state.send(how).unwrap();
    let cut = Instant::now();
    let error = running.await.unwrap().unwrap_err();
    let took = cut.elapsed();
    // Healed, the fleet connects anew. So short a silence takes a busy machine for a dead line: it may take more than one try.
    relay.state.send(Line::Passes).unwrap();
    let patience = Instant::now() + Duration::from_mins(1);
    while let Err(error) = fleet.session("node", &node.login()).await {
        assert!(Instant::now() < patience, "{error}");
    }
    (error, took)
}

#[tokio::test]
async fn a_line_that_is_cut_without_a_word_is_noticed() {
    let (error, took) = cut_in_the_midst(Line::Swallows).await;
    assert!(matches!(&error, Error::JumphostLost { hop, .. } if hop == "jump"), "{error}");
    assert!(error.command_was_accepted() && took < Duration::from_secs(30), "{took:?}");
}

#[tokio::test]
async fn an_upload_that_breaks_off_may_have_been_begun() {
    let (error, took) = cut_in_the_midst(Line::HangsUp).await;
    assert!(matches!(&error, Error::JumphostLost { hop, .. } if hop == "jump"), "{error}");
    assert!(error.command_was_accepted() && took < Duration::from_secs(5), "{took:?}");
}

/// The system takes connections and bytes, as behind a load balancer or a stopped machine, and nothing ever answers.
#[tokio::test]
async fn a_jumphost_that_swallows_everything_is_the_one_that_is_named() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let relay = Relay::to(jump.port).await;
    let login = Login { port: relay.port, ..jump.login() };
    let mut settings = world.settings().with_patience(Duration::from_secs(6));
    settings.reconnect_within = Duration::from_secs(1);
    let fleet = world.fleet_with(&Route { hops: vec![Hop { name: "jump".to_owned(), login }] }, settings);
    fleet.session("node", &node.login()).await.unwrap();
    relay.state.send(Line::Swallows).unwrap();
    let cut = Instant::now();
    let error = fleet.session("node", &node.login()).await.unwrap_err();
    let named = matches!(&error, Error::JumphostLost { hop, .. } if hop == "jump") || error.place().unwrap().machine == "jump";
    assert!(named && !error.command_was_accepted(), "{error}");
    assert!(cut.elapsed() < Duration::from_mins(1), "{:?}", cut.elapsed());
}

/// The jumphost is rebooted: for a while its port is closed. Who asks meanwhile waits, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_jumphost_that_comes_back_is_waited_for() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let fleet = world.fleet_through(&jump);
    let (port, key) = (jump.port, world.path("jump_host_key"));
    fleet.session("before", &node.login()).await.unwrap();
    let hop = fleet.jumphost().await.unwrap().unwrap();
    drop(jump);
    // The connection's own process, which outlives the listener.
    hop.run(&script("kill -9 $PPID"), &mut |_| {}).await.unwrap_err();
    let asking = {
        let (fleet, login) = (fleet.clone(), node.login());
        tokio::spawn(async move {
            let all = (0..10).map(|at| (fleet.clone(), login.clone(), at));
            let all = all.map(|(fleet, login, at)| async move { fleet.session(&format!("node-{at}"), &login).await });
            futures_util::future::join_all(all).await
        })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!asking.is_finished(), "nobody waits for a jumphost that is away");
    let back = world.sshd_with("jump", port, "", &format!("HostKey {}", key.display()));
    for session in asking.await.unwrap() {
        session.unwrap();
    }
    // One login before, one after, for all ten.
    assert_eq!(back.log().matches("Accepted publickey").count(), 2, "{}", back.log());
}

#[tokio::test]
async fn a_jumphost_that_never_worked_is_not_waited_for() {
    let world = World::new();
    let login = crate::ssh_transport::world::login_at(crate::ssh_transport::world::free_port());
    let fleet = world.fleet(&Route { hops: vec![Hop { name: "jump".to_owned(), login: login.clone() }] });
    let began = Instant::now();
    let error = fleet.session("node", &login).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && began.elapsed() < Duration::from_secs(5), "{error}");
}
