//! What breaks on the way, alone and in the midst of commands, and what must not break with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::site::model::{Hop, Login, Route};
use portcullis::ssh::{Error, Exit, Obstacle};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::ssh_transport::world::{World, free_port, login_at, script};

#[tokio::test]
async fn a_hop_says_why_it_cannot_reach_a_node() {
    let world = World::new();
    let jump = world.sshd("jump", "");
    let fleet = world.fleet_through(&jump);
    // At the same time, so that each must be given its own reason.
    let closed = login_at(free_port());
    let unknown = Login { address: "no-such-host.invalid".to_owned(), ..login_at(22) };
    let (one, other) = tokio::join!(fleet.session("closed", &closed), fleet.session("unknown", &unknown));
    let (one, other) = (one.unwrap_err(), other.unwrap_err());
    assert!(matches!(one, Error::Unreachable { obstacle: Obstacle::Refused, .. }), "{one}");
    assert!(matches!(other, Error::Unreachable { obstacle: Obstacle::NameUnknown, .. }), "{other}");
    assert_eq!(other.place().unwrap().through.as_deref(), Some("jump"));
}

#[tokio::test]
async fn a_node_behind_a_hop_is_never_dialled_from_here() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", "AllowTcpForwarding no"), world.sshd("node", ""));
    // From here the node could be reached at once.
    let error = world.fleet_through(&jump).session("node", &node.login()).await.unwrap_err();
    assert!(matches!(&error, Error::ForwardingRefused { hop, .. } if hop == "jump"), "{error}");
    assert!(!node.log().contains("Accepted publickey"));
    assert!(error.help().unwrap().contains("AllowTcpForwarding"));
}

#[tokio::test]
async fn several_hops_are_passed_in_their_order() {
    let world = World::new();
    let (outer, inner, node) = (world.sshd("outer", ""), world.sshd("inner", ""), world.sshd("node", ""));
    let hop = |name: &str, login| Hop { name: name.to_owned(), login };
    let route = Route { hops: vec![hop("outer", outer.login()), hop("inner", inner.login())] };
    let mut settings = world.settings();
    settings.reconnect_within = Duration::from_secs(1);
    let fleet = world.fleet_with(&route, settings);
    let session = fleet.session("node", &node.login()).await.unwrap();
    assert_eq!(session.run(&script("echo $SSH_CONNECTION"), &mut |_| {}).await.unwrap().exit, Exit::Code(0));
    assert!(outer.log().contains("Accepted publickey") && inner.log().contains("Accepted publickey"));
    let on_last = fleet.jumphost().await.unwrap().unwrap();
    assert_eq!(on_last.place().machine, "inner");
    // The hop that broke is the one that is named.
    drop(inner);
    on_last.run(&script("kill -9 $PPID"), &mut |_| {}).await.unwrap_err();
    let error = fleet.session("node", &node.login()).await.unwrap_err();
    assert_eq!(error.place().unwrap().machine, "inner", "{error}");
}

#[tokio::test]
async fn a_command_without_end_is_ended_and_the_connection_goes_on() {
    let world = World::new();
    let node = world.sshd("node", "");
    let session = world.fleet(&Route::default()).session("node", &node.login()).await.unwrap();
    let mut endless = script("echo begun; echo about to hang >&2; sleep 60");
    endless.timeout = Duration::from_millis(500);
    let error = session.run(&endless, &mut |_| {}).await.unwrap_err();
    assert!(matches!(&error, Error::CommandTimedOut { stderr_tail, .. } if stderr_tail.contains("about to hang")), "{error}");
    assert!(error.command_was_accepted());
    assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
}

#[tokio::test]
async fn a_server_that_allows_one_session_at_a_time_is_enough() {
    let world = World::new();
    let node = world.sshd("node", "MaxSessions 1");
    let session = world.fleet(&Route::default()).session("node", &node.login()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
    }
    let node = world.sshd("none", "MaxSessions 0");
    let session = world.fleet(&Route::default()).session("node", &node.login()).await.unwrap();
    let error = session.run(&script("echo well"), &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::SessionRefused { .. }) && !error.command_was_accepted(), "{error}");
}

#[tokio::test]
async fn output_without_end_is_stopped() {
    let world = World::new();
    let node = world.sshd("node", "");
    let mut settings = world.settings();
    settings.output_limit = 1 << 20;
    let session = world.fleet_with(&Route::default(), settings).session("node", &node.login()).await.unwrap();
    let error = session.run(&script("yes"), &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::OutputTooLong { limit: 1_048_576, .. }), "{error}");
    assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
}

