//! One SSH connection: handshake, host key, channels. What is dialled, by which way and as whom is said by `fleet`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{Channel, ChannelOpenFailure};
use tokio::time::{Instant, timeout};

use super::algorithms::{Negotiated, offered};
use super::handler::{Seen, Stopped, Watch};
use super::stream::{BoxedStream, Inbox, Outbox, Tunnel, attend};
use super::wire::{Wire, WireTap};
use crate::ssh::error::{Error, Obstacle, Phase, Place};
use crate::ssh::host_keys::Expectation;
use crate::ssh::settings::Settings;

/// A connection that has proved which machine it leads to.
pub(crate) struct Connection {
    pub(crate) handle: Handle<Watch>,
    pub(crate) place: Arc<Place>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) user: String,
    /// The connection that carries this one.
    pub(crate) below: Option<Arc<Connection>>,
    connect_timeout: Duration,
    /// What may wait for a command's reader: more than its output may have.
    backlog: usize,
    server_version: String,
    wire: WireTap,
    round_trips: AtomicU32,
    last_channel: Mutex<u32>,
    tunnels: Arc<AtomicUsize>,
}

/// How often a place for a session is asked for again, and after what time.
const PLACES_ASKED_FOR: usize = 3;
const PLACE_IS_FREED: Duration = Duration::from_millis(300);

