//! Many nodes at once: what one of them suffers, the others do not.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use portcullis::ssh::{Error, Exit};
use zeroize::Zeroizing;

use crate::ssh_transport::world::{World, script};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hangs_is_given_up_alone_while_twenty_others_work() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let mut settings = world.settings();
    settings.silence_limit = Duration::from_secs(8);
    let fleet = world.fleet_with(&crate::ssh_transport::world::route_through(&jump), settings);
    let hanging = fleet.session("hanging", &node.login()).await.unwrap();
    // Its server's process stands still: it takes no byte more and says no word.
    let hangs = tokio::spawn(async move {
        let mut stop = script("kill -STOP $PPID; sleep 60");
        stop.payload = Zeroizing::new(vec![0; 20_000_000]);
        let began = Instant::now();
        (hanging.run(&stop, &mut |_| {}).await, began.elapsed())
    });
    let others = (0..20).map(|at| {
        let (fleet, login) = (fleet.clone(), node.login());
        tokio::spawn(async move {
            let session = fleet.session(&format!("node-{at}"), &login).await?;
            let mut echo = script("cat");
            echo.payload = Zeroizing::new(vec![b'x'; 1_000_000]);
            session.run(&echo, &mut |_| {}).await
        })
    });
    for output in join_all(others).await {
        let output = output.unwrap().unwrap();
        assert_eq!((output.exit, output.stdout.len()), (Exit::Code(0), 1_000_000));
    }
    let (ended, after) = hangs.await.unwrap();
    let error = ended.unwrap_err();
    // The node is to blame, not the jumphost, which goes on.
    assert!(matches!(&error, Error::ConnectionLost { .. }), "{error}");
    assert_eq!(error.place().unwrap().machine, "hanging");
    assert!(error.command_was_accepted() && after < Duration::from_secs(25), "{after:?}");
    assert!(fleet.session("one more", &node.login()).await.is_ok());
    assert_eq!(jump.log().matches("Accepted publickey").count(), 1);
}

/// Nobody reads what three nodes send, neither on them nor here, and one prints without end; the rest work.
#[tokio::test(flavor = "multi_thread")]
async fn channels_that_nobody_reads_stall_none_of_twenty_nodes() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let fleet = world.fleet_through(&jump);
    let flood = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = flood.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = flood.accept().await {
            tokio::spawn(async move {
                let (mut endless, mut stream) = (tokio::io::repeat(b'x'), stream);
                tokio::io::copy(&mut endless, &mut stream).await.ok();
            });
        }
    });
    let mut unread = Vec::new();
    for at in 0..3 {
        let session = fleet.session(&format!("flooded-{at}"), &node.login()).await.unwrap();
        unread.push(session.connect_tcp("127.0.0.1", port).await.unwrap());
        unread.push(fleet.connect_tcp("127.0.0.1", port).await.unwrap());
    }
    let all = (0..20).map(|at| {
        let (fleet, login) = (fleet.clone(), node.login());
        tokio::spawn(async move {
            let session = fleet.session(&format!("node-{at}"), &login).await?;
            session.run(&script(&format!("head -c 300000 /dev/zero; exit {at}")), &mut |_| {}).await
        })
    });
    for (at, output) in join_all(all).await.into_iter().enumerate() {
        let output = output.unwrap().unwrap();
        assert_eq!((output.exit, output.stdout.len()), (Exit::Code(u32::try_from(at).unwrap()), 300_000));
    }
    drop(unread);
}

/// A stock sshd throws logins out at random from the tenth unfinished one on.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_logins_at_once_never_trip_a_stock_limit_of_startups() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", "MaxStartups 10:30:100"), world.sshd("node", "MaxStartups 10:30:100"));
    for fleet in [world.fleet_through(&jump), world.fleet(&portcullis::site::model::Route::default())] {
        let all = (0..50).map(|at| {
            let (fleet, login) = (fleet.clone(), node.login());
            tokio::spawn(async move { fleet.session(&format!("node-{at}"), &login).await })
        });
        for session in join_all(all).await {
            session.unwrap().unwrap();
        }
    }
    assert!(!node.log().contains("MaxStartups throttling"), "{}", node.log());
    assert!(!jump.log().contains("MaxStartups throttling"), "{}", jump.log());
    // Each node was logged in to once, and once only; nobody failed and tried again.
    assert_eq!(node.log().matches("Accepted publickey").count(), 100);
    assert_eq!(node.log().matches("Connection closed by authenticating").count(), 0);
}