#[tokio::test]
async fn what_a_command_leaves_running_does_not_hold_it_up() {
    let world = World::new();
    let node = world.sshd("node", "");
    let session = world.fleet(&Route::default()).session("node", &node.login()).await.unwrap();
    let began = Instant::now();
    let output = session.run(&script("sleep 20 & echo done"), &mut |_| {}).await.unwrap();
    assert_eq!((output.exit, output.stdout), (Exit::Code(0), b"done\n".to_vec()));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn ends_by_signal_and_by_status_are_told_apart() {
    let world = World::new();
    let node = world.sshd("node", "");
    let session = world.fleet(&Route::default()).session("node", &node.login()).await.unwrap();
    assert_eq!(session.run(&script("kill -KILL $$"), &mut |_| {}).await.unwrap().exit, Exit::Signal("KILL".to_owned()));
    assert_eq!(session.run(&script("exit 255"), &mut |_| {}).await.unwrap().exit, Exit::Code(255));
    assert_eq!(session.run(&script("if then"), &mut |_| {}).await.unwrap().exit, Exit::Code(2));
}

/// The rule on which all nodes behind a jumphost depend.
#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_no_other_node() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let fleet = world.fleet_through(&jump);
    let (filled, full) = tokio::sync::oneshot::channel();
    let flood = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = flood.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = flood.accept().await.unwrap();
        // A byte at a time: queues that count messages are filled by many small ones.
        stream.set_nodelay(true).unwrap();
        for _ in 0..5000 {
            stream.write_all(b"x").await.unwrap();
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        filled.send(stream).unwrap();
    });
    let session = fleet.session("node", &node.login()).await.unwrap();
    let unread = fleet.connect_tcp("127.0.0.1", port).await.unwrap();
    let through_node = session.connect_tcp("127.0.0.1", jump.port).await.unwrap();
    let flooding = full.await.unwrap();
    assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
    drop((unread, through_node, flooding));
}

#[tokio::test]
async fn a_connection_through_a_hop_carries_bytes_both_ways_and_ends() {
    let world = World::new();
    let jump = world.sshd("jump", "");
    let fleet = world.fleet_through(&jump);
    let echo = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = echo.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = echo.accept().await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    let stream = fleet.connect_tcp("127.0.0.1", port).await.unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let sent: Vec<u8> = (0..=255).cycle().take(5_000_000).collect();
    let expected = sent.clone();
    let writing = tokio::spawn(async move {
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    read.read_to_end(&mut received).await.unwrap();
    writing.await.unwrap();
    assert!(received == expected, "{} bytes came back", received.len());
}

#[tokio::test]
async fn a_jumphost_that_dies_under_a_command_is_named_and_connected_to_anew() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let fleet = world.fleet_through(&jump);
    let session = fleet.session("node", &node.login()).await.unwrap();
    let hop = fleet.jumphost().await.unwrap().unwrap();
    let running = {
        let session = session.clone();
        tokio::spawn(async move { session.run(&script("echo begun; sleep 30"), &mut |_| {}).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The connection's own process, not the listener.
    let killed = hop.run(&script("kill -9 $PPID"), &mut |_| {}).await;
    assert!(killed.is_err(), "{killed:?}");
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::JumphostLost { hop, .. } if hop == "jump"), "{error}");
    assert!(error.command_was_accepted());
    let again = fleet.session("node", &node.login()).await.unwrap();
    assert_eq!(again.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
}

#[tokio::test]
async fn a_jumphost_that_refuses_is_asked_once_for_all_nodes() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", "AllowUsers nobody-of-that-name"), world.sshd("node", ""));
    let fleet = Arc::new(world.fleet_through(&jump));
    let login = node.login();
    let all = (0..20).map(|at| {
        let (fleet, login) = (Arc::clone(&fleet), login.clone());
        tokio::spawn(async move { fleet.session(&format!("node-{at}"), &login).await.unwrap_err() })
    });
    for error in futures_util::future::join_all(all).await {
        let error = error.unwrap();
        assert!(matches!(error, Error::LoginRefused { .. }), "{error}");
        assert_eq!(error.place().unwrap().machine, "jump");
    }
    let refusals = jump.log().lines().filter(|line| line.contains("not allowed because not listed")).count();
    assert_eq!(refusals, 1, "{}", jump.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_nodes_share_one_connection_to_a_stock_jumphost() {
    let world = World::new();
    // What a stock sshd allows; its nodes all come through one of these.
    let jump = world.sshd("jump", "MaxSessions 10\nMaxStartups 10:30:100");
    let node = world.sshd("node", "MaxStartups 300");
    let fleet = world.fleet_through(&jump);
    let login = node.login();
    let all = (0..50).map(|at| {
        let (fleet, login) = (fleet.clone(), login.clone());
        tokio::spawn(async move {
            let session = fleet.session(&format!("node-{at}"), &login).await?;
            session.run(&script(&format!("echo {at}")), &mut |_| {}).await
        })
    });
    for (at, output) in futures_util::future::join_all(all).await.into_iter().enumerate() {
        assert_eq!(output.unwrap().unwrap().stdout, format!("{at}\n").into_bytes());
    }
    assert_eq!(jump.log().matches("Accepted publickey").count(), 1);
}
