//! A server that lets in and then does not serve: it goes away at the first channel, closes it, never takes a byte, or floods
//! it. Each ends in a typed error, in bounded time and memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::site::model::{Login, Route};
use portcullis::ssh::Error;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId};
use zeroize::Zeroizing;

use crate::ssh_transport::world::{World, login_at, script};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// The connection ends as a channel is asked for.
    EndsAtTheFirstChannel,
    /// The channel is opened and closed.
    ClosesTheChannel,
    /// The channel is opened, and what is asked in it is never answered.
    NeverAnswers,
    /// The command is taken, and nothing that is sent to it is read.
    NeverReads,
    /// The command is taken, and garbage comes without end.
    Floods,
}

struct Odd(Manner);

impl Handler for Odd {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, _user: &str, _key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        if self.0 == Manner::EndsAtTheFirstChannel {
            return Err(russh::Error::Disconnect);
        }
        reply.accept().await;
        let manner = self.0;
        tokio::spawn(async move {
            match manner {
                Manner::ClosesTheChannel => drop(channel.close().await),
                Manner::Floods => {
                    // Binary, with line ends here and there.
                    let garbage: Vec<u8> = (0..=255).cycle().take(32_000).collect();
                    while channel.data(&garbage[..]).await.is_ok() {}
                }
                // Held, and never looked at.
                Manner::NeverAnswers | Manner::NeverReads | Manner::EndsAtTheFirstChannel => std::future::pending::<()>().await,
            }
        });
        Ok(())
    }

    async fn exec_request(&mut self, channel: ChannelId, _command: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        if self.0 != Manner::NeverAnswers {
            session.channel_success(channel)?;
        }
        Ok(())
    }
}

async fn serve(manner: Manner) -> Login {
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let host_key = key.public_key().to_openssh().unwrap();
    let config = Arc::new(Config { keys: vec![key], window_size: 64 * 1024, ..Config::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let running = russh::server::run_stream(Arc::clone(&config), stream, Odd(manner));
            tokio::spawn(async move { drop(running.await.unwrap().await) });
        }
    });
    Login { host_keys: vec![host_key], ..login_at(port) }
}

/// What comes of a command with a large payload.
async fn run_at(manner: Manner) -> Error {
    let world = World::new();
    let login = serve(manner).await;
    let mut settings = world.settings();
    settings.start_timeout = Duration::from_secs(4);
    settings.output_limit = 1 << 20;
    let session = world.fleet_with(&Route::default(), settings).session("odd", &login).await.unwrap();
    let mut upload = script("cat");
    upload.payload = Zeroizing::new(vec![0; 30_000_000]);
    upload.timeout = Duration::from_secs(4);
    let began = Instant::now();
    let error = session.run(&upload, &mut |_| {}).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_mins(1), "{manner:?} took {:?}", began.elapsed());
    assert_eq!(error.place().unwrap().machine, "odd", "{manner:?}: {error}");
    assert!(error.help().is_some(), "{manner:?}: {error}");
    error
}

#[tokio::test]
async fn a_server_that_goes_at_the_first_channel_has_begun_nothing() {
    let error = run_at(Manner::EndsAtTheFirstChannel).await;
    assert!(matches!(error, Error::ConnectionLost { .. } | Error::SessionRefused { .. }), "{error}");
    assert!(!error.command_was_accepted(), "{error}");
}

#[tokio::test]
async fn a_channel_that_is_closed_at_once_is_no_end_of_a_command() {
    let error = run_at(Manner::ClosesTheChannel).await;
    assert!(matches!(error, Error::NotStarted { .. } | Error::ConnectionLost { .. } | Error::SessionRefused { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers_or_reads_is_left_after_its_time() {
    for manner in [Manner::NeverAnswers, Manner::NeverReads] {
        let error = run_at(manner).await;
        assert!(matches!(error, Error::CommandTimedOut { .. } | Error::Silent { .. }), "{manner:?}: {error}");
    }
}

#[tokio::test]
async fn garbage_without_end_is_stopped() {
    let error = run_at(Manner::Floods).await;
    assert!(matches!(error, Error::OutputTooLong { .. } | Error::NotStarted { .. } | Error::CommandTimedOut { .. }), "{error}");
}