/// How often a connection is looked at within the silence that ends it.
const LOOKS: u32 = 6;

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Connection {
    /// Speaks SSH over `stream` and judges the host key. Nobody is logged in yet.
    pub(crate) async fn establish(
        stream: BoxedStream,
        expectation: Expectation,
        place: Arc<Place>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let (types, authority) = expectation.known_types();
        let config = russh::client::Config {
            client_id: russh::SshId::Standard(concat!("SSH-2.0-portcullis_", env!("CARGO_PKG_VERSION")).into()),
            preferred: offered(&types, authority),
            // `watch_over` asks whether the other side lives: the transport's own question waits behind its writes.
            keepalive_interval: None,
            // Many small messages must find room before the task that takes them has its turn.
            channel_buffer_size: 1024,
            nodelay: true,
            ..russh::client::Config::default()
        };
        let seen = Arc::new(Seen::default());
        let watch = Watch { expectation, seen: Arc::clone(&seen) };
        let (stream, wire) = Wire::new(stream);
        let after = settings.handshake_timeout;
        let shaken = timeout(after, russh::client::connect_stream(Arc::new(config), stream, watch)).await;
        let handle = match shaken {
            Err(_elapsed) => return Err(Error::Silent { place, phase: Phase::Handshake, after }),
            Ok(Err(stopped)) => return Err(why_no_handshake(stopped, place, &wire, &seen)),
            Ok(Ok(handle)) => handle,
        };
        Ok(Self {
            handle,
            place,
            seen,
            user: String::new(),
            below: None,
            connect_timeout: settings.connect_timeout,
            backlog: settings.output_limit.saturating_mul(2),
            server_version: wire.version(),
            wire,
            // The way to the port; versions and both lists of algorithms; the keys.
            round_trips: AtomicU32::new(3),
            // The transport's first channel is its second number.
            last_channel: Mutex::new(1),
            tunnels: Arc::default(),
        })
    }

    /// Whether it has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    pub(crate) fn negotiated(&self) -> Option<Negotiated> {
        self.seen.negotiated()
    }

    pub(crate) fn server_version(&self) -> &str {
        &self.server_version
    }

    /// Whether the other side answers a question within `patience`; what it sent before it has then arrived.
    pub(crate) async fn answers(&self, patience: Duration) -> bool {
        timeout(patience, self.handle.send_ping()).await.is_ok() && !self.is_closed()
    }

    /// Counts sequential round trips that were waited for.
    pub(crate) fn count(&self, round_trips: u32) {
        self.round_trips.fetch_add(round_trips, Ordering::Relaxed);
    }

    pub(crate) fn round_trips(&self) -> u32 {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// The error for a connection that broke in `phase`: names the hop where the hop's own connection has broken.
    pub(crate) async fn lost(&self, phase: Phase) -> Error {
        // A moment for the words of parting, and for the connections below to notice their own end.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut below = self.below.as_ref();
        let mut broken = None;
        while let Some(hop) = below {
            if hop.is_closed() {
                broken = Some(hop.place.machine.clone());
            }
            below = hop.below.as_ref();
        }
        let place = Arc::clone(&self.place);
        match broken {
            Some(hop) => Error::JumphostLost { place, hop, phase },
            None => Error::ConnectionLost { place, phase, said: self.last_words(phase) },
        }
    }

    fn last_words(&self, phase: Phase) -> String {
        let parting = self.seen.parting_words();
        if parting.is_empty() && phase == Phase::Login { self.seen.banner() } else { parting }
    }

    /// A channel for one command.
    pub(crate) async fn command_channel(&self) -> Result<(Inbox, Outbox), Error> {
        for _ in 0..PLACES_ASKED_FOR {
            self.count(1);
            match self.open_session().await {
                // The place of a command that has just ended is given free a moment later (`MaxSessions`).
                Err(Error::SessionRefused { .. }) => tokio::time::sleep(PLACE_IS_FREED).await,
                opened => return opened.map(|channel| attend(channel, self.backlog)),
            }
        }
        self.open_session().await.map(|channel| attend(channel, self.backlog))
    }

    async fn open_session(&self) -> Result<Channel<Msg>, Error> {
        let (number, opened) = self.open(self.handle.channel_open_session(), self.connect_timeout).await;
        match opened {
            None => Err(Error::Silent { place: Arc::clone(&self.place), phase: Phase::Start, after: self.connect_timeout }),
            Some(Ok(channel)) => Ok(channel),
            Some(Err(russh::Error::ChannelOpenFailure(reason))) => {
                let said = self.seen.why_channel_failed(number).await.unwrap_or_else(|| reason.description().to_owned());
                Err(Error::SessionRefused { place: Arc::clone(&self.place), said })
            }
            Some(Err(_gone)) => Err(self.lost(Phase::Start).await),
        }
    }

    /// Forwarded connections that it carries now.
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::Acquire)
    }

    /// Whether the other side ever opened a channel on it.
    pub(crate) fn has_carried(&self) -> bool {
        self.seen.has_confirmed_a_channel()
    }

    /// A TCP connection from the machine at the other end to `place`, where `host` is looked up there.
    pub(crate) async fn open_tcp(&self, host: &str, port: u16, place: &Arc<Place>) -> Result<Tunnel, Error> {
        let opening = self.handle.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0);
        let (number, opened) = self.open(opening, self.connect_timeout).await;
        let place = Arc::clone(place);
        match opened {
            None => Err(Error::Unreachable { place, obstacle: Obstacle::TimedOut }),
            Some(Ok(channel)) => Ok(Tunnel::new(channel, &self.tunnels)),
            Some(Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited))) => {
                Err(Error::ForwardingRefused { place, hop: self.place.machine.clone() })
            }
            Some(Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ResourceShortage))) => {
                Err(Error::ForwardingExhausted { place, hop: self.place.machine.clone() })
            }
            Some(Err(russh::Error::ChannelOpenFailure(reason))) => {
                let words = self.seen.why_channel_failed(number).await;
                let obstacle = Obstacle::from_words(words.as_deref().filter(|words| !words.is_empty()).unwrap_or(reason.description()));
                Err(Error::Unreachable { place, obstacle })
            }
            Some(Err(_gone)) => Err(Error::JumphostLost { place, hop: self.place.machine.clone(), phase: Phase::Connect }),
        }
    }

    /// Opens a channel; gives its number too, under which the server's reason for a refusal is noted.
    ///
    /// The transport numbers channels in the order in which their requests are queued, and queues a request at the
    /// first poll. Counting under one lock with that poll gives the number without waiting for the answer. (Should
    /// the queue be full the number can be off by the requests that wait; only an error's wording depends on it.)
    async fn open<F>(&self, opening: F, patience: Duration) -> (u32, Option<Result<Channel<Msg>, russh::Error>>)
    where
        F: Future<Output = Result<Channel<Msg>, russh::Error>>,
    {
        let mut opening = pin!(opening);
        let (number, first) = poll_fn(|context| {
            let mut last = self.last_channel.lock().unwrap_or_else(PoisonError::into_inner);
            *last += 1;
            Poll::Ready((*last, opening.as_mut().poll(context)))
        })
        .await;
        match first {
            Poll::Ready(opened) => (number, Some(opened)),
            Poll::Pending => (number, timeout(patience, opening).await.ok()),
        }
    }

    /// Ends the connection when its other side is gone: nothing was heard for `limit`, and no question answered.
    ///
    /// A link that is cut without a word would else be waited for until TCP gives up, a quarter of an hour; and a
    /// jumphost with every node behind it. Silence is counted in looks, not by the clock: a client that was stopped or
    /// starved of its processor must not take its own silence for the other's.
    pub(crate) fn watch_over(self: &Arc<Self>, limit: Duration) {
        let (watched, wire) = (Arc::downgrade(self), self.wire.clone());
        // One look more behind a hop: where the hop is gone, it is the hop that has to be named.
        let tolerated = if self.below.is_some() { LOOKS } else { LOOKS - 1 };
        let pause = limit / LOOKS;
        tokio::spawn(async move {
            let (mut silent, mut received) = (0, wire.received());
            while silent < tolerated {
                let until = Instant::now() + pause;
                // What the other side sends of its own shows that it lives; else it is asked. On a slow line the question
                // stands in the queue behind what is being sent, but that is acknowledged by window adjustments.
                if silent > 0 {
                    let Some(connection) = watched.upgrade() else { return };
                    drop(timeout(pause, connection.handle.send_ping()).await);
                }
                tokio::time::sleep_until(until).await;
                if watched.upgrade().is_none_or(|connection| connection.is_closed()) {
                    return;
                }
                let so_far = wire.received();
                silent = if so_far > received { 0 } else { silent + 1 };
                received = so_far;
            }
            tracing::warn!("a connection whose other side is gone is cut");
            wire.cut();
        });
    }

    /// Says goodbye. The connection ends also when this is not heard.
    pub(crate) async fn disconnect(&self) {
        let goodbye = self.handle.disconnect(russh::Disconnect::ByApplication, "", "");
        // An error says that it has ended already.
        drop(timeout(Duration::from_secs(1), goodbye).await);
    }
}

