//! Byte streams, and the rule that no channel is ever left unread.
//!
//! A channel whose messages nobody takes stalls every other channel of its connection: all nodes behind a jumphost.
//! So each channel has a task of its own that takes messages as they come and never waits for whom they are for.
//! Who is too slow loses its channel, and nobody else theirs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

/// The most that may wait for the slow reader of a TCP connection. Who reads at all does not come near it.
const TUNNEL_BACKLOG: usize = 32 << 20;

/// What a byte stream must be able to do.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// A TCP connection, made from here or by a machine at the other end of a session.
pub type BoxedStream = Box<dyn ByteStream>;

/// The messages of a channel, taken by a task of its own.
pub(crate) struct Inbox {
    messages: mpsc::UnboundedReceiver<ChannelMsg>,
    waiting: Arc<AtomicUsize>,
    backlog: usize,
}

impl Inbox {
    /// The next message; `None` once the channel is closed or was given up because too much was waiting.
    pub(crate) async fn next(&mut self) -> Option<ChannelMsg> {
        let message = self.messages.recv().await?;
        self.waiting.fetch_sub(weight(&message), Ordering::AcqRel);
        Some(message)
    }

    /// Whether the channel was given up because too much was waiting: what came is not all there was.
    pub(crate) fn has_overflowed(&self) -> bool {
        // `Taking` adds what never comes off again.
        self.waiting.load(Ordering::Acquire) > self.backlog
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether nothing more can come.
    pub(crate) fn has_ended(&self) -> bool {
        self.messages.is_closed()
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<ChannelMsg>> {
        let message = ready!(self.messages.poll_recv(context));
        if let Some(message) = &message {
            self.waiting.fetch_sub(weight(message), Ordering::AcqRel);
        }
        Poll::Ready(message)
    }
}

/// A channel's writing half; shared with the task that closes the channel.
pub(crate) type Outbox = Arc<ChannelWriteHalf<Msg>>;

/// Splits a channel into what comes and what goes, and sets the task on it that takes what comes.
///
/// Dropping the [`Inbox`] closes the channel; so do more than `backlog` bytes that wait in it.
pub(crate) fn attend(channel: Channel<Msg>, backlog: usize) -> (Inbox, Outbox) {
    let (from_channel, outbox) = channel.split();
    let outbox = Arc::new(outbox);
    let (to_inbox, messages) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let taking = Taking { to_inbox, waiting: Arc::clone(&waiting), backlog };
    tokio::spawn(taking.all(from_channel, Arc::clone(&outbox)));
    (Inbox { messages, waiting, backlog }, outbox)
}

struct Taking {
    to_inbox: mpsc::UnboundedSender<ChannelMsg>,
    waiting: Arc<AtomicUsize>,
    backlog: usize,
}

impl Taking {
    async fn all(self, mut from_channel: ChannelReadHalf, outbox: Outbox) {
        loop {
            let message = tokio::select! {
                message = from_channel.wait() => message,
                () = self.to_inbox.closed() => break,
            };
            let Some(message) = message else { return };
            let weight = weight(&message);
            if self.waiting.fetch_add(weight, Ordering::AcqRel) + weight > self.backlog {
                // So much more that taking the rest does not bring it below.
                self.waiting.fetch_add(self.backlog, Ordering::AcqRel);
                break;
            }
            if self.to_inbox.send(message).is_err() {
                break;
            }
        }
        drop(self);
        // What is still under way is thrown away, but taken: the other side has yet to hear of the end.
        // An error means that the connection has ended, and the channel with it.
        let close = async { drop(outbox.close().await) };
        let drain = async { while from_channel.wait().await.is_some() {} };
        tokio::join!(close, drain);
    }
}

/// What a message counts for: its bytes, and something for the message itself, of which many may be empty.
fn weight(message: &ChannelMsg) -> usize {
    let bytes = if let ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } = message { data.len() } else { 0 };
    bytes + 64
}

/// A forwarded TCP connection (`direct-tcpip`).
pub(crate) struct Tunnel {
    inbox: Inbox,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    current: Option<(ChannelMsg, usize)>,
    ended: bool,
    counted: Arc<AtomicUsize>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.counted.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Tunnel {
    /// Counted in `counter` as long as it stands.
    pub(crate) fn new(channel: Channel<Msg>, counter: &Arc<AtomicUsize>) -> Self {
        let (inbox, outbox) = attend(channel, TUNNEL_BACKLOG);
        let writer = Box::pin(outbox.make_writer());
        counter.fetch_add(1, Ordering::AcqRel);
        Self { inbox, writer, current: None, ended: false, counted: Arc::clone(counter) }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some((ChannelMsg::Data { data }, from)) = self.current.take() {
                let rest = data.get(from..).unwrap_or_default();
                let taken = rest.len().min(buffer.remaining());
                buffer.put_slice(rest.get(..taken).unwrap_or_default());
                if taken < rest.len() {
                    self.current = Some((ChannelMsg::Data { data }, from + taken));
                }
                if taken > 0 || buffer.remaining() == 0 {
                    return Poll::Ready(Ok(()));
                }
            }
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            match ready!(self.inbox.poll_next(context)) {
                Some(message @ ChannelMsg::Data { .. }) => self.current = Some((message, 0)),
                Some(ChannelMsg::Eof | ChannelMsg::Close) => self.ended = true,
                // Not the end of what the other side had to say, and not to be taken for it.
                None => return Poll::Ready(Err(io::Error::from(io::ErrorKind::ConnectionReset))),
                Some(_) => {}
            }
        }
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.writer.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_shutdown(context)
    }
}
