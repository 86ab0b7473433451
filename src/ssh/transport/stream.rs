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

/// The most that may wait for a slow reader. A channel's window is 2 MiB, so that nobody who reads comes near it.
const BACKLOG: usize = 32 << 20;

/// What a byte stream must be able to do.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// A TCP connection, made from here or by a machine at the other end of a session.
pub type BoxedStream = Box<dyn ByteStream>;

/// The messages of a channel, taken by a task of its own.
pub(crate) struct Inbox {
    messages: mpsc::UnboundedReceiver<ChannelMsg>,
    waiting: Arc<AtomicUsize>,
}

impl Inbox {
    /// The next message; `None` once the channel is closed or was given up because too much was waiting.
    pub(crate) async fn next(&mut self) -> Option<ChannelMsg> {
        let message = self.messages.recv().await?;
        self.waiting.fetch_sub(weight(&message), Ordering::AcqRel);
        Some(message)
    }

    /// Whether nothing has come yet, its end included.
    pub(crate) fn is_quiet(&mut self) -> bool {
        matches!(self.messages.try_recv(), Err(mpsc::error::TryRecvError::Empty))
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
/// Dropping the [`Inbox`] closes the channel.
pub(crate) fn attend(channel: Channel<Msg>) -> (Inbox, Outbox) {
    let (from_channel, outbox) = channel.split();
    let outbox = Arc::new(outbox);
    let (to_inbox, messages) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    tokio::spawn(take(from_channel, to_inbox, Arc::clone(&waiting), Arc::clone(&outbox)));
    (Inbox { messages, waiting }, outbox)
}

async fn take(mut from_channel: ChannelReadHalf, to_inbox: mpsc::UnboundedSender<ChannelMsg>, waiting: Arc<AtomicUsize>, outbox: Outbox) {
    loop {
        let message = tokio::select! {
            message = from_channel.wait() => message,
            () = to_inbox.closed() => break,
        };
        let Some(message) = message else { return };
        let weight = weight(&message);
        if waiting.fetch_add(weight, Ordering::AcqRel) + weight > BACKLOG || to_inbox.send(message).is_err() {
            break;
        }
    }
    drop(to_inbox);
    // What is still under way is thrown away, but taken: the other side has yet to hear of the end.
    // An error means that the connection has ended, and the channel with it.
    let close = async { drop(outbox.close().await) };
    let drain = async { while from_channel.wait().await.is_some() {} };
    tokio::join!(close, drain);
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
}

impl Tunnel {
    pub(crate) fn new(channel: Channel<Msg>) -> Self {
        let (inbox, outbox) = attend(channel);
        let writer = Box::pin(outbox.make_writer());
        Self { inbox, writer, current: None, ended: false }
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
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => self.ended = true,
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