fn why_no_handshake(stopped: Stopped, place: Arc<Place>, wire: &WireTap, seen: &Seen) -> Error {
    let error = match stopped {
        Stopped::Verdict(error) => return *error,
        Stopped::Transport(error) => error,
    };
    let said = wire.first_line();
    let spoke_ssh = !wire.version().is_empty();
    let hung_up = ["Exceeded MaxStartups", "Not allowed at this time"].into_iter().any(|words| said.starts_with(words));
    if hung_up {
        // What OpenSSH says, in the place of its version, to those whom it does not serve now.
        Error::ConnectionLost { place, phase: Phase::Handshake, said }
    } else if let russh::Error::NoCommonAlgo { kind, theirs, .. } = error {
        // The announcements that travel in the same list (RFC 8308, strict key exchange) are no algorithms.
        let is_algorithm = |name: &String| !name.starts_with("ext-info-") && !name.starts_with("kex-strict-");
        Error::NoCommonAlgorithm {
            place,
            kind: format!("{kind:?}").to_lowercase(),
            theirs: theirs.into_iter().filter(is_algorithm).collect(),
        }
    } else if matches!(error, russh::Error::Version) || (!spoke_ssh && !said.is_empty()) {
        Error::Garbage { place, said }
    } else if matches!(error, russh::Error::Disconnect | russh::Error::HUP | russh::Error::IO(_)) {
        Error::ConnectionLost { place, phase: Phase::Handshake, said: seen.parting_words() }
    } else {
        Error::Handshake { place, source: Arc::new(error) }
    }
}
