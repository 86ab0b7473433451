//! What answers but is no SSH server, or is one that means no good: each ends in a typed error, in bounded time.

use std::time::{Duration, Instant};

use portcullis::site::model::Route;
use portcullis::ssh::{Error, Obstacle, Phase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::ssh_transport::world::{World, free_port, login_at};

/// What a server does with a connection.
#[derive(Debug, Clone, Copy)]
enum Manner {
    ClosesAtOnce,
    Says(&'static [u8]),
    SaysForEver(&'static [u8]),
    IsSilent,
    /// Speaks SSH so far, then nothing more.
    StopsAfterItsVersion,
    NeverReads,
}

async fn serve(manner: Manner) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(stream, manner));
        }
    });
    port
}

async fn behave(mut stream: TcpStream, manner: Manner) {
    let said = match manner {
        Manner::ClosesAtOnce => return,
        Manner::Says(words) => stream.write_all(words).await,
        Manner::SaysForEver(words) => loop {
            if stream.write_all(words).await.is_err() {
                return;
            }
        },
        Manner::IsSilent | Manner::NeverReads => Ok(()),
        Manner::StopsAfterItsVersion => stream.write_all(b"SSH-2.0-Odd\r\n").await,
    };
    if said.is_err() {
        return;
    }
    if matches!(manner, Manner::Says(_)) {
        // Hears what the client has to say, then hangs up.
        drop(tokio::time::timeout(Duration::from_millis(200), stream.read(&mut [0; 64])).await);
        return;
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
}

async fn meet(manner: Manner) -> Error {
    let world = World::new();
    let mut settings = world.settings();
    settings.handshake_timeout = Duration::from_secs(1);
    let port = serve(manner).await;
    let began = Instant::now();
    let error = world.fleet_with(&Route::default(), settings).session("odd", &login_at(port)).await.unwrap_err();
    // Some are asked again, for a bounded time.
    assert!(began.elapsed() < Duration::from_secs(15), "{manner:?} took {:?}", began.elapsed());
    assert!(!error.command_was_accepted(), "{manner:?}");
    assert!(error.help().is_some(), "{manner:?}: {error}");
    error
}

#[tokio::test]
async fn what_is_no_ssh_server_is_called_that_with_its_words() {
    for (manner, words) in [
        (Manner::Says(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"), "HTTP/1.1 400 Bad Request"),
        (Manner::Says(b"220 mail.example ESMTP\r\n"), "220 mail.example ESMTP"),
        (Manner::Says(b"SSH-1.5-ancient\r\n"), "SSH-1.5-ancient"),
        (Manner::Says(b"\x1b[31mred\r\n"), " [31mred"),
        (Manner::SaysForEver(b"a banner without end\r\n"), "a banner without end"),
        (Manner::SaysForEver(b"xxxxxxxxxxxxxxxxxxxxxxxxxxxx"), "xxxx"),
    ] {
        let error = meet(manner).await;
        let Error::Garbage { said, .. } = &error else { panic!("{manner:?}: {error}") };
        assert!(said.starts_with(words) && !said.contains('\u{1b}'), "{manner:?}: {said}");
    }
}

#[tokio::test]
async fn garbage_after_the_version_fails_the_handshake() {
    for words in [
        &b"SSH-2.0-Odd\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        b"SSH-2.0-Odd\r\n\0\0\0\x0c\x0a\x14AAAAAAAAAAAAAAAAAAAA",
        b"SSH-2.0-Odd\r\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        let error = meet(Manner::Says(words)).await;
        assert!(matches!(error, Error::Handshake { .. } | Error::ConnectionLost { phase: Phase::Handshake, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_closes_at_once_may_be_overloaded() {
    let error = meet(Manner::ClosesAtOnce).await;
    assert!(matches!(error, Error::ConnectionLost { phase: Phase::Handshake, .. }), "{error}");
    assert!(!error.is_final() && error.help().unwrap().contains("MaxStartups"));
    // Newer servers say so.
    for words in [&b"Exceeded MaxStartups\r\n"[..], b"Not allowed at this time\r\n"] {
        let error = meet(Manner::Says(words)).await;
        let Error::ConnectionLost { said, .. } = &error else { panic!("{error}") };
        assert_eq!(said.as_bytes(), words.trim_ascii());
    }
}

#[tokio::test]
async fn silence_ends_after_the_time_that_was_set() {
    for manner in [Manner::IsSilent, Manner::StopsAfterItsVersion, Manner::NeverReads] {
        let error = meet(manner).await;
        assert!(matches!(error, Error::Silent { phase: Phase::Handshake, .. }), "{manner:?}: {error}");
    }
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_apart() {
    let world = World::new();
    let fleet = world.fleet(&Route::default());
    let error = fleet.session("node", &login_at(free_port())).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { obstacle: Obstacle::Refused, .. }), "{error}");
    let mut login = login_at(22);
    login.address = "no-such-host.invalid".to_owned();
    let error = fleet.session("node", &login).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { obstacle: Obstacle::NameUnknown, .. }), "{error}");
}

#[tokio::test]
async fn weak_algorithms_are_refused_with_what_was_offered() {
    let world = World::new();
    let node = world.sshd("node", "KexAlgorithms diffie-hellman-group14-sha1");
    let error = world.fleet(&Route::default()).session("node", &node.login()).await.unwrap_err();
    let Error::NoCommonAlgorithm { theirs, .. } = &error else { panic!("{error}") };
    assert!(theirs.iter().any(|name| name == "diffie-hellman-group14-sha1"), "{error}");
}
